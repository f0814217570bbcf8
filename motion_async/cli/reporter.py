"""Tells what happens: to a view, to a sink, and errors on stderr.

It keeps the ids of the jobs that have not ended, so that an interruption can name them. How things look is
the business of views and sinks; nothing here formats, polls, or decides when a job has ended.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Protocol, TextIO, TypeAlias

from rich.console import Console, ConsoleOptions, RenderResult

from motion_async.cli.commandline import watch_line
from motion_async.cli.failures import ExitStatus, exit_status, sentence
from motion_async.cli.happenings import Completed, Failure, Happening, Interrupted
from motion_async.cli.looks import one_line
from motion_async.cli.stdout import Stdout, point_nowhere
from motion_async.errors import MotionError
from motion_async.events import JobAccepted, SendAbandoned, SendDisturbed
from motion_async.jobs import StatusChange

__all__ = ["Choose", "Reporter", "Sink", "View", "say"]

Choose: TypeAlias = Callable[[str, Mapping[str, str], str], Awaitable[str]]
"""Given what it is about, the words of each answer by its letter, and the usual letter: the one that was chosen."""

_log = logging.getLogger("motion_async.cli")


class View(Protocol):
    """A live picture of jobs: it takes what happens, and rich can render it at any moment."""

    def tell(self, happening: Happening) -> None:
        """Take something in."""

    def settle(self) -> None:
        """Take in that nothing more happens: the next rendering is the last, and may be of any length."""

    def words(self) -> str | None:
        """Say how it stands in one line, for where no picture is shown; None if there is nothing to say."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it as it is now."""
        ...


class Sink(Protocol):
    """Where everything goes to."""

    def live(self, view: View) -> AbstractAsyncContextManager[None]:
        """Show a view for as long as the context lasts, if views are shown here."""
        ...

    @property
    def confirm(self) -> Callable[[str], Awaitable[bool]] | None:
        """What asks a person a question, and gives whether the answer is yes; None where nobody can be asked."""
        ...

    @property
    def choose(self) -> Choose | None:
        """What asks a person which of some answers it is; None where nobody can be asked."""
        ...

    def tell(self, happening: Happening) -> None:
        """Tell what happened."""

    def glance(self, happening: Happening) -> None:
        """Take in something of passing interest, of which no more than trouble is told."""

    def notice(self, words: str) -> None:
        """Say something to a person who wants to know how it stands."""

    def aside(self, words: str) -> None:
        """Say something that a person has asked to hear, on stderr."""

    def restore(self) -> None:
        """Leave the terminal as it was found, at once: nothing is shown after it."""


def say(words: str) -> None:
    """Say one sentence on stderr; what is not printable in it is replaced."""
    # None under pythonw, and where a parent has closed it.
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"motion-async: {one_line(words)}\n")
            sys.stderr.flush()
        except OSError:  # its terminal was closed: nobody hears it, and the command still ends in good order
            point_nowhere(sys.stderr)


