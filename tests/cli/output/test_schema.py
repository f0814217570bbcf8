"""`motion_async.cli.output.schema`: the shapes of the lines, and that the lines have them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from motion_async.cli import main
from motion_async.cli.output.schema import NAMES, json_schema
from motion_async.cli.records import item_record, result_record
from motion_async.jobs import BatchRequest
from tests.cli.output.test_jsonlines import ITEM, WRITTEN, written
from tests.shapes import is_shaped

_EVENTS = NAMES[:-2]


def lines_of_all(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Give a line of each kind, and one of an item without any job."""
    bare = attrs.evolve(ITEM, job_id=None, job_state=None)
    return written(capsys, *WRITTEN, lambda output: output.show_item(bare))


def test_each_event_is_written_and_has_its_shape(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line has the shape of its event, of no other, and there is a shape for no other event."""
    lines = lines_of_all(capsys)
    assert {line["event"] for line in lines} == set(_EVENTS)
    assert {line["call"] for line in lines if line["event"] == "disturbed"} == {"poll", "send"}
    for line in lines:
        assert is_shaped(line)
        assert [name for name in NAMES if is_shaped(line, name)] == [line["event"]]


def test_what_lacks_or_exceeds_a_shape_has_it_not(capsys: pytest.CaptureFixture[str]) -> None:
    """A field that is missing, one that nobody names, or one of another type is a fault in every line."""
    for line in lines_of_all(capsys):
        for name in line:
            assert not is_shaped({field: value for field, value in line.items() if field != name}, line["event"])
            if name not in ("metadata", "call"):
                assert not is_shaped({**line, name: {"a": ["b"]}}, line["event"]) or name == "error_data"
        assert not is_shaped({**line, "colour": "red"}, line["event"])


def test_what_is_written_to_files_has_a_shape_too(command: Any, write: Any, sandbox: Any, fast_polls: None) -> None:
    """The results of `batch --output`, also of a line that cannot be sent, and the lines of `ledger export`."""
    file = write([{"prompt": "A video"}, {"nothing": 1}, {"prompt": "x", "attachments": ["https://a.b.com/c.png?s=1"]}])
    assert command("batch", file, "--skip-invalid", "-o", "all.jsonl")[0] == 0
    results = [json.loads(line) for line in Path("all.jsonl").read_text().splitlines()]
    assert [line["state"] for line in results] == ["done", "needs you", "done"]
    assert all(is_shaped(line, "results") for line in results)
    _, exported, _ = command("ledger", "export", f"{file}.ledger.db")
    assert len(exported) == 2
    assert all(is_shaped(line, "export") for line in exported)


def test_the_shapes_of_files_are_those_of_their_records() -> None:
    """Their fields are named in the same order."""
    definitions = json_schema()["$defs"]
    assert list(definitions["results"]["properties"]) == [*result_record(1, "k", BatchRequest("A video"), ITEM), "id"]
    assert list(definitions["export"]["properties"]) == list(item_record(ITEM))


def test_the_command_writes_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it, or what one line needs, as one JSON document."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
    assert main(["schema", "result"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["$ref"] == "#/$defs/result"
    assert set(document["$defs"]) == {"result", "JobState", "JobStatus"}


def test_a_line_that_there_is_none_of_is_wrong_use(command: Any) -> None:
    """The sentence has the names that there are."""
    status, _, said = command("schema", "resutl")
    assert status == 2
    assert "no line has the name resutl" in said
    assert "result, " in said


def test_no_other_command_pays_for_it() -> None:
    """Only who asks for the schema has it made."""
    code = (
        "import sys; from motion_async.cli import main; "
        "main([*sys.argv[1:]]); print('motion_async.cli.output.schema' in sys.modules, file=sys.stderr)"
    )
    for argv, is_loaded in ((["--help"], "False"), (["status", "an-id"], "False"), (["schema"], "True")):
        done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
        assert done.stderr.splitlines()[-1] == is_loaded
