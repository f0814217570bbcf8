"""Secrets stay where they belong: everything that a program, its logs or its user can see is searched for two of them.

The service of these tests is the worst there can be: whatever it says, it says with the key and with the signed
URLs that it was sent. What is searched are the logs of everything at DEBUG, with the loop in debug mode and told to
find every callback slow; reprs, texts and pickles; tracebacks with the locals of each frame; the chain of each
error; the ledger's files; what the command prints.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import keyring
import pytest

from motion_async import (
    Attachment,
    Backoff,
    BatchRequest,
    ConfigurationError,
    GrowingSchedule,
    MotionError,
    MotionSession,
    VideoRequest,
)
from motion_async.cli.arguments import Access
from motion_async.cli.keys.credentials import find_credentials
from motion_async.jobs import Outcome
from motion_async.ledger import open_ledger
from tests import keyrings
from tests.conftest import Handler, RawServer
from tests.hostile.stepping import in_strides
from tests.told import HIDDEN_KEY, HIDDEN_SIGNATURE, Told

pytestmark = pytest.mark.usefixtures("sends_leave_at_once")

KEY = f"motion_{HIDDEN_KEY}"
SIGNED = f"https://bucket.s3.amazonaws.com/hero.png?X-Amz-Expires=900&X-Amz-Signature={HIDDEN_SIGNATURE}"
PATIENCE = 30.0
"""Seconds after which a wait of these tests has failed."""
QUICK: dict[str, Any] = {
    "schedule": GrowingSchedule(first=0.001, growth=0, cap=0.001),
    "backoff": Backoff(first=0.001, cap=0.001),
    "max_polls_per_second": 1e6,
    "exchange_timeout": 0.2,
    "send_timeout": 0.2,
}
ECHO = f"Authorization: Bearer {KEY} may not fetch {SIGNED}"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """Have everything that is logged told."""
    told = Told()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.add(f"log of {record.name}", self.format(record))
            told.add(f"arguments of a log of {record.name}", repr(record.args))

    listener, root = Listener(logging.NOTSET), logging.getLogger()
    before = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    yield told
    root.setLevel(before)
    root.removeHandler(listener)


@pytest.fixture
async def debug_mode() -> AsyncIterator[None]:
    """Have the loop tell all it can: each callback with its arguments, as if it had been slow."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    yield
    loop.set_debug(False)


def state(status: str, **fields: Any) -> bytes:
    known = {
        "job_id": "job-1",
        "status": status,
        "created_at": "2026-04-28T23:01:04.198Z",
        "updated_at": "2026-04-28T23:01:23.695Z",
        "completed_at": "2026-04-28T23:01:23.695Z" if status == "completed" else None,
        "error": None,
        "pending_user_input": False,
    }
    return json.dumps({**known, **fields}).encode()


COMPLETED = state("completed")
_DETAILS = [{"code": "custom", "message": ECHO, "path": ["attachments", SIGNED], "received": {"url": [SIGNED, KEY]}}]
_REFUSAL = json.dumps({"error": ECHO, "code": ECHO, "message": ECHO, "status": ECHO, "details": _DETAILS}).encode()
_SLASHED = SIGNED.replace("/", "\\/")
_ECHOES = (
    ("200 OK", state("completed", request={"headers": {"Authorization": f"Bearer {KEY}", KEY: [KEY]}})),
    ("202 Accepted", state("queued", authorization=KEY)),
    ("400 Bad", _REFUSAL),
)
ANSWERS: dict[str, tuple[str, bytes] | None] = {
    **{
        str(status): (f"{status} No\r\nRetry-After: {ECHO}", _REFUSAL)
        for status in (400, 401, 402, 403, 404, 409, 418, 425, 429, 500)
    },
    "a page": ("503 Busy", f"<html><a href={SIGNED}>{KEY}</a>".encode()),
    "a redirect": (f"307 Elsewhere\r\nLocation: {SIGNED}&key={KEY}", b""),
    "no JSON": ("200 OK", ECHO.encode()),
    "JSON of another sort": ("200 OK", json.dumps([SIGNED, KEY]).encode()),
    "escaped slashes": ("202 Accepted", f'{{"url": "{_SLASHED}"}}'.encode()),
    **{
        f"compressed, {status}": (f"{status}\r\nContent-Encoding: gzip", gzip.compress(body))
        for status, body in _ECHOES
    },
    **{f"escaped, {status}": (status, body.replace(b"motion_", b"\\u006dotion\\u005F")) for status, body in _ECHOES},
    "an id that is none": ("202 Accepted", json.dumps({"job_id": f"\n{ECHO}", "status": ECHO}).encode()),
    "another type of field": ("200 OK", state("completed", error=7, created_at=SIGNED, pending_user_input=KEY)),
    "a body that breaks off": ("200 OK\r\nContent-Length: 999", ECHO.encode()),
    "a header that is none": (f"200 OK\r\n{ECHO}\r\n: : :\r\n\x01{ECHO}", b""),
    "an encoding that is none": (f"200 OK\r\nContent-Encoding: {KEY}", b"x"),
    "another job": ("200 OK", state("completed", job_id=f"{ECHO}\n")),
    "failed": ("200 OK", state("failed", error=ECHO)),
    "nothing": None,
}


