"""Which requests of a batch wait for which: a followup for the video that it changes, and for the turns before its own.

Pure bookkeeping of items that it never looks into. It must not send, watch or end anything: it says who
waits, and who may begin when another has ended.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

__all__ = ["FollowupQueue"]

_Item = TypeVar("_Item", bound=Hashable)


class FollowupQueue(Generic[_Item]):
    """Who follows whom among the items under way; those that have ended it does not know any more."""

    def __init__(self) -> None:
        self._by_key: dict[str, _Item] = {}
        self._children: dict[_Item, list[_Item]] = {}
        self._turn_of: dict[_Item, str] = {}
        self._turns: Counter[str] = Counter()
        self._next_turns: dict[str, deque[_Item]] = {}
        self._blocked: set[str] = set()

    def enter(self, item: _Item, *, key: str | None, follows: str | None) -> bool:
        """Make an item known, and say whether it must wait for another one to end.

        Args:
            item: the item; entered again, it is known as it is now.
            key: what others follow it by, if they can.
            follows: the key of the item whose end it needs, None if it needs none.
        """
        parent = None if follows is None else self._by_key.get(follows)
        if key is not None:
            self._by_key[key] = item
        if parent is None:
            return False
        self._children.setdefault(parent, []).append(item)
        return True

    def take_turn(self, item: _Item, job_id: str, *, has_begun: bool) -> bool:
        """Take a job for a followup, as it has one turn at a time, and say whether the item must wait for its own.

        Args:
            item: the followup; one that has its turn keeps it, unless it has to wait for one that has begun meanwhile.
            job_id: the job.
            has_begun: whether the service has taken it, or somebody else is sending it: then it waits for nobody.
        """
        has_it = item in self._turn_of
        if has_begun or self._turns[job_id] == has_it:
            if not has_it:
                self._turn_of[item] = job_id
                self._turns[job_id] += 1
            return False
        if has_it:
            self._give_up(item)
        self._next_turns.setdefault(job_id, deque()).append(item)
        return True

    def _give_up(self, item: _Item) -> str | None:
        """Take its turn from an item, and give the job."""
        job_id = self._turn_of.pop(item, None)
        if job_id is not None:
            self._turns[job_id] -= 1
            if not self._turns[job_id]:
                del self._turns[job_id]
        return job_id

    def is_blocked(self, job_id: str) -> bool:
        """Whether `block_turns` was called for a followup of a job.

        Args:
            job_id: the job.
        """
        return job_id in self._blocked

    def block_turns(self, item: _Item) -> Sequence[_Item]:
        """Give those that wait for a turn of an item's job, as its own has not ended and is not watched any more.

        Args:
            item: the item, which may have a turn; nobody else gets one of its job.
        """
        job_id = self._give_up(item)
        if job_id is None:
            return ()
        self._blocked.add(job_id)
        return self._next_turns.pop(job_id, ())

    def leave(self, item: _Item, *, key: str | None) -> list[_Item]:
        """Forget an item that has ended, but for its turn, and give those that waited for that.

        Args:
            item: the item.
            key: what it was entered by.
        """
        if key is not None and self._by_key.get(key) is item:
            del self._by_key[key]
        return self._children.pop(item, [])

    def pass_turn(self, item: _Item, children: Sequence[_Item]) -> Sequence[_Item]:
        """Give those that may begin now that an item has ended: they have their turns.

        Args:
            item: the item, which `leave` has been called for.
            children: of those that waited for its end the ones that may follow it; they come before all others.
        """
        job_id = self._give_up(item)
        if job_id is None:
            return children
        waiting = self._next_turns.pop(job_id, None) or deque()
        waiting.extendleft(reversed(children))
        if not waiting:
            return ()
        self._next_turns[job_id] = waiting
        if job_id in self._turns:
            return ()  # others that have begun have not ended
        first = waiting.popleft()
        self._turn_of[first] = job_id
        self._turns[job_id] = 1
        return (first,)
