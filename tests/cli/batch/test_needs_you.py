"""A batch with videos that need a person: each is named, and nothing waits for it where that is not wanted."""

from collections.abc import Callable
from typing import Any

import pytest

from motion_async.sandbox import AwaitInput, Sandbox

Lines = list[dict[str, Any]]
Command = Callable[..., tuple[int, Lines, str]]
Write = Callable[..., str]


@pytest.mark.usefixtures("fast_polls")
def test_a_job_that_waits_for_a_person_may_be_left_for_a_later_run(
    sandbox: Sandbox, command: Command, write: Write
) -> None:
    """The run ends, says where the answer goes and how to go on, and the next one pays for nothing again."""
    sandbox.faults.for_prompt("asks", AwaitInput(until_answered=True), on="create")
    file = write([{"id": "hero", "prompt": "A video that asks"}, {"prompt": "A video"}])
    status, lines, said = command("batch", file, "--on-input", "skip", "-o", "out.jsonl")
    outcomes = {line["key"]: line for line in lines if line["event"] == "outcome"}
    hero = outcomes["hero"]
    assert (status, hero["state"], hero["end"], hero["error"]) == (4, "needs you", "input", "InputRequiredError")
    assert lines[-1]["counts"] == {"done": 1, "needs you": 1}
    job_id = hero["job_id"]
    assert (
        f"line 1, hero, “A video that asks”: needs you, waits for your answer at https://motion.so (job {job_id})"
        in said
    )
    assert "1 of 2 done, 1 needs you" in said
    assert "go on with: motion-async batch" in said
    sandbox.give_input(job_id)
    status, lines, _ = command("batch", file, "--on-input", "skip")
    assert (status, lines[-1]["counts"]) == (0, {"done": 2})
    assert sandbox.counts.creates == 2
