"""Tests of `motion_async.jobs`."""

import copy
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from motion_async import jobs
from motion_async.errors import JobFailedError
from motion_async.jobs import (
    Attachment,
    JobState,
    JobStatus,
    Outcome,
    StatusChange,
    VideoRequest,
)

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"
NOW = datetime(2026, 4, 28, 23, 1, 4, 198_000, tzinfo=UTC)
DOCUMENTED = ["queued", "created", "running", "awaiting_user_input", "completed", "failed"]

STATE = JobState(JOB, JobStatus.RUNNING, created_at=NOW, extra={"progress": 0.5})
REQUEST = VideoRequest("A launch video", attachments=["https://storage.example.com/hero.png"])
VALUES = [
    Attachment("https://storage.example.com/hero.png?sig=x", name="Hero"),
    REQUEST,
    STATE,
    StatusChange(JOB, None, JobStatus.RUNNING, STATE, NOW),
    Outcome(0, REQUEST, JOB, STATE),
]


def name_of(value: object) -> str:
    return type(value).__name__


def test_the_bounds_are_the_contracts() -> None:
    """The numbers that everything else holds requests against are the documentation's."""
    assert jobs.API_KEY_PREFIX == "motion_"
    assert jobs.MAX_PROMPT == 12_000
    assert jobs.MAX_ATTACHMENTS == 10
    assert jobs.MAX_ATTACHMENT_URL == 4_096
    assert jobs.MAX_ATTACHMENT_NAME == 240
    assert jobs.ATTACHMENT_TYPES == ("image", "video", "audio", "file")


@pytest.mark.parametrize("text", DOCUMENTED)
def test_the_documented_statuses_have_names(text: str) -> None:
    """Each status of the documentation is an attribute of the class, and one object only."""
    status = JobStatus(text)
    assert status is getattr(JobStatus, text.upper())
    assert status.is_documented
    assert status.is_terminal == (text in ("completed", "failed"))


SUCCESSES = ["COMPLETED", "completed ", "Complete", "succeeded", "SUCCESS", "successful", "done", "finished", "ended"]
FAILURES = [
    "Failed", "failed\n", "failure", "error", "errored", "canceled", "Cancelled", "expired", "timeout", "timed_out",
    "timed-out", "Timed Out", "timedOut", "rejected", "aborted", "terminated",
]  # fmt: skip
GOING_ON = ["Running", "QUEUED", "awaitingUserInput", "AWAITING_USER_INPUT", "rendering", "", "paused", "d" * 41]


@pytest.mark.parametrize("text", [*SUCCESSES, *FAILURES, *GOING_ON])
def test_another_status_is_kept(text: str) -> None:
    """A status that the documentation does not name is kept as it came."""
    status = JobStatus(text)
    assert status == text
    assert isinstance(status, JobStatus)
    assert not status.is_documented


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("completed", JobStatus.COMPLETED), ("failed", JobStatus.FAILED), ("running", None),
        *[(text, JobStatus.COMPLETED) for text in SUCCESSES],
        *[(text, JobStatus.FAILED) for text in FAILURES],
        *[(text, None) for text in GOING_ON],
    ],
)  # fmt: skip
def test_an_end_is_known_under_its_usual_names(text: str, end: JobStatus | None) -> None:
    """Failed unless the name says success; a job goes on under any other name."""
    status = JobStatus(text)
    state = JobState(JOB, status)
    assert (status.is_terminal, state.end, state.has_ended) == (end is not None, end, end is not None)
    assert StatusChange(JOB, None, status, state, NOW).is_end is (end is not None)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("running", "running"), ("Running", "running"), ("AWAITING_USER_INPUT", "awaiting_user_input"),
        ("Awaiting user-input", "awaiting_user_input"), ("cancelled", "failed"), ("succeeded", "completed"),
        ("rendering", None), ("", None), ("stopped", None), ("completed" + " " * 40, None),
    ],
)  # fmt: skip
def test_a_status_means_a_documented_one_by_its_name(text: str, meaning: str | None) -> None:
    """In other letters or with other joints between the words; a name that is endless is none."""
    assert JobStatus(text).meaning == meaning


