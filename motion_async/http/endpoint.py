"""Checks base URL, proxy and API key, before anything is sent.

Pure but for the environment's settings, which stand in for what a caller does not give. It must not connect to
anything, nor show a key.
"""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Collection, Iterable
from ipaddress import ip_address
from typing import Final

from yarl import URL

from motion_async.errors import ConfigurationError
from motion_async.jobs import API_KEY_PREFIX
from motion_async.redaction import Secret
from motion_async.showing import named, shown

__all__ = [
    "LOOPBACK_ONLY",
    "check_api_key",
    "check_base_url",
    "check_reach",
    "find_api_key",
    "find_base_url",
    "proxy_for",
    "read_origin",
]

LOOPBACK_ONLY: Final = "MOTION_LOOPBACK_ONLY"
"""The setting that keeps the sessions of a process, and of those that it starts, on this machine; it says why."""
loopback_only: str = os.environ.get(LOOPBACK_ONLY, "")
"""Its value, empty where sessions may go anywhere. A suite of tests sets both, as a test may clear the environment."""

_DEFAULT_BASE_URL: Final = "https://api.motion.so/api/motion"
_HOST: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?|\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?")
_MAX_KEY: Final = 512
# Without quotes and backslashes, which JSON may write in other ways: a key that is echoed is still found and erased.
_NOT_IN_KEY: Final = re.compile(r"[^!#-&(-\[\]-~]")
_SCHEME_OF_KEY: Final = re.compile(r"\W*(?:Authorization\s*[:=]\W*)?Bearer\b", re.IGNORECASE)


def find_api_key(given: str | None) -> str:
    """Give the caller's key, or with None the environment's, as `check_api_key` does."""
    return check_api_key(os.environ.get("MOTION_API_KEY", "") if given is None else given)


def find_base_url(given: str | URL | None, *, plain_http_hosts: Iterable[str] | None) -> URL:
    """Give the caller's base URL, or with None the environment's or the documentation's, as `check_base_url` does.

    So it is with the hosts to which plain http may go, of which there are none by default.
    """
    if plain_http_hosts is None:
        names = os.environ.get("MOTION_PLAIN_HTTP_HOSTS", "").split(",")
        plain_http_hosts = [name.strip() for name in names if name.strip()]
    if given is None:  # an empty one is a mistake, which must not lead to where videos are paid for
        given = Secret(os.environ.get("MOTION_BASE_URL") or _DEFAULT_BASE_URL)
    return check_base_url(given, plain_http_hosts=_check_hosts(plain_http_hosts))


def _check_hosts(given: Iterable[str]) -> frozenset[str]:
    """Give names of hosts in one spelling, or raise a `ConfigurationError` if one is none, such as a whole URL."""
    hosts = () if isinstance(given, str | bytes) or not isinstance(given, Iterable) else tuple(given)
    if given and not hosts:
        raise ConfigurationError("plain_http_hosts must be a list of hosts' names, such as ['sandbox']")
    for host in hosts:
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            raise ConfigurationError(
                f"plain_http_hosts must be hosts' names without scheme, port and path, such as 'sandbox', "
                f"not {_shown(host)}"
            )
    return frozenset(host.lower().strip("[]") for host in hosts)


def check_api_key(key: str | None) -> str:
    """Give the key back if it can be one (section "Overview"), else raise a `ConfigurationError` that never shows it.

    A key begins with `motion_`, and has at most 512 characters of visible ASCII without quotes and backslashes.
    """
    key = None if key is None else Secret(key)  # no frame of a traceback with locals shows it from here on
    if key is None or key == "":
        raise ConfigurationError(
            "no API key: set MOTION_API_KEY or pass api_key=; without one, try the sandbox: motion-async sandbox"
        )
    if _SCHEME_OF_KEY.match(str(key)):
        raise ConfigurationError("the API key has 'Bearer' in front, as its header has: give the key alone")
    if odd := _NOT_IN_KEY.search(str(key)):
        place, last = odd.start() + 1, len(str(key))
        where = {1: "at its beginning", last: "at its end"}.get(place, f"as character {place}")
        raise ConfigurationError(f"the API key has {named(odd[0])} {where}: leave that out, and give the key alone")
    if not str(key).startswith(API_KEY_PREFIX):
        raise ConfigurationError(f"the API key must be a string that starts with {API_KEY_PREFIX!r}")
    if not len(API_KEY_PREFIX) < len(str(key)) <= _MAX_KEY:
        raise ConfigurationError(f"the API key must have more than its prefix, and at most {_MAX_KEY} characters")
    return key


