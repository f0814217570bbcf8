"""Tests of `motion_async.ledger.writer` and of `outage`, over a database that is made up."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from motion_async import LedgerError, VideoRequest
from motion_async.ledger import Item, ItemState, LedgerTrouble, writer
from motion_async.ledger.outage import Outage, PermanentStoreError, TransientStoreError
from motion_async.ledger.transitions import Accept, Claim, RecordStatus, Release
from motion_async.ledger.writer import Writer
from motion_async.ledger.writes import Plan, Write
from motion_async.sending.journal import SEND_TASK
from motion_async.timing.backoff import Backoff
from tests.ledger.conftest import START, clock, seen

AT = "2026-05-01T12:00:00.000000+00:00"
ITEM = Item(
    7, "launch", "hero", request=VideoRequest("a"), digest="d", state=ItemState.PLANNED, planned_at=START,
    changed_at=START,
)  # fmt: skip


JOB = ("launch", "hero", "job-1")


pytestmark = pytest.mark.virtual_time


def intend(op: str = "i") -> Claim:
    return Claim(op, ITEM, AT, "me")


def take(op: str = "t") -> Accept:
    return Accept(op, ITEM, AT, "job-1", "queued")


def observe(op: str = "o") -> RecordStatus:
    return RecordStatus(op, ITEM, AT, "job-1", "running", seen("running"))


class Database:
    """Takes groups as it is told: each answer is an error, or None for success."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.down: Exception | None = None
        self.groups: list[list[str]] = []
        self.troubles: list[LedgerTrouble] = []

    owner = "me"

    async def commit(self, group: Sequence[Write]) -> list[Any]:
        self.groups.append([write.op for write in group])
        await asyncio.sleep(0)
        failure = self.down or (self.answers.pop(0) if self.answers else None)
        if failure is not None:
            raise failure
        return [write.op for write in group]

    def attempts(self, op: str) -> int:
        return sum(op in group for group in self.groups)


@asynccontextmanager
async def writer_of(database: Database, *, patience: float = 60.0) -> AsyncIterator[Writer]:
    """A writer that is closed at the end, whatever it could not write."""
    writer = Writer(database, Outage("launch.db", database.troubles.append, patience=patience), clock())
    try:
        yield writer
    finally:
        with suppress(LedgerError):
            await writer.aclose()


async def writer_during_outage() -> tuple[Writer, asyncio.Future[Any]]:
    """A writer whose database is down, and the note of an id that it has tried to write."""
    database = Database()
    database.down = TransientStoreError("no server")
    writer = Writer(database, Outage("launch.db", None, patience=60), clock())
    taken = writer.put(take())
    while not database.groups:
        await asyncio.sleep(0)
    return writer, taken


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motion_async.ledger.outage._BACKOFF", Backoff(first=0.001, cap=0.004))
    monkeypatch.setattr(writer, "_LAST_ROUND", 0.02)


async def test_all_that_wait_at_the_same_time_share_a_transaction() -> None:
    """In the order in which they came; those that come during a commit share the next."""
    database = Database()
    async with writer_of(database) as writer:
        first = [writer.put(intend(f"a{number}")) for number in range(100)]
        assert await asyncio.gather(*first) == [f"a{number}" for number in range(100)]
        waves = [[asyncio.ensure_future(writer.put(intend(f"{wave}{n}"))) for n in range(50)] for wave in "bc"]
        await asyncio.gather(*waves[0], *waves[1])
    assert [len(group) for group in database.groups] == [100, 100]
    assert database.groups[0] == [f"a{number}" for number in range(100)]


async def test_a_group_has_an_end() -> None:
    """However much waits, a transaction stays short; a plan weighs as much as it holds, and goes alone at worst."""
    database = Database()
    async with writer_of(database) as writer:
        for number in range(1_000):
            writer.put(intend(f"i{number}"))
        await writer.put(Plan("p", "launch", (None,) * 5_000, AT))  # type: ignore[arg-type]  # only counted
    assert [len(group) for group in database.groups] == [400, 400, 200, 1]