@pytest.mark.parametrize(
    ("text", "fields", "end"),
    [
        ("wrapped_up", {"completed_at": NOW}, "failed"),
        ("wrapped_up", {"error": "out of frames"}, "failed"),
        ("wrapped_up", {"error": " "}, None),
        ("wrapped_up", {"error": ""}, None),
        ("wrapped_up", {"error": "false"}, None),
        ("wrapped_up", {"error": "{}"}, None),
        ("wrapped_up", {"updated_at": NOW, "pending_user_input": True}, None),
        ("done", {"error": "out of frames"}, "failed"),
        ("Finished", {"completed_at": NOW}, "completed"),
        ("succeeded", {"error": "one frame was dropped"}, "completed"),
        ("completed", {"error": "one frame was dropped"}, "completed"),
        ("canceled", {"completed_at": NOW}, "failed"),
        ("running", {"completed_at": NOW, "error": "of the turn before"}, None),
        ("Running", {"completed_at": NOW, "error": "of the turn before"}, None),
    ],
)
def test_what_comes_with_a_status_that_nobody_knows_decides(text: str, fields: dict[str, Any], end: str | None) -> None:
    """A time of its end or an error makes it one; a status that is known to go on goes on whatever comes with it."""
    state = JobState(JOB, JobStatus(text), **fields)
    assert (state.end, state.has_ended) == (end, end is not None)


@pytest.mark.parametrize("text", ["running", "rendering"])
def test_a_status_is_the_string_it_is(text: str) -> None:
    """A status compares, hashes and prints as its string, whether it is documented or not."""
    status = JobStatus(text)
    assert status == text
    assert {status: 1}[text] == 1  # type: ignore[index]
    assert f"{status}" == text
    assert repr(status) == f"JobStatus('{text}')"


@pytest.mark.parametrize("text", ["completed", "rendering"])
def test_a_status_survives_copies(text: str) -> None:
    """A pickled or copied status is a status again, and a documented one the same object."""
    status = JobStatus(text)
    for again in (pickle.loads(pickle.dumps(status)), copy.deepcopy(status)):
        assert isinstance(again, JobStatus)
        assert again == status
        assert (again is status) or not status.is_documented


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_values_are_frozen_and_slotted(value: Any) -> None:
    """A value can't be changed, and holds nothing but its fields."""
    field = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, field, "other")
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_values_survive_pickling(value: Any) -> None:
    """A value that travels to another process is equal there."""
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_values_can_stand_in_sets(value: Any) -> None:
    """Equal values count once in a set, whatever further fields they keep."""
    assert len({value, copy.deepcopy(value)}) == 1


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (Attachment, ("https://a.example.com/x", "Hero")),
        (VideoRequest, ("A prompt", "https://youtu.be/x")),
    ],
    ids=["attachment", "request"],
)
def test_options_are_keyword_only(kind: type, arguments: tuple[str, ...]) -> None:
    """What is optional can't be handed in by its place."""
    with pytest.raises(TypeError, match="positional"):
        kind(*arguments)


def test_a_state_needs_only_an_id_and_a_status() -> None:
    """What the service has not said is None, False or empty."""
    assert attrs.asdict(JobState(JOB, JobStatus.QUEUED)) == {
        "job_id": JOB,
        "status": "queued",
        "created_at": None,
        "updated_at": None,
        "completed_at": None,
        "error": None,
        "pending_user_input": False,
        "extra": {},
    }


def test_an_attachment_has_what_was_given_and_nothing_else() -> None:
    """What the service is told in the place of the rest is no part of the value, and not of what it is known by."""
    attachment = Attachment("https://storage.example.com/intro.mp4")
    assert (attachment.name, attachment.content_type, attachment.type) == (None, None, None)
    assert attachment != Attachment("https://storage.example.com/intro.mp4", content_type="video/mp4", type="video")


GARBAGE: dict[str, Any] = {
    "none": None,
    "number": 5,
    "bytes": b"https://a.example.com/x.png",
    "list": ["https://a.example.com/x.png"],
    "half an address": "https://[::1",
    "nul": "\x00",
    "surrogate": "https://a.example.com/\ud800.png",
    "bracket": "https://a.example.com/[.png",
}


