"""Tests of `motion_async.contract.wire`."""

import contextlib
import gzip
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from motion_async.codec import unread_fields
from motion_async.contract.wire import (
    ErrorBody,
    WireError,
    encode_request,
    first_object,
    inflate,
    read_accepted,
    read_error,
    read_state,
)
from motion_async.jobs import Attachment, JobState, JobStatus, VideoRequest
from motion_async.problems import Problem

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"

# The same examples in every run: a test must not pass by luck.
EXACT = settings(derandomize=True, database=None, deadline=None)

# The documentation's own examples, letter for letter.
POLLED = b"""{ "job_id": "405d47cf-f72b-4852-b570-0de2446dbba1", "status": "running",
 "created_at": "2026-04-28T23:01:04.198Z", "updated_at": "2026-04-28T23:01:23.695Z",
 "completed_at": null, "error": null, "pending_user_input": false }"""
ACCEPTED = b"""{ "job_id": "405d47cf-f72b-4852-b570-0de2446dbba1", "status": "queued",
 "status_url": "/api/motion/sessions/405d47cf-f72b-4852-b570-0de2446dbba1" }"""
CREATE = """{ "prompt": "Create a 15 second product launch video for a new AI calendar app.",
 "style_reference_url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "attachments":
 [ { "url": "https://storage.example.com/signed/hero-image.png", "name": "Hero image",
 "type": "image", "content_type": "image/png" } ] }"""
FOLLOWUP = """{ "prompt": "Make the pacing faster and add a stronger call to action.",
 "style_reference_url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ" }"""


def polled(**changes: Any) -> bytes:
    """The documentation's answer to a poll, with some of its fields changed."""
    return json.dumps({**json.loads(POLLED), **changes}).encode()


def polled_without(field: str) -> bytes:
    return json.dumps({key: value for key, value in json.loads(POLLED).items() if key != field}).encode()


def test_the_contracts_create_is_written() -> None:
    """The documentation's example of a create goes out with exactly its fields."""
    request = VideoRequest(
        "Create a 15 second product launch video for a new AI calendar app.",
        style_reference_url="https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        attachments=[
            Attachment(
                "https://storage.example.com/signed/hero-image.png",
                name="Hero image",
                type="image",
                content_type="image/png",
            )
        ],
    )
    assert json.loads(encode_request(request)) == json.loads(CREATE)


def test_the_contracts_followup_is_written() -> None:
    """The documentation's example of a followup goes out without attachments."""
    request = VideoRequest(
        "Make the pacing faster and add a stronger call to action.",
        style_reference_url="https://www.youtube.com/watch?v=dQw4w9WgXcQ",
    )
    assert json.loads(encode_request(request)) == json.loads(FOLLOWUP)


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (VideoRequest("p"), '{"prompt":"p"}'),
        (VideoRequest('"quoted"\n\u2028🎬'), '{"prompt":"\\"quoted\\"\\n\u2028🎬"}'),
        (
            VideoRequest("p", attachments=["https://a.example.com/x"]),
            '{"prompt":"p","attachments":[{"url":"https://a.example.com/x"}]}',
        ),
        (
            VideoRequest("p", attachments=[Attachment("https://a.example.com/x", name="")]),
            '{"prompt":"p","attachments":[{"url":"https://a.example.com/x","name":""}]}',
        ),
    ],
    ids=["least", "any text", "plain url", "empty name"],
)
def test_what_is_not_given_is_left_out(request_: VideoRequest, body: str) -> None:
    """A body has what was given and nothing else, as short as UTF-8 writes it."""
    assert encode_request(request_) == body.encode()


def test_guessed_types_are_written() -> None:
    """A type that was guessed from the file name is told to the service."""
    request = VideoRequest("p", attachments=["https://a.example.com/x.png"])
    assert json.loads(encode_request(request))["attachments"] == [
        {"url": "https://a.example.com/x.png", "content_type": "image/png", "type": "image"}
    ]