def check_base_url(url: str | URL, *, plain_http_hosts: Collection[str] = ()) -> URL:
    """Give the base URL, parsed, if the key may be sent to it, else raise a `ConfigurationError`.

    It has http or https, a host, and perhaps a path; plain http is for this machine's own addresses, and for the hosts
    that the caller names.
    """
    parsed = _read(url)
    if parsed is None:
        raise ConfigurationError(
            f"the base URL must begin with https:// (or http:// for this machine's own addresses) and a host, "
            f"such as {_DEFAULT_BASE_URL}, not {_shown(url)}"
        )
    if parsed.user is not None or parsed.password is not None or parsed.query_string or parsed.fragment:
        parsed = None  # its repr has them all, and a traceback may show it
        raise ConfigurationError("the base URL must not carry a user, a password, a query or a fragment")
    host = parsed.host or ""
    if parsed.scheme == "http" and not _is_loopback(host) and host.lower() not in plain_http_hosts:
        raise ConfigurationError(
            f"the base URL {parsed} is plain http, over which the API key could be read by others; use https, or, for "
            f"a sandbox in a network of your own, name its host, {host}, in MOTION_PLAIN_HTTP_HOSTS or plain_http_hosts"
        )
    # As it was given: without `encoded` yarl would escape what is escaped already.
    return parsed.with_path(parsed.raw_path.rstrip("/"), encoded=True)


def check_reach(base_url: URL) -> None:
    """Raise a `ConfigurationError` for a service on another machine, where no session may leave this one."""
    if loopback_only and not _is_loopback(base_url.host or ""):
        raise ConfigurationError(
            f"{base_url.origin()} is another machine, and {LOOPBACK_ONLY} says: {shown(loopback_only, limit=400)}"
        )


def read_origin(url: str | URL) -> str:
    """Give scheme, host and port of an address, as a ledger keeps them, or raise a `ConfigurationError`."""
    parsed = _read(url)
    if parsed is None:
        raise ConfigurationError(f"the origin of a service is a URL such as https://api.motion.so, not {_shown(url)}")
    return str(parsed.origin())


def _read(url: object) -> URL | None:
    """Take an address apart; None if that cannot be done, and no reason, which could repeat a part of a password."""
    try:
        parsed = url if isinstance(url, URL) else URL(_text_of(url))
        is_whole = parsed.scheme in ("http", "https") and bool(parsed.host) and parsed.port is not None
    except (ValueError, TypeError):
        return None
    # A slash in a password ends the host early: what is behind it would be taken for a path, and told as one.
    return parsed if is_whole and "@" not in parsed.raw_path else None


def _text_of(url: object) -> str:
    if isinstance(url, str):
        return str(url)
    raise TypeError


def _shown(url: object) -> str:
    """Give what was handed in as an address and is none; what may hold a password is not repeated."""
    if not isinstance(url, str):
        return type(url).__name__
    url = str(url)
    return "what was given, which cannot be read" if "@" in url or "?" in url else repr(shown(url, limit=80))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(base_url: URL, proxy: str | URL | None, *, trust_env: bool) -> URL | None:
    """Find the proxy once, for the one origin that is ever asked; for plain http none, as it could read the key.

    The caller's own comes before the environment's, which counts only with `trust_env`. One that cannot be used is a
    `ConfigurationError`.
    """
    if base_url.scheme == "http":
        if proxy is not None:
            raise ConfigurationError("a proxy would see the API key: plain http goes to its host directly, without one")
        return None
    if proxy is None and trust_env and not urllib.request.proxy_bypass(f"{base_url.host}:{base_url.port}"):
        proxy = urllib.request.getproxies().get(base_url.scheme)
        if proxy is not None and "://" not in proxy:
            proxy = f"http://{proxy}"  # as other tools read it
    if proxy is None:
        return None
    url = _read(proxy)
    if url is None:
        raise ConfigurationError(
            "the proxy cannot be used: it must begin with http:// or https:// and a host, and in its password %40 "
            "stands for @ and %2F for /"
        )
    return url
