"""`motion_async.cli.prompts`: the data of the demonstration."""

from datetime import UTC, datetime, timedelta

from motion_async.cli.demo import FAILS, WAITS
from motion_async.cli.prompts import load_prompts
from motion_async.contract.media import guess_types
from motion_async.contract.validation import problems


def test_the_prompts_are_many_and_different() -> None:
    """At least 24 prompts ship, no two alike."""
    requests = load_prompts()
    assert len({request.prompt for request in requests}) == len(requests) >= 24


def test_the_prompts_keep_the_contract_for_good() -> None:
    """Nothing is wrong with any of them, today or in a hundred years."""
    for now in (datetime.now(UTC), datetime.now(UTC) + timedelta(days=36_525)):
        assert [problems(request, now=now) for request in load_prompts()] == [()] * len(load_prompts())


def test_the_prompts_use_all_that_a_request_can_have() -> None:
    """Some have a style reference, some have attachments with a name and a type, some have neither."""
    requests = load_prompts()
    assert any(request.style_reference_url for request in requests)
    assert {guess_types(attachment)[1] for request in requests for attachment in request.attachments} == {
        "image",
        "video",
        "audio",
        "file",
    }
    assert all(attachment.name for request in requests for attachment in request.attachments)
    assert any(not request.style_reference_url and not request.attachments for request in requests)


def test_the_story_finds_its_prompts() -> None:
    """One prompt each is meant by the words that order a wait for input and a failure."""
    for word in (WAITS, FAILS):
        assert sum(word in request.prompt for request in load_prompts()) == 1