def test_the_contracts_poll_is_read() -> None:
    """The documentation's answer to a poll becomes a state with aware times."""
    assert read_state(POLLED) == JobState(
        JOB,
        JobStatus.RUNNING,
        created_at=datetime(2026, 4, 28, 23, 1, 4, 198_000, tzinfo=UTC),
        updated_at=datetime(2026, 4, 28, 23, 1, 23, 695_000, tzinfo=UTC),
        completed_at=None,
        error=None,
        pending_user_input=False,
        extra={},
    )


@pytest.mark.parametrize("status", ["queued", "created", "running", "awaiting_user_input", "completed", "failed"])
def test_each_documented_status_is_read(status: str) -> None:
    """A documented status becomes the one object that stands for it."""
    assert read_state(polled(status=status)).status is JobStatus(status)
    assert read_accepted(polled(status=status)).status is JobStatus(status)


def test_an_unknown_status_is_read() -> None:
    """A status that the documentation does not name is kept as it came."""
    state = read_state(polled(status="rendering"))
    assert state.status == "rendering"
    assert isinstance(state.status, JobStatus)


def test_unknown_fields_are_kept() -> None:
    """Fields that the documentation does not name are kept as they came, `extra` among them."""
    state = read_state(polled(video_url="https://v.example.com/1.mp4", progress={"percent": [12.5]}, extra=1))
    assert state.extra == {
        "video_url": "https://v.example.com/1.mp4",
        "progress": {"percent": [12.5]},
        "extra": 1,
    }
    assert state.status is JobStatus.RUNNING


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-04-28T23:01:04Z", datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)),
        ("2026-04-28T23:01:04.198765Z", datetime(2026, 4, 28, 23, 1, 4, 198_765, tzinfo=UTC)),
        (
            "2026-04-28T16:01:04-07:00",
            datetime(2026, 4, 28, 16, 1, 4, tzinfo=timezone(timedelta(hours=-7))),
        ),
        ("2026-04-28T23:01:04", datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)),
        (None, None),
    ],
)
@pytest.mark.parametrize("field", ["created_at", "updated_at", "completed_at"])
def test_times_are_aware(field: str, text: str | None, moment: datetime | None) -> None:
    """A time is read with its offset, without one as UTC, and null is no time."""
    read = getattr(read_state(polled(**{field: text})), field)
    assert read == moment
    assert read is None or read.tzinfo is not None


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, None),
        ("render crashed", "render crashed"),
        ("", ""),
        ({"code": "E1", "at": [1]}, '{"code": "E1", "at": [1]}'),
        (5, "5"),
        (False, "false"),
    ],
    ids=repr,
)
def test_the_reason_of_a_failure_is_never_lost(given: Any, read: str | None) -> None:
    """`error` is text or null as documented; of anything else its JSON is kept."""
    assert read_state(polled(status="failed", error=given)).error == read


@pytest.mark.parametrize(
    "field", ["job_id", "status", "created_at", "updated_at", "completed_at", "error", "pending_user_input"]
)
def test_an_answer_that_lacks_only_times_or_less_is_judged_by_id_and_status(field: str) -> None:
    """A state without id or status can't be read, and the error names what is missing."""
    if field in ("job_id", "status"):
        with pytest.raises(WireError, match=f"missing '{field}'"):
            read_state(polled_without(field))
    else:
        assert read_state(polled_without(field)).job_id == JOB


MISTYPED: dict[str, list[Any]] = {
    "job_id": [None, 5, ["x"], {"a": 1}, True],
    "status": [None, 5, "", ["running"], {}],
}
TOLERATED: dict[str, list[Any]] = {
    "created_at": [5, "yesterday", "", [], "2026-13-01T00:00:00Z", True],
    "updated_at": [1.5, "2026-04-28T25:00:00Z"],
    "completed_at": [False, {}],
    "pending_user_input": [None, 0, 1, "false", []],
}


@pytest.mark.parametrize(("field", "given"), [(field, value) for field, values in MISTYPED.items() for value in values])
def test_a_mistyped_field_is_named(field: str, given: Any) -> None:
    """An id or a status of another type makes the answer unreadable, and the error says where."""
    with pytest.raises(WireError, match=rf"expected .*\$\.{field}"):
        read_state(polled(**{field: given}))


