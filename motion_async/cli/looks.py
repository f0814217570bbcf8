"""How statuses, spans of time and the words of others look on a terminal.

Pure. Words that came from the service or from the caller pass through `one_line` before they are
printed, so that no control character of theirs reaches the terminal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from motion_async.jobs import API_KEY_PREFIX, JobStatus

__all__ = [
    "STOPPING",
    "about",
    "clock_time",
    "counted",
    "label",
    "local_time",
    "masked_key",
    "one_line",
    "rate",
    "span",
]

STOPPING: Final = "stopping: nothing new is sent, what is under way is finished and noted; once more leaves at once"
"""What a person who has asked a batch to end is told."""

_MAX_LABEL: Final = 16
_ENOUGH: Final = 1_000
"""Characters of a status that are looked at: a picture is drawn often, and a status may be as long as an answer."""


def one_line(text: str, *, limit: int | None = None) -> str:
    """Give anyone's words as one line of printable characters, at most `limit`, with an ellipsis where they are cut."""
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def masked_key(key: str) -> str:
    """Give the ends of a key, by which its owner knows it: at most a quarter of its secret, nothing of a short one."""
    secret = str(key).removeprefix(API_KEY_PREFIX)
    ends = min(len(secret) // 8, 4) if len(secret) >= 16 else 0
    return f"{API_KEY_PREFIX}{secret[:ends]}…{secret[len(secret) - ends :]}"


def label(status: str) -> str:
    """Give the words for a status, documented or not."""
    if status == JobStatus.AWAITING_USER_INPUT:
        return "awaiting input"
    return one_line(status[:_ENOUGH].replace("_", " "), limit=_MAX_LABEL)


def counted(number: int, noun: str) -> str:
    """Write how many there are of something, whose plural has an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span(seconds: float) -> str:
    """Write a span of seconds as short as a person would say it."""
    if round(seconds, 1) < 60:  # the units of time
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def rate(each_second: float) -> str:
    """Write how often something happens, given how often it does in a second."""
    return f"{each_second:.1f} a second" if each_second >= 1 else f"{each_second * 60:.1f} a minute"


def clock_time(seconds: float) -> str:
    """Write a span of seconds as a clock shows it: 0:42, 12:05 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def local_time(at: datetime) -> str:
    """Write a time as the clock of whoever reads it shows it."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def about(low: float, high: float) -> str:
    """Write an estimate of a span of seconds no finer than it deserves, as a range where its ends are far apart."""
    if high < 60:
        return "less than a minute"
    unit, name = (60, "min") if high < 2 * 3_600 else (3_600, "h") if high < 48 * 3_600 else (86_400, "days")
    first, last = round(low / unit), round(high / unit)
    if not first < last:
        return f"about {last} {name}"
    return f"{first} to {last} {name}" if first else f"up to {last} {name}"
