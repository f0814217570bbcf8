"""Batches that were begun with the first ledgers: what is in them is not paid for again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import pytest

from motion_async import Attachment, BatchRequest, LedgerConflictError, MotionSession, Outcome, VideoRequest
from motion_async.canonical import canonical_text
from motion_async.ledger import open_ledger
from motion_async.sandbox import Sandbox
from tests.batches import run
from tests.ledger.earlier import Earlier, make_earlier

HERO = "https://files.example.com/hero.psd"
CLIP = "https://files.example.com/clip.ts"


def of_photoshop(**fields: str) -> dict[str, Any]:
    """A body as a machine made it whose own table knows `.psd`."""
    hero = {"url": HERO, "content_type": "image/x-of-some-machine", "type": "image"} | fields
    return {"prompt": "a launch video", "attachments": [hero]}


def with_hero(**fields: Any) -> VideoRequest:
    """The same as a person asks for it now."""
    return VideoRequest("a launch video", attachments=[Attachment(HERO, **fields)])


async def run_on(url: str, motion: MotionSession, requests: Iterable[Any]) -> list[Outcome]:
    """Make a batch with a ledger that is there, opened and closed again."""
    async with open_ledger(url) as ledger:
        return await run(motion, ledger, requests)


PARENT = Earlier({"prompt": "the first"}, "first", job_id="job-first")
FINISHED: dict[str, tuple[Earlier, BatchRequest]] = {
    "a prompt": (Earlier({"prompt": "a video"}), BatchRequest("a video")),
    "a guess of some machine": (Earlier(of_photoshop()), BatchRequest(with_hero())),
    "another one's guess": (
        Earlier({"prompt": "p", "attachments": [{"url": CLIP, "content_type": "text/x-linguist", "type": "file"}]}),
        BatchRequest(VideoRequest("p", attachments=[CLIP])),
    ),
    "no guess": (
        Earlier({"prompt": "p", "attachments": [{"url": CLIP}]}),
        BatchRequest(VideoRequest("p", attachments=[CLIP])),
    ),
    "types that were given": (
        Earlier(of_photoshop(content_type="image/psd", type="file")),
        BatchRequest(with_hero(content_type="image/psd", type="file")),
    ),
    "one of two types": (
        Earlier(of_photoshop(content_type="image/psd")),
        BatchRequest(with_hero(content_type="image/psd")),
    ),
    "signed again": (
        Earlier(of_photoshop(url=HERO + "?X-Amz-Signature=a")),
        BatchRequest(attrs.evolve(with_hero(), attachments=[HERO + "?X-Amz-Signature=b"])),
    ),
    "signed again by whom nobody knew then": (
        Earlier(of_photoshop(url=HERO + "?token=a")),
        BatchRequest(attrs.evolve(with_hero(), attachments=[HERO + "?token=b"])),
    ),
    "every field": (
        Earlier({
            "prompt": "p",
            "style_reference_url": "https://youtu.be/x",
            "attachments": [{"url": HERO, "name": "Hero", "content_type": "image/x-photoshop", "type": "image"}],
        }),
        BatchRequest(
            VideoRequest("p", style_reference_url="https://youtu.be/x", attachments=[Attachment(HERO, name="Hero")])
        ),
    ),
    "a followup": (Earlier({"prompt": "faster"}, parent="first"), BatchRequest("faster", follows="first")),
    "text in other bytes": (Earlier({"prompt": "Cafe\u0301\r\nb "}), BatchRequest("Caf\u00e9\nb")),
    "an id in another form": (Earlier({"prompt": "p"}, "Cafe\u0301"), BatchRequest("p", id="Caf\u00e9")),
    "an id": (Earlier(of_photoshop(), "hero"), BatchRequest(with_hero(), id="hero")),
    "an id, rejected": (Earlier(of_photoshop(), "hero", state="rejected"), BatchRequest(with_hero(), id="hero")),
}  # fmt: skip


@pytest.mark.parametrize(("item", "request_"), FINISHED.values(), ids=FINISHED)
async def test_what_an_earlier_library_has_finished_stays_finished(
    url: str, motion: MotionSession, sandbox: Sandbox, item: Earlier, request_: BatchRequest
) -> None:
    """However it was known then, and whatever the machine of that time had guessed."""
    job_id = None if item.state == "rejected" else "job-1"
    make_earlier(url, PARENT, attrs.evolve(item, job_id=job_id))
    for _ in range(2):
        _, outcome = await run_on(url, motion, [BatchRequest("the first", id="first"), request_])
        assert (outcome.key, outcome.job_id) == (canonical_text(item.name), job_id)
        assert outcome.ok is (item.state == "completed")
    assert (sandbox.counts.creates, sandbox.counts.followups) == (0, 0)


OTHERS: dict[str, tuple[Earlier, BatchRequest]] = {
    "another prompt": (Earlier(of_photoshop()), BatchRequest("a video")),
    "another type than was told": (Earlier(of_photoshop()), BatchRequest(with_hero(type="file"))),
    "one attachment more": (
        Earlier(of_photoshop()),
        BatchRequest(VideoRequest("a launch video", attachments=[HERO, HERO])),
    ),
    "another name": (Earlier(of_photoshop()), BatchRequest(with_hero(name="Hero"))),
    "a second one": (Earlier({"prompt": "p"}, "p"), BatchRequest("p")),
    "an id that looks like a key": (Earlier({"prompt": "p"}, "0" * 32 + "-1"), BatchRequest("p")),
    "what follows nothing": (Earlier({"prompt": "p"}, parent="first"), BatchRequest("p")),
}


@pytest.mark.parametrize(("item", "request_"), OTHERS.values(), ids=OTHERS)
async def test_what_asks_for_something_else_is_made(
    url: str, motion: MotionSession, sandbox: Sandbox, item: Earlier, request_: BatchRequest
) -> None:
    """Once, and the first ledger's video is not given in its place."""
    make_earlier(url, PARENT, attrs.evolve(item, job_id="job-1"))
    for _ in range(2):
        [outcome] = await run_on(url, motion, [request_])
        assert outcome.ok
        assert outcome.job_id != "job-1"
    assert sandbox.counts.creates == 1


