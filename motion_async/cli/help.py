"""What the help says beside a command's own words: its commonest use first, its exit statuses last.

Pure. It runs nothing.
"""

from __future__ import annotations

from textwrap import fill
from typing import Final, TypedDict

from motion_async.cli.failures import ExitStatus

__all__ = ["MORE_HELP", "CommandHelp", "help_of"]

_WIDTH: Final = 79


class CommandHelp(TypedDict):
    """The options of cyclopts that say it."""

    usage: str
    help_epilogue: str


def help_of(usage: str, example: str, *statuses: int, reports: bool = False) -> CommandHelp:
    """Give what cyclopts is told of a command: how it is called, an example, and its statuses besides 0 and signals.

    One that `reports` has the options that the help of all commands explains.
    """
    listed = ", ".join(f"{number} {ExitStatus(number).words}" for number in (0, *statuses))
    also = ". Also -v, -q, --log-file, --no-bell: motion-async --help" if reports else ""
    return {
        "usage": f"Usage: motion-async {usage}\n   e.g. motion-async {example}",
        "help_epilogue": fill(f"Exit status: {listed}{also}", _WIDTH),
    }


def _line(status: ExitStatus) -> str:
    words = ": ".join(filter(None, (status.words, status.comes_from)))
    return fill(f"  {status:<5}{words}", _WIDTH, subsequent_indent=" " * 7)


_LINES: Final = "\n".join(map(_line, sorted(ExitStatus)))
MORE_HELP: Final = f"""\
Exit status, the worst of several jobs in the order 2, 3, 4, 1, 0:

{_LINES}

On a terminal jobs are shown live. Elsewhere, or with --json, standard output
has one JSON object a line and nothing else; words for people go to stderr.
`motion-async schema` writes the shapes of all lines, as a JSON Schema.

demo, generate, followup, status, watch, check, batch and worker also take

  -v, --verbose      say on stderr what the library logs, from INFO up
  -q, --quiet        show and say nothing but results, errors, and how it ended
  --log-file FILE    add all that is logged to FILE, in which no secret shows
  --no-bell          do not ring on a terminal at the end, if that took a minute
"""
