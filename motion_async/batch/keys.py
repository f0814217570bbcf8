"""Makes the keys by which a ledger knows the requests of a batch, the same ones in every run.

A request without an id is known by its content, by what it follows, and by its place among those of which both are
the same. This module must not send, plan or look at what stands in a ledger.
"""

from __future__ import annotations

import hashlib
from collections import Counter

from motion_async.canonical import canonical_text
from motion_async.errors import InvalidRequestError
from motion_async.jobs import BatchRequest
from motion_async.ledger.items import Item, content_digest, content_key
from motion_async.ledger.legacy import EarlierKeys
from motion_async.problems import Problem

__all__ = ["Keys", "fingerprint"]


def fingerprint(key: str) -> bytes:
    """Give 16 bytes that stand for a key in all its forms: a batch may have a million, of 512 characters each."""
    # An invalid id is fingerprinted as well, and may hold half of a surrogate pair.
    return hashlib.blake2b(canonical_text(key).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Keys:
    """Gives each request of one run its key, and knows which keys must not be followed in it."""

    def __init__(self) -> None:
        self._contents: Counter[bytes] = Counter()
        self._given: set[bytes] = set()
        self._refused: set[bytes] = set()
        self._earlier = EarlierKeys()

    def recognise(self, item: Item) -> None:
        """Take in an item that a ledger may have under a key of its first time; before any `of`."""
        self._earlier.add(item)

    def of(self, given: BatchRequest) -> str:
        """Give the key of the next valid request, or raise `InvalidRequestError` if this run has given it already."""
        key = canonical_text(given.id)
        if key is None:
            digest = content_digest(given.request)
            if given.follows is not None:
                digest = hashlib.sha256(f"{digest} {canonical_text(given.follows)}".encode()).hexdigest()[: len(digest)]
            # Equal requests are told apart by their place among their equals: the second stays the second in every run,
            # wherever other requests are put in between.
            content = bytes.fromhex(digest)
            self._contents[content] += 1
            key = self._earlier.take(given) or content_key(digest, self._contents[content])
        known_as = fingerprint(key)
        if given.id is not None:
            self._refused.discard(known_as)  # this one can be sent, whatever an earlier one was
        if known_as in self._given:
            message = f"The id {key!r} stands at an earlier request of the batch already"
            raise InvalidRequestError((Problem("custom", message, ("id",)),))
        self._given.add(known_as)
        return key

    def refuse(self, key: str) -> None:
        """Note that this run does not send the request of a key: nothing may follow what an earlier run made of it."""
        self._refused.add(fingerprint(key))

    def refuse_invalid(self, given: BatchRequest) -> None:
        """Refuse the id of a request that got no key, unless an earlier, valid request of this run has that id.

        The request may be wrong in any way.
        """
        if isinstance(given.id, str) and fingerprint(given.id) not in self._given:
            self.refuse(given.id)

    def has_refused(self, key: str) -> bool:
        """Whether `refuse` was called for a key."""
        return fingerprint(key) in self._refused
