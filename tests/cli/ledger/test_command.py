"""`motion_async.cli.ledger.command`: what a ledger has is shown, exported and settled, without a key."""

import csv
import io
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from motion_async.cli import main
from motion_async.errors import CreateUncertainError, LedgerAccountError
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.ledger import Account, Entry, Item, Ledger, open_ledger
from motion_async.sandbox import Sandbox

Lines = list[dict[str, Any]]
Command = Callable[..., tuple[int, Lines, str]]
OnTerminal = Callable[..., tuple[int, str]]
LEDGER = "launch.db"
SIGNED = "https://storage.example.com/hero.png?signature=hush"


async def uncertain(ledger: Ledger, item: Item) -> None:
    """Have an item sent, and its answer lost."""
    record = ledger.journal(item)
    await record.begin()
    await record.unknown(CreateUncertainError("the connection was lost"))


async def submitted(ledger: Ledger, item: Item, job_id: str) -> None:
    """Have an item sent and taken."""
    record = ledger.journal(item)
    await record.begin()
    await record.accepted(JobState(job_id, JobStatus.QUEUED))


@asynccontextmanager
async def planned(batch: str, keys: Sequence[str]) -> AsyncIterator[tuple[Ledger, dict[str, Item]]]:
    """Open the ledger with some items."""
    async with open_ledger(f"sqlite:///{LEDGER}") as ledger:
        entries = [
            Entry(key, VideoRequest(f"A {key} video", attachments=[SIGNED]), metadata={"k": key}) for key in keys
        ]
        items = await ledger.plan(batch, entries)
        yield ledger, {item.key: item for item in items}


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ledger with an item of each kind that matters, in a directory of its own."""
    monkeypatch.chdir(tmp_path)

    async def make() -> None:
        async with planned("launch", ["new", "done", "lost", "gone", "runs"]) as (opened, items):
            await uncertain(opened, items["lost"])
            await uncertain(opened, items["gone"])
            await submitted(opened, items["runs"], "job-runs")
            await submitted(opened, items["done"], "job-done")
            state = JobState("job-done", JobStatus.COMPLETED, extra={"video_url": "https://example.com/v.mp4"})
            await opened.journal(items["done"]).ended(state, None)
        async with planned("other", ["new"]):
            pass

    anyio.run(make)
    return LEDGER


def stands() -> dict[str, str]:
    """Give the states of the batch's items, read behind the ledger's back."""
    with sqlite3.connect(f"file:{LEDGER}?mode=ro", uri=True) as connection:
        found = dict(connection.execute("SELECT key, state FROM motion_items WHERE batch = 'launch'").fetchall())
    connection.close()
    return found


def die_while_sending(key: str) -> None:
    """Have an item stand as if its sender had died."""
    with sqlite3.connect(LEDGER) as connection:
        connection.execute(
            "UPDATE motion_items SET state = 'intent', owner = '00112233445566aa', claim = 'x' WHERE key = ?", (key,)
        )
    connection.close()


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
            ([LEDGER, "--batch", "launch", "--limit", "-1"], "--limit must be 0 or more"),
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
        keys = [line.split("  ")[2].strip() for line in re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", rows).splitlines()[1:]]
        assert keys
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


class TestExport:
    """`ledger export`."""

    def test_all_items_come_in_order(self, ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
        """As JSONL on standard output, an item a line, without signatures."""
        assert main(["ledger", "export", ledger]) == 0
        text = capsys.readouterr().out
        items = [json.loads(line) for line in text.splitlines()]
        assert [item["key"] for item in items] == ["new", "done", "lost", "gone", "runs", "new"]
        assert items[1]["request"]["attachments"][0]["url"] == "https://storage.example.com/hero.png?…"
        assert "hush" not in text

    def test_a_csv_has_a_column_for_each_field(self, ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
        """The name of the output tells the format; metadata and job are JSON in their cells."""
        assert main(["ledger", "export", ledger, "--batch", "launch", "--state", "completed", "--output", "o.csv"]) == 0
        assert "o.csv has 1 items" in capsys.readouterr().err
        (row,) = csv.DictReader(io.StringIO(Path("o.csv").read_text()))
        assert (row["key"], row["prompt"], row["job_id"]) == ("done", "A done video", "job-done")
        assert json.loads(row["metadata"]) == {"k": "done"}
        assert json.loads(row["job"])["status"] == "completed"

    def test_the_ledger_itself_is_no_output(self, ledger: str, command: Command) -> None:
        """It would be replaced by its own export."""
        before = stands()
        for output in (ledger, f"{ledger}-wal"):
            assert command("ledger", "export", ledger, "--output", output)[0] == 2
        assert stands() == before


class TestResolve:
    """`ledger resolve`."""

    def test_a_job_that_was_found_is_waited_for(
        self, ledger: str, command: Command, sandbox: Sandbox, fast_polls: None
    ) -> None:
        """The next run of the batch takes it up by its id, and sends nothing."""
        command("generate", "A lost video")
        (job_id,) = sandbox.jobs
        status, lines, said = command("ledger", "resolve", ledger, "lost", "--job-id", job_id)
        assert (status, lines[0]["item_state"], lines[0]["job_id"]) == (0, "submitted", job_id)
        assert f"lost is job {job_id} now: run the batch again, and it waits for it" in said
        line = {"id": "lost", "prompt": "A lost video", "attachments": [SIGNED]}
        Path("launch.jsonl").write_text(json.dumps(line))
        status, lines, _ = command("batch", "launch.jsonl", "--ledger", ledger)
        assert (status, lines[0]["end"], lines[0]["job_id"]) == (0, "completed", job_id)
        assert sandbox.counts.creates == 1

    def test_a_followup_that_was_never_taken_can_be_sent_again(self, ledger: str, command: Command) -> None:
        """Its job has an end already, so a person who was wrong hears what then happens, and takes it back."""

        async def lose_a_followup() -> None:
            async with open_ledger(f"sqlite:///{LEDGER}") as opened:
                (item,) = await opened.plan("launch", [Entry("faster", VideoRequest("Faster"), parent="done")])
                await uncertain(opened, item)

        anyio.run(lose_a_followup)
        _, _, said = command("ledger", "resolve", ledger, "faster", "--job-id", "job-done")
        assert "if that followup was never taken, it waits for ever: then stop it, and say --send-again" in said
        assert command("ledger", "resolve", ledger, "faster", "--send-again")[0] == 0
        assert stands()["faster"] == "planned"

    @pytest.mark.parametrize(
        ("option", "state", "words"),
        [("--send-again", "planned", "will be sent again: run the batch again"), ("--drop", "dropped", "for good")],
    )
    def test_it_is_sent_again_or_given_up(
        self, option: str, state: str, words: str, ledger: str, command: Command
    ) -> None:
        """The one item changes and no other; the words say what happens next."""
        before = stands()
        status, lines, said = command("ledger", "resolve", ledger, "lost", option)
        assert (status, lines[0]["item_state"]) == (0, state)
        assert words in said
        assert stands() == {**before, "lost": state}

    def test_what_was_dropped_stays_so_and_is_no_failure(
        self, ledger: str, command: Command, sandbox: Sandbox, fast_polls: None
    ) -> None:
        """A batch of which a person has given an item up ends well."""
        command("ledger", "resolve", ledger, "lost", "--drop")
        line = {"id": "lost", "prompt": "A lost video", "attachments": [SIGNED]}
        Path("launch.jsonl").write_text(json.dumps(line))
        status, lines, _ = command("batch", "launch.jsonl", "--ledger", ledger)
        assert (status, lines[0]["end"]) == (0, "dropped")
        assert sandbox.counts.creates == 0

    def test_the_services_own_word_gives_way_to_a_person_who_is_sure(self, ledger: str, command: Command) -> None:
        """The other id takes the place of the first, which stays in the history."""
        status, lines, said = command("ledger", "resolve", ledger, "runs", "--job-id", "job-of-another", "--yes")
        assert (status, lines[0]["job_id"]) == (0, "job-of-another")
        assert "is job job-of-another now" in said
        _, [shown], _ = command("ledger", "show", ledger, "--key", "runs", "--batch", "launch")
        assert "named by a person instead of job-runs" in json.dumps(shown["history"])

    def test_one_job_for_two_items_needs_a_person_who_is_sure(self, ledger: str, command: Command) -> None:
        """A video that two requests have made is more often a slip than not; a followup of one is of its job."""
        assert command("ledger", "resolve", ledger, "lost", "--job-id", "job-runs")[0] == 2
        assert command("ledger", "resolve", ledger, "lost", "--job-id", "job-runs", "--yes")[0] == 0
        assert command("ledger", "resolve", ledger, "lost", "--job-id", "job-runs", "--yes")[0] == 0

        async def lose_followups() -> None:
            async with open_ledger(f"sqlite:///{LEDGER}") as opened:
                parents = {"faster": "done", "louder": "faster", "slower": "done", "lonely": "nobody"}
                entries = [Entry(key, VideoRequest(key), parent=parent) for key, parent in parents.items()]
                for item in await opened.plan("launch", entries):
                    await uncertain(opened, item)

        anyio.run(lose_followups)
        for key in ("louder", "faster", "slower"):
            assert command("ledger", "resolve", ledger, key, "--job-id", "job-done")[0] == 0
        assert command("ledger", "resolve", ledger, "lonely", "--job-id", "job-done")[0] == 2

    def test_one_whose_sender_died_can_be_settled(self, ledger: str, command: Command) -> None:
        """An intent that nobody is behind any more is uncertain first."""
        die_while_sending("new")
        assert command("ledger", "resolve", ledger, "new", "--batch", "launch", "--send-again")[0] == 0
        assert stands()["new"] == "planned"

    @pytest.mark.parametrize("decision", ["--send-again", "--drop"])
    def test_all_are_settled_at_once(self, decision: str, ledger: str, command: Command) -> None:
        """With `--all --yes` every uncertain item is, and nothing else."""
        status, lines, said = command("ledger", "resolve", ledger, "--all", decision, "--yes")
        assert (status, [line["key"] for line in lines]) == (0, ["lost", "gone"])
        assert "2 items" in said
        assert "uncertain" not in stands().values()
        status, lines, said = command("ledger", "resolve", ledger, "--all", decision, "--yes")
        assert (status, lines) == (0, [])
        assert "nothing is uncertain" in said

    def test_nobody_to_ask_is_a_refusal(self, ledger: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a terminal and without `--yes` nothing is changed."""
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        before = stands()
        status, _, said = command("ledger", "resolve", ledger, "--all", "--drop")
        assert status == 2
        assert "add --yes" in said
        assert stands() == before

    @pytest.mark.parametrize(
        ("typed", "status", "left"), [("y\n", 0, "planned"), ("\n", 2, "uncertain"), ("", 130, "uncertain")]
    )
    def test_a_person_is_asked(self, typed: str, status: int, left: str, ledger: str, on_terminal: OnTerminal) -> None:
        """On a terminal the question says what it costs; only a yes changes anything, and Ctrl-C ends it."""
        ended, shown = on_terminal("ledger", "resolve", ledger, "--all", "--send-again", after="[y/N]", typed=typed)
        assert ended == status
        assert "2 uncertain items will be sent again; one whose video was made after all is paid twice" in shown
        assert "Traceback" not in shown
        assert stands()["lost"] == left

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            (["lost"], "exactly one of --job-id ID, --send-again and --drop"),
            (["lost", "--drop", "--send-again"], "exactly one of"),
            (["--drop"], "either the KEY of one item, or --all"),
            (["lost", "--all", "--drop"], "either the KEY of one item, or --all"),
            (["--all", "--job-id", "x", "--yes"], "one job cannot be that of all"),
            (["done", "--send-again"], "cannot be sent again: it is completed, as job job-done"),
            (["runs", "--drop"], "cannot be dropped: it is submitted"),
            (["runs", "--job-id", "job-of-another"], "the service took it as job job-runs; to have it be another one"),
            (["nope", "--drop"], "has no item 'nope'"),
            (["lost", "--job-id", ".."], "cannot be a job id"),
            (["lost", "--job-id", ""], "A job id has 1 to 512 characters"),
            (["lost", "--job-id", " job-1"], "' job-1' cannot be a job id: it has white space in it"),
            (["lost", "--job-id", "job-1 "], "it has white space in it; give the id alone"),
            (["lost", "--job-id", "job 1"], "it has white space in it"),
            (["lost", "--job-id", "job-1\n"], "cannot be a job id"),
            (["lost", "--job-id", "job-done"], "job job-done is that of 'done' of batch 'launch' already; to have it"),
        ],
    )
    def test_what_cannot_be_settled_is_said(self, argv: list[str], words: str, ledger: str, command: Command) -> None:
        """A wrong choice, item or id changes nothing, and a sentence says why."""
        before = stands()
        status, _, said = command("ledger", "resolve", ledger, *argv)
        assert status == 2
        assert words in said
        assert stands() == before


