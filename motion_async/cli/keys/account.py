"""The commands about keys: put one into the keyring, take it away, and say which one is used and whether it is taken.

It reads arguments and starts what they ask for. No key comes by an argument, which others could read in the process
list, and none is shown.
"""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

from cyclopts import Parameter

from motion_async.cli.arguments import Access, Json, Profile, Reporting
from motion_async.cli.failures import ExitStatus
from motion_async.cli.keys.credentials import KEYRING, Credentials, find_credentials, hosts_of
from motion_async.cli.keys.profiles import DEFAULT, check_keyring, check_profile, delete_profile, save_profile
from motion_async.cli.keys.settings import Settings, read_environment
from motion_async.cli.looks import masked_key
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.cli.process.stopping import interruptible
from motion_async.errors import ConfigurationError
from motion_async.http.endpoint import check_api_key, find_base_url
from motion_async.redaction import Secret

__all__ = ["check", "login", "logout"]


def check(*, access: Access = Access(), reporting: Reporting = Reporting(), json: Json = False) -> ExitStatus:
    """Say which key is used for which service, and whether that takes it. Costs nothing."""

    async def work(output: Output) -> ExitStatus:
        await _check(output, find_credentials(access, output.notice))
        return ExitStatus.DONE

    return execute(work, json=json or None, reporting=reporting)


def login(
    *,
    no_check: Annotated[bool, Parameter(show_default=False, help="Do not ask the service about it.")] = False,
    access: Access = Access(),
    json: Json = False,
) -> ExitStatus:
    """Keep a key, and the service it is for, in this system's keyring.

    The key is typed, and not shown, or read from standard input. Without
    --profile it is the one that is used where no other is named.
    """

    async def work(output: Output) -> ExitStatus:
        check_keyring()
        environment = read_environment()  # and no `.env`: whoever wrote it would be sent the key
        profile = _name(access.profile, environment)
        hosts = hosts_of(environment)
        base_url = find_base_url(access.service, plain_http_hosts=hosts)
        api_key = check_api_key(_read_key(f"API key for {base_url}, not shown: "))
        if not no_check:
            await _check(output, Credentials(api_key, base_url, hosts, KEYRING, profile))
        save_profile(profile, Settings(api_key=api_key, base_url=str(base_url), plain_http_hosts=",".join(hosts)))
        output.notice(f"the keyring has it as profile {profile}")
        return ExitStatus.DONE

    return execute(work, json=json or None)


def logout(*, profile: Profile = None, json: Json = False) -> ExitStatus:
    """Take a key out of the keyring."""

    async def work(output: Output) -> ExitStatus:
        check_keyring()
        name = _name(profile, read_environment())
        if not delete_profile(name):
            raise ConfigurationError(f"the keyring has no profile {name!r}")
        output.notice(f"profile {name} is no longer in the keyring")
        return ExitStatus.DONE

    return execute(work, json=json or None)


def _name(asked: str | None, environment: Settings) -> str:
    return check_profile(asked if asked is not None else environment.profile or DEFAULT)


async def _check(output: Output, credentials: Credentials) -> None:
    key, source, profile = masked_key(credentials.api_key), credentials.source, credentials.profile
    # Before it is asked: what does not answer is waited for.
    output.show_account(str(credentials.base_url), key, source, profile)
    async with credentials.new_session() as motion:
        await motion.check()
    output.notice("the service answers, and takes the key")


def _read_key(prompt: str) -> Secret:
    """Have a person type the key without echo, or read it from standard input where that is no terminal."""
    with interruptible():
        if sys.stdin is not None and sys.stdin.isatty():
            return Secret(getpass.getpass(prompt).strip())
        key = Secret((sys.stdin.readline() if sys.stdin is not None else "").strip())
    if not key:
        raise ConfigurationError("standard input has no key in its first line")
    return key
