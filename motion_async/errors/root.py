"""The root of the errors, and what is wrong before anything is asked of the service: a setting, a loop, a session."""

from __future__ import annotations

from motion_async.portable import PortableError
from motion_async.redaction import redacted

__all__ = [
    "ConfigurationError",
    "MotionError",
    "SessionClosedError",
    "WrongLoopError",
]


class MotionError(PortableError):
    """The root of the tree: everything this library raises on purpose.

    Args:
        message: what happened, to which job, and what to do next.
        job_id: the job it happened to, where one is known.
    """

    def __init__(self, message: str, job_id: str | None = None) -> None:
        super().__init__(redacted(message))
        self.job_id = job_id


class ConfigurationError(MotionError):
    """A setting cannot be used: the key, the base URL, or an option out of its bounds."""


class WrongLoopError(ConfigurationError):
    """Something was used in another event loop, thread or process than the one it was opened in, or under trio."""


class SessionClosedError(MotionError):
    """The session was used before it was entered, or after it was left."""
