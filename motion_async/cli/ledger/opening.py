"""Finds the ledger that a command means, opens it, and finds items in it by their keys.

A person's own ledger keeps what every command sends where no other one is named. It lies in the platform's folder for
what programs keep, one file for each service, so that what was tried in a sandbox is never among what was paid for.
`--ledger` names another one, and so does MOTION_LEDGER in the environment or in a `.env`. A batch whose ledger lies
beside its file goes on there, whatever MOTION_LEDGER says: it has what was paid for.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import attrs
from platformdirs import user_state_path

from motion_async.canonical import canonical_text
from motion_async.cli.arguments import Access
from motion_async.cli.commandline import command_line
from motion_async.cli.keys.credentials import find_account
from motion_async.cli.keys.settings import read_environment, read_file
from motion_async.cli.ledger.address import Address, beside
from motion_async.cli.looks import one_line
from motion_async.cli.output.output import Output
from motion_async.errors import ConfigurationError, LedgerError, LedgerVersionError
from motion_async.ledger import Item, ItemState, Ledger, open_ledger

__all__ = [
    "file_name", "find_batch_ledger", "find_item", "find_ledger", "opened", "opened_to_send", "others_beside",
]  # fmt: skip

_APP: Final = "motion-async"
_END: Final = ".db"
_HTTPS: Final = 443
_PORTS: Final = {"https": _HTTPS, "http": 80}
_HAS_PORT: Final = re.compile(r"-\d+(?:-https)?\Z", re.ASCII)
"""How the name of a service ends that is not at the usual port of https."""


def find_ledger(given: str | None, access: Access) -> Address:
    """Give the ledger that an option or MOTION_LEDGER names, or else the person's own for the service at hand.

    Raises a `ConfigurationError` if it is not clear which service is meant, or this machine has no place for it.
    """
    if given is not None:
        return Address(given)
    named = _named()
    return Address(named) if named else _own(find_account(access).origin)


def _named() -> str:
    return str(read_environment().ledger or read_file().ledger)


def find_batch_ledger(path: Path | None, access: Access, tell: Callable[[str], object]) -> Address:
    """Give the ledger of a batch for which no option names one, and tell if one beside its file goes before it.

    `path` is None for standard input. Raises what `find_ledger` does.
    """
    if path is None or not beside(path).exists():
        return find_ledger(None, access)
    found = beside(path)
    if _named() != found.given:
        tell(f"the ledger is {found.shown}, which lies beside the file; --ledger names another one")
    return found


def file_name(origin: str) -> str:
    """Give the name of the file for a service; no two services have the same one."""
    parts = urlsplit(origin)
    port = parts.port or _PORTS.get(parts.scheme, _HTTPS)
    host = parts.hostname or ""
    name = quote(f"[{host.replace(':', '-')}]" if ":" in host else host, safe="[]")
    if parts.scheme != "https":
        name = f"{name}-{port}"
    elif port != _HTTPS or _HAS_PORT.search(name):
        name = f"{name}-{port}-https"
    return f"{name}{_END}"


def others_beside(address: Address) -> list[str]:
    """Name the ledgers of other services that lie beside a person's own, as they are given to `--ledger`."""
    file = address.file
    if not address.is_own or file is None:
        return []
    return sorted(str(other) for other in file.parent.glob(f"*{_END}") if other != file)


@asynccontextmanager
async def opened_to_send(address: Address, output: Output) -> AsyncIterator[Ledger]:
    """Open a ledger before anything is paid for; a person's own is made if there is none.

    Raises a `LedgerError` that says how to name another one if a person's own cannot be used.
    """
    async with AsyncExitStack() as stack:
        try:
            if address.is_own and address.file is not None:
                address.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            ledger = await stack.enter_async_context(open_ledger(address.url, on_trouble=output.take))
        except OSError as error:
            raise _refusal(f"the ledger {address.shown} cannot be made: {error.strerror or error}") from None
        except LedgerError as error:
            if not address.is_own or isinstance(error, LedgerVersionError):
                raise
            raise _refusal(str(error)) from None
        yield ledger


@asynccontextmanager
async def opened(
    output: Output, address: Address, batch: str | None, *, read_only: bool = False
) -> AsyncIterator[Ledger]:
    """Open a ledger that is there and has a batch, if one is named; what a dead process was sending becomes uncertain.

    Raises a `MotionError` if it cannot be opened, or has no such batch.
    """
    address.check_exists()
    async with open_ledger(address.url, read_only=read_only, on_trouble=output.take) as ledger:
        counts = await ledger.counts()
        if batch is not None and canonical_text(batch) not in counts:
            there = ", ".join(map(one_line, sorted(counts)[:10])) or "none"
            raise ConfigurationError(f"{address.shown} has no batch {batch!r:.80}; its batches are: {there}")
        if not read_only and any(ItemState.INTENT in of_batch for of_batch in counts.values()):
            async for item in ledger.items(batch, states=(ItemState.INTENT,)):
                await ledger.refresh(item)
        yield ledger


async def find_item(ledger: Ledger, address: Address, key: str, batch: str | None) -> Item:
    """Give the item of a key; without a batch it is that of the only one that has it.

    Raises a `ConfigurationError` if no batch has the key, or several have.
    """
    batches = sorted(await ledger.counts()) if batch is None else [batch]
    found = [item for name in batches if (item := await ledger.find(name, key)) is not None]
    if not found:
        see = command_line("ledger", "show", "--batch=NAME", names=[("LEDGER", address.pasted)], hint=address.hint)
        raise ConfigurationError(f"{address.shown} has no item {key!r:.80}; see the keys with: {see}")
    if len(found) > 1:
        names = ", ".join(one_line(item.batch) for item in found)
        raise ConfigurationError(f"{key!r:.80} is an item of several batches; add --batch with one of: {names}")
    return found[0]


def _refusal(what: str) -> LedgerError:
    return LedgerError(f"nothing was sent: {what}; or name another ledger, by --ledger or MOTION_LEDGER")


def _own(origin: str) -> Address:
    folder = user_state_path(_APP, appauthor=False)
    if not folder.is_absolute():  # nobody's home is known
        raise ConfigurationError(
            "this machine does not say where your ledger is to be kept; name one, by --ledger or MOTION_LEDGER"
        )
    return attrs.evolve(Address(str(folder / file_name(origin))), is_own=True)