def answering(answer: tuple[str, bytes] | None, *, only: str = "") -> Handler:
    """Give a handler that answers so, or only the requests of one method, and all others as they should be."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        said = answer
        if not request.startswith(only.encode()):
            said = ("200 OK", COMPLETED) if only == "POST" else ("202 Accepted", state("queued"))
        if said is None:
            writer.close()
            return
        head, body = said
        length = "" if "Content-Length" in head else f"\r\nContent-Length: {len(body)}"
        writer.write(f"HTTP/1.1 {head}{length}\r\nConnection: close\r\n\r\n".encode() + body)
        writer.close()

    return handle


def session(server: RawServer, **options: Any) -> MotionSession:
    return MotionSession(KEY, base_url=server.url, **{**QUICK, **options})


def request() -> VideoRequest:
    return VideoRequest("a video", attachments=(Attachment(SIGNED, name="hero"),))


async def _transitions(motion: MotionSession) -> list[Any]:
    async with aclosing(motion.job("job-1").transitions(timeout=0.03)) as changes:
        return [change async for change in changes]


async def _outcomes(motion: MotionSession) -> list[Any]:
    async with motion.generate_many([request(), BatchRequest(request())], job_timeout=0.03) as outcomes:
        return [outcome async for outcome in outcomes]


CALLS: dict[str, tuple[Callable[[MotionSession], Awaitable[Any]], str]] = {
    "create": (lambda motion: motion.create(request()), ""),
    "followup": (lambda motion: motion.followup("job-1", request()), "POST"),
    "poll": (lambda motion: motion.poll("job-1"), ""),
    "wait": (lambda motion: motion.job("job-1").wait(timeout=0.03), ""),
    "transitions": (_transitions, ""),
    "generate": (lambda motion: motion.generate(request(), timeout=0.03), "GET"),
    "generate_many": (_outcomes, "GET"),
}
"""Each call, and the method whose requests get the answer in question, if not all."""


async def _tell_all(told: Told, motion: MotionSession, call: Callable[[MotionSession], Awaitable[Any]]) -> None:
    """Make a call, and have everything told that comes of it."""
    events = motion.events()
    told.value(motion)
    told.value(vars(motion))
    try:
        async with asyncio.timeout(PATIENCE):
            found = await call(motion)
    except MotionError as error:
        told.error(error)
    else:
        for value in found if isinstance(found, list) else [found]:
            told.value(value)
            if isinstance(getattr(value, "error", None), MotionError):
                told.error(value.error)
    for value in (motion.job("job-1"), motion.job("job-1").state, motion._client, motion._client._transport):
        told.value(value)
    await motion.aclose()
    async for event in events:
        told.value(event)
        if isinstance(getattr(event, "error", None), MotionError):
            told.error(event.error)


@in_strides
@pytest.mark.parametrize("name", ANSWERS)
async def test_whatever_the_service_echoes_is_told_without_secrets(
    name: str, stride: int, told: Told, debug_mode: None, raw_server: RawServer
) -> None:
    """No call that such an answer meets tells the key or a signature: not by its error, value, event or log."""
    for call, only in list(CALLS.values())[[*ANSWERS].index(name) % stride :: stride]:
        raw_server.handler = answering(ANSWERS[name], only=only)
        async with session(raw_server) as motion:
            await _tell_all(told, motion, call)
    assert raw_server.requests
    assert all(KEY.encode() in request for request in raw_server.requests)  # it was there to be echoed
    assert not told.leaks(HIDDEN_KEY, HIDDEN_SIGNATURE)


async def test_the_search_finds_what_is_told(told: Told, debug_mode: None) -> None:
    """What these tests search through holds the secrets of a client that hides nothing."""

    async def show(header: str) -> None:
        raise ValueError

    try:
        await show(ECHO)
    except ValueError as error:
        told.error(error)
    asyncio.get_running_loop().call_soon(logging.getLogger("aiohttp").debug, "%s", [SIGNED])
    await asyncio.sleep(0)
    assert {leak.partition(":")[0] for leak in told.leaks(HIDDEN_KEY)} == {"traceback of a ValueError"}
    assert "log of aiohttp" in {leak.partition(":")[0] for leak in told.leaks(HIDDEN_SIGNATURE)}


async def test_a_cancelled_call_tells_no_secret(told: Told, debug_mode: None, raw_server: RawServer) -> None:
    """A cancellation in the middle of an exchange brings no frame along that has the key or the body as a local."""
    for call, only in CALLS.values():
        for closes in (False, True):
            raw_server.handler, reached = holding(only)
            async with session(raw_server, exchange_timeout=PATIENCE, send_timeout=PATIENCE, cancel_grace=0) as motion:
                events = motion.events()
                task = asyncio.ensure_future(call(motion))
                await asyncio.wait_for(reached.wait(), PATIENCE)
                if closes:
                    await motion.aclose()
                else:
                    task.cancel()
                try:
                    await asyncio.wait_for(task, PATIENCE)
                except (MotionError, asyncio.CancelledError) as error:
                    told.error(error)
                await motion.aclose()
                async for event in events:
                    told.value(event)
    assert any(what == "traceback of a CancelledError" for what, _ in told.texts)
    assert not told.leaks(HIDDEN_KEY, HIDDEN_SIGNATURE)


def holding(only: str) -> tuple[Handler, asyncio.Event]:
    """Give a handler that leaves the requests of a method unanswered, and an event that says when one has come."""
    others, reached = answering(None, only=only), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        if not request.startswith(only.encode()):
            await others(reader, writer, request)
            return
        reached.set()
        await reader.read()

    return handle, reached


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "http://motion.example"},
        {"proxy": "http://127.0.0.1:3128"},
        {"max_connections": 1},
        {"backoff": 7},
        {"api_key": f"{KEY}\n"},
        {"api_key": f" {KEY}"},
        {"api_key": HIDDEN_KEY},
        {"api_key": KEY.encode()},
        {"api_key": KEY * 100},
        {"client_session": None},
    ],
    ids=" ".join,
)
async def test_a_setting_that_is_refused_tells_no_secret(options: dict[str, Any], told: Told) -> None:
    """A key that was given beside a bad setting, or is one itself, is in no local of the library's frames."""
    if "client_session" in options:
        async with aiohttp.ClientSession() as closed:
            pass
        options = {"client_session": closed}
    with pytest.raises(ConfigurationError) as caught:
        async with MotionSession(**{"api_key": KEY, "base_url": "http://127.0.0.1:9", **options}):
            pass
    error = caught.value
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next  # this frame is the caller's, whose key it is
    told.error(error)
    assert not told.leaks(HIDDEN_KEY, HIDDEN_SIGNATURE)


