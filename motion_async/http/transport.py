"""One HTTP exchange, with the headers that it carries: the only file that imports aiohttp's client.

It carries a `Call` to the service and brings an `Answer` back, or raises a `TransportError`. It must
not read what an answer means, nor make a call twice. Creates and followups travel on a connection
of their own, never on a kept-alive one that may have gone stale; polls share a pool.
"""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import anyio
import attrs
from aiohttp import hdrs
from aiohttp.http import HttpProcessingError
from yarl import URL

from motion_async.contract.protocol import Answer, Call
from motion_async.contract.wire import WireError, first_object, inflate
from motion_async.errors import (
    ConfigurationError,
    ConnectFailedError,
    ConnectImpossibleError,
    ConnectionLostError,
    ExchangeTimeoutError,
    MotionError,
    SessionClosedError,
    TransportError,
    UnexpectedResponseError,
)
from motion_async.http.cancelling import is_cancelled
from motion_async.http.connections import OwnConnections, PollRequest, listener, make_client, make_pool
from motion_async.http.deadlines import Deadline, Deadlines
from motion_async.http.endpoint import check_reach, proxy_for
from motion_async.http.failures import Obstacle, Way, find_obstacle
from motion_async.http.frames import Heard, read_past_frame
from motion_async.redaction import Eraser, Secret

__all__ = ["Exchange", "Transport"]

_FOR_SENDS: Final = 4
"""One connection in so many, and at least one, is for creates and followups."""


@attrs.define(eq=False)
class Exchange:
    """What is known of an exchange from outside while it is under way.

    Args:
        before_first_byte: called just before the first byte leaves; if it raises, none does.
        grace: seconds in which the answer may still come when the exchange is cancelled after that.
        sent: whether bytes of the request may have left; until then the service cannot have taken it.
        kept_back: what `before_first_byte` raised, None if it did not.
        has_head: whether the head of an answer has come, and is well-formed.
        cut: the answer as far as it had come when the exchange was ended or its frame broke: it may hold the id.
    """

    before_first_byte: Callable[[], None] = lambda: None
    grace: float = 0.0
    sent: bool = False
    kept_back: Exception | None = None
    has_head: bool = False
    cut: Answer | None = None

    def leaves(self) -> None:
        """Note that the first byte is about to leave, or keep it from leaving by raising."""
        try:
            self.before_first_byte()
        except Exception as error:
            self.kept_back = error
            raise
        self.sent = True