async def test_a_group_that_failed_is_tried_again_as_it_was() -> None:
    """With what has come in the meantime behind it; whoever waits knows nothing of it, whoever listens does."""
    database = Database(TransientStoreError("locked"), TransientStoreError("locked"))
    async with writer_of(database) as writer:
        waiting = [writer.put(intend("a")), writer.put(intend("b"))]
        while not database.troubles:
            await asyncio.sleep(0)
        waiting.append(writer.put(intend("c")))
        assert await asyncio.gather(*waiting) == ["a", "b", "c"]
    assert database.groups == [["a", "b"], ["a", "b", "c"], ["a", "b", "c"]]
    assert [trouble.reason for trouble in database.troubles] == ["locked", "locked"]
    assert 0 <= database.troubles[0].waited < database.troubles[1].waited


async def test_a_trouble_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Not at every attempt."""
    caplog.set_level(logging.INFO, "motion_async")
    database = Database(*[TransientStoreError("locked")] * 5)
    async with writer_of(database) as writer:
        await writer.put(intend())
    assert [record.getMessage().partition(" after ")[0] for record in caplog.records] == [
        "ledger launch.db: locked; trying again",
        "ledger launch.db: works again",
    ]


async def test_a_listener_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Its mistake is logged, and the writing goes on."""

    def fail(_trouble: LedgerTrouble) -> None:
        raise ZeroDivisionError

    database = Database(TransientStoreError("locked"))
    writer = Writer(database, Outage("launch.db", fail, patience=60), clock())
    assert await writer.put(intend()) == "i"
    await writer.aclose()
    assert "on_trouble failed" in caplog.text


async def test_an_intent_is_given_up_and_undone() -> None:
    """Nothing was sent, so nothing is lost; and if the commit was made after all, the intent must not stand."""
    database = Database()
    database.down = TransientStoreError("no server")
    async with writer_of(database, patience=0.01) as writer:
        with pytest.raises(LedgerError, match=r"item 'hero' of batch 'launch': no server; clear that up") as caught:
            await writer.put(intend())
        assert caught.value.job_ids == ()
        database.down = None
        await writer.put(intend("next"))
    assert database.groups[-1] == ["i-undone", "next"]


async def test_the_ids_that_are_not_written_can_be_asked_for() -> None:
    """While one is in a commit, while it waits behind that or for another attempt, and after it has failed."""
    database = Database(TransientStoreError("locked"))
    async with writer_of(database) as writer:
        assert writer.unwritten_ids == ()
        written = [writer.put(take("a")), writer.put(intend()), writer.put(observe())]
        assert writer.unwritten_ids == (JOB,), "waits"
        while not database.groups:
            await asyncio.sleep(0)
        written.append(writer.put(take("b")))
        assert writer.unwritten_ids == (JOB, JOB), "one under way, one behind it"
        while not database.troubles:
            await asyncio.sleep(0)
        assert writer.unwritten_ids == (JOB, JOB), "both wait for the next attempt"
        await asyncio.gather(*written)
        assert writer.unwritten_ids == ()
        database.down = PermanentStoreError("no such item")
        with pytest.raises(LedgerError):
            await writer.put(take("c"))
        assert writer.unwritten_ids == (JOB,), "has failed"


async def test_a_plan_is_given_up() -> None:
    """And is not written later, when nobody expects it any more."""
    database = Database()
    database.down = TransientStoreError("no server")
    async with writer_of(database, patience=0.01) as writer:
        with pytest.raises(LedgerError, match="a plan of batch 'launch': no server"):
            await writer.put(Plan("p", "launch", (), AT))
        database.down = None
        await writer.put(intend())
    assert database.groups[-1] == ["i"]


