"""Tests of `motion_async.sandbox.control`."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from motion_async.sandbox import Sandbox
from motion_async.sandbox.app import PREFIX


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that may be controlled, whose time stands still."""
    with Sandbox.in_thread(speed=0, credits=600, control=True) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client of what controls it."""
    with httpx.Client(base_url=sandbox.control_url or "") as client:
        yield client


def create(sandbox: Sandbox, prompt: str = "A launch video", key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or sandbox.api_key}"}
    return httpx.post(f"{sandbox.url}/sessions", json={"prompt": prompt}, headers=headers)


def test_counts_and_jobs_are_told(sandbox: Sandbox, client: httpx.Client) -> None:
    """As a test in the same process would see them."""
    job_id = create(sandbox).json()["job_id"]
    counts = client.get("/counts").json()
    assert (counts["creates"], counts["creates_accepted"], counts["polls"]) == (1, 1, 0)
    told = client.get("/jobs").json()
    (job,) = told["jobs"]
    assert told["now"] == sandbox.now
    assert job == {
        "job_id": job_id,
        "owner": "owner",
        "status": "queued",
        "prompts": ["A launch video"],
        "history": [{"status": "queued", "at": sandbox.now}],
    }


def test_time_and_input_are_given(sandbox: Sandbox, client: httpx.Client) -> None:
    """A job goes on to where it waits for a person, and with the input to its end."""
    client.post("/faults", json={"fault": "await-input", "options": {"until_answered": True}})
    job_id = create(sandbox).json()["job_id"]
    before = sandbox.now
    assert client.post("/advance", json={"seconds": 10_000}).json() == {"now": before + 10_000}
    assert sandbox.jobs[job_id].status == "awaiting_user_input"
    assert client.post("/input", json={"job_id": job_id}).json() == {}
    client.post("/advance", json={"seconds": 10_000})
    assert sandbox.jobs[job_id].status == "completed"


def test_credits_and_keys_are_given(sandbox: Sandbox, client: httpx.Client) -> None:
    """To the first account if none is named; a new one is another owner's."""
    assert client.post("/credits", json={"credits": 7}).json() == {"balance": 607}
    key = client.post("/keys", json={"owner": "other", "credits": 300}).json()["api_key"]
    assert client.post("/credits", json={"credits": 1, "key": key}).json() == {"balance": 301}
    assert create(sandbox, key=key).status_code == 202


def test_faults_are_ordered_and_withdrawn(sandbox: Sandbox, client: httpx.Client) -> None:
    """For the next calls, by a prompt, by chance."""
    client.post("/faults", json={"fault": "rate-limit", "on": "create", "times": 2})
    assert [create(sandbox).status_code for _ in range(3)] == [429, 429, 202]
    client.post("/faults", json={"fault": "unavailable", "prompt": "cat"})
    assert [create(sandbox, prompt).status_code for prompt in ("A cat", "A dog", "A cat")] == [503, 202, 503]
    assert client.delete("/faults").status_code == 200
    client.post("/faults", json={"fault": "server-error", "probability": 1})
    assert create(sandbox, "A cat").status_code == 500
    assert client.get("/counts").json()["faults"] == {"RateLimited": 2, "ServerError": 3}


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/advance", {"seconds": -1}, 400, "seconds must be 0 or more"),
        ("/advance", {"second": 1}, 400, "second"),
        ("/advance", [1], 400, "mapping"),
        ("/advance", {"seconds": "1"}, 400, "not supported"),
        ("/faults", {"fault": "flood"}, 400, "one of rate-limit, "),
        ("/faults", {"fault": ["flood"]}, 400, "unhashable"),
        ("/faults", {"fault": "fail", "options": {"reason": "x"}}, 400, "reason"),
        ("/faults", {"fault": "fail", "options": {"error": ""}}, 400, "error"),
        ("/faults", {"fault": "fail", "on": "poll"}, 400, "cannot strike a poll"),
        ("/faults", {"fault": "fail", "probability": 1, "times": 1}, 400, "neither"),
        ("/credits", {"credits": 1, "key": "motion_nobody"}, 404, "there is no 'motion_nobody'"),
        ("/credits", {"credits": 1.5}, 400, "whole number"),
        ("/input", {"job_id": "a"}, 404, "there is no 'a'"),
        ("/keys", {"owner": "owner"}, 400, "owner"),
    ],
)
def test_what_cannot_be_done_is_said(client: httpx.Client, path: str, body: Any, status: int, said: str) -> None:
    """With the field's name, or the names that there are."""
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_a_page_in_a_browser_can_order_nothing(client: httpx.Client, sandbox: Sandbox) -> None:
    """What it may send unasked is refused, as is its question whether it may send more, and a name that is not ours."""
    before = sandbox.now
    assert client.post("/advance", content=b'{"seconds": 1}', headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post("/advance", data={"seconds": 1}).status_code == 415
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/advance", headers=asked).status_code == 405
    assert client.get("/jobs", headers={"Host": "page.example"}).status_code == 421
    assert client.post("/advance", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert sandbox.now == before


def test_it_is_off_unless_wanted() -> None:
    """Then its paths are as unknown as any other."""
    with Sandbox.in_thread() as sandbox:
        assert sandbox.control_url is None
        assert httpx.get(sandbox.url.removesuffix(PREFIX) + "/_sandbox/counts").status_code == 404


def test_it_is_never_there_for_other_machines() -> None:
    """A sandbox that listens on more than loopback has none, as anybody could give orders."""
    assert Sandbox(host="0.0.0.0", port=8080, control=True).control_url is None
    assert Sandbox(host="localhost", port=8080, control=True).control_url == "http://localhost:8080/_sandbox"
