"""Tests of `motion_async.ledger.transitions`: every move in every state, made once and made twice."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async import JobState, JobStatus, VideoRequest
from motion_async.ledger import Item, ItemState
from motion_async.ledger import decisions as d
from motion_async.ledger import transitions as m
from motion_async.ledger.codec import write_state
from tests.ledger.conftest import START, seen

P, I, U, S, C, F, R, D = ItemState  # noqa: E741  # columns of a table have to be narrow
AT = "2026-05-01T12:00:00.000000+00:00"
CLAIM = "claim-of-mine"

ITEM = Item(
    7, "launch", "hero", request=VideoRequest("a"), digest="d", state=P, planned_at=START, changed_at=START
)  # fmt: skip


def row(state: ItemState, *, claim: str | None = CLAIM, job_id: str = "job-1") -> m.ItemRow:
    """An item in a state, as it comes to be there."""
    known = job_id if state in (S, C, F) else None
    claimed = None if state in (P, R) else claim
    return m.ItemRow(7, "d", None, state, "me", claimed, AT, AT if known else None, known, None, None, None, AT)


def end(status: str, job_id: str = "job-1") -> m.Finish:
    state = seen(status, job_id)
    return m.Finish(f"end-{status}", ITEM, AT, job_id, status, state, None)


MADE: dict[str, tuple[Callable[[], m.Move], dict[ItemState, ItemState]]] = {
    "intend": (lambda: m.Claim("new", ITEM, AT, "me"), {P: I}),
    "intend again": (lambda: m.Claim(CLAIM, ITEM, AT, "me"), {P: I, I: I, U: I}),
    "withdraw": (lambda: m.Release("w", ITEM, AT, CLAIM, "busy"), {I: P, U: P}),
    "withdraw, rejected": (lambda: m.Reject("w", ITEM, AT, CLAIM, "bad"), {I: R, U: R}),
    "withdraw another's": (lambda: m.Release("w", ITEM, AT, "other", "busy"), {}),
    "withdraw nothing": (lambda: m.Release("w", ITEM, AT, None), {}),
    "lose": (lambda: m.MarkUncertain("l", ITEM, AT, CLAIM, "reset"), {I: U, U: U}),
    "lose another's": (lambda: m.MarkUncertain("l", ITEM, AT, "other", "reset"), {}),
    "take": (lambda: m.Accept("t", ITEM, AT, "job-1", "queued"), {P: S, I: S, U: S, R: S, D: S}),
    "take a second": (lambda: m.Accept("t", ITEM, AT, "job-2", "queued"), {P: S, I: S, U: S, R: S, D: S}),
    "take from a person": (
        lambda: m.Accept("t", ITEM, AT, "job-2", by="person"), {P: S, I: S, U: S, R: S, D: S, S: S},
    ),
    "observe": (lambda: m.RecordStatus("o", ITEM, AT, "job-1", "running", seen("running")), {}),
    "end completed": (lambda: end("completed"), {P: C, I: C, U: C, S: C, R: C, D: C}),
    "end failed": (lambda: end("failed"), {P: F, I: F, U: F, S: F, R: F, D: F}),
    "end of another job": (lambda: end("failed", "job-2"), {P: F, I: F, U: F, R: F, D: F}),
    "end running": (lambda: end("running"), {}),
    "end unseen": (lambda: m.Finish("e", ITEM, AT, None, None, None, "timeout"), {}),
    "presume": (lambda: m.Expire("p", ITEM, AT, "me", CLAIM), {I: U}),
    "presume of another": (lambda: m.Expire("p", ITEM, AT, "me", "other"), {}),
    "send again": (lambda: d.SendAgain("s", ITEM, AT), {U: P, R: P}),
    "drop": (lambda: d.Drop("x", ITEM, AT), {U: D}),
    "cancel": (lambda: d.Cancel("x", ITEM, AT), {P: D}),
    "try again": (lambda: d.TryAgain("y", ITEM, AT), {F: P}),
    "reuse": (lambda: d.Reuse("z", ITEM, AT, attrs.evolve(ITEM, state=C, job_id="job-1")), {P: C, R: C}),
    "reuse what runs": (lambda: d.Reuse("z", ITEM, AT, attrs.evolve(ITEM, state=S, job_id="job-1")), {P: S, R: S}),
}  # fmt: skip
"""What each move makes of which state; it leaves the others."""


@pytest.mark.parametrize("state", ItemState)
@pytest.mark.parametrize("name", MADE)
def test_every_move_in_every_state(name: str, state: ItemState) -> None:
    """A move leads where the table says, only by moves that the specification allows or by an id."""
    make, leads = MADE[name]
    item = row(state)
    make().apply(item)
    assert item.state is leads.get(state, state)
    assert item.state is state or item.state in m.MOVES[state] or item.job_id is not None
    assert (item.job_id is not None) == (item.state in (S, C, F))


@pytest.mark.parametrize("state", ItemState)
@pytest.mark.parametrize("name", MADE)
def test_a_move_made_twice_is_made_once(name: str, state: ItemState) -> None:
    """After a commit whose answer was lost it is made again: same place, same result."""
    move = MADE[name][0]()
    item = row(state)
    result, _ = move.apply(item)
    once = copy.copy(item)
    again, _ = move.apply(item)
    assert (item, again) == (once, result)


LATE = {
    "the same end": (lambda: end("completed"), False),
    "another end": (lambda: end("failed"), True),
    "not ended": (lambda: end("running"), True),
    "nothing seen": (MADE["end unseen"][0], False),
    "of another job": (lambda: end("failed", "job-2"), False),
}


@pytest.mark.parametrize("as_text", [False, True], ids=["in the same commit", "later"])
@pytest.mark.parametrize(("make", "is_told"), LATE.values(), ids=LATE)
def test_who_notes_an_end_late_is_told_of_the_one_that_stands(
    make: Callable[[], m.Move], is_told: bool, as_text: bool
) -> None:
    """The first end of an item stays, and whoever saw another state of the same job hears of it."""
    item = row(S)
    assert end("completed").apply(item)[0] is None
    if as_text:
        item.job_state = write_state(item.job_state)  # type: ignore[arg-type]
    once = copy.copy(item)
    assert make().apply(item)[0] == (seen("completed") if is_told else None)
    assert item == once


@given(st.sampled_from(list(ItemState)), st.lists(st.sampled_from(list(MADE)), max_size=8))
def test_no_id_is_ever_lost(state: ItemState, names: list[str]) -> None:
    """Whatever happens in whatever order: an id that was taken stands in the item or in its history."""
    item = row(state)
    history: set[str | None] = {item.job_id}
    given_ids: set[str | None] = {item.job_id}
    for name in names:
        move = MADE[name][0]()
        _, note = move.apply(item)
        history |= {note.job_id} if note else set()
        given_ids |= {move.job_id}
        assert item.job_id in history
    assert given_ids <= history | {None}


@given(st.lists(st.sampled_from([name for name in MADE if name not in ("send again", "try again")]), max_size=8))
def test_nothing_but_a_person_or_a_withdrawal_lets_an_item_be_sent_again(names: list[str]) -> None:
    """Once an intent is lost or taken, no other intent is ever allowed."""
    item = row(U)
    for name in (n for n in names if not n.startswith("withdraw") and n != "intend again"):
        MADE[name][0]().apply(item)
    assert m.Claim("another", ITEM, AT, "other").apply(item) == (False, None)


@pytest.mark.parametrize("field", ["digest", "parent"])
def test_an_item_planned_otherwise_is_not_sent(field: str) -> None:
    """The intent is of what was read: if the content or the video it follows has changed since, it is refused."""
    item = row(P)
    setattr(item, field, "other")
    assert m.Claim("new", ITEM, AT, "me").apply(item) == (False, None)
    assert not item.touched


def test_the_first_id_stays_and_the_second_is_noted() -> None:
    """A second job of an item is in its history, with words that say so."""
    item = row(S)
    result, note = m.Accept("t", ITEM, AT, "job-2", "queued").apply(item)
    assert (result, item.job_id) == (False, "job-1")
    assert note == m.Note(None, "queued", "job-2", "a second job; the item keeps job-1")


def test_a_person_may_put_an_id_right() -> None:
    """An id that was mistyped can be replaced as long as its job has not ended; the old one is in the words."""
    item = row(S)
    assert m.Accept("t", ITEM, AT, "job-2", by="person").apply(item)[1] == m.Note(
        S, None, "job-2", "named by a person instead of job-1"
    )
    assert item.job_id == "job-2"
    item = row(C)
    assert m.Accept("t", ITEM, AT, "job-2", by="person").apply(item)[0] is False
    assert item.job_id == "job-1"


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "unseen"])
@pytest.mark.parametrize("state", [S, C, F])
@pytest.mark.parametrize("by", ["service", "person"])
def test_of_two_ids_the_one_that_the_service_tells_stands(by: Any, state: ItemState, is_seen: bool) -> None:
    """The service's takes the place of one that it has never told of; a person's that of any. No end is undone."""
    item = row(state)
    item.job_confirmed = is_seen
    takes_over = state is S and (by == "person" or not is_seen)
    result, note = m.Accept("t", ITEM, AT, "job-2", "queued" if by == "service" else None, by=by).apply(item)
    assert (result, item.job_id, item.state) == (takes_over, "job-2" if takes_over else "job-1", state)
    assert note is not None
    assert (note.job_id, "job-1" in (note.detail or "")) == ("job-2", True), "both ids are in the history"


def test_the_same_id_from_both_is_one_job() -> None:
    """The person has found the right one before the service's answer was read."""
    item = row(S)
    item.job_confirmed = False
    assert m.Accept("t", ITEM, AT, "job-1", "queued").apply(item) == (True, m.Note(None, "queued", "job-1"))
    assert item.job_id == "job-1"


