"""`motion_async.cli.words`: how a video stands, in one of six words."""

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from motion_async.cli.ends import End
from motion_async.cli.words import (
    COLOURS,
    WORD_OF_END,
    WORD_OF_ITEM_STATE,
    Word,
    count_words,
    word_of_item,
    word_of_state,
)
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.ledger import Item, ItemState
from motion_async.ledger.items import content_digest, unnamed_key

AT = datetime(2026, 4, 28, tzinfo=UTC)


def item(state: ItemState, **fields: Any) -> Item:
    """An item in some state."""
    request = VideoRequest("A video")
    digest = content_digest(request)
    return Item(1, "launch", "a", request=request, digest=digest, state=state, planned_at=AT, changed_at=AT, **fields)


def test_all_that_can_be_has_a_word_and_each_word_a_colour() -> None:
    """Whoever adds an end or a state finds here what it is missing in."""
    assert set(WORD_OF_END) == set(End)
    assert set(WORD_OF_ITEM_STATE) == set(ItemState)
    assert set(COLOURS) == set(Word)
    assert len(set(COLOURS.values())) == len(Word) == 6


@pytest.mark.parametrize(
    ("status", "fields", "word"),
    [
        ("queued", {}, Word.MAKING),
        ("polishing", {}, Word.MAKING),
        ("awaiting_user_input", {}, Word.NEEDS_YOU),
        ("running", {"pending_user_input": True}, Word.NEEDS_YOU),
        ("completed", {}, Word.DONE),
        ("succeeded", {}, Word.DONE),
        ("failed", {}, Word.FAILED),
        ("wrapped_up", {"error": "no frames", "completed_at": AT}, Word.FAILED),
    ],
)
def test_an_answer_of_the_service_has_a_word(status: str, fields: dict[str, Any], word: Word) -> None:
    """Also under a name that nobody has documented."""
    assert word_of_state(JobState("a", JobStatus(status), **fields)) is word


def test_an_item_that_waits_for_a_person_needs_one() -> None:
    """As the service has said last; how a followup's parent ended says nothing of the followup."""
    waits = JobState("a", JobStatus.AWAITING_USER_INPUT)
    assert word_of_item(item(ItemState.SUBMITTED, job_id="a", job_state=waits)) is Word.NEEDS_YOU
    ended = JobState("a", JobStatus.COMPLETED)
    assert word_of_item(item(ItemState.SUBMITTED, job_id="a", job_state=ended)) is Word.MAKING
    assert word_of_item(item(ItemState.DROPPED, job_id="a", job_state=waits)) is Word.FAILED


def test_a_single_create_that_was_not_sent_waits_for_nothing() -> None:
    """Whoever asked was told; one of a batch is sent by the next run."""
    refused = attrs.evolve(item(ItemState.PLANNED), key=unnamed_key(), error="no credits")
    assert word_of_item(refused) is Word.FAILED
    assert word_of_item(attrs.evolve(refused, key="hero")) is Word.WAITING
    assert word_of_item(attrs.evolve(refused, error=None)) is Word.WAITING


def test_items_are_counted_by_words() -> None:
    """States that mean the same to a person are one."""
    counts = {ItemState.FAILED: 1, ItemState.REJECTED: 2, ItemState.PLANNED: 4}
    assert count_words(counts) == {Word.FAILED: 3, Word.WAITING: 4}
