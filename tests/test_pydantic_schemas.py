"""`motion_async.pydantic_schemas`: FastAPI takes, gives and documents the values, and nothing else needs pydantic."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pprint
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter, ValidationError

from motion_async import (
    Attachment,
    BatchRequest,
    JobFailedError,
    JobState,
    JobStatus,
    Outcome,
    StatusChange,
    VideoRequest,
)
from motion_async.codec import to_dict

AT = datetime(2026, 11, 30, 9, 0, 0, 123_000, tzinfo=UTC)
STATE = JobState("a", JobStatus("rendering"), AT, extra={"progress": 3})
REQUEST = VideoRequest("A video", attachments=[Attachment("https://files.example.com/a.png?Signature=s", type="image")])
VALUES = [
    STATE,
    StatusChange("a", None, JobStatus.RUNNING, STATE, AT),
    Outcome(0, REQUEST, "a", STATE, metadata={"a": 1}),
    BatchRequest(REQUEST, id="i"),
    REQUEST,
    REQUEST.attachments[0],
]
WRONG = {
    "prompt": "",
    "style_reference_url": 5,
    "attachments": [
        {"url": "http://localhost/a.png?Signature=secret"},
        7,
        {},
        {"url": "https://files.example.com/a.png", "type": "pdf", "name": "n" * 241},
    ],
}

app = FastAPI()


@app.post("/videos")
async def take_request(body: VideoRequest, speed: int = 1) -> JobState:
    return JobState(body.prompt, JobStatus.QUEUED, AT, extra={"speed": speed})


@app.post("/batches")
async def take_batch(body: list[BatchRequest]) -> list[Outcome]:
    return [Outcome(0, body[0].request, error=JobFailedError("a", "no"), metadata=body[0].metadata)]


@app.get("/changes")
async def give_change(status: JobStatus) -> StatusChange:
    return StatusChange("a", None, status, STATE, AT)


def ask(method: str, url: str, *, body: Any = None) -> httpx.Response:
    """Ask the app as a browser does."""

    async def exchange() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
            return await client.request(method, url, json=body)

    return asyncio.run(exchange())


def problems_of(kind: Any, given: Any) -> list[tuple[tuple[int | str, ...], str]]:
    """Give where what is wrong, as pydantic tells it."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(given)
    return [(problem["loc"], problem["type"]) for problem in caught.value.errors()]


def test_a_request_is_a_body_and_a_state_an_answer() -> None:
    """Without anything but their names; a state has all fields, also those that the documentation does not name."""
    answer = ask("POST", "/videos?speed=2", body={**to_dict(REQUEST), "later": 1})
    assert (answer.status_code, answer.json()["job_id"]) == (200, "A video")
    assert answer.json() == to_dict(JobState("A video", JobStatus.QUEUED, AT, extra={"speed": 2}))
    (outcome,) = ask("POST", "/batches", body=[{"request": to_dict(REQUEST), "metadata": [1]}]).json()
    assert outcome == to_dict(Outcome(0, REQUEST, error=JobFailedError("a", "no"), metadata=[1]))
    change = ask("GET", "/changes?status=rendering").json()
    assert change == to_dict(StatusChange("a", None, JobStatus("rendering"), STATE, AT))


def test_all_problems_come_as_one_422() -> None:
    """Each at its place, in the contract's words, and without what signs a URL."""
    answer = ask("POST", "/videos", body=WRONG)
    assert answer.status_code == 422
    assert [(*problem["loc"], problem["type"]) for problem in answer.json()["detail"]] == [
        ("body", "prompt", "too_small"),
        ("body", "style_reference_url", "invalid_type"),
        ("body", "attachments", 0, "url", "custom"),
        ("body", "attachments", 1, "invalid_type"),
        ("body", "attachments", 2, "url", "invalid_type"),
        ("body", "attachments", 3, "name", "too_big"),
        ("body", "attachments", 3, "type", "invalid_enum_value"),
    ]
    assert answer.json()["detail"][0]["msg"] == "String must contain at least 1 character(s)"
    assert answer.json()["detail"][0]["ctx"] == {"minimum": 1, "type": "string", "inclusive": True}
    assert "secret" not in answer.text


