"""`motion_async.cli.arguments`: spans of time, and the options of a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cyclopts import Token

from motion_async.cli import following
from motion_async.cli.arguments import Access, read_span

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