@in_strides
async def test_a_ledger_holds_the_key_nowhere_and_a_signature_in_requests_alone(
    stride: int, told: Told, debug_mode: None, raw_server: RawServer, tmp_path: Path
) -> None:
    """Neither the file nor what lies beside it has the key; why a video failed is written down without signatures."""
    async with open_ledger(f"sqlite:///{tmp_path}/launch.db") as ledger:
        for name, answer in list(ANSWERS.items())[::stride]:
            raw_server.handler = answering(answer, only="" if name.isdecimal() else "GET")
            requests = [request(), BatchRequest(request(), id="hero")]
            async with (
                session(raw_server) as motion,
                motion.generate_many(requests, ledger=ledger, batch=name, job_timeout=0.03) as outcomes,
            ):
                with contextlib.suppress(TimeoutError):
                    # A batch that is refused with 429 is tried without end, so it is left.
                    async with asyncio.timeout(0.2 if name == "429" else None):
                        async for outcome in outcomes:
                            told.value(outcome)
                            if outcome.error is not None:
                                told.error(outcome.error)
            async for item in ledger.items(name):
                told.value(item)
                told.add("the error of an item", str(item.error))
        told.value(ledger)
        files = _told_files(told, tmp_path)
    assert any(file.name.endswith("-wal") for file in files)
    _told_files(told, tmp_path)
    assert not told.leaks(HIDDEN_KEY)
    assert {leak.partition(":")[0] for leak in told.leaks(HIDDEN_SIGNATURE)} <= {"a file of the ledger"}


