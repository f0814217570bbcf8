"""Tests of `motion_async.sandbox.hosts`: a page in a browser gets no answer under a name of its own."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession

from motion_async.sandbox import Sandbox
from motion_async.sandbox.hosts import OwnNames


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:1", "localhost.:80", "[::1]", "[::1]:8080", "127.9.9.9:80"],
)
def test_this_machines_own_names_are_answered_with_any_port(host: str) -> None:
    """A port may be another one where it is forwarded."""
    assert OwnNames("127.0.0.1").has(host)
    assert OwnNames("0.0.0.0").has(host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io"),
        *("evil.example:8080:80", "localhost:8080@evil.example", "localhost,evil.example", "localhost evil.example"),
        *("", ":8080", "[]", "[::1", "::1", "2130706433", "sandbox", "localhost\u3002evil.example"),
    ],
)
def test_any_other_name_is_not(host: str) -> None:
    """However much it looks like one of them."""
    assert not OwnNames("127.0.0.1").has(host)
    assert not OwnNames("0.0.0.0").has(host)


def test_other_names_can_be_added_and_addresses_come_with_listening_everywhere() -> None:
    """A container is reached by the name that others know it by, and a machine by its address."""
    assert OwnNames("0.0.0.0", ["Sandbox", "box.internal"]).has("sandbox:8080")
    assert OwnNames("0.0.0.0", ["Sandbox", "box.internal"]).has("box.internal")
    assert OwnNames("0.0.0.0").has("192.168.1.5:8080")
    assert OwnNames("::").has("[fd00::5]")
    assert OwnNames("192.168.1.5").has("192.168.1.5")
    assert not OwnNames("192.168.1.5").has("192.168.1.6")
    assert not OwnNames("127.0.0.1").has("192.168.1.5")


@pytest.mark.parametrize("path", ["/sessions", "/sessions/x", "/sessions/x/followups", "/elsewhere"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_request_under_another_name_gets_nothing_and_does_nothing(method: str, path: str) -> None:
    """Whatever it asks for, and with the very key: it is refused before it is looked at."""
    async with Sandbox(speed=0, names=["box"]) as sandbox, ClientSession() as client:
        headers = {"Authorization": f"Bearer {sandbox.api_key}", "Host": "evil.example"}
        async with client.request(method, sandbox.url + path, json={"prompt": "a video"}, headers=headers) as answer:
            assert answer.status == 421
        assert (sandbox.counts.creates, sandbox.counts.polls, dict(sandbox.jobs)) == (0, 0, {})
        async with client.request(method, sandbox.url + path, headers={**headers, "Host": "box:80"}) as answer:
            assert answer.status != 421


async def test_a_key_is_random_unless_a_seed_or_a_key_is_given() -> None:
    """Nobody who knows the package knows a key; whoever wants the same story each time gets the same key as well."""
    first, second = Sandbox(), Sandbox()
    assert first.api_key != second.api_key
    assert first.api_key.startswith("motion_sandbox_")
    assert first.add_account("other") != second.add_account("other")
    assert Sandbox(seed=0).api_key == Sandbox(seed=0).api_key != Sandbox(seed=1).api_key
    assert Sandbox(seed=3).add_account("other") == Sandbox(seed=3).add_account("other")
    assert Sandbox(api_key="motion_mine").api_key == "motion_mine"
    assert Sandbox(seed=3, api_key="motion_mine").api_key == "motion_mine"


@pytest.mark.parametrize("key", ["mine", "motion_", "sk_mine"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    """As the service's own begin with `motion_`."""
    with pytest.raises(ValueError, match="must begin with motion_"):
        Sandbox(api_key=key)


async def test_stories_without_a_seed_are_the_same_each_time() -> None:
    """Only the key is another one."""
    ids = []
    for _ in range(2):
        async with Sandbox(speed=0) as sandbox, ClientSession() as client:
            headers = {"Authorization": f"Bearer {sandbox.api_key}"}
            async with client.post(f"{sandbox.url}/sessions", json={"prompt": "a video"}, headers=headers) as answer:
                ids.append((await answer.json())["job_id"])
    assert ids[0] == ids[1]
