"""The words for arguments that cannot be understood. Nothing is run here."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App, CycloptsError, UnusedCliTokensError
from rich.console import Console

from motion_async.cli.ledger.address import without_password
from motion_async.showing import shown

__all__ = ["complaint"]


def complaint(app: App, argv: Sequence[str], console: Console) -> str:
    """Say in one sentence what is wrong with arguments that an app does not understand, and where to look."""
    error = _error(app, argv, console)
    # The library's list of commands has only the first ones.
    words = shown(str(error)).partition(" Available commands:")[0].rstrip(" ,.")
    if isinstance(error, UnusedCliTokensError) and argv[0] in ("generate", "followup"):
        return f"{words}; put quotes around a prompt of several words"
    if isinstance(error, UnusedCliTokensError) and argv[0] == "batch":
        words += "; it takes one FILE and options"
    subcommands, *_ = app.parse_commands(argv)
    return f"{words}; see {' '.join(('motion-async', *subcommands, '--help'))}"


def _error(app: App, argv: Sequence[str], console: Console) -> CycloptsError:
    """Find what is wrong once more, without the secrets of addresses: the message quotes the arguments."""
    plain = [without_password(argument) for argument in argv]
    try:
        app.parse_args(plain, console=console, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return error
    return CycloptsError(msg="the arguments cannot be used")
