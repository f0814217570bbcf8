"""OpenTelemetry's spans and metrics, as the SDK's exporters in memory have them, of sessions against the sandbox."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from motion_async import (
    Attachment,
    Backoff,
    CreateUncertainError,
    FollowupUncertainError,
    GrowingSchedule,
    InsufficientCreditsError,
    JobFailedError,
    JobNotFoundError,
    MotionError,
    MotionSession,
    RateLimitedError,
    VideoRequest,
    otel,
)
from motion_async.ledger import open_ledger
from motion_async.otel import MotionInstrumentor
from motion_async.sandbox import Fail, Hang, LostAnswer, RateLimited, Sandbox, ServerError
from tests.conftest import RawServer
from tests.told import HIDDEN_KEY, HIDDEN_SIGNATURE
from tests.waiting import until
from tests.web.guides import examples, run

pytestmark = pytest.mark.usefixtures("sends_leave_at_once")

QUICK: dict[str, Any] = {
    "schedule": GrowingSchedule(first=0.02, growth=0.2, cap=0.1),
    "backoff": Backoff(first=0.01, cap=0.02),
    "max_polls_per_second": 1_000,
}


class Telemetry:
    """What was exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.tracer = self.tracer_provider.get_tracer("the app")

    def instrument(self) -> None:
        MotionInstrumentor().instrument(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider)

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def span(self, name: str) -> ReadableSpan:
        [span] = self.spans(name)
        return span

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        found = [metric for scope in scopes for metric in scope.metrics if metric.name == name]
        return [point for metric in found for point in metric.data.data_points]

    def counted(self, name: str, *by: str) -> dict[Any, int]:
        """Give the sums of a counter by some attributes."""
        return {tuple(point.attributes.get(each) for each in by): point.value for point in self.points(name)}

    def everything(self) -> str:
        data = self.reader.get_metrics_data()
        return "".join(span.to_json() for span in self.exporter.get_finished_spans()) + (data.to_json() if data else "")


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Have all sessions of the test instrumented."""
    telemetry = Telemetry()
    telemetry.instrument()
    yield telemetry
    if MotionInstrumentor().is_instrumented_by_opentelemetry:
        MotionInstrumentor().uninstrument()
    telemetry.tracer_provider.shutdown()
    telemetry.meter_provider.shutdown()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=2_000) as sandbox:
        yield sandbox


@pytest.fixture
async def motion(sandbox: Sandbox) -> AsyncIterator[MotionSession]:
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
        yield motion


def answer_with(server: RawServer, *answers: tuple[str, dict[str, Any]]) -> None:
    """Have a server give some answers, one after the other."""
    left = iter(answers)

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes) -> None:
        status, body = next(left)
        text = json.dumps(body).encode()
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        await writer.drain()

    server.handler = answer


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    return span.attributes or {}


def ids(spans: list[ReadableSpan]) -> set[int]:
    """Give the ids of spans."""
    return {span.context.span_id for span in spans if span.context}


def linked(spans: list[ReadableSpan]) -> set[int]:
    """Give the ids of the spans that some are linked to, each to one."""
    assert all(len(span.links) == 1 for span in spans)
    return {span.links[0].context.span_id for span in spans}


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


def events(span: ReadableSpan) -> list[tuple[str, Any]]:
    """Give the names of a span's events, each with the attribute that tells most."""
    told = [(event.name, event.attributes or {}) for event in span.events]
    return [(name, given.get("motion.job.status") or given.get("error.type")) for name, given in told]


# Creates, followups, and their jobs.


async def test_two_requests_at_a_time_have_a_trace_each(telemetry: Telemetry, motion: MotionSession) -> None:
    """A create is a child of its own request's span, and its job the root of another trace that links to the create."""

    async def handle(request: str) -> None:
        with telemetry.tracer.start_as_current_span(request):
            await motion.generate(f"A launch video for {request}")

    await asyncio.gather(handle("one"), handle("two"))
    requests = [telemetry.span("one"), telemetry.span("two")]
    for request in requests:
        [create] = [span for span in telemetry.spans("motion.create") if trace_of(span) == trace_of(request)]
        assert create.parent == request.context
        [job] = [span for span in telemetry.spans("motion.job") if span.links[0].context == create.context]
        assert job.parent is None
        assert attributes(job)["motion.job.id"] == attributes(create)["motion.job.id"]
        assert trace_of(job) not in {trace_of(request) for request in requests}
    assert len(telemetry.spans("motion.job")) == len(telemetry.spans("motion.create")) == 2


