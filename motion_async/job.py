"""`Job`: a handle on one job of a session. It holds no state of its own and makes no call by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from motion_async.contract.validation import as_request
from motion_async.jobs import Attachment, JobState, VideoRequest
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.transitions import Transitions
from motion_async.polling.waiting import OnInput, check_on_input, check_timeout, wait_for_end

__all__ = ["Job"]


class _Calls(Protocol):
    """What a handle asks of its session."""

    async def poll(self, job_id: str) -> JobState: ...

    async def followup(
        self,
        job_id: str,
        prompt: str | VideoRequest,
        *,
        style_reference_url: str | None = None,
        attachments: Iterable[Attachment | str] = (),
        key: str | None = None,
        metadata: Any = None,
    ) -> Job: ...


class Job:
    """One job of a session: follow it, wait for it, give it a new turn.

    It is made by `MotionSession.create`, `followup` and `job`. Any number of handles on the same
    job share one poll loop and one knowledge of its state.
    """

    __slots__ = ("_client", "_polls", "_tracked")

    def __init__(self, calls: _Calls, polls: PollLoop, watched: TrackedJob) -> None:
        self._client = calls
        self._polls = polls
        self._tracked = watched

    def __repr__(self) -> str:
        return f"Job({self.id!r}, status={self.state.status if self.state else None!r})"

    @property
    def id(self) -> str:
        """The job's id: all that is needed to take the job up again, from any process."""
        return self._tracked.job_id

    @property
    def state(self) -> JobState | None:
        """The newest state that this session has seen, None if it has seen none."""
        return self._tracked.state

    def transitions(self, *, timeout: float | None = None, after: str | None = None) -> Transitions:
        """Read the job's changes in order, beginning with its current state; the last one is its end.

        The job is polled while a step waits, and a step that is cancelled loses no change, as in `wait_for(anext(…))`;
        leaving `async with` ends the reader. It outlives outages of the service. Any number of readers cost one poll,
        and a slow one misses nothing unless more than 1,000 changes wait for it; `previous` shows where some are
        missing then.

        Args:
            timeout: seconds from the first step on, at least 0. With None a service that cannot be reached is waited
                for without end; `MotionSession.events` tells of it.
            after: the `token` of the change that the reader has seen last, from this process or another: it is not told
                again, and if it was the end, there is nothing more.

        Raises:
            WaitTimeoutError: from a step, when the deadline has passed.
            JobNotFoundError: from a step, when the service does not know the job; of one that it has taken, when it has
                said so for a minute, as with the next one.
            AuthenticationError: from a step, when the service does not know the key.
            ConnectImpossibleError: from a step, when no connection will be made until somebody does something.
            UnexpectedResponseError: from a step, when five answers in a row could not be read.
            SessionClosedError: from a step, when the session was left.
            MotionError: from a step, for any other refusal of a poll.
            ConfigurationError: for a timeout out of bounds.
        """
        return Transitions(self._polls, self._tracked, timeout=check_timeout(timeout), after=after)

    async def wait(self, *, timeout: float | None = None, on_input: OnInput = "wait") -> JobState:
        """Wait until the job completes.

        Args:
            timeout: seconds, at least 0; the job goes on when they have passed. With None a service that cannot be
                reached is waited for without end; `MotionSession.events` tells of it.
            on_input: when the job waits for a person: `wait` on, or `raise`.

        Returns:
            The state of the completed job.

        Raises:
            JobFailedError: if the job failed, or ended under any other name that is no success; see `JobState.end`.
            InputRequiredError: if it waits for input and `on_input` is `raise`.
            WaitTimeoutError: if the deadline passed.
            JobNotFoundError: if the service does not know the job; of one that it has taken, when it has said so for
                a minute, as with the next one.
            AuthenticationError: if the service does not know the key.
            ConnectImpossibleError: if no connection will be made until somebody does something.
            UnexpectedResponseError: if five answers in a row could not be read.
            SessionClosedError: if the session was left.
            MotionError: for any other refusal of a poll.
            ConfigurationError: for an option out of bounds.
        """
        return await wait_for_end(
            self._polls, self._tracked, timeout=check_timeout(timeout), on_input=check_on_input(on_input)
        )

    async def poll(self) -> JobState:
        """Ask for the state now; see `MotionSession.poll`."""
        return await self._client.poll(self.id)

    async def followup(
        self,
        prompt: str | VideoRequest,
        *,
        style_reference_url: str | None = None,
        attachments: Iterable[Attachment | str] = (),
        key: str | None = None,
        metadata: Any = None,
    ) -> Job:
        """Give the completed job a new turn; see `MotionSession.followup`."""
        try:
            request = as_request(prompt, style_reference_url, attachments)
        finally:
            del prompt, style_reference_url, attachments  # as in `MotionSession.create`
        return await self._client.followup(self.id, request, key=key, metadata=metadata)
