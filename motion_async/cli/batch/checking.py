"""Whether the lines of a batch's file can be sent: by themselves, and beside the lines before them.

It reads no clock, so that every pass over a file finds the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import attrs

from motion_async.batch.keys import fingerprint
from motion_async.canonical import canonical_text
from motion_async.cli.batch.filelines import Line
from motion_async.contract.validation import check_batch_request
from motion_async.errors import InvalidRequestError
from motion_async.jobs import BatchRequest
from motion_async.problems import Problem

__all__ = ["checked"]

_NOT_SENT: Final = 0
"""Stands for the number of a line that can't be sent."""


def checked(lines: Iterable[Line], *, now: datetime) -> Iterator[Line]:
    """Give each line of a whole file with all that is wrong with it; signatures are held against `now`.

    A line with problems has no request any more, and its id counts as not given. One of which nothing is wrong but that
    a signature has expired keeps its request, for it may have been sent long ago; so does one that follows no line
    before it, for the ledger may know what it follows.
    """
    line_of: dict[bytes, int] = {}
    for line in lines:
        if line.given is None:
            yield line
            continue
        found = _contract(line.given, now)
        lasting = (*(str(problem) for problem in found if not _is_expiry(problem)), *_beside(line.given, line_of))
        if lasting:
            if line.given.id is not None:
                line_of.setdefault(fingerprint(line.given.id), _NOT_SENT)
            yield attrs.evolve(line, given=None, problems=(*lasting, *map(str, filter(_is_expiry, found))))
        else:
            if line.given.id is not None:
                line_of[fingerprint(line.given.id)] = line.number
            yield attrs.evolve(line, expired=tuple(map(str, found)), beyond=_beyond(line.given, line_of))


def _contract(given: BatchRequest, now: datetime) -> tuple[Problem, ...]:
    try:
        check_batch_request(given, now=now)
    except InvalidRequestError as error:
        return error.problems
    return ()


def _is_expiry(problem: Problem) -> bool:
    return "expired_at" in problem.extra


def _beside(given: BatchRequest, line_of: Mapping[bytes, int]) -> Iterator[str]:
    """Give what is wrong with a line beside the lines before it whose ids are known, each with its number."""
    if given.id is not None and (line := line_of.get(fingerprint(given.id), _NOT_SENT)) != _NOT_SENT:
        yield f"id: {given.id!r:.80} stands at line {line} already"
    if given.follows is not None and line_of.get(fingerprint(given.follows)) == _NOT_SENT:
        yield f"follows: {given.follows!r:.80} is the id of no line before this one that can be sent"


def _beyond(given: BatchRequest, line_of: Mapping[bytes, int]) -> str | None:
    return canonical_text(given.follows) if given.follows and fingerprint(given.follows) not in line_of else None
