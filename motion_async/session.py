"""`MotionSession`: everything that can be asked of Mosaic Motion, from one place.

It puts the parts together and holds nothing of its own but them: a transport, a sender, a poll loop.
It must not talk HTTP, decide what an answer means, or keep a job alive that nobody holds.
"""

from __future__ import annotations

import asyncio
import logging
import random as _random
import ssl as tls
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, NoReturn, Self

import aiohttp
from yarl import URL

from motion_async.batch.durations import PastDurations
from motion_async.batch.many import BatchCalls
from motion_async.batch.resume import check_ledger
from motion_async.batch.single import KeptSends
from motion_async.client import Client
from motion_async.contract.validation import as_request, check_job_id
from motion_async.errors import ConfigurationError, SessionClosedError
from motion_async.http.endpoint import find_api_key, find_base_url, read_origin
from motion_async.http.transport import Transport
from motion_async.job import Job
from motion_async.jobs import Attachment, JobState, VideoRequest
from motion_async.ledger import Account, Ledger
from motion_async.loops import HomeLoop
from motion_async.options import check_clock, check_number, check_whole_number
from motion_async.polling.streams import EventHub
from motion_async.polling.waiting import OnInput, check_on_input, check_timeout
from motion_async.reading import ReadCalls
from motion_async.redaction import Secret
from motion_async.timing.backoff import Backoff, check_backoff
from motion_async.timing.pace import Pace
from motion_async.timing.schedule import GrowingSchedule, Schedule, check_schedule

__all__ = ["MotionSession"]

_log = logging.getLogger(__package__)


