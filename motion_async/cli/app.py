"""The command's table of contents: each of its commands with its usage, an example, and how it can end.

`run` reads arguments and starts what they ask for. The API key is no argument and must never become one: it
would show in the process list.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextvars import copy_context
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, NoReturn

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from motion_async.cli.arguments import OPTIONS, Access, Json, Reporting
from motion_async.cli.batch.app import batch
from motion_async.cli.commandline import access_options, typed
from motion_async.cli.complaints import complaint
from motion_async.cli.failures import ExitStatus
from motion_async.cli.fleet import fleet, worker
from motion_async.cli.following import followup, generate, status, watch
from motion_async.cli.help import MORE_HELP, help_of
from motion_async.cli.jobs import jobs
from motion_async.cli.keys.account import check, login, logout
from motion_async.cli.ledger.app import ledger
from motion_async.cli.output.encoding import make_writable
from motion_async.cli.output.output import say
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.process.running import execute
from motion_async.cli.process.stopping import Stop
from motion_async.cli.report.command import report
from motion_async.cli.serving import sandbox

__all__ = ["run"]

_HELP: Final = """\
Makes videos from prompts with Mosaic Motion. To see it with no key and no
credits: motion-async demo. More of each command: motion-async help COMMAND

The key is that of --profile NAME, which login has put into the keyring; else
of MOTION_API_KEY, or of the profile MOTION_PROFILE; else of the same names in
a .env in this folder; else of the keyring's profile default. A profile's key
goes to its own service, others to MOTION_BASE_URL; --base-url goes before both.

What is sent stands in a ledger of your own, one for each service, which jobs
shows; --ledger, or MOTION_LEDGER in both places, names another one."""


def demo(
    *,
    picture: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), help="Save what a terminal shows halfway as a picture, an .svg file."),
    ] = None,
    reporting: Reporting = Reporting(),
    json: Json = False,
) -> ExitStatus:
    """Make the videos of a sheet, live, against a sandbox inside, in under half a minute. Needs no key."""
    # Here rather than above: the commands that need no server should not load one.
    from motion_async.cli.demo import demo as tell_story  # noqa: PLC0415

    stop = Stop()
    return execute(
        lambda output: tell_story(output, stop, picture=picture), json=json or None, stop=stop, reporting=reporting
    )


def schema(
    name: Annotated[str | None, Parameter(help="One event alone; or results, of batch --output, or export.")] = None, /
) -> ExitStatus:
    """Write the shapes of all JSON lines, as one JSON Schema (2020-12)."""
    from motion_async.cli.output.schema import write_schema  # noqa: PLC0415

    return execute(lambda output: write_schema(output, name), json=None)


app = App(
    name="motion-async",
    help=_HELP,
    help_epilogue=MORE_HELP,
    help_format="plaintext",
    version=lambda: version("motion-async"),
    version_flags=("--version", "-V"),
    default_parameter=OPTIONS,
)
app.register_install_completion_command(help="Have the shell complete commands and options.", help_epilogue="")

# To try it
app.command(demo, **help_of("demo [OPTIONS]", "demo", 1, reports=True))
app.command(sandbox, **help_of("sandbox [OPTIONS]", "sandbox --port 8080 --speed 20", 2))
# One video
app.command(
    generate, **help_of("generate [OPTIONS] PROMPT", 'generate "A 15 second launch video"', 1, 2, 3, 4, reports=True)
)
app.command(
    followup,
    **help_of("followup [OPTIONS] JOB_ID PROMPT", 'followup JOB_ID "Make it faster"', 1, 2, 3, 4, reports=True),
)
app.command(status, **help_of("status [OPTIONS] JOB_ID...", "status JOB_ID", 1, 2, 3, 4, reports=True))
app.command(watch, **help_of("watch [OPTIONS] JOB_ID...", "watch JOB_ID --timeout 15m", 1, 2, 3, 4, reports=True))
# Many, and what is known of them
app.command(
    batch, **help_of("batch [OPTIONS] FILE", "batch videos.jsonl --output results.jsonl", 1, 2, 3, 4, reports=True)
)
app.command(jobs, **help_of("jobs [OPTIONS]", "jobs --since 2d --state unclear", 2, 4))
app.command(report, **help_of("report [OPTIONS] BATCH", "report launch -o report.html", 2, 4))
app.command(ledger)
# From many machines
app.command(
    worker, **help_of("worker [OPTIONS] URL", "worker postgresql://motion@db/motion --here 100", 2, 3, 4, reports=True)
)
app.command(fleet)
# Keys
app.command(check, **help_of("check [OPTIONS]", "check --profile client-a", 2, 3, 4, reports=True))
app.command(login, **help_of("login [OPTIONS]", "login --profile client-a", 2, 3, 4))
app.command(logout, **help_of("logout [OPTIONS]", "logout --profile client-a", 2))
# For programs
app.command(schema, **help_of("schema [NAME]", "schema outcome", 2))


class _HelpConsole(Console):
    """A console whose reader may leave in the middle of the help."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise what `run` looks for, where rich would end the process."""
        raise BrokenPipeError


def run(argv: Sequence[str]) -> int:
    """Run the command with the arguments behind the program's name, and give its exit status."""
    make_writable(sys.stdout, sys.stderr, os.environ)
    if argv[:1] == ["help"]:
        argv = [*argv[1:], "--help"]
    is_incomplete = _is_incomplete(argv)
    console = _HelpConsole(stderr=is_incomplete)
    given = [*argv, "--help"] if is_incomplete else argv
    try:
        command, bound, *_ = app.parse_args(given, console=console, exit_on_error=False, print_error=False)
    except CycloptsError:
        say(complaint(app, argv, console))
        return ExitStatus.WRONG_USE
    # Context variables, not arguments: few need to know what was typed, and cyclopts calls the commands.
    context = copy_context()
    context.run(typed.set, tuple(argv))
    context.run(access_options.set, bound.arguments.get("access", Access()).options)
    try:
        result = context.run(command, *bound.args, **bound.kwargs)
    except BrokenPipeError:
        Stdout().let_go()
        return ExitStatus.OUTPUT_CLOSED
    if is_incomplete:
        return ExitStatus.WRONG_USE
    return result if isinstance(result, int) else ExitStatus.DONE


def _is_incomplete(argv: Sequence[str]) -> bool:
    """Whether the arguments name a group of commands, and none of its commands."""
    _, apps, rest = app.parse_commands(argv)
    return not rest and apps[-1].default_command is None
