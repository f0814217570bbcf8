"""`motion_async.cli.batch.duplicates`: what was made before is shown and asked about, and never paid for unasked."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from motion_async.cli.batch.duplicates import (
    MadeBefore,
    check_decided,
    check_ended,
    find_duplicates,
    is_overtaken,
    reuse_videos,
)
from motion_async.cli.batch.spool import Spool
from motion_async.cli.ledger.address import Address
from motion_async.cli.output.output import Output
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.progress import DuplicateFound
from motion_async.cli.sheets.filelines import Line
from motion_async.cli.words import Fate
from motion_async.errors import ConfigurationError, LedgerConflictError
from motion_async.jobs import BatchRequest, VideoRequest
from motion_async.ledger import Entry, Item, open_ledger
from motion_async.sandbox import AwaitInput, LostAnswer, Sandbox
from tests.cli.batch.orders import ORDER
from tests.cli.batch.test_command import Command, Write, ends, results, states, videos
from tests.cli.output.test_jsonlines import ITEM

pytestmark = pytest.mark.usefixtures("fast_polls")
Terminal = Callable[..., tuple[int, str]]


@pytest.fixture
def renamed(sandbox: Sandbox, command: Command, write: Write, own_state: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A sheet whose two lines were made, which has another name now, and one line more."""
    write([])
    monkeypatch.delenv("MOTION_LEDGER")
    Path("autumn.csv").write_text("prompt\nA cat on a sofa\nA dog in a park\n")
    assert command("batch", "autumn.csv")[0] == 0
    Path("winter.csv").write_text("prompt\nA cat on a sofa\nA fox on a hill\nA dog in a park\n")
    assert sandbox.counts.creates == 2
    return "winter.csv"


def by_line(lines: list[dict[str, Any]], event: str) -> dict[int, dict[str, Any]]:
    return {line["line"]: line for line in lines if line["event"] == event}


