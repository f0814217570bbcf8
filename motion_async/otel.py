"""OpenTelemetry for every session of this process (extra `otel`): spans of jobs and of what costs credits, and metrics.

    from motion_async import MotionSession
    from motion_async.otel import MotionInstrumentor

    MotionInstrumentor().instrument()  # or by the command `opentelemetry-instrument`, which finds it

    async def make(prompt):
        async with MotionSession() as motion:
            return await motion.generate(prompt)

It takes the app's providers unless it is given others, and serves sessions that are open already, too.

`motion.create` and `motion.followup` are spans of the caller's trace, each with all tries of its call. Their
`motion.send.outcome` is `accepted`, `refused` (provably not taken, whether by the service or on the way) or `uncertain`
(perhaps taken, and paid for); `motion.send.abandoned` says that the caller was cancelled meanwhile.

`motion.job` is the span of a job from there to its end, or, of one that is taken up by its id, from the first answer
about it; its changes are events. As it outlives the request that made it, it has a trace of its own, and a link to the
span of the create or followup. Its `motion.job.outcome` is `completed` or `failed`. Or the span ends before the job is
known to: `watch_failed` with the error's type, `session_left`, `uninstrumented`, or `unwatched`, as nobody in this
process holds the job any more; that is looked for when many others have begun, and at the end.

Metrics: `motion.poll.duration`, a histogram in seconds; `motion.job.watched`, the jobs that are polled now;
`motion.send.accepted`, `motion.send.refused` and `motion.send.uncertain` count creates and followups; and
`motion.call.disturbed` counts tries of any call that failed and are made again. `error.type` is the class of an error.

Nothing of a request, no key, no metadata and no text of the service stands in any of these, but in spans a job's id and
the name of its status. Polls are made in no caller's trace: an instrumentation of aiohttp's client gives each its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import cache, partial, wraps
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, ref

import attrs

from motion_async import instrumentation
from motion_async.contract.protocol import Call
from motion_async.errors import JobFailedError, MotionError, UncertainError
from motion_async.events import Event, JobAccepted, PollDisturbed, SendAbandoned, SendDisturbed, WatchEnded
from motion_async.instrumentation import Session
from motion_async.jobs import JobStatus, StatusChange
from motion_async.polling.tracked import TrackedJob
from motion_async.showing import shown

try:
    from opentelemetry import context, metrics, trace
except ModuleNotFoundError as error:
    what_to_do = "which is not installed: install motion-async with its extra `otel`"
    raise ModuleNotFoundError(f"motion_async.otel needs {error.name}, {what_to_do}", name=error.name) from None

__all__ = ["MotionInstrumentor"]

_SCHEMA: Final = "https://opentelemetry.io/schemas/1.30.0"
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds, as the semantic conventions have them for HTTP requests."""
_SENDING: Final = context.create_key("motion_async.sending")
_MOST_UNWATCHED: Final = 1_000
"""So many spans of jobs are open before those of jobs that nobody holds any more are looked for."""
_LONGEST_STATUS: Final = 64

_log = logging.getLogger(__name__)
_T = TypeVar("_T", bound=Callable[..., Any])


class MotionInstrumentor:
    """The switch of OpenTelemetry for all sessions of this process; each that is made is the same one."""

    @property
    def is_instrumented_by_opentelemetry(self) -> bool:
        """Whether it is on."""
        return instrumentation.active is not None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Give what has to be installed, as OpenTelemetry's tools ask of each instrumentor."""
        return ("motion-async",)

    def instrument(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        **_: Any,
    ) -> None:
        """Switch it on; where it is on already that is warned of, and changes nothing.

        Args:
            tracer_provider: makes the spans; the app's when None.
            meter_provider: makes the metrics; the app's when None.
            _: what OpenTelemetry's tools hand in besides, without effect.
        """
        if self.is_instrumented_by_opentelemetry:
            _log.warning("motion_async is instrumented already, and stays as it is")
        else:
            instrumentation.active = _Telemetry(tracer_provider, meter_provider)

    def uninstrument(self, **_: Any) -> None:
        """Switch it off, and end the spans of jobs; where it is off already that is warned of."""
        if not self.is_instrumented_by_opentelemetry:
            _log.warning("motion_async is not instrumented")
        instrumentation.active = None
        while _sessions:
            _sessions.popitem()[1].end_all("uninstrumented")


def _harmless(method: _T) -> _T:
    """Have a method log what it raises, as somebody's processor of spans may: it must not cost the id of a job."""

    @wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except Exception:  # noqa: BLE001  # whatever it is
            _log.exception("telemetry could not be told of something")

    return guarded  # type: ignore[return-value]


@cache
def _server(base_url: str) -> dict[str, Any]:
    url = urlsplit(base_url)
    return {"server.address": url.hostname, "server.port": url.port or (80 if url.scheme == "http" else 443)}


def _failure(error: MotionError) -> dict[str, Any]:
    return {"error.type": type(error).__qualname__}


