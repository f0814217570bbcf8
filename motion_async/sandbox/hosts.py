"""Names of hosts: those that a sandbox answers to, and those that are YouTube's.

It answers to its own, so that no page in a browser gets at it under a name of the page's: one may have its own domain
resolve to this machine and then ask "itself"; its requests come under that domain. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

__all__ = ["OwnNames", "is_youtube"]

_HOST: Final = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::\d*)?")
_YOUTUBE: Final = re.compile(r"(?:.+\.)?(?:youtube\.com|youtube-nocookie\.com|youtu\.be)\.?", re.IGNORECASE)
_EVERYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound


class OwnNames:
    """The names of a sandbox; a port that comes with one does not matter, as something may stand before the sandbox.

    Args:
        host: the address that it listens on.
        names: further names by which it is reached.
    """

    def __init__(self, host: str, names: Iterable[str] = ()) -> None:
        self._names = {"localhost", *map(_plain, (host, *names))}
        self._listens_everywhere = host in _EVERYWHERE

    def has(self, host: str) -> bool:
        """Whether a request came under one of them.

        Args:
            host: its `Host` header.
        """
        found = _HOST.fullmatch(host)
        name = _plain((found[1] or found[2] or "") if found else "")
        if not name or name in self._names:
            return bool(name)
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self._listens_everywhere  # no page can be of another name that is an address


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def is_youtube(host: str) -> bool:
    """Whether a host is YouTube's (section "Create Job")."""
    return _YOUTUBE.fullmatch(host) is not None
