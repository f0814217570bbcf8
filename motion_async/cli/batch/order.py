"""What a person wants of a batch: the options that were typed, and the order that follows from them.

No file is read here, no ledger opened, and nothing sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import attrs
from cyclopts import Parameter

from motion_async.cli.arguments import Access, FileFormat, read_span
from motion_async.cli.commandline import again, typed
from motion_async.cli.ledger.address import PASSWORD_HINT, Address, without_password
from motion_async.cli.ledger.opening import find_batch_ledger
from motion_async.errors import ConfigurationError
from motion_async.ledger.codec import check_name
from motion_async.options import check_whole_number
from motion_async.sending.gate import OnInsufficientCredits

__all__ = ["BatchOptions", "BatchOrder", "Duplicates", "place_order"]

Duplicates: TypeAlias = Literal["take", "make", "refuse"]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class BatchOptions:
    """The options of `motion-async batch`, as they were typed; each has the help that documents it."""

    form: Annotated[
        FileFormat | None, Parameter(name="--format", help="How the file is written; else its content and name tell.")
    ] = None
    sheet: Annotated[str | None, Parameter(help="Which sheet of a workbook has the prompts.")] = None
    batch_name: Annotated[
        str | None, Parameter(name="--batch", help="The batch's name in the ledger; else the file's, without its end.")
    ] = None
    ledger_name: Annotated[
        str | None,
        Parameter(
            name="--ledger",
            help="The ledger's file or URL; else FILE.ledger.db, if it is there; else MOTION_LEDGER; else your own.",
        ),
    ] = attrs.field(default=None, repr=False)
    fleet: Annotated[
        str | None, Parameter(help="Have the workers of this fleet make it, a PostgreSQL's URL; needs no key.")
    ] = attrs.field(default=None, repr=False)
    outputs: Annotated[
        tuple[Path, ...],
        Parameter(
            name=("--output", "-o"),
            show_default=False,
            help="Write the results there: .csv, .xlsx, .jsonl, .json, or .html, a report; may be given several times.",
        ),
    ] = ()
    max_active: Annotated[int, Parameter(help="So many jobs run at one time.")] = 20
    on_insufficient_credits: Annotated[
        OnInsufficientCredits,
        Parameter(help="Without credits send nothing more, or try one request a minute until one is taken."),
    ] = "stop"
    on_input: Annotated[
        Literal["wait", "skip"],
        Parameter(help="Wait for a person's answer to a job, or leave it for a later run."),
    ] = "wait"
    skip_invalid: Annotated[bool, Parameter(help="Leave lines out that cannot be sent.")] = False
    allow_odd: Annotated[bool, Parameter(help="Make lines also that look as if nobody meant them.")] = False
    is_sure: Annotated[
        bool, Parameter(name=("--yes", "-y"), help="Send what is new without asking, on a terminal, too.")
    ] = False
    limit: Annotated[int | None, Parameter(help="Send at most so many new lines in this run, and leave the rest.")] = (
        None
    )
    retry_failed: Annotated[bool, Parameter(help="Make lines anew that have failed, and pay for them.")] = False
    only: Annotated[
        tuple[str, ...], Parameter(show_default=False, help="Of those only the line of this key; repeatable.")
    ] = ()
    duplicates: Annotated[
        Duplicates | None,
        Parameter(
            help="Of lines whose content was made before take those videos, make them again, or refuse to send "
            "anything; else you are asked on a terminal, and it is refused elsewhere.",
        ),
    ] = None
    dry_run: Annotated[
        bool, Parameter(name=("--dry-run", "-n"), help="Check every line, say what would be done, send nothing.")
    ] = False
    timeout: Annotated[
        float | None,
        Parameter(converter=read_span, help="Watch each job for so long in this run, as 5m or 1h30m; it goes on."),
    ] = None

    @property
    def is_named(self) -> bool:
        """Whether a person has named the batch, instead of the file."""
        return self.batch_name is not None

    @property
    def is_for_fleet(self) -> bool:
        """Whether the ledger is a fleet's, whose workers make the lines."""
        return self.fleet is not None


@attrs.frozen(kw_only=True)
class BatchOrder(BatchOptions):
    """A batch as it was ordered: its options, and what follows from them.

    Args:
        file: the path of the file of requests, `-` for standard input.
        batch: the batch's name in the ledger.
        ledger: where the ledger is, or is to be made.
        access: whose key is used, and for which service.
        command: the command that goes on where this run ends; none where nothing can.
    """

    file: str
    batch: str
    ledger: Address
    access: Access
    command: str = ""


def place_order(file: str, options: BatchOptions, access: Access, notice: Callable[[str], object]) -> BatchOrder:
    """Give the order of a batch; `notice` hears which ledger is used where that is not clear by itself.

    Raises a `ConfigurationError` if an option makes no sense, alone or beside the others.
    """
    path = None if file == "-" else Path(file)
    _check_file(file)
    if options.only and not options.retry_failed:
        raise ConfigurationError("--only KEY says which failed lines --retry-failed makes anew; add that")
    if options.fleet is not None and options.ledger_name is not None:
        raise ConfigurationError("a fleet has a ledger of its own: say --fleet or --ledger")
    named = options.batch_name
    batch = check_name("--batch", named if named is not None else "stdin" if path is None else path.stem)
    check_whole_number("--max-active", options.max_active, low=1, high=1_000_000)
    if options.limit is not None:
        check_whole_number("--limit", options.limit, low=0, high=1_000_000_000)
    given = options.fleet or options.ledger_name
    return BatchOrder(
        **attrs.asdict(options, recurse=False),
        file=file,
        batch=batch,
        ledger=find_batch_ledger(path, access, notice) if given is None else Address(given),
        access=access,
        command=_command(file),
    )


def _check_file(file: str) -> None:
    if (named := without_password(file)) != file and not Path(file).exists():
        raise ConfigurationError(f"there is no file {named} of requests; a ledger's address goes behind --ledger")
    if file.startswith("-") and file != "-":
        raise ConfigurationError(
            f"there is no option {file}, see motion-async batch --help; a file of that name is ./{file}"
        )


def _command(file: str) -> str:
    """Give the command that was typed, as a shell takes it, without the password of a ledger's URL.

    What was to be made anew is planned by then: asked for again, what fails meanwhile would be paid for once more.
    """
    given = list(_without_retries(typed.get()))
    pasted = [without_password(argument, word=None) for argument in given]
    command = again(pasted) + (" < the same input" if file == "-" else "")
    has_password = any(without_password(argument) != argument for argument in given)
    return f"{command} ({PASSWORD_HINT})" if has_password else command


def _without_retries(arguments: Iterable[str]) -> Iterator[str]:
    rest = iter(arguments)
    for argument in rest:
        if argument == "--only":
            next(rest, None)  # its key
        elif argument != "--retry-failed" and not argument.startswith("--only="):
            yield argument
