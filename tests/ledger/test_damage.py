"""A ledger that is damaged, or that others have made: every read of it ends in values, or in a `LedgerError`."""

from __future__ import annotations

import contextlib
import random
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from motion_async import LedgerError
from motion_async.cli import main
from motion_async.ledger import Ledger, open_ledger
from tests.hostile.stepping import in_strides
from tests.ledger.conftest import make_version_1

SEEDS: Final = 40
DEEP: Final = "[" * 100_000
COLUMNS: Final = {
    "motion_items": (
        "batch", "key", "parent", "request", "metadata", "planned_at", "digest", "state", "owner", "claim", "intent_at",
        "taken_at", "job_id", "status", "job_state", "error", "changed_at",
    ),
    "motion_history": ("at", "state", "status", "job_id", "detail"),
}  # fmt: skip
TEXTS: Final = (
    "", "x", "\x1b[2J", "\n", "0", "lost", "intent", "completed", "null", "[]", "{}", "3", '"text"', "noon", DEEP,
    "2026-05-01", "2026-05-01T12:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "../../owner",
    '{"prompt":3}', '{"prompt":"\\ud800"}', '{"prompt":"a","attachments":3}', '{"prompt":"a","attachments":[3]}',
    '{"prompt":"a","attachments":[{"url":["a"]}]}', '{"prompt":"a","colour":"red"}', '{"prompt":{"a":1}}',
    '{"prompt":' + DEEP, '{"job_id":' + DEEP, "9" * 5_000, '{"a":' + "9" * 5_000 + "}", "a" * 100_000, "NaN", "\ufffd",
)  # fmt: skip
"""What nobody of this library writes into the one or the other column."""
OF_FILES: Final[tuple[Any, ...]] = (*TEXTS, None, b"", b"\xff\xfe", b"text", "n\x00ul", 3, 1e999)


CELLS: Final = [(table, name) for table, names in COLUMNS.items() for name in names]
each_column = pytest.mark.parametrize("column", CELLS, ids=str)


def some_of(values: Sequence[Any], column: tuple[str, str], stride: int) -> Sequence[Any]:
    """Other values for each column than for its neighbours, so that all are tried in some."""
    return values[CELLS.index(column) % stride :: stride]


async def read_all(ledger: Ledger) -> None:
    """Read in every way there is; one that fails does not keep the others from being tried."""
    found = []
    for read in (
        ledger.counts,
        ledger.durations,
        lambda: ledger.of_job("job-1"),
        lambda: ledger.many("launch", ["planned", "completed"]),
    ):
        try:
            await read()  # type: ignore[operator]
        except LedgerError as error:
            check_told(error)
    try:
        async for item in ledger.items():
            found.append(item)  # noqa: PERF401  # those before the damaged one are kept
    except LedgerError as error:
        check_told(error)
    for item in found[3:4]:  # the one whose cells are changed
        for about in (ledger.history, ledger.refresh):
            try:
                await about(item)  # type: ignore[operator]
            except LedgerError as error:
                check_told(error)


def check_told(error: LedgerError) -> None:
    assert str(error).isprintable(), repr(str(error))
    assert len(str(error)) < 1_000
    assert "hush" not in str(error), "a signature"


async def use(url: str, *, read_only: bool) -> None:
    try:
        async with open_ledger(url, read_only=read_only, patience=0) as ledger:
            await read_all(ledger)
    except LedgerError as error:
        check_told(error)


def mutated(original: bytes, chance: random.Random) -> bytes:
    """Some bytes, with a few of them changed, more of them here and there, or cut off."""
    content = bytearray(original)
    for _ in range(chance.choice([1, 1, 2, 5, 50])):
        at = chance.randrange(len(content))
        match chance.randrange(5):
            case 0 | 1:
                content[at] = chance.randrange(256)
            case 2:
                content[at : at + 16] = chance.randbytes(16)
            case 3:
                content[at : at + 8] = b"\xff" * 8
            case _:
                page = chance.randrange(0, len(content), 4_096)
                content[page : page + 4_096] = content[:4_096] if chance.random() < 0.5 else bytes(4_096)
    return bytes(content[: chance.randrange(1, len(content))] if chance.random() < 0.1 else content)


@pytest.fixture
def original(tmp_path: Path) -> bytes:
    """The bytes of a ledger."""
    make_version_1(f"sqlite:///{tmp_path}/original.db")
    return (tmp_path / "original.db").read_bytes()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_changed_bytes_are_values_or_an_error_of_the_ledger(original: bytes, seed: int, tmp_path: Path) -> None:
    """Whatever a broken disk or a hand makes of the file."""
    file = tmp_path / "launch.db"
    file.touch(0o600)
    for read_only in (True, False):
        file.write_bytes(mutated(original, random.Random(seed)))
        await use(f"sqlite:///{file}", read_only=read_only)
        for beside in tmp_path.glob("launch.db-*"):
            beside.unlink()