def test_what_is_wrong_with_a_request_of_a_batch_has_its_place_there() -> None:
    """What it asks for is one level down, what the batch knows it by is not."""
    wrong = [{"request": {"prompt": "", "attachments": 5}, "id": "", "metadata": 1}, {"request": 5}]
    assert problems_of(list[BatchRequest], wrong) == [
        ((0, "request", "prompt"), "too_small"),
        ((0, "request", "attachments"), "invalid_type"),
        ((0, "id"), "too_small"),
        ((1, "request"), "invalid_type"),
    ]
    assert TypeAdapter(BatchRequest).validate_python({"request": "A prompt"}) == BatchRequest("A prompt")
    assert problems_of(Attachment, {"url": "nope"}) == [(("url",), "invalid_string")]
    assert problems_of(VideoRequest, []) == [((), "invalid_type")]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_in_a_model_has_the_codecs_shape(value: Any) -> None:
    """It is taken as it is, written as the codec does, and read again."""
    adapter = TypeAdapter(type(value))
    assert adapter.validate_python(value) is value
    assert json.loads(adapter.dump_json(value)) == to_dict(value)
    assert adapter.validate_json(adapter.dump_json(value)) == value


def test_what_has_another_shape_is_told() -> None:
    """By pydantic's error, in the codec's words."""
    assert problems_of(JobState, {"job_id": 1}) == [((), "invalid_shape")]
    with pytest.raises(ValidationError, match=r"missing 'status' @ \$\.status"):
        TypeAdapter(JobState).validate_python({"job_id": "a"})


def test_a_status_may_have_any_name() -> None:
    """But is none without one."""

    class Seen(BaseModel):
        status: JobStatus
        counts: dict[JobStatus, int]

    seen = Seen.model_validate_json('{"status": "rendering", "counts": {"running": 1}}')
    assert seen.status == JobStatus("rendering")
    assert isinstance(seen.status, JobStatus)
    assert json.loads(seen.model_dump_json()) == {"status": "rendering", "counts": {"running": 1}}
    assert problems_of(JobStatus, "") == [((), "string_too_short")]


def test_the_documentation_of_an_app_has_the_bounds_of_the_contract() -> None:
    """By names that generators of clients make classes of."""
    document = ask("GET", "/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert {"Attachment", "BatchRequest", "JobState", "Outcome", "StatusChange", "VideoRequest"} <= schemas.keys()
    body = document["paths"]["/videos"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["$ref"] == "#/components/schemas/VideoRequest"
    request = schemas["VideoRequest"]
    assert request["required"] == ["prompt"]
    assert (request["properties"]["prompt"]["minLength"], request["properties"]["prompt"]["maxLength"]) == (1, 12_000)
    attachments = request["properties"]["attachments"]
    assert (attachments["maxItems"], attachments["items"]) == (10, {"$ref": "#/components/schemas/Attachment"})
    attachment = schemas["Attachment"]["properties"]
    assert attachment["url"]["maxLength"] == 4_096
    assert attachment["name"]["anyOf"][0]["maxLength"] == 240
    assert attachment["type"]["anyOf"][0]["enum"] == ["image", "video", "audio", "file"]


def test_the_documentation_of_an_app_names_the_statuses_and_the_times() -> None:
    """Other statuses are allowed, and so are other fields of a state."""
    schemas = ask("GET", "/openapi.json").json()["components"]["schemas"]
    named, other = schemas["JobState"]["properties"]["status"]["anyOf"]
    assert named["enum"] == ["queued", "created", "running", "awaiting_user_input", "completed", "failed"]
    assert other == {"type": "string"}
    assert schemas["JobState"]["additionalProperties"] is True
    assert schemas["JobState"]["properties"]["completed_at"]["anyOf"][0]["format"] == "date-time"
    assert schemas["StatusChange"]["properties"]["event"]["const"] == "transition"
    assert schemas["StatusChange"]["properties"]["observed_at"]["format"] == "date-time"
    assert schemas["StatusChange"]["properties"]["state"]["$ref"] == "#/components/schemas/JobState"
    assert {"error", "message", "error_data"} <= schemas["Outcome"]["properties"].keys()


@pytest.mark.parametrize("value", VALUES[:3], ids=lambda value: type(value).__name__)
def test_what_is_written_is_what_is_documented(value: Any) -> None:
    """Each field by its name; whatever else a state has is the service's."""
    fields = TypeAdapter(type(value)).json_schema(mode="serialization")["properties"]
    assert set(to_dict(value)) - {"progress"} == set(fields)


def test_a_request_can_be_taken_for_a_dataclass() -> None:
    """FastAPI knows a body by that; so it is whole for all others who look for one."""
    assert dataclasses.replace(REQUEST, prompt="p") == VideoRequest("p", attachments=REQUEST.attachments)
    assert dataclasses.asdict(REQUEST)["attachments"][0]["type"] == "image"
    assert pprint.pformat(VideoRequest("p")) == repr(VideoRequest("p"))


def test_importing_the_package_imports_no_pydantic() -> None:
    """It is for those who have it."""
    code = "import sys, motion_async; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "pydantic_core"} & set(loaded)
