"""`motion_async.cli.sheets.oddities`: what looks as if nobody meant it, and what does not."""
# ruff: noqa: RUF001  # texts of all scripts, as people write them

import pytest

from motion_async.cli.sheets.entries import columns_of
from motion_async.cli.sheets.oddities import find_oddities
from motion_async.jobs import BatchRequest

COLUMNS = columns_of(("ID", "Prompt"))


def oddities(prompt: str, key: str | None = None) -> list[str]:
    """Give what is odd about a line."""
    return list(find_oddities(BatchRequest(prompt, id=key), COLUMNS))


@pytest.mark.parametrize(
    "prompt",
    """
    #REF!|#N/A|#NAME?|#VALUE!|#DIV/0!|#NUM!|#NULL!|#SPILL!|#CALC!|#GETTING_DATA|#BEZUG!|#NV|#ÜBERLAUF!|#VALEUR!|#¡REF!
    #¿NOMBRE?|Err:502|#ERROR!|########|A video of #REF! in Rome|A video of #N/A|Launch #¡VALOR! now
    nan|NaN|None|none|NULL|null|n/a|N/A|<NA>|undefined|NaT|TBD|true|[object Object]|(blank)|A video of nan|For None: go
    A video for null.|A launch of NaN in <NA>
    42|3.14|1,000|1.2E+05|2026-05-04|04.05.2026|4 May 2026|May 4, 2026|09:30|-|--|...|?|!!!|🎬|xxx
    prompt|Prompt|PROMPT|text|Description|https://example.com/a|a@example.com
    =A1&" video"|=CONCAT(A1;B1)|="x"|of:=[.A1]
    A video of {product}|{{name}}, hello|{0}|{}|Hi ${name}|<CITY> at night|<<NAME>>|<insert the product>|<b>Bold</b>
    For [NAME]|For [Your product]|For [product name]|[[city]]|For $PRODUCT|%(name)s|of %s|%NAME%|__NAME__|@NAME@|#name#
    Hello ____|A film about TODO|Lorem ipsum dolor|A launch of XXX|A video for PRODUCT_NAME
    A caf�|A caf?s|MaÃ±ana|Itâ€™s|cafÃ©|dveÅ™e|ÐŸÑ€|a\0b|a_x000D_b|ab
    """.strip()
    .replace("\n    ", "|")
    .split("|"),
)
def test_what_nobody_may_have_meant_is_odd(prompt: str) -> None:
    """Errors, what stands for nothing, what has no words, placeholders, and broken text, with the column's own name."""
    (told,) = oddities(prompt)
    assert told.startswith("Prompt: ")


@pytest.mark.parametrize(
    "prompt",
    [
        "A 15 second launch video for a calendar app, 50% slower, for $5 or 5 € (100 %)!",
        "[Scene 1] A cat sleeps. [Music] [00:05] It wakes up. [Scene 2: outside]",
        "Why? Because it's #1! #launch #autumn2026 @motion, 3 < 5 and 7 > 2",
        "See https://example.com/watch?v=dQw4w9WgXcQ&t=5s, and https://example.com/a?b=c",
        "Un café à Paris\xa0: « voilà ! » – l’été… „schön“, CAFÉ\xa0!, NÃO, AÇÃO, Ærø, naïve, coöperate, Ångström",
        "Видео о кошках", "一只猫在睡觉", "猫", "مقطع عن القطط", "Μια γάτα", "A cat \U0001f431 sleeps",
        "None of the cars stop", "A nan bread recipe", "The null hypothesis, explained", "Nana and Nona",
        "Two lines,\n\tof which one is indented", "A", "Test drive in the Alps", "Error handling in five minutes",
    ],
)  # fmt: skip
def test_what_a_person_may_well_write_is_not(prompt: str) -> None:
    """Times, prices, tags, addresses, accents, other scripts and the words themselves."""
    assert oddities(prompt) == []


def test_ids_are_looked_at_too() -> None:
    """What a spreadsheet makes of a missing or a long one would be the same for several lines."""
    assert oddities("A video", "nan") == ["ID: is no name: 'nan'"]
    assert oddities("A video", "#N/A") == ["ID: is no name: '#N/A'"]
    assert oddities("A video", "1.23457E+11") == ["ID: is a number that a spreadsheet has shortened: '1.23457E+11'"]
    assert oddities("A video", "17") == oddities("A video", "hero") == []