def loosen(file: Path, table: str) -> None:
    """Take the conditions of ours from a table, which another program may have made without them."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA writable_schema=ON")
        loose = "replace(replace(sql, ' NOT NULL', ''), '\"key\" TEXT', '\"key\"')"
        connection.execute(f"UPDATE sqlite_master SET sql = {loose} WHERE name = ?", (table,))


@in_strides
@each_column
async def test_a_foreign_cell_is_a_value_or_an_error_of_the_ledger(
    original: bytes, column: tuple[str, str], stride: int, tmp_path: Path
) -> None:
    """Each column with each text, number, blob and nothing; of tables without the conditions of ours as well."""
    table, name = column
    file = tmp_path / "launch.db"
    file.touch(0o600)
    file.write_bytes(original)
    await use(f"sqlite:///{file}", read_only=False)  # brings it up to date
    loosen(file, table)
    async with open_ledger(f"sqlite:///{file}", patience=0) as ledger:
        with closing(sqlite3.connect(file)) as connection:
            for value in some_of(OF_FILES, column, stride):
                with connection:
                    connection.execute(f"UPDATE {table} SET {name} = ? WHERE id = 4", (value,))
                await read_all(ledger)


@pytest.mark.parametrize(
    "values", [(DEEP, b"\xff\xfe", 1e999), pytest.param(OF_FILES, marks=pytest.mark.slow)], ids=["some", "all"]
)
@each_column
async def test_a_ledger_with_a_foreign_cell_can_be_opened_or_is_told(
    original: bytes, column: tuple[str, str], values: Sequence[Any], tmp_path: Path
) -> None:
    """By who only reads, and by who first brings it up to date."""
    table, name = column
    file = tmp_path / "launch.db"
    file.touch(0o600)
    file.write_bytes(original)
    loosen(file, table)
    for value in values:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"UPDATE {table} SET {name} = ? WHERE id = 4", (value,))
        await use(f"sqlite:///{file}", read_only=True)
    await use(f"sqlite:///{file}", read_only=False)


@in_strides
@each_column
async def test_a_foreign_cell_on_a_server_is_a_value_or_an_error_of_the_ledger(
    fresh_postgres: str, column: tuple[str, str], stride: int
) -> None:
    """There every cell is a text, or nothing where that may be."""
    table, name = column
    make_version_1(fresh_postgres)
    hand = await asyncpg.connect(fresh_postgres)
    async with open_ledger(fresh_postgres, read_only=True, patience=0) as ledger:
        for value in some_of(TEXTS, column, stride):
            with contextlib.suppress(asyncpg.ProgramLimitExceededError):  # an index takes no text of that size
                await hand.execute(f"UPDATE {table} SET {name} = $1 WHERE id = 4", value)
            await read_all(ledger)
    await hand.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE motion_items SET state = 'lost' WHERE id = 4", "item 'completed' of batch 'launch' is damaged"),
        ("UPDATE motion_items SET changed_at = 'noon' WHERE id = 4", "item 'completed' of batch 'launch' is damaged"),
        ("UPDATE motion_items SET metadata = '{' WHERE id = 4", "item 'completed' of batch 'launch' is damaged"),
        ("UPDATE motion_items SET job_id = x'ff' WHERE id = 4", "item 'completed' of batch 'launch' is damaged"),
        ("UPDATE motion_items SET key = 'k' || char(27) || '[2J' , state = 'x' WHERE id = 4", r"item 'k\\x1b\[2J'"),
        ("UPDATE motion_history SET at = 'noon' WHERE item = 4", "the history of item 'completed' of batch 'launch'"),
        ("UPDATE motion_items SET batch = 'b', state = 'lost' WHERE id = 4", "batch 'b' is damaged"),
    ],
)
@pytest.mark.parametrize(
    "command", [["show"], ["show", "--state", "completed"], ["show", "--key", "completed"], ["export"]]
)
def test_a_command_names_the_damaged_row(
    file_url: str, tmp_path: Path, statement: str, words: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, where the row is asked for, and never with a traceback."""
    make_version_1(file_url)
    file = tmp_path / "launch.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)
    status = main(["ledger", command[0], str(file), *command[1:]])
    told = capsys.readouterr().err
    assert told.count("\n") <= 1
    assert "Traceback" not in told
    assert status in (0, 2, 4)
    if command == ["export"] and "history" not in statement:
        assert status == 4
        assert re.search(words, told)


@pytest.mark.parametrize("depth", [100, 900, 5_000])
def test_deep_metadata_can_be_shown_or_is_told(tmp_path: Path, depth: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What is nested too deeply for one reader must not be a traceback of the other."""
    url = f"sqlite:///{tmp_path}/launch.db"
    make_version_1(url)
    with closing(sqlite3.connect(tmp_path / "launch.db")) as connection, connection:
        connection.execute("UPDATE motion_items SET metadata = ? WHERE id = 4", ("[" * depth + "]" * depth,))
    for command in (["export"], ["show", "--key", "completed"], ["show", "--key", "completed", "--json"]):
        status = main(["ledger", command[0], str(tmp_path / "launch.db"), *command[1:]])
        captured = capsys.readouterr()
        assert status == 0 if depth == 100 else status in (0, 4)
        assert "Traceback" not in captured.err


@pytest.mark.parametrize("value", [text for text in TEXTS if text.startswith('{"prompt"')], ids=lambda text: text[:40])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_strange_request_is_exported_or_told(
    tmp_path: Path, value: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a character, too, which no file takes."""
    file = tmp_path / "launch.db"
    make_version_1(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE motion_items SET request = ? WHERE id = 4", (value,))
    status = main(["ledger", "export", str(file), "--output", str(tmp_path / f"items.{form}")])
    assert status == (0 if "ud800" in value else 4)
    assert "Traceback" not in capsys.readouterr().err
    assert (tmp_path / f"items.{form}").exists() is (status == 0)
