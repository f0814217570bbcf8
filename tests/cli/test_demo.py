"""`motion_async.cli.demo`: the demonstration, and its verdict on itself."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motion_async.cli import demo
from motion_async.cli.running import execute

Start = Callable[..., subprocess.Popen[str]]


def test_the_story_is_told_in_time_without_a_key(process: Start, tmp_path: Path) -> None:
    """At least 24 videos, one waits and one fails, one followup, no duplicate, in under 30 seconds; and a picture."""
    environment = {**os.environ, "MOTION_API_KEY": "no key at all", "MOTION_BASE_URL": "nowhere"}
    picture = tmp_path / "demo.svg"
    running = process("demo", "-o", str(picture), env=environment)
    out, said = running.communicate(timeout=30)
    assert running.returncode == 0
    lines = [json.loads(line) for line in out.splitlines()]
    summary = lines[-1]
    assert summary["event"] == "summary"
    jobs = summary["jobs"]
    assert jobs >= 24
    assert summary["creates_sent"] == summary["creates_accepted"] == jobs
    assert (summary["completed"], summary["failed"], summary["duplicates"]) == (jobs - 1, 1, 0)
    assert summary["followups_accepted"] == 1
    assert summary["polls"] > jobs
    assert summary["polls_per_job"] == pytest.approx(summary["polls"] / (jobs + 1), abs=0.1)
    assert summary["seconds"] < 30
    assert "podcast" in picture.read_text(encoding="utf-8"), "which has failed by then"

    events = Counter(line["event"] for line in lines)
    assert events["accepted"] == jobs + 1
    assert (events["result"], events["error"]) == (jobs, 1)
    states = {state["status"]: state for state in summary["states"]}
    assert list(states) == ["queued", "created", "running", "awaiting_user_input", "completed", "failed"]
    assert {status: state["passed"] for status, state in states.items()} == {
        "queued": jobs + 1,
        "created": jobs + 1,
        "running": jobs + 2,
        "awaiting_user_input": 1,
        "completed": jobs,
        "failed": 1,
    }
    assert {status: state["now"] for status, state in states.items() if state["now"]} == {
        "completed": jobs - 1,
        "failed": 1,
    }
    assert states["running"]["mean_seconds"] > states["created"]["mean_seconds"] > 0
    assert most_at_once(lines) <= 7  # six, and one more while the one that waits gives its place back
    assert "waits for input" in said
    assert "failed, as ordered" in said


def most_at_once(lines: list[dict[str, Any]]) -> int:
    """Give how many jobs were under way at one time, as far as the lines tell."""
    under_way: set[str] = set()
    most = 0
    for line in lines:
        if line["event"] == "accepted":
            under_way.add(line["job_id"])
        elif line["event"] == "transition" and line["current"] in {"completed", "failed"}:
            under_way.discard(line["job_id"])
        most = max(most, len(under_way))
    return most


@pytest.mark.parametrize("word", ["FAILS", "WAITS"])
def test_a_story_that_goes_otherwise_is_a_failure(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the ordered failure or the wait does not come, the summary is shown and the exit status is 1."""
    monkeypatch.setattr(demo, word, "a word of no prompt")
    assert execute(lambda reporter: demo.demo(reporter, speed=1200), json=True) == 1
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["event"] == "summary"
    assert "did not go as its story says" in said.err
