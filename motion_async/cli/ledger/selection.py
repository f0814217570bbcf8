"""Which items of a ledger a person wants to see: by the six words, by the ledger's own states, or by their prompts.

It reads no ledger.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import attrs

from motion_async.canonical import canonical_text
from motion_async.cli.words import Word, possible_words, word_of_item
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState

__all__ = ["Selection", "select"]


@attrs.frozen
class Selection:
    """Items that stand as one of these words says, or are in one of these states; in any if there is neither.

    Their prompts have a text in them, given without regard to its case.
    """

    words: frozenset[Word] = frozenset()
    exact: frozenset[ItemState] = frozenset()
    text: str = ""

    @property
    def states(self) -> tuple[ItemState, ...]:
        """The states to ask a ledger for, none for all; not all items in them need be meant."""
        return tuple(state for state in ItemState if state in self.exact or self.words & possible_words(state))

    def has(self, item: Item) -> bool:
        """Whether an item is meant."""
        is_any = not (self.words or self.exact)
        stands_so = is_any or item.state in self.exact or word_of_item(item) in self.words
        return stands_so and (not self.text or self.text in _folded(item.request.prompt))

    async def of(self, items: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
        """Give those of some items that are meant."""
        async with aclosing(items):
            async for item in items:
                if self.has(item):
                    yield item


def select(names: Iterable[str], text: str | None = None) -> Selection:
    """Give the selection of some names and a text in the prompt, in whatever form of Unicode.

    Raises a `ConfigurationError` for a name that is neither a word nor a state.
    """
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
    return Selection(frozenset(words), frozenset(exact), _folded(text))


def _folded(text: str | None) -> str:
    return (canonical_text(text) or "").casefold()
