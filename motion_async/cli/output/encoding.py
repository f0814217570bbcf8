"""What is shown where not every character can be: the nearest that can, never an error.

A picture keeps its width, a sentence reads well. It knows nothing of what is shown.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from typing import Final, TextIO

from rich.cells import cell_len

__all__ = ["make_writable"]

_PLAIN_LOCALES: Final = ("C", "POSIX")
_COERCED: Final = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python itself puts into LC_CTYPE where LANG is C."""
_PLAINER: Final = {
    "…": "~", "“": '"', "”": '"', "\u2018": "'", "\u2019": "'", "·": "-", "•": "*", "\u2013": "-", "—": "-", "→": ">",
    "─": "-", "━": "-", "│": "|", "┃": "|", "▏": " ", "▎": " ",
}  # fmt: skip
"""One character for one, so that columns stay where they are."""


def _plainer(character: str) -> str:
    if character in _PLAINER:
        return _PLAINER[character]
    if unicodedata.category(character) == "Zs":
        return " "
    if "\u2500" <= character < "\u2580":
        return "+"  # a corner or a crossing of lines
    if "\u2580" <= character < "\u25a0":
        return "#"  # a part of a bar
    return "?" * cell_len(character)


def _in_cells(error: UnicodeError) -> tuple[str, int]:
    return _replaced(error, _plainer)


def _in_words(error: UnicodeError) -> tuple[str, int]:
    return _replaced(error, lambda character: "..." if character == "…" else _plainer(character))


def _replaced(error: UnicodeError, plainer: Callable[[str], str]) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plainer, error.object[error.start : error.end])), error.end


_CELLS: Final = "motion_async.cells"
_WORDS: Final = "motion_async.words"
codecs.register_error(_CELLS, _in_cells)
codecs.register_error(_WORDS, _in_words)


def make_writable(stdout: TextIO | None, stderr: TextIO | None, environ: Mapping[str, str]) -> None:
    """Have two streams take any text, as far as what reads them can show it.

    That is ASCII alone where the locale is C: Python takes that for UTF-8, and no terminal of that locale does.
    """
    encoding = "ascii" if _is_plain(environ) else None
    for stream, errors in ((stdout, _CELLS), (stderr, _WORDS)):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors=errors)


def _is_plain(environ: Mapping[str, str]) -> bool:
    """Whether a person has said that the locale is C; where nobody has said anything, as in containers, it is not."""
    if environ.get("PYTHONIOENCODING") or environ.get("PYTHONUTF8"):
        return False
    said = [environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if said[1] in _COERCED and said[2] in _PLAIN_LOCALES:
        said[1] = ""
    return next(filter(None, said), "") in _PLAIN_LOCALES
