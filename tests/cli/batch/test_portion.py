"""`motion_async.cli.batch.portion`: a run sends as many new lines as it may, and takes up all that was sent before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from motion_async.sandbox import Sandbox
from tests.cli.conftest import Lines

Command = Callable[..., tuple[int, Lines, str]]
Write = Callable[[Sequence[object]], str]

pytestmark = pytest.mark.usefixtures("fast_polls")
REQUESTS = [
    {"id": "cats", "prompt": "Cats"},
    {"id": "faster", "prompt": "Faster", "follows": "cats"},
    {"id": "dogs", "prompt": "Dogs"},
    {"id": "slower", "prompt": "Slower", "follows": "dogs"},
    {"id": "slowest", "prompt": "Slower still", "follows": "slower"},
]


def test_a_run_sends_so_many_new_lines_and_the_next_one_as_many_more(
    sandbox: Sandbox, command: Command, write: Write
) -> None:
    """In the order of the file; what was sent before counts for none, and comes out each time."""
    file = write(REQUESTS)
    made = []
    for _ in range(3):
        status, lines, _ = command("batch", file, "--limit", "2")
        made.append((status, lines[-1]["counts"], sandbox.counts.creates + sandbox.counts.followups))
    assert made == [
        (0, {"done": 2, "waiting": 3}, 2),
        (0, {"done": 4, "waiting": 1}, 4),
        (0, {"done": 5}, 5),
    ]
    assert [line["key"] for line in lines if line["event"] == "outcome"] == [one["id"] for one in REQUESTS]


def test_no_new_line_is_sent_where_none_may_be(sandbox: Sandbox, command: Command, write: Write) -> None:
    """Nor one that follows what is left out, however much room there is behind it."""
    status, lines, _ = command("batch", write(REQUESTS), "--limit", "0")
    assert (status, lines[-1]["counts"], sandbox.counts.creates) == (0, {"waiting": 5}, 0)
    assert command("batch", write(REQUESTS), "--limit", "-1")[0] == 2
