"""`motion_async.cli.batch.command`: a batch from a file to its results, and what stands in its way."""

import json
import re
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from motion_async.cli import main
from motion_async.sandbox import AwaitInput, Fail, LostAnswer, Sandbox
from tests.ledger.earlier import Earlier, make_earlier
from tests.waiting import until_now

Lines = list[dict[str, Any]]
Command = Callable[..., tuple[int, Lines, str]]
Write = Callable[..., str]
EXPIRED = "https://storage.example.com/a.png?Signature=a&Expires=1"


def videos(number: int) -> list[object]:
    """Requests without ids, each unlike the others."""
    return [{"prompt": f"Video number {index}", "metadata": {"n": index}} for index in range(number)]


def results(name: str = "out.jsonl") -> Lines:
    """Read a file of results."""
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def states(found: Lines) -> list[str]:
    """Give the states of results."""
    return [line["state"] for line in found]


def ends(lines: Lines) -> list[str]:
    """Give how the lines came out."""
    return [line["end"] for line in lines if line["event"] == "outcome"]


def table(name: str = "launch.jsonl.ledger.db") -> list[tuple[Any, ...]]:
    """Read the items of a ledger behind its back."""
    with sqlite3.connect(f"file:{name}?mode=ro", uri=True) as connection:
        found = connection.execute("SELECT key, state, job_id FROM motion_items ORDER BY id").fetchall()
    connection.close()
    return found


