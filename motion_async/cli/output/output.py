"""All that a command tells: a method an event, which each kind of output shows in its own way, or not at all.

The names and types of an event's arguments, and its words here, are also those of its JSON line, which
`motion_async.cli.output.schema` documents. Nothing here polls, or decides when a job has ended.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, ConsoleOptions, RenderResult

from motion_async.cli.failures import ExitStatus, exit_status, sentence
from motion_async.cli.looks import STOPPING, one_line
from motion_async.cli.output.stdout import Stdout, point_nowhere
from motion_async.cli.output.troubles import TroubleWords
from motion_async.cli.output.unfinished import Unfinished
from motion_async.cli.progress import DuplicateFound, NewLine, RequestEnded
from motion_async.cli.words import Fate, Word
from motion_async.errors import MotionError
from motion_async.events import Event, SendAbandoned
from motion_async.jobs import JobState
from motion_async.ledger import History, Item, LedgerTrouble

if TYPE_CHECKING:
    from motion_async.fleet import FleetStatus

__all__ = ["Output", "View", "say"]

_log = logging.getLogger("motion_async.cli")


class View:
    """A live picture of jobs, which rich can render at any moment; this one has nothing to show."""

    def take(self, event: Event | LedgerTrouble) -> None:
        """Take in what a session or a ledger tells."""

    def take_state(self, state: JobState) -> None:
        """Take in the answer to a question about a job."""

    def fail(self, error: MotionError, job_id: str | None) -> None:
        """Take in that something did not work, and for which job, if it was for one."""

    def settle(self) -> None:
        """Take in that nothing more happens: the next rendering is the last, and may be of any length."""

    def words(self) -> str | None:
        """Say how it stands in one line, for where no picture is shown; None if there is nothing to say."""
        return None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it as it is now."""
        return ()


def say(words: str) -> None:
    """Say one sentence on stderr; what is not printable in it is replaced."""
    # None under pythonw, and where a parent has closed it.
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"motion-async: {one_line(words)}\n")
            sys.stderr.flush()
        except OSError:  # its terminal was closed: nobody hears it, and the command still ends in good order
            point_nowhere(sys.stderr)