@pytest.mark.parametrize(
    ("field", "given"), [(field, value) for field, values in TOLERATED.items() for value in values]
)
def test_a_time_or_a_flag_that_cannot_be_read_decides_nothing(field: str, given: Any) -> None:
    """It is kept as it came, and all that can be read is read."""
    read, plain = read_state(polled(**{field: given})), read_state(polled())
    assert read.extra == {field: given}
    assert unread_fields(read.extra) == {field}
    assert attrs.evolve(read, extra=plain.extra, **{field: getattr(plain, field)}) == plain
    assert getattr(read, field) is (False if field == "pending_user_input" else None)


def test_all_mistyped_fields_are_named_in_one_line() -> None:
    """Everything that is wrong with an answer is told at once, and shortly."""
    with pytest.raises(WireError) as caught:
        read_state(polled(job_id=5, status=["x" * 100_000]))
    told = str(caught.value)
    assert all(f"$.{field}" in told for field in ("job_id", "status"))
    assert len(told) < 500
    assert "\n" not in told


def nested(depth: int) -> bytes:
    return b'{"job_id":' + b"[" * depth + b"]" * depth + b"}"


UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b"   ",
    "html": b"<!doctype html><html><body>Bad Gateway</body></html>",
    "array": b"[1, 2]",
    "null": b"null",
    "number": b"5",
    "string": b'"running"',
    "no quotes": b"{job_id: 1}",
    "more after it": POLLED + POLLED,
    "nan": b'{"job_id": NaN}',
    "infinity": b'{"job_id": Infinity}',
    "minus infinity": b'{"job_id": -Infinity}',
    "number of 5,000 digits": b'{"job_id": ' + b"9" * 5_000 + b"}",
    "not UTF-8": b'{"job_id": "\xff"}',
    "UTF-16": POLLED.decode().encode("utf-16"),
    "control character": b'{"job_id": "\x00"}',
    "nested 100,000 deep in arrays": nested(100_000),
    "nested 100,000 deep in objects": b'{"a":' * 100_000,
    "trailing comma": b'{"job_id": "j",}',
}


@pytest.mark.parametrize("read", [read_state, read_accepted], ids=["state", "accepted"])
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_json_object_cannot_be_read(read: Callable[[bytes], Any], body: bytes) -> None:
    """Bytes of every other kind give this module's error, with a short reason, and are no error body."""
    with pytest.raises(WireError) as caught:
        read(body)
    assert 0 < len(str(caught.value)) < 300
    assert read_error(body) is None


def test_a_byte_order_mark_costs_no_id() -> None:
    """Of what is paid for the id is read behind it; a poll can be made again."""
    marked = b"\xef\xbb\xbf" + POLLED
    assert read_accepted(marked).job_id == read_state(POLLED).job_id
    with pytest.raises(WireError):
        read_state(marked)


@pytest.mark.parametrize("cut", range(len(POLLED)))
def test_a_body_that_was_cut_short_cannot_be_read(cut: int) -> None:
    """No beginning of an answer is taken for an answer."""
    with pytest.raises(WireError):
        read_state(POLLED[:cut])


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    """One answer has one meaning, also where a key stands in it twice."""
    assert read_state(POLLED.replace(b"{", b'{"job_id": 5, "status": "failed",', 1)) == read_state(POLLED)


def test_nesting_just_below_the_interpreters_limit_raises_nothing_else() -> None:
    """Where reading still works and showing does not, the error is this module's all the same."""
    fields = [*json.loads(POLLED), "details", "further"]
    for depth in range(700, 1_010, 5):
        deep = json.dumps(dict.fromkeys(fields, 0)).replace("0", "[" * depth + "]" * depth).encode()
        for read in (read_state, read_accepted):
            with pytest.raises(WireError):
                read(deep)
        read_error(deep)


