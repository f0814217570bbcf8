"""The command's definition: its subcommands, their options, and the help that documents them.

It reads arguments and starts what they ask for. The API key is no argument and must never become one: it
would show in the process list.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from motion_async.cli.account import check, login, logout
from motion_async.cli.arguments import OPTIONS, Access, BatchTimeout, Json, Reporting
from motion_async.cli.batch.order import BatchOrder, Duplicates
from motion_async.cli.batch.sources import FileFormat
from motion_async.cli.commandline import access_options, again
from motion_async.cli.complaints import complaint
from motion_async.cli.encoding import make_writable
from motion_async.cli.failures import ExitStatus
from motion_async.cli.fleet import fleet as fleet_app
from motion_async.cli.fleet import worker
from motion_async.cli.following import followup, generate, status, watch
from motion_async.cli.help import MORE_HELP, help_of
from motion_async.cli.jobs import jobs
from motion_async.cli.ledger.address import PASSWORD_HINT, Address, without_password
from motion_async.cli.ledger.app import ledger as ledger_app
from motion_async.cli.ledger.opening import find_batch_ledger
from motion_async.cli.report.command import report
from motion_async.cli.reporter import Reporter, say
from motion_async.cli.running import execute
from motion_async.cli.stdout import Stdout
from motion_async.cli.stopping import Stop
from motion_async.errors import ConfigurationError
from motion_async.ledger.codec import check_name
from motion_async.options import check_whole_number
from motion_async.sending.gate import OnInsufficientCredits

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

_Faults = Annotated[
    list[str] | None,
    Parameter(
        name="--fault",
        help="What goes wrong by chance, as NAME=PROBABILITY, such as lost-answer=0.05; may be given several times. "
        "The names: rate-limit, rate-limit-retry-after, server-error, bad-gateway, unavailable, lost-answer, "
        "lost-to-error, reset, hang, slow-body, stale-completed, new-status, await-input, fail.",
    ),
]


@app.command(**help_of("demo [OPTIONS]", "demo", 1, reports=True))
def demo(
    *,
    output: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), help="Save what a terminal shows halfway as a picture, an .svg file."),
    ] = None,
    reporting: Reporting = Reporting(),
    json: Json = False,
) -> ExitStatus:
    """Make 24 videos against a sandbox inside, live, in under half a minute. Needs no key."""
    # Here rather than above, as below: the commands that need no server should not load one.
    from motion_async.cli.demo import demo as tell_story  # noqa: PLC0415

    return execute(lambda reporter: tell_story(reporter, picture=output), json=json or None, reporting=reporting)


@app.command(**help_of("sandbox [OPTIONS]", "sandbox --port 8080 --speed 20", 2))
def sandbox(
    *,
    port: Annotated[int, Parameter(help="The port to listen on; 0 picks a free one.")] = 8080,
    speed: Annotated[float, Parameter(help="How many times faster than real its time runs.")] = 200.0,
    credits: Annotated[int, Parameter(help="The balance; a video or a followup costs 300.")] = 100_000,  # noqa: A002  # the contract's word
    host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[
        int | None,
        Parameter(help="What chance is drawn from: the same seed tells the same story, and has the same key."),
    ] = None,
    name: Annotated[
        list[str] | None,
        Parameter(
            help="A name by which it is reached besides this machine's own, such as a container's; may be given "
            "several times. Requests under other names are refused.",
        ),
    ] = None,
    fault: _Faults = None,
    json: Json = False,
) -> ExitStatus:
    """Run the service in small on this machine, until Ctrl-C.

    Standard output gets the two lines that point the client at it. Where it is
    no terminal it is closed then, so that a shell can take them over:

      eval "$(motion-async sandbox &)"

    Its page, at /_sandbox/ of its address, shows its jobs live in a browser, and
    has a button for input, credits, time and every fault. Other machines get none.

    Its key is another one each time, unless there is a seed. Jobs are gone when
    it ends, and the same seed gives the same ids again: begin a batch anew then,
    with another --ledger.
    """
    from motion_async.cli.serving import serve  # noqa: PLC0415

    return execute(
        lambda reporter: serve(
            reporter,
            host=host,
            port=port,
            speed=speed,
            credits=credits,
            seed=seed,
            names=name or (),
            faults=fault or (),
        ),
        json=json,
    )


@app.command(**help_of("batch [OPTIONS] FILE", "batch videos.jsonl --output results.jsonl", 1, 2, 3, 4, reports=True))
def batch(
    file: Annotated[str, Parameter(allow_leading_hyphen=True, help="The file of requests; - is standard input.")],
    /,
    *,
    format: Annotated[  # noqa: A002  # the option's name
        FileFormat | None, Parameter(name="--format", help="How the file is written; else its content and name tell.")
    ] = None,
    sheet: Annotated[str | None, Parameter(name="--sheet", help="Which sheet of a workbook has the prompts.")] = None,
    batch: Annotated[
        str | None, Parameter(name="--batch", help="The batch's name in the ledger; else the file's, without its end.")
    ] = None,
    ledger: Annotated[
        str | None,
        Parameter(
            name="--ledger",
            help="The ledger's file or URL; else FILE.ledger.db, if it is there; else MOTION_LEDGER; else your own.",
        ),
    ] = None,
    fleet: Annotated[
        str | None,
        Parameter(name="--fleet", help="Have the workers of this fleet make it, a PostgreSQL's URL; needs no key."),
    ] = None,
    output: Annotated[
        list[Path] | None,
        Parameter(
            name=("--output", "-o"),
            negative=(),
            help="Write the results there: .csv, .xlsx, .jsonl, .json, or .html, a report; may be given several times.",
        ),
    ] = None,
    max_active: Annotated[int, Parameter(name="--max-active", help="So many jobs run at one time.")] = 20,
    on_insufficient_credits: Annotated[
        OnInsufficientCredits,
        Parameter(
            name="--on-insufficient-credits",
            help="Without credits send nothing more, or try one request a minute until one is taken.",
        ),
    ] = "stop",
    on_input: Annotated[
        Literal["wait", "skip"],
        Parameter(name="--on-input", help="Wait for a person's answer to a job, or leave it for a later run."),
    ] = "wait",
    skip_invalid: Annotated[
        bool, Parameter(name="--skip-invalid", negative=(), help="Leave lines out that cannot be sent.")
    ] = False,
    allow_odd: Annotated[
        bool, Parameter(name="--allow-odd", negative=(), help="Make lines also that look as if nobody meant them.")
    ] = False,
    yes: Annotated[
        bool, Parameter(name=("--yes", "-y"), negative=(), help="Send what is new without asking, on a terminal, too.")
    ] = False,
    limit: Annotated[
        int | None, Parameter(name="--limit", help="Send at most so many new lines in this run, and leave the rest.")
    ] = None,
    retry_failed: Annotated[
        bool, Parameter(name="--retry-failed", negative=(), help="Make lines anew that have failed, and pay for them.")
    ] = False,
    only: Annotated[
        list[str] | None, Parameter(name="--only", negative=(), help="Of those only the line of this key; repeatable.")
    ] = None,
    duplicates: Annotated[
        Duplicates | None,
        Parameter(
            name="--duplicates",
            help="Of lines whose content was made before take those videos, make them again, or refuse to send "
            "anything; else you are asked on a terminal, and it is refused elsewhere.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        Parameter(
            name=("--dry-run", "-n"), negative=(), help="Check every line, say what would be done, send nothing."
        ),
    ] = False,
    timeout: BatchTimeout = None,
    access: Access = Access(),
    reporting: Reporting = Reporting(),
    json: Json = False,
) -> ExitStatus:
    """Make a video of each line of a file, and never pay for one twice.

    FILE is a spreadsheet (.xlsx or .ods, which need the extra `sheets`; CSV with
    commas, semicolons or tabs), JSONL or JSON, each line with

      prompt    what to make (or text, or description); all else may be missing
      style_reference_url  (or style) a YouTube URL whose style to follow
      attachments  URLs with blanks, semicolons or line ends between them, or in
                columns attachment_1, attachment_2 and so on; in JSON also objects
                with url, name, type and content_type
      id        a name of your own, by which the line is known when you change it
      follows   the id of an earlier line, or of one that the batch has made before:
                this one changes its finished video; several that follow the same
                one take turns; for variants write separate lines without follows
      metadata  anything; it comes back with the result, and is not sent, and so
                does what stands under any other name

    All lines are checked before anything is sent. What nobody may have meant, such
    as #REF!, {product}, nan, broken characters or the same prompt twice without
    ids, is asked about on a terminal, and cannot be sent elsewhere, nor with
    --skip-invalid, unless --allow-odd says so. What is sent is written into a
    ledger first. So the batch can be killed at any instant: the same command goes
    on. After Ctrl-C, SIGTERM or the loss of its terminal nothing new is sent, what
    is under way is finished and noted, and jobs that run go on at the service; a
    second Ctrl-C leaves at once. A line that was rejected is sent again once it is
    changed, and one that has failed by --retry-failed.

    Lines that --skip-invalid leaves out do not count for the exit status. What
    the ledger has made before, in another batch or under another id, as when the
    file has another name now, is not paid for again unless you say so: such a
    line takes the video that is there, and waits for one that still runs.

    The files of --output have each line of FILE as the ledger has it then: a table
    your own columns first, then state, job_id, error, times (UTC) and seconds; JSON
    line, key, state, status, job_id, error, metadata, job (the service's last
    answer), follows, request, planned_at, sent_at, done_at, waited_seconds,
    took_seconds and id. A state is waiting (nothing was sent), making, needs you
    (answer it at motion.so, or correct its line), done, failed (refused, too, or
    given up), or unclear (it may have been sent, and paid for).
    """
    from motion_async.cli.batch.command import make_batch, plan_batch  # noqa: PLC0415

    stop = Stop()

    def order(reporter: Reporter) -> BatchOrder:
        path = Path(file)
        if (named := without_password(file)) != file and not path.exists():
            raise ConfigurationError(f"there is no file {named} of requests; a ledger's address goes behind --ledger")
        if file.startswith("-") and file != "-":
            raise ConfigurationError(
                f"there is no option {file}, see motion-async batch --help; a file of that name is ./{file}"
            )
        if only and not retry_failed:
            raise ConfigurationError("--only KEY says which failed lines --retry-failed makes anew; add that")
        if fleet is not None and ledger is not None:
            raise ConfigurationError("a fleet has a ledger of its own: say --fleet or --ledger")
        at = fleet or ledger
        return BatchOrder(
            file=file,
            form=format,
            sheet=sheet,
            batch=check_name("--batch", batch if batch is not None else "stdin" if file == "-" else path.stem),
            is_named=batch is not None,
            ledger=(
                find_batch_ledger(None if file == "-" else path, access, reporter.notice) if at is None else Address(at)
            ),
            is_for_fleet=fleet is not None,
            max_active=check_whole_number("--max-active", max_active, low=1, high=1_000_000),
            on_insufficient_credits=on_insufficient_credits,
            on_input=on_input,
            timeout=timeout,
            duplicates=duplicates,
            is_sure=yes,
            limit=None if limit is None else check_whole_number("--limit", limit, low=0, high=1_000_000_000),
            retry_failed=retry_failed,
            only=tuple(only or ()),
            allow_odd=allow_odd,
            skip_invalid=skip_invalid,
            outputs=tuple(output or ()),
            access=access,
            command=_again(file),
        )

    async def work(reporter: Reporter) -> ExitStatus:
        ordered = order(reporter)
        return await (plan_batch(reporter, ordered) if dry_run else make_batch(reporter, ordered, stop))

    return execute(work, json=json or None, stop=stop, reporting=reporting)


@app.command(**help_of("schema [NAME]", "schema outcome", 2))
def schema(
    name: Annotated[str | None, Parameter(help="One event alone; or results, of batch --output, or export.")] = None, /
) -> ExitStatus:
    """Write the shapes of all JSON lines, as one JSON Schema (2020-12)."""
    from motion_async.cli.schema import write_schema  # noqa: PLC0415

    return execute(lambda reporter: write_schema(reporter, name), json=None)


app.command(
    generate, **help_of("generate [OPTIONS] PROMPT", 'generate "A 15 second launch video"', 1, 2, 3, 4, reports=True)
)
app.command(
    followup,
    **help_of("followup [OPTIONS] JOB_ID PROMPT", 'followup JOB_ID "Make it faster"', 1, 2, 3, 4, reports=True),
)
app.command(status, **help_of("status [OPTIONS] JOB_ID...", "status JOB_ID", 1, 2, 3, 4, reports=True))
app.command(watch, **help_of("watch [OPTIONS] JOB_ID...", "watch JOB_ID --timeout 15m", 1, 2, 3, 4, reports=True))
app.command(check, **help_of("check [OPTIONS]", "check --profile client-a", 2, 3, 4, reports=True))
app.command(login, **help_of("login [OPTIONS]", "login --profile client-a", 2, 3, 4))
app.command(logout, **help_of("logout [OPTIONS]", "logout --profile client-a", 2))
app.command(jobs, **help_of("jobs [OPTIONS]", "jobs --since 2d --state unclear", 2, 4))
app.command(report, **help_of("report [OPTIONS] BATCH", "report launch -o report.html", 2, 4))
app.command(ledger_app)
app.command(
    worker, **help_of("worker [OPTIONS] URL", "worker postgresql://motion@db/motion --here 100", 2, 3, 4, reports=True)
)
app.command(fleet_app)

_argv: ContextVar[Sequence[str]] = ContextVar("_argv", default=())


def _again(file: str) -> str:
    """Give the command that was typed, as a shell takes it, without the password of a ledger's URL.

    What was to be made anew is planned by then: asked for again, what fails meanwhile would be paid for once more.
    """
    given = _without_retries(_argv.get())
    pasted = [without_password(argument, word=None) for argument in given]
    command = again(pasted) + (" < the same input" if file == "-" else "")
    has_password = any(without_password(argument) != argument for argument in given)
    return f"{command} ({PASSWORD_HINT})" if has_password else command


def _without_retries(arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--only":
            next(rest, None)  # its key
        elif argument != "--retry-failed" and not argument.startswith("--only="):
            kept.append(argument)
    return kept


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
    except CycloptsError as error:
        say(complaint(app, error, argv, console))
        return ExitStatus.WRONG_USE
    # Context variables, not arguments: few need to know what was typed, and cyclopts calls the commands.
    _argv.set(tuple(argv))
    token = access_options.set(bound.arguments.get("access", Access()).options)
    try:
        result = command(*bound.args, **bound.kwargs)
    except BrokenPipeError:
        Stdout().let_go()
        return ExitStatus.OUTPUT_CLOSED
    finally:
        access_options.reset(token)
    if is_incomplete:
        return ExitStatus.WRONG_USE
    return result if isinstance(result, int) else ExitStatus.DONE


def _is_incomplete(argv: Sequence[str]) -> bool:
    """Whether the arguments name a group of commands, and none of its commands."""
    _, apps, rest = app.parse_commands(argv)
    return not rest and apps[-1].default_command is None
