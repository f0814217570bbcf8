"""What becomes of the lines of a batch, as values. Nothing here shows or computes."""

from __future__ import annotations

import attrs

from motion_async.cli.words import End
from motion_async.jobs import Outcome
from motion_async.ledger import Item

__all__ = ["DuplicateFound", "LineTaken", "NewLine", "RequestEnded"]


@attrs.frozen
class NewLine:
    """A line of a batch's file, which the ledger knows by its key, would be sent."""

    line: int
    key: str
    prompt: str


@attrs.frozen
class DuplicateFound:
    """A line of a batch's file asks for what an item of another batch, or under another key, has made before."""

    line: int
    key: str
    prompt: str
    made: Item


@attrs.frozen
class LineTaken:
    """A line of a batch is sent from now on, or its job, where it has one, is watched."""

    line: int
    key: str | None
    prompt: str
    job_id: str | None


@attrs.frozen
class RequestEnded:
    """A request of a batch has an outcome; its line is counted from 1."""

    line: int
    outcome: Outcome
    end: End
