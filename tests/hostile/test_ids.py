"""Ids and `status_url`s of every kind: an id is one segment of a path or none, and no URL of an answer is asked."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from motion_async import Backoff, CreateUncertainError, InvalidRequestError, JobState, MotionSession
from tests.hostile.hostile_server import JOB, KEY, HostileServer, Peer, http, state

STRANGE = [
    "a/b", "/", "//elsewhere.example/x", "../../admin", "a\\b", "..%2f..%2fadmin", "%00", "%", "a b", "a?b=c", "a#b",
    "a;b", "a'b", 'a"b', "a@b:80", "http://elsewhere.example/", "{}", "é", "作", "\U0001f3ac", "a" * 512, "...", "-",
    "null", "a\u0301",
]  # fmt: skip
"""Odd, and yet fit to be ids: whatever stands in them, they stay one segment."""
UNFIT = [
    "", " ", ".", "..", "\r\n", "a\r\nX-Evil: 1", "a\nb", "\0", "a\0b", "a\tb", "\ud800", "a\udfffb", "\x7f", "\u2028",
    "\u202eb", "a" * 513, "a" * 10_000,
]  # fmt: skip
"""What cannot be an id: it never becomes part of a request."""
NO_TEXT: list[Any] = [None, 5, b"a", ["a"], True, 1.5]


def session(hostile: HostileServer) -> MotionSession:
    return MotionSession(KEY, base_url=hostile.url, backoff=Backoff(first=0, cap=0), send_timeout=10)


def shown(job_id: object) -> str:
    return f"{job_id!a:.40}"


def answers(**fields: object) -> Any:
    """Give a script that answers about the job that was asked for, with these fields in the place of the usual."""

    async def script(peer: Peer) -> None:
        await peer.say(http(json.dumps(json.loads(state("completed")) | fields).encode()))

    return script


@pytest.mark.parametrize("job_id", STRANGE, ids=shown)
async def test_a_strange_id_stays_one_segment_of_the_path(hostile: HostileServer, job_id: str) -> None:
    """Given by the service or by the caller, it comes back to the service as it was, and nothing else does."""
    hostile.script = answers(job_id=job_id, status_url="https://elsewhere.example/")
    async with session(hostile) as motion:
        job = await motion.create("A launch video")
        assert job.id == job_id
        assert (await motion.poll(job_id)).job_id == job_id
        assert (await job.followup("Faster")).id == job_id
        assert (await motion.job(job_id).wait(timeout=10)).job_id == job_id
    for request in hostile.requests[1:]:
        method, target, _ = request.split(b"\r\n")[0].split(b" ")
        path = target.removesuffix(b"/followups") if method == b"POST" else target
        base, segment = path.decode("ascii").rsplit("/", 1)
        assert base == "/api/motion/sessions"
        assert unquote(segment) == job_id
        assert not {*segment} & {*"?#;@"}


@pytest.mark.parametrize("job_id", [*UNFIT, *NO_TEXT], ids=shown)
async def test_what_cannot_be_an_id_is_refused_before_anything_is_sent(hostile: HostileServer, job_id: Any) -> None:
    """Whoever hands it in gets the problem, and the service hears nothing."""
    async with session(hostile) as motion:
        with pytest.raises(InvalidRequestError, match="job_id"):
            await motion.poll(job_id)
        with pytest.raises(InvalidRequestError):
            await motion.followup(job_id, "Faster")
        with pytest.raises(InvalidRequestError):
            motion.job(job_id)
    assert hostile.connections == 0


@pytest.mark.parametrize("job_id", [*UNFIT, None, 5, ["a"], {}], ids=shown)
async def test_a_create_whose_answer_names_what_cannot_be_an_id_is_uncertain(
    hostile: HostileServer, job_id: Any
) -> None:
    """It may have been paid for, so it is not sent again, and the error shows as much as a person needs."""
    hostile.script = answers(job_id=job_id)
    async with session(hostile) as motion:
        with pytest.raises(CreateUncertainError) as caught:
            await motion.create("A launch video")
    assert len(hostile.posts) == 1
    text = str(caught.value)
    assert len(text) < 2_000
    if isinstance(job_id, str):
        said = job_id[:10].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert repr(said)[1:-1] in text
    assert text.encode()  # it can be written anywhere


@pytest.mark.parametrize(
    "status_url",
    [
        "{elsewhere}/sessions/x", "//elsewhere.example/", "/api/motion/sessions/another", "/../../admin",
        "http://a:b@elsewhere.example/", "javascript:alert(1)", "file:///etc/passwd", "\r\nX-Evil: 1", "x" * 10_000,
        "", None, 5, {"a": 1},
    ],
    ids=shown,
)  # fmt: skip
async def test_a_status_url_is_never_asked(hostile: HostileServer, elsewhere: HostileServer, status_url: Any) -> None:
    """What is polled is the id, at the base URL."""
    if isinstance(status_url, str):
        status_url = status_url.replace("{elsewhere}", elsewhere.url)
    hostile.script = answers(status_url=status_url)
    async with session(hostile) as motion:
        job = await motion.create("A launch video")
        await job.poll()
        await job.followup("Faster")
    wanted = f"/api/motion/sessions/{JOB}"
    assert [request.split()[1].decode() for request in hostile.requests[1:]] == [wanted, wanted, f"{wanted}/followups"]


@pytest.mark.parametrize("job_id", ["OTHER", "4" + JOB[:-1], JOB + " ", JOB + "/", JOB[:-1], "\ud800", ""], ids=shown)
async def test_a_followup_whose_answer_names_another_job_is_uncertain(hostile: HostileServer, job_id: str) -> None:
    """Nearly the same is not the same."""

    async def script(peer: Peer) -> None:
        said = {} if hostile.requests[-1].startswith(b"GET") else {"job_id": job_id}
        await answers(**said)(peer)

    hostile.script = script
    async with session(hostile) as motion:
        with pytest.raises(Exception, match="followup to job") as caught:
            await motion.followup(JOB, "Faster")
    assert type(caught.value).__name__ == "FollowupUncertainError"
    assert len(hostile.posts) == 1


async def test_an_id_with_a_line_break_in_a_polls_answer_ends_nowhere(hostile: HostileServer) -> None:
    """A state about another job is no state, and its error can be written on one line."""
    hostile.script = answers(job_id="a\r\nX-Evil: 1")
    async with session(hostile) as motion:
        ended: object = None
        try:
            ended = await motion.poll(JOB)
        except Exception as error:  # noqa: BLE001  # what it is, is looked at below
            ended = error
    assert not isinstance(ended, JobState)
    assert type(ended).__name__ == "UnexpectedResponseError"
    assert "\n" not in str(ended)


@pytest.mark.parametrize("said", [JOB, JOB.upper()])
@pytest.mark.parametrize("given", [JOB, JOB.upper()])
async def test_a_uuid_in_capitals_is_the_same_job(hostile: HostileServer, given: str, said: str) -> None:
    """Databases give ids back so: there is one job, and the service is asked for it as the documentation writes it."""
    hostile.script = answers(job_id=said)
    async with session(hostile) as motion:
        job = await motion.create("A launch video")
        assert (await motion.poll(given)).job_id == JOB
        assert motion.job(given).state is job.state is not None
        assert (await motion.followup(given, "Faster")).id == job.id == JOB
        assert (await motion.job(given).wait(timeout=10)).job_id == JOB
    asked = {request.split()[1].decode().removesuffix("/followups") for request in hostile.requests[1:]}
    assert asked == {f"/api/motion/sessions/{JOB}"}