@pytest.mark.parametrize("name", ["show", "export", "resolve"])
def test_each_has_a_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each subcommand documents itself, without a ledger."""
    assert main(["ledger", name, "--help"]) == 0
    assert "LEDGER" in capsys.readouterr().out


def test_the_help_of_export_documents_its_lines(
    ledger: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each field of a line stands in the help, in order."""
    monkeypatch.setenv("COLUMNS", "80")
    main(["ledger", "export", ledger])
    fields = list(json.loads(capsys.readouterr().out.splitlines()[0]))
    main(["ledger", "export", "--help"])
    shapes = capsys.readouterr().out.partition("A line has these fields:")[2].partition("What there is none of")[0]
    names = " ".join(re.findall(r"^  (\S.*?)  ", shapes, flags=re.MULTILINE))
    assert re.findall(r"\w+", names) == fields


def test_the_help_of_resolve_tells_key_and_yes_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key may be left out, which the usage shows, and `--yes` says what it goes with."""
    monkeypatch.setenv("COLUMNS", "80")
    main(["ledger", "resolve", "--help"])
    text = capsys.readouterr().out
    assert text.startswith("Usage: motion-async ledger resolve [OPTIONS] [LEDGER] [KEY]")
    assert "with --all" in text


JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"


@pytest.mark.usefixtures("ledger")
def test_a_job_is_one_items_however_its_id_is_written(command: Command) -> None:
    """A UUID in capitals is the same job: not another one for this item, nor free for a second."""
    assert command("ledger", "resolve", LEDGER, "lost", "--job-id", JOB.upper())[0] == 0
    status, _, said = command("ledger", "resolve", LEDGER, "gone", "--job-id", JOB)
    assert status == 2
    assert "is that of 'lost'" in said
    assert command("ledger", "resolve", LEDGER, "lost", "--job-id", JOB)[1][0]["job_id"] == JOB


def test_an_item_is_found_in_every_form_of_unicode(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its key and by its batch: a terminal writes another form than a file."""
    monkeypatch.chdir(tmp_path)

    async def make() -> None:
        async with planned("caf\u00e9", ["cr\u00e8me"]) as (opened, items):
            await uncertain(opened, items["cr\u00e8me"])

    anyio.run(make)
    key, batch = "cre\u0300me", "--batch=cafe\u0301"
    assert command("ledger", "show", LEDGER, "--key", key)[0] == 0
    assert [line["key"] for line in command("ledger", "export", LEDGER, batch)[1]] == ["cr\u00e8me"]
    status, lines, _ = command("ledger", "resolve", LEDGER, key, batch, "--drop")
    assert (status, lines[0]["item_state"]) == (0, "dropped")


