"""The six words for how a video stands, and their colours: the same ones wherever the command tells of one.

Pure. What a status, an end or an item's state means to a person is said here alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from motion_async.cli.ends import End
from motion_async.jobs import JobState, JobStatus
from motion_async.ledger import Item, ItemState
from motion_async.ledger.items import is_unnamed
from motion_async.polling.freshness import needs_input

__all__ = [
    "COLOURS",
    "OTHER_WORD_OF_ITEM_STATE",
    "WORD_OF_END",
    "WORD_OF_ITEM_STATE",
    "Word",
    "count_words",
    "word_of_item",
    "word_of_state",
]


class Word(StrEnum):
    """How a video stands, for a person."""

    WAITING = "waiting"
    """Nothing of it was sent."""
    MAKING = "making"
    """The service has it, or is being sent it."""
    NEEDS_YOU = "needs you"
    """A person has to answer the service, or to correct its line."""
    DONE = "done"
    """Its video is finished."""
    FAILED = "failed"
    """Its job failed, its content was refused, or a person gave it up."""
    UNCLEAR = "unclear"
    """It may have been sent, or its job is not to be seen."""


COLOURS: Final = {
    Word.WAITING: "bright_black",
    Word.MAKING: "cyan",
    Word.NEEDS_YOU: "yellow",
    Word.DONE: "green",
    Word.FAILED: "red",
    Word.UNCLEAR: "magenta",
}
"""The rich style of each word."""

WORD_OF_END: Final = {
    End.COMPLETED: Word.DONE,
    End.FAILED: Word.FAILED,
    End.REJECTED: Word.FAILED,
    End.CHANGED: Word.NEEDS_YOU,
    End.UNCERTAIN: Word.UNCLEAR,
    End.INPUT: Word.NEEDS_YOU,
    End.RUNNING: Word.MAKING,
    End.UNSEEN: Word.UNCLEAR,
    End.NOT_SENT: Word.WAITING,
    End.DROPPED: Word.FAILED,
}
"""What each end of a request means."""
WORD_OF_ITEM_STATE: Final = {
    ItemState.PLANNED: Word.WAITING,
    ItemState.INTENT: Word.MAKING,
    ItemState.UNCERTAIN: Word.UNCLEAR,
    ItemState.SUBMITTED: Word.MAKING,
    ItemState.COMPLETED: Word.DONE,
    ItemState.FAILED: Word.FAILED,
    ItemState.REJECTED: Word.FAILED,
    ItemState.DROPPED: Word.FAILED,
}
"""What each state of an item means, as far as the state alone tells."""
OTHER_WORD_OF_ITEM_STATE: Final = {ItemState.PLANNED: Word.FAILED, ItemState.SUBMITTED: Word.NEEDS_YOU}
"""What an item in these states may mean instead; see `word_of_item`."""


def count_words(counts: Mapping[ItemState, int]) -> Counter[Word]:
    """Count items by what their states mean."""
    words: Counter[Word] = Counter()
    for state, count in counts.items():
        words[WORD_OF_ITEM_STATE[state]] += count
    return words


def word_of_state(state: JobState) -> Word:
    """Give what the service's answer about a job means."""
    if state.end is not None:
        return Word.DONE if state.end == JobStatus.COMPLETED else Word.FAILED
    return Word.NEEDS_YOU if needs_input(state) else Word.MAKING


def word_of_item(item: Item) -> Word:
    """Give what an item means: beyond its state, that it waits for a person, or that nothing will come of it."""
    if item.state is ItemState.PLANNED and item.error is not None and is_unnamed(item.key):
        return Word.FAILED  # whoever asked for it was told that it was not sent, and no later run sends it
    if item.state is ItemState.SUBMITTED and item.job_state is not None and not item.job_state.has_ended:
        return word_of_state(item.job_state)
    return WORD_OF_ITEM_STATE[item.state]