class Transport:
    """The connections of one session, and the key that travels on them.

    Args:
        api_key: a key that `check_api_key` has passed.
        base_url: an URL that `check_base_url` has passed.
        client_session: the caller's own, whose connector is used; it is neither changed nor closed, and
            its default headers, cookies and credentials are not used.
        trace_configs: aiohttp's, for every request.
        proxy: the URL of an HTTP proxy.
        trust_env: whether the environment's proxy settings count; its netrc never does.
        ssl: as in aiohttp.
        max_connections: the most connections at one time, at least 2.
        timeout: seconds for a whole poll, more than 0.
        send_timeout: the same for a create or a followup.
        max_answer_bytes: the most of a body that is read, at least 1.

    Attributes:
        base_url: where the service is.
        polls_at_once: so many polls are under way at most; the other connections are for creates and followups.
        places_to_send: one for each of these; whoever carries a create or a followup holds one.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: URL,
        client_session: aiohttp.ClientSession | None,
        trace_configs: Sequence[aiohttp.TraceConfig],
        proxy: str | URL | None,
        trust_env: bool,
        ssl: tls.SSLContext | aiohttp.Fingerprint | bool,
        max_connections: int,
        timeout: float,
        send_timeout: float,
        max_answer_bytes: int,
    ) -> None:
        check_reach(base_url)
        self._key = Secret(api_key)
        self._eraser = Eraser(api_key)
        self._base = base_url
        self.base_url: Final = str(base_url)
        self._base_path = base_url.raw_path.rstrip("/")
        self._poll_deadlines = Deadlines(timeout)
        self._send_deadlines = Deadlines(send_timeout)
        self._limit = max_answer_bytes
        self._is_closing = False
        self._way = Way()
        # Apart from each other, as a poll's connection stays open when it is idle, and a create opens its own.
        sends = max(1, max_connections // _FOR_SENDS)
        self.polls_at_once = max_connections - sends
        self._poll_slots = anyio.Semaphore(self.polls_at_once, fast_acquire=True)
        self.places_to_send: Final = anyio.Semaphore(sends, fast_acquire=True)
        # A redirect would carry the key, and what is paid for, to another address.
        self._options: dict[str, Any] = {"allow_redirects": False}
        if (way := proxy_for(base_url, proxy, trust_env=trust_env)) is not None:
            self._options["proxy"] = way
        owned = client_session is None
        connector = client_session.connector if client_session else make_pool(ssl)
        if connector is None or connector.closed:
            raise ConfigurationError("the client_session that was handed in is closed")
        if client_session is not None and ssl is not True:
            self._options["ssl"] = ssl
        traces = [*trace_configs, *(client_session.trace_configs if client_session else ())]
        headers: dict[str, str] = {
            hdrs.AUTHORIZATION: Secret(f"Bearer {api_key}"),  # aiohttp's frames have it as a local
            hdrs.ACCEPT: "application/json",
            # Answers are small. A server that compresses them all the same is read up to a bound.
            hdrs.ACCEPT_ENCODING: "identity",
        }
        self._polls = make_client(connector, owned, headers, traces, request_class=PollRequest)
        headers[hdrs.CONTENT_TYPE] = "application/json"
        self._sends = make_client(OwnConnections(connector), True, headers, [_make_send_trace(), *traces])

    def __repr__(self) -> str:
        return f"Transport({str(self._base)!r})"

    async def exchange(self, call: Call, exchange: Exchange | None = None) -> Answer:
        """Carry one call to the service and bring the answer back, whatever its status.

        Whoever sends a create or a followup holds one of `places_to_send` and gives an `exchange`; a poll has none.
        Raises a `TransportError` if no answer came, `SessionClosedError` if the connections are closed, and what kept
        the first byte from leaving. An answer whose body is not whole says so in its `flaw`.
        """
        failure: Exception
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        try:
            return await (self._poll(call) if exchange is None else self._send(call, exchange))
        except Exception as error:  # noqa: BLE001  # a caller's trace hook may raise anything, and the answer is as lost
            if task is not None and task.cancelling() > cancelled:
                raise asyncio.CancelledError from None  # which a hook has taken for something else
            if exchange is not None and exchange.kept_back is not None:
                failure = exchange.kept_back.with_traceback(None)  # aiohttp's frames hold the body and the headers
            else:
                failure = self._translate(call, error, exchange)
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise error.with_traceback(None)  # noqa: B904  # aiohttp's frames hold the body and the headers as locals
            # Nobody cancelled this task: a connector that is closed cancels who waits for one of its connections.
            gone = aiohttp.ClientConnectionError("the connector was closed")
            failure = self._translate(call, gone, exchange)
        except BaseException as error:  # noqa: BLE001  # the end of the program, or what a hook makes of it
            raise error.with_traceback(None)  # noqa: B904  # as above
        # Raised out here, so that no exception of aiohttp, which may hold the request's headers, hangs on it.
        raise failure

    async def _poll(self, call: Call) -> Answer:
        """Poll in one of the slots for polls."""
        try:
            # `acquire` looks for cancelled scopes first, even with `fast_acquire`, and each poll would pay for that.
            self._poll_slots.acquire_nowait()
        except anyio.WouldBlock:
            await self._poll_slots.acquire()
        try:
            with Deadline(self._poll_deadlines):
                return await self._request(call)
        finally:
            self._poll_slots.release()

    async def _send(self, call: Call, exchange: Exchange) -> Answer:
        """Send what costs credits; an answer whose object came whole counts although the frame around it is flawed."""
        heard = Heard(self._limit)
        before = listener.set(heard)
        try:
            try:
                with Deadline(self._send_deadlines):
                    answer = await self._request(call, exchange)
            except _FLAWED:
                await heard.rest()
                raise
            except asyncio.CancelledError:  # not of a caller, nor of the deadline: the loop or the session is ended
                if exchange.sent and exchange.grace > 0:
                    await heard.rest(exchange.grace, from_nothing=True)
                raise
            if not 200 <= answer.status < 300 or (answer.flaw is None and first_object(answer.body) is not None):
                return answer
            await heard.rest()
            past = self._past_frame(heard, has_head=False)
            return answer if past is None else attrs.evolve(answer, body=past.body)
        except BaseException:  # whatever ended it, what has come may hold the id
            exchange.cut = self._past_frame(heard, has_head=exchange.has_head)
            raise
        finally:
            listener.reset(before)
            heard.end()

    def _past_frame(self, heard: Heard, *, has_head: bool) -> Answer | None:
        """Read what has come without its frame; without a well-formed head only if it tells that a job was taken."""
        found = read_past_frame(heard.data)
        if found is None or not (has_head or (200 <= found.status < 300 and found.is_whole)):
            return None
        get = found.headers.get
        return Answer(found.status, self._eraser.erase_json(found.body), get("retry-after"), None, get("date"))

    async def _request(self, call: Call, exchange: Exchange | None = None) -> Answer:
        url = self._base.with_path(self._base_path + call.path, encoded=True)
        if exchange is None:
            response = await self._polls.get(url, **self._options)
        else:
            response = await self._sends.post(url, data=call.body, trace_request_ctx=exchange, **self._options)
            exchange.has_head = True
        self._way.opened()
        try:
            body, flaw, content = b"", None, response.content
            if content.is_eof() and content.exception() is None:  # most answers are here with their first byte
                # One byte more than is taken tells a body that is too long from one that just fits.
                body = content.read_nowait(self._limit + 1)
            if not content.at_eof() or len(body) > self._limit:
                body, flaw = await self._read(response, call, body)
        except BaseException:
            response.close()
            raise
        return self._make_answer(response, call, body, flaw)

    def _make_answer(
        self,
        response: aiohttp.ClientResponse,
        call: Call,
        body: bytes,
        flaw: TransportError | UnexpectedResponseError | None,
    ) -> Answer:
        status, headers = response.status, response.headers
        if (encoding := headers.get(hdrs.CONTENT_ENCODING)) is not None:
            try:
                body = inflate(body, encoding, limit=self._limit)
            except WireError as error:
                reason = self._without_key(str(error))
                body, flaw = b"", flaw or UnexpectedResponseError(reason, http_status=status, job_id=call.job_id)
        # Whoever echoes the key does so to nobody: here it is known to the letter, and not only by how it looks.
        body = self._eraser.erase_json(body)
        if status == 200:
            return Answer(status, body, flaw=flaw)
        return Answer(status, body, headers.get(hdrs.RETRY_AFTER), flaw, headers.get(hdrs.DATE))

    def _without_key(self, text: str) -> str:
        return text.replace(str(self._key), "…")

    async def _read(
        self, response: aiohttp.ClientResponse, call: Call, body: bytes
    ) -> tuple[bytes, TransportError | UnexpectedResponseError | None]:
        """Read on in a body up to the bound; what keeps it from being whole is its flaw, not an error.

        A response gives its connection back when its body is at the end; one that is not read to it is closed.
        """
        content, read = response.content, bytearray(body)
        try:
            while not content.at_eof() and len(read) <= self._limit:
                read += await content.read(self._limit + 1 - len(read))
        except (*_FLAWED, OSError) as error:
            response.close()
            return bytes(read), self._transport_error(
                ConnectionLostError, call, "was lost in the middle of the answer", error
            )
        if len(read) <= self._limit:
            return bytes(read), None
        response.close()
        reason = f"its body is larger than {self._limit} bytes"
        flaw = UnexpectedResponseError(reason, http_status=response.status, job_id=call.job_id)
        return bytes(read[: self._limit]), flaw

    def _translate(self, call: Call, failure: Exception, exchange: Exchange | None) -> MotionError:
        """Give the error that a failure of the network layer stands for.

        The kind of failure decides for polls alone: a send may fail by a trace hook of the caller's, which may raise
        anything, so there only `sent` counts.
        """
        is_open = not (self._is_closing or self._polls.closed)
        has_left = exchange is not None and exchange.sent
        # aiohttp raises these for options that it cannot use, and no later try would go better.
        if is_open and not has_left and isinstance(failure, RuntimeError | TypeError):
            mistake = ConfigurationError(
                f"a {call.kind} could not be made, by a mistake in what was handed in: {failure!r}"
            )
            mistake.__cause__ = failure.with_traceback(None)  # aiohttp's frames hold the headers
            return mistake
        obstacle = None if has_left else find_obstacle(failure)
        is_known = obstacle is not None or isinstance(failure, _NEVER_CONNECTED)
        if is_known if exchange is None else not has_left:
            if is_open:
                return self._connect_error(call, failure, obstacle)
        elif isinstance(failure, aiohttp.ClientResponseError | HttpProcessingError) and is_open and call.body is None:
            # A proxy that breaks each answer in the same way is no outage, which would be waited for without end.
            return UnexpectedResponseError(f"its frame is broken ({self._words_of(failure)})", job_id=call.job_id)
        elif isinstance(failure, TimeoutError) and is_open:
            seconds = (self._poll_deadlines if call.body is None else self._send_deadlines).seconds
            return self._transport_error(ExchangeTimeoutError, call, f"brought no answer within {seconds:g} s", failure)
        # A send whose session is left in the middle is still a lost answer: only that says that it may be paid for.
        elif is_open or call.body is not None:
            return self._transport_error(ConnectionLostError, call, "was lost before an answer came", failure)
        return SessionClosedError("the session's connections have been closed; nothing more can be sent")

    def _connect_error(self, call: Call, failure: Exception, obstacle: Obstacle | None) -> TransportError:
        if obstacle is None or not self._way.is_blocked(obstacle, now=asyncio.get_running_loop().time()):
            return self._transport_error(ConnectFailedError, call, "could not be made", failure)
        return self._transport_error(ConnectImpossibleError, call, "could not be made", failure, obstacle.advice)

    def _transport_error(
        self, kind: type[TransportError], call: Call, what: str, failure: Exception, advice: str = ""
    ) -> TransportError:
        about = f" for job {call.job_id}" if call.job_id else ""
        words = f"the connection of a {call.kind}{about} {what} ({self._words_of(failure)})"
        return kind(f"{words}; {advice}" if advice else words, job_id=call.job_id)

    def _words_of(self, failure: Exception) -> str:
        """Say what has failed; not by its repr, in which aiohttp shows the request's headers."""
        return self._without_key(f"{type(failure).__name__}: {failure}".removesuffix(": "))[:300]

    async def aclose(self) -> None:
        """Close the connections that this transport has opened; a connector of the caller's stays open."""
        self._is_closing = True
        self._poll_deadlines.close()
        self._send_deadlines.close()
        try:
            # First, as the sends' connector opens its connections by means of the other one.
            await self._sends.close()
        finally:
            await self._polls.close()


_FLAWED: Final = (aiohttp.ClientError, HttpProcessingError)
"""What aiohttp's two parsers make of a frame that is not as it should be."""
_NEVER_CONNECTED: Final = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL)


def _make_send_trace() -> aiohttp.TraceConfig:
    """Give a trace that calls `Exchange.leaves` just before the first byte of a request does."""

    async def note(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.leaves()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(note)
    return trace
