"""What waiting for a job can end with: its failure, the caller's deadline, or a person who is waited for."""

from __future__ import annotations

from motion_async.errors.root import MotionError
from motion_async.redaction import redacted
from motion_async.showing import shown

__all__ = [
    "InputRequiredError",
    "JobFailedError",
    "WaitTimeoutError",
]


class WaitTimeoutError(MotionError):
    """The caller's deadline passed before the job ended; the job itself goes on.

    Args:
        job_id: the job that was waited for.
        timeout: the deadline in seconds.
        status: the last status that was seen, if any.
        failures: so many polls of it, the last ones, had failed in a row.
        retry_after: seconds for which the service went on to want no calls, where it had asked for a pause.
    """

    def __init__(
        self, job_id: str, timeout: float, status: str | None, failures: int = 0, retry_after: float | None = None
    ) -> None:
        seen = f"last seen: {shown(status)}" if status else "nothing of it was seen"
        advice = "it goes on, and can be waited for again by its id"
        if retry_after is not None:
            seen += f"; by its Retry-After the service wants no call for another {retry_after:.0f} s"
        elif failures:
            seen += f", and its last {f'{failures} polls' if failures > 1 else 'poll'} failed"
            advice = "the session's events say why; check network and base URL, and wait for it again by its id"
        super().__init__(f"job {job_id} did not end within {timeout:g} s ({seen}); {advice}", job_id=job_id)
        self.timeout = timeout
        self.status = status
        self.failures = failures
        self.retry_after = retry_after


class InputRequiredError(MotionError):
    """The job waits for a person's input, and the caller asked to be told instead of waiting on."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"job {job_id} waits for input; give it at https://motion.so, then wait for the job again",
            job_id=job_id,
        )


class JobFailedError(MotionError):
    """The job ended as failed.

    Args:
        job_id: the job.
        error: the service's own words, where it gave any.
    """

    def __init__(self, job_id: str, error: str | None) -> None:
        reason = shown(error or "the service gave no reason").rstrip(".")
        super().__init__(f"job {job_id} failed: {reason}; it can't be followed up: create a new one", job_id=job_id)
        self.error = redacted(error)
