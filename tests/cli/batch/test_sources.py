"""`motion_async.cli.batch.sources`: files that are read several times, however they come."""

import io
import json
import os
import sys
import threading
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from motion_async.cli.batch.sources import format_of, open_source
from motion_async.errors import ConfigurationError

NOW = datetime(2026, 4, 28, tzinfo=UTC)


def test_a_file_is_read_as_often_as_needed(tmp_path: Path) -> None:
    """Every pass gives the same lines, also when the one before was not read to its end."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    with open_source(str(path), "jsonl", now=NOW) as source:
        next(source.lines())
        assert list(source.lines()) == list(source.lines())
        assert not source.has_changed
        with path.open("a") as file:
            file.write('{"prompt": "c"}\n')
        assert source.has_changed


def test_a_file_that_is_replaced_stays_the_one_that_was_opened(tmp_path: Path) -> None:
    """An editor that saves a new file under the name does not change the batch that runs."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "a"}\n')
    with open_source(str(path), "jsonl", now=NOW) as source:
        other = tmp_path / "b"
        other.write_text('{"prompt": "b"}\n')
        other.replace(path)
        (line,) = source.lines()
        assert line.given is not None
        assert line.given.request.prompt == "a"


def test_standard_input_and_pipes_are_kept_for_a_second_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be read only once is copied first."""
    content = b'{"prompt": "a"}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with open_source("-", "jsonl", now=NOW) as source:
        assert list(source.lines()) == list(source.lines()) != []
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    with open_source(str(pipe), "jsonl", now=NOW) as source:
        assert list(source.lines()) == list(source.lines()) != []
    writer.join()


@pytest.mark.parametrize("name", ["nowhere.jsonl", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, or a directory, is told of with its name."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"cannot be read: "), open_source(name, "jsonl", now=NOW):
        pass


def test_the_name_tells_the_format() -> None:
    """Known ends of names tell it, the option goes before, and what is left has to be said."""
    assert format_of("a.jsonl", None) == format_of("a.NDJSON", None) == "jsonl"
    assert format_of("a.csv", None) == "csv"
    assert format_of("a.csv", "jsonl") == "jsonl"
    for name in ("-", "a.json", "a"):
        with pytest.raises(ConfigurationError, match="--format"):
            format_of(name, None)


def test_memory_grows_with_the_ids_and_not_with_the_lines(tmp_path: Path) -> None:
    """Of ten thousand lines with ids, little more than a fingerprint each is kept."""
    path = tmp_path / "a.jsonl"
    with path.open("w") as file:
        for number in range(10_000):
            file.write(json.dumps({"id": f"line-{number}", "prompt": "A video " * 100}) + "\n")
    with open_source(str(path), "jsonl", now=NOW) as source:
        tracemalloc.start()
        try:
            assert sum(not line.problems for line in source.lines()) == 10_000
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 300_000 + 150 * 10_000 < path.stat().st_size / 4