class TestElsewhere:
    """Where nobody can be asked."""

    @pytest.mark.parametrize("options", [[], ["--duplicates", "refuse"], ["--yes"]])
    def test_nothing_is_sent_unasked(
        self, options: list[str], renamed: str, sandbox: Sandbox, command: Command
    ) -> None:
        """Each such line is told with what was made, and a sentence says what there is to choose."""
        status, lines, said = command("batch", renamed, *options)
        assert (status, sandbox.counts.creates) == (2, 2)
        told = by_line(lines, "duplicate")
        assert {number: line["prompt"] for number, line in told.items()} == {2: "A cat on a sofa", 4: "A dog in a park"}
        assert {line["made"]["batch"] for line in told.values()} == {"autumn"}
        assert {line["made"]["job_id"] for line in told.values()} == set(sandbox.jobs)
        assert "nothing was sent: 2 lines ask for what was made before, such as line 2, which is " in said
        assert "--duplicates take to have those videos, or --duplicates make to pay for them again" in said
        assert {line["batch"] for line in command("ledger", "show")[1]} == {"autumn"}

    def test_a_line_takes_the_video_that_is_there(self, renamed: str, sandbox: Sandbox, command: Command) -> None:
        """Its outcome and its result are the earlier video's; what is new is made, and the next run asks nothing."""
        jobs = list(sandbox.jobs)
        polls = sandbox.counts.polls
        status, _, _ = command("batch", renamed, "--duplicates", "take", "-o", "out.jsonl", "--limit", "0")
        assert (status, sandbox.counts.creates, sandbox.counts.polls) == (0, 2, polls)
        status, lines, said = command("batch", renamed, "-o", "out.jsonl")
        assert (status, sandbox.counts.creates) == (0, 3)
        outcomes = by_line(lines, "outcome")
        assert [outcomes[number]["job_id"] for number in (2, 4)] == jobs
        assert "batch winter: 3 of 3 done" in said
        found = results()
        assert states(found) == ["done"] * 3
        assert [found[place]["job_id"] for place in (0, 2)] == jobs
        assert [line["sent_at"] is None for line in found] == [True, False, True]

    def test_they_can_be_made_again(self, renamed: str, sandbox: Sandbox, command: Command) -> None:
        """And are paid for."""
        status, lines, _ = command("batch", renamed, "--duplicates", "make")
        assert (status, sandbox.counts.creates) == (0, 5)
        assert not by_line(lines, "duplicate")

    @pytest.mark.parametrize(
        ("options", "counts", "balance"),
        [
            ([], {"duplicate": 2, "send": 1}, 300),
            (["--duplicates", "take"], {"completed": 2, "send": 1}, 300),
            (["--duplicates", "make"], {"send": 3}, 300),
        ],
    )
    def test_a_dry_run_says_what_would_become_of_them(
        self, options: list[str], counts: dict[str, int], balance: int, renamed: str, sandbox: Sandbox, command: Command
    ) -> None:
        """What nobody has decided is no new line."""
        status, lines, _ = command("batch", renamed, "--dry-run", *options)
        [plan] = [line for line in lines if line["event"] == "plan"]
        assert (status, plan["counts"], plan["minimum_balance"]) == (0, counts, balance)
        assert len(by_line(lines, "new")) == counts["send"]
        assert {line["batch"] for line in command("ledger", "show")[1]} == {"autumn"}

    def test_another_accounts_videos_are_none(
        self, renamed: str, sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor are they in what a dry run says."""
        monkeypatch.setenv("MOTION_API_KEY", sandbox.add_account("another", 9_000))
        [plan] = [line for line in command("batch", renamed, "--dry-run")[1] if line["event"] == "plan"]
        assert plan["counts"] == {"send": 3}
        assert command("batch", renamed)[0] == 0
        assert sandbox.counts.creates == 5


def test_one_that_still_runs_is_waited_for(sandbox: Sandbox, command: Command, write: Write) -> None:
    """It is one job, which both batches have."""
    sandbox.faults.next(AwaitInput(until_answered=True), on="create")
    file = write(videos(1))
    assert command("batch", file, "--timeout", "0.2")[0] == 4
    status, lines, _ = command("batch", file, "--batch", "other", "--duplicates", "take", "--timeout", "0.2")
    assert (status, ends(lines)) == (4, ["running"])
    (job_id,) = sandbox.jobs
    sandbox.give_input(job_id)
    for batch in ("other", "launch"):
        status, lines, _ = command("batch", file, "--batch", batch)
        assert (status, ends(lines)) == (0, ["completed"])
    assert sandbox.counts.creates == 1


def test_what_may_have_been_sent_cannot_be_taken(sandbox: Sandbox, command: Command, write: Write) -> None:
    """Nobody knows its job: it has to be settled, or made all the same."""
    sandbox.faults.next(LostAnswer(), on="create")
    file = write(videos(1))
    assert command("batch", file)[0] == 4
    status, _, said = command("batch", file, "--batch", "other", "--duplicates", "take")
    assert (status, sandbox.counts.creates) == (2, 1)
    assert "line 1 may have been sent before, as " in said
    assert "settle that with `motion-async ledger resolve`, or add --duplicates make" in said
    assert command("batch", file, "--batch", "other", "--duplicates", "make")[0] == 0


class TestEachVideoOnce:
    """Equal lines are as many videos."""

    @pytest.fixture
    def made(self, sandbox: Sandbox, command: Command, write: Write) -> dict[str, str]:
        """The jobs of two equal lines of another batch, by their ids."""
        status, lines, _ = command("batch", write([{"id": key, "prompt": "A cat"} for key in ("second", "hero")]))
        assert status == 0
        return {line["key"]: line["job_id"] for line in by_line(lines, "outcome").values()}

    def test_a_line_takes_the_video_of_its_own_id_before_any_other(
        self, made: dict[str, str], sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """Wherever it stands; the others take what is left, and one for which nothing is left is new."""
        keys = ("extra", "hero", "last")
        file = write([{"id": key, "prompt": "A cat"} for key in keys])
        [plan] = [
            line for line in command("batch", file, "--batch", "other", "--dry-run")[1] if line["event"] == "plan"
        ]
        assert plan["counts"] == {"duplicate": 2, "send": 1}
        status, lines, _ = command("batch", file, "--batch", "other", "--duplicates", "take")
        jobs = {line["key"]: line["job_id"] for line in by_line(lines, "outcome").values()}
        assert (status, sandbox.counts.creates) == (0, 3)
        assert (jobs["extra"], jobs["hero"]) == (made["second"], made["hero"])
        assert jobs["last"] not in made.values()

    def test_a_video_of_two_batches_is_one(
        self, made: dict[str, str], sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """A batch that took it has nothing more to give, and no later line of the batch takes it again."""
        more = [{"id": "third", "prompt": "A cat"}, {"id": "fourth", "prompt": "A cat"}]
        assert command("batch", write(more), "--batch", "other", "--duplicates", "take")[0] == 0
        assert sandbox.counts.creates == 2
        file = write([*more, {"id": "fifth", "prompt": "A cat"}])
        status, lines, _ = command("batch", file, "--batch", "other")
        assert (status, by_line(lines, "duplicate"), sandbox.counts.creates) == (0, {}, 3)
        file = write([{"id": f"line-{n}", "prompt": "A cat"} for n in range(5)])
        status, lines, _ = command("batch", file, "--batch", "last", "--duplicates", "take")
        assert (status, sandbox.counts.creates) == (0, 5)
        assert len({line["job_id"] for line in by_line(lines, "outcome").values()}) == 5


class TestFollowups:
    """They change a video in place."""

    def test_a_line_that_another_follows_takes_none(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """Nor is it paid for unasked; made again it leaves the other batch its video as it is."""
        assert command("batch", write([{"id": "hero", "prompt": "A video"}]))[0] == 0
        (job,) = sandbox.jobs.values()
        file = write([{"id": "hero", "prompt": "A video"}, {"id": "fast", "prompt": "Faster", "follows": "hero"}])
        for decision in ([], ["--duplicates", "take"]):
            status, lines, said = command("batch", file, "--batch", "other", *decision)
            assert (status, ends(lines), sandbox.counts.creates) == (2, [], 1)
            assert ("as a followup has changed that, or would change it" in said) is bool(decision)
        status, lines, _ = command("batch", file, "--batch", "other", "--duplicates", "make")
        assert (status, ends(lines), sandbox.counts.creates) == (0, ["completed"] * 2, 2)
        assert [turn.body["prompt"] for turn in job.turns] == ["A video"]

    def test_a_video_that_had_a_followup_is_not_taken(self, sandbox: Sandbox, command: Command, write: Write) -> None:
        """It is another than its prompt asks for, and another one is not paid for unasked."""
        file = write([{"id": "hero", "prompt": "A video"}, {"id": "fast", "prompt": "Faster", "follows": "hero"}])
        assert command("batch", file)[0] == 0
        again = write([{"prompt": "A video"}])
        for decision in ([], ["--duplicates", "take"]):
            status, lines, _ = command("batch", again, "--batch", "other", *decision)
            assert (status, ends(lines), sandbox.counts.creates) == (2, [], 1)
        status, lines, _ = command("batch", again, "--batch", "other", "--duplicates", "make")
        assert (status, ends(lines), sandbox.counts.creates) == (0, ["completed"], 2)

    def test_a_video_that_a_line_has_taken_is_not_changed_in_silence(
        self, sandbox: Sandbox, command: Command, write: Write
    ) -> None:
        """It is the other batch's, too: a later followup of either is told of before it is sent, and once."""
        assert command("batch", write([{"id": "hero", "prompt": "A video"}]))[0] == 0
        mine = write([{"id": "mine", "prompt": "A video"}])
        assert command("batch", mine, "--batch", "other", "--duplicates", "take")[0] == 0
        (job_id,) = sandbox.jobs
        for batch, key, owner in (("other", "mine", "launch"), ("launch", "hero", "other")):
            file = write([{"id": "fast", "prompt": f"Faster, says {batch}", "follows": key}])
            told = (
                f"1 line changes a video that another batch has taken, too: line 1 that of {key}, which batch {owner}"
            )
            assert told in command("batch", file, "--batch", batch, "--dry-run")[2]
            status, _, said = command("batch", file, "--batch", batch)
            assert (status, told in said) == (0, True)
            assert "changes a video" not in command("batch", file, "--batch", batch)[2]
        assert len(sandbox.jobs[job_id].turns) == 3


async def test_a_line_that_has_not_got_its_video_is_not_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has planned something else under its key: the run ends before it sends anything."""
    request = VideoRequest("A video")
    async with open_ledger("sqlite://") as ledger:
        [made] = await ledger.plan("launch", [Entry("hero", request)])
        made = await ledger.resolve(made, job_id="job-1")
        plan = ledger.plan

        async def plan_both(batch: str, planned: Sequence[Entry]) -> list[Item]:
            found = await plan(batch, planned)
            await plan(batch, [Entry(planned[0].key, VideoRequest("Something else"))])
            return found

        monkeypatch.setattr(ledger, "plan", plan_both)
        with closing(Spool()) as spool:
            spool.put(Line(1, given=BatchRequest(request, id="k"), key="k"))
            spool.reuse({1: made.id})
            with pytest.raises(LedgerConflictError, match="nothing was sent: k could not take the video of hero of"):
                await reuse_videos(spool, ledger, attrs.evolve(ORDER, batch="other"))


def test_what_was_made_is_named_in_the_words_and_the_time_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the table beside it does."""
    monkeypatch.setenv("TZ", "UTC+7")
    time.tzset()
    try:
        found = MadeBefore()
        found.add(DuplicateFound(1, "k", "A video", ITEM), Fate.SEND)
        with pytest.raises(ConfigurationError, match=r"which is hero of batch launch of 2026-04-28 16:01 \(done\);"):
            check_decided(found, ORDER)
    finally:
        monkeypatch.undo()
        time.tzset()


class TestOnATerminal:
    """Where a person is asked."""

    @pytest.mark.parametrize(("answer", "status", "creates"), [("m", 0, 5), ("s", 130, 2), ("", 130, 2)])
    def test_a_person_says_what_becomes_of_them(
        self, answer: str, status: int, creates: int, renamed: str, sandbox: Sandbox,
        on_terminal: Terminal,
    ) -> None:  # fmt: skip
        """When and where they were made is shown first; whoever says nothing pays for nothing."""
        typed = f"{answer}\n" + ("y\n" if answer == "m" else "")
        found, shown = on_terminal("batch", renamed, after="[t/m/S]", typed=typed)
        words = " ".join(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown).split())
        assert (found, sandbox.counts.creates) == (status, creates)
        assert "line made before in batch state prompt" in words
        assert "autumn done A dog in a park" in words
        assert (
            "2 lines ask for what was made before: take those videos (t), make them again and pay (m), stop (s)?"
            in words
        )
        assert ("nothing was sent" in words) is (status == 130)
        assert ("3 new" in words) is (answer == "m")

    def test_only_what_is_new_is_asked_about_then(self, renamed: str, sandbox: Sandbox, on_terminal: Terminal) -> None:
        """With the videos taken one line is left to pay for."""
        found, shown = on_terminal("batch", renamed, after="[t/m/S]", typed="t\ny\n")
        assert (found, sandbox.counts.creates) == (0, 3)
        assert "batch winter: 1 new; beside 2 done; the first: “A fox on a hill”" in " ".join(shown.split())
        assert "batch winter: 3 of 3 done" in shown

    def test_the_answer_may_be_given_before(self, renamed: str, sandbox: Sandbox, on_terminal: Terminal) -> None:
        """And whoever wants to be asked nothing is not."""
        assert on_terminal("batch", renamed, "--yes", "--duplicates", "take")[0] == 0
        assert sandbox.counts.creates == 3
        Path("summer.csv").write_text(Path(renamed).read_text())
        status, shown = on_terminal("batch", "summer.csv", "--yes")
        assert (status, "[t/m/S]" in shown, sandbox.counts.creates) == (2, False, 3)


