"""`motion_async.cli.batch.doubts`: what another run is sending is said, and nobody waits for it in the dark."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from motion_async.cli.batch.doubts import Doubts, is_run_elsewhere, read_doubts
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.ledger import Entry, open_ledger
from motion_async.sandbox import Sandbox
from tests.cli.batch.test_command import Write, videos

LEDGER = "sqlite:///launch.jsonl.ledger.db"
SENDER = Path(__file__).parents[2] / "ledger" / "sender.py"

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def other_run(write: Write) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun to send the one item of the batch, and is stopped before its answer."""
    write([{"id": "hero", "prompt": "A video"}, *videos(1)])

    async def plan() -> None:
        async with open_ledger(LEDGER) as ledger:
            await ledger.plan("launch", [Entry("hero", VideoRequest("A video"))])

    anyio.run(plan)
    argv = [sys.executable, str(SENDER), LEDGER, "launch", "stay"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        assert sender.stdout.readline() == "ready\n"
        sender.stdin.write("go\n")
        sender.stdin.flush()
        assert sender.stdout.readline().endswith(" hero\n")
        sender.send_signal(signal.SIGSTOP)
        yield sender
        sender.kill()


def test_what_another_run_is_sending_is_left_to_it(
    sandbox: Sandbox, process: Start, other_run: subprocess.Popen[str]
) -> None:
    """The run ends without it, and says so, and how to hear of it; the other line is made all the same."""
    running = process("batch", "launch.jsonl")
    told, said = running.communicate(timeout=30)
    assert running.returncode == 4
    [left] = [line for line in map(json.loads, told.splitlines()) if line.get("key") == "hero"]
    assert (left["end"], left["error"]) == ("running", "SentElsewhereError")
    assert "1 of 2 done, 1 making" in said
    assert "being sent by another run of the batch at this moment: hero" in said
    assert "go on with: motion-async batch launch.jsonl" in said
    assert sandbox.counts.creates == 1


async def found() -> Doubts:
    """Give what is sent elsewhere, as a ledger sees it that is opened now."""
    async with open_ledger(LEDGER) as ledger:
        return await read_doubts(ledger, "launch")


def test_a_run_that_has_died_sends_nothing(other_run: subprocess.Popen[str]) -> None:
    """Its items are uncertain, and nobody's; so is what a run that has ended was sending itself."""
    assert anyio.run(found) == Doubts([], ["hero"])
    other_run.kill()
    other_run.wait()
    assert anyio.run(found) == Doubts(["hero"], [])

    async def send_it_myself() -> Doubts:
        async with open_ledger(LEDGER) as ledger:
            [item] = await ledger.plan("launch", [Entry("teaser", VideoRequest("A teaser"))])
            assert await ledger.journal(item).begin()
            return await read_doubts(ledger, "launch")

    assert anyio.run(send_it_myself) == Doubts(["hero", "teaser"], []), "nobody will note any more what came of it"


def test_all_that_a_dead_run_was_sending_is_uncertain(write: Write) -> None:
    """Not the first of it alone: the others would count as being made."""
    write([])

    async def die() -> None:
        async with open_ledger(LEDGER) as ledger:
            for item in await ledger.plan("launch", [Entry(key, VideoRequest("A video")) for key in "abc"]):
                assert await ledger.journal(item).begin()

    anyio.run(die)
    assert anyio.run(found) == Doubts(["a", "b", "c"], [])


def test_another_run_is_told_of_before_the_question(
    sandbox: Sandbox, on_terminal: Callable[..., tuple[int, str]], other_run: subprocess.Popen[str]
) -> None:
    """Also while that sends nothing, but waits for what it has sent; not once it has ended."""

    async def accept() -> None:
        async with open_ledger(LEDGER) as ledger:
            [item] = [item async for item in ledger.items("launch")]
            assert item.owner is not None
            assert await is_run_elsewhere(ledger, "launch")
            assert not await is_run_elsewhere(ledger, "other")
            await ledger.journal(item).accepted(JobState("job-1", JobStatus.QUEUED))
            assert await is_run_elsewhere(ledger, "launch")

    anyio.run(accept)
    status, shown = on_terminal("batch", "launch.jsonl", after="pay for them?", typed="n\n")
    told, _, asked = " ".join(shown.split()).partition("Send them")
    assert (status, bool(asked)) == (130, True)
    assert "another run of batch launch is at work at this moment; what it sends is not sent again" in told
    other_run.kill()
    other_run.wait()
    _, shown = on_terminal("batch", "launch.jsonl", after="pay for them?", typed="n\n")
    assert "another run" not in shown
