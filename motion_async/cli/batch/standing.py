"""Each line of a batch's file with its item in the ledger, in the order of the file.

Read a few hundred at a time, however long the file is. It changes neither of the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Final

import attrs

from motion_async.batch.keys import Keys
from motion_async.cli.batch.filelines import Line
from motion_async.errors import InvalidRequestError
from motion_async.ledger import Item, Ledger

__all__ = ["Standing", "standings"]

_AT_ONCE: Final = 200


@attrs.frozen
class Standing:
    """A line, and where it stands.

    Args:
        line: the line.
        key: its key in the ledger, None if it has no request.
        item: its item, None if there is none or it was not asked for.
    """

    line: Line
    key: str | None = None
    item: Item | None = None


async def standings(
    lines: Iterator[Line],
    ledger: Ledger | None,
    batch: str,
    *,
    of: Callable[[Line], bool] = lambda _: True,
) -> AsyncIterator[Standing]:
    """Give each line of a whole checked file with its key and item, letting other tasks run in between.

    Without a ledger no line has either; `of` says of which lines the item is asked for. A step raises a `LedgerError`
    if the ledger cannot be read.
    """
    keys = Keys()
    if ledger is not None:
        async for item in ledger.keyed_earlier(batch):
            keys.recognise(item)
    while chunk := list(islice(lines, _AT_ONCE)):
        # Reading and checking never wait: without this a long file would keep the picture and Ctrl-C from being served.
        await asyncio.sleep(0)
        if ledger is None:
            for line in chunk:
                yield Standing(line)
            continue
        named = [_named(line, keys) for line in chunk]
        asked = [key for line, key in named if key is not None and of(line)]
        items = await ledger.many(batch, asked) if asked else {}
        for line, key in named:
            yield Standing(line, key, items.get(key or ""))


def _named(line: Line, keys: Keys) -> tuple[Line, str | None]:
    if line.given is None:
        return line, None
    try:
        return line, keys.of(line.given)
    except InvalidRequestError as error:  # its id is the key by which a line without an id is known
        return attrs.evolve(line, given=None, problems=tuple(map(str, error.problems))), None
