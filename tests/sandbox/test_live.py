"""Tests of `motion_async.sandbox.live`: what a reader is told of a sandbox, and what is new since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from motion_async.sandbox import AwaitInput, Fail, LostAnswer, Sandbox, live
from motion_async.sandbox.engine import JobRecord, JobRecords
from motion_async.sandbox.live import LiveView


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose time stands still, and whose jobs all take as long."""
    with Sandbox.in_thread(speed=0, spread=0, seed=7) as sandbox:
        yield sandbox


def create(sandbox: Sandbox, prompt: str = "A launch video") -> str:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    return str(httpx.post(f"{sandbox.url}/sessions", json={"prompt": prompt}, headers=headers).json()["job_id"])


def follow_up(sandbox: Sandbox, job_id: str) -> None:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    answer = httpx.post(f"{sandbox.url}/sessions/{job_id}/followups", json={"prompt": "Faster"}, headers=headers)
    assert answer.status_code == 202


def look(view: LiveView) -> dict[str, Any]:
    return json.loads(json.dumps(dict(view.look())))  # type: ignore[no-any-return]


def statuses(told: dict[str, Any]) -> dict[str, str]:
    return {job["job_id"]: job["status"] for job in told.get("jobs", {"jobs": []})["jobs"]}


def test_a_first_look_tells_everything_and_a_second_nothing(sandbox: Sandbox) -> None:
    """How to reach it comes first, as a reader forgets then what another sandbox has told."""
    job_id = create(sandbox)
    sandbox.faults.next(LostAnswer(), on="create")
    view = LiveView(sandbox)
    told = look(view)
    assert list(told) == ["sandbox", "clock", "counts", "accounts", "orders", "jobs"]
    assert told["sandbox"]["exports"] == [
        f"export MOTION_BASE_URL={sandbox.url}",
        f"export MOTION_API_KEY={sandbox.api_key}",
    ]
    assert (told["sandbox"]["speed"], told["sandbox"]["price"], told["clock"]) == (0, 300, {"now": sandbox.now})
    assert told["counts"]["creates_accepted"] == 1
    assert told["accounts"]["accounts"] == [{"api_key": sandbox.api_key, "owner": "owner", "balance": 99_700}]
    assert told["orders"]["orders"] == [{"fault": "lost-answer", "options": {}, "on": "create", "times": 1}]
    assert (told["jobs"]["total"], told["jobs"]["by_status"]) == (1, {"queued": 1})
    assert statuses(told) == {job_id: "queued"}
    assert look(view) == {}


def test_a_first_look_tells_of_no_jobs_either(sandbox: Sandbox) -> None:
    """So that a reader knows that there are none."""
    told = look(LiveView(sandbox))
    assert told["jobs"] == {"total": 0, "by_status": {}, "jobs": []}


def test_only_what_has_changed_is_told(sandbox: Sandbox) -> None:
    """A new job, a change that time brings, an input, a followup; and the numbers that go with them."""
    sandbox.faults.for_prompt("ask", AwaitInput(until_answered=True))
    first, view = create(sandbox), LiveView(sandbox)
    look(view)
    second = create(sandbox, "ask me")
    told = look(view)
    assert set(told) == {"counts", "accounts", "jobs"}
    assert statuses(told) == {second: "queued"}
    sandbox.advance(5)
    assert statuses(look(view)) == {first: "created", second: "created"}
    sandbox.advance(1)
    assert set(look(view)) == {"clock"}
    sandbox.advance(10_000)
    assert statuses(look(view)) == {first: "completed", second: "awaiting_user_input"}
    sandbox.give_input(second)
    told = look(view)
    assert statuses(told) == {second: "running"}
    assert told["jobs"]["by_status"] == {"completed": 1, "running": 1}
    sandbox.advance(10_000)
    assert statuses(look(view)) == {second: "completed"}
    follow_up(sandbox, first)
    told = look(view)
    assert statuses(told) == {first: "queued"}
    assert [turn["prompt"] for turn in told["jobs"]["jobs"][0]["turns"]] == ["A launch video", "Faster"]


def test_a_change_is_told_while_a_job_was_touched_before(sandbox: Sandbox) -> None:
    """What was awaited of the course before an input holds no longer, and does no harm."""
    sandbox.faults.next(AwaitInput())
    job_id, view = create(sandbox), LiveView(sandbox)
    sandbox.advance(13 + 180 * 0.4)
    look(view)
    sandbox.give_input(job_id)
    assert statuses(look(view)) == {job_id: "running"}
    sandbox.advance(30)
    look(view)
    sandbox.advance(10_000)
    assert statuses(look(view)) == {job_id: "completed"}
    assert look(view) == {}


def test_the_newest_jobs_are_told_of_and_all_are_counted(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of older ones are in the numbers alone."""
    monkeypatch.setattr(live, "_SHOWN", 2)
    ids = [create(sandbox) for _ in range(3)]
    view = LiveView(sandbox)
    told = look(view)
    assert told["sandbox"]["shown"] == 2
    assert told["jobs"]["total"] == 3
    assert [(job["job_id"], job["number"]) for job in told["jobs"]["jobs"]] == [(ids[1], 2), (ids[2], 3)]
    sandbox.advance(10_000)
    told = look(view)
    assert statuses(told) == dict.fromkeys(ids[1:], "completed")
    assert told["jobs"]["by_status"] == {"completed": 3}


def test_a_look_asks_after_no_job_that_stands_as_it_stood(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a thousand that have ended cost nothing."""
    for _ in range(5):
        create(sandbox)
    sandbox.advance(10_000)
    view = LiveView(sandbox)
    look(view)
    new, asked, get = create(sandbox), [], JobRecords.__getitem__

    def ask(jobs: JobRecords, job_id: str) -> JobRecord:
        asked.append(job_id)
        return get(jobs, job_id)

    monkeypatch.setattr(JobRecords, "__getitem__", ask)
    look(view)
    assert asked == [new]


def test_a_long_prompt_is_cut(sandbox: Sandbox) -> None:
    """And the reader is told how long it is; what a job fails with is told as well."""
    sandbox.faults.next(Fail("No scene."))
    create(sandbox, "long " * 1_000)
    sandbox.advance(10_000)
    (job,) = look(LiveView(sandbox))["jobs"]["jobs"]
    (turn,) = job["turns"]
    assert (turn["prompt"], turn["prompt_length"]) == ("long " * 80, 5_000)
    assert (job["status"], job["error"], job["upcoming"]) == ("failed", "No scene.", [])