class TestAdopt:
    """`ledger adopt`."""

    def test_a_batch_goes_on_with_the_next_key(self, ledger: str, command: Command) -> None:
        """Once it is known whose it was, and no sooner."""
        status, _, said = command("ledger", "adopt", ledger, "launch")
        assert status == 2
        assert "whose account it knows" in said
        first, next_one = (Account("https://api.motion.so", f"motion_{name}") for name in ("first", "next"))
        elsewhere = Account("https://motion.example.com", "motion_next")

        async def bind(*accounts: Account) -> None:
            async with open_ledger(f"sqlite:///{ledger}") as opened:
                for account in accounts:
                    await opened.bind("launch", account)

        with sqlite3.connect(ledger) as connection:
            owner, fingerprint = "00112233445566aa", first.fingerprint("salt")
            row = ("launch", first.origin, fingerprint, owner, "2026-05-01T12:00:00.000000+00:00")
            connection.execute("INSERT INTO motion_batches VALUES (?, ?, ?, ?, ?)", row)
        connection.close()
        with pytest.raises(LedgerAccountError):
            anyio.run(bind, next_one)
        status, _, said = command("ledger", "adopt", ledger, "launch")
        assert (status, said) == (0, "motion-async: batch launch goes on with the key of its next run\n")
        anyio.run(bind, next_one)
        assert command("ledger", "adopt", ledger, "launch", "--origin", elsewhere.origin)[0] == 0
        anyio.run(bind, elsewhere)

    def test_a_batch_that_is_not_there_is_said(self, ledger: str, command: Command) -> None:
        """With those that are."""
        status, _, said = command("ledger", "adopt", ledger, "lunch")
        assert status == 2
        assert "its batches are: launch, other" in said


