"""`motion_async.cli.output.encoding`: what is shown where not every character can be."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.bar import Bar
from rich.console import Console

from motion_async.cli.looks import masked_key
from motion_async.cli.output.encoding import make_writable
from motion_async.sandbox import AwaitInput, Sandbox

OnTerminal = Callable[..., tuple[int, str]]


def streams(encoding: str, **variables: str) -> tuple[io.TextIOWrapper, io.TextIOWrapper]:
    """Give two streams of an encoding that take any text, in an environment."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    make_writable(out, err, variables)
    return out, err


def bytes_of(stream: io.TextIOWrapper) -> bytes:
    """Give what was written."""
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("variables", "is_ascii"),
    [
        ({"LANG": "C"}, True),
        ({"LANG": "POSIX"}, True),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "de_DE.UTF-8", "LC_CTYPE": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # Python's own doing
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, False),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "C", "PYTHONIOENCODING": "utf-8"}, False),
        ({"LANG": "C", "PYTHONUTF8": "1"}, False),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({}, False),
    ],
)
def test_the_locale_of_c_gets_ascii_alone(variables: dict[str, str], is_ascii: bool) -> None:
    """Although Python takes it for UTF-8; nothing that a person has said otherwise is overruled."""
    for stream in streams("utf-8", **variables):
        stream.write("“a” · b")
        assert bytes_of(stream) == (b'"a" - b' if is_ascii else "“a” · b".encode())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_no_text_at_all_raises(encoding: str) -> None:
    """Whatever people and the service write, in whatever encoding a terminal has."""
    everything = "".join(map(chr, range(0x3000))) + "漢字 🎬 e\u0301 \ud800"
    for stream in streams(encoding):
        stream.write(everything)
        assert bytes_of(stream)


def test_a_picture_keeps_its_width_and_a_sentence_reads_well() -> None:
    """An ellipsis is one character between columns, and three dots in a sentence; a wide letter stays wide."""
    out, err = streams("ascii")
    for stream in (out, err):
        stream.write("wait … │ 漢|e\u0301|ä")
    assert bytes_of(out) == b"wait ~ | ??|e|?"
    assert bytes_of(err) == b"wait ... | ??|e|?"
    _, err = streams("ascii")
    err.write(masked_key("motion_abcdefghijklmnopqrstuvwxyz"))
    assert bytes_of(err) == b"motion_abc...xyz"


@pytest.mark.parametrize("end", [1, 3.3, 5.5, 7.9, 10])
def test_bars_are_as_long_as_ever(end: float) -> None:
    """Parts of blocks are whole ones, or nothing."""
    out, _ = streams("ascii")
    Console(file=out, width=10, force_terminal=True, color_system=None).print(Bar(10, 0, end))
    line = bytes_of(out).rstrip(b"\n")
    assert len(line) == 10
    assert abs(line.count(b"#") - end) < 1


@pytest.mark.parametrize("locale", [{"LANG": "C"}, {"LC_ALL": "C"}, {"LANG": "POSIX"}], ids=str)
def test_a_terminal_of_c_is_sent_ascii_alone(sandbox: Sandbox, on_terminal: OnTerminal, locale: dict[str, str]) -> None:
    """A table with a live picture before it, a help with boxes, and a sentence with quotes."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    for argv in (["generate", "Ä “video” …", "--timeout", "0.2"], ["demo", "--help"], ["status", "nö…pe"]):
        _, shown = on_terminal(*argv, **{"LC_ALL": "", "LC_CTYPE": "", **locale})
        assert shown.isascii()
        assert "Traceback" not in shown
