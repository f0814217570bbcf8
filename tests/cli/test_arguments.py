"""`motion_async.cli.arguments`: spans of time, and the options of a key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cyclopts import Token

from motion_async.cli import following
from motion_async.cli.arguments import Access, read_since, read_span
from motion_async.errors import ConfigurationError

Command = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("90s", 90),
        ("0.25s", 0.25),
        ("5m", 300),
        ("2h", 7_200),
        ("1h30m", 5_400),
        ("1h0m15s", 3_615),
    ],
)
def test_a_span_of_time_is_read_as_people_write_it(written: str, seconds: float) -> None:
    """Hours, minutes and seconds, in that order, or plain seconds as before."""
    assert read_span(float, [Token(value=written)]) == seconds


@pytest.mark.parametrize("written", ["", "soon", "5 m", "m", "30m1h", "5M", "1.5h", "5m30", "\u0665m"])
def test_what_is_no_span_of_time_is_refused(written: str, command: Command) -> None:
    """The sentence says how one is written, and nothing is sent."""
    status, lines, said = command("generate", "A video", "--timeout", written)
    assert (status, lines) == (2, [])
    assert "90s, 5m or 1h30m" in said


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("argv", [["generate", "A"], ["followup", "id", "A"], ["watch", "id"]])
def test_each_timeout_takes_a_span(argv: list[str], command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that waits reads it in the same way."""
    seen: list[float | None] = []
    monkeypatch.setattr(following, "check_timeout", seen.append)
    command(*argv, "--timeout", "1m30s", "--base-url", "http://example.com")
    assert seen == [90]


def test_the_repr_of_the_options_shows_no_base_url() -> None:
    """A person may have written a password into it."""
    access = Access(profile="a", base_url="https://me:secret@example.com")
    assert "secret" not in repr(access) + repr(access.service)
    assert access.service == "https://me:secret@example.com"


NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2d", NOW - timedelta(days=2)),
        ("12h", NOW - timedelta(hours=12)),
        ("90m", NOW - timedelta(minutes=90)),
        ("1w", NOW - timedelta(weeks=1)),
        ("2026-11-01", datetime(2026, 11, 1).astimezone()),  # the clock of whoever types it
        ("2026-11-01T08:00+01:00", datetime(2026, 11, 1, 7, tzinfo=UTC)),
    ],
)
def test_a_person_looks_back_by_a_span_or_to_a_date(text: str, moment: datetime) -> None:
    """A date is of the clock of whoever types it, unless it says otherwise."""
    assert read_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "2", "d", "2y", "-1d", "yesterday", "999999w", "2026-13-01", "0000-01-01"])
def test_what_is_neither_a_span_nor_a_date_is_said(text: str) -> None:
    """In a sentence that shows both."""
    with pytest.raises(ConfigurationError, match="--since is a span such as 2d, 12h or 1w, or a date"):
        read_since(text, NOW)
