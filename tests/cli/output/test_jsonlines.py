"""`motion_async.cli.output.jsonlines`: the JSON lines."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from motion_async import errors, events
from motion_async.cli.output.jsonlines import JsonOutput
from motion_async.cli.output.output import Output
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.progress import DuplicateFound, NewLine, RequestEnded
from motion_async.cli.words import End, Word
from motion_async.fleet import FleetLimits, FleetStatus, QueueCounts
from motion_async.jobs import JobState, JobStatus, Outcome, StatusChange, VideoRequest
from motion_async.ledger import History, Item, ItemState

AT = datetime(2026, 4, 28, 23, 1, 4, 198_000, tzinfo=UTC)
STATE = JobState("a", JobStatus.COMPLETED, AT, AT, AT, extra={"video_url": "https://example.com/v.mp4"})
ERROR = errors.JobNotFoundError("no such job", http_status=404, job_id="a")
ITEM = Item(
    1,
    "launch",
    "hero",
    request=VideoRequest("A video", attachments=["https://storage.example.com/a.png?secret=1"]),
    digest="0" * 32,
    state=ItemState.COMPLETED,
    planned_at=AT,
    changed_at=AT,
    job_id="a",
    job_state=STATE,
)
Tell = Callable[[Output], object]
"""Tells something."""


def event(it: events.Event) -> Tell:
    """Tell an event of a session."""
    return lambda output: output.show_event(it)


ENDED = RequestEnded(3, Outcome(2, VideoRequest("A video"), "a", STATE, key="hero", metadata=[1]), End.COMPLETED)
WRITTEN: list[Tell] = [
    event(events.JobAccepted("a")),
    event(StatusChange("a", None, JobStatus.COMPLETED, STATE, AT)),
    lambda output: output.show_fleet(FleetStatus(FleetLimits(), 2, QueueCounts(3, 2, 1), {})),
    lambda output: output.show_account("https://api.motion.so/api/motion", "motion_ab…yz", "keyring", "client-a"),
    lambda output: output.show_state(STATE),
    lambda output: output.show_result(STATE),
    lambda output: output.error(ERROR, job_id="a"),
    event(events.PollDisturbed("a", ERROR, 2, 1.23456)),
    event(events.SendDisturbed(None, ERROR, 1, 0.5)),
    event(events.StatusUndocumented("a", JobStatus("rendering"), 600.12345)),
    event(events.SessionSlowed(12.34567, 0.1)),
    event(events.EventsDropped(7)),
    lambda output: output.interrupted("interrupted"),
    lambda output: output.show_listening("http://127.0.0.1:8080/api/motion", "motion_sandbox_1"),
    lambda output: output.show_invalid(3, ("has no prompt",)),
    lambda output: output.show_plan("launch", 3, {"send": 2, "completed": 1}, 0, 300),
    lambda output: output.show_new([NewLine(2, "hero", "A video")]),
    lambda output: output.show_duplicate(DuplicateFound(3, "hero", "A video", ITEM)),
    lambda output: output.show_outcome(ENDED),
    lambda output: output.show_batch(
        batch="launch", ledger="l.db", lines=3, counts={Word.DONE: 3}, running=0, invalid=0
    ),
    lambda output: output.show_counts("launch", {Word.DONE: 3}),
    lambda output: output.show_item(ITEM, (History(AT, ItemState.PLANNED),)),
]


def written(capsys: pytest.CaptureFixture[str], *told: Tell) -> list[dict[str, Any]]:
    """Write some lines, and read them."""
    output = JsonOutput(Stdout())
    for tell in told:
        tell(output)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_state_is_the_services_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """A state has the fields of the contract, written as the contract writes them, and all else that came."""
    (line,) = written(capsys, lambda output: output.show_state(STATE))
    assert line["job_id"] == "a"
    assert line["state"] == {
        "job_id": "a",
        "status": "completed",
        "created_at": "2026-04-28T23:01:04.198Z",
        "updated_at": "2026-04-28T23:01:04.198Z",
        "completed_at": "2026-04-28T23:01:04.198Z",
        "error": None,
        "pending_user_input": False,
        "video_url": "https://example.com/v.mp4",
    }


def test_a_time_is_in_utc_wherever_it_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    """A time of another zone is the same moment in UTC."""
    local = AT.astimezone(timezone(timedelta(hours=-7)))
    (line,) = written(capsys, event(StatusChange("a", JobStatus.RUNNING, JobStatus.COMPLETED, STATE, local)))
    assert line["observed_at"] == "2026-04-28T23:01:04.198Z"
    assert (line["previous"], line["current"]) == ("running", "completed")


def test_an_error_tells_class_and_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """An error has its class, its sentence, its job and its HTTP status; what there is none of is null."""
    lost = errors.TransportError("nothing came")
    refused, unknown = written(capsys, lambda output: output.error(ERROR), lambda output: output.error(lost))
    assert refused == {
        "event": "error",
        "error": "JobNotFoundError",
        "message": "no such job",
        "error_data": {
            "message": "no such job",
            "http_status": 404,
            "code": None,
            "detail": None,
            "retry_after": None,
            "job_id": "a",
        },
        "job_id": "a",
        "http_status": 404,
    }
    assert (unknown["error"], unknown["job_id"], unknown["http_status"]) == ("TransportError", None, None)


def test_what_somebody_else_tells_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The end of a watch and an abandoned send are told once, by the error that whoever waited gets."""
    assert written(capsys, event(events.WatchEnded("a", ERROR)), event(events.SendAbandoned(None, ERROR))) == []


def test_any_text_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends, control characters and half characters of the service's words break no line."""
    words = "one\r\ntwo\u2028three\x1b[0m\ud800"
    (line,) = written(capsys, lambda output: output.show_state(attrs.evolve(STATE, error=words)))
    assert line["state"]["error"] == words


def test_trouble_is_said_too_but_not_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    """The first disturbance of a call or poll is said on stderr at once, others of its kind once a minute at most."""
    now = 100.0
    output = JsonOutput(Stdout(), clock=lambda: now)
    unreachable = errors.ConnectFailedError("no route to host")
    said = []
    for moment, trouble in (
        (100.0, events.SendDisturbed(None, unreachable, 1, 0.7)),
        (159.9, events.SendDisturbed(None, unreachable, 2, 1.4)),
        (160.0, events.PollDisturbed("a", unreachable, 1, 2.5)),
        (219.9, events.PollDisturbed("b", unreachable, 1, 2.5)),
    ):
        now = moment
        output.show_event(trouble)
        said.append(capsys.readouterr().err)
    assert said[0].startswith("motion-async: a create was not taken, tried again in 0.7 s: no route to host")
    assert said[2].startswith("motion-async: a poll failed, made again in 2.5 s: no route to host")
    assert said[1::2] == ["", ""]


def test_words_for_people_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A notice is no line."""
    JsonOutput(Stdout()).notice("look here")
    assert capsys.readouterr() == ("", "motion-async: look here\n")


def test_items_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is a line of its own."""
    assert written(capsys, lambda output: output.show_items([ITEM, ITEM])) == 2 * written(
        capsys, lambda output: output.show_item(ITEM)
    )
