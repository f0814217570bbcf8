"""What a session reads: a job's state, what happens to jobs, and how the session itself stands. It sends nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from motion_async.errors import ConfigurationError, JobNotFoundError
from motion_async.events import SessionStats
from motion_async.jobs import JobState
from motion_async.options import check_whole_number
from motion_async.polling.streams import EventHub, EventStream
from motion_async.polling.waiting import check_timeout
from motion_async.polling.watch import Watch

if TYPE_CHECKING:
    from motion_async.client import Client

__all__ = ["ReadCalls"]

_NO_JOB: Final = "00000000-0000-0000-0000-000000000000"


class ReadCalls(ABC):
    """The calls of a `MotionSession` that read."""

    _events: EventHub

    @abstractmethod
    def _open(self) -> Client:
        """Give the open session's client, or raise a `SessionClosedError`."""

    async def poll(self, job_id: str) -> JobState:
        """Ask for a job's state: one GET, tried up to four times while the trouble may pass by itself.

        It has its turn in the session's pace like any other poll, and waits when the service has asked for a pause, by
        a `Retry-After` of up to an hour. End it sooner with `asyncio.timeout`.

        Args:
            job_id: the job.

        Returns:
            The state that the service gave.

        Raises:
            JobNotFoundError: if there is no such job for this key.
            MotionError: any other refusal, an answer that can't be read, or no answer.
        """
        return await self._open().poll(job_id)

    def watch(
        self, job_ids: Iterable[str], *, after: str | Iterable[str] | None = None, timeout: float | None = None
    ) -> Watch:
        """Read what happens to some jobs: each one's present state, then every change and disturbance, until all end.

        They are polled while a step waits, and for up to a second after; a step that is cancelled loses nothing, and
        ends that at once. A job whose watch ends with an error is told of by a `WatchEnded`. `async with` ends it.

        Args:
            job_ids: the jobs, each once; taken up by their ids, without I/O.
            after: the `token` of the change that the reader has seen last, or such tokens of several jobs: a state that
                has one of them is not told again.
            timeout: seconds from the first step on, at least 0; then a step raises a `WaitTimeoutError`.

        Raises:
            InvalidRequestError: for what cannot be a job's id.
            ConfigurationError: for an option out of bounds.
            SessionClosedError: if the session is not open.
        """
        calls = self._open()
        if isinstance(job_ids, str | bytes) or not isinstance(job_ids, Iterable):
            raise ConfigurationError(f"job_ids must be a list of ids, not {type(job_ids).__name__}")
        tokens = [after] if isinstance(after, str) else list(after or ())
        jobs = [calls.job(job_id) for job_id in job_ids]
        return Watch(calls.polls, self._events, jobs, after=tokens, timeout=check_timeout(timeout))

    def events(self, *, max_unread: int = 10_000, poll: bool = True) -> EventStream:
        """Read every change and every disturbance of all jobs of this session, from now on.

        While a step waits all are polled until they end; one that is cancelled loses no event. `async with` ends it.

        Args:
            max_unread: how many unread events are kept, 1 to 1,000,000,000; then the oldest are dropped, and told of.
            poll: whether to have the jobs polled; else it tells of what others have had polled.

        Raises:
            ConfigurationError: for an option out of bounds.
            SessionClosedError: if the session is not open.
        """
        polls = self._open().polls
        limit = check_whole_number("max_unread", max_unread, low=1, high=1_000_000_000)
        return self._events.open(polls, limit=limit, covers=poll)

    def stats(self) -> SessionStats:
        """Say how the session stands, for a health page or a gauge: no I/O.

        Raises:
            SessionClosedError: if the session is not open.
        """
        return self._open().stats()

    async def check(self) -> None:
        """Ask whether the service is there and takes the key, by a poll of a job that nobody has: it costs nothing.

        Raises:
            AuthenticationError: if the service does not know the key; `PermissionDeniedError` if it may not poll.
            MotionError: if the service cannot be reached, or its answer cannot be read; see `poll`.
        """
        try:
            await self._open().poll(_NO_JOB)
        except JobNotFoundError:
            return  # by which the service says that it takes the key (section "Errors")
