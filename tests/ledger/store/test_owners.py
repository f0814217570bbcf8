"""Tests of `motion_async.ledger.store.owners` and of what hangs on it: several ledgers and processes in one place."""

from __future__ import annotations

import asyncio
import errno
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from motion_async import BatchRequest, LedgerConflictError, LedgerError, MotionSession, Outcome
from motion_async.ledger import Item, ItemState, Ledger, open_ledger
from motion_async.ledger.store import owners
from motion_async.ledger.store.owners import LockedFile, probe_owner, remove_dead
from motion_async.ledger.transitions import Expire
from motion_async.sandbox import Sandbox
from tests.batches import QUICK, run
from tests.ledger.conftest import accepted, entries
from tests.postgres import execute

SENDER = Path(__file__).parents[1] / "sender.py"


@asynccontextmanager
async def sender(url: str, told: str = "leave") -> AsyncIterator[Process]:
    """Another process that has the ledger open, and will take what it can when it is told."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SENDER), url, "launch", told, stdin=PIPE, stdout=PIPE
    )
    try:
        assert await line_of(process) == ["ready"]
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def look(url: str) -> list[str]:
    """What another process that has the ledger open takes the items for."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(SENDER), url, "launch", "look", stdout=PIPE)
    async with asyncio.timeout(30):
        return (await process.communicate())[0].decode().split()


async def line_of(process: Process) -> list[str]:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().split()


