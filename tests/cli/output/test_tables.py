"""`motion_async.cli.output.tables`: tables that fit any terminal and forge nothing on it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import attrs
import pytest
from rich.console import Console, RenderableType

from motion_async.cli.output.tables import ItemsTable, duplicates_table, new_lines_table
from motion_async.cli.progress import DuplicateFound, NewLine
from motion_async.cli.records import begun_at
from tests.cli.output.test_jsonlines import ITEM

PROMPT = (
    "A very long prompt\nwith \x1b[31mcolours\x1b[0m, a bell \a and a URL https://x.example/a.png?Signature=hush " * 9
)


def drawn(what: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 140])
def test_each_fits_and_shows_no_secret(width: int) -> None:
    """Whatever stands in keys, batches and prompts: one line each, printable, without what signs a URL."""
    item = attrs.evolve(ITEM, batch="b" * 60, key="k" * 60, request=attrs.evolve(ITEM.request, prompt=PROMPT))
    line = NewLine(1_234, "k" * 60, PROMPT)
    for table, rows in (
        (ItemsTable([item]), 3 if width < 120 else 4),
        (new_lines_table([line], rest=2), 3),
        (duplicates_table([DuplicateFound(1_234, "k", PROMPT, item)], 3), 3),
    ):
        lines = drawn(table, width)
        assert len(lines) == rows
        assert max(map(len, lines)) <= width
        assert all(character.isprintable() for each in lines for character in each)
        assert "A very long prompt" in lines[1]
        assert "hush" not in "".join(lines)
        assert ("and 2 more" in lines[-1]) is not isinstance(table, ItemsTable)


def test_an_item_was_begun_when_it_was_sent_or_else_planned() -> None:
    """What was planned long ago and is sent today is of today."""
    assert begun_at(ITEM) == ITEM.planned_at
    sent = datetime(2027, 1, 1, tzinfo=UTC)
    assert begun_at(attrs.evolve(ITEM, intent_at=sent)) == sent
