"""Whose key a command uses, and which service it goes to: the one place where that is decided.

The first that names a key or a profile decides:

1. `--profile NAME`, a profile of the keyring;
2. the environment, by MOTION_API_KEY or MOTION_PROFILE;
3. a `.env` in this folder, by the same names;
4. the keyring's profile `default`.

A key goes to the service that was named with it: `--base-url` before all; a profile's own; for a key of the
environment MOTION_BASE_URL there; for one of the `.env` MOTION_BASE_URL in the environment or else in the file; and the
documented one where none is named. What would send a key elsewhere, or have another one pay, is refused: both
MOTION_API_KEY and MOTION_PROFILE in one place, or a MOTION_BASE_URL that would count for another key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs
from yarl import URL

from motion_async.cli.arguments import Access
from motion_async.cli.commandline import command_line
from motion_async.cli.keys.profiles import DEFAULT, check_keyring, check_profile, has_keyring, load_profile
from motion_async.cli.keys.settings import FILE, Settings, read_environment, read_file
from motion_async.cli.output.output import say
from motion_async.errors import ConfigurationError
from motion_async.http.endpoint import check_api_key, find_base_url, read_origin
from motion_async.ledger import Account
from motion_async.redaction import Secret
from motion_async.session import MotionSession

__all__ = ["KEYRING", "Credentials", "find_account", "find_credentials", "hosts_of"]

KEYRING: Final = "keyring"
_VARIABLE: Final = "MOTION_API_KEY"
_NO_KEY: Final = (
    f"there is no API key: set {_VARIABLE}, write it into a {FILE} in this folder, or keep it in the keyring with "
    "motion-async login; to try without one: motion-async demo, or motion-async sandbox"
)


@attrs.frozen
class Credentials:
    """A key, and the service that it is for.

    Args:
        api_key: the key, in the contract's form.
        base_url: where the service is.
        plain_http_hosts: the hosts that plain http may go to.
        source: what had the key: MOTION_API_KEY, `.env` or `keyring`.
        profile: the keyring's name for it.
    """

    api_key: str = attrs.field(converter=Secret)
    base_url: URL
    plain_http_hosts: tuple[str, ...]
    source: str
    profile: str | None

    @property
    def account(self) -> Account:
        """Who pays, and whom, as a ledger is asked."""
        return Account(read_origin(self.base_url), self.api_key)

    def new_session(self, **options: Any) -> MotionSession:
        """Give a session with this key for its service, not entered yet; `options` are further ones of a session."""
        return MotionSession(
            self.api_key,
            base_url=str(self.base_url),
            plain_http_hosts=self.plain_http_hosts,
            trust_env=True,
            **options,
        )


def find_credentials(access: Access, notice: Callable[[str], object] = say) -> Credentials:
    """Give the key that a command uses, and its service, by the rules of this module.

    `notice` is told if a file in this folder decides.
    Raises a `ConfigurationError` if there is none, if it is no key, or if it is not clear which service is meant.
    """
    found = _find(access, notice)
    if not found.api_key:
        raise ConfigurationError(_NO_KEY)
    return attrs.evolve(found, api_key=check_api_key(found.api_key))


def find_account(access: Access) -> Account:
    """Give the account that a command would use, without a key where there is none, for those that only read.

    Raises a `ConfigurationError` if it is not clear which service is meant.
    """
    return _find(access, lambda _: None).account


def _find(access: Access, notice: Callable[[str], object]) -> Credentials:
    """Give what is said of a key and its service; the key, which may be none, is not checked."""
    environment = read_environment()
    # A profile that was asked for has all there is to say.
    file = read_file() if access.profile is None else Settings()
    source, profile, own = _choose(access.profile, environment, file, notice)
    hosts = hosts_of(own, environment, file)
    named = environment.base_url or file.base_url if access.profile is None else ""
    usual = (named if source in (FILE, "") else own.base_url) or None
    service = find_base_url(usual if access.service is None else access.service, plain_http_hosts=hosts)
    if access.service is None and named and find_base_url(named, plain_http_hosts=hosts) != service:
        raise ConfigurationError(
            f"the key of {source if profile is None else f'profile {profile}'} is for {service}, and MOTION_BASE_URL "
            "names another service; say --base-url or --profile, so that it is clear which you mean"
        )
    return Credentials(own.api_key, service, hosts, source, profile)


def hosts_of(*said: Settings) -> tuple[str, ...]:
    """Give all hosts that somebody has named for plain http."""
    return tuple(host for each in said for part in each.plain_http_hosts.split(",") if (host := part.strip()))


def _choose(
    asked: str | None, environment: Settings, file: Settings, notice: Callable[[str], object]
) -> tuple[str, str | None, Settings]:
    """Give what has the key, the profile's name if it is one, and what is said there; all empty if nothing has one."""
    if asked is not None:
        return KEYRING, asked, _load(asked)
    for source, where, said in (
        (_VARIABLE, "the environment", environment),
        (FILE, f"the {FILE} in this folder", file),
    ):
        if said.api_key and said.profile:
            raise ConfigurationError(f"{where} has both {_VARIABLE} and MOTION_PROFILE; unset one, or say --profile")
        if source == FILE and (said.api_key or said.profile):
            notice(f"the {'key' if said.api_key else 'profile'} is the one that {where} names")
        if said.profile:
            return KEYRING, said.profile, _load(said.profile)
        if said.api_key:
            return source, None, said
    if has_keyring() and (found := load_profile(DEFAULT)) is not None:
        return KEYRING, DEFAULT, found
    return "", None, Settings()


def _load(profile: str) -> Settings:
    check_keyring()
    found = load_profile(check_profile(profile))
    if found is None:
        login = command_line("login", options={"--profile": profile})
        raise ConfigurationError(f"the keyring has no profile {profile!r}; put one there with: {login}")
    return found