def test_lines_for_a_fleet_take_no_videos() -> None:
    """A worker might send one in the meantime: nothing is enqueued, and that is said."""
    found = MadeBefore(fates=Counter([Fate.SEND]), first=[DuplicateFound(1, "k", "A video", ITEM)], videos={1: 1})
    order = attrs.evolve(ORDER, fleet="postgresql://motion@db/motion", duplicates="take")
    with pytest.raises(ConfigurationError, match="nothing was sent: lines for a fleet cannot take other videos"):
        check_decided(found, order)


def test_a_dry_run_shows_when_and_where_they_were_made(renamed: str, on_terminal: Terminal) -> None:
    """Beside what is new."""
    status, shown = on_terminal("batch", renamed, "--dry-run")
    words = " ".join(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown).split())
    assert status == 0
    assert "2 made before, in another batch or under another id" in words
    assert "autumn done A dog in a park" in words
    assert words.endswith("A fox on a hill")


def test_two_files_of_one_name_are_told_apart_by_the_person(
    sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share a batch: an id that has another content is not made, and the way to a batch of its own is said."""
    write([])
    monkeypatch.delenv("MOTION_LEDGER")
    for folder, prompt in (("a", "A cat"), ("b", "A dog")):
        Path(folder).mkdir()
        Path(folder, "launch.csv").write_text(f"id,prompt\n1,{prompt}\n")
    assert command("batch", "a/launch.csv")[0] == 0
    for options in ([], ["--dry-run"]):
        _, _, said = command("batch", "b/launch.csv", *options)
        assert "1 line has the id of one that batch launch has made with another content, and will not be made" in said
        assert "if this is another file of that name, give it a batch of its own: add --batch NAME" in said
    status, _, said = command("batch", "b/launch.csv", "--batch", "other")
    assert (status, "another file" in said, sandbox.counts.creates) == (0, False, 2)


def test_the_lines_of_another_file_do_not_count_for_this_one(sandbox: Sandbox, command: Command, write: Write) -> None:
    """Of a batch that two files share, a run that leaves lines to the next one counts its own."""
    assert command("batch", write(videos(5)))[0] == 0
    status, lines, said = command("batch", write([{"prompt": f"Another {n}"} for n in range(4)]), "--limit", "0")
    assert (status, lines[-1]["counts"]) == (0, {"waiting": 4})
    assert "batch launch: 0 of 4 done, 4 waiting" in said


async def test_lines_of_a_batch_that_is_at_work_are_neither_taken_nor_paid_for(tmp_path: Path) -> None:
    """It may come to others of them: both runs would make those. Once it has ended they are like any other."""
    url = f"sqlite:///{tmp_path / 'l.db'}"
    found = MadeBefore(fates=Counter([Fate.SEND]), batches={"other", ORDER.batch})
    async with open_ledger(url) as ledger:
        async with open_ledger(url) as at_work:
            [item] = await at_work.plan("other", [Entry("hero", VideoRequest("A video"))])
            assert await at_work.journal(item).begin()
            with pytest.raises(ConfigurationError, match="1 line asks for what batch other has made, which another"):
                await check_ended(found, ledger, ORDER)
            await check_ended(attrs.evolve(found, batches={ORDER.batch}), ledger, ORDER)
        await check_ended(found, ledger, ORDER)


async def test_what_another_run_has_made_while_a_person_was_asked_is_seen(tmp_path: Path) -> None:
    """Be it the first in the ledger, or one more than there was; a person who has it made again knows of it."""
    order = attrs.evolve(ORDER, ledger=Address(str(tmp_path / "l.db")))
    output, requests = Output(Stdout()), [VideoRequest("A video"), VideoRequest("Another")]
    with closing(Spool()) as spool:
        for number, request in enumerate(requests, 1):
            spool.put(Line(number, given=BatchRequest(request, id=str(number)), key=str(number)))
        assert not await is_overtaken(output, spool, None, order, None, MadeBefore())
        async with open_ledger(order.ledger.url) as ledger:
            assert await is_overtaken(output, spool, None, order, None, MadeBefore())
            for number, request in enumerate(requests, 1):
                made = await find_duplicates(output, spool, ledger, order, None)
                assert made.count == number - 1
                spool.reuse({**made.videos, **made.untakeable})
                assert not await is_overtaken(output, spool, ledger, order, None, made)
                [item] = await ledger.plan("other", [Entry(f"k{number}", request)])
                await ledger.resolve(item, job_id=f"job-{number}")
                assert await is_overtaken(output, spool, ledger, order, None, made)
                again = attrs.evolve(order, duplicates="make")
                assert not await is_overtaken(output, spool, ledger, again, None, made)
