"""The definition of `motion-async ledger`: which subcommands it has, and how each is called."""

from __future__ import annotations

from cyclopts import App

from motion_async.cli.help import help_of
from motion_async.cli.ledger.export import export
from motion_async.cli.ledger.settling import adopt, resolve
from motion_async.cli.ledger.showing import show

__all__ = ["ledger"]

ledger = App(
    name="ledger",
    help="Show, export and settle what a ledger has. Needs no key.",
    version_flags=(),
    **help_of("ledger COMMAND", "ledger show --batch launch", 2, 4),
)
ledger.command(show, **help_of("ledger show [OPTIONS] [LEDGER]", "ledger show --batch launch", 2, 4))
ledger.command(export, **help_of("ledger export [OPTIONS] [LEDGER]", "ledger export -o all.csv", 2, 4))
ledger.command(
    resolve, **help_of("ledger resolve [OPTIONS] [LEDGER] [KEY]", "ledger resolve KEY --job-id JOB_ID", 2, 4)
)
ledger.command(adopt, **help_of("ledger adopt [OPTIONS] [LEDGER] BATCH", "ledger adopt launch", 2, 4))