class Reporter:
    """Tells what happens to a view and a sink; `stdout` is for content that is no happening."""

    def __init__(self, sink: Sink, stdout: Stdout) -> None:
        self._sink = sink
        self._stdout = stdout
        self._view: View | None = None
        self._open_jobs: dict[str, None] = {}
        self._is_sending = False
        self._sends_again_at = 0.0
        self._unsaid: list[str] = []
        self._goes_on_with = ""
        self._unwritten: Callable[[], Sequence[tuple[str, str, str]]] = tuple

    @asynccontextmanager
    async def live(self, view: View) -> AsyncIterator[None]:
        """Keep a view up to date for as long as the context lasts; sentences for stderr wait for its end."""
        self._view = view
        try:
            async with self._sink.live(view):
                yield
        finally:
            self._view = None
            for words in self._unsaid:
                say(words)
            self._unsaid.clear()

    @property
    def confirm(self) -> Callable[[str], Awaitable[bool]] | None:
        """What asks a person a question while no view is shown; see `Sink.confirm`."""
        return self._sink.confirm

    @property
    def choose(self) -> Choose | None:
        """What asks a person to choose while no view is shown; see `Sink.choose`."""
        return self._sink.choose

    def output(self) -> AbstractContextManager[TextIO]:
        """Give standard output as a file, for content in the place of what happens; see `Stdout.file`."""
        return self._stdout.file()

    def following(self, job_ids: Iterable[str]) -> None:
        """Note jobs that are followed from now on."""
        self._open_jobs.update(dict.fromkeys(job_ids))

    def goes_on_with(self, command: str) -> None:
        """Note the command that goes on where this one ends, in the place of watching single jobs."""
        self._goes_on_with = command

    def keeps(self, unwritten: Callable[[], Sequence[tuple[str, str, str]]]) -> None:
        """Note who knows what would be lost if the command ended at once.

        `unwritten` gives, without waiting, batch, key and job id of all that is not in the ledger yet.
        """
        self._unwritten = unwritten

    def glance(self, happening: Happening) -> None:
        """Show something of passing interest in the view; where there is no picture, trouble is told."""
        if self._view is not None:
            self._view.tell(happening)
        self._sink.glance(happening)

    def forget_jobs(self) -> None:
        """Note that no job goes on when the command ends."""
        self._open_jobs.clear()

    def sending(self) -> None:
        """Note that something that costs credits is about to be sent."""
        self._is_sending = True

    def tell(self, happening: Happening) -> None:
        """Tell an event of the session, or what the command itself has to tell."""
        match happening:
            case JobAccepted():
                self._is_sending = False
                self.following((happening.job_id,))
            case SendAbandoned():
                self._is_sending = False
                if happening.error is not None:
                    self.say(sentence(happening.error))
            case SendDisturbed():
                self._sends_again_at = time.monotonic() + happening.next_wait
            case Completed():
                self._open_jobs.pop(happening.state.job_id, None)
            case StatusChange() if happening.is_end:
                self._open_jobs.pop(happening.job_id, None)
            case _:
                pass
        if self._view is not None:
            self._view.tell(happening)
        self._sink.tell(happening)

    def error(self, error: MotionError, *, job_id: str | None = None, aloud: bool = True) -> ExitStatus:
        """Tell an error, and give its exit status; `job_id` is the job it ended, where the error does not know it.

        Unless it is told `aloud` it does not go to stderr.
        """
        self._is_sending = False
        job_id = job_id or error.job_id
        meaning = exit_status(error)
        if job_id is not None and meaning is not ExitStatus.UNREACHABLE:
            self._open_jobs.pop(job_id, None)
        self.tell(Failure(error, job_id))
        words = sentence(error)
        _log.debug("%s: %s", type(error).__name__, words, extra={"job_id": job_id})
        if aloud:
            self.say(words)
        return meaning

    def notice(self, words: str) -> None:
        """Say one sentence to a person who wants to know how it stands."""
        self._sink.notice(words)

    def aside(self, words: str) -> None:
        """Say one sentence that a person has asked to hear, on stderr."""
        self._sink.aside(words)

    def interrupted(self, why: str) -> None:
        """Tell that the command ends before its jobs do, why, and how to take them up again."""
        self.tell(Interrupted(tuple(self._open_jobs)))
        if self._open_jobs:
            follow = watch_line(self._open_jobs)
            why += f"; what has begun goes on, follow it with: {follow}"
        # In the pause between two tries: a try that is made again was provably not taken.
        if self._is_sending and time.monotonic() < self._sends_again_at:
            why += "; nothing was taken yet, so it is safe to run the command again"
        elif self._is_sending:
            why += "; a request was under way, look at https://motion.so before you send it again"
        if self._goes_on_with:
            why += f"; go on with: {self._goes_on_with}"
        say(why)

    def leave_at_once(self) -> None:
        """Tell, without waiting for anything, that the command ends now."""
        self._view = None
        self._sink.restore()
        # The last chance for these ids: the process ends without another turn of the loop.
        lost = self._unwritten()
        for batch, key, job_id in lost:
            say(f"{key} of batch {batch} is job {job_id}, which may not be in the ledger yet")
        words = "left at once; all that was sent is in the ledger"
        if lost:
            give = "motion-async ledger resolve --batch=BATCH --job-id=ID -- LEDGER KEY"
            words = f"left at once; keep these ids, and give the ledger each that it does not have with: {give}"
        say(f"{words}; go on with: {self._goes_on_with}" if self._goes_on_with else words)

    def say(self, words: str) -> None:
        """Say a sentence on stderr, once no view is shown any more."""
        if self._view is None:
            say(words)
        else:
            self._unsaid.append(words)
