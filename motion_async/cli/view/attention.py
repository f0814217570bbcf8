"""What needs a person: each video by its line, key and prompt, with the whole reason, and its job last.

It keeps a bounded number of them. It prints nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

from motion_async.cli.failures import sentence
from motion_async.cli.looks import one_line
from motion_async.cli.progress import LineTaken, RequestEnded
from motion_async.cli.words import End, Word, word_of_state
from motion_async.errors import JobFailedError
from motion_async.events import JobAccepted
from motion_async.jobs import StatusChange
from motion_async.redaction import redacted
from motion_async.showing import shown

__all__ = ["ANSWER", "Attention", "Concern"]

ANSWER: Final = "waits for your answer at https://motion.so"
"""What a person has to do for a job that waits for input."""
_KEPT: Final = 1_000
_PROMPT: Final = 40
_OF_CONTENT: Final = re.compile(r"[0-9a-f]{40,}-\d+", re.ASCII)
"""A key that was made of a request's content, as it has no id: it says nothing to a person."""


@attrs.frozen(kw_only=True)
class Concern:
    """A video that needs a person, and why.

    Args:
        line: its line in the file, None if it has none.
        key: what it is known by, None if nothing is.
        prompt: what was asked for, empty if that is not known.
        word: how it stands.
        why: the reason, in one line.
        job_id: its job, None if it is not known.
    """

    line: int | None = None
    key: str | None = None
    prompt: str = ""
    word: Word
    why: str
    job_id: str | None = None

    @property
    def name(self) -> str:
        """What a person knows it by."""
        prompt = f"“{one_line(redacted(self.prompt), limit=_PROMPT)}”" if self.prompt else ""
        key = "" if self.key is None or _OF_CONTENT.fullmatch(self.key) else one_line(self.key, limit=_PROMPT)
        given = ("" if self.line is None else f"line {self.line}", key, prompt)
        return ", ".join(filter(None, given)) or f"job {one_line(self.job_id or '')}"

    @property
    def words(self) -> str:
        """All of it in one line."""
        job = f" (job {one_line(self.job_id)})" if self.job_id and not self.name.startswith("job ") else ""
        return f"{self.name}: {self.word}, {self.why}{job}"


class Attention:
    """Gathers what needs a person, and lets go of what does no more."""

    def __init__(self) -> None:
        self._lines: dict[str, LineTaken] = {}
        self._line_of_job: dict[str, LineTaken] = {}
        self._concerns: dict[object, Concern] = {}
        self.unkept = 0
        """How many have ended so that more than these are not told one by one."""

    def begin(self, line: LineTaken) -> None:
        """Note whose video a job is, until it ends."""
        if line.key is not None:
            self._lines[line.key] = line
        if line.job_id is not None:
            self._line_of_job[line.job_id] = line

    def accept(self, accepted: JobAccepted) -> None:
        """Note which job the service has given a line."""
        line = None if accepted.key is None else self._lines.get(accepted.key)
        if line is not None:
            self._line_of_job[accepted.job_id] = line
        self._concerns.pop(accepted.job_id, None)

    def take(self, change: StatusChange) -> None:
        """Take in that a job waits for a person, has failed, or does neither any more."""
        word = word_of_state(change.state)
        self._concerns.pop(change.job_id, None)
        if word in (Word.NEEDS_YOU, Word.FAILED):
            why = ANSWER if word is Word.NEEDS_YOU else _failed(change.state.error)
            concern = Concern(word=word, why=why, job_id=change.job_id)
            if (line := self._line_of_job.get(change.job_id)) is not None:
                concern = attrs.evolve(concern, line=line.line, key=line.key, prompt=line.prompt)
            self._put(change.job_id, concern)

    def end(self, ended: RequestEnded) -> None:
        """Take in how a request has ended, whose job nobody asks about any more."""
        outcome, word = ended.outcome, ended.end.word
        self._lines.pop(outcome.key or "", None)
        self._line_of_job.pop(outcome.job_id or "", None)
        self._concerns.pop(outcome.job_id, None)
        if word in (Word.DONE, Word.MAKING, Word.WAITING) or outcome.error is None:
            return
        if ended.end is End.INPUT:
            why = ANSWER
        elif isinstance(outcome.error, JobFailedError):
            why = _failed(outcome.error.error)
        else:
            why = sentence(outcome.error)
        concern = Concern(
            line=ended.line,
            key=outcome.key,
            prompt=outcome.request.prompt,
            word=word,
            why=why,
            job_id=outcome.job_id,
        )
        self._put(("line", ended.line), concern)

    def newest(self, number: int) -> Iterator[Concern]:
        """Give so many at most, the newest first."""
        for _, concern in zip(range(number), reversed(self._concerns.values()), strict=False):
            yield concern

    @property
    def all(self) -> list[Concern]:
        """Those that are kept, by their lines."""
        return sorted(self._concerns.values(), key=lambda concern: concern.line or 0)

    @property
    def jobs_that_wait(self) -> int:
        """How many jobs wait for a person, and are still followed."""
        return sum(it.word is Word.NEEDS_YOU and name == it.job_id for name, it in self._concerns.items())

    def _put(self, name: object, concern: Concern) -> None:
        # Those that wait are as many as jobs run; of the others the first ones stay: those that a person reads.
        if concern.word is Word.NEEDS_YOU or len(self._concerns) < _KEPT:
            self._concerns[name] = concern
        else:
            self.unkept += 1


def _failed(error: str | None) -> str:
    return one_line(shown(error or "the service gave no reason"))
