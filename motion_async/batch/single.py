"""Single creates and followups of a session with a ledger: written down first, and the same key is the same job.

What is known of a key decides, as it does in a batch: what was taken is taken up, what was never sent is sent, and
what can't be known is said. But what another process is sending is waited for: whoever asks by its key wants its job,
as a browser does that asks a second worker of a web app. This module must not talk to the service, nor write rows.
"""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import attrs

from motion_async.batch.requests import Intake
from motion_async.batch.resume import LedgerBatch
from motion_async.canonical import canonical_text
from motion_async.errors import FollowupNotAllowedError, InvalidRequestError, JobFailedError, SentElsewhereError
from motion_async.jobs import BatchRequest, StatusChange, VideoRequest
from motion_async.ledger.items import parent_of_job, unnamed_key
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.waiting import end_of
from motion_async.sending.journal import NotOursToSend, SendJournal

if TYPE_CHECKING:
    from motion_async.client import Client

__all__ = ["KeptSends"]

_LONGEST_WAIT: Final = 300.0
"""Seconds for which another process that is sending is waited for; its own tries and its answer take no longer."""
_PAUSE: Final = 0.5
"""Seconds between two looks at what another process is sending."""


class KeptSends:
    """The creates and followups of a session, kept in one batch of its ledger.

    Args:
        client: sends them.
        batch: where they are kept.
    """

    def __init__(self, client: Client, batch: LedgerBatch) -> None:
        self._client = client
        self._batch = batch
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._recorders: WeakValueDictionary[str, _Recorder] = WeakValueDictionary()

    async def send(
        self, request: VideoRequest, *, key: str | None, metadata: Any, followed: str | None = None
    ) -> TrackedJob:
        """Give the job of a key: send a create, or a followup to the job `followed`, if that was never done.

        Raises what sending it raises, and the error with which it was sent earlier, unless its job is known.
        """
        given = BatchRequest(request, id=unnamed_key() if key is None else key, metadata=metadata)
        parent = None if followed is None else parent_of_job(followed)
        clock = asyncio.get_running_loop().time
        until = clock() + _LONGEST_WAIT
        # One at a time, so that whoever comes second finds what came of the first one.
        async with self._turns.setdefault(canonical_text(str(given.id)), asyncio.Lock()):
            try:
                intake = await self._batch.admit(given, parent=parent)
            except InvalidRequestError as error:
                raise _about_key(error) from None
            while True:
                known = None if intake.settled is None else intake.settled[1]
                if isinstance(known, SentElsewhereError) and clock() < until:
                    await self._client.unless_left(asyncio.sleep(_PAUSE))
                    intake = await self._look(intake)
                elif not isinstance(known, JobFailedError | None):
                    raise copy.copy(known)
                elif intake.job_id is not None:
                    return self._record(intake, self._client.take_up(intake))
                else:
                    try:
                        return self._record(intake, await self._client.send(intake))
                    except NotOursToSend:  # another process sends it: what comes of that is in the ledger
                        intake = await self._look(intake)
                    except FollowupNotAllowedError:  # another process may have made it just now
                        intake = await self._look(intake)
                        if intake.job_id is None and intake.settled is None:
                            raise

    async def _look(self, intake: Intake) -> Intake:
        """Ask the ledger anew what is known of a request."""
        assert intake.look is not None  # noqa: S101  # every intake of a ledger has it
        return await self._client.unless_left(intake.look())

    def _record(self, intake: Intake, job: TrackedJob) -> TrackedJob:
        """Have the ledger hear of what is seen of a job, if its end is not known there."""
        key, journal = intake.key or "", intake.journal
        is_others_turn = intake.follows is None and job.turn > 0  # a followup's: its end is none of the create's
        if intake.settled is None and journal is not None and key not in self._recorders and not is_others_turn:
            recorder = self._recorders[key] = _Recorder(journal, job)
            recorder.begin()
        return job


def _about_key(error: InvalidRequestError) -> InvalidRequestError:
    """Give an error about a batch's request in the words of a single one, whose id is called its key."""
    named = (attrs.evolve(it, path=("key",)) if it.path == ("id",) else it for it in error.problems)
    return InvalidRequestError(tuple(named), http_status=error.http_status)


class _Recorder:
    """Writes what is seen of a job into its journal, up to the end of the turn: a later one is another request's."""

    def __init__(self, journal: SendJournal, job: TrackedJob) -> None:
        self._journal = journal
        self._job = job

    def begin(self) -> None:
        """Begin with what is known of the job."""
        if self._job.has_ended and self._job.state is not None:
            self._journal.ended(*end_of(self._job.state))
        else:
            self._job.subscribe(self)

    def notify(self, change: StatusChange | None) -> None:
        """Take in a change of the job."""
        if change is None:
            return
        self._journal.changed(change)
        if change.is_end:
            self._job.unsubscribe(self)
            self._journal.ended(*end_of(change.state))
