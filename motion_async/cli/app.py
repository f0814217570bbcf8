"""The command's definition: its subcommands, their options, and the help that documents them.

It reads arguments and starts what they ask for. The API key is no argument and must never become one: it
would show in the process list.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated, Final, NoReturn

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from motion_async.cli import following
from motion_async.cli.failures import ExitStatus
from motion_async.cli.lines import SHAPES
from motion_async.cli.reporter import say
from motion_async.cli.running import execute
from motion_async.cli.stdout import Stdout
from motion_async.errors import redacted
from motion_async.jobs import VideoRequest

__all__ = ["run"]

_HELP: Final = f"""\
Makes videos from prompts with Mosaic Motion. To see it with no key and no
credits: motion-async demo

The API key is read from MOTION_API_KEY alone. MOTION_BASE_URL or --base-url
says where the service is.

Exit status, the worst of several jobs in the order 2, 3, 4, 1, 0:

  0    done
  1    a job failed
  2    wrong use: arguments, key, base URL, or a request that breaks the
       contract (400)
  3    the service refused: 401, 402, 403, 404, 409, 429 to the end, other 4xx
  4    the outcome is not known: no connection, 5xx, an answer that was lost
       or cannot be read, --timeout
  130  interrupted; stderr names the jobs that go on
  141  standard output was closed; stderr names the jobs that go on

On a terminal jobs are shown live. Elsewhere, or with --json, standard output
has one JSON object a line and nothing else; words for people go to stderr:

{SHAPES}
"""

app = App(name="motion-async", help=_HELP, help_format="plaintext", version=lambda: version("motion-async"))

_Json = Annotated[bool, Parameter(name="--json", negative=(), help="Write JSON lines, on a terminal too.")]
_BaseUrl = Annotated[str | None, Parameter(name="--base-url", help="Where the service is; else MOTION_BASE_URL.")]
_Style = Annotated[str | None, Parameter(name="--style", help="A YouTube URL whose style to follow.")]
_Attach = Annotated[
    list[str] | None,
    Parameter(name="--attach", negative=(), help="A public, usually signed URL of a file; up to 10 times."),
]
_Timeout = Annotated[
    float | None,
    Parameter(name="--timeout", help="Stop waiting so many seconds after the service took the job, which goes on."),
]
_Prompt = Annotated[str, Parameter(help="What to make, 1 to 12,000 characters.")]
_JobId = Annotated[str, Parameter(help="A job that is completed.")]
_JobIds = Annotated[list[str], Parameter(name="JOB_ID", negative=(), help="The ids of one job or more.")]
_Faults = Annotated[
    list[str] | None,
    Parameter(
        name="--fault",
        negative=(),
        help="What goes wrong by chance, as NAME=PROBABILITY, such as lost-answer=0.05; may be given several times. "
        "A name that is not known is answered with all that are.",
    ),
]


@app.command
def demo(*, json: _Json = False) -> ExitStatus:
    """Make 24 videos against a sandbox inside, live, in under half a minute. Needs no key."""
    # Here rather than above, as below: the commands that need no server should not load one.
    from motion_async.cli.demo import demo as tell_story  # noqa: PLC0415

    return execute(tell_story, json=json or None)


@app.command
def generate(
    prompt: _Prompt,
    /,
    *,
    style: _Style = None,
    attach: _Attach = None,
    timeout: _Timeout = None,
    base_url: _BaseUrl = None,
    json: _Json = False,
) -> ExitStatus:
    """Make a video and wait for it. The job's id is told as soon as it is known."""
    request = VideoRequest(prompt, style_reference_url=style, attachments=attach)
    return execute(
        lambda reporter: following.generate(reporter, request, timeout=timeout, base_url=base_url),
        json=json or None,
    )


@app.command
def followup(
    job_id: _JobId,
    prompt: _Prompt,
    /,
    *,
    style: _Style = None,
    attach: _Attach = None,
    timeout: _Timeout = None,
    base_url: _BaseUrl = None,
    json: _Json = False,
) -> ExitStatus:
    """Have the video of a completed job changed, and wait for it."""
    request = VideoRequest(prompt, style_reference_url=style, attachments=attach)
    return execute(
        lambda reporter: following.followup(reporter, job_id, request, timeout=timeout, base_url=base_url),
        json=json or None,
    )


@app.command
def status(job_ids: _JobIds, /, *, base_url: _BaseUrl = None, json: _Json = False) -> ExitStatus:
    """Ask once for the state of each job, all at the same time."""
    return execute(lambda reporter: following.status(reporter, job_ids, base_url=base_url), json=json or None)


@app.command
def watch(
    job_ids: _JobIds, /, *, timeout: _Timeout = None, base_url: _BaseUrl = None, json: _Json = False
) -> ExitStatus:
    """Follow jobs until the last of them ends; this and every other process may watch the same ones."""
    return execute(
        lambda reporter: following.watch(reporter, job_ids, timeout=timeout, base_url=base_url),
        json=json or None,
    )


@app.command
def sandbox(
    *,
    port: Annotated[int, Parameter(help="The port to listen on; 0 picks a free one.")] = 8080,
    speed: Annotated[float, Parameter(help="How many times faster than real its time runs.")] = 200.0,
    credits: Annotated[int, Parameter(help="The balance; a video costs 300.")] = 5000,  # noqa: A002  # the contract's word
    host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, Parameter(help="What chance is drawn from: the same seed tells the same story.")] = 0,
    fault: _Faults = None,
    json: _Json = False,
) -> ExitStatus:
    """Run the service in small on this machine, until Ctrl-C.

    Standard output gets the two lines that point the client at it. Where it is no terminal it is closed
    then, so that a shell can take them over:

      eval "$(motion-async sandbox &)"
    """
    from motion_async.cli.serving import serve  # noqa: PLC0415

    return execute(
        lambda reporter: serve(
            reporter, host=host, port=port, speed=speed, credits=credits, seed=seed, faults=fault or ()
        ),
        json=json,
    )


class _HelpConsole(Console):
    """A console whose reader may leave in the middle of the help."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise what `run` looks for, where rich would end the process."""
        raise BrokenPipeError


def run(argv: Sequence[str]) -> int:
    """Run the command with some arguments, and give its exit status.

    Args:
        argv: the arguments, without the program's name.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that knows no bars shows something in their place, rather than a traceback.
        sys.stdout.reconfigure(errors="replace")
    console = _HelpConsole(stderr=not argv)
    try:
        command, bound, *_ = app.parse_args(argv or ["--help"], console=console, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        say(f"{redacted(str(error)).rstrip('.')}; see motion-async --help")
        return ExitStatus.WRONG_USE
    try:
        result = command(*bound.args, **bound.kwargs)
    except BrokenPipeError:
        Stdout().let_go()
        return ExitStatus.OUTPUT_CLOSED
    if not argv:
        return ExitStatus.WRONG_USE
    return result if isinstance(result, int) else ExitStatus.DONE