@pytest.mark.usefixtures("fast_polls")
class TestARun:
    """One run from its beginning to its end."""

    def test_every_line_becomes_a_video(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """All lines are sent once, come out with line, key and metadata, and the ledger lies beside the file."""
        file = write([{"id": "hero", "prompt": "A video"}, "", *videos(2)])
        status, lines, said = command("batch", file)
        assert status == 0
        outcomes = {line["line"]: line for line in lines if line["event"] == "outcome"}
        assert sorted(outcomes) == [1, 3, 4]
        assert outcomes[1]["key"] == "hero"
        assert outcomes[4]["metadata"] == {"n": 1}
        assert outcomes[4]["job"]["job_id"] == outcomes[4]["job_id"] in sandbox.jobs
        assert lines[-1]["event"] == "batch"
        assert lines[-1]["counts"] == {"done": 3}
        assert {outcome["state"] for outcome in outcomes.values()} == {"done"}
        assert re.search(
            r"motion-async: batch launch: 3 of 3 done; took \d+\.\d s, its ledger is launch\.jsonl\.ledger\.db\n", said
        )
        assert len(table()) == sandbox.counts.creates == 3

    def test_a_second_run_sends_nothing(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """What is finished comes out again without a call."""
        file = write(videos(3))
        command("batch", file)
        before = sandbox.counts
        status, lines, _ = command("batch", file)
        assert (status, ends(lines)) == (0, ["completed"] * 3)
        assert sandbox.counts == before

    def test_a_rehearsal_is_not_told_as_done(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """With another service nothing is sent, and nothing is said to be finished."""
        file = write(videos(3))
        command("batch", file)
        before = sandbox.counts
        status, lines, said = command("batch", file, "--base-url", "https://api.motion.so")
        assert (status, [line["event"] for line in lines]) == (2, ["error"])
        assert sandbox.url.removesuffix("/api/motion") in said
        assert "https://api.motion.so" in said
        assert sandbox.counts == before

    def test_what_was_made_before_is_not_paid_for_again_unasked(
        self, sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """In another batch of the ledger, or under another id; a person may want it all the same."""
        command("batch", write(videos(3)), "--ledger", "l.db")
        for lines, batch in ((videos(4), "other"), ([{**videos(1)[0], "id": "renamed"}], "launch")):
            file = write(lines)
            status, told, said = command("batch", file, "--ledger", "l.db", "--batch", batch)
            assert (status, {line["event"] for line in told}) == (2, {"duplicate", "error"})
            assert "--duplicates take" in said
            assert "of batch launch" in said
            assert sandbox.counts.creates == 3
        file = write(videos(4))
        assert command("batch", file, "--ledger", "l.db", "--batch", "other", "--duplicates", "make")[0] == 0
        assert sandbox.counts.creates == 7

    def test_equal_lines_are_as_many_videos(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """If they are meant: each is known by its place among its equals, and what was sent is asked about no more."""
        for count, options, status in ((1, (), 0), (3, (), 2), (3, ("--allow-odd",), 0), (3, (), 0)):
            assert command("batch", write([{"prompt": "A cat"}] * count), *options)[0] == status
        assert sandbox.counts.creates == 3

    def test_a_csv_does_the_same(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """Columns reach the service as the fields of its body."""
        url = "https://storage.example.com/a.png"
        file = write(["id,prompt,attachments", f'a,"One, two",{url} {url}'], "launch.csv")
        assert command("batch", file)[0] == 0
        (job,) = sandbox.jobs.values()
        assert job.body["prompt"] == "One, two"
        assert [attachment["url"] for attachment in job.body["attachments"]] == [url, url]

    def test_a_followup_waits_for_the_line_that_it_follows(
        self, sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """It becomes a new turn of that line's job, and is not sent if that job fails."""
        sandbox.faults.for_prompt("sad", Fail(), on="create")
        file = write(
            [
                {"id": "a", "prompt": "A video"},
                {"id": "b", "prompt": "Faster", "follows": "a"},
                {"id": "c", "prompt": "A sad video"},
                {"id": "d", "prompt": "Slower", "follows": "c"},
            ]
        )
        status, lines, _ = command("batch", file, "--output", "out.jsonl")
        assert status == 1
        assert sandbox.counts.followups_accepted == 1
        by_key = {line["key"]: line for line in lines if line["event"] == "outcome"}
        assert by_key["b"]["job_id"] == by_key["a"]["job_id"]
        assert [by_key[key]["end"] for key in "abcd"] == ["completed", "completed", "failed", "not_sent"]
        assert [by_key[key]["state"] for key in "abcd"] == ["done", "done", "failed", "waiting"]
        assert states(results()) == ["done", "done", "failed", "waiting"]

    def test_results_come_in_the_order_of_the_file(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """The output has a line for each line, in order, however the jobs ended, with what is known of each."""
        sandbox.faults.for_prompt("number 1", Fail("No scene."), on="create")
        sandbox.faults.for_prompt("number 2", AwaitInput(), on="create")
        file = write([*videos(2), "", "{", *videos(6)[2:]])
        status, lines, said = command("batch", file, "--output", "out.jsonl", "--skip-invalid", "--max-active", "3")
        assert status == 1
        found = results()
        assert [line["line"] for line in found] == [1, 2, 4, 5, 6, 7, 8]
        assert states(found) == ["done", "failed", "needs you", *["done"] * 4]
        assert "no scene" in found[1]["error"].lower()
        assert "is no JSON" in found[2]["error"]
        assert [line["metadata"] for line in found if line["metadata"]] == [{"n": index} for index in range(6)]
        told = {line["line"]: line for line in lines if line["event"] == "outcome"}
        for line in found:
            if line["state"] != "needs you":
                assert [line[name] for name in ("key", "job_id", "job")] == [
                    told[line["line"]][name] for name in ("key", "job_id", "job")
                ]
        assert "out.jsonl has the results of 7 lines" in said
        assert [words for words in said.splitlines() if "“" in words] == [
            f"motion-async: line 2, “Video number 1”: failed, No scene. (job {found[1]['job_id']})"
        ]

    def test_standard_input_is_a_file_too(
        self, sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`-` reads it whole first; its batch is `stdin`, unless it is named, and what was made is not made again."""
        file = write(videos(2))
        for more in ([], ["--format", "jsonl"]):
            with Path(file).open() as given:
                monkeypatch.setattr(sys, "stdin", given)
                status, lines, _ = command("batch", "-", "--output", "out.jsonl", *more)
                assert (status, lines[-1]["batch"]) == (0, "stdin")
        assert states(results()) == ["done"] * 2
        assert sandbox.counts.creates == 2

    def test_ledger_and_batch_may_be_named(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """Two batches of one ledger do not know each other's items."""
        file = write(videos(1))
        for name in ("a", "b"):
            assert command("batch", file, "--ledger", "sqlite:///l.db", "--batch", name, "--duplicates", "make")[0] == 0
        assert len(table("l.db")) == sandbox.counts.creates == 2
        assert not Path("launch.jsonl.ledger.db").exists()

    def test_a_line_that_is_changed_after_it_was_sent(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """The same id with another content is not sent, and the line is told so."""
        command("batch", write([{"id": "a", "prompt": "A video"}]))
        status, lines, said = command("batch", write([{"id": "a", "prompt": "Another"}]), "--output", "out.jsonl")
        assert (status, ends(lines)) == (2, ["changed"])
        assert "line 1, a, “Another”: needs you, item 'a' of batch 'launch'" in said
        assert "with another request" in said
        assert "another content" in results()[0]["error"]
        assert sandbox.counts.creates == 1

    def test_a_job_that_takes_too_long_is_left_to_itself(
        self, sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """After `--timeout` its line is still being made, and the next run waits for the same job."""
        sandbox.faults.next(AwaitInput(until_answered=True), on="create")
        file = write(videos(1))
        status, lines, said = command("batch", file, "--timeout", "0.3")
        assert (status, ends(lines)) == (4, ["running"])
        assert "0 of 1 done, 1 making" in said
        (job_id,) = sandbox.jobs
        sandbox.give_input(job_id)
        assert command("batch", file)[0] == 0
        assert sandbox.counts.creates == 1

    def test_what_is_uncertain_is_told_with_the_way_out(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """A lost answer is 4; the keys and the command that settles them stand at the end, in every run."""
        sandbox.faults.for_prompt("lost", LostAnswer(), on="create")
        file = write([{"id": "my key", "prompt": "A lost video"}, *videos(1)])
        for _ in range(2):
            status, lines, said = command("batch", file)
            assert status == 4
            assert sorted(ends(lines)) == ["completed", "uncertain"]
            assert "motion-async ledger resolve --job-id=ID --batch=launch -- launch.jsonl.ledger.db 'my key'" in said
        assert sandbox.counts.creates == 2

    @pytest.mark.parametrize("name", ["", "motion_of_nobody"])
    def test_without_a_good_key_nothing_is_made(
        self, name: str, sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A missing key is found before the ledger is made; an unknown one ends the batch and leaves all planned."""
        monkeypatch.setenv("MOTION_API_KEY", name)
        status, _, said = command("batch", write(videos(40)), "--max-active", "2")
        assert status == (3 if name else 2)
        assert Path("launch.jsonl.ledger.db").exists() is bool(name)
        if name:
            assert "0 of 40 done, 40 waiting" in said
            assert "go on with: motion-async batch launch.jsonl --max-active 2" in said
            assert {state for _, state, _ in table()} == {"planned"}


@pytest.mark.usefixtures("fast_polls")
class TestCheckedBefore:
    """What is found before anything is sent."""

    def test_bad_lines_are_told_and_nothing_is_sent(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """All bad lines come with number and reasons, the first ones in words; no ledger is made."""
        bad = [{"prompt": ""}, {"prompt": "A", "style": 1}, "nonsense", {"id": "x", "prompt": "A", "follows": "y"}]
        file = write([*videos(1), *bad, *["["] * 30])
        status, lines, said = command("batch", file, "--output", "out.jsonl")
        assert status == 2
        assert [line["line"] for line in lines] == list(range(2, 36))
        assert {line["event"] for line in lines} == {"invalid"}
        for words in (
            "line 2: prompt: String must contain at least 1",
            "line 3: style_reference_url: is the number 1",
            "line 4 is no JSON",
            "line 5: follows: 'y' is the id of no line before",
            "and 14 more lines that cannot be sent",
            "add --skip-invalid",
        ):
            assert words in said
        assert said.count("motion-async: line") == 20
        assert sandbox.counts.creates == 0
        assert sorted(path.name for path in Path().iterdir()) == ["launch.jsonl"]

    def test_bad_lines_may_be_left_out(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """With `--skip-invalid` the others are sent, under the numbers that they have in the file."""
        file = write(["{", *videos(2), {"id": "a", "prompt": "A"}, {"id": "a", "prompt": "B"}])
        status, lines, said = command("batch", file, "--skip-invalid")
        assert status == 0
        assert sorted(line["line"] for line in lines if line["event"] == "outcome") == [2, 3, 4]
        assert "3 of 3 done, 2 lines left out" in said
        assert sandbox.counts.creates == 3

    @pytest.mark.parametrize("options", [["--skip-invalid"], ["--skip-invalid", "--dry-run"]])
    def test_a_stray_quote_leaves_no_line_out(
        self, options: list[str], sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """A row that has swallowed others is not left out with them: nothing is sent, and its lines are named."""
        rows = [f"k{number},v{number}" for number in range(1, 11)]
        rows[3] = '"a stray quote,v4'
        status, _, said = command("batch", write(["id,prompt", *rows], "launch.csv"), *options)
        assert status == 2
        assert "lines 5 to 11 of the CSV" in said
        assert sandbox.counts.creates == 0

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            (["nowhere.jsonl"], "cannot be read"),
            (["launch.jsonl", "--output", "no/out"], "make it first"),
            (["launch.jsonl", "--output", "launch.jsonl"], "is the file that is read"),
            (["header.csv", "--output", "header.csv.ledger.db"], "is a file of the ledger header.csv.ledger.db"),
            (["launch.jsonl", "--ledger", "sqlite:///l.db", "--output", "./l.db-wal"], "is a file of the ledger l.db"),
            (["launch.jsonl", "--max-active", "0"], "--max-active must be a number from 1"),
            (["launch.jsonl", "--timeout", "-1"], "timeout"),
            (["launch.jsonl", "--ledger", "mysql://x"], "a ledger's URL is"),
            (["launch.jsonl", "--ledger", "no/where.db"], "no/where.db"),
            (["empty.jsonl"], "has no request in it"),
            (["header.csv"], "almost attachments"),
        ],
    )
    def test_what_cannot_be_is_said_in_a_sentence(
        self, argv: list[str], words: str, sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """A setting, file or ledger that cannot be used ends it with one sentence, and nothing is sent."""
        write(videos(1))
        write([""], "empty.jsonl")
        write(["prompt,atachments", "A,red"], "header.csv")
        status, _, said = command("batch", *argv)
        assert status in (2, 4)
        assert words in said
        assert said.count("\n") == 1
        assert sandbox.counts.creates == 0

    def test_an_expired_signature_is_a_bad_line(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """A line whose attachment can't be fetched any more is not sent, whether a ledger is there or not."""
        file = write([{"id": "old", "prompt": "A", "attachments": [EXPIRED]}])
        for _ in range(2):
            status, lines, said = command("batch", file)
            assert (status, [line["event"] for line in lines]) == (2, ["invalid"])
            assert "sign it again" in said
            command("batch", write(videos(1), "other.jsonl"), "--ledger", "launch.jsonl.ledger.db", "--batch", "launch")
        assert sandbox.counts.creates == 1


@pytest.mark.usefixtures("fast_polls")
class TestDryRun:
    """What would be done."""

    def test_it_makes_nothing(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """Without a ledger everything would be sent, and none is made; neither key nor service is needed."""
        file = write(videos(3))
        status, lines, _ = command("batch", file, "--dry-run", "--base-url", "http://127.0.0.1:1")
        assert status == 0
        assert lines == [
            {
                "event": "plan",
                "batch": "launch",
                "lines": 3,
                "counts": {"send": 3},
                "invalid": 0,
                "minimum_balance": 300,
            },
            *({"event": "new", "line": n + 1, "key": ANY, "prompt": f"Video number {n}"} for n in range(3)),
        ]
        assert sandbox.counts.creates == 0
        assert [path.name for path in Path().iterdir()] == [file]

    def test_it_tells_what_stands_where_and_changes_nothing(
        self, sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """Each line counts as what the next run would do with it; the items stay as they are."""
        sandbox.faults.for_prompt("lost", LostAnswer(), on="create")
        sandbox.faults.for_prompt("sad", Fail(), on="create")
        sandbox.faults.for_prompt("slow", AwaitInput(until_answered=True), on="create")
        requests = [{"id": name, "prompt": f"A {name} video"} for name in ("good", "lost", "sad", "slow", "old")]
        command("batch", write(requests), "--timeout", "0.3")
        requests[4]["prompt"] = "Something else"
        before = table()
        status, lines, _ = command("batch", write([*requests, *videos(2), "{"]), "--dry-run")
        assert status == 2
        [plan] = [line for line in lines if line["event"] == "plan"]
        assert plan["counts"] == {
            "completed": 1, "uncertain": 1, "failed": 1, "take_up": 1, "changed": 1, "send": 2,
        }  # fmt: skip
        assert (plan["invalid"], plan["minimum_balance"]) == (1, 300)
        assert table() == before

    def test_it_says_it_in_words_to_a_person(self, write: Write, on_terminal: Callable[..., tuple[int, str]]) -> None:
        """On a terminal it is a sentence each, with care about credits."""
        status, shown = on_terminal("batch", write(videos(3)), "--dry-run")
        words = " ".join(shown.split())
        assert status == 0
        assert "batch launch: 3 requests; nothing was sent" in words
        assert "3 to be sent" in words
        assert "at least 300 credits in the balance" in words
        assert "no price" in words

    def test_it_lists_the_first_new_lines_to_a_person(
        self, write: Write, on_terminal: Callable[..., tuple[int, str]]
    ) -> None:
        """Below the counts, with line and key, and how many more there are; what is left to a later run is none."""
        file = write([{"id": "hero", "prompt": "A first video"}, *videos(24)])
        for options, more in (((), "and 5 more"), (("--limit", "20"), "")):
            status, shown = on_terminal("batch", file, "--dry-run", *options)
            assert status == 0
            assert shown.index("25 requests") < shown.index("A first video")
            assert re.search(r"\b1  hero +A first video", shown)
            assert ("Video number 18" in shown, "Video number 19" in shown) == (True, False)
            assert (more in shown, "more" in shown) == (True, bool(more))


@pytest.mark.usefixtures("fast_polls")
class TestCredits:
    """What happens without credits."""

    def test_a_402_stops_it_and_the_next_run_goes_on(
        self, sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What runs is waited for, the rest stays planned, and the words say balance, place and command."""
        key = sandbox.add_account("a poor owner", 900)
        monkeypatch.setenv("MOTION_API_KEY", key)
        file = write(videos(8))
        status, lines, said = command("batch", file, "--max-active", "2")
        assert status == 3
        assert sorted(ends(lines)) == [*["completed"] * 3, *["not_sent"] * 5]
        assert "batch launch: 3 of 8 done, 5 waiting" in said
        assert "the balance is 0, and a new video needs at least 300 in it" in said
        assert "then go on with: motion-async batch launch.jsonl --max-active 2" in said
        sandbox.add_credits(key, 300 * 5)
        status, lines, _ = command("batch", file)
        assert (status, ends(lines)) == (0, ["completed"] * 8)
        assert sandbox.counts.creates_accepted == 8

    def test_credits_can_be_waited_for(
        self, sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With `wait` it goes on by itself once there are some."""
        monkeypatch.setattr("motion_async.sending.gate.CREDITS_INTERVAL", 0.2)
        key = sandbox.add_account("a poor owner", 300)
        monkeypatch.setenv("MOTION_API_KEY", key)

        def earn() -> None:
            until_now(lambda: sandbox.counts.refused.get(402))
            sandbox.add_credits(key, 300 * 3)

        earning = threading.Thread(target=earn)
        earning.start()
        status, lines, _ = command("batch", write(videos(4)), "--on-insufficient-credits", "wait")
        earning.join()
        assert (status, ends(lines)) == (0, ["completed"] * 4)
        assert sandbox.counts.creates_accepted == 4


def test_the_password_of_a_ledger_is_not_repeated(
    write: Write, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that can't be reached is named, and so is the command, without the password."""
    monkeypatch.setenv("MOTION_API_KEY", "motion_something")
    address = "postgresql://me:hush@localhost/db?colour=red"
    status, lines, said = command("batch", write(videos(1)), "--ledger", address)
    assert status == 2
    assert "hush" not in said + str(lines)


def test_nothing_of_a_run_needs_the_directory_it_began_in(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], fast_polls: None
) -> None:
    """Paths with directories work: nothing lies beside the file, and the output where it is named."""
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "launch.jsonl"
    file.write_text('{"prompt": "A video"}')
    assert main(["batch", str(file), "--output", str(tmp_path / "out.jsonl")]) == 0
    assert not list((tmp_path / "in").glob("*.db*"))
    assert len(results(str(tmp_path / "out.jsonl"))) == sandbox.counts.creates == 1
    capsys.readouterr()


def test_what_an_earlier_library_has_finished_is_told_as_finished(
    sandbox: Sandbox, command: Command, write: Write
) -> None:
    """By a dry run, by the run itself and by its results, with an id and without."""
    url = "https://files.example.com/logo.psd"
    body = {"prompt": "A logo", "attachments": [{"url": url, "content_type": "image/x-psd", "type": "image"}]}
    request = {"prompt": "A logo", "attachments": [url]}
    file = write([request, {**request, "id": "logo"}])
    make_earlier("sqlite:///launch.jsonl.ledger.db", *(Earlier(body, key, job_id="job-1") for key in (1, "logo")))
    Path("launch.jsonl.ledger.db").chmod(0o600)
    status, lines, _ = command("batch", file, "--dry-run")
    assert (status, lines[-1]["counts"]) == (0, {"completed": 2})
    status, lines, _ = command("batch", file, "--output", "out.jsonl")
    assert (status, ends(lines), states(results())) == (0, ["completed"] * 2, ["done"] * 2)
    assert [result["error"] for result in results()] == [None, None]
    assert sandbox.counts.creates == 0


def test_a_file_that_was_saved_in_other_bytes_is_the_same_batch(
    sandbox: Sandbox, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a spreadsheet that ends lines within cells in its own way, or on a system with another form of Unicode."""
    monkeypatch.chdir(tmp_path)
    rows = '\ufeffid,follows,prompt\n{e},,"Caf{e}\nat night"\n,{e},"more of\nthe caf{e}"\n,,"a third{end}"\n'
    for accented, blank, line_end in (("\u00e9", "", "\n"), ("e\u0301", " ", "\r\n")):
        name = f"caf{accented}.csv"
        Path(name).write_text(rows.format(e=accented, end=blank), encoding="utf-8", newline=line_end)
        status, lines, _ = command("batch", name, "--ledger", "l.db", "--output", "out.jsonl")
        assert (status, ends(lines), states(results())) == (0, ["completed"] * 3, ["done"] * 3)
    assert (sandbox.counts.creates, sandbox.counts.followups) == (2, 1)
    assert command("batch", name, "--ledger", "l.db", "--dry-run")[1][-1]["counts"] == {"completed": 3}
