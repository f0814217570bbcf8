"""How requests enter a batch: each as an `Intake`, with what is known of it already.

Pure but for the pulling: it takes requests from the caller's iterable, one at a time, and starts nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, TypeAlias, TypeVar

import attrs

from motion_async.errors import ConfigurationError, InvalidRequestError, MotionError
from motion_async.jobs import BatchRequest, JobState, VideoRequest
from motion_async.problems import Problem
from motion_async.sending.journal import SendJournal

__all__ = ["Intake", "Requests", "as_batch_request", "intakes", "iterate", "kind_of_single", "known_by"]

Requests: TypeAlias = Iterable[BatchRequest | VideoRequest | str] | AsyncIterable[BatchRequest | VideoRequest | str]
"""What `generate_many` makes videos of; a plain text is a prompt."""

_T = TypeVar("_T")


def kind_of_single(requests: object) -> str | None:
    """Name the type of what is no iterable of requests, such as a single one; None if it is one.

    Args:
        requests: what a caller has handed in for a batch.
    """
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
        settled: how it ended, or why it will not be sent, as a state and an error; None if it is still open.
        job_id: the job that was made for it, if the service has taken it: it is only to be watched then.
        parent_job_id: the job that it is a followup to, once that is known to be completed, or somebody else follows
            it up.
        parent_end: the end of that job that the batch knows of, None if it knows of none.
        before: of a followup that is taken, the state of its job that it found.
        is_elsewhere: whether somebody else is sending it just now.
        again: finds out anew what is known of it; the next look of one that somebody else is sending takes longer.
    """

    request: VideoRequest
    key: str | None = attrs.field(default=None, kw_only=True)
    metadata: Any = attrs.field(default=None, kw_only=True)
    follows: str | None = attrs.field(default=None, kw_only=True)
    journal: SendJournal | None = attrs.field(default=None, kw_only=True)
    settled: tuple[JobState | None, MotionError | None] | None = attrs.field(default=None, kw_only=True)
    job_id: str | None = attrs.field(default=None, kw_only=True)
    parent_job_id: str | None = attrs.field(default=None, kw_only=True)
    parent_end: JobState | None = attrs.field(default=None, kw_only=True)
    before: JobState | None = attrs.field(default=None, kw_only=True)
    is_elsewhere: bool = attrs.field(default=False, kw_only=True)
    again: Callable[[], Awaitable[Intake]] | None = attrs.field(default=None, kw_only=True)


async def intakes(requests: Requests) -> AsyncGenerator[Intake]:
    """Take requests in of which nothing is known and nothing is written down.

    Args:
        requests: what to make.
    """
    async with aclosing(iterate(requests)) as source:
        async for request in source:
            given = as_batch_request(request)
            settled: tuple[None, MotionError] | None = None
            if given.id is not None and not isinstance(given.id, str):
                problem = Problem("invalid_type", f"Expected string, received {type(given.id).__name__}", ("id",))
                settled = (None, InvalidRequestError((problem,)))
            elif given.follows is not None:
                why = f"request {given.id!r:.200} follows {given.follows!r:.200}, which needs a ledger: pass ledger="
                settled = (None, ConfigurationError(why))
            yield Intake(given.request, key=known_by(given), metadata=given.metadata, settled=settled)


def known_by(given: BatchRequest) -> str | None:
    """Give the id of a request, if it can be one.

    Args:
        given: the request, which may be wrong in any way.
    """
    return given.id if isinstance(given.id, str) else None


def as_batch_request(request: BatchRequest | VideoRequest | str) -> BatchRequest:
    """Give the one form in which a batch takes requests; what is none is kept for validation to refuse.

    Args:
        request: what the caller's iterable gave.
    """
    return request if isinstance(request, BatchRequest) else BatchRequest(request)


async def iterate(given: Iterable[_T] | AsyncIterable[_T]) -> AsyncGenerator[_T]:
    """Iterate over either kind of iterable.

    Args:
        given: the iterable.
    """
    if isinstance(given, AsyncIterable):
        async for item in given:
            yield item
    else:
        for item in given:
            yield item
