"""Followups that are not sent, and what a person is told to do: never to pay again for what may have been made."""

from __future__ import annotations

import pytest

from motion_async import (
    BatchRequest,
    CreateUncertainError,
    InvalidRequestError,
    LedgerConflictError,
    MotionSession,
    NotSentError,
)
from motion_async.ledger import Ledger
from motion_async.sandbox import Fail, LostAnswer, Sandbox
from tests.batches import run

MADE = BatchRequest("make", id="a")
FOLLOWS = [MADE, BatchRequest("more", id="b", follows="a"), BatchRequest("further", id="c", follows="b")]


async def test_nobody_is_told_to_make_anew_what_follows_an_uncertain_request(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """In the run that lost the answer, and in each later one: the video may exist, and another id would pay twice."""
    sandbox.faults.next(LostAnswer(), on="create")
    for requests in (FOLLOWS, FOLLOWS, FOLLOWS[1:]):
        *parents, child, grandchild = await run(motion, ledger, requests)
        assert all(isinstance(parent.error, CreateUncertainError) for parent in parents)
        for outcome in (child, grandchild):
            assert isinstance(outcome.error, NotSentError)
            assert "has not completed" in str(outcome.error)
            assert "failed" not in str(outcome.error)
            assert "another id" not in str(outcome.error)
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 0)


async def test_what_follows_a_failed_video_is_told_to_have_it_made_anew(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """In each run alike."""
    sandbox.faults.next(Fail("no cats"))
    for _ in range(2):
        _, child, _ = await run(motion, ledger, FOLLOWS)
        assert isinstance(child.error, NotSentError)
        assert "has failed; give that one another id" in str(child.error)
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 0)


async def test_an_id_that_looks_like_a_jobs_cannot_be_followed(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """What follows it would go to another job; the video itself is made."""
    made, refused = await run(
        motion, ledger, [BatchRequest("make", id="job:17"), BatchRequest("more", id="b", follows="job:17")]
    )
    assert made.ok
    assert isinstance(refused.error, InvalidRequestError)
    assert "cannot be followed" in str(refused.error)
    assert (sandbox.counts.creates, sandbox.counts.polls > 0, 404 in sandbox.counts.refused) == (1, True, False)


@pytest.mark.parametrize("other", ["d", None], ids=["another one", "none"])
async def test_an_id_whose_followup_was_made_is_not_that_of_a_followup_to(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox, other: str | None
) -> None:
    """Its words are the same, its video is not: the old outcome is not handed out for it, and nothing is sent."""
    made = [MADE, BatchRequest("make too", id="d"), BatchRequest("more", id="b", follows="a")]
    assert all(outcome.ok for outcome in await run(motion, ledger, made))
    before = sandbox.counts
    *_, changed = await run(motion, ledger, [*made[:2], BatchRequest("more", id="b", follows=other)])
    assert isinstance(changed.error, LedgerConflictError)
    assert "as a followup to another one" in str(changed.error)
    assert (sandbox.counts.creates, sandbox.counts.followups) == (before.creates, before.followups)
