"""Tests of `motion_async.batch.requests`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from motion_async import BatchRequest, ConfigurationError, InvalidRequestError, VideoRequest
from motion_async.batch.requests import Intake, as_batch_request, intakes, iterate, kind_of_single


async def test_every_kind_of_request_is_taken_in() -> None:
    """Prompts, requests and requests with an id, from either kind of iterable."""
    requests: list[Any] = ["a", VideoRequest("b"), BatchRequest("c", id="x", metadata={"n": 1})]

    async def one_by_one() -> AsyncIterator[Any]:
        for request in requests:
            yield request

    for source in (requests, iter(requests), one_by_one()):
        taken = [intake async for intake in intakes(source)]
        assert [intake.request.prompt for intake in taken] == ["a", "b", "c"]
        assert [intake.key for intake in taken] == [None, None, "x"]
        assert taken[2].metadata == {"n": 1}
        assert all(intake.settled is None and intake.journal is None for intake in taken)


async def test_a_followup_without_a_ledger_is_settled_with_the_reason() -> None:
    """Nothing else could know its parent's job."""
    [intake] = [intake async for intake in intakes([BatchRequest("more", id="b", follows="a")])]
    assert intake.settled is not None
    assert isinstance(intake.settled[1], ConfigurationError)


async def test_requests_are_pulled_one_at_a_time() -> None:
    """Nothing is taken out of the iterable before it is asked for."""
    pulled: list[int] = []

    def source() -> Any:
        for number in range(3):
            pulled.append(number)
            yield f"p{number}"

    taken = intakes(source())
    await anext(taken)
    assert pulled == [0]
    assert [item async for item in iterate([1, 2])] == [1, 2]


def test_what_is_no_request_is_kept_for_validation() -> None:
    """Taking it in does not fail."""
    given: Any = 3
    assert as_batch_request(given).request == 3


async def test_an_id_that_is_no_text_is_settled_with_the_problem() -> None:
    """Nothing is known by it."""
    given: Any = 3
    [intake] = [intake async for intake in intakes([BatchRequest("a", id=given)])]
    assert intake.key is None
    assert intake.settled is not None
    assert isinstance(intake.settled[1], InvalidRequestError)
    assert [problem.path for problem in intake.settled[1].problems] == [("id",)]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("a", "str"), (b"a", "bytes"), ({"prompt": "a"}, "dict"), (VideoRequest("a"), "VideoRequest"), (3, "int"),
        (["a"], None), (iter("a"), None),
    ],
)  # fmt: skip
def test_a_single_request_is_no_batch(given: Any, kind: str | None) -> None:
    """Its kind is what can be told of it."""
    assert kind_of_single(given) == kind


async def test_a_request_is_known_by_its_id_in_one_form_of_unicode() -> None:
    """As with a ledger, and however the file was saved; the request itself stays as it was given."""
    given = BatchRequest("Cafe\u0301", id="Cafe\u0301")
    [intake] = [intake async for intake in intakes([given])]
    assert (intake.key, intake.request.prompt) == ("Caf\u00e9", "Cafe\u0301")


def test_a_followup_knows_the_job_that_it_gives_a_turn_once_one_is_known() -> None:
    """Its own, which the service has told of, or else the one that it follows; a create gives none a turn."""
    request = VideoRequest("a video")
    assert Intake(request, job_id="job-1").followed_job_id is None
    assert Intake(request, follows="hero").followed_job_id is None
    assert Intake(request, follows="hero", parent_job_id="job-1").followed_job_id == "job-1"
    assert Intake(request, follows="hero", parent_job_id="job-1", job_id="job-2").followed_job_id == "job-2"
