"""How statuses, spans of time and the words of others look on a terminal.

Pure. Words that came from the service or from the caller pass through `one_line` before they are
printed, so that no control character of theirs reaches the terminal.
"""

from __future__ import annotations

from typing import Final

from motion_async.jobs import JobStatus

__all__ = ["STATUSES", "label", "one_line", "span", "style"]

STATUSES: Final = (
    JobStatus.QUEUED,
    JobStatus.CREATED,
    JobStatus.RUNNING,
    JobStatus.AWAITING_USER_INPUT,
    JobStatus.COMPLETED,
    JobStatus.FAILED,
)
"""The documented statuses, in the order in which a job passes through them."""

_STYLES: Final = {
    JobStatus.QUEUED: "bright_black",
    JobStatus.CREATED: "blue",
    JobStatus.RUNNING: "cyan",
    JobStatus.AWAITING_USER_INPUT: "yellow",
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
}
_MAX_LABEL: Final = 16


def one_line(text: str, *, limit: int | None = None) -> str:
    """Give a text as one line of printable characters.

    Args:
        text: anyone's words.
        limit: the most characters, at least 1; what is longer ends in an ellipsis.
    """
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def label(status: str) -> str:
    """Give the words for a status, documented or not.

    Args:
        status: the status.
    """
    if status == JobStatus.AWAITING_USER_INPUT:
        return "awaiting input"
    return one_line(status.replace("_", " "), limit=_MAX_LABEL)


def style(status: JobStatus) -> str:
    """Give the rich style of a status; all that the documentation does not name share one.

    Args:
        status: the status.
    """
    return _STYLES.get(status, "magenta")


def span(seconds: float) -> str:
    """Write a span of time as short as a person would say it.

    Args:
        seconds: how long, at least 0.
    """
    if round(seconds, 1) < 60:  # the units of time
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
