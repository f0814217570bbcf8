"""How requests enter a batch: each as an `Intake`, with what is known of it already.

Pure but for the pulling: it takes requests from the caller's iterable, one at a time, and starts nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, TypeAlias, TypeVar

import attrs

from motion_async.canonical import canonical_text
from motion_async.errors import ConfigurationError, InvalidRequestError, MotionError
from motion_async.jobs import BatchRequest, JobState, VideoRequest
from motion_async.problems import Problem
from motion_async.sending.journal import SendJournal

__all__ = ["Intake", "Requests", "as_batch_request", "intakes", "iterate", "kind_of_single", "known_by"]

Requests: TypeAlias = Iterable[BatchRequest | VideoRequest | str] | AsyncIterable[BatchRequest | VideoRequest | str]
"""What `generate_many` makes videos of; a plain text is a prompt."""

_T = TypeVar("_T")


def kind_of_single(requests: object) -> str | None:
    """Name the type of what a caller handed in if it is no iterable of requests, None if it is one."""
    # Texts and mappings can be iterated, too: each letter of a prompt would become a video that is paid for.
    is_single = isinstance(requests, str | bytes | Mapping | VideoRequest)
    return type(requests).__name__ if is_single or not isinstance(requests, Iterable | AsyncIterable) else None


@attrs.frozen
class Intake:
    """A request as it enters a batch.

    Args:
        request: what to make.
        key: what the batch knows it by, if it does.
        metadata: the caller's own.
        follows: the key of the request to whose job this one is a followup, None for a create.
        journal: where it is written down; nowhere when None.
        settled: its outcome as a state and an error, if it has ended or will not be sent; None if it is open.
        job_id: the job that was made for it, if the service has taken it: it is only to be watched then.
        was_accepted: whether the service has told of that job, to an earlier run; a person may have named it instead.
        parent_job_id: the job that it follows up, known once that has completed, or another process follows it up.
        parent_end: the end of that job that the batch knows of, None if it knows of none.
        before: of a followup that the service has taken, the state in which it found the job.
        look: asks the ledger anew what is known of it, and of what it follows; None where there is no ledger.
    """

    request: VideoRequest
    key: str | None = attrs.field(default=None, kw_only=True)
    metadata: Any = attrs.field(default=None, kw_only=True)
    follows: str | None = attrs.field(default=None, kw_only=True)
    journal: SendJournal | None = attrs.field(default=None, kw_only=True)
    settled: tuple[JobState | None, MotionError | None] | None = attrs.field(default=None, kw_only=True)
    job_id: str | None = attrs.field(default=None, kw_only=True)
    was_accepted: bool = attrs.field(default=False, kw_only=True)
    parent_job_id: str | None = attrs.field(default=None, kw_only=True)
    parent_end: JobState | None = attrs.field(default=None, kw_only=True)
    before: JobState | None = attrs.field(default=None, kw_only=True)
    look: Callable[[], Awaitable[Intake]] | None = attrs.field(default=None, kw_only=True)

    @property
    def followed_job_id(self) -> str | None:
        """The job that a followup gives a new turn; None of a create, and while it is not known."""
        return None if self.follows is None else self.job_id or self.parent_job_id


async def intakes(requests: Requests) -> AsyncGenerator[Intake]:
    """Take requests in without a ledger: nothing is known of them, and nothing is written down."""
    # Closed here, in this task: a caller's generator that is left in the middle may hold files or connections.
    async with aclosing(iterate(requests)) as source:
        async for request in source:
            given = as_batch_request(request)
            # A wrong request settles itself: raised from here, its error would end the batch for all others.
            settled: tuple[None, MotionError] | None = None
            if given.id is not None and not isinstance(given.id, str):
                problem = Problem("invalid_type", f"Expected string, received {type(given.id).__name__}", ("id",))
                settled = (None, InvalidRequestError((problem,)))
            elif given.follows is not None:
                why = f"request {given.id!r:.200} follows {given.follows!r:.200}, which needs a ledger: pass ledger="
                settled = (None, ConfigurationError(why))
            yield Intake(given.request, key=known_by(given), metadata=given.metadata, settled=settled)


def known_by(given: BatchRequest) -> str | None:
    """Give the id of a request as a batch knows it, if it is a text at all."""
    return canonical_text(given.id) if isinstance(given.id, str) else None


def as_batch_request(request: BatchRequest | VideoRequest | str) -> BatchRequest:
    """Wrap whatever the caller's iterable gave in a `BatchRequest`; validation refuses what is no request."""
    return request if isinstance(request, BatchRequest) else BatchRequest(request)


async def iterate(given: Iterable[_T] | AsyncIterable[_T]) -> AsyncGenerator[_T]:
    """Iterate over either kind of iterable."""
    if isinstance(given, AsyncIterable):
        async for item in given:
            yield item
    else:
        for item in given:
            yield item
