"""A producer's day, from the rehearsal to what a client wants changed: nothing is paid for twice or lost."""

from __future__ import annotations

import asyncio
import csv
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from motion_async.sandbox import AwaitInput, Fail, Sandbox
from tests.browser import Visitor
from tests.cli.report.browser.test_page import take, video
from tests.waiting import until

VIDEOS = 12
PRICE = 300


class Desk:
    """A folder with a sheet, and a terminal in which the command is typed."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.variables = dict(variables)

    def use(self, sandbox: Sandbox) -> None:
        """Have the key be one of this service."""
        self.variables |= {"MOTION_API_KEY": sandbox.api_key, "MOTION_BASE_URL": sandbox.url}

    async def begin(self, *argv: str) -> tuple[asyncio.subprocess.Process, int]:
        """Type a command, and give its process and the terminal's other side."""
        outer, inner = os.openpty()
        environment = {**os.environ, **self.variables, "TERM": "xterm", "COLUMNS": "120"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "motion_async.cli", *argv,
            cwd=self.folder, env=environment, stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
        )  # fmt: skip
        os.close(inner)
        return process, outer

    async def type(self, *argv: str, answer: str = "") -> tuple[int, str]:
        """Type a command, answer what it asks, and give its exit status and all that it showed."""
        process, outer = await self.begin(*argv)
        shown = await asyncio.to_thread(_read, outer, answer)
        return await process.wait(), shown

    def rows(self, name: str) -> list[dict[str, str]]:
        """Read a sheet of results."""
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def states(self, name: str) -> dict[str, list[str]]:
        """Give the ids of a sheet of results by how they stand."""
        states: dict[str, list[str]] = {}
        for row in self.rows(name):
            states.setdefault(row["state"], []).append(row["id"])
        return states


def _read(outer: int, answer: str) -> str:
    shown = b""
    try:
        while part := os.read(outer, 65_536):
            shown += part
            if answer and b"]" in part.rpartition(b"?")[2]:  # the question ends so
                os.write(outer, f"{answer}\n".encode())
                answer = ""
    except OSError:
        pass  # the other side of a terminal ends so
    finally:
        os.close(outer)
    return shown.decode()


@pytest.fixture
def desk(tmp_path: Path, own_state: Path) -> Desk:
    """A sheet with prompts, among them one that asks for something, and two that fail at first."""
    rows = [["id", "prompt", "market"]]
    rows += [[f"v{number}", f"Launch video number {number}", "DE"] for number in range(1, VIDEOS - 2)]
    rows += [["asks", "A launch video that asks", "FR"]]
    rows += [[f"sad-{number}", f"A sad video number {number}", "IT"] for number in (1, 2)]
    with (tmp_path / "autumn.csv").open("w", encoding="cp1252", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    return Desk(tmp_path, {"XDG_STATE_HOME": str(own_state.parent)})


async def test_a_producers_day(desk: Desk, visitor: Visitor) -> None:
    """Rehearse, pay, run out of credits, lose the ssh, answer, make what failed anew, hand a report on, change two."""
    with Sandbox.in_thread(speed=300) as rehearsal:
        desk.use(rehearsal)
        status, shown = await desk.type("batch", "autumn.csv", answer="y")
        assert status == 0, shown
        assert f"{VIDEOS} of {VIDEOS} done" in shown
        assert rehearsal.counts.creates == VIDEOS
    with Sandbox.in_thread(speed=300, credits=5 * PRICE) as real:
        desk.use(real)
        await _pay_for_all(desk, real)
        await _rename(desk, real)
        await _hand_on(desk, real, visitor)
        assert real.counts.duplicates == 2, "the two that had failed, and were made anew as somebody wanted"


async def _pay_for_all(desk: Desk, real: Sandbox) -> None:
    real.faults.for_prompt("asks", AwaitInput(until_answered=True), on="create")
    real.faults.for_prompt("sad", Fail("The scene is too sad."), on="create")
    status, shown = await desk.type("batch", "autumn.csv", "-o", "results.csv", answer="y")
    assert status == 3, shown
    assert f"batch autumn: {VIDEOS} new" in shown, "what was made in the rehearsal is none of the real ones"
    assert "not enough credits" in shown
    assert real.counts.creates_accepted == 5
    real.add_credits(real.api_key, 100 * PRICE)

    # The ssh is lost in the middle of the rest, which is noted to the end.
    process, outer = await desk.begin("batch", "autumn.csv", "--yes", "--max-active", "2")
    reading = asyncio.create_task(asyncio.to_thread(_read, outer, ""))
    await until(lambda: real.counts.creates_accepted > 6, every=0.01)
    os.killpg(process.pid, signal.SIGHUP)
    assert await process.wait() == 129, await reading
    await reading

    status, shown = await desk.type("batch", "autumn.csv", "--yes", "--on-input", "skip", "-o", "results.csv")
    assert status == 4, shown
    told = [line for line in shown.splitlines() if line.startswith("motion-async: line ")]
    assert "A launch video that asks”: needs you, waits for your answer at https://motion.so" in told[0]
    assert [line.count("failed, The scene is too sad") for line in told] == [0, 1, 1]
    found = desk.states("results.csv")
    assert (found["needs you"], found["failed"]) == (["asks"], ["sad-1", "sad-2"])
    assert {row["market"] for row in desk.rows("results.csv")} == {"DE", "FR", "IT"}

    [asks] = [job_id for job_id, job in real.jobs.items() if "asks" in job.body["prompt"]]
    assert real.counts.duplicates == 0
    real.give_input(asks)
    real.faults.clear()
    status, shown = await desk.type("batch", "autumn.csv", "--yes", "--retry-failed", "-o", "results.csv")
    assert status == 0, shown
    assert list(desk.states("results.csv")) == ["done"]
    assert real.counts.creates_accepted == VIDEOS + 2


async def _rename(desk: Desk, real: Sandbox) -> None:
    before = real.counts.creates
    (desk.folder / "autumn.csv").rename(desk.folder / "autumn (1).csv")
    status, shown = await desk.type("batch", "autumn (1).csv", answer="t")
    assert status == 0, shown
    assert f"{VIDEOS} of {VIDEOS} done" in shown
    assert real.counts.creates == before
    status, shown = await desk.type("jobs", "--state", "done", "--json", "--limit", "0")
    assert (status, shown.count('"event": "item"')) == (0, 2 * VIDEOS)


async def _hand_on(desk: Desk, real: Sandbox, visitor: Visitor) -> None:
    status, shown = await desk.type("report", "autumn")
    assert status == 0, shown
    page = await visitor.open((desk.folder / "report.html").as_uri())
    await _mark(page, {"Launch video number 1": "More music", "Launch video number 2": "A dog"})
    name, text = await take(page, "Export what is to change")
    (desk.folder / name).write_text(text, encoding="utf-8", newline="")
    before = real.counts.creates
    status, shown = await desk.type("batch", name, "--batch", "autumn", "--yes")
    assert status == 0, shown
    assert (real.counts.creates, real.counts.followups_accepted) == (before, 2)


async def _mark(page: Page, notes: Mapping[str, str]) -> None:
    for words, note in notes.items():
        card: Any = video(page, words).first
        await card.get_by_role("button", name="Change it").click()
        await card.get_by_label("Note").fill(note)