@pytest.mark.parametrize("opening", ["[", '{"a":'], ids=["lists", "objects"])
@pytest.mark.parametrize("levels", [1, 62, 63, 64, 65, 200, 2_000])
def test_what_the_documentation_does_not_name_may_have_sixty_three_levels(opening: str, levels: int) -> None:
    """Deeper ones are refused long before the interpreter's bound: copying, showing or pickling them would meet it."""
    deep = opening * levels + "1" + {"[": "]", '{"a":': "}"}[opening] * levels
    body = POLLED.rstrip()[:-1] + b',"anything":' + deep.encode() + b"}"
    if levels <= 63:
        assert read_state(body).extra == {"anything": json.loads(deep)}
    else:
        with pytest.raises(WireError, match="nested too deeply"):
            read_state(body)


def test_the_contracts_accepted_is_read() -> None:
    """The documentation's 202 gives the id and the status; `status_url` is not kept."""
    assert read_accepted(ACCEPTED) == JobState(JOB, JobStatus.QUEUED)


@pytest.mark.parametrize("status", [None, 5, "", ["queued"], True], ids=repr)
def test_an_id_is_not_lost_for_a_status(status: Any) -> None:
    """The id of an accepted job is read although its status can't be."""
    assert read_accepted(polled(status=status)) == JobState(JOB, JobStatus.QUEUED)
    assert read_accepted(polled_without("status")) == JobState(JOB, JobStatus.QUEUED)


@pytest.mark.parametrize("status", ["success", "done", "COMPLETED", "error"])
def test_a_word_for_the_calls_own_success_is_no_end_of_the_job(status: str) -> None:
    """A job that was just taken has not ended; polls find out how it stands."""
    assert read_accepted(polled(status=status)) == JobState(JOB, JobStatus.QUEUED)


@pytest.mark.parametrize("job_id", [None, 5, "", ["x"], {"id": "x"}, True], ids=repr)
def test_accepted_without_an_id_cannot_be_read(job_id: Any) -> None:
    """An answer to a create that names no job is an error that says so."""
    with pytest.raises(WireError, match="job_id: expected a string"):
        read_accepted(polled(job_id=job_id))
    with pytest.raises(WireError, match="job_id: expected a string, not null"):
        read_accepted(polled_without("job_id"))


@pytest.mark.parametrize("half", [r"\ud800", r"\udfff", r"\uDBFF", r"a\ud800b", r"\udc00\ud800", r"\ud83d\\ude00"])
@pytest.mark.parametrize("read", [read_state, read_accepted], ids=["state", "accepted"])
def test_an_id_with_half_a_surrogate_pair_is_not_believed(read: Callable[[bytes], Any], half: str) -> None:
    """It can stand in no log, file or path, and what could be read of it would be another job's."""
    body = polled(job_id="HERE").replace(b"HERE", half.encode())
    if read is read_accepted:
        with pytest.raises(WireError, match="job_id"):
            read(body)
    else:
        assert "\ufffd" in read(body).job_id, "which is none that was asked for"


def test_an_id_with_a_whole_surrogate_pair_is_read() -> None:
    """It is one character, written in JSON's way."""
    body = polled(job_id="HERE").replace(b"HERE", rb"\ud83d\ude00")
    assert read_accepted(body).job_id == read_state(body).job_id == "\U0001f600"


