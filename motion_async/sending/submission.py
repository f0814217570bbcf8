"""A create or a followup on its way to the service: one value with all that belongs to it. No I/O, no state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import attrs

from motion_async.contract.protocol import Call
from motion_async.errors import MotionError
from motion_async.jobs import JobState
from motion_async.sending.journal import SendJournal

__all__ = ["Submission"]

_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class Submission(Generic[_T]):
    """What is sent, and who is asked and told on the way.

    Args:
        call: what is sent.
        on_accepted: given the job's id and first status as soon as they are known, even if the caller is gone; what it
            gives is what the caller gets.
        on_uncertain: called when the call was sent and its answer was lost.
        on_refused: given what the service refused it with, unless it is tried again, as soon as that is known: before
            it is written down, and before another one can leave in its place.
        on_answer: given the HTTP status of each answer, as soon as it has come and whatever it means.
        journal: where it is written down before each try, and what came of it after.
        check: raises if it is not to be sent any more; asked again and again, up to the moment before its first byte
            leaves, so that it must be quick.
        before_try: awaited before each try; raises if there is to be none.
        waits_for_credits: whether it is held back after a 402 until there are credits, and then sent.
        is_patient: whether it is tried for as long as it takes, and not only for a while.
        key: what a ledger or a batch knows it by, if one does.
        metadata: the caller's own.
    """

    call: Call
    on_accepted: Callable[[JobState], _T]
    on_uncertain: Callable[[], None] = lambda: None
    on_refused: Callable[[MotionError], None] = lambda _: None
    on_answer: Callable[[int], None] = lambda _: None
    journal: SendJournal | None = None
    check: Callable[[], None] = lambda: None
    before_try: Callable[[], Awaitable[object]] | None = None
    waits_for_credits: bool = False
    is_patient: bool = False
    key: str | None = None
    metadata: Any = None
