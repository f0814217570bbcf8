"""Keeps a process to this machine: whoever looks for another one is stopped before a byte leaves, and is told of.

Python itself tells of every socket that connects, sends or listens, and of every name that is looked up, whichever
library does it. What goes past Python, as uvloop's own connections do, or a name that is given to a socket in the
place of an address, it does not hear of. It imports next to nothing, as it may begin before all else in a process
whose start is measured.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

__all__ = ["STRAYS", "OffLoopbackError", "check_address", "check_name", "stay_on_loopback"]

STRAYS = "MOTION_STRAYS"
"""The variable of the environment that names a file, to which each attempt is written; nowhere if it is not set."""
_TO_AN_ADDRESS = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg")
_OF_A_NAME = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_is_on = False


class OffLoopbackError(PermissionError):
    """Something was about to leave this machine; whoever opened a socket for it closes it, as after any `OSError`."""


def stay_on_loopback() -> None:
    """Stop whatever leaves this machine, from now on and for as long as the process lives."""
    global _is_on  # noqa: PLW0603  # what Python tells of is told to whoever has asked once, for ever
    if not _is_on:
        _is_on = True
        sys.addaudithook(_hear)


def _hear(event: str, told: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        if event in _TO_AN_ADDRESS:
            check_address(told[1])
        elif event in _OF_A_NAME:
            check_name(told[0])


def check_address(address: object) -> None:
    """Raise if an address is another machine's; that of a file, or none at all, is this one's.

    Args:
        address: as Python's sockets take it.

    Raises:
        OffLoopbackError: if it is, which is written down too, as many a library hides what is raised.
    """
    if isinstance(address, tuple) and address and not _is_here(_text(address[0])):
        _stray(f"address {address!r}")


def check_name(host: object) -> None:
    """Raise if another machine would be asked for the addresses of a host.

    Args:
        host: a name, or an address, for which nobody is asked; as text, bytes or None.

    Raises:
        OffLoopbackError: as in `check_address`.
        socket.gaierror: for what can be nobody's name, without asking anyone.
    """
    name = _text(host)
    if _is_here(name) or ":" in name or _is_address(name):
        return
    if name.endswith(".invalid") or " " in name or name.rpartition(".")[2].isdigit():
        import socket  # noqa: PLC0415  # whoever looks for a name has it, and nobody else is to have it for this

        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    _stray(f"name {name!r}")


def _is_address(name: str) -> bool:
    parts = name.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


def _text(host: object) -> str:
    return os.fsdecode(host) if isinstance(host, str | bytes) else ""


def _is_here(host: str) -> bool:
    first, *rest = host.split(".")
    is_number = first == "127" and all(map(str.isdigit, rest))
    return is_number or host in ("", "localhost", "::1")


def _stray(what: str) -> None:
    said = f"not on this machine: {what}"
    if file := os.environ.get(STRAYS):
        with open(file, "a", encoding="utf-8") as strays:  # noqa: PTH123  # see above: nothing is imported for it
            strays.write(said + "\n")
    raise OffLoopbackError(errno.EACCES, said)