@pytest.mark.parametrize("given", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("field", ["url", "name", "content_type", "type"])
def test_making_an_attachment_never_fails(field: str, given: Any) -> None:
    """Whatever is handed in is kept as it is, and can be shown, so that validation can tell of it."""
    attachment = Attachment(**{"url": "https://a.example.com/x.png", field: given})
    assert getattr(attachment, field) == given
    assert repr(attachment)


@pytest.mark.parametrize("given", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("field", ["prompt", "style_reference_url", "attachments"])
def test_making_a_request_never_fails(field: str, given: Any) -> None:
    """A request of anything can be made and shown; validation tells what is wrong with it."""
    assert repr(VideoRequest(**{"prompt": "p", field: given}))


def test_no_secret_shows_in_a_repr() -> None:
    """Whoever reads a log can't fetch the file: neither a signature nor a password is shown."""
    signed = "https://storage.example.com/hero.png?X-Amz-Signature=SECRET"
    shown = repr(VideoRequest("p", attachments=[signed]))
    assert "SECRET" not in shown
    assert "https://storage.example.com/hero.png" in shown
    assert "SECRET" not in repr(Attachment("https://user:SECRET@storage.example.com/hero.png"))
    assert "https://a.example.com/@me/x.png" in repr(Attachment("https://a.example.com/@me/x.png"))


def urls() -> Iterator[str]:
    yield "https://a.example.com/1.png"
    yield "https://a.example.com/2.png"


TWO = (Attachment("https://a.example.com/1.png"), Attachment("https://a.example.com/2.png"))


@pytest.mark.parametrize(
    "given",
    [list(urls()), tuple(urls()), urls(), TWO, [TWO[0], "https://a.example.com/2.png"]],
    ids=["list", "tuple", "generator", "attachments", "mixed"],
)
def test_attachments_are_taken_in_every_form(given: Any) -> None:
    """Any iterable will do, and a plain URL where an attachment is expected."""
    assert VideoRequest("p", attachments=given).attachments == TWO


def test_no_attachments_are_an_empty_tuple() -> None:
    """None and nothing at all mean the same."""
    assert VideoRequest("p").attachments == ()
    assert VideoRequest("p", attachments=None).attachments == ()


@pytest.mark.parametrize("given", ["https://a.example.com/x.png", b"x", {"url": "x"}, 5], ids=name_of)
def test_a_single_thing_is_not_taken_apart(given: Any) -> None:
    """A string, bytes or a mapping is no list of attachments, and is kept for validation to tell."""
    assert VideoRequest("p", attachments=given).attachments is given


MOMENT = round(NOW.timestamp() * 1_000)


@pytest.mark.parametrize(
    ("state", "token"),
    [
        (JobState(JOB, JobStatus.RUNNING, updated_at=NOW), f"{JOB}:running"),
        (
            JobState(JOB, JobStatus.COMPLETED, updated_at=NOW, completed_at=NOW),
            f"{JOB}:completed@{MOMENT}",
        ),
        (JobState(JOB, JobStatus.FAILED, updated_at=NOW), f"{JOB}:failed@{MOMENT}"),
        (JobState(JOB, JobStatus.FAILED), f"{JOB}:failed@"),
        (JobState("a/b é@\n", JobStatus("no\r\nend @x")), "a%2Fb%20%C3%A9%40%0A:no%0D%0Aend%20%40x"),
    ],
)
def test_a_token_is_made_of_what_the_service_said(state: JobState, token: str) -> None:
    """So it is the same in every process; it goes into a header, and only an end has an `@`."""
    change = StatusChange(state.job_id, JobStatus.QUEUED, state.status, state, NOW)
    assert change.token == token
    assert ("@" in token) is change.is_end
    assert token.isascii()
    assert token.isprintable()
    assert change.token == StatusChange(state.job_id, None, state.status, state, NOW + timedelta(hours=1)).token


def test_an_outcome_is_ok_unless_it_has_an_error() -> None:
    """An outcome with an error has no video, whatever was seen of its job before."""
    assert Outcome(0, REQUEST, JOB, STATE).ok
    assert not Outcome(0, REQUEST, JOB, STATE, JobFailedError(JOB, error="render crashed")).ok


def test_a_state_without_further_fields_shares_one_empty_mapping() -> None:
    """It is empty in every way, equals an empty dict, can't be written to, and stays one object when pickled."""
    extra = JobState("a", JobStatus.QUEUED).extra
    assert extra is JobState("b", JobStatus.RUNNING).extra
    assert (len(extra), list(extra), repr(extra), extra == {}) == (0, [], "{}", True)
    with pytest.raises(KeyError):
        extra["anything"]
    assert pickle.loads(pickle.dumps(extra)) is extra
    assert isinstance(extra, dict)  # encoders such as msgspec's, and with it Litestar, know no other mapping


@pytest.mark.parametrize(
    "put",
    [
        lambda extra: extra.__setitem__("video", 1),
        lambda extra: extra.setdefault("video", 1),
        lambda extra: extra.update(video=1),
        lambda extra: extra.update({"video": 1}),
        lambda extra: extra.__ior__({"video": 1}),
    ],
)
def test_nothing_can_be_put_into_what_states_share(put: Callable[[Any], object]) -> None:
    """It would stand in each of them."""
    extra: Any = JobState("a", JobStatus.QUEUED).extra
    with pytest.raises(TypeError, match="takes in no further fields, such as 'video'"):
        put(extra)
    extra.update({})  # nothing is put in by this
    same = extra
    same |= {}
    assert same is extra == {}


def test_fields_that_nobody_knows_are_shown_without_queries_and_kept_whole() -> None:
    """A state's repr, which ends in logs, hides what may be a signature; the caller still gets the URL to fetch."""
    video = {"url": "https://bucket.s3.amazonaws.com/hero.png?X-Amz-Signature=SECRET"}
    seen = JobState(JOB, JobStatus.COMPLETED, extra={"video": video})
    assert "hero.png" in repr(seen)
    assert "SECRET" not in repr(seen)
    assert seen.extra == {"video": video}
