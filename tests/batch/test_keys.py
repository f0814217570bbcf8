"""Tests of `motion_async.batch.keys`: what a request of a batch is known by, and what must not be followed."""

from __future__ import annotations

import tracemalloc

import pytest

from motion_async import BatchRequest, InvalidRequestError, VideoRequest
from motion_async.batch.keys import Keys, fingerprint
from motion_async.ledger import content_digest


def test_keys_are_the_same_in_every_run_and_count_equals() -> None:
    """By content and ordinal, or by id."""
    requests = [BatchRequest("a"), BatchRequest("b"), BatchRequest("a"), BatchRequest("a", id="mine")]
    runs = []
    for _ in range(2):
        keys = Keys()
        runs.append([keys.of(request) for request in requests])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 4
    assert runs[0][3] == "mine"
    assert runs[0][0].startswith(content_digest(VideoRequest("a")))


def test_followups_of_different_requests_have_different_keys() -> None:
    """The same words to two videos are two requests, whichever comes first."""
    followups = [BatchRequest("a", follows="x"), BatchRequest("a", follows="y")]
    keys, others = Keys(), Keys()
    forth = [keys.of(request) for request in followups]
    back = [others.of(request) for request in reversed(followups)]
    assert len({*forth}) == 2
    assert forth == back[::-1]


def test_a_key_is_given_once() -> None:
    """An id may also be written like the key of a request that has none."""
    keys = Keys()
    key = keys.of(BatchRequest("a"))
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match="stands at an earlier request"):
            keys.of(BatchRequest("b", id=key))


def test_an_id_is_refused_until_a_request_of_it_can_be_sent() -> None:
    """One that is wrong does not stand in the way of the right one, before it or after."""
    keys = Keys()
    keys.refuse_invalid(BatchRequest("", id="a"))
    assert keys.has_refused("a")
    keys.of(BatchRequest("a", id="a"))
    keys.refuse_invalid(BatchRequest("", id="a"))
    keys.refuse_invalid(BatchRequest("", id=3))  # type: ignore[arg-type]
    assert not keys.has_refused("a")
    keys.refuse("a")
    assert keys.has_refused("a")


NAMES = ["", "a", "A", "a\0b", "a\0c", "é", "\ud800", "\ud801", "?", "日本"]


def test_every_text_is_a_key_of_its_own() -> None:
    """Whatever a file can hold as an id: nothing is taken for something else."""
    assert len({fingerprint(name) for name in NAMES}) == len(NAMES)
    assert {len(fingerprint(name)) for name in NAMES} == {16}


def test_a_key_costs_little_memory_however_long_it_is() -> None:
    """A batch of a hundred thousand requests keeps some megabytes."""
    keys = Keys()
    tracemalloc.start()
    try:
        for number in range(10_000):
            keys.of(BatchRequest("A video", id=f"{number} {'x' * 500}"))
        assert tracemalloc.get_traced_memory()[0] < 150 * 10_000
    finally:
        tracemalloc.stop()


NFC, NFD = "Caf\u00e9", "Cafe\u0301"


def test_an_id_has_one_key_in_every_form_of_unicode() -> None:
    """A file that was saved on another system asks for the same, and the same id twice is twice the same."""
    assert Keys().of(BatchRequest("a", id=NFC)) == Keys().of(BatchRequest("a", id=NFD)) == NFC
    keys = Keys()
    keys.of(BatchRequest("a", id=NFC))
    with pytest.raises(InvalidRequestError, match="stands at an earlier request"):
        keys.of(BatchRequest("b", id=NFD))
    keys.refuse(NFD)
    assert keys.has_refused(NFC)


def test_a_request_without_an_id_has_one_key_however_its_text_is_written() -> None:
    """Nor does it matter how the id is written that it follows."""
    one = BatchRequest(f"{NFC}\nand more", follows=NFC)
    other = BatchRequest(f"{NFD}\r\nand more ", follows=NFD)
    assert Keys().of(one) == Keys().of(other)
