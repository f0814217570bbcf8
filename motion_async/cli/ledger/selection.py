"""Which items of a ledger a person wants to see: by the six words, or by the ledger's own states.

Pure. It reads no ledger.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from motion_async.cli.words import Word, possible_words, word_of_item
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState

__all__ = ["Selection", "select"]


@attrs.frozen
class Selection:
    """Items that stand as one of these words says, or are in one of these states; all if there is neither."""

    words: frozenset[Word] = frozenset()
    exact: frozenset[ItemState] = frozenset()

    @property
    def is_all(self) -> bool:
        """Whether all items are meant."""
        return not self.words and not self.exact

    @property
    def states(self) -> tuple[ItemState, ...]:
        """The states to ask a ledger for, none for all; not all items in them need be meant."""
        if self.is_all:
            return ()
        return tuple(state for state in ItemState if state in self.exact or self.words & possible_words(state))

    def has(self, item: Item) -> bool:
        """Whether an item is meant."""
        return self.is_all or item.state in self.exact or word_of_item(item) in self.words


def select(names: Iterable[str]) -> Selection:
    """Give the selection of some names, or raise a `ConfigurationError` for one that is neither a word nor a state."""
    words: set[Word] = set()
    exact: set[ItemState] = set()
    for name in names:
        plain = name.strip().lower().replace("-", " ")
        # Those that are both, such as failed, are meant as the word that a person sees.
        if plain in set(Word):
            words.add(Word(plain))
        elif plain in set(ItemState):
            exact.add(ItemState(plain))
        else:
            known = ", ".join(dict.fromkeys((*map(str, Word), *map(str, ItemState))))
            raise ConfigurationError(f"there is no state {name!r:.40}; the states are: {known}")
    return Selection(frozenset(words), frozenset(exact))