def _name_of(status: JobStatus) -> str:
    """Give a status, if it is a name such as the documentation's, and no text in which anything may stand."""
    name = shown(status)
    return name if name.isidentifier() and len(name) <= _LONGEST_STATUS else "undocumented"


class _Telemetry:
    """Tells OpenTelemetry what happens, by one pair of providers."""

    def __init__(
        self, tracer_provider: trace.TracerProvider | None, meter_provider: metrics.MeterProvider | None
    ) -> None:
        scope = ("motion_async", version("motion-async"))
        self.tracer = trace.get_tracer(*scope, tracer_provider, schema_url=_SCHEMA)
        self.meter_provider = meter_provider
        meter = metrics.get_meter(*scope, meter_provider, schema_url=_SCHEMA)
        count = partial(meter.create_counter, unit="{call}")
        self.sends = {
            "accepted": count("motion.send.accepted", description="Creates and followups that the service took."),
            "refused": count("motion.send.refused", description="Those that provably were not taken."),
            "uncertain": count("motion.send.uncertain", description="Those that were sent, and perhaps taken."),
        }
        self._disturbed = count("motion.call.disturbed", description="Tries that failed and are made again.")
        self._polls = meter.create_histogram(
            "motion.poll.duration", "s", "Duration of polls.", explicit_bucket_boundaries_advisory=_BOUNDS
        )
        watched = partial(_watched, meter_provider)
        meter.create_observable_up_down_counter("motion.job.watched", [watched], "{job}", "Jobs that are polled.")

    def sending(self, session: Session, call: Call) -> _Sending:
        return _Sending(self, call, session.base_url)

    @_harmless
    def polled(self, session: Session, seconds: float, error: MotionError | None) -> None:
        self._jobs_of(session)  # whose watched jobs are counted from here on
        attributes = _server(session.base_url) | {"http.request.method": "GET"}
        if (status := 200 if error is None else getattr(error, "http_status", None)) is not None:
            attributes["http.response.status_code"] = status
        self._polls.record(seconds, attributes if error is None else attributes | _failure(error))

    @_harmless
    def told(self, session: Session, event: Event) -> None:
        jobs, attributes = self._jobs_of(session), _server(session.base_url)
        send: Any = context.get_value(_SENDING)  # None for what was under way before there was an instrumentation
        match event:
            case JobAccepted(job_id, followup):
                self.sends["accepted"].add(1, attributes | {"motion.call": "followup" if followup else "create"})
                job = jobs.find_or_begin(session, job_id)  # a poll may have begun it, just before the answer came
                if send is not None:
                    send.accept(job_id)
                    job.span.add_link(send.span.get_span_context())
            case SendAbandoned(error=MotionError() as error) if send is not None:
                send.fail(error)
            case SendDisturbed(job_id, error):
                call = "create" if job_id is None else "followup"
                self._disturbed.add(1, attributes | {"motion.call": call} | _failure(error))
                if send is not None:
                    send.disturb(error)
            case PollDisturbed(_, error):
                self._disturbed.add(1, attributes | {"motion.call": "poll"} | _failure(error))
            case StatusChange():
                jobs.change(session, event)
            case WatchEnded(job_id, error):
                jobs.end(job_id, "watch_failed", failure=_failure(error))
            case _:
                pass  # no word of a call or a job by itself

    @_harmless
    def left(self, session: Session) -> None:
        self._jobs_of(session).end_all("session_left")
        del _sessions[session]

    def _jobs_of(self, session: Session) -> _Jobs:
        if (jobs := _sessions.get(session)) is None:
            jobs = _sessions[session] = _Jobs(self.tracer, _server(session.base_url))
        return jobs


def _watched(meter_provider: metrics.MeterProvider | None, _: metrics.CallbackOptions) -> Iterator[metrics.Observation]:
    """Count the watched jobs of each service, in the thread of whoever reads the metrics.

    OpenTelemetry takes no callback back. So this asks whether its provider counts now, or again.
    """
    telemetry, watched = instrumentation.active, Counter[str]()
    if isinstance(telemetry, _Telemetry) and telemetry.meter_provider is meter_provider:
        for reference in _sessions.keyrefs():
            if (session := reference()) is not None:
                watched[session.base_url] += session.polls.count_watched()
    for base_url, number in watched.items():
        yield metrics.Observation(number, _server(base_url))


