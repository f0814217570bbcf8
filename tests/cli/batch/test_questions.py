"""`motion_async.cli.batch.questions`: what is asked before money, in words, and once on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import attrs
import pytest

from motion_async import BatchRequest
from motion_async.cli.batch.questions import find_question
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.survey import Survey
from motion_async.cli.sheets.filelines import Line
from motion_async.cli.words import Fate
from motion_async.ledger import Account
from motion_async.sandbox import Sandbox
from tests.cli.batch.orders import ORDER

Write = Callable[[Sequence[object]], str]


@pytest.fixture
def spool() -> Iterator[Spool]:
    """Two lines that were sent before, and three new ones."""
    with closing(Spool()) as spool:
        for number in range(1, 6):
            request = BatchRequest(f"video number {number} {'of many ' * 20}")
            spool.put(Line(number, request, key=str(number), fate=Fate.SEND if number > 2 else Fate.COMPLETED))
        yield spool


PLAN = Counter({Fate.SEND: 3, Fate.TAKE_UP: 1, Fate.COMPLETED: 1})
ACCOUNT = Account("https://api.motion.so", "motion_0123456789abcdef0123456789abcdef")


def asked(
    spool: Spool, plan: Counter[Fate] = PLAN, *, odd: int = 0, account: Account | None = None, **changed: Any
) -> str | None:
    return find_question(Survey(5, 0, odd=odd, plan=plan), attrs.evolve(ORDER, **changed), spool, account)


def test_what_is_new_is_asked_about_with_its_first_prompts_and_what_stands_beside_it(spool: Spool) -> None:
    """A prompt is cut, as it may have 12,000 characters."""
    question = asked(spool)
    assert question is not None
    assert question.startswith(
        "batch launch: 3 new; beside 1 making, 1 done; the first: “video number 3 of many of many of many"
    )
    assert "”, “video number 4 of many" in question
    assert question.endswith("…”. Send them, and pay for them?")
    assert len(question) < 300


def test_a_run_asks_for_as_much_as_it_may_send(spool: Spool) -> None:
    """So many new ones, and those that are made anew."""
    assert (asked(spool, limit=1) or "").startswith("batch launch: 1 new; ")
    retried = asked(spool, Counter({Fate.AGAIN: 2, Fate.COMPLETED: 3}), retry_failed=True)
    assert retried == "batch launch: 2 failed before; beside 3 done. Send them, and pay for them?"


def test_what_is_odd_is_asked_about_in_the_place_of_that(spool: Spool) -> None:
    """One question is enough."""
    assert asked(spool, odd=2) == "2 lines look as if nobody meant that; make 3 videos all the same, and pay for them?"
    assert (asked(spool, odd=2, allow_odd=True) or "").startswith("batch launch: 3 new")
    assert "make 1 video all the same" in (asked(spool, odd=2, limit=1) or "")
    assert asked(spool, Counter({Fate.COMPLETED: 5}), odd=2) is None, "nothing is to be paid for"


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ("https://api.motion.so", "api.motion.so"),
        ("https://motion.example.com:8443", "motion.example.com:8443"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080 (plain http)"),
    ],
)
def test_a_person_sees_where_the_money_goes_and_whose_it_is(spool: Spool, origin: str, place: str) -> None:
    """Who believes to be in a sandbox, or with another account, is told better; of the key its ends alone show."""
    account = attrs.evolve(ACCOUNT, origin=origin)
    where = f"{place} with the key motion_0123…cdef, and pay for them?"
    assert (asked(spool, account=account) or "").endswith(f". Send them to {where}")
    assert (asked(spool, account=account, odd=2) or "").endswith(f"; make 3 videos all the same, at {where}")


def test_who_is_sure_or_pays_for_nothing_is_not_asked(spool: Spool) -> None:
    """Nor who lets nothing new be sent."""
    assert asked(spool, is_sure=True) is None
    assert asked(spool, Counter({Fate.TAKE_UP: 2, Fate.COMPLETED: 3})) is None
    assert asked(spool, limit=0) is None


@pytest.mark.parametrize(("typed", "status", "paid"), [("y\n", 0, 2), ("\n", 130, 0)])
def test_on_a_terminal_nothing_is_paid_for_without_a_yes(
    typed: str, status: int, paid: int, sandbox: Sandbox, write: Write, on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """Enter is no yes; no script takes a no for all videos made, nor for a mistake, and the way on is said."""
    file = write([{"prompt": "A launch video"}, {"prompt": "Another one"}])
    found, shown = on_terminal("batch", file, after="pay for them?", typed=typed)
    assert (found, sandbox.counts.creates) == (status, paid)
    words = " ".join(shown.split())
    assert "2 new; the first: “A launch video”, “Another one”" in words
    assert f"Send them to {sandbox.url.split('/')[2]} (plain http) with the key motion_" in words
    assert ("go on with: motion-async batch launch.jsonl" in shown) is (paid == 0)
    assert ("nothing was sent" in shown) is (paid == 0)
