"""What a command leaves behind that ends before its work does: jobs that go on, a request under way, ids unwritten.

It prints nothing, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from motion_async.cli.commandline import watch_line
from motion_async.events import Event, JobAccepted, SendAbandoned, SendDisturbed
from motion_async.jobs import StatusChange

__all__ = ["Unfinished"]


class Unfinished:
    """Keeps what has begun and has not ended; `clock` gives seconds that never go backwards."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._jobs: dict[str, None] = {}
        self._is_sending = False
        self._sends_again_at = 0.0
        self.goes_on_with = ""
        """The command that goes on where this one ends, in the place of watching single jobs."""
        self.unwritten: Callable[[], Sequence[tuple[str, str, str]]] = tuple
        """Gives, without waiting, batch, key and job id of all that is not in the ledger yet."""

    @property
    def job_ids(self) -> tuple[str, ...]:
        """The jobs that have not ended."""
        return tuple(self._jobs)

    def follow(self, job_ids: Iterable[str]) -> None:
        """Note jobs that are followed from now on."""
        self._jobs.update(dict.fromkeys(job_ids))

    def send(self) -> None:
        """Note that something that costs credits is about to be sent."""
        self._is_sending = True

    def take(self, event: Event) -> None:
        """Note what an event tells of a job or a request."""
        match event:
            case JobAccepted():
                self._is_sending = False
                self.follow((event.job_id,))
            case SendAbandoned():
                self._is_sending = False
            case SendDisturbed():
                self._sends_again_at = self._clock() + event.next_wait
            case StatusChange() if event.is_end:
                self.end(event.job_id)
            case _:
                pass

    def end(self, job_id: str | None) -> None:
        """Note that a job does not go on, or that it is not followed."""
        self._jobs.pop(job_id or "", None)

    def fail(self, job_id: str | None) -> None:
        """Note that what was under way did not work, and that a job does not go on, if it is known which."""
        self._is_sending = False
        self.end(job_id)

    def forget_jobs(self) -> None:
        """Note that no job goes on when the command ends, or that others have them."""
        self._jobs.clear()

    def words(self, why: str) -> str:
        """Say why the command ends, and how what has begun is taken up again."""
        said = [why]
        if self._jobs:
            said.append(f"what has begun goes on, follow it with: {watch_line(self._jobs)}")
        # In the pause between two tries: a try that is made again was provably not taken.
        if self._is_sending and self._clock() < self._sends_again_at:
            said.append("nothing was taken yet, so it is safe to run the command again")
        elif self._is_sending:
            said.append("a request was under way, look at https://motion.so before you send it again")
        if self.goes_on_with:
            said.append(f"go on with: {self.goes_on_with}")
        return "; ".join(said)

    def last_words(self) -> Iterator[str]:
        """Say what would be lost otherwise if the process ends without another turn of its loop."""
        lost = self.unwritten()
        for batch, key, job_id in lost:
            yield f"{key} of batch {batch} is job {job_id}, which may not be in the ledger yet"
        words = "left at once; all that was sent is in the ledger"
        if lost:
            give = "motion-async ledger resolve --batch=BATCH --job-id=ID -- LEDGER KEY"
            words = f"left at once; keep these ids, and give the ledger each that it does not have with: {give}"
        yield f"{words}; go on with: {self.goes_on_with}" if self.goes_on_with else words
