"""`motion_async.cli.words`: how a video stands, in one of six words."""

import pickle
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from motion_async.cli.words import (
    END_OF_STATE,
    FATE_OF_STATE,
    End,
    Fate,
    Word,
    count_words,
    possible_words,
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


def test_every_state_has_its_place_in_each_table_once() -> None:
    """Whoever adds one finds here what it is missing in; programs read the names, people the words and colours."""
    for table in (End, Fate):
        states = [state for row in table for state in row.states]
        assert sorted(states) == sorted(ItemState), "a state is missing, or counts twice"
    kinds = [kind for end in End for kind in end.causes]
    assert len(kinds) == len(set(kinds)), "an error counts as two ends"
    assert len({word.colour for word in Word}) == len(Word) == 6, "two words cannot be told apart"
    assert {end.word for end in End} == set(Word)
    assert {
        state.value: (END_OF_STATE[state].value, FATE_OF_STATE[state].value, END_OF_STATE[state].word.value)
        for state in ItemState
    } == {
        "planned": ("not_sent", "send", "waiting"),
        "intent": ("running", "uncertain", "making"),
        "uncertain": ("uncertain", "uncertain", "unclear"),
        "submitted": ("running", "take_up", "making"),
        "completed": ("completed", "completed", "done"),
        "failed": ("failed", "failed", "failed"),
        "rejected": ("rejected", "rejected", "failed"),
        "dropped": ("dropped", "dropped", "failed"),
    }
    assert {end.value: end.word.value for end in End if not end.states} == {
        "changed": "needs you",
        "input": "needs you",
        "unseen": "unclear",
    }


def test_each_row_is_found_by_its_name_and_survives_pickle() -> None:
    """What programs wrote is read again, and lines are kept in a file between two passes."""
    for table in (Word, End, Fate):
        for row in table:
            assert table(row.value) is pickle.loads(pickle.dumps(row)) is row  # it was pickled here
            assert f"{row}" == row.value


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


def test_the_words_that_a_state_may_have_are_those_of_its_items() -> None:
    """Who looks for the items of a word asks the ledger for all states in which there may be any."""
    waits = JobState("a", JobStatus.AWAITING_USER_INPUT)
    refused = attrs.evolve(item(ItemState.PLANNED), key=unnamed_key(), error="no credits")
    for one in (*map(item, ItemState), item(ItemState.SUBMITTED, job_id="a", job_state=waits), refused):
        assert word_of_item(one) in possible_words(one.state)
    assert possible_words(ItemState.COMPLETED) == {Word.DONE}


def test_items_are_counted_by_words() -> None:
    """States that mean the same to a person are one."""
    counts = {ItemState.FAILED: 1, ItemState.REJECTED: 2, ItemState.PLANNED: 4}
    assert count_words(counts) == {Word.FAILED: 3, Word.WAITING: 4}
