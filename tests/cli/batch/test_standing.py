"""`motion_async.cli.batch.standing`: lines beside the ledger, and what they follow there."""

from pathlib import Path

import pytest

from motion_async.sandbox import Sandbox
from tests.cli.batch.test_command import Command, Write, ends

pytestmark = pytest.mark.usefixtures("fast_polls")


def test_a_line_may_follow_what_the_batch_has_made_before(sandbox: Sandbox, command: Command, write: Write) -> None:
    """From another file, with the same batch and ledger: it becomes a turn of that video, once."""
    command("batch", write([{"id": "hero", "prompt": "A video"}]))
    changes = ["id,follows,prompt", "hero-v2,hero,Faster", "hero-v3,hero-v2,Louder"]
    argv = ["batch", write(changes, "redo.csv"), "--batch", "launch", "--ledger", "launch.jsonl.ledger.db"]
    for _ in range(2):
        status, lines, _ = command(*argv)
        assert (status, ends(lines)) == (0, ["completed"] * 2)
        assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 2)
    (job,) = sandbox.jobs.values()
    assert [line["job_id"] for line in lines if line["event"] == "outcome"] == [job.job_id] * 2


def test_what_has_no_id_is_followed_by_its_key(sandbox: Sandbox, command: Command, write: Write) -> None:
    """As the results and the report of the batch have it."""
    _, lines, _ = command("batch", write([{"prompt": "A video"}]))
    (key,) = [line["key"] for line in lines if line["event"] == "outcome"]
    file = write([{"follows": key, "prompt": "Faster"}], "redo.jsonl")
    assert command("batch", file, "--batch", "launch", "--ledger", "launch.jsonl.ledger.db")[0] == 0
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 1)


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_line_that_follows_nothing_is_refused(
    options: list[str], sandbox: Sandbox, command: Command, write: Write
) -> None:
    """Neither a line before it nor an item of this batch; of another batch it is none."""
    command("batch", write([{"id": "hero", "prompt": "A video"}]), "--ledger", "l.db")
    file = write([{"id": "other", "prompt": "Another"}, {"follows": "hero", "prompt": "Faster"}], "redo.jsonl")
    status, _, said = command("batch", file, "--ledger", "l.db", *options)
    assert status == 2
    assert "line 2: follows: 'hero' is the id of no line before this one" in said
    assert "nor of an item that batch 'redo' has made" in said
    assert sandbox.counts.creates == 1
    assert command("batch", file, *options)[0] == 2
    assert not Path("redo.jsonl.ledger.db").exists()