@pytest.mark.usefixtures("ledger")
class TestOwnLedger:
    """What is done with a person's own ledger, which needs no name."""

    @pytest.fixture(autouse=True)
    def own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have it be the one of these tests."""
        monkeypatch.setenv("MOTION_LEDGER", LEDGER)

    def test_a_single_name_is_a_key(self, command: Command) -> None:
        """Without a ledger's; with `--all` it is the ledger's, as there is no key then."""
        assert command("ledger", "resolve", "lost", "--job-id", "job-new")[0] == 0
        assert stands()["lost"] == "submitted"
        assert command("ledger", "resolve", "--all", "--drop", "--yes")[0] == 0
        assert command("ledger", "resolve", LEDGER, "--all", "--drop", "--yes")[0] == 0

    def test_what_names_a_ledger_is_no_key(self, command: Command) -> None:
        """Whoever has left out the key, or the batch, is told so."""
        status, _, said = command("ledger", "resolve", LEDGER, "--drop")
        assert (status, "name either the KEY of one item, or --all" in said) == (2, True)
        status, _, said = command("ledger", "adopt", LEDGER)
        assert (status, "name the BATCH whose key was replaced" in said) == (2, True)

    def test_it_is_shown_and_exported(self, command: Command) -> None:
        """As one that is named."""
        for argv in (["show"], ["export"]):
            assert command("ledger", *argv) == command("ledger", *argv, LEDGER)