async def test_another_content_under_an_id_of_that_time_is_told(url: str, motion: MotionSession) -> None:
    """As ever: the id has its video."""
    make_earlier(url, Earlier(of_photoshop(), "hero", job_id="job-1"))
    [outcome] = await run_on(url, motion, [BatchRequest(with_hero(name="Another"), id="hero")])
    assert isinstance(outcome.error, LedgerConflictError)


async def test_a_batch_of_that_time_goes_on(url: str, motion: MotionSession, sandbox: Sandbox) -> None:
    """What runs is taken up, what was planned is sent once, equals stay in their order, and what is new comes in."""
    job = await motion.create("it runs")
    make_earlier(
        url,
        Earlier({"prompt": "it runs"}, state="submitted", job_id=job.id),
        Earlier(of_photoshop(), 1, job_id="job-1"),
        Earlier(of_photoshop(), 2, state="planned"),
        Earlier({"prompt": "planned"}, state="planned"),
    )
    requests: list[Any] = ["it runs", with_hero(), with_hero(), with_hero(), "planned", "new"]
    first = await run_on(url, motion, requests)
    assert all(outcome.ok for outcome in first)
    assert [outcome.job_id for outcome in first[:2]] == [job.id, "job-1"]
    assert sandbox.counts.creates == 1 + 4
    assert len({outcome.job_id for outcome in first}) == len(requests)
    second = await run_on(url, motion, ["something before", *requests])
    assert [outcome.job_id for outcome in second[1:]] == [outcome.job_id for outcome in first]
    assert sandbox.counts.creates == 1 + 4 + 1


async def test_two_videos_that_are_one_request_now_are_both_found(
    url: str, motion: MotionSession, sandbox: Sandbox
) -> None:
    """Paid twice, they stay what they are: in their order, also behind followups of an id in another form."""
    make_earlier(
        url,
        Earlier({"prompt": "the first"}, "Cafe\u0301", job_id="job-first"),
        *(
            Earlier({"prompt": text}, parent="Cafe\u0301", job_id=job_id)
            for text, job_id in (("Cafe\u0301", "job-1"), ("Caf\u00e9", "job-2"))
        ),
    )
    followups = [BatchRequest("Caf\u00e9", follows="Caf\u00e9")] * 2
    outcomes = await run_on(url, motion, [BatchRequest("the first", id="Caf\u00e9"), *followups])
    assert [outcome.job_id for outcome in outcomes] == ["job-first", "job-1", "job-2"]
    assert (sandbox.counts.creates, sandbox.counts.followups) == (0, 0)