# The documentation's error answers, letter for letter.
ERRORS: dict[str, tuple[bytes, ErrorBody]] = {
    "401": (
        b'{ "error": "Mosaic Motion API key authentication required" }',
        ErrorBody(error="Mosaic Motion API key authentication required"),
    ),
    "402": (
        b"""{ "error": "insufficient_credits", "code": "insufficient_credits_minimum_kickoff_balance",
        "message": "Starting a new Mosaic Motion session requires at least 300 credits in your balance.",
        "minimum_required_credits": 300, "current_balance": 0 }""",
        ErrorBody(
            error="insufficient_credits",
            code="insufficient_credits_minimum_kickoff_balance",
            message="Starting a new Mosaic Motion session requires at least 300 credits in your balance.",
            minimum_required_credits=300,
            current_balance=0,
        ),
    ),
    "400": (
        b"""{ "error": "Invalid request", "details": [ { "code": "too_big", "maximum": 10, "type": "array",
        "inclusive": true, "message": "Array must contain at most 10 element(s)",
        "path": ["attachments"] } ] }""",
        ErrorBody(
            error="Invalid request",
            problems=(
                Problem(
                    "too_big",
                    "Array must contain at most 10 element(s)",
                    ("attachments",),
                    {"maximum": 10, "type": "array", "inclusive": True},
                ),
            ),
        ),
    ),
    "404": (b'{ "error": "Job not found" }', ErrorBody(error="Job not found")),
    "409": (
        b"""{ "error": "followup_requires_completed_job", "message":
        "Followups can only be created for completed Mosaic Motion jobs.", "status": "running" }""",
        ErrorBody(
            error="followup_requires_completed_job",
            message="Followups can only be created for completed Mosaic Motion jobs.",
            status="running",
        ),
    ),
    "nothing of it": (b"{}", ErrorBody()),
    "every field of another type": (
        b"""{"error": {"a": 1}, "code": 5, "message": null, "status": ["x"],
        "minimum_required_credits": "300", "current_balance": true, "details": 7}""",
        ErrorBody(problems=(Problem("unknown", "1", ("a",)),)),
    ),
    "sentences in the place of one, as NestJS has them": (
        b'{"statusCode": 400, "message": ["prompt is too long", "no"], "error": "Bad Request"}',
        ErrorBody(
            error="Bad Request",
            problems=(Problem("unknown", "prompt is too long"), Problem("unknown", "no")),
        ),
    ),
    "fractions": (
        b'{"minimum_required_credits": 0.5, "current_balance": -1.25}',
        ErrorBody(minimum_required_credits=0.5, current_balance=-1.25),
    ),
}


@pytest.mark.parametrize(("body", "read"), ERRORS.values(), ids=ERRORS)
def test_error_bodies_are_read_as_far_as_they_go(body: bytes, read: ErrorBody) -> None:
    """Each documented error is read whole; a field that is not as documented is None."""
    assert read_error(body) == read


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"path": ["attachments", 3, "url"]}, Problem("unknown", "no message", ("attachments", 3, "url"))),
        ({"code": "c", "message": "m", "path": "prompt"}, Problem("c", "m", ("prompt",))),
        ({"code": "c", "message": "m", "path": ["a", None, 1.5, {}, 0]}, Problem("c", "m", ("a", 0))),
        ({"code": 5, "message": ["m"]}, Problem("5", "['m']")),
        ({"field": "prompt", "message": "m"}, Problem("unknown", "m", ("prompt",), {"field": "prompt"})),
        ("just a sentence", Problem("unknown", "just a sentence")),
        (None, Problem("unknown", "None")),
        ("x" * 1_000, Problem("unknown", "x" * 200)),
    ],
    ids=["no code", "odd path", "odd path entries", "odd texts", "a field", "text", "null", "long"],
)
def test_details_of_another_shape_are_kept(entry: Any, problem: Problem) -> None:
    """An entry of a 400's details that is not as documented is told as well as it can be."""
    body = read_error(json.dumps({"details": [entry]}).encode())
    assert body == ErrorBody(problems=(problem,))


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip ", "x-gzip"])
def test_gzip_is_undone(encoding: str) -> None:
    """A body that was compressed without being asked for is read all the same, up to its very bound."""
    assert inflate(gzip.compress(POLLED), encoding, limit=len(POLLED)) == POLLED
    assert inflate(gzip.compress(b""), encoding, limit=0) == b""


@pytest.mark.parametrize("encoding", [None, "", "identity", "Identity"])
def test_what_is_not_compressed_stays_as_it_is(encoding: str | None) -> None:
    """It has its bound already."""
    assert inflate(POLLED, encoding, limit=1) == POLLED


@pytest.mark.parametrize("encoding", ["utf-8", "gzip", "deflate", "br", "zstd"])
def test_an_object_that_is_readable_is_not_unpacked(encoding: str) -> None:
    """Some call a character set an encoding, and some proxies leave the name of what they have undone."""
    assert inflate(POLLED, encoding, limit=len(POLLED)) == POLLED


