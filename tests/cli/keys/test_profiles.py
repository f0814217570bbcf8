"""`motion_async.cli.keys.profiles`: keys in the system's keyring."""

from __future__ import annotations

import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest

from motion_async.cli.keys import profiles
from motion_async.cli.keys.profiles import check_keyring, delete_profile, has_keyring, load_profile, save_profile
from motion_async.cli.keys.settings import Settings
from motion_async.errors import ConfigurationError
from tests.keyrings import LOCKED
from tests.told import HIDDEN_KEY, Told

MINE = Settings(api_key="motion_a", base_url="http://sandbox:8080", plain_http_hosts="sandbox")


def test_a_profile_is_kept_until_it_is_taken_away(kept: Path) -> None:
    """It has all that a session needs, as JSON under the service `motion-async`; others are left alone."""
    assert load_profile("client-a") is None
    save_profile("client-a", Settings(api_key="motion_old", base_url="https://a.example"))
    save_profile("client-a", MINE)
    save_profile("b", MINE)
    assert load_profile("client-a") == MINE
    assert json.loads(json.loads(kept.read_text())["motion-async/client-a"]) == {
        "api_key": "motion_a",
        "base_url": "http://sandbox:8080",
        "plain_http_hosts": "sandbox",
    }
    assert (delete_profile("client-a"), delete_profile("client-a")) == (True, False)
    assert (load_profile("client-a"), load_profile("b")) == (None, MINE)


@pytest.mark.parametrize("text", [HIDDEN_KEY, "[]", '{"api_key": "motion_a"}', '{"secret": "a"}', "{}"])
def test_what_is_no_profile_is_told_with_the_way_out(text: str, kept: Path) -> None:
    """Another program may have put it there; it is not shown."""
    kept.write_text(json.dumps({"motion-async/a": text}))
    with pytest.raises(ConfigurationError, match="motion-async login --profile=a") as caught:
        load_profile("a")
    assert caught.value.__traceback__ is not None
    caught.value.__traceback__ = caught.value.__traceback__.tb_next  # this frame has what was kept
    told = Told()
    told.error(caught.value)
    assert not told.leaks(HIDDEN_KEY)


def test_a_keyring_that_is_locked_is_told_without_the_key(kept: Path) -> None:
    """No frame of the error has the key that was to be kept."""
    kept.write_text(LOCKED)
    with pytest.raises(ConfigurationError, match="the keyring cannot be used: it is locked") as caught:
        save_profile("a", Settings(api_key=f"motion_{HIDDEN_KEY}", base_url="https://a.example"))
    told = Told()
    told.error(caught.value)
    assert not told.leaks(HIDDEN_KEY)


def test_a_keyring_that_keeps_nothing_is_found_out() -> None:
    """Else a person would go away and believe that it is kept."""
    keyring.set_keyring(keyring.backends.null.Keyring())
    with pytest.raises(ConfigurationError, match="did not keep the profile"):
        save_profile("a", MINE)


def test_a_machine_without_a_keyring_says_so() -> None:
    """As on a server; the sentence names the way that works there."""
    assert has_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())
    assert not has_keyring()
    with pytest.raises(ConfigurationError, match="MOTION_API_KEY"):
        check_keyring()


def test_without_the_extra_the_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is not asked for where it is not needed."""

    def find(name: str) -> ModuleSpec | None:
        assert name == "keyring"
        return None

    monkeypatch.setattr(profiles, "find_spec", find)
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert not has_keyring()
    with pytest.raises(ConfigurationError, match="extra `keyring`"):
        check_keyring()
