"""`motion_async.cli.demo`: the demonstration, and its verdict on itself."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from motion_async.cli import demo, main
from motion_async.cli.process.running import execute
from motion_async.cli.process.stopping import Stop

Start = Callable[..., subprocess.Popen[str]]


def test_the_story_is_told_in_time_without_a_key(process: Start, tmp_path: Path) -> None:
    """At least 24 videos, one waits and one fails, one followup, no duplicate, in under 30 seconds; and a picture."""
    environment = {**os.environ, "MOTION_API_KEY": "no key at all", "MOTION_BASE_URL": "nowhere"}
    picture = tmp_path / "demo.svg"
    running = process("demo", "-o", str(picture), env=environment, cwd=tmp_path)
    out, said = running.communicate(timeout=30)
    assert running.returncode == 0
    *outcomes, batch = [json.loads(line) for line in out.splitlines()]
    assert len(outcomes) >= 25
    assert len({line["job_id"] for line in outcomes}) == len(outcomes) - 1, "of which one has a followup"
    assert Counter(line["state"] for line in outcomes) == {"done": len(outcomes) - 1, "failed": 1} == batch["counts"]
    assert f"the sandbox got {len(outcomes) - 1} creates and 1 followup, none of them twice" in said
    assert "“A trailer for a podcast about deep sea…”: failed, The attachment host.mp3 holds no speech." in said
    assert "podcast" in picture.read_text(encoding="utf-8"), "which has failed by then"
    assert list(tmp_path.iterdir()) == [picture]


@pytest.mark.parametrize("word", ["FAILS", "WAITS"])
def test_a_story_that_goes_otherwise_is_a_failure(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the ordered failure or the wait does not come, that is said and the exit status is 1."""
    monkeypatch.setattr(demo, word, "a word of no prompt")
    assert execute(lambda output: demo.demo(output, Stop(), speed=1200), json=True) == 1
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["event"] == "batch"
    assert "did not go as its story says" in said.err


def test_a_picture_is_an_svg(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Under another name it would be taken for what it is not."""
    assert main(["demo", "-o", str(tmp_path / "demo.png")]) == 2
    assert "a picture is an .svg file" in capsys.readouterr().err