def test_what_came_of_a_packed_body_can_be_had() -> None:
    """Whoever looks for the id of what was paid for may ask for a body that is cut short."""
    cut = gzip.compress(POLLED)[:-4]
    assert inflate(cut, "gzip", limit=len(POLLED), may_be_cut=True) == POLLED


def test_deflate_is_undone() -> None:
    """The other encoding that servers use is read, too."""
    assert inflate(zlib.compress(POLLED), "deflate", limit=len(POLLED)) == POLLED


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(POLLED), "more than"),
        (gzip.compress(bytes(50_000_000)), "more than"),
        (gzip.compress(b"{}")[:-1], "cut short"),
        (gzip.compress(b"{}")[:5], "cut short"),
        (b"", "cut short"),
        (b"plain", "damaged"),
        (gzip.compress(b"{}")[:-8] + bytes(8), "damaged"),
    ],
    ids=["one too many", "bomb", "cut by a byte", "cut in the header", "nothing", "plain", "wrong sum"],
)
def test_a_compressed_body_is_read_whole_or_not_at_all(body: bytes, reason: str) -> None:
    """A body that is cut, damaged or grows beyond its bound gives this module's error."""
    with pytest.raises(WireError, match=reason):
        inflate(body, "gzip", limit=len(POLLED) - 1)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "identity, gzip", " ", "x" * 10_000], ids=len)
def test_another_encoding_is_refused(encoding: str) -> None:
    """An encoding that is not known is told, shortly."""
    with pytest.raises(WireError, match="was not asked for") as caught:
        inflate(b"x", encoding, limit=100)
    assert len(str(caught.value)) < 120


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from([*json.loads(POLLED), "code", "message", "details", "current_balance", "path"])
OBJECTS = st.dictionaries(NAMES, JSON | st.lists(st.dictionaries(NAMES, JSON))).map(lambda o: json.dumps(o).encode())


@EXACT
@given(body=st.binary() | OBJECTS)
@example(body=b'{"job_id":"\\ud800","status":"\\ud800","error":"\\ud800","details":["\\ud800"]}')
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    """Any bytes are a value or this module's error to each reader."""
    for read, kind in ((read_state, JobState), (read_accepted, JobState), (read_error, ErrorBody | None)):
        try:
            assert isinstance(read(body), kind)
        except WireError:
            assert read is not read_error


@EXACT
@given(body=st.binary(), encoding=st.sampled_from(["gzip", "deflate", "br"]), cut=st.integers(0, 200))
def test_no_compressed_bytes_raise_anything_else(body: bytes, encoding: str, cut: int) -> None:
    """Any bytes of any encoding are undone within the bound, or are this module's error."""
    for sent in (body, gzip.compress(body)[:cut], zlib.compress(body)[:cut]):
        with contextlib.suppress(WireError):
            assert len(inflate(sent, encoding, limit=50)) <= 50


@EXACT
@given(prompt=st.text(min_size=1), name=st.none() | st.text())
def test_what_is_written_can_be_read(prompt: str, name: str | None) -> None:
    """Any text that is text comes out of the JSON as it went in."""
    body = json.loads(
        encode_request(VideoRequest(prompt, attachments=[Attachment("https://a.example.com/x", name=name)]))
    )
    assert body["prompt"] == prompt
    assert body["attachments"][0].get("name") == name


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a":1}', b'{"a":1}'),
        (b' \n{"a":{"b":[2]}} and more', b'{"a":{"b":[2]}}'),
        (b'{"a":"\xff"}{', b'{"a":"\xff"}'),
        (b'{"a":1', None),
        (b'[{"a":1}]', None),
        (b"", None),
        (b"{" + b'"a":{' * 100_000, None),
    ],
    ids=["whole", "more after it", "no UTF-8", "half", "inside a list", "nothing", "too deep"],
)
def test_the_object_at_the_beginning_is_found_if_it_is_whole(body: bytes, found: bytes | None) -> None:
    """Whatever follows it; it comes out as it went in."""
    assert first_object(body) == found