async def test_what_has_happened_is_written_however_late() -> None:
    """Whoever waits for it is told in time, and an id is waited for without an end."""
    database = Database()
    database.down = TransientStoreError("no server")
    async with writer_of(database, patience=0.01) as writer:
        writer.put(observe())
        taken = writer.put(take())
        with pytest.raises(LedgerError, match="no server"):
            await writer.put(Release("w", ITEM, AT, "claim"))
        assert not taken.done()
        database.down = None
        assert await taken == "t"
    assert database.groups[-1] == ["o", "t", "w"]


async def test_the_last_round_ends_with_every_id_named(caplog: pytest.LogCaptureFixture) -> None:
    """What could not be written by the end is an error that names the ids, and so does the log."""
    database = Database()
    database.down = TransientStoreError("disk full")
    writer = Writer(database, Outage("launch.db", None, patience=60), clock())
    taken = writer.put(take())
    writer.put(observe())
    words = r"2 notes not written \(launch/hero is job job-1\): disk full; keep the ids: no other call gives them again"
    with pytest.raises(LedgerError, match=words) as caught:
        await writer.aclose()
    assert caught.value.job_ids == (("launch", "hero", "job-1"),)
    assert database.attempts("t") > 1
    assert "launch/hero is job job-1" in caplog.text
    with pytest.raises(LedgerError) as told:
        await taken
    assert (told.value.job_id, told.value.job_ids) == ("job-1", caught.value.job_ids)


async def test_where_no_id_is_lost_there_is_none_to_keep() -> None:
    """The error that ends a ledger gives the database's last reason, whatever came too late, and asks for nothing."""
    database = Database()
    database.down = TransientStoreError("locked")
    writer = Writer(database, Outage("launch.db", None, patience=60), clock())
    writer.put(observe())
    while not database.attempts("o"):
        await asyncio.sleep(0)
    database.down = TransientStoreError("disk full")
    closing = asyncio.ensure_future(writer.aclose())
    await asyncio.sleep(0)
    writer.put(observe("late"))
    with pytest.raises(LedgerError) as caught:
        await closing
    assert str(caught.value) == "the ledger was closed with 2 notes not written: disk full"
    assert caught.value.job_ids == ()


async def test_the_last_round_may_succeed() -> None:
    """Closing in the middle of a trouble tries again at once."""
    database = Database(TransientStoreError("locked"), TransientStoreError("locked"))
    writer = Writer(database, Outage("launch.db", None, patience=60), clock())
    taken = writer.put(take())
    await writer.aclose()
    assert await taken == "t"


async def test_one_bad_write_fails_alone() -> None:
    """A group that can't be written is written one by one."""
    database = Database(PermanentStoreError("bad value"), None, PermanentStoreError("bad value"), None)
    async with writer_of(database) as writer:
        waiting = [writer.put(intend(op)) for op in "abc"]
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert (results[0], results[2]) == ("a", "c")
    assert isinstance(results[1], LedgerError)
    assert database.groups == [["a", "b", "c"], ["a"], ["b"], ["c"]]


async def test_trouble_in_the_middle_of_one_by_one_loses_nothing() -> None:
    """What is left over is written later."""
    database = Database(PermanentStoreError("bad value"), None, TransientStoreError("locked"), None, None)
    async with writer_of(database) as writer:
        assert await asyncio.gather(*(writer.put(intend(op)) for op in "abc")) == ["a", "b", "c"]