@attrs.define(eq=False)
class _Sending:
    """The span of a create or followup, which is the current one for all that its tries do."""

    telemetry: _Telemetry
    call: Call
    base_url: str
    http_status: int | None = None
    span: trace.Span = trace.INVALID_SPAN
    token: Any = None

    def __enter__(self) -> Self:
        self._begin()
        return self

    @_harmless
    def _begin(self) -> None:
        attributes = _server(self.base_url) | {
            "http.request.method": "POST",
            "url.full": self.base_url + self.call.path,
            "motion.call": self.call.kind,
        }
        if self.call.job_id is not None:
            attributes["motion.job.id"] = self.call.job_id
        tracer, name, kind = self.telemetry.tracer, f"motion.{self.call.kind}", trace.SpanKind.CLIENT
        self.span = tracer.start_span(name, kind=kind, attributes=attributes)
        self.token = context.attach(trace.set_span_in_context(self.span, context.set_value(_SENDING, self)))

    @_harmless
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.token is not None:
            context.detach(self.token)
        if isinstance(error, MotionError):
            self.fail(error)
        elif isinstance(error, asyncio.CancelledError):
            self.span.set_attribute("motion.send.abandoned", value=True)
        if self.http_status is not None:
            self.span.set_attribute("http.response.status_code", self.http_status)
        self.span.end()

    def answered(self, http_status: int) -> None:
        self.http_status = http_status

    def accept(self, job_id: str) -> None:
        self._note({"motion.send.outcome": "accepted", "motion.job.id": job_id})

    def fail(self, error: MotionError) -> None:
        outcome = "uncertain" if isinstance(error, UncertainError) else "refused"
        attributes = _server(self.base_url) | {"motion.call": self.call.kind} | _failure(error)
        self.telemetry.sends[outcome].add(1, attributes)
        self._note({"motion.send.outcome": outcome} | _failure(error), trace.StatusCode.ERROR)

    def disturb(self, error: MotionError) -> None:
        status = {} if self.http_status is None else {"http.response.status_code": self.http_status}
        self.span.add_event("motion.send.disturbed", _failure(error) | status)
        self.http_status = None  # the next try may have no answer

    def _note(self, attributes: dict[str, Any], status: trace.StatusCode = trace.StatusCode.UNSET) -> None:
        if self.span.is_recording():  # not after its end: a caller who was cancelled waits for a while only
            self.span.set_attributes(attributes)
            self.span.set_status(status)


@attrs.define(eq=False)
class _OpenJob:
    """A job whose span has not ended.

    Args:
        span: its span.
        job: the job, dead when nobody in this process holds it any more.
        heard_at: when there was news of it, in nanoseconds.
    """

    span: trace.Span
    job: ref[TrackedJob]
    heard_at: int
    status: JobStatus | None = None


class _Jobs:
    """The spans of the jobs of one session."""

    def __init__(self, tracer: trace.Tracer, server: dict[str, Any]) -> None:
        self._tracer = tracer
        self._server = server
        self._open: dict[str, _OpenJob] = {}
        self._most = _MOST_UNWATCHED

    def find_or_begin(self, session: Session, job_id: str) -> _OpenJob:
        """Give a job of which there is news."""
        tracked, now = session.polls.job(job_id), time.time_ns()
        job_id, holder = tracked.job_id, ref(tracked)
        if (job := self._open.get(job_id)) is None:
            self._end_unwatched()
            attributes = self._server | {"motion.job.id": job_id}
            span = self._tracer.start_span("motion.job", context.Context(), attributes=attributes)
            job = self._open[job_id] = _OpenJob(span, holder, now)
        job.job, job.heard_at = holder, now
        return job

    def change(self, session: Session, change: StatusChange) -> None:
        """Note a change, unless it is an end of which nothing was seen before."""
        if change.is_end and change.job_id not in self._open:
            return
        job = self.find_or_begin(session, change.job_id)
        if change.current != job.status:  # as it may be told again where the session has forgotten the job in between
            job.status = change.current
            job.span.add_event("motion.job.transition", {"motion.job.status": _name_of(change.current)})
        if (end := change.state.end) is not None:
            failed = end == JobStatus.FAILED
            self.end(change.job_id, str(end), failure={"error.type": JobFailedError.__qualname__} if failed else None)

    def end(self, job_id: str, outcome: str, *, failure: dict[str, Any] | None = None) -> None:
        """End the span of a job, if it has one."""
        if (job := self._open.pop(job_id, None)) is None:
            return
        job.span.set_attributes({"motion.job.outcome": outcome} | (failure or {}))
        if failure is not None:
            job.span.set_status(trace.StatusCode.ERROR)
        job.span.end(job.heard_at if outcome == "unwatched" else None)

    @_harmless
    def end_all(self, outcome: str) -> None:
        """End the spans of all jobs."""
        for job_id, job in list(self._open.items()):
            self.end(job_id, "unwatched" if job.job() is None else outcome)

    def _end_unwatched(self) -> None:
        """End the spans of jobs that nobody holds, each time when the open ones have doubled since the last."""
        if len(self._open) >= self._most:
            for job_id in [job_id for job_id, job in self._open.items() if job.job() is None]:
                self.end(job_id, "unwatched")
            self._most = max(_MOST_UNWATCHED, 2 * len(self._open))


_sessions: WeakKeyDictionary[Session, _Jobs] = WeakKeyDictionary()
"""Of which sessions something was told, and the spans of their jobs."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_sessions.clear)  # they are the parent's, which tells of them itself
