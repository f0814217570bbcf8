"""Tests of `motion_async.ledger.decisions`: what a person can take back, and what of a failed job comes too late."""

from __future__ import annotations

import attrs
import pytest

from motion_async.ledger import decisions as d
from motion_async.ledger import transitions as m
from motion_async.ledger.codec import write_state
from motion_async.ledger.items import ItemState
from tests.ledger.conftest import seen
from tests.ledger.test_transitions import AT, ITEM, end, row

P, I, U, S, C, F, R, D = ItemState  # noqa: E741  # columns of a table have to be narrow


def test_what_was_cancelled_can_be_planned_again_and_what_was_given_up_in_doubt_cannot() -> None:
    """Of the first provably nothing was sent, whatever had been tried before; the second may have been paid for."""
    for give_up, before, after in ((d.Cancel("x", ITEM, AT), P, P), (d.Drop("x", ITEM, AT), U, D)):
        item = row(before)
        assert give_up.apply(item)[0]
        assert item.state is D
        d.SendAgain("s", ITEM, AT).apply(item)
        assert item.state is after


def failed_once(*, as_text: bool = False) -> m.ItemRow:
    """An item whose job-1 has failed, and that a person had tried again."""
    item = row(S)
    end("failed").apply(item)
    if as_text and not isinstance(item.job_state, str):
        item.job_state = write_state(item.job_state)
    assert d.TryAgain("y", ITEM, AT).apply(item) == (True, m.Note(P, detail="by a person; job job-1 had failed"))
    return item


def test_a_failed_create_can_be_tried_again_and_then_has_another_job() -> None:
    """Claimed, sent and taken as at first; made twice, the decision is made once."""
    item = failed_once()
    assert d.TryAgain("y", ITEM, AT).apply(item) == (True, None)
    assert m.Claim("new", ITEM, AT, "me").apply(item)[0]
    assert m.Accept("t", ITEM, AT, "job-2", "queued").apply(item)[0]
    assert (item.state, item.job_id) == (S, "job-2")
    end("completed", "job-2").apply(item)
    assert (item.state, item.job_id) == (C, "job-2")


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("is_sent", [False, True])
def test_late_news_of_the_job_that_failed_end_no_later_try(*, is_sent: bool, as_text: bool) -> None:
    """Whoever else watched it, or writes once more what it had written, must not cost the next job its id."""
    item = failed_once(as_text=as_text)
    if is_sent:
        m.Claim("new", ITEM, AT, "me").apply(item)
    before = attrs.evolve(item)
    for late in (
        m.Accept("t", ITEM, AT, "job-1", "queued"),
        m.RecordStatus("o", ITEM, AT, "job-1", "failed", seen("failed")),
        end("failed"),
        end("completed"),
    ):
        late.apply(item)
        assert item == before
    assert m.Accept("t2", ITEM, AT, "job-2", "queued").apply(item)[0]
    assert item.job_id == "job-2"


def test_a_followup_is_not_tried_again() -> None:
    """Its job has failed, and takes no further turn."""
    item = row(F)
    item.parent = "hero"
    assert d.TryAgain("y", ITEM, AT).apply(item) == (False, None)
    assert item.state is F


def test_what_was_made_for_another_item_becomes_this_ones() -> None:
    """With its job as far as that has come, and where it is from in the history; what was sent keeps its own."""
    made = attrs.evolve(ITEM, key="hero", batch="launch", state=C, job_id="job-1", job_state=seen("completed"))
    item = row(P)
    done, note = d.Reuse("z", ITEM, AT, made).apply(item)
    assert (done, note) == (True, m.Note(C, made.status, "job-1", "by a person, from hero of launch"))
    assert (item.state, item.job_id, item.job_state) == (C, "job-1", seen("completed"))
    sent = row(I)
    assert d.Reuse("z", ITEM, AT, made).apply(sent) == (False, None)
    assert (sent.state, sent.job_id) == (I, None)


@pytest.mark.parametrize("changed", [{"digest": "another"}, {"parent": "hero"}])
def test_what_was_planned_otherwise_in_the_meantime_gets_no_video(changed: dict[str, str]) -> None:
    """It asks for something else than the video shows."""
    made = attrs.evolve(ITEM, key="hero", batch="other", state=C, job_id="job-1")
    item = attrs.evolve(row(P), **changed)
    assert d.Reuse("z", ITEM, AT, made).apply(item) == (False, None)
    assert (item.state, item.job_id) == (P, None)
