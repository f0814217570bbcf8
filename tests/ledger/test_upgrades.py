"""Tests of `motion_async.ledger.upgrades`: what older ledgers hold is found in those of today."""

from __future__ import annotations

import attrs
import pytest

from motion_async import LedgerVersionError
from motion_async.ledger import Entry, Item, ItemState, open_ledger, schema, upgrades
from tests.ledger.earlier import Earlier, make_earlier

NFC, NFD = "caf\u00e9", "cafe\u0301"
MIXED = f"{NFC} {NFD} "
UUID = "405d47cf-f72b-4852-b570-0de2446dbba1"
BODY = {"prompt": "p"}


async def items_of(url: str) -> dict[str, Item]:
    """Open a ledger to write it, and give its items by their jobs, or else by their keys."""
    async with open_ledger(url) as ledger:
        return {item.job_id or item.key: item async for item in ledger.items()}


async def test_names_get_one_form(shared_url: str) -> None:
    """Keys, batches and what is followed are found by their text, and ids of jobs as the service writes them."""
    make_earlier(
        shared_url,
        Earlier(BODY, NFD, job_id="a", batch=NFD),
        Earlier(BODY, "more", job_id="b", batch=NFD, parent=NFD),
        Earlier(BODY, MIXED, job_id=UUID.upper()),
        Earlier(BODY, "plain", job_id="c"),
    )
    found = await items_of(shared_url)
    assert {name: (item.batch, item.key, item.parent) for name, item in found.items()} == {
        "a": (NFC, NFC, None),
        "b": (NFC, "more", NFC),
        UUID: ("launch", f"{NFC} {NFC}", None),
        "c": ("launch", "plain", None),
    }
    async with open_ledger(shared_url) as ledger:
        assert await ledger.of_job(UUID.upper()) == [found[UUID]]
        [item] = await ledger.plan(NFD, [Entry(NFD, found["a"].request)])
        assert item == found["a"]


@pytest.mark.parametrize("state", ["planned", "completed"])
@pytest.mark.parametrize("keys", [(NFC, NFD), (NFD, NFC), (NFD, f"{NFD} ")])
async def test_of_two_items_with_one_name_that_with_a_video_keeps_it(
    shared_url: str, keys: tuple[str, str], state: str
) -> None:
    """Else the older one; the other stays, under its own name, and what follows each of them still does."""
    first, second = (Earlier(BODY, key, job_id=name) for key, name in zip(keys, "ab", strict=True))
    if state == "planned":
        first = attrs.evolve(first, state=state, job_id=None)
    names = {f"more {number}": key for number, key in enumerate(keys)}
    followups = [Earlier(BODY, name, job_id=name, parent=key) for name, key in names.items()]
    make_earlier(shared_url, *followups, first, second)
    for _ in range(2):
        found = await items_of(shared_url)
        kept, other = (found["b"], f"{NFC} (3)") if state == "planned" else (found["a"], f"{NFC} (4)")
        assert kept.key == NFC
        assert {item.key for item in found.values()} == {NFC, other, "more 0", "more 1"}
        parents = [found["more 0"].parent, found["more 1"].parent]
        assert parents == ([other, NFC] if state == "planned" else [NFC, other])


async def test_a_large_ledger_is_brought_up_to_date_whole(file_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages it has."""
    monkeypatch.setattr(upgrades, "_PAGE", 50)
    make_earlier(file_url, *(Earlier(BODY, f"{NFD} {number}", state="planned") for number in range(101)))
    async with open_ledger(file_url) as ledger:
        assert await ledger.counts() == {"launch": {ItemState.PLANNED: 101}}
        assert await ledger.find("launch", f"{NFC} 100")


async def test_a_name_of_nothing_but_white_space_stays(file_url: str) -> None:
    """There is no other form of it."""
    make_earlier(file_url, Earlier(BODY, " ", job_id="a"))
    assert (await items_of(file_url))["a"].key == " "


async def test_an_older_library_leaves_such_a_ledger_alone(shared_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not find what is in it by the keys of today, and pay again."""
    make_earlier(shared_url)
    await items_of(shared_url)
    monkeypatch.setattr(schema, "UPGRADES", [])
    with pytest.raises(LedgerVersionError, match="version 3"):
        await items_of(shared_url)
