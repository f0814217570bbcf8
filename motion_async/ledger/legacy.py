"""Recognises requests in ledgers of the first version by their old digests, so that none is paid for again.

The digests of those ledgers took in content types that the machine had guessed, so that no other machine can make
them. None is made any more: what was asked for stands in the row, with what was guessed, and is held against what is
asked for now. Pure. Once no ledger of that time is in use, all that leans on this module can go with it.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import attrs

from motion_async.canonical import canonical_text
from motion_async.jobs import BatchRequest, VideoRequest
from motion_async.ledger.items import Item, content_digest

__all__ = ["EARLIER_DIGITS", "EARLIER_KEY", "EarlierKeys", "asks_for_same", "has_content", "is_earlier"]

EARLIER_DIGITS: Final = 32
"""Of a digest of that time; those that are made now are longer."""
_KEY: Final = re.compile(rf"[0-9a-f]{{{EARLIER_DIGITS}}}-[1-9][0-9]*")
EARLIER_KEY: Final = "_" * EARLIER_DIGITS + "-%"
"""What a key looks like, to a database, that a request without an id had."""

_Types: TypeAlias = tuple[str | None, ...]


def is_earlier(digest: str) -> bool:
    """Whether a digest is of the first ledgers' time."""
    return len(digest) == EARLIER_DIGITS


def has_content(item: Item, request: VideoRequest) -> bool:
    """Whether an item was planned with what a request asks for."""
    if is_earlier(item.digest):
        return asks_for_same(item.request, request)
    return item.digest == content_digest(request)


def asks_for_same(planned: VideoRequest, request: VideoRequest) -> bool:
    """Whether a request asks for what was planned then: a type that it does not give may have been guessed."""
    same = _may_have_types(_types(planned), _types(request))
    return same and content_digest(_without_types(planned)) == content_digest(_without_types(request))


class EarlierKeys:
    """The keys under which a ledger has requests of that time that have no id; each is given once, in their order."""

    def __init__(self) -> None:
        self._left: dict[bytes, list[tuple[str, _Types]]] = {}

    def add(self, item: Item) -> None:
        """Take in an item, if its key was made of its content."""
        # A create's key begins with its digest; that of a followup was made of its parent's too, and need only look so.
        if is_earlier(item.digest) and _KEY.fullmatch(item.key) and (item.parent or item.key.startswith(item.digest)):
            known_by = _known_by(item.request, item.parent)
            self._left.setdefault(known_by, []).append((item.key, _types(item.request)))

    def take(self, given: BatchRequest) -> str | None:
        """Give the key of the first item that is left of what a request asks for, None if there is none."""
        if not self._left:
            return None  # nearly always, and then nothing is to be worked out
        left = self._left.get(_known_by(given.request, given.follows), [])
        types = _types(given.request)
        for place, (key, planned) in enumerate(left):
            if _may_have_types(planned, types):
                del left[place]
                return key
        return None


def _types(request: VideoRequest) -> _Types:
    return tuple(given for attachment in request.attachments for given in (attachment.type, attachment.content_type))


def _may_have_types(planned: _Types, given: _Types) -> bool:
    return len(planned) == len(given) and all(now in (None, was) for was, now in zip(planned, given, strict=True))


def _without_types(request: VideoRequest) -> VideoRequest:
    bare = [attrs.evolve(attachment, type=None, content_type=None) for attachment in request.attachments]
    return attrs.evolve(request, attachments=bare)


def _known_by(request: VideoRequest, follows: str | None) -> bytes:
    return f"{content_digest(_without_types(request))} {canonical_text(follows) or ''}".encode()