def test_a_persons_id_that_was_put_right_stays_so_when_its_move_is_made_again() -> None:
    """Its commit had no answer, and the service told the right one before it was tried again; a new move is heard."""
    typed = m.Accept("t", ITEM, AT, "typo", by="person")
    item = row(U)
    item.job_confirmed = False
    typed.apply(item)
    assert m.Accept("s", ITEM, AT, "job-1", "queued").apply(item)[0] is True
    item.job_confirmed = True
    assert (typed.apply(item)[0], item.job_id) == (False, "job-1")
    assert m.Accept("anew", ITEM, AT, "job-3", by="person").apply(item)[0] is True


@pytest.mark.parametrize("make", [d.SendAgain, d.Drop])
def test_a_job_that_a_person_named_and_nobody_saw_can_be_taken_back(make: type[d.SendAgain | d.Drop]) -> None:
    """The item has no id any more, and says whose it was; one that was seen stays, and so does one that has ended."""
    to = P if make is d.SendAgain else D
    item = row(S)
    item.job_confirmed = False
    result, note = make("s", ITEM, AT).apply(item)
    assert (result, item.state, item.job_id, item.taken_at) == (True, to, None, None)
    assert note == m.Note(to, detail="by a person; job job-1, which a person had named, was never seen")
    assert make("s", ITEM, AT).apply(item) == (True, None)
    assert make("s", ITEM, AT).apply(row(S)) == (False, None)
    ended = row(C)
    ended.job_confirmed = False
    assert make("s", ITEM, AT).apply(ended) == (False, None)


