"""What the state of an item means to whoever waits for it: the error of its outcome, the same in each run.

It reads the ledger, and must not write there, send or watch.
"""

from __future__ import annotations

from motion_async.errors import (
    CreateUncertainError,
    DroppedError,
    FollowupUncertainError,
    InvalidRequestError,
    JobFailedError,
    MotionError,
)
from motion_async.ledger import Item, ItemState, Ledger
from motion_async.ledger.items import job_of_parent
from motion_async.polling.waiting import failure_of
from motion_async.problems import Problem

__all__ = ["error_of", "find_parent_job"]


async def error_of(item: Item, ledger: Ledger) -> MotionError | None:
    """Give the error of an item that has ended without a video, or of which nothing more can be known; None else."""
    match item.state:
        case ItemState.FAILED:
            reason = item.error if item.job_state is None else failure_of(item.job_state)
            return JobFailedError(item.job_id or "", error=reason)
        case ItemState.REJECTED:
            return InvalidRequestError((Problem("rejected", item.error or "refused in an earlier run"),))
        case ItemState.DROPPED:
            return DroppedError(batch=item.batch, key=item.key)
        case ItemState.UNCERTAIN:
            return await _uncertain_error(item, ledger)
    return None


async def _uncertain_error(item: Item, ledger: Ledger) -> MotionError:
    at = f", begun {item.intent_at:%Y-%m-%d %H:%M:%S} UTC" if item.intent_at is not None else ""
    reason = f"item {item.key!r} of batch {item.batch!r}{at}; settle it with `motion-async ledger resolve`"
    if item.parent is None:
        return CreateUncertainError(reason)
    return FollowupUncertainError(reason, job_id=await find_parent_job(item, ledger) or "")


async def find_parent_job(item: Item, ledger: Ledger) -> str | None:
    """Give the job that an item is a followup to, None if that is not known."""
    job_id = job_of_parent(item.parent)
    if item.parent is None or job_id is not None:
        return job_id
    parent = await ledger.find(item.batch, item.parent)
    return None if parent is None else parent.job_id
