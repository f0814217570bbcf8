"""The commands about keys: put one into the keyring, take it away, and say which one is used and whether it is taken.

Each is a coroutine function that is given a `Reporter` and gives an exit status. No key comes by an argument, which
others could read in the process list, and none is shown.
"""

from __future__ import annotations

import getpass
import sys

from motion_async.cli.arguments import Access
from motion_async.cli.credentials import KEYRING, Credentials, find_credentials, hosts_of
from motion_async.cli.failures import ExitStatus
from motion_async.cli.following import session_with
from motion_async.cli.happenings import AccountShown
from motion_async.cli.looks import masked_key
from motion_async.cli.profiles import DEFAULT, check_keyring, check_profile, delete_profile, save_profile
from motion_async.cli.reporter import Reporter
from motion_async.cli.settings import Settings, read_environment
from motion_async.cli.stopping import interruptible
from motion_async.errors import ConfigurationError
from motion_async.http.endpoint import check_api_key, find_base_url
from motion_async.redaction import Secret

__all__ = ["check", "login", "logout"]


async def check(reporter: Reporter, access: Access) -> ExitStatus:
    """Say which key is used for which service, and ask that whether it takes the key."""
    await _check(reporter, find_credentials(access))
    return ExitStatus.DONE


async def login(reporter: Reporter, access: Access, *, asks_service: bool) -> ExitStatus:
    """Keep a key in the keyring, once it has the form of one and, with `asks_service`, the service takes it.

    A `.env` is not asked where the service is: whoever wrote it would be sent the key.
    """
    check_keyring()
    environment = read_environment()
    profile = _name(access.profile, environment)
    hosts = hosts_of(environment)
    base_url = find_base_url(access.service, plain_http_hosts=hosts)
    credentials = Credentials(
        api_key=check_api_key(_read_key(f"API key for {base_url}, not shown: ")),
        base_url=base_url,
        plain_http_hosts=hosts,
        source=KEYRING,
        profile=profile,
    )
    if asks_service:
        await _check(reporter, credentials)
    save_profile(
        profile, Settings(api_key=credentials.api_key, base_url=str(base_url), plain_http_hosts=",".join(hosts))
    )
    reporter.notice(f"the keyring has it as profile {profile}")
    return ExitStatus.DONE


async def logout(reporter: Reporter, profile: str | None) -> ExitStatus:
    """Take a key out of the keyring."""
    check_keyring()
    profile = _name(profile, read_environment())
    if not delete_profile(profile):
        raise ConfigurationError(f"the keyring has no profile {profile!r}")
    reporter.notice(f"profile {profile} is no longer in the keyring")
    return ExitStatus.DONE


def _name(asked: str | None, environment: Settings) -> str:
    return check_profile(asked if asked is not None else environment.profile or DEFAULT)


async def _check(reporter: Reporter, credentials: Credentials) -> None:
    key, source, profile = masked_key(credentials.api_key), credentials.source, credentials.profile
    # Before it is asked: what does not answer is waited for.
    reporter.tell(AccountShown(str(credentials.base_url), key, source, profile))
    async with session_with(credentials) as motion:
        await motion.check()
    reporter.notice("the service answers, and takes the key")


def _read_key(prompt: str) -> Secret:
    """Have a person type the key without echo, or read it from standard input where that is no terminal."""
    with interruptible():
        if sys.stdin is not None and sys.stdin.isatty():
            return Secret(getpass.getpass(prompt).strip())
        key = Secret((sys.stdin.readline() if sys.stdin is not None else "").strip())
    if not key:
        raise ConfigurationError("standard input has no key in its first line")
    return key
