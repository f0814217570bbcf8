"""Tests of `motion_async.sandbox.catalogue`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from motion_async.sandbox import Fail, Fault, FaultBook, Hang, LostAnswer, RateLimited, every_fault
from motion_async.sandbox.catalogue import describe_faults, describe_order

FIVES = ("server-error", "bad-gateway", "unavailable", "lost-to-error")


def test_every_fault_is_described_by_its_class() -> None:
    """In a sentence for whoever orders it, and with the calls that it strikes, as JSON."""
    described = json.loads(json.dumps(describe_faults()))
    assert [fault["fault"] for fault in described] == list(every_fault())
    lost = next(fault for fault in described if fault["fault"] == "lost-answer")
    assert lost == {
        "fault": "lost-answer",
        "does": "The call is carried out, and the connection is closed without a byte of an answer.",
        "strikes": "exchange",
        "calls": ["create", "followup", "poll"],
        "options": [],
    }
    assert not any("section" in fault["does"] or "`" in fault["does"] for fault in described)


def test_the_options_of_a_fault_say_what_they_take() -> None:
    """Their kind, whether they may be nothing, and what they are if nobody says."""
    known = {fault["fault"]: fault for fault in describe_faults()}
    (retry_after,) = known["rate-limit-retry-after"]["options"]
    assert retry_after == {
        "option": "retry_after",
        "kind": "number",
        "may_be_none": True,
        "default": 1,
        "about": "seconds for the Retry-After header, 0 or more; None sends no such header.",
    }
    assert {
        f"{name}: {option['option']}": option["kind"] for name, fault in known.items() for option in fault["options"]
    } == {
        "rate-limit: retry_after": "number",
        "rate-limit-retry-after: retry_after": "number",
        **{f"{name}: status": "whole number" for name in FIVES},
        **{f"{name}: {option}": "flag" for name in FIVES for option in ("html", "taken")},
        "hang: seconds": "number",
        "slow-body: seconds": "number",
        "stale-completed: polls": "whole number",
        "new-status: status": "text",
        "await-input: until_answered": "flag",
        "fail: error": "text",
    }
    assert (known["hang"]["strikes"], known["fail"]["strikes"]) == ("exchange", "job")


@pytest.mark.parametrize(
    ("fault", "order", "told"),
    [
        (LostAnswer(), lambda book, fault: book.next(fault, on="poll"), {"on": "poll", "times": 1}),
        (Fail("x"), lambda book, fault: book.next(fault, times=2), {"times": 2}),
        (Hang(3), lambda book, fault: book.for_prompt("cat", fault), {"prompt": "cat"}),
        (Hang(), lambda book, fault: book.for_prompt("cat", fault, times=3), {"prompt": "cat", "times": 3}),
        (RateLimited(), lambda book, fault: book.at_random(fault, 0.5), {"probability": 0.5}),
        (RateLimited(), lambda book, fault: book.at_random(fault, 1), {"probability": 1}),
    ],
)
def test_an_order_is_told_as_it_was_given(
    fault: Fault, order: Callable[[FaultBook, Fault], None], told: dict[str, Any]
) -> None:
    """With the fields that would give it again, and none that would not."""
    book = FaultBook()
    order(book, fault)
    (described,) = map(describe_order, book.orders)
    assert {name: value for name, value in described.items() if name not in {"fault", "options"}} == told


@pytest.mark.parametrize(
    ("fault", "name", "options"),
    [
        (RateLimited(), "rate-limit", {"retry_after": None}),
        (RateLimited(1), "rate-limit-retry-after", {"retry_after": 1}),
        (RateLimited(7), "rate-limit", {"retry_after": 7}),
    ],
)
def test_a_fault_is_told_by_a_name_that_it_has(fault: Fault, name: str, options: dict[str, Any]) -> None:
    """By that of its like where its options are others."""
    book = FaultBook()
    book.next(fault)
    (told,) = map(describe_order, book.orders)
    assert (told["fault"], told["options"]) == (name, options)