class MotionSession(BatchCalls, ReadCalls):
    """A session with Mosaic Motion: creates jobs, follows them up, polls and watches them.

    Use it with `async with`, in one event loop; it may be entered in one task and left in another. All its jobs share
    one poll loop, one pace and one bound of connections.

    Args:
        api_key: the key; `MOTION_API_KEY` when None. It begins with `motion_` (section "Overview").
        base_url: where the service is; `MOTION_BASE_URL` when None, else as documented. Plain http is for loopback.
        plain_http_hosts: hosts that plain http may go to besides, such as a sandbox's in a network of your own, where
            nobody else reads along; `MOTION_PLAIN_HTTP_HOSTS`, with commas, when None.
        client_session: an aiohttp session of your own whose connections are used. It is neither changed nor closed;
            its default headers, cookies and credentials meet no call of this library. What a service sends unasked
            on its idle connections has no bound there, as it has in this library's own.
        schedule: how long a job is left alone between polls; when None the contract's advice, and for
            `generate_many` one that begins with it and learns.
        backoff: how long to wait after a failed call before it is made again, where it may be.
        max_connections: the most connections at one time, 2 to 10,000. A quarter of them, at least one, is for creates
            and followups, each of which opens its own; polls share the rest.
        max_polls_per_second: the most polls of the whole session, 0.01 to 1,000,000; waits stretch evenly beyond it.
        exchange_timeout: seconds for one poll from connecting to the end of the answer, 0.01 to 3,600.
        send_timeout: the same for a create or a followup, whose answer is paid for: worth a longer wait.
        max_answer_bytes: bytes of an answer that are read at most, 1,024 to 1 GiB.
        cancel_grace: seconds in which a create may still bring its id back when its caller was cancelled or the event
            loop is being ended, 0 to 3,600.
        trace_configs: aiohttp's trace configurations, for every request.
        proxy: the URL of an HTTP proxy.
        trust_env: whether the environment's proxy settings count; its netrc never does.
        ssl: an SSL context, or another value of aiohttp's option of that name.
        now: gives the time as an aware datetime; the system's clock when None.
        random: gives a number from 0 to 1, for jitter; Python's when None.
        ledger: an open ledger, in which each create and followup is written down before it is sent: the same `key=`
            gives the same job then, in any process. Open it before the session, and close it after.
        batch: the batch of the ledger in which they are kept.

    Raises:
        ConfigurationError: for a setting that cannot be used; it never shows the key.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        plain_http_hosts: Sequence[str] | None = None,
        client_session: aiohttp.ClientSession | None = None,
        schedule: Schedule | None = None,
        backoff: Backoff | None = None,
        max_connections: int = 100,
        max_polls_per_second: float = 100.0,
        exchange_timeout: float = 30.0,
        send_timeout: float = 120.0,
        max_answer_bytes: int = 1 << 20,
        cancel_grace: float = 5.0,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        proxy: str | URL | None = None,
        trust_env: bool = False,
        ssl: tls.SSLContext | aiohttp.Fingerprint | bool = True,
        now: Callable[[], datetime] | None = None,
        random: Callable[[], float] | None = None,
        ledger: Ledger | None = None,
        batch: str = "single",
    ) -> None:
        self._transport_options: dict[str, Any] = {"base_url": "…"}  # its repr must hold from the beginning
        base_url = Secret(base_url) if isinstance(base_url, str) else base_url
        proxy = None if proxy is None else Secret(str(proxy))
        api_key = None if api_key is None else Secret(api_key)
        if ssl is False:
            _log.warning("ssl=False: nobody checks who the service is, so whoever is in between can read the API key")
        self._transport_options = {
            "api_key": find_api_key(api_key),
            "base_url": find_base_url(base_url, plain_http_hosts=plain_http_hosts),
            "client_session": client_session,
            "trace_configs": tuple(trace_configs),
            "proxy": proxy,
            "trust_env": trust_env,
            "ssl": ssl,
            "max_connections": check_whole_number("max_connections", max_connections, low=2, high=10_000),
            "timeout": check_number("exchange_timeout", exchange_timeout, low=0.01, high=3_600),
            "send_timeout": check_number("send_timeout", send_timeout, low=0.01, high=3_600),
            "max_answer_bytes": check_whole_number("max_answer_bytes", max_answer_bytes, low=1_024, high=1 << 30),
        }
        self._schedule = GrowingSchedule() if schedule is None else check_schedule(schedule)
        self._batch_schedule = None if schedule is None else self._schedule
        self._now = check_clock("now", now or partial(datetime.now, UTC))
        self._client_options: dict[str, Any] = {
            "schedule": self._schedule,
            "pace": Pace(max_polls_per_second),
            "backoff": Backoff() if backoff is None else check_backoff(backoff),
            "grace": check_number("cancel_grace", cancel_grace, low=0, high=3_600),
            "now": self._now,
            "random": random or _random.random,
        }
        self._ledger, self._single_batch = (None, batch) if ledger is None else check_ledger(ledger, batch)
        self._kept: KeptSends | None = None
        self._client: Client | None = None
        self._past_durations = PastDurations()
        self._was_entered = False
        self._left: asyncio.Future[None] | None = None
        self._events = EventHub()

    def __repr__(self) -> str:
        return f"MotionSession(base_url={str(self._transport_options['base_url'])!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a MotionSession holds a key and open connections, so it cannot be pickled; pickle job ids")

    @property
    def account(self) -> Account:
        """The service and the key, as a ledger is asked whose a batch is; it does not show the key."""
        options = self._transport_options
        return Account(read_origin(options["base_url"]), options["api_key"])

    async def __aenter__(self) -> Self:
        if self._was_entered:
            raise SessionClosedError("a session can be entered once; make a new one")
        HomeLoop("a MotionSession")
        transport = Transport(**self._transport_options)
        self._was_entered = True
        self._client = Client(transport, self._events, **self._client_options)
        if self._ledger is not None:
            self._kept = KeptSends(
                self._client, self._kept_batch(self._ledger, self._single_batch, schedule=self._schedule)
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the session: end its tasks, close its connections, tell whoever still waits.

        A create that may have reached the service gets `cancel_grace` seconds to bring its id back, for every caller.
        """
        if self._client is not None:
            self._client.polls.home.check()
        calls, self._client = self._client, None
        if calls is not None:
            self._left = asyncio.get_running_loop().create_future()
            try:
                await calls.aclose()
            finally:
                self._left.set_result(None)
        elif self._left is not None:
            await asyncio.wait([self._left])

    async def create(
        self,
        prompt: str | VideoRequest,
        *,
        style_reference_url: str | None = None,
        attachments: Iterable[Attachment | str] = (),
        key: str | None = None,
        metadata: Any = None,
    ) -> Job:
        """Create a job (section "Create Job"). It is sent at most once unless the service provably did not take it.

        While no connection can be made, or the answer is a 429, it is tried for 90 seconds and up to eight times, each
        for up to `send_timeout`; to wait for one that finds out for all, or for a `Retry-After` of up to an hour, is
        no try. What cannot pass by itself is a `ConnectImpossibleError` at once. End it sooner with `asyncio.timeout`:
        that sends nothing twice, and an id that still comes is in the log and in `events`.

        Args:
            prompt: 1 to 12,000 characters, or a whole request.
            style_reference_url: a YouTube URL whose style to follow.
            attachments: at most 10; a plain string is taken as an attachment's URL.
            key: what you know it by, 1 to 200 printable characters, such as the number of an order. The session's
                ledger gives the same job for it ever after, whoever asks, and however this process ends. One that was
                not sent is sent by the next call, or by `resume`.
            metadata: anything of yours that can be written as JSON; it is kept, comes with `JobAccepted`, and is never
                sent.

        Returns:
            The job, which the service has queued, or, for a key that was used before, the one that was made then.

        Raises:
            InvalidRequestError: if the request breaks the contract, with every problem.
            InsufficientCreditsError: if the balance does not cover it.
            CreateUncertainError: if it was sent, now or by an earlier call with its key, and its answer was lost: a job
                may exist. `Ledger.resolve` settles it.
            LedgerConflictError: if its key was used for another request.
            LedgerAccountError: if the ledger's single creates are another service's or key's.
            ConfigurationError: for a key without a ledger, or metadata that cannot be written.
            MotionError: any other refusal, or no connection.
        """
        try:
            request = as_request(prompt, style_reference_url, attachments)
        finally:
            del prompt, style_reference_url, attachments  # a traceback with locals must not show signed URLs
        return await self._send(request, key=key, metadata=metadata)

    async def followup(
        self,
        job_id: str,
        prompt: str | VideoRequest,
        *,
        style_reference_url: str | None = None,
        attachments: Iterable[Attachment | str] = (),
        key: str | None = None,
        metadata: Any = None,
    ) -> Job:
        """Give a completed job a new turn (section "Create Followup Endpoint"); it keeps its id.

        The job is polled before each try, so that its old `completed` is not taken for the new one after; it is tried
        as a create is, while that poll fails, too. Several followups to one job have their turns one after the other.

        Args:
            job_id: a job that is completed.
            prompt: see `create`.
            style_reference_url: see `create`.
            attachments: see `create`.
            key: see `create`.
            metadata: see `create`.

        Returns:
            The job, in its new turn.

        Raises:
            FollowupNotAllowedError: if the job is not completed, by the poll before it or by the service's 409.
            FollowupUncertainError: if it was sent and its answer was lost. `Job.wait` finds out: it gives the new end,
                or raises this again if three polls show that nothing has changed.
            MotionError: any other refusal, or no connection.
        """
        try:
            request = as_request(prompt, style_reference_url, attachments)
        finally:
            del prompt, style_reference_url, attachments  # as in `create`
        check_job_id(job_id)  # here already, as without a job it would be sent as a create
        return await self._send(request, key=key, metadata=metadata, followed=job_id)

    async def _send(self, request: VideoRequest, *, key: str | None, metadata: Any, followed: str | None = None) -> Job:
        calls = self._open()
        if self._kept is not None:
            watched = await self._kept.send(request, key=key, metadata=metadata, followed=followed)
        elif key is not None:
            raise ConfigurationError("a key needs a ledger, which gives the same job for it: MotionSession(ledger=…)")
        elif followed is None:
            watched = await calls.create(request, metadata=metadata)
        else:
            watched = await calls.followup(followed, request, metadata=metadata)
        return Job(self, calls.polls, watched)

    def job(self, job_id: str) -> Job:
        """Take a job up again by its id, from this process or another: no I/O.

        Args:
            job_id: the job; a UUID may be written in capitals, as databases do.

        Raises:
            InvalidRequestError: if it cannot be a job's id.
            SessionClosedError: if the session is not open.
        """
        calls = self._open()
        return Job(self, calls.polls, calls.job(job_id))

    async def generate(
        self,
        prompt: str | VideoRequest,
        *,
        style_reference_url: str | None = None,
        attachments: Iterable[Attachment | str] = (),
        timeout: float | None = None,  # the option that callers know; a scope inside keeps it
        on_input: OnInput = "wait",
        key: str | None = None,
        metadata: Any = None,
    ) -> JobState:
        """Create a job and wait until it completes.

        Args:
            prompt: see `create`.
            style_reference_url: see `create`.
            attachments: see `create`.
            timeout: seconds from the moment at which the service took it, at least 0; None for no deadline.
            on_input: see `Job.wait`.
            key: see `create`.
            metadata: see `create`.

        Returns:
            The state of the completed job.

        Raises:
            MotionError: what `create` and `Job.wait` raise.
        """
        try:
            request = as_request(prompt, style_reference_url, attachments)
        finally:
            del prompt, style_reference_url, attachments  # as in `create`
        check_timeout(timeout)
        check_on_input(on_input)
        job = await self.create(request, key=key, metadata=metadata)
        try:
            return await job.wait(timeout=timeout, on_input=on_input)
        except asyncio.CancelledError:
            _log.warning("the caller of generate was cancelled; job %s goes on", job.id)
            raise

    def _open(self) -> Client:
        if self._client is None:
            what = "left; open a new one" if self._was_entered else "entered yet; use `async with`"
            raise SessionClosedError(f"the session has {'' if self._was_entered else 'not '}been {what}")
        self._client.polls.home.check()
        return self._client
