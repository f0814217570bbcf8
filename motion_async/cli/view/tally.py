"""Counts videos by the six words, how fast they end, and how long the rest may take.

An event costs the same however many videos there are. Pure: the time is an argument.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

import attrs

from motion_async.cli.progress import RequestEnded
from motion_async.cli.words import Word, word_of_state
from motion_async.jobs import JobStatus, StatusChange

__all__ = ["Tally"]

_FEWEST: Final = 3
"""Ends before which they tell no rate."""
_MOST: Final = 1_000
_ENOUGH: Final = 10
"""So many durations tell how far they lie apart; with fewer a range is wider than theirs."""
_KINDS: Final = 1_000
_OTHER: Final = JobStatus("other")
_LONGEST: Final = 40


@attrs.frozen
class _Job:
    word: Word
    status: JobStatus
    began: float


class Tally:
    """Counts videos, of which `places` are made at a time, from the second `now` on.

    All times are in seconds on the same clock.

    Args:
        total: how many videos there will be, None where that is not known.
        places: how many are made at one time, None where that is not known.
        now: when it began.
        durations: of videos that were made before.
    """

    def __init__(
        self,
        total: int | None,
        *,
        places: int | None,
        now: float,
        durations: Iterable[float] = (),
    ) -> None:
        self.total = total
        self._places = places
        self._jobs: dict[str, _Job] = {}
        self._by_word: Counter[Word] = Counter()
        self._by_status: Counter[JobStatus] = Counter()
        self._ended: Counter[Word] = Counter()
        self._began = 0.0
        """The sum of when the videos have begun that are being made."""
        # Jobs that began together end together, so less than two rounds of them would tell a wrong rate.
        self._recent: deque[float] = deque([now], maxlen=min(max(2 * (places or 0), 50), _MOST) + 1)
        self._worked = 0
        self._durations = sorted(durations)

    def take(self, change: StatusChange, *, now: float) -> None:
        """Count a change of a job."""
        before = self._leave(change.job_id)
        word = word_of_state(change.state)
        began = now if before is None or before.word in (Word.DONE, Word.FAILED) else before.began
        self._jobs[change.job_id] = job = _Job(word, self._kind_of(change.current), began)
        self._by_word[word] += 1
        self._by_status[job.status] += not change.is_end
        self._began += began if word is Word.MAKING else 0.0
        if change.is_end and self.total is None:  # else memory would grow with all that a worker ever makes
            self._leave(change.job_id)
            self._ended[word] += 1
        if change.is_end and before is not None and before.word in (Word.MAKING, Word.NEEDS_YOU):
            self._worked += 1
            self._recent.append(now)
            if before.word is Word.MAKING and len(self._durations) < _MOST:
                insort(self._durations, now - began)

    def end(self, ended: RequestEnded) -> None:
        """Count the end of a request, whose job runs no more as far as this command knows."""
        self._leave(ended.outcome.job_id or "")
        self._ended[ended.end.word] += 1

    @property
    def counts(self) -> dict[Word, int]:
        """How many videos stand how; all words are there."""
        counts = {word: self._ended[word] + self._by_word[word] for word in Word}
        if self.total is not None:
            others = sum(counts.values()) - counts[Word.WAITING]
            counts[Word.WAITING] = max(self.total - others, 0)
        return counts

    @property
    def by_status(self) -> list[tuple[JobStatus, int]]:
        """How many jobs the service has in each status that is no end, the documented ones first."""
        found = [(status, count) for status, count in self._by_status.items() if count]
        return sorted(found, key=lambda pair: (not pair[0].is_documented, pair[0]))

    def rate(self, *, now: float) -> float | None:
        """Give how many end in a second, None while too few have."""
        seconds = now - self._recent[0]
        return (len(self._recent) - 1) / seconds if self._worked >= _FEWEST and seconds > 0 else None

    def seconds_left(self, *, now: float) -> tuple[float, float] | None:
        """Estimate how long the rest takes, from and to; None while nothing is known of that.

        By the rate of late, once two rounds have ended; before, by how long videos took, and by the places.
        """
        counts = self.counts
        making, waiting = counts[Word.MAKING], counts[Word.WAITING]
        if not making + waiting or self.total is None:
            return None
        rate = self.rate(now=now)
        if rate and self._worked > 2 * (self._places or making or 1):
            return (making + waiting) / rate, (making + waiting) / rate
        if not self._durations:
            return None
        places = max(self._places or making, 1)
        spent = making * now - self._began
        low, high = self._quartiles()
        seconds = [max((waiting + making) * each - spent, 0.0) / min(places, waiting + making) for each in (low, high)]
        return seconds[0], max(seconds[1], high if waiting else 0.0)

    def _quartiles(self) -> tuple[float, float]:
        durations = self._durations
        number = len(durations)
        low, high = durations[number // 4], durations[min(3 * number // 4, number - 1)]
        return (low, high) if number >= _ENOUGH else (0.7 * low, 1.5 * high)

    def _leave(self, job_id: str) -> _Job | None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            self._by_word[job.word] -= 1
            self._by_status[job.status] -= job.word not in (Word.DONE, Word.FAILED)
            self._began -= job.began if job.word is Word.MAKING else 0.0
        return job

    def _kind_of(self, status: JobStatus) -> JobStatus:
        """Give what a status is counted as, so that ever new and long ones fill no memory."""
        if status.is_documented:
            return status
        short = JobStatus(status[:_LONGEST])
        return short if short in self._by_status or len(self._by_status) < _KINDS else _OTHER
