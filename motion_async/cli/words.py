"""What can happen to a video and to a line of a batch, in words: how it stands, how it ended, what a run does with it.

Pure. Each is a table of its own; what a state of an item in the ledger means is in it, and the six words, with their
colours, are the same ones wherever the command tells of a video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Self

from motion_async import errors
from motion_async.jobs import JobState, JobStatus
from motion_async.ledger import Item, ItemState
from motion_async.ledger.items import is_unnamed
from motion_async.polling.freshness import needs_input

__all__ = [
    "END_OF_STATE",
    "FATE_OF_STATE",
    "End",
    "Fate",
    "Word",
    "count_words",
    "possible_words",
    "word_of_item",
    "word_of_state",
]


class Word(StrEnum):
    """How a video stands, for a person, and the rich style of that word."""

    WAITING = "waiting", "bright_black"
    """Nothing of it was sent."""
    MAKING = "making", "cyan"
    """The service has it, or is being sent it."""
    NEEDS_YOU = "needs you", "yellow"
    """A person has to answer the service, or to correct its line."""
    DONE = "done", "green"
    """Its video is finished."""
    FAILED = "failed", "red"
    """Its job failed, its content was refused, or a person gave it up."""
    UNCLEAR = "unclear", "magenta"
    """It may have been sent, or its job is not to be seen."""

    colour: str

    def __new__(cls, value: str, colour: str = "") -> Self:
        """Make a row of the table."""
        word = str.__new__(cls, value)
        word._value_, word.colour = value, colour
        return word


class End(StrEnum):
    """How a request of a batch came out of a run: its name for programs, and the word for a person.

    Behind them stand the states of an item that count as it, if the run has not come to the item, and the errors of
    an outcome that mean it.
    """

    RUNNING = (
        "running",
        Word.MAKING,
        (ItemState.INTENT, ItemState.SUBMITTED),
        (errors.WaitTimeoutError, errors.SentElsewhereError),
    )
    """Its job goes on, or another run is sending it, and that is not waited for any longer."""
    INPUT = "input", Word.NEEDS_YOU, (), (errors.InputRequiredError,)
    """Its job waits for a person, and that is not waited for."""
    UNCERTAIN = "uncertain", Word.UNCLEAR, (ItemState.UNCERTAIN,), (errors.UncertainError,)
    """It may have been sent, and no id is known."""
    COMPLETED = "completed", Word.DONE, (ItemState.COMPLETED,)
    """Its video is finished."""
    FAILED = "failed", Word.FAILED, (ItemState.FAILED,), (errors.JobFailedError,)
    """Its job failed."""
    REJECTED = "rejected", Word.FAILED, (ItemState.REJECTED,), (errors.InvalidRequestError,)
    """Its content was refused, here or by the service."""
    DROPPED = "dropped", Word.FAILED, (ItemState.DROPPED,), (errors.DroppedError,)
    """A person gave it up."""
    CHANGED = "changed", Word.NEEDS_YOU, (), (errors.LedgerConflictError,)
    """It was sent with another content than its line has now."""
    UNSEEN = "unseen", Word.UNCLEAR
    """Its job is known and could not be watched to its end."""
    NOT_SENT = "not_sent", Word.WAITING, (ItemState.PLANNED,), (errors.NotSentError,)
    """Nothing was sent."""

    word: Word
    states: tuple[ItemState, ...]
    causes: tuple[type[errors.MotionError], ...]

    def __new__(
        cls,
        value: str,
        word: Word,
        states: tuple[ItemState, ...] = (),
        causes: tuple[type[errors.MotionError], ...] = (),
    ) -> Self:
        """Make a row of the table."""
        end = str.__new__(cls, value)
        end._value_, end.word, end.states, end.causes = value, word, states, causes
        return end


class Fate(StrEnum):
    """What a run does with a line of a batch: its name in a plan, how a person is told of such lines, and states.

    Those are the states of an item that decide it, if its line asks for the same as ever.
    """

    SEND = "send", "to be sent", ItemState.PLANNED
    DUPLICATE = "duplicate", "made before, in another batch or under another id; --duplicates says what is done"
    TAKE_UP = "take_up", "running already, to be waited for", ItemState.SUBMITTED
    COMPLETED = "completed", "completed already", ItemState.COMPLETED
    AGAIN = "again", "to be made anew, as they have failed"
    FAILED = "failed", "failed already", ItemState.FAILED
    # Whether the sender of an intent still lives is found out by the run, as it is noted then.
    UNCERTAIN = (
        "uncertain",
        "unclear: may have been sent; settle with `motion-async ledger resolve`",
        ItemState.INTENT,
        ItemState.UNCERTAIN,
    )
    CHANGED = "changed", "sent with another content than their lines have now; give them other ids"
    REJECTED = "rejected", "refused by the service; correct their lines", ItemState.REJECTED
    EXPIRED = "expired", "not sent, and their signed URLs have expired"
    DROPPED = "dropped", "given up by a person", ItemState.DROPPED

    words: str
    states: tuple[ItemState, ...]

    def __new__(cls, value: str, words: str, *states: ItemState) -> Self:
        """Make a row of the table."""
        fate = str.__new__(cls, value)
        fate._value_, fate.words, fate.states = value, words, states
        return fate


END_OF_STATE: Final = {state: end for end in End for state in end.states}
FATE_OF_STATE: Final = {state: fate for fate in Fate for state in fate.states}
_MAY_BE: Final = {ItemState.SUBMITTED: Word.NEEDS_YOU, ItemState.PLANNED: Word.FAILED}
"""What an item in one of these states may mean beyond its state; see `word_of_item`."""


def count_words(counts: Mapping[ItemState, int]) -> Counter[Word]:
    """Count items by what their states mean."""
    words: Counter[Word] = Counter()
    for state, count in counts.items():
        words[END_OF_STATE[state].word] += count
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
    return END_OF_STATE[item.state].word


def possible_words(state: ItemState) -> frozenset[Word]:
    """Give the words that items in a state may have."""
    word = END_OF_STATE[state].word
    return frozenset((word, _MAY_BE.get(state, word)))
