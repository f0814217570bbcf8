"""Decides which followups of a batch wait: for the video that they change, or for an earlier followup of it.

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
    """Knows which items under way wait for which others, and forgets an item when it has ended."""

    def __init__(self) -> None:
        self._by_key: dict[str, _Item] = {}
        self._children: dict[_Item, list[_Item]] = {}
        self._turn_of: dict[_Item, str] = {}
        self._turns: Counter[str] = Counter()
        self._next_turns: dict[str, deque[_Item]] = {}
        self._blocked: set[str] = set()

    def enter(self, item: _Item, *, key: str | None, follows: str | None) -> bool:
        """Register an item, and say whether it must wait for the end of the item that it follows.

        Without a `key` nothing can follow it; without `follows` it waits for nothing. Entered again, it counts as it is
        now.
        """
        parent = None if follows is None else self._by_key.get(follows)
        if key is not None:
            self._by_key[key] = item
        if parent is None:
            return False
        self._children.setdefault(parent, []).append(item)
        return True

    def take_turn(self, item: _Item, job_id: str, *, has_begun: bool) -> bool:
        """Give a followup the next turn of its job if nobody has it, else queue it, and say whether it must wait.

        `has_begun` means that the service has taken it: then it waits for nobody, and a followup that merely had been
        given its turn has to wait behind it.
        """
        # A job takes one followup at a time, but more than one may have begun: in an earlier run, or in another
        # process.
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
        """Take an item's turn from it, and give the id of the job, None if it had no turn."""
        job_id = self._turn_of.pop(item, None)
        if job_id is not None:
            self._turns[job_id] -= 1
            if not self._turns[job_id]:
                # No zeros: `pass_turn` asks whether the job is in here, and a large batch has very many jobs.
                del self._turns[job_id]
        return job_id

    def is_blocked(self, job_id: str) -> bool:
        """Whether `block_turns` was called for a job."""
        return job_id in self._blocked

    def block_turns(self, job_id: str) -> Sequence[_Item]:
        """Let no other followup of a job begin any more, and give those that waited for their turn.

        A turn may still run at the service, and nobody here watches it.
        """
        self._blocked.add(job_id)
        return self._next_turns.pop(job_id, ())

    def leave(self, item: _Item, *, key: str | None) -> list[_Item]:
        """Forget an item that has ended, but for its turn, and give the items that waited for its end."""
        # Without a ledger two requests may have the same key: then the later one stays findable by it.
        if key is not None and self._by_key.get(key) is item:
            del self._by_key[key]
        return self._children.pop(item, [])

    def pass_turn(self, item: _Item, children: Sequence[_Item]) -> Sequence[_Item]:
        """Give the items that may begin after an item for which `leave` was called; each has its turn already.

        `children` are those that waited for its end and may follow it.
        """
        job_id = self._give_up(item)
        if job_id is None:
            return children
        waiting = self._next_turns.pop(job_id, None) or deque()
        # In front: they are meant for the video as this item left it, and the others would change it first.
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
