"""Profiles: a key and the service it is for, under a name, in the system's keyring.

The library `keyring`, of the extra of that name, finds the keyring. Nothing is kept anywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

from motion_async.cli.commandline import command_line
from motion_async.cli.keys.settings import Settings
from motion_async.cli.process.stopping import interruptible
from motion_async.errors import ConfigurationError
from motion_async.jobs import API_KEY_PREFIX
from motion_async.ledger.codec import check_name
from motion_async.redaction import Secret, redacted

__all__ = ["DEFAULT", "check_keyring", "check_profile", "delete_profile", "has_keyring", "load_profile", "save_profile"]

DEFAULT: Final = "default"
"""The profile of those who name none."""
_SERVICE: Final = "motion-async"
_KEPT: Final = ("api_key", "base_url", "plain_http_hosts")


def has_keyring() -> bool:
    """Whether the library is installed, and has found a keyring on this machine."""
    if find_spec("keyring") is None:
        return False
    # Here rather than above: it looks for all kinds of keyrings, which takes longer than most commands.
    import keyring.backends.fail  # noqa: PLC0415

    return not isinstance(keyring.get_keyring(), keyring.backends.fail.Keyring)


def check_keyring() -> None:
    """Raise a `ConfigurationError` if profiles cannot be kept on this machine."""
    if find_spec("keyring") is None:
        raise ConfigurationError("profiles are kept in the system's keyring: install motion-async's extra `keyring`")
    if not has_keyring():
        raise ConfigurationError("this machine has no keyring to keep profiles in; give the key in MOTION_API_KEY")


def check_profile(name: str) -> str:
    """Give the name of a profile, or raise a `ConfigurationError` that does not repeat a key given in its place."""
    if name.startswith(API_KEY_PREFIX):
        raise ConfigurationError(f"no profile is named {API_KEY_PREFIX}…, as a key is; keys are not to be arguments")
    return check_name("--profile", name)


def load_profile(name: str) -> Settings | None:
    """Give what a profile says, None if there is none of that name."""
    import keyring  # noqa: PLC0415

    kept = _ask(lambda: keyring.get_password(_SERVICE, name))
    settings = _parse(kept)
    if kept is not None and settings is None:
        login = command_line("login", options={"--profile": name})
        raise ConfigurationError(f"what the keyring has under that name is no profile; put one there with: {login}")
    return settings


def save_profile(name: str, settings: Settings) -> None:
    """Keep a profile, in the place of an earlier one of that name."""
    import keyring  # noqa: PLC0415

    _ask(lambda: keyring.set_password(_SERVICE, name, json.dumps({it: str(getattr(settings, it)) for it in _KEPT})))
    if load_profile(name) != settings:  # some keyrings keep nothing, and do not say so
        raise ConfigurationError("the keyring did not keep the profile; `keyring diagnose` says which one it is")


def delete_profile(name: str) -> bool:
    """Take a profile away, and say whether there was one."""
    import keyring  # noqa: PLC0415

    is_there = _ask(lambda: keyring.get_password(_SERVICE, name)) is not None
    if is_there:
        _ask(lambda: keyring.delete_password(_SERVICE, name))
    return is_there


def _ask(call: Callable[[], str | None]) -> Secret | None:
    """Ask the keyring something, which may ask a person first; no frame of an error has what it keeps as a local."""
    from keyring.errors import KeyringError  # noqa: PLC0415

    try:
        with interruptible():
            answer = call()
            return None if answer is None else Secret(answer)
    except KeyringError as error:
        reason = redacted(str(error)) or type(error).__name__
    # Here, so that it does not hang on an error whose frames have the key.
    raise ConfigurationError(f"the keyring cannot be used: {reason}")


def _parse(kept: Secret | None) -> Settings | None:
    """Give what was kept, None if no profile is written so."""
    try:
        settings = Settings(**json.loads(str(kept)))
    except (ValueError, TypeError):
        return None
    return settings if settings.api_key and settings.base_url else None