def _told_files(told: Told, folder: Path) -> list[Path]:
    files = list(folder.iterdir())
    for file in files:
        told.add("a file of the ledger", file.read_bytes().decode("latin-1"))
    return files


COMMANDS: dict[str, list[str]] = {
    "generate": ["generate", "a video", "--attach", SIGNED],
    "generate --json": ["generate", "a video", "--attach", SIGNED, "--json"],
    "followup": ["followup", "job-1", "faster", "--attach", SIGNED],
    "batch": ["batch", "requests.jsonl", "--json"],
}


@pytest.mark.parametrize(("name", "only"), [("400", ""), ("escaped slashes", "POST"), ("failed", "GET")])
async def test_the_command_prints_no_secret(
    name: str, only: str, told: Told, raw_server: RawServer, tmp_path: Path
) -> None:
    """No output of the command has the key or a signature, with the loop in debug mode and every warning shown."""
    line = {"prompt": "a video", "attachments": [{"url": SIGNED}]}
    (tmp_path / "requests.jsonl").write_text(json.dumps(line) + "\n")
    raw_server.handler = answering(ANSWERS[name], only=only)
    await asyncio.gather(*(_tell_output(told, raw_server, tmp_path, argv) for argv in COMMANDS.values()))
    assert raw_server.requests
    assert not told.leaks(HIDDEN_KEY, HIDDEN_SIGNATURE)


async def _tell_output(
    told: Told, server: RawServer, folder: Path, argv: list[str], *, typed: str = "", **settings: str
) -> None:
    """Run a command, by default with the key of the environment, and have told what it prints."""
    settings = settings or {"MOTION_API_KEY": KEY, "MOTION_BASE_URL": server.url}
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-Walways", "-m", "motion_async.cli", *argv),
        env={**os.environ, "PYTHONASYNCIODEBUG": "1", **settings},
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        output, words = await command.communicate(typed.encode())
    assert command.returncode not in (None, 0)
    assert output or words
    told.add(f"output of {argv[0]}", output.decode())
    told.add(f"words of {argv[0]}", words.decode())


