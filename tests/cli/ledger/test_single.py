"""`motion_async.cli.ledger.single`: accounts of one ledger do not lock each other out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from motion_async.cli.keys.profiles import save_profile
from motion_async.cli.keys.settings import Settings
from motion_async.cli.ledger.single import find_single_batch
from motion_async.ledger import Account, Ledger, open_ledger
from motion_async.sandbox import Sandbox
from tests.ledger.conftest import entries

Command = Callable[..., tuple[int, list[dict[str, Any]], str]]


def account(name: str) -> Account:
    return Account("https://api.motion.so", f"motion_{name}")


async def send_one(ledger: Ledger, name: str, profile: str | None = None) -> str:
    """Note a create of an account, and give its batch."""
    batch = await find_single_batch(ledger, account(name), profile)
    [item] = await ledger.plan(batch, entries(name))
    await ledger.journal(item).begin()
    return batch


async def test_each_account_has_a_batch_and_finds_it_again() -> None:
    """By its profile where it has one, else by a number, whatever comes in between; a profile is no account."""
    async with open_ledger("sqlite://") as ledger:
        first = [await send_one(ledger, *who) for who in (("a",), ("b", "client"), ("c",), ("d", "client"), ("e",))]
        assert first == ["single", "single-client", "single-2", "single-3", "single-4"]
        again = [await find_single_batch(ledger, account(name), None) for name in "ace"]
        assert again == ["single", "single-2", "single-4"]
        assert await find_single_batch(ledger, account("b"), "client") == "single-client"
        assert await find_single_batch(ledger, account("a"), "renamed") == "single"


@pytest.mark.usefixtures("fast_polls")
def test_two_profiles_and_a_key_make_videos_in_turns(
    sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one service, so that one ledger has them all."""
    for name in ("client-a", "client-b"):
        save_profile(name, Settings(api_key=sandbox.add_account(name, 9_000), base_url=sandbox.url))
    for _ in range(2):
        for argv in ((), ("--profile", "client-a"), ("--profile", "client-b")):
            assert command("generate", "A video", *argv)[0] == 0
    batches = [line["batch"] for line in command("jobs")[1]]
    assert batches == ["single-client-b", "single-client-a", "single"] * 2
    assert len(sandbox.jobs) == 6