async def test_spans_have_the_names_of_the_semantic_conventions(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """A create tells its server, its method and the status of its answer; a job its changes, each with its time."""
    await motion.generate("A launch video")
    create, job = telemetry.span("motion.create"), telemetry.span("motion.job")
    [job_id] = sandbox.jobs
    port = int(sandbox.url.split(":")[2].split("/")[0])
    assert create.kind == SpanKind.CLIENT
    assert attributes(create) == {
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.request.method": "POST",
        "http.response.status_code": 202,
        "url.full": f"{sandbox.url}/sessions",
        "motion.call": "create",
        "motion.job.id": job_id,
        "motion.send.outcome": "accepted",
    }
    assert attributes(job) == {
        "server.address": "127.0.0.1",
        "server.port": port,
        "motion.job.id": job_id,
        "motion.job.outcome": "completed",
    }
    assert {create.status.status_code, job.status.status_code} == {StatusCode.UNSET}
    transitions = events(job)
    assert (transitions[0], transitions[-1]) == (
        ("motion.job.transition", "queued"),
        ("motion.job.transition", "completed"),
    )
    times = [event.timestamp for event in job.events]
    assert times == sorted(times)
    assert create.instrumentation_scope is not None
    assert create.instrumentation_scope.name == "motion_async"


async def test_a_job_that_fails_ends_its_span_as_an_error(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """What the service says of it does not stand there."""
    sandbox.faults.next(Fail("the cat looked sad"))
    with pytest.raises(JobFailedError):
        await motion.generate("A sad cat")
    job = telemetry.span("motion.job")
    assert job.status.status_code == StatusCode.ERROR
    assert attributes(job)["motion.job.outcome"] == "failed"
    assert attributes(job)["error.type"] == "JobFailedError"
    assert telemetry.span("motion.create").status.status_code == StatusCode.UNSET
    assert "sad" not in telemetry.everything()


async def test_a_followup_has_a_span_and_its_turn_another_one(telemetry: Telemetry, motion: MotionSession) -> None:
    """Both know the job's id; a followup that the service did not get has no status."""
    job = await motion.create("A launch video")
    await job.wait()
    await job.followup("Faster")
    await job.wait()
    first, second = telemetry.spans("motion.job")
    followup = telemetry.span("motion.followup")
    assert second.links[0].context == followup.context
    assert attributes(first)["motion.job.id"] == attributes(second)["motion.job.id"] == job.id
    assert attributes(followup)["url.full"].endswith(f"/sessions/{job.id}/followups")
    assert telemetry.counted("motion.send.accepted", "motion.call") == {("create",): 1, ("followup",): 1}


async def test_an_uncertain_create_is_told_apart(telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession) -> None:
    """It is an error with an outcome of its own, and has no job that could be watched."""
    sandbox.faults.next(LostAnswer(), on="create")
    with pytest.raises(CreateUncertainError):
        await motion.create("A launch video")
    create = telemetry.span("motion.create")
    assert create.status.status_code == StatusCode.ERROR
    assert attributes(create)["motion.send.outcome"] == "uncertain"
    assert attributes(create)["error.type"] == "CreateUncertainError"
    assert "http.response.status_code" not in attributes(create)
    assert telemetry.counted("motion.send.uncertain", "motion.call", "error.type") == {
        ("create", "CreateUncertainError"): 1
    }
    assert telemetry.spans("motion.job") == []
    sandbox.faults.next(ServerError(503), on="create")
    with pytest.raises(CreateUncertainError):
        await motion.create("Another one")
    assert attributes(telemetry.spans("motion.create")[1])["http.response.status_code"] == 503


async def test_an_uncertain_followup_knows_its_job(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """And is counted as a followup."""
    job = await motion.create("A launch video")
    await job.wait()
    sandbox.faults.next(LostAnswer(), on="followup")
    with pytest.raises(FollowupUncertainError):
        await job.followup("Faster")
    assert attributes(telemetry.span("motion.followup"))["motion.job.id"] == job.id
    assert telemetry.counted("motion.send.uncertain", "motion.call") == {("followup",): 1}


async def test_a_create_without_credits_is_refused(telemetry: Telemetry) -> None:
    """It tells the 402."""
    async with Sandbox(credits=0) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
        with pytest.raises(InsufficientCreditsError):
            await motion.create("A launch video")
    create = telemetry.span("motion.create")
    assert create.status.status_code == StatusCode.ERROR
    assert attributes(create)["motion.send.outcome"] == "refused"
    assert attributes(create)["http.response.status_code"] == 402
    assert telemetry.counted("motion.send.refused", "motion.call", "error.type") == {
        ("create", "InsufficientCreditsError"): 1
    }


async def test_tries_that_meet_a_429_are_events_of_one_span(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """Each is counted as disturbed; when all of them are used up the create was refused."""
    sandbox.faults.next(RateLimited(), on="create", times=2)
    await motion.create("A launch video")
    create = telemetry.span("motion.create")
    assert events(create) == [("motion.send.disturbed", "RateLimitedError")] * 2
    assert [(event.attributes or {})["http.response.status_code"] for event in create.events] == [429, 429]
    assert attributes(create)["http.response.status_code"] == 202
    disturbed = ("motion.call.disturbed", "motion.call", "error.type")
    assert telemetry.counted(*disturbed) == {("create", "RateLimitedError"): 2}
    sandbox.faults.next(RateLimited(), on="create", times=8)
    with pytest.raises(RateLimitedError):
        await motion.create("Another one")
    assert attributes(telemetry.spans("motion.create")[1])["motion.send.outcome"] == "refused"
    assert telemetry.counted(*disturbed) == {("create", "RateLimitedError"): 9}
    assert telemetry.counted("motion.send.refused", "error.type") == {("RateLimitedError",): 1}


async def test_what_a_lost_answer_leaves_has_no_status_of_the_try_before(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """A 429, and then an answer that is lost: nobody answered at last."""
    sandbox.faults.next(RateLimited(), on="create")
    sandbox.faults.next(LostAnswer(), on="create")
    with pytest.raises(CreateUncertainError):
        await motion.create("A launch video")
    assert "http.response.status_code" not in attributes(telemetry.span("motion.create"))


async def test_a_batch_has_a_create_and_a_job_for_each_request(telemetry: Telemetry, motion: MotionSession) -> None:
    """All creates are children of the span in which the batch was entered."""
    with telemetry.tracer.start_as_current_span("the batch") as batch:
        async with motion.generate_many(["one", "two", "three"]) as outcomes:
            job_ids = {outcome.job_id async for outcome in outcomes}
    creates, jobs = telemetry.spans("motion.create"), telemetry.spans("motion.job")
    assert [create.parent for create in creates] == [batch.get_span_context()] * 3
    assert {attributes(job)["motion.job.id"] for job in jobs} == job_ids
    assert linked(jobs) == ids(creates)


async def test_a_key_that_was_used_sends_nothing_and_has_no_span(
    telemetry: Telemetry, sandbox: Sandbox, tmp_path: Any
) -> None:
    """The second create finds the job in the ledger."""
    async with (
        open_ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger,
        MotionSession(sandbox.api_key, base_url=sandbox.url, ledger=ledger, **QUICK) as motion,
    ):
        with telemetry.tracer.start_as_current_span("request") as request:
            for _ in range(2):
                await motion.generate("A launch video", key="order-17")
    assert telemetry.span("motion.create").parent == request.get_span_context()
    assert telemetry.span("motion.job").links[0].context == telemetry.span("motion.create").context


async def test_a_create_whose_caller_leaves_tells_what_became_of_it(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """The answer still comes: the span has the job's id, and the create is counted once."""
    sandbox.faults.next(Hang(0.3), on="create")
    task = asyncio.create_task(motion.create("A launch video"))
    await until(lambda: sandbox.counts.creates == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    create = attributes(telemetry.span("motion.create"))
    assert (create["motion.send.abandoned"], create["motion.send.outcome"]) == (True, "accepted")
    assert create["motion.job.id"] in sandbox.jobs
    assert telemetry.counted("motion.send.accepted") == {(): 1}


async def test_a_refusal_that_comes_after_its_caller_has_left_is_counted(
    telemetry: Telemetry, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when the span has ended, by a grace that is over, and nothing is warned of."""
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, cancel_grace=0.01, send_timeout=0.5) as motion:
        sandbox.faults.next(Hang(), on="create")
        task = asyncio.create_task(motion.create("A launch video"))
        await until(lambda: sandbox.counts.creates == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        create = attributes(telemetry.span("motion.create"))
        assert "motion.send.outcome" not in create
        await until(lambda: telemetry.counted("motion.send.uncertain") == {(): 1}, every=0.01)
    assert "ended span" not in caplog.text


# Jobs: where their spans begin and end.


async def test_a_job_that_is_taken_up_by_its_id_has_a_span_without_a_link(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """From the first answer; of a job that had ended by then nothing was watched."""
    MotionInstrumentor().uninstrument()
    job_id = (await motion.create("A launch video")).id
    telemetry.instrument()
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other:
        await other.job(job_id).wait()
        await other.poll(job_id)
        await other.job(job_id).wait()
    job = telemetry.span("motion.job")
    assert not job.links
    assert attributes(job)["motion.job.outcome"] == "completed"


@pytest.mark.parametrize("is_held", [True, False])
async def test_leaving_a_session_ends_the_spans_of_its_jobs(telemetry: Telemetry, is_held: bool) -> None:
    """They say whether anybody held the job until then."""
    async with Sandbox(speed=0) as sandbox:
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            held = [await motion.create("A launch video")]
            if not is_held:
                held.clear()
            assert telemetry.spans("motion.job") == []
        job = telemetry.span("motion.job")
    assert attributes(job)["motion.job.outcome"] == ("session_left" if is_held else "unwatched")
    assert job.status.status_code == StatusCode.UNSET


async def test_jobs_that_nobody_holds_do_not_pile_up(
    telemetry: Telemetry, motion: MotionSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When many others have begun their spans end, and those of jobs that are held stay open."""
    monkeypatch.setattr(otel, "_MOST_UNWATCHED", 4)
    MotionInstrumentor().uninstrument()
    telemetry.instrument()
    async with Sandbox(speed=0) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as session:
        held = await session.create("One that is held")
        for number in range(8):
            await session.create(f"Number {number}")
        outcomes = [attributes(span)["motion.job.outcome"] for span in telemetry.spans("motion.job")]
        assert set(outcomes) == {"unwatched"}
        assert len(outcomes) >= 3
        assert held.id not in {attributes(span)["motion.job.id"] for span in telemetry.spans("motion.job")}


async def test_a_watch_that_ends_with_an_error_ends_the_span_with_it(
    telemetry: Telemetry, raw_server: RawServer
) -> None:
    """The job itself may go on."""
    running = {"job_id": "job-1", "status": "running"}
    answer_with(raw_server, ("200 OK", running), ("404 No", {"error": "Job not found"}))
    async with MotionSession("motion_key", base_url=raw_server.url, **QUICK) as motion:
        with pytest.raises(JobNotFoundError):
            await motion.job("job-1").wait()
        span = telemetry.span("motion.job")
        assert span.status.status_code == StatusCode.ERROR
        assert attributes(span)["motion.job.outcome"] == "watch_failed"
        assert attributes(span)["error.type"] == "JobNotFoundError"


# Metrics.


async def test_polls_are_a_histogram_and_no_spans(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """One that fails is in it with its error, and counted as disturbed."""
    sandbox.faults.next(ServerError(500), on="poll", times=2)
    await motion.generate("A launch video")
    points: list[HistogramDataPoint] = telemetry.points("motion.poll.duration")
    by_status = {(point.attributes or {})["http.response.status_code"]: point for point in points}
    assert by_status[500].count == 2
    assert (by_status[500].attributes or {})["error.type"] == "ServiceUnavailableError"
    assert by_status[200].count + 2 == sandbox.counts.polls
    assert 0 < by_status[200].sum < by_status[200].count * 60
    assert (by_status[200].attributes or {})["http.request.method"] == "GET"
    assert tuple(by_status[200].explicit_bounds)[:2] == (0.005, 0.01)
    assert telemetry.counted("motion.call.disturbed", "motion.call", "error.type") == {
        ("poll", "ServiceUnavailableError"): 2
    }
    assert {span.name for span in telemetry.exporter.get_finished_spans()} == {"motion.create", "motion.job"}


async def test_no_metric_grows_with_the_number_of_jobs(telemetry: Telemetry, motion: MotionSession) -> None:
    """No id of a job is in one."""
    ids = [(await motion.generate(prompt)).job_id for prompt in ("one", "two", "three")]
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    assert not any(job_id in data.to_json() for job_id in ids)


async def test_the_watched_jobs_of_all_sessions_are_counted(telemetry: Telemetry) -> None:
    """As `stats` has it, read in another thread, and until the session is left."""
    async with Sandbox(speed=0) as sandbox:

        async def watched() -> list[int]:
            return [point.value for point in await asyncio.to_thread(telemetry.points, "motion.job.watched")]

        sessions = [MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) for _ in range(2)]
        for session in sessions:
            await session.__aenter__()
        jobs = [await session.create("A launch video") for session in sessions]
        waits = [asyncio.create_task(job.wait()) for job in jobs]
        await until(lambda: all(session.stats().watched == 1 for session in sessions))
        assert await watched() == [2]
        await sessions[0].aclose()
        assert await watched() == [1]
        await sessions[1].aclose()
        assert await watched() == []
        await asyncio.gather(*waits, return_exceptions=True)


# Switching it on and off.


async def test_a_session_that_was_open_before_is_instrumented_too(
    telemetry: Telemetry, sandbox: Sandbox, motion: MotionSession
) -> None:
    """And no more, from any step on, when it is switched off; then it is switched on for others."""
    MotionInstrumentor().uninstrument()
    await motion.generate("Before")
    assert telemetry.exporter.get_finished_spans() == ()
    assert telemetry.points("motion.poll.duration") == []
    telemetry.instrument()
    await motion.generate("Meanwhile")
    assert len(telemetry.exporter.get_finished_spans()) == 2
    before = telemetry.points("motion.poll.duration")[0].count
    MotionInstrumentor().uninstrument()
    await motion.generate("After")
    assert len(telemetry.exporter.get_finished_spans()) == 2
    assert telemetry.points("motion.poll.duration")[0].count == before
    assert telemetry.points("motion.job.watched") == []


async def test_switching_it_off_ends_the_spans_of_jobs(telemetry: Telemetry) -> None:
    """They say so; switched on again, with the same providers, all of it works again, and only there."""
    async with Sandbox(speed=0) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
        job = await motion.create("A launch video")
        MotionInstrumentor().uninstrument()
        assert attributes(telemetry.span("motion.job"))["motion.job.outcome"] == "uninstrumented"
        other = Telemetry()
        other.instrument()
        waiting = asyncio.create_task(job.wait())
        await until(lambda: other.points("motion.job.watched"))
        assert telemetry.points("motion.job.watched") == []
        MotionInstrumentor().uninstrument()
        telemetry.instrument()
        await until(lambda: telemetry.points("motion.job.watched"))
        assert other.points("motion.job.watched") == []
        waiting.cancel()


def test_switching_it_on_twice_is_warned_of(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """It changes nothing; so does switching it off twice."""
    before = otel.instrumentation.active
    Telemetry().instrument()
    assert otel.instrumentation.active is before
    assert "instrumented already" in caplog.text
    MotionInstrumentor().uninstrument()
    caplog.clear()
    MotionInstrumentor().uninstrument()
    assert "is not instrumented" in caplog.text


def test_opentelemetrys_own_command_finds_it(telemetry: Telemetry) -> None:
    """By the entry point, and called in the way of its loader."""
    MotionInstrumentor().uninstrument()
    [found] = entry_points(group="opentelemetry_instrumentor", name="motion_async")
    instrumentor = found.load()()
    assert instrumentor.instrumentation_dependencies() == ("motion-async",)
    instrumentor.instrument(skip_dep_check=True)
    assert MotionInstrumentor().is_instrumented_by_opentelemetry


def test_without_opentelemetry_the_rest_works() -> None:
    """And importing this says what to install."""
    code = """
import sys
sys.modules["opentelemetry"] = None
import motion_async
try:
    import motion_async.otel
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "install motion-async with its extra `otel`" in done.stdout


async def test_the_example_of_the_guide_runs(
    motion_sandbox: Sandbox, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands in the docstring."""
    MotionInstrumentor().uninstrument()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", telemetry.tracer_provider)
    [example] = examples(otel)
    state = await run(example)["make"]("A launch video")
    assert state.status == "completed"
    assert len(telemetry.spans("motion.create")) == 1


# What must not happen.


async def test_no_secret_and_nothing_of_a_request_stands_anywhere(telemetry: Telemetry, raw_server: RawServer) -> None:
    """Even where the service echoes all it was sent, in each of its answers."""
    key, signed = f"motion_{HIDDEN_KEY}", f"https://cdn.example.com/hero.png?sig={HIDDEN_SIGNATURE}"
    said = {"prompt": "a purple walrus", "key": key, "url": signed}
    state = {"job_id": "job-1", "status": "running", "error": None, "pending_user_input": False, **said}
    answer_with(
        raw_server,
        ("400 No", {"error": said, "message": f"{said}", "details": [{"message": f"{said}", "path": [signed]}]}),
        ("500 No", {"error": f"{said}", "message": f"{said}"}),
        ("202 Accepted", {"job_id": "job-1", "status": f"queued {key} {signed}", **said}),
        ("503 No", {"error": f"{said}"}),
        ("200 OK", {**state, "status": "a purple walrus"}),
        ("200 OK", {**state, "status": "rendering"}),
        ("200 OK", state),
        ("200 OK", {**state, "status": "failed", "error": f"{said}"}),
    )
    request = VideoRequest("a purple walrus", attachments=(Attachment(url=signed, name="walrus.png"),))
    async with MotionSession(key, base_url=raw_server.url, **QUICK) as motion:
        for _ in range(3):
            with pytest.raises(MotionError):
                await motion.generate(request, metadata={"customer": "walrus & sons"})
    assert telemetry.counted("motion.send.accepted") == {(): 1}
    job = telemetry.span("motion.job")
    assert attributes(job)["motion.job.outcome"] == "failed"
    assert [status for _, status in events(job)] == ["undocumented", "undocumented", "rendering", "running", "failed"]
    told = telemetry.everything()
    for secret in (HIDDEN_KEY, HIDDEN_SIGNATURE, "walrus", "hero.png"):
        assert secret not in told


class Marked:
    """A value of a request's context."""


async def test_a_job_that_goes_on_keeps_nothing_of_the_request_that_made_it(telemetry: Telemetry) -> None:
    """Its span is open, and it is polled; the request's context has gone, and no task has come."""
    mark: contextvars.ContextVar[Marked] = contextvars.ContextVar("mark")
    references: list[weakref.ref[Marked]] = []

    async def handle(motion: MotionSession) -> str:
        value = Marked()
        references.append(weakref.ref(value))
        mark.set(value)
        with telemetry.tracer.start_as_current_span("request"):
            return (await motion.create("A launch video")).id

    with Sandbox.in_thread(speed=0) as sandbox:
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            before = asyncio.all_tasks()
            job_id = await asyncio.create_task(handle(motion))
            waiting = asyncio.create_task(motion.job(job_id).wait())
            await until(lambda: motion.stats().polls > 2)
            gc.collect()
            assert references[0]() is None
            assert {task.get_name() for task in asyncio.all_tasks() - before - {waiting}} <= {"motion_async.poll"}
            assert telemetry.spans("motion.job") == []
            waiting.cancel()


async def test_telemetry_that_breaks_costs_no_job(
    telemetry: Telemetry, motion: MotionSession, caplog: pytest.LogCaptureFixture
) -> None:
    """A processor of the app's that raises is logged, and the create brings its job."""

    class Broken(SpanProcessor):
        def on_start(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("no more room")

    telemetry.tracer_provider.add_span_processor(Broken())
    state = await motion.generate("A launch video")
    assert state.status == "completed"
    assert "no more room" in caplog.text


def test_a_forked_process_counts_nothing_of_its_parents() -> None:
    """The sessions that it has inherited are watched there, and not here."""
    code = """
import asyncio, os, sys, warnings
warnings.simplefilter("ignore")
from motion_async import MotionSession
from motion_async.sandbox import Sandbox
from tests.test_otel import Telemetry

async def main():
    async with Sandbox(speed=0) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
        telemetry = Telemetry()
        telemetry.instrument()
        waiting = asyncio.create_task((await motion.create("A launch video")).wait())
        while not motion.stats().watched:
            await asyncio.sleep(0)
        child = os.fork()
        if not child:
            os._exit(len(telemetry.points("motion.job.watched")))
        _, status = os.waitpid(child, 0)
        print(status, [point.value for point in telemetry.points("motion.job.watched")])
        waiting.cancel()

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "0 [1]"


async def test_sessions_of_several_threads_are_told_apart(telemetry: Telemetry) -> None:
    """Each with a loop of its own: every video has a create and a job that is linked to it."""
    with Sandbox.in_thread(speed=2_000) as sandbox:

        async def make() -> None:
            async with (
                MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
                motion.generate_many([f"{number}" for number in range(5)]) as outcomes,
            ):
                assert all([outcome.ok async for outcome in outcomes])

        threads = [threading.Thread(target=asyncio.run, args=(make(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
    assert linked(telemetry.spans("motion.job")) == ids(telemetry.spans("motion.create"))
    assert len(telemetry.spans("motion.job")) == 15
