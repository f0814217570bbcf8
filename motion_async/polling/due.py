"""When each watched job is to be polled: a queue of the moments, the next one first.

A heap cannot take an entry out of its middle, so each has a number, and only a job's newest one counts. No I/O, no
clock: moments are handed in. It must not decide which job is wanted, nor when it is due.
"""

from __future__ import annotations

import heapq
import math

from motion_async.polling.tracked import IN_FLIGHT, UNSCHEDULED, TrackedJob

__all__ = ["DueQueue"]


class DueQueue:
    """The jobs that wait for their next poll."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, TrackedJob]] = []
        self._numbers = 0

    def put(self, job: TrackedJob, due: float) -> bool:
        """Have a job wait for a moment, in the place of any other, and say whether it is the first of all now."""
        self._numbers += 1
        job.entry, job.due = self._numbers, due
        heapq.heappush(self._heap, (due, self._numbers, job))
        return self._heap[0][1] == self._numbers

    def first(self) -> TrackedJob | None:
        """Give the job that is due next; its moment is its `due`."""
        while self._heap:
            _, entry, job = self._heap[0]
            if entry == job.entry:
                return job
            heapq.heappop(self._heap)
        return None

    def take_first(self) -> None:
        """Take out the job that `first` gave, as it is polled now: its next moment is not known yet."""
        job = heapq.heappop(self._heap)[2]
        job.entry, job.due = IN_FLIGHT, math.inf

    def drop_first(self) -> None:
        """Take out the job that `first` gave, as nobody wants it polled; its moment counts if anyone does again."""
        heapq.heappop(self._heap)[2].entry = UNSCHEDULED

    def clear(self) -> None:
        """Take out all jobs."""
        self._heap.clear()