async def test_no_command_prints_a_key_wherever_it_came_from(
    told: Told, raw_server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither that of a file, nor one in the keyring or on its way there, nor in whose place another one is named."""
    monkeypatch.delenv("MOTION_API_KEY", raising=False)
    monkeypatch.delenv("MOTION_PROFILE", raising=False)
    raw_server.handler = answering(ANSWERS["401"])
    for folder, base_url in (("file", raw_server.url), ("contradiction", "https://a.example")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / ".env").write_text(f"MOTION_API_KEY={KEY}\nMOTION_BASE_URL={base_url}\n")
        (tmp_path / folder / ".env").chmod(0o600)
    kept = {"api_key": KEY, "base_url": raw_server.url, "plain_http_hosts": ""}
    (tmp_path / "kept").write_text(json.dumps({"motion-async/a": json.dumps(kept), "motion-async/b": KEY}))
    in_file = {
        keyrings.FILE: str(tmp_path / "kept"),
        "PYTHON_KEYRING_BACKEND": f"{keyrings.__name__}.FileKeyring",
        "PYTHONPATH": os.pathsep.join([str(Path(keyrings.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
    }
    for argv in (["check"], ["generate", "a video"]):
        await _tell_output(told, raw_server, tmp_path / "file", argv, **in_file)
    for profile in ("a", "b", KEY):
        await _tell_output(told, raw_server, tmp_path, ["check", "--profile", profile], **in_file)
    await _tell_output(told, raw_server, tmp_path / "contradiction", ["check"], MOTION_API_KEY=f"{KEY}-2", **in_file)
    login = ["login", "--base-url", raw_server.url]
    for typed in (KEY, f"Bearer {KEY}", HIDDEN_KEY):
        await _tell_output(told, raw_server, tmp_path, login, typed=typed, **in_file)
    assert any(KEY.encode() in request for request in raw_server.requests)
    assert not told.leaks(HIDDEN_KEY)


@pytest.mark.parametrize("flaw", ["an odd key", "another service", "a locked keyring", "no profile in it"])
def test_no_frame_of_what_looks_for_a_key_holds_one(flaw: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the search for it."""
    backend = keyrings.FileKeyring()
    keyring.set_keyring(backend)
    monkeypatch.setenv(keyrings.FILE, str(tmp_path / "kept"))
    monkeypatch.delenv("MOTION_PROFILE", raising=False)
    for name in ("MOTION_API_KEY", "MOTION_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    profile = None
    if flaw == "an odd key":
        Path(".env").write_text(f"MOTION_API_KEY='{KEY} '\n")
        Path(".env").chmod(0o600)
    elif flaw == "another service":
        monkeypatch.setenv("MOTION_API_KEY", KEY)
        Path(".env").write_text("MOTION_BASE_URL=https://a.example\n")
        Path(".env").chmod(0o600)
    else:
        profile = "a"
        (tmp_path / "kept").write_text(
            keyrings.LOCKED if flaw == "a locked keyring" else json.dumps({"motion-async/a": f'{{"api_key": "{KEY}"}}'})
        )
    with pytest.raises(ConfigurationError) as caught:
        find_credentials(Access(profile=profile))
    assert not of_ours(caught.value).leaks(HIDDEN_KEY)


FRAGMENT = f"https://bucket.example.com/hero.png#token={HIDDEN_SIGNATURE}"
GIVEN: dict[str, dict[str, Any]] = {
    "a list": {"attachments": [SIGNED, FRAGMENT]},
    "attachments": {"attachments": (Attachment(SIGNED), Attachment(FRAGMENT, name=SIGNED))},
    "a style reference": {"style_reference_url": FRAGMENT},
    "no list": {"attachments": SIGNED},
    "a mapping": {"attachments": {"url": SIGNED}},
    "mappings": {"attachments": [{"url": SIGNED}, {"url": FRAGMENT}]},
    "bytes": {"attachments": [SIGNED.encode()]},
    "a prompt with an URL": {"prompt": f"as in {SIGNED} and {FRAGMENT}", "attachments": ["http://localhost/"]},
    "a whole request and a list": {"prompt": VideoRequest("a video"), "attachments": [SIGNED]},
}


def of_ours(error: BaseException) -> Told:
    """Have an error told, from the first frame of the library on: what a caller holds is the caller's own."""
    told = Told()
    trace = error.__traceback__
    while trace is not None and "motion_async" not in trace.tb_frame.f_globals["__name__"].split("."):
        trace = trace.tb_next
    error.__traceback__ = trace
    told.error(error)
    return told


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("name", GIVEN)
async def test_no_local_of_a_frame_holds_a_signed_url(name: str, is_open: bool, raw_server: RawServer) -> None:
    """From the first line of a call on the arguments are a request, whose repr has no query and no fragment."""
    given = {"prompt": "a video", **GIVEN[name]}
    raw_server.handler = answering(("400 Bad", b"{}"))
    motion = session(raw_server)
    if is_open:
        await motion.__aenter__()
    job = motion.job("job-1") if is_open else None
    calls = [motion.create(**given), motion.followup("job-1", **given), motion.generate(**given)]
    for call in [*calls, *([job.followup(**given)] if job else [])]:
        with pytest.raises(MotionError) as caught:
            await call
        told = of_ours(caught.value)
        assert told.texts
        assert not told.leaks(HIDDEN_SIGNATURE)
    await motion.aclose()


async def test_no_local_of_a_frame_holds_what_an_iterable_has_given_before_it_failed(raw_server: RawServer) -> None:
    """An error of the caller's own, in the middle of the attachments."""

    def attachments() -> Iterator[str]:
        yield SIGNED
        raise ZeroDivisionError

    async with session(raw_server) as motion:
        with pytest.raises(ZeroDivisionError) as caught:
            await motion.create("a video", attachments=attachments())
    assert not of_ours(caught.value).leaks(HIDDEN_SIGNATURE)


async def test_no_local_of_a_frame_holds_a_request_that_is_none(raw_server: RawServer) -> None:
    """A batch that is a single mapping is refused without it."""
    async with session(raw_server) as motion:
        with pytest.raises(ConfigurationError) as caught:
            motion.generate_many({"prompt": "a video", "attachments": [SIGNED]})  # type: ignore[arg-type]
    assert not of_ours(caught.value).leaks(HIDDEN_SIGNATURE)


@pytest.mark.parametrize("value", [VideoRequest(SIGNED, style_reference_url=FRAGMENT, attachments=[SIGNED, FRAGMENT])])
def test_no_value_shows_what_signs_a_url(value: VideoRequest) -> None:
    """Neither a request, nor what a batch makes of it, and each says which file is meant."""
    for shown in (
        value,
        BatchRequest(value, metadata={"from": [SIGNED, FRAGMENT]}),
        Outcome(0, value, metadata=SIGNED),
    ):
        assert HIDDEN_SIGNATURE not in repr(shown)
        assert "https://bucket.example.com/hero.png" in repr(shown)


@pytest.mark.parametrize(
    "proxy", ["http://u:{}@127.0.0.1:port", "http://u:{}@127.0.0.1:9", "socks5://u:{}@h", "u:{}@h"]
)
@pytest.mark.parametrize("base_url", ["https://127.0.0.1:9", "http://127.0.0.1:9", "https://u:{}@127.0.0.1", "u:{}@h"])
async def test_no_password_of_an_address_is_told(base_url: str, proxy: str, told: Told) -> None:
    """Neither of a proxy's nor of one that was mistyped: by no message, cause, context or local."""
    options = {"base_url": base_url.format(HIDDEN_SIGNATURE), "proxy": proxy.format(HIDDEN_SIGNATURE)}

    async def create() -> None:
        async with MotionSession(KEY, **QUICK, **options) as motion:
            told.value(motion)
            await motion.create("a video")

    with pytest.raises(MotionError) as caught:
        await create()
    error = of_ours(caught.value)
    assert error.texts
    assert not error.leaks(HIDDEN_SIGNATURE, HIDDEN_KEY)


@pytest.mark.parametrize(("ssl", "warnings"), [(False, 1), (True, 0)])
async def test_a_session_that_checks_no_certificate_says_so_once(
    ssl: bool, warnings: int, raw_server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    """On the logger of the library, however many calls it makes."""
    raw_server.handler = answering(("200 OK", COMPLETED))
    async with session(raw_server, ssl=ssl) as motion:
        for _ in range(3):
            await motion.poll("job-1")
    said = [record for record in caplog.records if record.name == "motion_async" and "ssl=False" in record.getMessage()]
    assert [record.levelname for record in said] == ["WARNING"] * warnings
