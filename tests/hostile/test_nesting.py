"""Answers nested to just about what the interpreter takes: readable throughout, or not at all."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from motion_async import JobState
from motion_async.contract.wire import WireError, read_accepted, read_error, read_state
from tests.hostile.hostile_server import state
from tests.hostile.scripts import with_field

DEPTHS: Final = (*range(1, 1_100), *range(1_100, 20_000, 211))
some_or_all_depths = pytest.mark.parametrize(
    "depths", [DEPTHS[::12], pytest.param(DEPTHS, marks=pytest.mark.slow)], ids=["some", "all"]
)
FIELDS: Final = ("job_id", "status", "created_at", "error", "pending_user_input", "anything")


def lists(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def objects(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@some_or_all_depths
@pytest.mark.parametrize("nested", [lists, objects])
@pytest.mark.parametrize("field", FIELDS)
def test_a_state_nested_to_any_depth_is_read_or_refused(
    field: str, nested: Callable[[int], bytes], depths: Sequence[int]
) -> None:
    """No `RecursionError` comes out of it, nor later out of a state that was given."""
    for depth in depths:
        try:
            given = read_state(with_field(field, nested(depth)))
        except WireError:
            continue
        assert isinstance(given, JobState)
        assert pickle.loads(pickle.dumps(given)) == given
        assert json.dumps(dict(copy.deepcopy(given).extra))
        assert repr(given)


@some_or_all_depths
@pytest.mark.parametrize("nested", [lists, objects])
def test_an_accepted_job_and_an_error_are_read_or_refused_at_any_depth(
    nested: Callable[[int], bytes], depths: Sequence[int]
) -> None:
    """An id beside what is nested too deeply is still an id, as long as anything can be read."""
    for depth in depths:
        try:
            assert read_accepted(with_field("anything", nested(depth))).job_id in state().decode()
        except WireError:
            assert depth > 500
        body = b'{"error":"no","details":[%s,{"code":%s,"path":[%s]}]}' % ((nested(depth),) * 3)
        assert read_error(body) is None or depth < 20_000
