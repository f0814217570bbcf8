"""`motion_async.cli.batch.retries`: failed lines are made anew only if the person says so, and only those."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from motion_async.sandbox import AwaitInput, Fail, Sandbox
from tests.cli.conftest import Lines

Command = Callable[..., tuple[int, Lines, str]]
Write = Callable[[Sequence[object]], str]

pytestmark = pytest.mark.usefixtures("fast_polls")
REQUESTS = [{"id": name, "prompt": f"A video of {name}"} for name in ("cats", "dogs", "owls")]


def fail_first(sandbox: Sandbox, command: Command, file: str, *, count: int) -> None:
    """Have the first creates of a batch fail."""
    sandbox.faults.next(Fail("no such font"), on="create", times=count)
    assert command("batch", file, "--max-active", "1")[0] == 1


def counts(lines: Lines) -> dict[str, int]:
    return dict(lines[-1]["counts"])


def test_what_has_failed_is_made_anew_on_demand_alone(sandbox: Sandbox, command: Command, write: Write) -> None:
    """Run again, it stays failed; told so, it is paid for once more, and the rest is left as it is."""
    file = write(REQUESTS)
    fail_first(sandbox, command, file, count=2)
    _, lines, said = command("batch", file)
    assert (counts(lines), sandbox.counts.creates) == ({"done": 1, "failed": 2}, 3)
    assert "a run with --retry-failed makes it anew" in said
    status, lines, said = command("batch", file, "--retry-failed")
    assert (status, counts(lines), sandbox.counts.creates) == (0, {"done": 3}, 5)
    assert "2 lines that failed will be made anew" in said
    assert sandbox.counts.duplicates == 2  # as the person wanted


def test_only_some_of_it_is_made_anew(sandbox: Sandbox, command: Command, write: Write) -> None:
    """By their keys; one that has not failed is told of, and nothing is sent then."""
    file = write(REQUESTS)
    fail_first(sandbox, command, file, count=2)
    status, _, said = command("batch", file, "--retry-failed", "--only", "cats", "--only", "owls")
    assert (status, sandbox.counts.creates) == (2, 3)
    assert "--only owls: no line of that key has failed in batch launch" in said
    _, lines, _ = command("batch", file, "--retry-failed", "--only", "cats")
    assert (counts(lines), sandbox.counts.creates) == ({"done": 2, "failed": 1}, 4)


def test_a_followup_that_failed_is_not_made_anew(sandbox: Sandbox, command: Command, write: Write) -> None:
    """Its video has failed, and takes no further turn."""
    file = write([REQUESTS[0], {"id": "faster", "prompt": "Faster", "follows": "cats"}])
    sandbox.faults.next(Fail("too fast"), on="followup")
    assert command("batch", file)[0] == 1
    _, lines, said = command("batch", file, "--retry-failed")
    assert counts(lines) == {"done": 1, "failed": 1}
    assert "a followup is not made anew" in said
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 1)


def test_only_goes_with_retry_failed(command: Command, write: Write) -> None:
    status, _, said = command("batch", write(REQUESTS), "--only", "cats")
    assert (status, "--only KEY says which failed lines" in said) == (2, True)


def test_what_is_made_anew_counts_for_the_limit_of_a_run(sandbox: Sandbox, command: Command, write: Write) -> None:
    """It comes before what is new."""
    file = write(REQUESTS)
    sandbox.faults.next(Fail("no such font"), on="create", times=2)
    command("batch", file, "--limit", "2")
    _, lines, _ = command("batch", file, "--limit", "1", "--retry-failed")
    assert (counts(lines), sandbox.counts.creates) == ({"done": 1, "failed": 1, "waiting": 1}, 3)
    _, lines, _ = command("batch", file, "--limit", "2", "--retry-failed")
    assert (counts(lines), sandbox.counts.creates) == ({"done": 3}, 5)


def test_the_command_that_goes_on_makes_nothing_anew(sandbox: Sandbox, command: Command, write: Write) -> None:
    """It is planned by then; what fails meanwhile would be paid for once more."""
    file = write(REQUESTS)
    fail_first(sandbox, command, file, count=1)
    sandbox.faults.for_prompt("cats", AwaitInput(until_answered=True), on="create")
    status, _, said = command("batch", file, "--retry-failed", "--only", "cats", "--timeout", "0")
    assert status == 4
    assert "go on with: motion-async batch launch.jsonl --timeout 0" in said


def test_a_dry_run_says_what_would_be_paid_for_anew(sandbox: Sandbox, command: Command, write: Write) -> None:
    """As many as the run would make, with the balance that it needs; and a key that has not failed is refused there."""
    file = write(REQUESTS)
    fail_first(sandbox, command, file, count=2)
    for more, again in (([], 2), (["--only", "cats"], 1), (["--limit", "1"], 1)):
        _, lines, _ = command("batch", file, "--dry-run", "--retry-failed", *more)
        plan = next(line for line in lines if line["event"] == "plan")
        counts = {name: count for name, count in plan["counts"].items() if count}
        assert counts == {"again": again, "completed": 1} | ({"failed": 2 - again} if again < 2 else {})
        assert plan["minimum_balance"] == 300
    status, _, said = command("batch", file, "--dry-run", "--retry-failed", "--only", "owls")
    assert (status, "--only owls: no line of that key has failed" in said) == (2, True)
    assert sandbox.counts.creates == 3


def test_nobody_is_asked_to_pay_for_what_is_refused_then(
    sandbox: Sandbox, command: Command, write: Write, on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """A key that no failed line has is told of before the question."""
    file = write(REQUESTS)
    fail_first(sandbox, command, file, count=1)
    status, shown = on_terminal("batch", file, "--retry-failed", "--only", "nobody", after="pay for them?", typed="y\n")
    assert (status, "pay for them?" in shown) == (2, False)
    assert "--only nobody: no line of that key has failed" in shown


def test_a_failed_line_that_was_changed_is_made_anew_as_it_is_now(
    sandbox: Sandbox, command: Command, write: Write
) -> None:
    """It counts once in the plan, and nobody is told that it will not be made."""
    fail_first(sandbox, command, write(REQUESTS[:1]), count=1)
    file = write([{"id": "cats", "prompt": "A calmer video of cats"}])
    _, lines, said = command("batch", file, "--retry-failed", "--dry-run")
    assert ([line["counts"] for line in lines if line["event"] == "plan"], said) == ([{"again": 1}], "")
    status, _, said = command("batch", file, "--retry-failed")
    assert (status, "1 line that failed will be made anew" in said) == (0, True)
    assert [job.body["prompt"] for job in sandbox.jobs.values()] == ["A video of cats", "A calmer video of cats"]
