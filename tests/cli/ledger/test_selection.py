"""`motion_async.cli.ledger.selection`: items by what a person sees of them, by the ledger's own states, by prompts."""

from collections.abc import Sequence

import attrs
import pytest

from motion_async.cli.ledger.selection import select
from motion_async.errors import ConfigurationError
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.ledger import ItemState
from tests.cli.test_words import item

WAITS = attrs.evolve(item(ItemState.SUBMITTED), job_state=JobState("a", JobStatus.AWAITING_USER_INPUT))
RUNS = attrs.evolve(item(ItemState.SUBMITTED), job_state=JobState("a", JobStatus.RUNNING))
OTHERS = [item(state) for state in ItemState if state is not ItemState.SUBMITTED]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["needs-you"], [WAITS]),
        (["needs you"], [WAITS]),
        (["needs you", "done"], [WAITS, item(ItemState.COMPLETED)]),
        (["making"], [RUNS, item(ItemState.INTENT)]),
        (["submitted"], [WAITS, RUNS]),
        (["failed"], [item(state) for state in (ItemState.FAILED, ItemState.REJECTED, ItemState.DROPPED)]),
        (["rejected"], [item(ItemState.REJECTED)]),
        (["Done", "unclear"], [item(ItemState.COMPLETED), item(ItemState.UNCERTAIN)]),
        ([], [WAITS, RUNS, *OTHERS]),
    ],
)
def test_items_are_found_by_the_words_that_are_shown(names: Sequence[str], found: list[object]) -> None:
    """Also where the ledger's state alone does not tell; and by what it calls them itself."""
    selection = select(names)
    assert sorted(map(repr, filter(selection.has, [WAITS, RUNS, *OTHERS]))) == sorted(map(repr, found))
    assert all(not selection.states or each.state in selection.states for each in (WAITS, RUNS) if selection.has(each))


def test_a_text_is_looked_for_in_prompts_beside_the_states() -> None:
    """In whatever case and form of Unicode; an item is meant if both are true of it."""
    cafe = attrs.evolve(WAITS, request=VideoRequest("A Caf\u00e9 at night"))
    found = [select(names, "cafe\u0301 AT") for names in ([], ["needs you"], ["done"])]
    assert [selection.has(cafe) for selection in found] == [True, True, False]
    assert not found[0].has(WAITS)


def test_a_name_that_is_none_is_told_with_those_that_are() -> None:
    """Each once, the words first."""
    with pytest.raises(ConfigurationError, match=r"no state 'gone'; the states are: waiting, making, needs you, done"):
        select(["gone"])
