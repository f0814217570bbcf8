"""Whether the lines of a batch's file can be sent, by themselves and beside the lines before them, and under which key.

It reads no clock, so that every pass over a file finds the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import attrs

from motion_async.batch.keys import Keys, fingerprint
from motion_async.canonical import canonical_text
from motion_async.cli.sheets.filelines import Line
from motion_async.contract.validation import check_batch_request
from motion_async.errors import InvalidRequestError
from motion_async.jobs import BatchRequest
from motion_async.problems import Problem

__all__ = ["checked"]

_NOT_SENT: Final = 0
"""Stands for the number of a line that can't be sent."""


def checked(lines: Iterable[Line], keys: Keys, *, now: datetime) -> Iterator[Line]:
    """Give each line of a whole file with its key, or all that is wrong with it; signatures are held against `now`.

    A line with problems has no request any more, and its id counts as not given. One of which nothing is wrong but that
    a signature has expired keeps its request, for it may have been sent long ago; so does one that follows no line
    before it, for the ledger may know what it follows. One without an id that asks for the same as another is odd.
    """
    line_of: dict[bytes, int] = {}
    first_of: dict[bytes, int] = {}
    for line in lines:
        given = line.given
        if given is None:
            yield line
            continue
        found = _contract(given, now)
        expired = tuple(str(problem) for problem in found if "expired_at" in problem.extra)
        problems = (*(str(problem) for problem in found if "expired_at" not in problem.extra), *_beside(given, line_of))
        key, odd = None, line.odd
        if not problems:
            try:
                key = keys.of(given)
            except InvalidRequestError as error:  # its id is the key by which a line without an id is known
                problems = tuple(map(str, error.problems))
        if given.id is not None:
            known_as = fingerprint(given.id)
            line_of[known_as] = line_of.get(known_as, _NOT_SENT) if problems else line.number
        elif key is not None:
            # Behind the digest such a key has the place among equals.
            first = first_of.setdefault(fingerprint(key.rpartition("-")[0]), line.number)
            if first != line.number:
                odd = (*odd, f"asks for the same as line {first}, and has no id of its own")
        if problems:
            yield attrs.evolve(line, given=None, problems=(*problems, *expired))
        else:
            yield attrs.evolve(line, key=key, odd=odd, expired=expired, beyond=_beyond(given, line_of))


def _contract(given: BatchRequest, now: datetime) -> tuple[Problem, ...]:
    try:
        check_batch_request(given, now=now)
    except InvalidRequestError as error:
        return error.problems
    return ()


def _beside(given: BatchRequest, line_of: Mapping[bytes, int]) -> Iterator[str]:
    """Give what is wrong with a line beside the lines before it whose ids are known, each with its number."""
    if given.id is not None and (line := line_of.get(fingerprint(given.id), _NOT_SENT)) != _NOT_SENT:
        yield f"id: {given.id!r:.80} stands at line {line} already"
    if given.follows is not None and line_of.get(fingerprint(given.follows)) == _NOT_SENT:
        yield f"follows: {given.follows!r:.80} is the id of no line before this one that can be sent"


def _beyond(given: BatchRequest, line_of: Mapping[bytes, int]) -> str | None:
    return canonical_text(given.follows) if given.follows and fingerprint(given.follows) not in line_of else None