class Output:
    """Tells what happens; this one shows nothing but sentences on stderr.

    Args:
        stdout: where content goes, see `file`.
        is_quiet: whether a person wants to hear no more than results, errors, and how it ended.
        clock: gives seconds that never go backwards.
    """

    def __init__(self, stdout: Stdout, *, is_quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.unfinished = Unfinished(clock=clock)
        self._stdout = stdout
        self._is_quiet = is_quiet
        self._view: View | None = None
        self._troubles = TroubleWords(clock=clock)

    # A view, and questions

    @asynccontextmanager
    async def live(self, view: View) -> AsyncIterator[None]:
        """Keep a view up to date for as long as the context lasts, and show it if views are shown here."""
        self._view = view
        try:
            async with self._shown(view):
                yield
        finally:
            self._view = None

    def _shown(self, view: View) -> AbstractAsyncContextManager[None]:  # noqa: ARG002  # each kind has its own way
        return nullcontext()

    @property
    def can_ask(self) -> bool:
        """Whether somebody can be asked something."""
        return False

    async def confirm(self, question: str) -> bool:
        """Ask somebody a question, and give whether the answer is yes; nothing, and the end of the input, is no."""
        return await self._ask(f"{question} [y/N] ", ("y", "yes", "n", "no"), "n") in ("y", "yes")

    async def choose(self, about: str, answers: Mapping[str, str], usual: str) -> str:
        """Ask somebody which of some answers it is, by their letters, and give the letter."""
        listed = ", ".join(f"{words} ({letter})" for letter, words in answers.items())
        letters = "/".join(letter.upper() if letter == usual else letter for letter in answers)
        return await self._ask(f"{about}: {listed}? [{letters}] ", tuple(answers), usual)

    async def _ask(self, question: str, answers: Iterable[str], usual: str) -> str:  # noqa: ARG002  # nobody is there
        return usual

    # Sentences for a person

    def say(self, words: str) -> None:
        """Say a sentence on stderr, once no picture moves there any more."""
        say(words)

    def notice(self, words: str) -> None:
        """Say a sentence to a person who wants to know how it stands."""
        if not self._is_quiet:
            say(words)

    def aside(self, words: str) -> None:
        """Say a sentence on stderr that a person has asked to hear."""
        say(words)

    def file(self) -> AbstractContextManager[TextIO]:
        """Give standard output as a file, for content in the place of what happens; see `Stdout.file`."""
        return self._stdout.file()

    # What a session and a ledger tell

    def take(self, event: Event | LedgerTrouble) -> None:
        """Take in an event of passing interest, of which no more than trouble is told."""
        if self._view is not None:
            self._view.take(event)
        if (words := self._troubles.due(event)) is not None:
            self._murmur(words)

    def _murmur(self, words: str) -> None:
        """Say on stderr what is in the way, where no picture says so."""
        if not self._is_quiet:
            say(words)

    def show_event(self, event: Event) -> None:
        """Tell an event of a session."""
        self.take(event)
        self.unfinished.take(event)
        if isinstance(event, SendAbandoned) and event.error is not None:
            self.say(sentence(event.error))

    # What a command tells

    def show_state(self, state: JobState) -> None:
        """The answer to `status`."""
        if self._view is not None:
            self._view.take_state(state)

    def show_result(self, state: JobState) -> None:
        """A job completed; a job that is waited for ends in this or in an error."""
        self.unfinished.end(state.job_id)

    def error(self, error: MotionError, *, job_id: str | None = None, aloud: bool = True) -> ExitStatus:
        """Tell what did not work, and give its exit status.

        `job_id` is the job that it ended, where the error does not know it. Unless it is told `aloud` it does not go to
        stderr.
        """
        job_id = job_id or error.job_id
        status = exit_status(error)
        self.unfinished.fail(None if status is ExitStatus.UNREACHABLE else job_id)
        if self._view is not None:
            self._view.fail(error, job_id)
        words = sentence(error)
        _log.debug("%s: %s", type(error).__name__, words, extra={"job_id": job_id})
        if aloud:
            self.say(words)
        return status

    def interrupted(self, why: str) -> None:
        """The command ends before these jobs do; job_ids is empty for `batch`, whose jobs are in its ledger."""
        say(self.unfinished.words(why))

    def stopping(self) -> None:
        """Say that a batch has been asked to end early, where no picture says so."""
        self._murmur(STOPPING)

    def leave_at_once(self) -> None:
        """Tell, without waiting for anything, that the command ends now, and leave the terminal as it was found."""
        for words in self.unfinished.last_words():
            say(words)

    def show_account(self, base_url: str, api_key: str, source: str, profile: str | None) -> None:
        """Of `check` and `login`, which end in an error if the service does not take the key.

        Of the key there are its ends; source is MOTION_API_KEY, .env or keyring, which has it by the name of a profile.
        """

    def show_listening(self, base_url: str, api_key: str) -> None:
        """Of `sandbox --json`."""

    def show_invalid(self, line: int, problems: tuple[str, ...]) -> None:
        """A line of a batch's file that can't be sent."""

    def show_plan(self, batch: str, lines: int, counts: Mapping[Fate, int], invalid: int, minimum_balance: int) -> None:
        """What `batch` would do, with --dry-run."""

    def show_new(self, lines: Iterable[NewLine]) -> None:
        """A line that `batch --dry-run` would send, behind its plan."""

    def show_duplicate(self, found: DuplicateFound) -> None:
        """A line that asks for what was made before.

        `made` is the item whose video it could take, no two lines the same, or that may have been sent, if it has no
        `job_id`.
        """

    def list_duplicates(self, first: Iterable[DuplicateFound], count: int) -> None:
        """Show a person the first of those lines, and how many there are."""

    def show_outcome(self, ended: RequestEnded) -> None:
        """How a line of a batch came out, of which end says more than state; job is what the service said last."""

    def show_batch(
        self, batch: str, ledger: str, lines: int, counts: Mapping[Word, int], running: int, invalid: int
    ) -> None:
        """How a run of a batch went.

        `counts` has its lines by their state, also those that a run which was ended early did not come to, unless its
        ledger could not be read.
        """

    def show_counts(self, batch: str, counts: Mapping[Word, int]) -> None:
        """Of `ledger show`: a batch, and its items by state."""

    def show_item(self, item: Item, history: tuple[History, ...] | None = None) -> None:
        """Of `jobs`, `ledger show` and `ledger resolve`; history is null unless asked for."""

    def show_items(self, items: Iterable[Item]) -> None:
        """Show each item of a ledger, as it stands."""

    def show_fleet(self, status: FleetStatus) -> None:
        """What holds for all workers of a fleet, how many are at work, and how many items are waiting or taken."""
