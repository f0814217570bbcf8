"""`motion_async.cli.looks`: words, statuses and spans of time."""

from typing import SupportsIndex

import pytest

from motion_async.cli.looks import about, clock_time, label, masked_key, one_line, rate, span
from motion_async.jobs import JobStatus


def test_a_line_holds_no_control_characters() -> None:
    """Whatever could steer the terminal, or end the line, is not printed."""
    assert one_line("a\x1b[31mred\x07\r\n b\t\u202ec") == "a�[31mred� b �c"


@pytest.mark.parametrize(("text", "expected"), [("abc", "abc"), ("abcd", "abcd"), ("abcde", "abc…"), ("ab cde", "ab…")])
def test_a_long_line_is_cut(text: str, expected: str) -> None:
    """A line is never longer than its limit, and says that it was cut."""
    assert one_line(text, limit=4) == expected


def test_a_status_is_told_in_words() -> None:
    """As the service calls it, or what a person has to do."""
    assert label(JobStatus.QUEUED) == "queued"
    assert label(JobStatus.AWAITING_USER_INPUT) == "awaiting input"


def test_an_unknown_status_has_a_look_too() -> None:
    """A status that nobody has named is shown in its own words, cut and without control characters."""
    assert label("post_\x1bprocessing_of_the_frames") == "post �processin…"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (3599.9, "1 h 00 min"),
        (7260, "2 h 01 min"),
    ],
)
def test_a_span_is_as_short_as_a_person_says_it(seconds: float, expected: str) -> None:
    """Seconds have one decimal, minutes their seconds, hours their minutes."""
    assert span(seconds) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 0, "less than a minute"),
        (59.9, 59.9, "less than a minute"),
        (60, 60, "about 1 min"),
        (7_000, 7_000, "about 117 min"),
        (7_200, 7_200, "about 2 h"),
        (172_000, 172_000, "about 48 h"),
        (400_000, 400_000, "about 5 days"),
        (480, 840, "8 to 14 min"),
        (640, 660, "about 11 min"),
        (3_600, 7_200, "1 to 2 h"),
        (300, 7_200, "up to 2 h"),
        (200_000, 400_000, "2 to 5 days"),
    ],
)
def test_an_estimate_is_no_finer_than_it_deserves(low: float, high: float, expected: str) -> None:
    """What can't be known to the second is not told to the second, and a range only where its ends differ then."""
    assert about(low, high) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.9, "0:00"), (42, "0:42"), (725, "12:05"), (3_723, "1:02:03")])
def test_a_clock_shows_hours_once_there_are_some(seconds: float, expected: str) -> None:
    """Minutes and seconds always have their places, so that it grows no wider within an hour."""
    assert clock_time(seconds) == expected


def test_a_rate_is_told_by_the_minute_where_it_is_slow() -> None:
    """Whichever of the two gives a number above one."""
    assert (rate(4), rate(0.05)) == ("4.0 a second", "3.0 a minute")


def test_of_a_long_status_the_beginning_is_looked_at() -> None:
    """A picture is drawn many times, and a status may be as long as an answer."""

    class Long(str):
        __slots__ = ()
        longest = 0

        def __getitem__(self, place: SupportsIndex | slice) -> str:
            found = super().__getitem__(place)
            type(self).longest = max(self.longest, len(found))
            return found

    assert label(Long("s" * 1_000_000)) == "s" * 15 + "…"
    assert 0 < Long.longest <= 1_000


@pytest.mark.parametrize(
    ("secret", "expected"),
    [("", "…"), ("a" * 15, "…"), ("ab" + "." * 12 + "yz", "ab…yz"), ("abcd" + "." * 500 + "wxyz", "abcd…wxyz")],
)
def test_of_a_key_its_ends_alone_are_shown(secret: str, expected: str) -> None:
    """By them its owner knows it; they are at most a quarter of it, and of a short one there are none."""
    assert masked_key(f"motion_{secret}") == f"motion_{expected}"
