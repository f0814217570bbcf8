"""Tests of `motion_async.sandbox.faults`."""

import math
import random
from collections.abc import Callable
from typing import Any, get_args

import pytest

from motion_async.sandbox.faults import (
    AwaitInput,
    Fail,
    Fault,
    FaultBook,
    Hang,
    LostAnswer,
    NewStatus,
    RateLimited,
    Reset,
    ServerError,
    SlowBody,
    StaleCompleted,
    every_fault,
    parse_fault,
)


def chance() -> random.Random:
    return random.Random(1)


def test_a_call_meets_the_orders_one_after_the_other() -> None:
    """Each call meets one fault of its exchange, in the order in which they were ordered."""
    book = FaultBook()
    book.next(RateLimited(), times=2)
    book.next(Reset())
    met = [book.strike_exchange("create", ("p",)) for _ in range(4)]
    assert met == [RateLimited(), RateLimited(), Reset(), None]
    assert book.injected == {"RateLimited": 2, "Reset": 1}


def test_an_order_for_one_kind_waits_for_it() -> None:
    """A fault for polls does not strike a create, and is not used up by one."""
    book = FaultBook()
    book.next(Reset(), on="poll")
    assert book.strike_exchange("create", ("p",)) is None
    assert book.strike_exchange("poll", ("p",)) == Reset()


def test_an_order_strikes_a_poll_of_a_job_that_nobody_knows() -> None:
    """A call that brings no prompt is a call all the same."""
    book = FaultBook()
    book.next(Reset(), on="poll")
    assert book.strike_exchange("poll", ()) == Reset()


def test_an_order_for_a_prompt_strikes_each_call_with_it() -> None:
    """What contains the text is struck until the count is used up, and nothing else is."""
    book = FaultBook()
    book.for_prompt("calendar", LostAnswer(), times=2)
    met = [book.strike_exchange("create", (prompt,)) for prompt in ("a cat", "a calendar app", "calendar", "calendar")]
    assert met == [None, LostAnswer(), LostAnswer(), None]
    assert book.strike_exchange("poll", ()) is None


def test_an_order_for_a_prompt_has_no_end_by_itself() -> None:
    """Without a count each call with the prompt is struck."""
    book = FaultBook()
    book.for_prompt("calendar", Fail("no"))
    assert all(book.strike_story("create", ("calendar",), chance()) == (Fail("no"),) for _ in range(5))


def test_chance_strikes_as_often_as_it_was_told_and_the_same_each_time() -> None:
    """A probability of 5 % strikes about 5 % of the calls, and a seed always the same ones."""
    runs = []
    for _ in range(2):
        book = FaultBook(seed=7)
        book.at_random(Reset(), 0.05)
        runs.append([book.strike_exchange("poll", ()) for _ in range(4_000)])
    assert runs[0] == runs[1]
    assert 140 < runs[0].count(Reset()) < 260


@pytest.mark.parametrize(("probability", "struck"), [(0, 0), (1, 100)])
def test_the_ends_of_probability_are_certain(probability: float, struck: int) -> None:
    """0 is never and 1 is always."""
    book = FaultBook()
    book.at_random(Reset(), probability)
    assert sum(book.strike_exchange("poll", ()) is not None for _ in range(100)) == struck


def test_a_job_meets_one_fault_of_each_class() -> None:
    """Different faults befall a job together; the second of a class waits for the next job."""
    book = FaultBook()
    for fault in (Fail("first"), AwaitInput(), Fail("second")):
        book.next(fault)
    assert book.strike_story("create", ("p",), chance()) == (Fail("first"), AwaitInput())
    assert book.strike_story("create", ("p",), chance()) == (Fail("second"),)


def test_a_fault_of_an_exchange_and_one_of_a_job_do_not_meet() -> None:
    """An exchange is not struck by what befalls jobs, nor a job by what befalls exchanges."""
    book = FaultBook()
    book.next(Fail())
    book.next(Reset())
    assert book.strike_exchange("create", ("p",)) == Reset()
    assert book.strike_story("create", ("p",), chance()) == (Fail(),)


def test_a_stale_answer_waits_for_a_followup() -> None:
    """There is no old completed state before a followup, so a create passes it by."""
    book = FaultBook()
    book.next(StaleCompleted())
    assert book.strike_story("create", ("p",), chance()) == ()
    assert book.strike_story("followup", ("p",), chance()) == (StaleCompleted(),)


def test_clear_withdraws_every_order() -> None:
    """After it no call is struck, and the count of what has struck stays."""
    book = FaultBook()
    book.next(Reset(), times=5)
    book.strike_exchange("poll", ())
    book.clear()
    assert book.strike_exchange("poll", ()) is None
    assert book.injected == {"Reset": 1}


@pytest.mark.parametrize(
    "order",
    [
        lambda book: book.next(Fail(), on="poll"),
        lambda book: book.next(StaleCompleted(), on="create"),
        lambda book: book.next(Reset(), on="get"),
        lambda book: book.next(Reset(), times=0),
        lambda book: book.for_prompt("", Reset()),
        lambda book: book.for_prompt("p", Reset(), times=-1),
        lambda book: book.at_random(Reset(), 1.01),
        lambda book: book.at_random(Reset(), math.nan),
    ],
)
def test_orders_that_could_never_be_carried_out_are_refused(order: Callable[[FaultBook], None]) -> None:
    """A wrong order is told at once instead of never striking."""
    with pytest.raises(ValueError, match=r"strike|must"):
        order(FaultBook())


@pytest.mark.parametrize(
    ("fault", "argument"),
    [
        (RateLimited, -1),
        (ServerError, 418),
        (Hang, -1),
        (SlowBody, math.nan),
        (StaleCompleted, 0),
        (NewStatus, ""),
        (Fail, ""),
    ],
)
def test_faults_have_bounds(fault: Callable[[object], Fault], argument: object) -> None:
    """A number out of its bounds makes no fault."""
    with pytest.raises(ValueError, match="must be"):
        fault(argument)


@pytest.mark.parametrize("fault", [LostAnswer, "lost-answer", None], ids=repr)
def test_what_is_no_fault_is_refused(fault: Any) -> None:
    """A class without its parentheses would strike nothing, and the test that ordered it would pass."""
    book = FaultBook()
    for order in (
        lambda: book.next(fault, on="create"),
        lambda: book.for_prompt("a", fault),
        lambda: book.at_random(fault, 0.5),
    ):
        with pytest.raises(TypeError, match=r"a fault is a value such as LostAnswer\(\)"):
            order()


def test_every_fault_holds_one_of_each_class() -> None:
    """No class of fault is missing from the list of all of them."""
    assert {type(fault) for fault in every_fault().values()} == set(get_args(Fault))


@pytest.mark.parametrize(("name", "fault"), every_fault().items())
def test_each_fault_is_read_by_its_name(name: str, fault: Fault) -> None:
    """The name and the probability come out of the text that names them."""
    assert parse_fault(f"{name}=0.05") == (fault, 0.05)


@pytest.mark.parametrize("text", ["", "rate-limit", "rate_limit=0.1", "=0.1"])
def test_unknown_names_are_told_with_the_known_ones(text: str) -> None:
    """Whoever mistypes a name reads which there are."""
    with pytest.raises(ValueError, match=r"rate-limit, .*lost-answer"):
        parse_fault(text)


@pytest.mark.parametrize("number", ["", "often", "5", "-0.1", "nan"])
def test_what_is_no_probability_is_refused(number: str) -> None:
    """What follows the name must be a number from 0 to 1."""
    with pytest.raises(ValueError, match="probability from 0 to 1"):
        parse_fault(f"reset={number}")