def tell(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")


async def test_two_ledgers_never_both_send_an_item(shared_url: str) -> None:
    """Of one process: each intent is won once."""
    async with open_ledger(shared_url) as one, open_ledger(shared_url) as other:
        keys = [f"k{number}" for number in range(100)]
        items = await one.plan("launch", entries(*keys))
        backwards = list(reversed(items))
        won = await asyncio.gather(
            *(one.journal(item).begin() for item in items), *(other.journal(item).begin() for item in backwards)
        )
        assert sum(won) == 100
        assert [a + b for a, b in zip(won[:100], reversed(won[100:]), strict=True)] == [True] * 100
        intents = [item async for item in one.items(states=[ItemState.INTENT])]
        assert [item.owner for item in intents] == [one.owner if mine else other.owner for mine in won[:100]]


async def test_two_processes_never_both_send_an_item(shared_url: str) -> None:
    """Each intent is won once, by one of them."""
    keys = [f"k{number}" for number in range(60)]
    async with open_ledger(shared_url) as ledger:
        await ledger.plan("launch", entries(*keys))
        async with sender(shared_url) as one, sender(shared_url) as other:
            tell(one)
            tell(other)
            won = [(await line_of(process))[1:] for process in (one, other)]
        assert sorted(won[0] + won[1]) == sorted(keys)


async def test_a_living_owner_keeps_its_intent_and_a_killed_one_does_not(shared_url: str) -> None:
    """However long it takes; after a SIGKILL the item is uncertain, and on disk as such."""
    async with open_ledger(shared_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        async with sender(shared_url, "stay") as process:
            tell(process)
            owner, *won = await line_of(process)
            assert won == ["hero"]
            found = await ledger.refresh(item)
            assert (found.state, found.owner) == (ItemState.INTENT, owner)
            with pytest.raises(LedgerConflictError, match="it is intent"):
                await ledger.resolve(item, send_again=True)
            process.kill()
            await process.wait()
        async with asyncio.timeout(10):  # a server may take a moment to notice that a session has gone
            while (found := await ledger.refresh(item)).state is ItemState.INTENT:
                await asyncio.sleep(0.02)
        assert (found.state, found.owner) == (ItemState.UNCERTAIN, owner)
        assert await ledger.find("launch", "hero") == found
        assert "ended before the answer" in str((await ledger.history(item))[-1].detail)
        assert (await ledger.resolve(item, send_again=True)).state is ItemState.PLANNED


async def test_a_person_can_settle_what_a_killed_process_left(shared_url: str) -> None:
    """Without looking at it first: resolving looks whether the owner is dead."""
    async with open_ledger(shared_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        async with open_ledger(shared_url) as gone:
            assert await gone.journal(item).begin()
        assert (await ledger.resolve(item, job_id="job-9")).job_id == "job-9"


async def test_an_owner_that_left_is_dead_and_many_may_see_it(shared_url: str) -> None:
    """All who look at the same time come to the same end."""
    async with open_ledger(shared_url) as ledger, open_ledger(shared_url) as other:
        items = await ledger.plan("launch", entries(*"abcdefgh"))
        async with open_ledger(shared_url) as gone:
            await asyncio.gather(*(gone.journal(item).begin() for item in items))
        found = await asyncio.gather(*(one.refresh(item) for item in items for one in (ledger, other)))
        assert {item.state for item in found} == {ItemState.UNCERTAIN}
        assert [len(await ledger.history(item)) for item in items] == [2] * 8


async def test_an_id_that_comes_after_all_is_taken(shared_url: str) -> None:
    """Its sender was taken for dead, and was not: the id is written whoever thinks what."""
    async with open_ledger(shared_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        async with open_ledger(shared_url) as gone:
            await gone.journal(item).begin()
        assert (await ledger.refresh(item)).state is ItemState.UNCERTAIN
        async with open_ledger(shared_url) as back:
            await back.journal(item).accepted(accepted())
        assert (await ledger.refresh(item)).state is ItemState.SUBMITTED


async def test_a_session_that_was_lost_takes_its_lock_again(fresh_postgres: str) -> None:
    """No intent is committed by a session that does not show that it is alive."""
    async with open_ledger(fresh_postgres) as mine, open_ledger(fresh_postgres) as other:
        items = await mine.plan("launch", entries("a", "b"))
        assert await mine.journal(items[0]).begin()
        await execute(
            fresh_postgres,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
        )
        assert await mine.journal(items[1]).begin()
        assert (await other.refresh(items[1])).state is ItemState.INTENT


async def test_an_owner_with_a_strange_name_is_dead(fresh_postgres: str) -> None:
    """Somebody has written into the table by hand."""
    async with open_ledger(fresh_postgres) as ledger:
        [item] = await ledger.plan("launch", entries("a"))
        await execute(fresh_postgres, "UPDATE motion_items SET state = 'intent', owner = 'by hand'")
        assert (await ledger.refresh(item)).state is ItemState.UNCERTAIN


async def test_files_of_owners_go(file_url: str, tmp_path: Path) -> None:
    """While a ledger is open one file lies beside it; afterwards none, and a dead one's goes at the next opening."""
    async with open_ledger(file_url) as ledger:
        assert len(list(tmp_path.glob("launch.db-owner-*"))) == 1
        await ledger.plan("launch", entries("hero"))
        async with sender(file_url, "stay") as process:
            assert len(list(tmp_path.glob("launch.db-owner-*"))) == 2
            process.kill()
            await process.wait()
        assert len(list(tmp_path.glob("launch.db-owner-*"))) == 2
        async with open_ledger(file_url):
            pass
        assert len(list(tmp_path.glob("launch.db-owner-*"))) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["launch.db"]


async def test_a_copy_of_the_directory_leaves_the_owner_alive(file_url: str, tmp_path: Path) -> None:
    """A web app that backs up opens and closes every file by itself: no other process takes it for dead then."""
    async with open_ledger(file_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        record = ledger.journal(item)
        assert await record.begin()
        copied = shutil.copytree(tmp_path, tmp_path / "copy")
        assert len(list(Path(copied).glob("launch.db-owner-*"))) == 1
        assert await look(file_url) == ["intent"]
        assert record.still_owned()


def owner_file(ledger: Ledger, place: Path) -> Path:
    return place / f"launch.db-owner-{ledger.owner}"


async def test_an_owner_whose_file_was_removed_sends_nothing_and_is_alive_with_its_next_intent(
    file_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Others may have let the item be sent again: what was noted before is not sent, what is noted after it is."""
    async with open_ledger(file_url) as ledger:
        hero, teaser = await ledger.plan("launch", entries("hero", "teaser"))
        record, next_record = ledger.journal(hero), ledger.journal(teaser)
        assert await record.begin()
        assert record.still_owned()
        owner_file(ledger, tmp_path).unlink()
        assert not record.still_owned()
        assert await look(file_url) == ["uncertain", "planned"]
        assert await next_record.begin()
        assert next_record.still_owned()
        assert not record.still_owned(), "the file is there again, but was gone in between"
        assert await look(file_url) == ["uncertain", "intent"]
        await record.released(None)
        assert await record.begin()
        assert record.still_owned()
        await record.accepted(accepted())
    assert [file.name for file in tmp_path.iterdir()] == ["launch.db"]
    assert caplog.text.count("the file that shows that its owner is alive was removed; it is there again") == 1


@pytest.mark.parametrize("what", ["replaced", "moved"])
async def test_another_file_in_the_place_of_an_owners_shows_nothing(file_url: str, tmp_path: Path, what: str) -> None:
    """A backup that was played back, say: it is not the file that the owner has locked."""
    async with open_ledger(file_url) as ledger, open_ledger(file_url) as other:
        hero, teaser = await ledger.plan("launch", entries("hero", "teaser"))
        record = ledger.journal(hero)
        assert await record.begin()
        file = owner_file(ledger, tmp_path)
        file.rename(tmp_path / "elsewhere")
        if what == "replaced":
            file.touch()
        assert not record.still_owned()
        assert await ledger.journal(teaser).begin()
        assert not record.still_owned()
        assert (await other.refresh(teaser)).state is ItemState.INTENT


async def test_an_intent_that_makes_its_owners_file_again_is_sent(file_url: str, tmp_path: Path) -> None:
    """Nobody can have taken it for a dead one's: it was not there when the file was not."""
    async with open_ledger(file_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        owner_file(ledger, tmp_path).unlink()
        record = ledger.journal(item)
        assert await record.begin()
        assert record.still_owned()
        owner_file(ledger, tmp_path).unlink()
        assert not record.still_owned()


async def test_what_is_known_is_written_though_the_owner_cannot_be_shown_to_be_alive(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for another file, say: ids are kept all the same, and no intent is noted, whoever asks."""

    def full(_file: Path) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with open_ledger(file_url) as ledger, open_ledger(file_url) as other:
        hero, teaser = await ledger.plan("launch", entries("hero", "teaser"))
        record = ledger.journal(hero)
        assert await record.begin()
        owner_file(ledger, tmp_path).unlink()
        with monkeypatch.context() as patched:
            patched.setattr(owners, "_make_and_lock", full)
            taken, refused = record.accepted(accepted()), ledger.journal(teaser).begin()
            with pytest.raises(LedgerError, match=r"'teaser'.*cannot be made again: No space left on device"):
                await refused
            await taken
        assert [item.state async for item in other.items()] == [ItemState.SUBMITTED, ItemState.PLANNED]
        assert await ledger.journal(teaser).begin()


class Sending:
    """A sender of one item, as far as a record sees one: it sends if it may, and holds back what is not its own."""

    def __init__(self, ledger: Ledger, item: Item, posts: list[str]) -> None:
        self.ledger = ledger
        self.item = item
        self.record = ledger.journal(item)
        self.posts = posts
        self.may = False

    async def intend(self) -> None:
        self.may = await self.record.begin()

    async def send(self) -> None:
        if not self.may:
            return
        if self.record.still_owned():
            self.posts.append(self.ledger.owner)
            await self.record.accepted(accepted(f"job-{len(self.posts)}"))
        else:
            await self.record.released(None)


def interleavings(*lanes: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """All orders of the steps of some lanes, each of which keeps its own."""
    if not any(lanes):
        yield ()
    for number, lane in enumerate(lanes):
        if lane:
            rest = [*lanes[:number], lane[1:], *lanes[number + 1 :]]
            yield from ((lane[0], *order) for order in interleavings(*rest))


class Person:
    """Somebody at another process, who has sent again what it takes for uncertain; it may be slow after each look."""

    def __init__(self, ledger: Ledger, item: Item) -> None:
        self.ledger = ledger
        self.item = item
        self.presumes: Expire | None = None

    async def look(self) -> None:
        found, claim = await self.ledger._read_again(self.item)
        if found.owner is not None and not await self.ledger._store.probe_owner(found.owner):
            op, at = self.ledger._writer.next_op()
            self.presumes = Expire(op, self.item, at, found.owner, claim)

    async def presume(self) -> None:
        if self.presumes is not None:
            await self.ledger._writer.put(self.presumes)

    async def send_again(self) -> None:
        with suppress(LedgerConflictError):
            await self.ledger.resolve(self.item, send_again=True)


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.slow)])
async def test_nothing_is_sent_twice_when_an_owners_file_is_removed(file_url: str, tmp_path: Path, stride: int) -> None:
    """In all orders of the steps of a sender, of another process after a removal, and of a write in between.

    But for a removal between the sender's last look and the note of its answer, which is one step here.
    """
    orders = set(
        interleavings(
            ["intend", "send"], ["remove", "look", "presume", "send again", "intend too", "send too"], ["write"]
        )
    )
    taken_over = 0
    async with open_ledger(file_url) as ledger, open_ledger(file_url) as other:
        for number, order in enumerate(sorted(orders)[::stride]):
            [item] = await ledger.plan("launch", entries(f"k{number}"))
            posts: list[str] = []
            one, two, person = Sending(ledger, item, posts), Sending(other, item, posts), Person(other, item)
            steps: dict[str, Callable[[], Awaitable[object]]] = {
                "intend": one.intend,
                "send": one.send,
                "remove": partial(asyncio.to_thread, owner_file(ledger, tmp_path).unlink),
                "look": person.look,
                "presume": person.presume,
                "send again": person.send_again,
                "intend too": two.intend,
                "send too": two.send,
                "write": partial(ledger.plan, "other", entries(f"k{number}")),
            }
            for step in order:
                await steps[step]()
            assert len(posts) <= 1, f"sent twice: {order}"
            found = await ledger.refresh(item)
            assert found.state is (ItemState.SUBMITTED if posts else ItemState.PLANNED), order
            taken_over += posts == [other.owner] and order.index("intend") < order.index("look")
    assert len(orders) == 252
    assert taken_over, "what was taken from a live owner was never sent by the other"


async def test_a_batch_sends_nothing_that_was_sent_elsewhere_since_its_intent(file_url: str, tmp_path: Path) -> None:
    """The whole way: its owner's file goes while it connects, a person has the item sent again, and one video is made.

    The batch that was late gives the other one's video.
    """
    requests = [BatchRequest("make", id="hero")]
    late, made = aiohttp.TraceConfig(), list[Outcome]()

    async def elsewhere(*_: Any) -> None:
        if not made:
            owner_file(ledger, tmp_path).unlink()
            item = await other.find("launch", "hero")
            assert item is not None
            assert (await other.refresh(item)).state is ItemState.UNCERTAIN
            await other.resolve(item, send_again=True)
            made.extend(await run(other_motion, other, requests))

    late.on_request_start.append(elsewhere)
    async with (
        Sandbox(speed=10_000) as sandbox,
        open_ledger(file_url) as ledger,
        open_ledger(file_url) as other,
        MotionSession(sandbox.api_key, base_url=sandbox.url, trace_configs=[late], **QUICK) as motion,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other_motion,
    ):
        outcomes = await run(motion, ledger, requests)
        assert sandbox.counts.creates == 1
        assert [(one.job_id, one.state) for one in outcomes] == [(one.job_id, one.state) for one in made]
        assert outcomes[0].ok


@pytest.fixture(params=["by description", "through SQLite"])
def ledger_file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a ledger would lie; its owners are locked in each of the ways there are."""
    if request.param == "through SQLite":
        monkeypatch.setattr(owners, "_lock", owners._lock_by_sqlite)
    return tmp_path.resolve() / "launch.db"


def test_a_file_is_held_until_it_is_let_go(ledger_file: Path) -> None:
    """By this process as by another; whoever looks does not let go of it."""
    held = LockedFile(ledger_file, "me")
    assert [probe_owner(ledger_file, "me") for _ in range(3)] == [True] * 3
    remove_dead(ledger_file)
    assert probe_owner(ledger_file, "me")
    held.release()
    assert not probe_owner(ledger_file, "me")
    assert list(ledger_file.parent.iterdir()) == []


def test_a_file_that_nobody_holds_is_removed(ledger_file: Path) -> None:
    """Its owner was killed; files that look alike, and are another ledger's or somebody's copy, stay."""
    others = {
        f"other.db-owner-{'d' * 16}",
        "launch.db-ownership",
        "launch.db-owner-backup",
        f"launch.db-owner-{'d' * 17}",
    }
    for name in (f"launch.db-owner-{'d' * 16}", *others):
        ledger_file.with_name(name).touch()
    remove_dead(ledger_file)
    assert {file.name for file in ledger_file.parent.iterdir()} == others


def test_a_file_that_is_no_lock_is_held_by_nobody_and_stays(ledger_file: Path) -> None:
    """Whatever it holds is somebody's, and must neither be lost nor keep a ledger from being opened."""
    stray = ledger_file.with_name(f"launch.db-owner-{'d' * 16}")
    stray.write_bytes(b"notes of somebody\n" * 100)
    assert not probe_owner(ledger_file, "d" * 16)
    remove_dead(ledger_file)
    assert stray.read_bytes() == b"notes of somebody\n" * 100


@pytest.mark.parametrize("what", ["a directory", "a link to nothing", "notes"])
async def test_an_owner_whose_file_is_no_lock_is_dead(file_url: str, tmp_path: Path, what: str) -> None:
    """Its item does not wait for ever for somebody who cannot come back."""
    async with open_ledger(file_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        async with open_ledger(file_url) as gone:
            assert await gone.journal(item).begin()
        file = owner_file(gone, tmp_path)
        if what == "a directory":
            file.mkdir()
        elif what == "a link to nothing":
            file.symlink_to(tmp_path / "nowhere")
        else:
            file.write_bytes(b"notes of somebody" * 100)
        assert (await ledger.refresh(item)).state is ItemState.UNCERTAIN


@pytest.mark.parametrize("moment", ["before it was opened", "before it was locked", "while somebody looks"])
def test_a_file_that_is_removed_too_soon_is_made_again(
    ledger_file: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Between making and locking it, somebody takes it for a dead one's: the owner notices, and locks another."""
    lock, tries = owners._lock, 0

    def disturbed(file: Path, *, exclusive: bool) -> Any:
        nonlocal tries
        tries += exclusive
        if not exclusive or tries > 2:
            return lock(file, exclusive=exclusive)
        if moment == "while somebody looks":
            with closing(lock(file, exclusive=False)):
                return lock(file, exclusive=True)
        held = None if moment == "before it was opened" else lock(file, exclusive=True)
        file.unlink()
        return held or lock(file, exclusive=True)

    monkeypatch.setattr(owners, "_lock", disturbed)
    held = LockedFile(ledger_file, "me")
    assert tries == 3
    assert probe_owner(ledger_file, "me")
    assert held.lock_generation == 0
    held.release()
    assert list(ledger_file.parent.iterdir()) == []


def test_a_file_that_is_always_removed_too_soon_is_an_error(ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner does not try for ever."""
    lock = owners._lock

    def disturbed(file: Path, *, exclusive: bool) -> Any:
        held = lock(file, exclusive=exclusive)
        file.unlink()
        return held

    monkeypatch.setattr(owners, "_lock", disturbed)
    with pytest.raises(BlockingIOError, match="removes its owner's file again and again"):
        LockedFile(ledger_file, "me")
    assert list(ledger_file.parent.iterdir()) == []


def test_who_looks_removes_no_file_but_the_one_it_has_locked(
    ledger_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An owner may make its file again while somebody still looks at the one that was there before."""
    lock, made = owners._lock_description, list[LockedFile]()
    monkeypatch.setattr(owners, "_lock", lock)

    def slow(file: Path, *, exclusive: bool) -> Any:
        held = lock(file, exclusive=exclusive)
        if not exclusive and not made:
            file.unlink()
            made.append(LockedFile(ledger_file, "me"))
        return held

    ledger_file.with_name("launch.db-owner-me").touch()
    monkeypatch.setattr(owners, "_lock", slow)
    probe_owner(ledger_file, "me")
    assert made[0].is_there()
    made[0].release()


def test_a_name_is_taken_once(ledger_file: Path) -> None:
    """Two owners of one name can't be: nobody would know which is dead."""
    held = LockedFile(ledger_file, "me")
    with pytest.raises(BlockingIOError):
        LockedFile(ledger_file, "me")
    assert probe_owner(ledger_file, "me")
    held.release()


async def test_a_file_system_without_locks_is_told(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some that lie on other machines keep none: no ledger is opened there, and nobody is taken for dead."""

    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    held = LockedFile(tmp_path / "other.db", "me")
    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(LedgerError, match=r"its file system keeps no locks \(No locks available\)"):
        async with open_ledger(file_url):
            pass
    assert probe_owner(tmp_path / "other.db", "me")
    held.release()
    assert [file.name for file in tmp_path.iterdir()] == ["launch.db"]


FORKING = """
import os, signal, subprocess, sys
from pathlib import Path
from motion_async.ledger.transitions import Expire
from motion_async.ledger.store.owners import LockedFile

held = LockedFile(Path(sys.argv[1]), "me")
started = subprocess.Popen(["cat"], close_fds=False, stdout=subprocess.DEVNULL)
if os.fork():
    signal.pause()
held.release()
print(held.is_there(), flush=True)
sys.stdin.read()
"""


def test_what_an_owner_starts_does_not_keep_it_alive(tmp_path: Path) -> None:
    """A forked child neither lets go of its parent's lock nor holds it when the parent is dead; so does a program."""
    process = subprocess.Popen(
        [sys.executable, "-c", FORKING, str(tmp_path / "launch.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"False\n"
        assert probe_owner(tmp_path / "launch.db", "me")
        process.kill()
        process.wait()
        assert not probe_owner(tmp_path / "launch.db", "me")
    finally:
        process.kill()
        process.communicate()  # with the end of its input, what it has started ends as well


async def test_a_link_leads_to_the_same_owners(tmp_path: Path) -> None:
    """Whatever path a process opens the ledger by, it sees who is alive."""
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "link.db").symlink_to(place / "launch.db")
    async with (
        open_ledger(f"sqlite:///{place}/launch.db") as one,
        open_ledger(f"sqlite:///{tmp_path}/link.db") as other,
    ):
        [item] = await one.plan("launch", entries("hero"))
        assert await one.journal(item).begin()
        assert (await other.refresh(item)).state is ItemState.INTENT
