"""`motion_async.cli.fleet`: the worker as a process of its own, and the commands that steer it, against a sandbox."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from motion_async.fleet import BatchProgress, Fleet, FleetLimits, FleetStatus, QueueCounts, open_fleet
from motion_async.sandbox import Sandbox
from motion_async.session import MotionSession
from tests.cli.conftest import Lines

Command = Callable[..., tuple[int, Lines, str]]
Process = Callable[..., subprocess.Popen[str]]
_T = TypeVar("_T")


def in_fleet(url: str, work: Callable[[Fleet], Coroutine[Any, Any, _T]]) -> _T:
    """Do something in a fleet, from outside of any event loop."""

    async def run() -> _T:
        async with open_fleet(url) as fleet:
            return await work(fleet)

    return asyncio.run(run())


def progress(url: str, batch: str) -> BatchProgress:
    return in_fleet(url, lambda fleet: fleet.progress(batch))


def test_a_worker_makes_what_is_enqueued_until_it_is_told_to_end(
    fresh_postgres: str, sandbox: Sandbox, process: Process
) -> None:
    """SIGTERM ends it in good order, and it names no single job, as others have them."""
    in_fleet(fresh_postgres, lambda fleet: fleet.enqueue("autumn", ["A video", "Another one"]))
    worker = process("worker", fresh_postgres, "--here", "1")
    while not (stands := progress(fresh_postgres, "autumn")).is_at_rest:
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    told, said = worker.communicate(timeout=60)
    assert (worker.returncode, stands.states) == (143, {"completed": 2})
    assert told.count('"event": "accepted"') == sandbox.counts.creates == 2
    assert "on 1 at a time; `kill " in said
    assert said.endswith("motion-async: terminated\n")


def test_a_worker_whose_key_is_refused_says_so_and_pauses_the_fleet(
    fresh_postgres: str, sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason stands where the others look for it, without the key."""
    in_fleet(fresh_postgres, lambda fleet: fleet.enqueue("autumn", ["A video"]))
    monkeypatch.setenv("MOTION_API_KEY", "motion_mistyped")
    status, _, said = command("worker", fresh_postgres)
    assert (status, sandbox.counts.creates_accepted) == (3, 0)
    assert "401" in said
    [fleet, counts] = command("fleet", "show", fresh_postgres)[1]
    assert fleet["limits"]["paused"].startswith("the service refused a worker's key")
    assert "mistyped" not in fleet["limits"]["paused"]
    assert (fleet["queue"]["waiting"], counts["counts"]) == (1, {"waiting": 1})


class WarningFleet:
    """A fleet whose work is a warning."""

    async def status(self) -> FleetStatus:
        return FleetStatus(FleetLimits(paused="no credits"), 0, QueueCounts(), {})

    async def work(self, _motion: MotionSession, *, here: int) -> None:
        logging.getLogger("motion_async.fleet").warning("look at this")


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(("option", "times"), [([], 1), (["-v"], 1), (["-q"], 0)], ids=str)
def test_what_a_worker_warns_of_is_said_once(
    option: list[str], times: int, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for all that is logged hears it there, and whoever wants it quiet hears no word of how it stands."""

    @asynccontextmanager
    async def opened(_address: object, _reporter: object) -> AsyncIterator[WarningFleet]:
        yield WarningFleet()

    monkeypatch.setattr("motion_async.cli.fleet.opened", opened)
    status, _, said = command("worker", "postgresql://motion@db/motion", *option)
    assert (status, said.count("look at this")) == (0, times)
    assert ("at work for" in said, "paused: no credits" in said) == (option != ["-q"],) * 2


def test_the_commands_steer_all_workers(fresh_postgres: str, command: Command) -> None:
    """Each tells how the fleet stands then."""
    status, [fleet], _ = command("fleet", "limit", fresh_postgres, "--max-active", "40")
    assert (status, fleet["limits"]["max_active"]) == (0, 40)
    _, [fleet], _ = command("fleet", "limit", fresh_postgres, "--max-polls-per-second", "2.5", "--max-active", "0")
    assert fleet["limits"] == {"max_active": None, "max_polls_per_second": 2.5, "paused": None}
    _, [fleet], _ = command("fleet", "pause", fresh_postgres, "--reason", "no credits")
    assert fleet["limits"]["paused"] == "no credits"
    _, [fleet], _ = command("fleet", "resume", fresh_postgres)
    assert fleet["limits"]["paused"] is None
    assert command("fleet", "limit", fresh_postgres)[0] == 2


def test_what_was_not_sent_is_given_up_and_taken_back(fresh_postgres: str, command: Command) -> None:
    """By its key or all of it; what is not there is a sentence."""
    in_fleet(fresh_postgres, lambda fleet: fleet.enqueue("autumn", ["A video", "Another one"]))
    [key, _] = in_fleet(fresh_postgres, keys)
    status, [counts], said = command("fleet", "cancel", fresh_postgres, "autumn", key)
    assert (status, counts["counts"]) == (0, {"failed": 1, "waiting": 1})
    assert "1 item is given up" in said
    assert progress(fresh_postgres, "autumn").queue.waiting == 1
    status, [counts], said = command("fleet", "retry", fresh_postgres, "autumn")
    assert (status, counts["counts"]) == (0, {"waiting": 2})
    assert progress(fresh_postgres, "autumn").queue.waiting == 2
    status, _, said = command("fleet", "cancel", fresh_postgres, "spring")
    assert (status, "has no batch 'spring'" in said) == (2, True)


async def keys(fleet: Fleet) -> list[str]:
    return [item.key async for item in fleet.ledger.items("autumn")]


def test_a_person_sees_a_fleet_in_words(fresh_postgres: str, on_terminal: Callable[..., tuple[int, str]]) -> None:
    """What it does, its limits, and why it stands still."""
    in_fleet(fresh_postgres, lambda fleet: fleet.enqueue("autumn", ["A video"]))
    in_fleet(fresh_postgres, lambda fleet: fleet.pause("no credits"))
    status, shown = on_terminal("fleet", "show", fresh_postgres)
    assert status == 0
    for words in ("paused: no credits", "workers: 0 at work; 1 items wait", "any number of jobs", "1 waiting"):
        assert words in shown


def test_a_fleet_is_on_a_server(command: Command) -> None:
    status, _, said = command("fleet", "show", "sqlite:///videos.db")
    assert (status, "a fleet is on a PostgreSQL" in said) == (2, True)
