"""What a server can do to a request: one function a kind of misbehaviour, none of which knows what was asked.

Each gives a script for `HostileServer`. A script ends when the client has gone or when it has had its say.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib

from tests.hostile.hostile_server import Peer, Script, http, state, unasked

OK = b"HTTP/1.1 200 OK\r\n"
_PIECE = b"x" * 65_536


def says(*pieces: bytes) -> Script:
    """Write these pieces, and stay."""

    async def script(peer: Peer) -> None:
        await peer.say(*pieces)

    return script


def says_and_waits(*pieces: bytes) -> Script:
    """Write these pieces, and neither another byte nor an end."""

    async def script(peer: Peer) -> None:
        await peer.say(*pieces)
        await peer.until_gone()

    return script


def says_and_hangs_up(*pieces: bytes) -> Script:
    """Write these pieces, then end in order."""

    async def script(peer: Peer) -> None:
        await peer.say(*pieces)
        peer.hang_up()

    return script


def says_and_resets(*pieces: bytes) -> Script:
    """Write these pieces, then reset the connection."""

    async def script(peer: Peer) -> None:
        await peer.say(*pieces)
        peer.reset()

    return script


def before_reading(script: Script) -> Script:
    """Do it as soon as the connection is there, whatever is asked."""

    async def at_once(peer: Peer) -> None:
        await script(peer)

    return unasked(at_once)


def drips(data: bytes, *, seconds: float) -> Script:
    """Write byte by byte."""

    async def script(peer: Peer) -> None:
        for number in range(len(data)):
            await peer.say(data[number : number + 1])
            await asyncio.sleep(seconds)

    return script


def for_ever(head: bytes, piece: bytes) -> Script:
    """Write a head and then the same piece for as long as the client listens."""

    async def script(peer: Peer) -> None:
        await peer.say(head)
        while True:
            await peer.say(piece)
            await asyncio.sleep(0)

    return script


def huge(head: bytes, *, megabytes: int, chunked: bool = False) -> Script:
    """Write a body that is far too large, as fast as it is taken."""
    piece = b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE) if chunked else _PIECE

    async def script(peer: Peer) -> None:
        await peer.say(head)
        for _ in range(megabytes * 16):
            await peer.say(piece)
        if chunked:
            await peer.say(b"0\r\n\r\n")

    return script


def bomb(megabytes: int) -> bytes:
    """Give a gzip file of a thousandth of what it holds."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(b"[")
    for _ in range(megabytes):
        packed += packer.compress(b" " * (1 << 20))
    return packed + packer.flush()


def packed(body: bytes, *, times: int = 1) -> bytes:
    """Give a body compressed as often as that."""
    for _ in range(times):
        body = gzip.compress(body)
    return body


def body(given: bytes, *headers: bytes, status: bytes = b"200 OK") -> Script:
    """Write an answer that is fine but for what it says."""
    return says(http(given, *headers, status=status))


def with_field(name: str, value: bytes) -> bytes:
    """Give a state with one field more, or another value for one; what is said twice counts as it is said last."""
    return state()[:-1] + b',"%s":%s}' % (name.encode(), value)


def redirects(status: int, location: str | None) -> Script:
    """Send the client away; `{elsewhere}` stands for another origin."""

    async def script(peer: Peer) -> None:
        to = () if location is None else (b"Location: " + location.replace("{elsewhere}", peer.elsewhere).encode(),)
        await peer.say(http(state(), *to, status=b"%d Go" % status))

    return script
