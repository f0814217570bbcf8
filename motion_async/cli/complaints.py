"""The words for arguments that cannot be understood. Nothing is run here."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App, CycloptsError, UnusedCliTokensError
from rich.console import Console

from motion_async.cli.ledger.address import without_password
from motion_async.showing import shown

__all__ = ["complaint"]


def complaint(app: App, error: CycloptsError, argv: Sequence[str], console: Console) -> str:
    """Say in one sentence what is wrong with the arguments of an app, and where to look."""
    # The library's list of commands has only the first ones.
    words = shown(_words(app, error, argv, console)).partition(" Available commands:")[0].rstrip(" ,.")
    if isinstance(error, UnusedCliTokensError) and argv[0] in ("generate", "followup"):
        return f"{words}; put quotes around a prompt of several words"
    if isinstance(error, UnusedCliTokensError) and argv[0] == "batch":
        words += "; it takes one FILE and options"
    subcommands, *_ = app.parse_commands(argv)
    return f"{words}; see {' '.join(('motion-async', *subcommands, '--help'))}"


def _words(app: App, error: CycloptsError, argv: Sequence[str], console: Console) -> str:
    """Give the words of an error of the arguments, without the secret of an address that is among them."""
    plain = [without_password(argument) for argument in argv]
    if plain == list(argv):
        return str(error)
    try:
        # Parsed once more without secrets: the message then quotes an argument that has none.
        app.parse_args(plain, console=console, exit_on_error=False, print_error=False)
    except CycloptsError as of_plain:
        return str(of_plain)
    return "the arguments cannot be used"