async def test_an_error_that_nobody_waits_for_makes_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note may be given and forgotten."""
    noise: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    database = Database(PermanentStoreError("bad value"))
    async with writer_of(database) as writer:
        writer.put(observe())
    gc.collect()
    assert noise == []


async def test_a_writer_whose_loop_ends_outlasts_the_sends_under_way() -> None:
    """What they note is written, and what a commit held that was cut off; then it ends, though nobody closes it.

    The end of a loop cancels every task once.
    """
    database = Database()
    writer = Writer(database, Outage("launch.db", None, patience=60), clock())

    async def send() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(100)
        await asyncio.sleep(1)  # the answer, within the grace
        writer.put(take())

    sending = asyncio.create_task(send(), name=SEND_TASK)
    claimed = writer.put(intend())
    while not database.groups:
        await asyncio.sleep(0)
    for task in (sending, writer._task):
        task.cancel()
    assert await claimed == "i"
    await asyncio.wait([writer._task])
    assert sending.done()
    assert database.groups == [["i"], ["i"], ["t"]]
    await writer.aclose()


async def test_a_writer_whose_loop_ends_waits_for_nothing_else() -> None:
    """Without a send under way it ends as soon as all is written."""
    database = Database()
    writer = Writer(database, Outage("launch.db", None, patience=60), clock())
    writer.put(observe())
    await asyncio.sleep(0)
    now = asyncio.get_running_loop().time()
    writer._task.cancel()
    await asyncio.wait([writer._task])
    assert asyncio.get_running_loop().time() < now + 0.1
    assert database.groups[-1] == ["o"]
    await writer.aclose()


async def test_a_writer_that_is_cancelled_twice_tells_all_that_wait(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever does that wants to wait for nothing."""
    writer, taken = await writer_during_outage()
    writer._task.cancel()
    await asyncio.sleep(0)
    writer._task.cancel()
    with pytest.raises(LedgerError, match="event loop has ended"):
        await taken
    assert "launch/hero is job job-1" in caplog.text
    with suppress(LedgerError):
        await writer.aclose()


async def test_a_writer_whose_loop_ends_tells_all_that_wait(caplog: pytest.LogCaptureFixture) -> None:
    """Without being closed: the id goes to the log, and nobody waits for ever."""
    writer, taken = await writer_during_outage()
    writer._task.cancel()
    with pytest.raises(LedgerError, match="no server"):
        await taken
    assert "launch/hero is job job-1" in caplog.text
    with pytest.raises(LedgerError, match="closed"):
        await writer.put(intend())
    with pytest.raises(LedgerError, match=r"1 note not written.*: no server; keep the ids"):
        await writer.aclose()


async def test_whoever_closes_may_be_cancelled() -> None:
    """The transaction under way is finished all the same."""
    gate = asyncio.Event()

    class SlowDatabase(Database):
        async def commit(self, group: Sequence[Write]) -> list[Any]:
            await gate.wait()
            return await super().commit(group)

    writer = Writer(SlowDatabase(), Outage("launch.db", None, patience=60), clock())
    taken = writer.put(take())
    closing = asyncio.ensure_future(writer.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    gate.set()
    assert await taken == "t"
    await writer.aclose()


async def test_a_read_outlasts_what_passes_and_no_more() -> None:
    """Reads are tried again in the same way; what never passes ends them at once."""
    answers: list[Exception | None] = [TransientStoreError("locked"), None]

    async def attempt() -> str:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return "read"

    assert await Outage("launch.db", None, patience=60).retry(attempt) == "read"
    answers[:] = [TransientStoreError("locked")] * 100
    with pytest.raises(LedgerError, match="cannot be read: locked"):
        await Outage("launch.db", None, patience=0.01).retry(attempt)
    answers[:] = [PermanentStoreError("no such column")]
    with pytest.raises(LedgerError, match="no such column"):
        await Outage("launch.db", None, patience=60).retry(attempt)


@pytest.mark.parametrize(
    "failure", [TransientStoreError("locked"), PermanentStoreError("bad")], ids=["unreachable", "unwritable"]
)
async def test_what_comes_during_a_commit_that_fails_stays_behind_its_group(failure: Exception) -> None:
    """The order of what happened is the order on disk, whatever comes while a group is on its way."""
    database = Database(failure)
    async with writer_of(database) as writer:
        waiting = [writer.put(take("a")), writer.put(observe("b"))]
        while not database.groups:
            await asyncio.sleep(0)
        waiting.append(writer.put(observe("c")))
        await asyncio.gather(*waiting)
    assert [op for group in database.groups[1:] for op in group] == ["a", "b", "c"]
