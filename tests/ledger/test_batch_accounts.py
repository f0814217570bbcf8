"""Tests of `motion_async.ledger.batch_accounts` and `account_rows`: whose a batch is, on a ledger of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from motion_async import ConfigurationError, LedgerAccountError, LedgerError, VideoRequest
from motion_async.ledger import Account, Entry, Item, ItemState, Ledger, open_ledger
from motion_async.sending.journal import SendJournal
from tests.ledger.conftest import accepted, change, entries, make_version_1, seen
from tests.ledger.earlier import Earlier, make_earlier

REAL, GATEWAY, REHEARSAL = "https://api.motion.so", "https://motion.example.com", "http://127.0.0.1:8080"
MINE, THEIRS, REHEARSED = (
    Account(REAL, "motion_mine"),
    Account(REAL, "motion_theirs"),
    Account(REHEARSAL, "motion_mine"),
)
OTHERS = pytest.mark.parametrize("other", [THEIRS, REHEARSED], ids=["key", "service"])


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    """An empty ledger of each kind."""
    async with open_ledger(url) as opened:
        yield opened


async def sent(ledger: Ledger, key: str = "hero", batch: str = "launch") -> Item:
    """An item that the service has taken."""
    [item] = await ledger.plan(batch, entries(key))
    journal = ledger.journal(item)
    assert await journal.begin()
    await journal.accepted(accepted(f"job-{key}"))
    return item


@OTHERS
async def test_a_batch_is_of_the_account_that_it_was_begun_with(ledger: Ledger, other: Account) -> None:
    """Whoever comes with another service or another key is refused; other batches are theirs as they like."""
    await ledger.bind("launch", MINE)
    await sent(ledger)
    with pytest.raises(LedgerAccountError) as caught:
        await ledger.bind("launch", other)
    assert (caught.value.bound_origin, caught.value.origin) == (REAL, other.origin)
    await ledger.bind("launch", MINE)
    await ledger.bind("spring", other)


@OTHERS
async def test_a_batch_of_which_nothing_was_sent_is_nobodys(ledger: Ledger, other: Account) -> None:
    """A mistyped key, which the service refused, does not keep the right one out."""
    await ledger.bind("launch", MINE)
    [item] = await ledger.plan("launch", entries("hero"))
    journal = ledger.journal(item)
    await journal.begin()
    with pytest.raises(LedgerAccountError):
        await ledger.bind("launch", other)  # it is on its way
    await journal.released(None)
    await ledger.bind("launch", other)
    await sent(ledger)
    with pytest.raises(LedgerAccountError):
        await ledger.bind("launch", MINE)


async def test_a_batch_that_another_process_has_begun_is_its_own(shared_url: str) -> None:
    """Even before it has sent anything, for as long as it lives."""
    async with open_ledger(shared_url) as ledger:
        async with open_ledger(shared_url) as others:
            await others.bind("launch", THEIRS)
            with pytest.raises(LedgerAccountError):
                await ledger.bind("launch", MINE)
        await ledger.bind("launch", MINE)


async def test_a_batch_is_kept_for_whoever_works_on_it_now(shared_url: str) -> None:
    """Not only for the process that began it, which has died since."""
    async with open_ledger(shared_url) as ledger:
        await ledger.bind("launch", MINE)
    async with open_ledger(shared_url) as ledger, open_ledger(shared_url) as others:
        await ledger.bind("launch", MINE)
        with pytest.raises(LedgerAccountError):
            await others.bind("launch", THEIRS)


async def test_a_person_says_that_the_key_was_replaced(ledger: Ledger) -> None:
    """Then the next key of the same service is the batch's, and no other one after it."""
    await ledger.bind("launch", MINE)
    await sent(ledger)
    await ledger.adopt("launch")
    with pytest.raises(LedgerAccountError, match="127"):
        await ledger.bind("launch", REHEARSED)
    await ledger.bind("launch", THEIRS)
    with pytest.raises(LedgerAccountError):
        await ledger.bind("launch", MINE)


async def test_a_person_says_where_the_service_is_now(ledger: Ledger) -> None:
    """As a whole URL or as its origin."""
    await ledger.bind("launch", MINE)
    await sent(ledger)
    await ledger.adopt("launch", origin=f"{GATEWAY}:443/api/motion")
    with pytest.raises(LedgerAccountError):
        await ledger.bind("launch", MINE)
    await ledger.bind("launch", Account(GATEWAY, MINE.api_key))


async def test_what_cannot_be_adopted_is_said(ledger: Ledger) -> None:
    """A batch that is not there, and an origin that is none."""
    with pytest.raises(ConfigurationError, match="no batch 'lunch'"):
        await ledger.adopt("lunch")
    with pytest.raises(ConfigurationError, match="the origin of a service"):
        await ledger.adopt("launch", origin="motion")