def test_a_late_status_does_not_undo_an_end() -> None:
    """What is seen of a job after its end is history."""
    item = row(C)
    item.status = "completed"
    _, note = m.RecordStatus("o", ITEM, AT, "job-1", "running", seen("running")).apply(item)
    assert (item.status, note) == ("completed", m.Note(None, "running", "job-1"))


@pytest.mark.parametrize("state", [S, C])
def test_a_status_of_another_job_is_history(state: ItemState) -> None:
    """A person has put the id right, say: what the first job did then says nothing of the item's own."""
    item = row(state, job_id="job-2")
    once = copy.copy(item)
    _, note = m.RecordStatus("o", ITEM, AT, "job-1", "failed", seen("failed")).apply(item)
    assert item == once
    assert note == m.Note(None, "failed", "job-1")


def test_a_status_of_the_items_job_is_kept() -> None:
    """With the answer that told of it."""
    item = row(S)
    m.RecordStatus("o", ITEM, AT, "job-1", "running", seen("running")).apply(item)
    assert (item.status, item.job_state) == ("running", seen("running"))


def test_an_end_is_kept_by_its_own_move_alone() -> None:
    """A followup's row has the end that it found until then: another end in its place would be taken for that."""
    item = row(S)
    item.job_state = found = seen("completed")
    once = copy.copy(item)
    _, note = m.RecordStatus("o", ITEM, AT, "job-1", "completed", seen("completed")).apply(item)
    assert item == once
    assert item.job_state is found
    assert note == m.Note(None, "completed", "job-1")


