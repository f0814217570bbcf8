"""What the words of a service can do: nothing to a terminal, a log or the loop, however long and of whatever they are.

What an answer costs is counted, in function calls and in characters that are kept, and never timed.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest

from motion_async import JobFailedError, MotionError, MotionSession, WaitTimeoutError
from motion_async import errors as tree
from motion_async.contract.protocol import (
    Answer,
    Call,
    create_call,
    followup_call,
    poll_call,
    read_answer,
    uncertain_unless_refused,
)
from motion_async.jobs import JobState, VideoRequest
from motion_async.problems import MAX_PROBLEMS, Problem
from motion_async.showing import MAX_SHOWN
from tests.hostile.hostile_server import JOB, KEY, HostileServer, hostile_server, http, state

NOW = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
MEGABYTE = 1 << 20
CALLS = (
    poll_call(JOB),
    create_call(VideoRequest("a video"), now=NOW),
    followup_call(JOB, VideoRequest("a video"), now=NOW),
)
STATUSES = (200, 202, 302, 400, 401, 402, 403, 404, 409, 418, 429, 503)
KNOWN = f'"job_id":"{JOB}","status":"running"'
RAW = "a\x1b]0;x\x07\r\n2026-04-28 CRITICAL forged\0\u202egnp.\u2028b"
SPOKEN = 3 * MAX_SHOWN
"""Characters of a message that quotes two texts of the service beside our own words."""


def many(unit: str, before: str, after: str, *, size: int) -> bytes:
    """Give JSON of a size: one thing many times in a list, within the rest of an answer."""
    return (before + ",".join([unit] * (size // (len(unit) + 1))) + after).encode()


def long(before: str, unit: str, after: str, *, size: int) -> bytes:
    return (before + unit * (size // len(unit)) + after).encode()


def fields(size: int) -> str:
    return ",".join(f'"{number}":1' for number in range(size // 10))


SHAPES: dict[str, Callable[[int], bytes]] = {
    "empty details": lambda size: many("{}", '{"error":"x","details":[', "]}", size=size),
    "details": lambda size: many('{"code":"c","message":"m","path":["a",1]}', '{"details":[', "]}", size=size),
    "details that are texts": lambda size: many('"x"', '{"details":[', "]}", size=size),
    "details that are numbers": lambda size: many("1", '{"details":[', "]}", size=size),
    "details nested": lambda size: many("[" * 200 + "]" * 200, '{"details":[', "]}", size=size),
    "a detail with a list": lambda size: many('"a"', '{"details":[{"x":[', "]}]}", size=size),
    "a detail with fields": lambda size: f'{{"details":[{{{fields(size)}}}]}}'.encode(),
    "a detail with a long key": lambda size: long('{"details":[{"', "k", '":1}]}', size=size),
    "a detail with a long message": lambda size: long('{"details":[{"message":"', "m", '"}]}', size=size),
    "a long path": lambda size: many('"a"', '{"details":[{"path":[', "]}]}", size=size),
    "a long path of numbers": lambda size: many("1", '{"details":[{"path":[', "]}]}", size=size),
    "a path of one long name": lambda size: long('{"details":[{"path":["', "a", '"]}]}', size=size),
    "a long message": lambda size: long('{"message":"', "m", '"}', size=size),
    "a long code": lambda size: long('{"code":"', "m", '"}', size=size),
    "a long error": lambda size: long(f'{{{KNOWN},"error":"', "e", '"}', size=size),
    "an error of escapes": lambda size: long(f'{{{KNOWN},"error":"', "\\u001b", '"}', size=size),
    "an error of halves": lambda size: long(f'{{{KNOWN},"error":"', "\\ud800", '"}', size=size),
    "an error of URLs": lambda size: long(f'{{{KNOWN},"error":"', "https://a/?b=c ", '"}', size=size),
    "an error of keys": lambda size: long(f'{{{KNOWN},"error":"', "motion_a.B ", '"}', size=size),
    "an error that is a list": lambda size: many("1", f'{{{KNOWN},"error":[', "]}", size=size),
    "a long status": lambda size: long(f'{{"job_id":"{JOB}","status":"', "s", '"}', size=size),
    "a long id": lambda size: long('{"job_id":"', "j", '","status":"queued"}', size=size),
    "a long time": lambda size: long(f'{{{KNOWN},"created_at":"', "2", '"}', size=size),
    "a flag that is a list": lambda size: many("1", f'{{{KNOWN},"pending_user_input":[', "]}", size=size),
    "unknown fields": lambda size: f"{{{fields(size)},{KNOWN}}}".encode(),
    "a long key": lambda size: long('{"', "k", f'":1,{KNOWN}}}', size=size),
    "deep lists": lambda size: many("[" * 60 + "]" * 60, f'{{{KNOWN},"a":[', "]}", size=size),
    "deep objects": lambda size: many('{"a":' * 60 + "1" + "}" * 60, f'{{{KNOWN},"a":[', "]}", size=size),
    "deeper than can be shown": lambda size: many("[" * 500 + "]" * 500, f'{{{KNOWN},"a":[', "]}", size=size),
    "a huge number": lambda size: long(f'{{{KNOWN},"a":', "9", "}", size=size),
    "a huge fraction": lambda size: long(f'{{{KNOWN},"a":0.', "9", "}", size=size),
    "huge numbers": lambda size: many("9" * 4_000, f'{{{KNOWN},"a":[', "]}", size=size),
    "numbers out of range": lambda size: many("1e99999", f'{{{KNOWN},"a":[', "]}", size=size),
    "spaces": lambda size: b" " * size,
    "a page": lambda size: b"<p>\x1b" * (size // 4),
}


def read(call: Call, answer: Answer) -> JobState | MotionError:
    """Read an answer as a send or a poll does, and compose its message."""
    try:
        return read_answer(call, answer, now=NOW)
    except MotionError as error:
        failure = uncertain_unless_refused(call, error, said=answer.body) if call.body is not None else error
        str(failure)
        return failure


def function_calls(work: Callable[[], object]) -> int:
    """Count what some work calls, in Python and in C: each takes a bounded time but for what C does with a text."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