PROOFS: dict[str, Callable[[SendJournal], object]] = {
    "accepted": lambda journal: journal.accepted(accepted("job-new")),
    "changed": lambda journal: journal.changed(change("running", "job-1")),
    "ended": lambda journal: journal.ended(seen("completed", "job-1"), None),
}


@pytest.mark.parametrize("proof", PROOFS.values(), ids=PROOFS)
async def test_an_old_batch_is_bound_once_the_service_has_told_of_one_of_its_jobs(
    shared_url: str, proof: Callable[[SendJournal], object]
) -> None:
    """Not by the mere try of a key, which may be the wrong one."""
    make_earlier(shared_url, Earlier({"prompt": "a"}, "a", state="submitted", job_id="job-1"))
    async with open_ledger(shared_url) as ledger:
        await ledger.bind("launch", MINE)
        with pytest.raises(LedgerAccountError):
            await ledger.bind("launch", THEIRS)  # while this process tries the other
    async with open_ledger(shared_url) as ledger:
        await ledger.bind("launch", THEIRS)
        [item] = [item async for item in ledger.items("launch")]
        proof(ledger.journal(item))
    async with open_ledger(shared_url) as ledger:
        with pytest.raises(LedgerAccountError):
            await ledger.bind("launch", MINE)
        await ledger.bind("launch", THEIRS)


async def test_a_watch_that_the_service_has_told_nothing_of_binds_nothing(shared_url: str) -> None:
    """A 404 is what another account is answered."""
    make_earlier(shared_url, Earlier({"prompt": "a"}, "a", state="submitted", job_id="job-1"))
    async with open_ledger(shared_url) as ledger:
        await ledger.bind("launch", THEIRS)
        [item] = [item async for item in ledger.items("launch")]
        await ledger.journal(item).ended(None, LedgerError("not found"))
    async with open_ledger(shared_url) as ledger:
        await ledger.bind("launch", MINE)


async def test_the_key_is_not_in_the_file(file_url: str, tmp_path: Path) -> None:
    """Whoever has a ledger must not have the key by that."""
    async with open_ledger(file_url) as ledger:
        await ledger.bind("launch", MINE)
        await sent(ledger)
        written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"motion_mine" not in written
    assert REAL.encode() in written


async def test_a_ledger_that_is_only_read_is_bound_to_nobody(shared_url: str) -> None:
    """Whoever reads sends nothing."""
    make_version_1(shared_url)
    async with open_ledger(shared_url, read_only=True) as ledger:
        with pytest.raises(LedgerError, match="for reading only"):
            await ledger.bind("launch", MINE)


async def test_what_was_made_is_found_whatever_its_batch_and_id(ledger: Ledger) -> None:
    """What runs, is in doubt or has a video; not what failed, was refused or is still to be sent, and no followup."""
    request = VideoRequest("a cat")
    for number, batch in enumerate(["launch", "spring", "summer"]):
        [item] = await ledger.plan(batch, [Entry(f"cat {number}", request)])
        journal = ledger.journal(item)
        if batch != "summer":
            await journal.begin()
        if batch == "spring":
            await journal.accepted(accepted("job-spring"))
            await journal.ended(seen("completed", "job-spring"), None)
    await ledger.plan("launch", [Entry("more", request, parent="cat 0")])
    found = await ledger.find_made(VideoRequest(" a cat\r\n"))
    assert [(item.batch, item.key, item.state) for item in found] == [
        ("launch", "cat 0", ItemState.INTENT),
        ("spring", "cat 1", ItemState.COMPLETED),
    ]
    assert await ledger.find_made(VideoRequest("a dog")) == []


@OTHERS
async def test_what_another_account_made_is_not_found_for_this_one(ledger: Ledger, other: Account) -> None:
    """A rehearsal in the sandbox is no video of the real service; what may be this account's is found."""
    for batch, account in (("launch", MINE), ("theirs", other), ("moved", MINE), ("of before", None)):
        if account is not None:
            await ledger.bind(batch, account)
        await sent(ledger, batch=batch)
    await ledger.adopt("moved")
    [request] = [item.request async for item in ledger.items("launch")]
    found = await ledger.find_made(request, account=MINE)
    assert [item.batch for item in found] == ["launch", "moved", "of before"]
    assert len(await ledger.find_made(request)) == 4


async def test_what_the_first_ledgers_made_is_found_too(shared_url: str) -> None:
    """Their digests took in what was guessed, so the requests themselves are compared."""
    body = {"prompt": "a", "attachments": [{"url": "https://x.example/a.psd", "type": "image"}]}
    make_earlier(shared_url, Earlier(body, "a", job_id="job-1"), Earlier({"prompt": "b"}, "b", job_id="job-2"))
    async with open_ledger(shared_url, read_only=True) as ledger:
        [item] = await ledger.find_made(VideoRequest("a", attachments=["https://x.example/a.psd"]), account=MINE)
    assert item.job_id == "job-1"
