"""What somebody who looks at a sandbox has been told, and what is new since: for a page that lives.

Pure but for the sandbox that it reads. A look costs what has changed, and not what there is: of the jobs it asks after
those alone that were touched, and those whose next change has come.
"""

from __future__ import annotations

import heapq
import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from motion_async.jobs import JobStatus
from motion_async.sandbox.catalogue import describe_faults, describe_order
from motion_async.sandbox.engine import JobRecord

if TYPE_CHECKING:
    from motion_async.sandbox.server import Sandbox

__all__ = ["LiveView", "describe_job"]

_SHOWN: Final = 300
"""The newest jobs, which are told of; the others are counted."""
_LONGEST: Final = 400
"""Characters of a prompt."""


class LiveView:
    """What one reader knows of a sandbox.

    Args:
        sandbox: what is looked at.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._told: dict[str, Mapping[str, Any]] = {}
        self._numbers: dict[str, int] = {}
        self._statuses: dict[str, JobStatus] = {}
        self._by_status: Counter[JobStatus] = Counter()
        self._touched = 0
        self._due: list[tuple[float, str]] = []

    def look(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Give what the reader does not know yet, each part by its name; at the first look that is everything."""
        sandbox, now, is_first = self._sandbox, self._sandbox.now, not self._told
        parts: dict[str, Mapping[str, Any]] = {
            "sandbox": self._told.get("sandbox") or self._introduce(),
            "clock": {"now": now},
            "counts": attrs.asdict(sandbox.counts),
            "accounts": {
                "accounts": [{"api_key": key, **attrs.asdict(account)} for key, account in sandbox.accounts.items()]
            },
            "orders": {"orders": [describe_order(order) for order in sandbox.faults.orders]},
        }
        for name, part in parts.items():
            if part != self._told.get(name):
                self._told[name] = part
                yield name, part
        if (changed := self._changed(now)) or is_first:
            yield "jobs", self._tell(changed)

    def _introduce(self) -> Mapping[str, Any]:
        sandbox = self._sandbox
        settings = {"MOTION_BASE_URL": sandbox.url, "MOTION_API_KEY": sandbox.api_key}
        return {
            "exports": [f"export {name}={shlex.quote(value)}" for name, value in settings.items()],
            "speed": sandbox.speed,
            "price": sandbox.price,
            "shown": _SHOWN,
            "faults": describe_faults(),
        }

    def _changed(self, now: float) -> list[JobRecord]:
        """Give the jobs that have changed since the last look, and note when each of them changes next."""
        touched = self._sandbox.touched[self._touched :]
        self._touched += len(touched)
        ids = dict.fromkeys(touched)
        while self._due and self._due[0][0] <= now:
            ids[heapq.heappop(self._due)[1]] = None
        jobs = self._sandbox.jobs
        changed = [jobs[job_id] for job_id in ids]
        for record in changed:
            self._numbers.setdefault(record.job_id, len(self._numbers))
            self._count(record)
            if record.upcoming and record.upcoming[0].at < math.inf:
                heapq.heappush(self._due, (record.upcoming[0].at, record.job_id))
        return changed

    def _count(self, record: JobRecord) -> None:
        before = self._statuses.get(record.job_id)
        if before is not None:
            self._by_status[before] -= 1
        self._statuses[record.job_id] = record.status
        self._by_status[record.status] += 1

    def _tell(self, changed: list[JobRecord]) -> Mapping[str, Any]:
        oldest = len(self._numbers) - _SHOWN
        return {
            "total": len(self._numbers),
            "by_status": +self._by_status,
            "jobs": [
                {"number": number + 1, **describe_job(record, longest=_LONGEST)}
                for record in changed
                if (number := self._numbers[record.job_id]) >= oldest
            ],
        }


def describe_job(record: JobRecord, *, longest: int | None = None) -> dict[str, Any]:
    """Describe a job with its history and what is to come, where a moment that a person decides is None.

    Args:
        record: the job.
        longest: how many characters of each prompt are told; None for all.
    """
    last = record.turns[-1]
    return {
        "job_id": record.job_id,
        "owner": record.owner,
        "status": record.status,
        "turns": [
            {
                "prompt": turn.body["prompt"][:longest],
                "prompt_length": len(turn.body["prompt"]),
                "history": [{"status": step.status, "at": step.at} for step in turn.history(record.now)],
            }
            for turn in record.turns
        ],
        "upcoming": [
            {"status": step.status, "at": None if step.at == math.inf else step.at} for step in record.upcoming
        ],
        "error": last.error if last.phases[-1].status == JobStatus.FAILED else None,
    }
