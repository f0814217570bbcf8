"""What stands where a prompt should, and looks as if nobody meant to have it made: errors, placeholders, broken text.

Pure. Nothing is refused here: a person is asked, who may have meant it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from motion_async.cli.looks import one_line
from motion_async.cli.sheets.entries import Columns
from motion_async.jobs import BatchRequest

__all__ = ["find_oddities"]

_ERROR: Final = "is an error of a spreadsheet"
_NOTHING: Final = frozenset(
    (
        "nan", "-nan", "nat", "na", "n/a", "n.a.", "<na>", "none", "null", "nil", "undefined", "void", "\\n", "inf",
        "empty", "blank", "(blank)", "(empty)", "(none)", "(null)", "true", "false", "yes", "no", "tbd", "tba", "tbc",
        "todo", "test", "loading...", "[object object]",
    )
)  # fmt: skip
_WHOLE: Final = (
    (re.compile(r"#[¡¿]?[A-ZÀ-Ý][A-ZÀ-Ý\d_/]*[!?]?|#+|(?i:#?Err(or)?[:!]?\s?\d*!?)"), _ERROR),
    (re.compile(r"(of:)?=\s*[\w(\"'+\[@-].*", re.DOTALL), "is a formula, which nothing has calculated"),
    (re.compile(r"([A-Za-z])\1+"), "is one letter again and again"),
    (re.compile(r"https?://\S+|\S+@\S+\.\w+"), "is an address"),
    # Numbers, dates and marks; the names of months are words.
    (
        re.compile(
            r"[\W\d_]*|[\d.,]+E[+-]?\d+|\d{1,4}[-./ ]+[^\W\d_]{3,9}[-./, ]+\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
        ),
        "has no words in it",
    ),
)
_FOLLOWING: Final = "".join(map(chr, range(0x80, 0xC0))) + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
# Bytes of UTF-8 as they look in Windows-1252, such as “Ã©” for “é”; pairs that a text may have by itself only in a row.
_MOJIBAKE: Final = re.compile(
    "(?:[ÂÃ]|(?<=[a-z])[ÄÅ])X|(?:[Â-ß]X){2,}|â€|ðŸ|(?:[à-ï]XX){2,}".replace("X", f"[{re.escape(_FOLLOWING)}]")
)
# Each with the characters without which it is not looked for, as a file may have a million prompts.
_WITHIN: Final = (
    # The names that the errors have in English, German, French, Spanish and Italian.
    ("#", re.compile(r"#N/A|#NV\b|#[¡¿]?(REF|VALUE|DIV/0|NUM|NULL|NAME|SPILL|CALC|BEZUG|WERT|ZAHL|VALEUR|NOM|VALOR"
                     r"|VALORE|NOMBRE|NOME|RIF|NUL)[!?]"), "has an error of a spreadsheet in it"),
    ("N[", re.compile(r"\bNaN\b|<NA>|\[object Object\]"), "has a value in it that was missing"),
    ("", re.compile(r"\b(?i:of|for|in|about|by|with|from|at|to) (None|nan|(null|undefined|N/A)(?=\W*$))\b"),
     "has a value in it that was missing"),
    ("{<[$%@_#", re.compile(
        r"[{][^{}]{0,80}[}]|<<?[^<>\s\d=][^<>]{0,60}>|\[\[.{0,80}?\]\]|\[[A-Z][A-Z _/-]+\]"
        r"|(?i:\[(your|insert|enter|add|fill in)\b[^\]]*\]|\[[\w ]{0,30}(name|product|brand|company|client|customer"
        r"|city|country|place|date|title|price|url|topic)\])|(?<!\w)\$[A-Za-z_]\w+|%\(\w+\)[sdr]|(?<![\d%])%[sd]\b"
        r"|%[A-Za-z_]\w*%|\b__\w+__\b|@\w+@|#\w+#|_{3,}"), "has a placeholder that nobody filled in"),
    ("BDOXm_", re.compile(r"\b(TBD|TBA|TODO|FIXME|XXX+|[Ll]orem ipsum|[A-Z]{2,}(_[A-Z]+)+)\b"),
     "has a placeholder that nobody filled in"),
    ("\N{REPLACEMENT CHARACTER}?", re.compile(
        "\N{REPLACEMENT CHARACTER}|[^\\W\\d_]\\?(?=[^\\W\\d_])(?![^\\s?]*[=/])(?<![/=]..)"),
     "has characters that were lost"),
    (_FOLLOWING, _MOJIBAKE, "has characters of a wrong encoding"),
    ("", re.compile(r"_x[0-9A-Fa-f]{4}_|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"), "has control characters in it"),
)  # fmt: skip
_SHORTENED: Final = re.compile(r"\d+([.,]\d+)?E\+\d+")
_SHOWN: Final = 40


def find_oddities(given: BatchRequest, columns: Columns) -> Iterator[str]:
    """Give what is odd about the prompt and the id of a line, each with the name of its column."""
    prompt = given.request.prompt
    why = _of_prompt(prompt, columns)
    if why is not None:
        yield f"{columns.name_of('prompt')}: {why[0]}: {one_line(why[1], limit=_SHOWN)!r}"
    if given.id is not None and (given.id.casefold() in _NOTHING or _WHOLE[0][0].fullmatch(given.id)):
        yield f"{columns.name_of('id')}: is no name: {given.id!r:.40}"
    elif given.id is not None and _SHORTENED.fullmatch(given.id):
        yield f"{columns.name_of('id')}: is a number that a spreadsheet has shortened: {given.id!r:.40}"


def _of_prompt(prompt: str, columns: Columns) -> tuple[str, str] | None:
    text = prompt.strip()
    if text.casefold() in ("prompt", "text", "description", columns.name_of("prompt").strip().casefold()):
        return "is the header again", text
    if text.casefold() in _NOTHING:
        return "stands for nothing", text
    for pattern, why in _WHOLE:
        if text and pattern.fullmatch(text):
            return why, text
    characters = set(text)
    for needed, pattern, why in _WITHIN:
        if not (needed and characters.isdisjoint(needed)) and (found := pattern.search(text)):
            return why, found[0]
    return None