def test_what_ended_a_watch_too_early_is_noted() -> None:
    """After a timeout the item stays submitted, with the reason."""
    item = row(S)
    m.Finish("e", ITEM, AT, "job-1", "running", JobState("job-1", JobStatus.RUNNING), "timeout").apply(item)
    assert (item.state, item.status, item.error) == (S, "running", "timeout")


@pytest.mark.parametrize(
    ("status", "fields", "to"),
    [
        ("succeeded", {}, C),
        ("COMPLETED", {}, C),
        ("cancelled", {}, F),
        ("odd", {"error": "no frames"}, F),
        ("odd", {}, S),
    ],
)
def test_an_end_under_another_name_ends_the_item(status: str, fields: dict[str, Any], to: ItemState) -> None:
    """The status stays as it came."""
    item = row(S)
    end = JobState("job-1", JobStatus(status), **fields)
    m.Finish("e", ITEM, AT, "job-1", status, end, None).apply(item)
    assert (item.state, item.status, item.job_state) == (to, status, end)


def test_the_table_names_every_move_and_every_state_but_ends() -> None:
    """A move without its line would raise while it is applied; a state that nothing leads to could not be."""
    finished = {"Complete", "Fail"}
    moves = {kind.__name__ for kind in kinds_of(m.Move)} - {"Finish"} | finished | {"Replan"}
    assert set(m.TRANSITIONS) == moves
    assert set(m.BY_ID) == {"Accept"} | finished
    reached = {P}
    for _ in ItemState:
        reached |= {to for state in reached for to in m.MOVES[state]}
    assert reached == set(ItemState)
    assert {state for state in ItemState if not m.MOVES[state]} == {C}


def kinds_of(kind: type) -> Iterator[type]:
    """The moves that can be made."""
    for one in kind.__subclasses__():
        yield from () if inspect.isabstract(one) or one.__name__.startswith("_") else (one,)
        yield from kinds_of(one)


def test_the_states_that_follow_each_other_stay_what_they_are() -> None:
    """`MOVES` is public, and derived: users draw and check by it."""
    assert {
        P: {I, S, D},
        I: {S, P, R, U},
        U: {S, P, D, I, R},
        S: {C, F, P, D},
        C: set(),
        F: {P},
        R: {P, S},
        D: {P},
    } == m.MOVES
    assert ({S, C, F}, {C, F}, {P, R}) == (m.HAS_JOB, m.ENDED, m.REPLACEABLE)
