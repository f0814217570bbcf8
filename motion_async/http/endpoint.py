"""Where the service is, by which way, and with which key: what is checked before anything may be sent there.

Pure but for the environment's proxy settings. It must not connect to anything, nor show a key.
"""

from __future__ import annotations

import re
import urllib.request
from ipaddress import ip_address
from typing import Final

from yarl import URL

from motion_async.errors import ConfigurationError
from motion_async.jobs import API_KEY_PREFIX
from motion_async.redaction import Secret
from motion_async.showing import named, shown

__all__ = ["DEFAULT_BASE_URL", "check_api_key", "check_base_url", "proxy_for"]

DEFAULT_BASE_URL: Final = "https://api.motion.so/api/motion"
_MAX_KEY: Final = 512
# Without quotes and backslashes, which JSON may write in other ways: a key that is echoed is still found and erased.
_NOT_IN_KEY: Final = re.compile(r"[^!#-&(-\[\]-~]")
_SCHEME_OF_KEY: Final = re.compile(r"\W*(?:Authorization\s*[:=]\W*)?Bearer\b", re.IGNORECASE)


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


def check_base_url(url: str) -> URL:
    """Give the base URL, parsed, if the key may be sent to it, else raise a `ConfigurationError`.

    It has http or https, a host, and perhaps a path; plain http is for this machine's own addresses only.
    """
    parsed = _read(url)
    if parsed is None:
        raise ConfigurationError(
            f"the base URL must begin with https:// (or http:// for this machine's own addresses) and a host, "
            f"such as {DEFAULT_BASE_URL}, not {_shown(url)}"
        )
    if parsed.user is not None or parsed.password is not None or parsed.query_string or parsed.fragment:
        parsed = None  # its repr has them all, and a traceback may show it
        raise ConfigurationError("the base URL must not carry a user, a password, a query or a fragment")
    if parsed.scheme == "http" and not _is_loopback(parsed.host or ""):
        raise ConfigurationError(
            f"the base URL {parsed} is plain http, over which the API key could be read by others; use https"
        )
    # As it was given: without `encoded` yarl would escape what is escaped already.
    return parsed.with_path(parsed.raw_path.rstrip("/"), encoded=True)


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
            raise ConfigurationError(
                "a proxy would see the API key: plain http goes to this machine alone, without one"
            )
        return None
    if proxy is None and trust_env and not urllib.request.proxy_bypass(base_url.host or ""):
        proxy = urllib.request.getproxies().get(base_url.scheme)
    if proxy is None:
        return None
    url = _read(proxy)
    if url is None:
        raise ConfigurationError(
            "the proxy cannot be used: it must begin with http:// or https:// and a host, and in its password %40 "
            "stands for @ and %2F for /"
        )
    return url
