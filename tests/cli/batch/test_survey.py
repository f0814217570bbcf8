"""`motion_async.cli.batch.survey`: the one pass over a batch's file."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from motion_async.batch.keys import Keys
from motion_async.cli.batch import checking
from motion_async.cli.batch import survey as surveying
from motion_async.jobs import BatchRequest
from motion_async.sandbox import Sandbox

Command = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.mark.usefixtures("fast_polls")
class TestOnce:
    """What is done for each line of a file."""

    def test_each_line_is_checked_and_gets_its_key_once_a_run(
        self, sandbox: Sandbox, command: Command, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many steps a run has, with a ledger and without, and with results."""
        counts: Counter[str] = Counter()
        check = checking.check_batch_request

        def counted(given: BatchRequest, **options: Any) -> None:
            counts["checked"] += 1
            check(given, **options)

        class Counted(Keys):
            def of(self, given: BatchRequest) -> str:
                counts["keyed"] += 1
                return super().of(given)

        monkeypatch.setattr(checking, "check_batch_request", counted)
        monkeypatch.setattr(surveying, "Keys", Counted)
        file = write([{"prompt": f"Video number {number}"} for number in range(3)])
        for options in (["--dry-run"], ["--output", "out.jsonl"], ["--output", "out.jsonl"], ["--dry-run"]):
            assert command("batch", file, *options)[0] == 0
            assert counts == {"checked": 3, "keyed": 3}
            counts.clear()
        assert sandbox.counts.creates == 3

    def test_what_was_planned_with_another_content_is_asked_about(
        self, sandbox: Sandbox, command: Command, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A spreadsheet may have broken between two runs; what was let through as it is goes on."""
        monkeypatch.setenv("MOTION_API_KEY", sandbox.add_account("a poor owner", 0))
        good, odd = [{"id": "a", "prompt": "A good video"}], [{"id": "a", "prompt": "#REF!"}]
        assert command("batch", write(good))[0] == 3
        assert command("batch", write(odd))[0] == 2
        assert command("batch", write(odd), "--allow-odd")[0] == 3
        assert command("batch", write(odd))[0] == 3
        assert sandbox.counts.creates_accepted == 0
