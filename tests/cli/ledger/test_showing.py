"""`motion_async.cli.ledger.showing`: what a ledger has is shown, without a key."""

import json
import re
import sqlite3
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path

import anyio
import pytest

from motion_async.cli.ledger import showing
from motion_async.cli.ledger.address import Address
from motion_async.cli.output.output import Output
from motion_async.cli.output.stdout import Stdout
from motion_async.errors import NotSentError
from motion_async.ledger import Item, ItemState
from motion_async.ledger.items import unnamed_key
from tests.cli.ledger.conftest import LEDGER, Command, OnTerminal, die_while_sending, planned, submitted
from tests.cli.test_words import item
from tests.ledger.conftest import change


class TestShow:
    """`ledger show`."""

    def test_batches_come_with_their_counts(self, ledger: str, command: Command) -> None:
        """Without anything else it is a line a batch."""
        status, lines, said = command("ledger", "show", ledger)
        assert (status, said) == (0, "")
        assert lines == [
            {
                "event": "counts",
                "batch": "launch",
                "counts": {"done": 1, "waiting": 1, "making": 1, "unclear": 2},
            },
            {"event": "counts", "batch": "other", "counts": {"waiting": 1}},
        ]

    def test_counts_tell_what_the_ledgers_states_do_not(self, ledger: str, command: Command) -> None:
        """As `jobs` does: what waits for a person, and a single create that was not sent."""

        async def add() -> None:
            key = unnamed_key()
            async with planned("single", ["asks", key]) as (opened, items):
                await submitted(opened, items["asks"], "job-asks")
                opened.journal(items["asks"]).changed(change("awaiting_user_input", "job-asks"))
                record = opened.journal(items[key])
                await record.begin()
                await record.released(NotSentError("no credits"))

        anyio.run(add)
        counts = {line["batch"]: line["counts"] for line in command("ledger", "show", ledger)[1]}
        assert counts["single"] == {"needs you": 1, "failed": 1}
        assert counts["launch"] == {"done": 1, "waiting": 1, "making": 1, "unclear": 2}
        assert {line["state"] for line in command("jobs", "--ledger", ledger, "--batch", "single")[1]} == {
            "needs you", "failed",
        }  # fmt: skip

    def test_items_come_with_problems_first(self, ledger: str, command: Command) -> None:
        """The items of a batch in the order of planning, those that need a person before the rest."""
        _, lines, _ = command("ledger", "show", ledger, "--batch", "launch")
        assert [line["key"] for line in lines] == ["lost", "gone", "new", "done", "runs"]
        assert lines[3]["job"]["video_url"] == "https://example.com/v.mp4"
        assert "hush" not in json.dumps(lines)

    def test_states_and_a_limit_choose_items(self, ledger: str, command: Command) -> None:
        """Only so many, only those; what is left out is said."""
        argv = ["ledger", "show", ledger, "--state", "planned", "--state", "completed"]
        assert [line["key"] for line in command(*argv)[1]] == ["new", "done", "new"]
        _, lines, said = command(*argv, "--limit", "2")
        assert len(lines) == 2
        assert "--limit 0 shows all" in said
        assert len(command(*argv, "--limit", "0")[1]) == 3

    def test_one_item_has_its_history(self, ledger: str, command: Command) -> None:
        """With its key, what happened to it comes in order."""
        _, (line,), _ = command("ledger", "show", ledger, "--key", "done")
        assert [step["state"] for step in line["history"] if step["state"]] == ["intent", "submitted", "completed"]
        assert line["sent_at"]

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            (["nowhere.db"], "there is no ledger nowhere.db"),
            ([LEDGER, "--batch", "nope"], "has no batch 'nope'; its batches are: launch, other"),
            ([LEDGER, "--key", "nope"], "has no item 'nope'"),
            ([LEDGER, "--key", "new"], "several batches; add --batch with one of: launch, other"),
            ([LEDGER, "--state", "lost"], "there is no state 'lost'; the states are: waiting, making, needs you"),
            ([LEDGER, "--batch", "launch", "--limit", "-1"], "--limit must be a number from 0 to"),
            (["mysql://x"], "a ledger's URL is"),
        ],
    )
    @pytest.mark.usefixtures("ledger")
    def test_what_is_not_there_is_said(self, argv: list[str], words: str, command: Command) -> None:
        """One sentence says what is not there and what is, and no file is made."""
        status, _, said = command("ledger", "show", *argv)
        assert status == 2
        assert words in said
        assert not Path("nowhere.db").exists()

    def test_what_died_while_it_was_sent_is_uncertain(self, ledger: str, command: Command) -> None:
        """An intent whose owner is dead is shown as what it is: nobody knows."""
        die_while_sending("new")
        _, lines, _ = command("ledger", "show", ledger, "--state", "uncertain", "--batch", "launch")
        assert [line["key"] for line in lines] == ["new", "lost", "gone"]

    def test_a_person_gets_tables(self, ledger: str, on_terminal: OnTerminal) -> None:
        """On a terminal items are rows, an item a page, and no signature is shown."""
        status, shown = on_terminal("ledger", "show", ledger)
        assert status == 0
        assert "6 items" not in shown
        assert "launch" in shown
        assert "2 unclear" in shown
        _, rows = on_terminal("ledger", "show", ledger, "--batch", "launch", columns=160)
        plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", rows).splitlines()
        assert [line.split()[3] for line in plain[1:6]] == ["lost", "gone", "new", "done", "runs"]
        assert "job-runs" in rows
        _, page = on_terminal("ledger", "show", ledger, "--key", "lost")
        assert "the connection was lost" in " ".join(page.split())
        assert "https://storage.example.com/hero.png?…" in page
        assert "hush" not in shown + rows + page

    def test_a_file_that_is_no_ledger_is_left_alone(self, tmp_path: Path, command: Command) -> None:
        """It is said that it can't be read, and it stays as it is."""
        path = tmp_path / "a.db"
        path.write_text("words " * 100)
        status, _, said = command("ledger", "show", str(path))
        assert status == 4
        assert said.count("\n") == 1
        assert path.read_text() == "words " * 100

    @pytest.mark.parametrize("what", ["show", "export"])
    def test_looking_at_another_programs_database_gives_it_no_tables(
        self, what: str, tmp_path: Path, command: Command
    ) -> None:
        """It is said what it is, and it stays as it is."""
        path = tmp_path / "a.db"
        path.touch(0o600)
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE customers (name)")
        connection.close()
        before = path.read_bytes()
        status, _, said = command("ledger", what, str(path))
        assert (status, path.read_bytes(), list(tmp_path.iterdir())) == (4, before, [path])
        assert "it is another program's database" in said

    def test_a_view_that_never_ends_is_not_begun(self, ledger: str, command: Command) -> None:
        """What only looks like a ledger is refused at once."""
        with sqlite3.connect(ledger) as connection:
            connection.execute("DROP TABLE motion_history")
            connection.execute("DROP TABLE motion_items")
            endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n"
            connection.execute(f"CREATE VIEW motion_items AS {endless}")
        connection.close()
        status, _, said = command("ledger", "show", ledger)
        assert status == 4
        assert "motion_items is a view" in said

    def test_looking_leaves_no_trace(self, ledger: str, command: Command, tmp_path: Path) -> None:
        """Not even where what died while it was sent is shown as unclear."""
        die_while_sending("new")
        before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()}
        assert command("ledger", "show", ledger)[1][0]["counts"]["unclear"] == 3
        assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()} == before


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a page be a small one."""
    monkeypatch.setattr(showing, "_PAGE", 2)


class Told(Output):
    """Takes pages, and notes how many items had been read when each came."""

    def __init__(self) -> None:
        super().__init__(Stdout())
        self.read = 0
        self.pages: list[tuple[int, int]] = []
        self.said: list[str] = []

    async def five(self) -> AsyncGenerator[Item]:
        for _ in range(5):
            self.read += 1
            yield item(ItemState.COMPLETED)

    def show_items(self, items: Iterable[Item]) -> None:
        self.pages.append((self.read, len(list(items))))

    def notice(self, words: str) -> None:
        self.said.append(words)


@pytest.mark.usefixtures("pages_of_two")
@pytest.mark.parametrize(
    ("limit", "pages", "read"),
    [
        (0, [(2, 2), (4, 2), (5, 1)], 5),
        (3, [(2, 2), (3, 1)], 4),
        (5, [(2, 2), (4, 2), (5, 1)], 5),
    ],
)
async def test_a_page_is_told_before_the_next_is_read(limit: int, pages: list[tuple[int, int]], read: int) -> None:
    """Nothing is read beyond the limit but the one item by which it is known that there are more."""
    told = Told()
    number = await showing.list_items(told, Address("l.db"), told.five(), limit=limit)
    assert (number, told.pages, told.read) == (limit or 5, pages, read)
    assert told.said == ([] if read == number else [
        "these are the first 3; --limit 0 shows all, `motion-async ledger export` writes them"
    ])  # fmt: skip


@pytest.mark.usefixtures("pages_of_two")
def test_what_is_said_last_is_of_all_pages(ledger: str, command: Command) -> None:
    """How to settle what is unclear, and how to ask after what runs, wherever in the list they stand."""
    for argv in (["ledger", "show", ledger, "--batch", "launch"], ["jobs", "--ledger", ledger]):
        _, lines, said = command(*argv)
        assert len(lines) > 4
        assert "1 had not ended when they were seen last; how they stand now: motion-async status -- job-runs" in said
        assert "as with: motion-async ledger resolve --job-id=ID --batch=launch -- launch.db" in said
