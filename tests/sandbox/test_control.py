"""Tests of `motion_async.sandbox.control`."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from motion_async.sandbox import Sandbox, every_fault
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
        "turns": [
            {
                "prompt": "A launch video",
                "prompt_length": 14,
                "history": [{"status": "queued", "at": sandbox.now}],
            }
        ],
        "upcoming": [{"status": step.status, "at": step.at} for step in sandbox.jobs[job_id].turns[0].steps[1:]],
        "error": None,
    }


def test_what_is_to_come_is_told(sandbox: Sandbox, client: httpx.Client) -> None:
    """A moment that a person decides is null, and the error is there that a job will end with."""
    client.post("/faults", json={"fault": "await-input", "options": {"until_answered": True}})
    client.post("/faults", json={"fault": "fail", "options": {"error": "No scene."}})
    create(sandbox)
    client.post("/advance", json={"seconds": 10_000})
    (job,) = client.get("/jobs").json()["jobs"]
    assert job["status"] == "awaiting_user_input"
    assert job["upcoming"] == [{"status": "running", "at": None}, {"status": "failed", "at": None}]
    assert job["error"] == "No scene."


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


def test_time_is_stepped_to_the_next_change(sandbox: Sandbox, client: httpx.Client) -> None:
    """Of whichever job changes first; where none will by itself, nothing is stepped."""
    client.post("/faults", json={"fault": "await-input", "options": {"until_answered": True}, "times": 2})
    first, second = create(sandbox).json()["job_id"], create(sandbox, "Another").json()["job_id"]
    soonest = min(sandbox.jobs[job_id].upcoming[0].at for job_id in (first, second))
    assert soonest <= client.post("/advance", json={"until": "change"}).json()["now"] <= soonest + 0.01
    assert sorted(job.status for job in sandbox.jobs.values()) == ["created", "queued"]
    client.post("/advance", json={"seconds": 10_000})
    before = sandbox.now
    refused = client.post("/advance", json={"until": "change"})
    assert (refused.status_code, sandbox.now) == (400, before)
    assert "waits for input" in refused.json()["error"]


def test_every_fault_can_be_ordered_as_it_is_listed(sandbox: Sandbox, client: httpx.Client) -> None:
    """By its name, for each of its calls, with its options; and what stands is told as it would be ordered again."""
    known = client.get("/faults").json()["known"]
    assert [fault["fault"] for fault in known] == list(every_fault())
    for fault in known:
        assert fault["does"].endswith(".")
        assert all(option["about"] for option in fault["options"])
        options = {option["option"]: option["default"] for option in fault["options"]}
        orders = [{"fault": fault["fault"], "options": options, "on": call, "times": 2} for call in fault["calls"]]
        orders.append({"fault": fault["fault"], "options": options, "probability": 0.5})
        orders.append({"fault": fault["fault"], "options": options, "prompt": "cat", "times": 1})
        for order in orders:
            assert client.post("/faults", json=order).status_code == 200, order
        told = client.get("/faults").json()["orders"]
        if len(fault["calls"]) == 1:
            del orders[0]["on"]  # there is no other
        assert told == orders
        assert client.delete("/faults").status_code == 200
    assert client.get("/faults").json()["orders"] == []


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
        ("/advance", {"second": 1}, 400, "takes seconds, until, not second"),
        ("/advance", {}, 400, "to be given"),
        ("/advance", {"seconds": 1, "until": "change"}, 400, "to be given"),
        ("/advance", {"until": "lunch"}, 400, "to be given"),
        ("/advance", [1], 400, "a JSON object, such as"),
        ("/advance", {"seconds": "1"}, 400, "is a number, not '1'"),
        ("/faults", {"fault": "flood"}, 400, "one of rate-limit, "),
        ("/faults", {"fault": ["flood"]}, 400, "one of rate-limit, "),
        ("/faults", {"fault": "rate-limit", "retry_after": 2}, 400, "a fault's own options are in its options"),
        ("/faults", {"fault": "rate-limit", "options": {"retry": 2}}, 400, "rate-limit takes retry_after, not retry"),
        ("/faults", {"fault": "fail", "options": {"reason": "x"}}, 400, "reason"),
        ("/faults", {"fault": "fail", "options": {"error": ""}}, 400, "error"),
        ("/faults", {"fault": "fail", "on": "poll"}, 400, "cannot strike a poll"),
        ("/faults", {"fault": "fail", "probability": 1, "times": 1}, 400, "neither"),
        ("/credits", {"credits": 1, "key": "motion_nobody"}, 404, "there is no 'motion_nobody'"),
        ("/credits", {}, 400, "/credits needs credits"),
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


def test_what_is_no_json_is_said(client: httpx.Client) -> None:
    """With an example of what is."""
    answer = client.post("/advance", content=b"seconds=1", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, {"error": 'an order is a JSON object, such as {"seconds": 60}'})


def test_a_page_in_a_browser_can_order_nothing(client: httpx.Client, sandbox: Sandbox) -> None:
    """What it may send unasked is refused, as is its question whether it may send more, and a name that is not ours."""
    before = sandbox.now
    assert client.post("/advance", content=b'{"seconds": 1}', headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post("/advance", data={"seconds": 1}).status_code == 415
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    assert "access-control-allow-origin" not in client.options("/advance", headers=asked).headers
    assert client.get("/jobs", headers={"Host": "page.example"}).status_code == 421
    assert client.post("/advance", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert sandbox.now == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://page.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "script"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "empty"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}, 200),
        ({"Origin": "{own}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 200),
    ],
)
def test_a_page_of_another_origin_is_refused(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    """Whatever it asks, with whatever type of body; a link that a person follows leads here all the same."""
    own = f"http://{client.base_url.netloc.decode()}"
    headers = {name: value.format(own=own) for name, value in headers.items()}
    assert [client.get(path, headers=headers).status_code for path in ("/", "/jobs")] == [status] * 2
    is_order_refused = status == 403 or headers.get("Sec-Fetch-Site") == "cross-site"
    ordered = client.post("/advance", json={"seconds": 1}, headers=headers)
    assert ordered.status_code == (403 if is_order_refused else 200)


def test_it_is_off_unless_wanted() -> None:
    """Then its paths are as unknown as any other."""
    with Sandbox.in_thread() as sandbox:
        assert sandbox.control_url is None
        assert httpx.get(sandbox.url.removesuffix(PREFIX) + "/_sandbox/counts").status_code == 404


def test_it_is_never_there_for_other_machines() -> None:
    """A sandbox that listens on more than loopback has none, as anybody could give orders."""
    assert Sandbox(host="0.0.0.0", port=8080, control=True).control_url is None
    assert Sandbox(host="localhost", port=8080, control=True).control_url == "http://localhost:8080/_sandbox"