READINGS = ((CALLS[0], 200), (CALLS[1], 400), (CALLS[2], 409))
"""What is read in three ways: a state, a refusal with details, another refusal."""


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_a_megabyte_of_any_shape_costs_steps_in_proportion(shape: str) -> None:
    """Half the answer is no less than half the calls, and none costs more than three a character."""
    half, whole = SHAPES[shape](MEGABYTE // 2), SHAPES[shape](MEGABYTE)
    for call, status in READINGS:
        before = function_calls(lambda call=call, status=status: read(call, Answer(status, half)))
        after = function_calls(lambda call=call, status=status: read(call, Answer(status, whole)))
        assert after <= min(2 * before + 1_000, 3 * MEGABYTE)


@pytest.mark.parametrize("size", [MEGABYTE // 16, pytest.param(MEGABYTE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", SHAPES)
def test_of_much_of_any_shape_a_message_has_its_beginning(shape: str, size: int) -> None:
    """What a message quotes is bounded, so are the problems that are kept, and no attribute exceeds the answer."""
    body = SHAPES[shape](size)
    for call, status in READINGS:
        found = read(call, Answer(status, body))
        if isinstance(found, JobState):
            found = JobFailedError(found.job_id, error=found.error)
        assert len(str(found)) <= SPOKEN
        assert len(getattr(found, "problems", ())) <= MAX_PROBLEMS
        assert sum(len(value) for value in vars(found).values() if isinstance(value, str)) <= 3 * len(body)


@pytest.mark.parametrize("count", [3_000, pytest.param(300_000, marks=pytest.mark.slow)])
def test_a_refusal_says_how_many_problems_there_were(count: int) -> None:
    """Fifty are kept, a few are in words, and all are counted."""
    details = [{"code": "custom", "message": f"problem {number}", "path": ["prompt"]} for number in range(count)]
    body = json.dumps({"error": "Invalid request", "details": details}).encode()
    error = read(CALLS[1], Answer(400, body))
    assert isinstance(error, tree.InvalidRequestError)
    assert error.problems == tuple(
        Problem("custom", f"problem {number}", ("prompt",)) for number in range(MAX_PROBLEMS)
    )
    assert error.problem_count == count
    assert str(error).startswith("the service refused the request (400): prompt: problem 0; prompt: problem 1; ")
    assert str(error).endswith(f"and {count - 50:,} more")


def with_words(words: str) -> list[bytes]:
    details = [{"code": words, "message": words, "path": [words, 3], "received": words}, words]
    return [
        json.dumps({"error": words, "code": words, "message": words, "status": words, "details": details}).encode(),
        json.dumps({"details": details}).encode(),
        json.dumps({"job_id": JOB, "status": words, "error": words, words: words}).encode(),
        json.dumps({"job_id": words, "status": words}).encode(),
        json.dumps({"job_id": JOB, "status": [words], "error": [words], "created_at": words}).encode(),
        words.encode(),
    ]


def test_no_message_obeys_the_words_that_it_quotes() -> None:
    """Whatever a service says, a message is one printable line; what it said is in the attributes as it came."""
    raw = 0
    for call in CALLS:
        for status in STATUSES:
            for body in with_words(RAW):
                found = read(call, Answer(status, body))
                if isinstance(found, JobState):
                    assert found.error in (None, RAW) or json.loads(found.error) == [RAW]
                    found = JobFailedError(found.job_id, error=found.error)
                assert str(found).isprintable(), found
                assert all(str(problem).isprintable() for problem in getattr(found, "problems", ()))
                raw += any(value == RAW for value in vars(found).values())
                raw += any(RAW in (problem.code, problem.message) for problem in getattr(found, "problems", ()))
    assert raw > len(CALLS)


@pytest.mark.parametrize(
    "error",
    [
        tree.MotionError(RAW),
        tree.ConfigurationError(RAW),
        tree.UnexpectedResponseError(RAW),
        tree.CreateUncertainError(RAW),
        tree.FollowupUncertainError(RAW, job_id=JOB),
        tree.NotSentError(RAW, advice=RAW),
        tree.DroppedError(batch=RAW, key=RAW),
        tree.LedgerError(RAW),
        WaitTimeoutError(JOB, timeout=1, status=RAW),
        JobFailedError(JOB, error=RAW),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_is_one_printable_line(error: MotionError) -> None:
    """Whoever composes one, and from whatever."""
    assert str(error).isprintable()


@pytest.mark.parametrize(
    "error",
    [
        tree.UnexpectedResponseError("x" * MEGABYTE),
        tree.CreateUncertainError("x" * MEGABYTE),
        tree.FollowupUncertainError("x" * MEGABYTE, job_id=JOB),
        tree.NotSentError("x" * MEGABYTE),
        WaitTimeoutError(JOB, timeout=1, status="x" * MEGABYTE),
        JobFailedError(JOB, error="x" * MEGABYTE),
        tree.InvalidRequestError((Problem("x" * MEGABYTE, "x" * MEGABYTE, ("x" * MEGABYTE,)),) * 100),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_quotes_the_beginning_alone(error: MotionError) -> None:
    """The advice at the end of a message is seen however much was said."""
    assert len(str(error)) <= SPOKEN
    assert "…" in str(error)


@pytest.fixture
async def server() -> Any:
    async with hostile_server() as server:
        yield server


async def test_a_followup_to_a_job_of_a_strange_status_says_so_in_one_line(server: HostileServer) -> None:
    """The status that stands in the way is quoted as any other word of the service."""
    server.politely = http(json.dumps({**json.loads(state()), "status": RAW * 500}).encode())
    async with MotionSession(KEY, base_url=server.url) as motion:
        with pytest.raises(tree.FollowupNotAllowedError) as caught:
            await motion.followup(JOB, "faster")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= SPOKEN
    assert caught.value.status == RAW * 500


@pytest.mark.parametrize("status", [b"202 Accepted", b"400 Bad", b"500 No"])
async def test_a_service_writes_no_line_of_a_log(
    status: bytes, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What is logged of what it said is one line a record."""

    async def script(peer: Any) -> None:
        await peer.say(http(json.dumps({"job_id": f"j{RAW}", "error": RAW, "message": RAW}).encode(), status=status))

    server.script = script
    caplog.set_level(logging.DEBUG, "motion_async")
    async with MotionSession(KEY, base_url=server.url) as motion:
        with pytest.raises(MotionError):
            await motion.create("a video")
    assert all(record.getMessage().isprintable() for record in caplog.records if record.name.startswith("motion_async"))
