"""`motion_async.cli.ledger.settling`: what a person has found out is told to the ledger, without a key."""

import io
import json
import sqlite3
from pathlib import Path

import anyio
import pytest

from motion_async.cli import main
from motion_async.errors import LedgerAccountError
from motion_async.jobs import VideoRequest
from motion_async.ledger import Account, Entry, open_ledger
from motion_async.sandbox import Sandbox
from tests.cli.ledger.conftest import LEDGER, SIGNED, Command, OnTerminal, die_while_sending, stands, uncertain


class TestResolve:
    """`ledger resolve`."""

    @pytest.mark.parametrize("word", ["ID", "JOB_ID"])
    def test_a_printed_command_that_is_pasted_as_it_is_settles_nothing(
        self, word: str, ledger: str, command: Command
    ) -> None:
        """What stands for the id in it is no job."""
        status, _, said = command("ledger", "resolve", f"--job-id={word}", "--", ledger, "lost")
        assert status == 2
        assert f"{word} stands for the id of the job" in said

    def test_a_job_that_was_found_is_waited_for(
        self, ledger: str, command: Command, sandbox: Sandbox, fast_polls: None
    ) -> None:
        """The next run of the batch takes it up by its id, and sends nothing."""
        command("generate", "A lost video")
        (job_id,) = sandbox.jobs
        status, lines, said = command("ledger", "resolve", ledger, "lost", "--job-id", job_id)
        assert (status, lines[0]["item_state"], lines[0]["job_id"]) == (0, "submitted", job_id)
        assert f"lost is job {job_id} now: run the batch again, and it waits for it" in said
        asks = said.rpartition("whether the service knows that job: motion-async ")[2].split()
        assert command(*asks)[1][0]["job_id"] == job_id
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
        assert "nothing is unclear" in said

    def test_nobody_to_ask_is_a_refusal(self, ledger: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a terminal and without `--yes` nothing is changed."""
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        before = stands()
        status, _, said = command("ledger", "resolve", ledger, "--all", "--drop")
        assert status == 2
        assert "add --yes" in said
        assert stands() == before

    @pytest.mark.parametrize(
        ("typed", "status", "left"), [("y\n", 0, "planned"), ("\n", 130, "uncertain"), ("", 130, "uncertain")]
    )
    def test_a_person_is_asked(self, typed: str, status: int, left: str, ledger: str, on_terminal: OnTerminal) -> None:
        """On a terminal the question says what it costs; only a yes changes anything, and Ctrl-C ends it."""
        ended, shown = on_terminal("ledger", "resolve", ledger, "--all", "--send-again", after="[y/N]", typed=typed)
        assert ended == status
        assert "2 unclear items will be sent again; one whose video was made after all is paid twice" in shown
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
