"""Tests of `motion_async.ledger.accounts`: a key is known again, and cannot be read from what is kept of it."""

from __future__ import annotations

from motion_async.ledger.accounts import Account, Binding

REAL = "https://api.motion.so"
MINE, THEIRS = Account(REAL, "motion_mine"), Account(REAL, "motion_theirs")


def test_a_binding_knows_its_account_alone() -> None:
    """By the service and by the key; a key that was said to be replaced fits nobody until it is known."""
    binding = Binding("launch", REAL, MINE.fingerprint("salt"), "me")
    assert binding.is_of(MINE)
    assert not binding.is_of(THEIRS)
    assert not binding.is_of(Account("http://127.0.0.1:8080", MINE.api_key))
    assert not Binding("launch", REAL, None, "me").is_of(MINE)


def test_the_key_is_nowhere_to_be_seen() -> None:
    """Neither in what is kept nor in what is shown; with another salt the same key looks different."""
    assert MINE.api_key not in MINE.fingerprint("salt")
    assert MINE.fingerprint("salt") != MINE.fingerprint("pepper")
    assert MINE.fingerprint("salt") == Account("elsewhere", MINE.api_key).fingerprint("salt")
    assert MINE.api_key not in repr(MINE)


def test_a_refusal_says_what_is_different_and_what_to_do() -> None:
    """Both origins where the service is another one, else the key, and that it may have been replaced."""
    binding = Binding("launch", "http://127.0.0.1:8080", MINE.fingerprint("salt"), "me")
    error = binding.refusal(MINE)
    assert (error.batch, error.bound_origin, error.origin) == ("launch", "http://127.0.0.1:8080", REAL)
    assert str(error) == (
        "nothing was sent: batch 'launch' was begun at http://127.0.0.1:8080, and this session's service is "
        "https://api.motion.so; give the batch another name, or use another ledger"
    )
    replaced = str(Binding("launch", REAL, MINE.fingerprint("salt"), "me").refusal(THEIRS))
    assert "was begun with another API key" in replaced
    assert "have the ledger adopt it, as `motion-async ledger adopt` does" in replaced
