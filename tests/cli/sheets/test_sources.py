"""`motion_async.cli.sheets.sources`: which format a file has, and files that come as pipes."""

import io
import json
import os
import sys
import threading
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from motion_async.batch.keys import Keys
from motion_async.cli.arguments import FileFormat
from motion_async.cli.batch.checking import checked
from motion_async.cli.batch.spool import Spool
from motion_async.cli.sheets.sources import open_source, read_lines
from motion_async.errors import ConfigurationError

NOW = datetime(2026, 4, 28, tzinfo=UTC)


def prompts(name: str, content: bytes, form: FileFormat | None = None) -> list[str | None]:
    """Read some bytes as a file of a name, and give the prompts."""
    lines = read_lines(io.BytesIO(content), name, form, None, lambda _: None)
    return [None if line.given is None else line.given.request.prompt for line in lines]


def test_a_file_that_is_replaced_stays_the_one_that_was_opened(tmp_path: Path) -> None:
    """An editor that saves a new file under the name does not change what is read."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "a"}\n')
    with open_source(str(path), None, None, print) as lines:
        other = tmp_path / "b"
        other.write_text('{"prompt": "b"}\n')
        other.replace(path)
        (line,) = lines
        assert line.given is not None
        assert line.given.request.prompt == "a"


def test_standard_input_and_pipes_are_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be read only once is copied first, as its format is found by looking into it."""
    content = b'{"prompt": "a"}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with open_source("-", None, None, print) as lines:
        assert [line.number for line in lines] == [1]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    with open_source(str(pipe), None, None, print) as lines:
        assert [line.number for line in lines] == [1]
    writer.join()


@pytest.mark.parametrize("name", ["nowhere.jsonl", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, or a directory, is told of with its name."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"cannot be read: "), open_source(name, None, None, print):
        pass


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"prompt": "a"}\n\n{"prompt": "b"}\n'),
        ("a", b'{"prompt": "a"}\n{"prompt": "b"}\n'),
        ("a.json", b'[{"prompt": "a"}, {"prompt": "b"}]'),
        ("a.txt.gz", b' \n[\n{"prompt":\n"a"}\n, {"prompt": "b"},]\n'),
        ("a.jsonl", b'{\n  "prompt": "a"\n}\n{\n  "prompt": "b"\n}\n'),
        ("a", b'{"id": "x",\n "prompt": "a"}\n{"id": "y",\n "prompt": "b"}'),
        ("a.jsonl", b'{"prompt": "a"}\n"no object"\n{"prompt": "b"}\n'),
        ("a.jsonl", '{"prompt": "a"}\r\n{"prompt": "b"}'.encode("utf-16")),
        ("a", b"prompt\na\nb\n"),
        ("a.csv", b"\xef\xbb\xbfPROMPT;x\r\na;1\r\nb;2\r\n"),
        ("a.tsv", b"id\tText\r1\ta\r2\tb\r"),
    ],
)
def test_the_content_tells_the_format(name: str, content: bytes) -> None:
    """JSON by lines or not, CSV, and how each is encoded are seen; a name is of use where they may be either."""
    assert list(filter(None, prompts(name, content))) == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("before", [(1 << 16) - 1, 1 << 17])
def test_the_first_character_beyond_ascii_tells_the_encoding_of_a_csv(encoding: str, before: int) -> None:
    """However late it comes, and wherever a piece that is read at a time may end within it."""
    rows = "prompt\n" + "A plain video\n" * 4_000
    content = (rows.ljust(before, "a") + "é").encode(encoding)
    assert prompts("a.csv", content)[-1] == "a" * (before - len(rows)) + "é"


def test_the_format_may_be_said() -> None:
    """It goes before the name and the content: what does not fit is told of."""
    assert prompts("a.csv", b'{"prompt": "a"}', "jsonl") == ["a"]
    assert prompts("a.jsonl", b"nonsense\n") == [None]
    with pytest.raises(ConfigurationError, match="has no column prompt"):
        prompts("a.jsonl", b'{"prompt": "a"}', "csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'[{"prompt": "a"}, {"prompt": "b"', "object 2 of the JSON is no JSON"),
        (b'[{"prompt": "a"}] []', "object 2 of the JSON is no JSON"),
        (b'[{"prompt": "a", "prompt": "b"}]', "object 1 of the JSON has the field 'prompt' twice"),
        (b'[{"prompt": "a", "n": NaN}]', "NaN is no number"),
        (b'[{"prompt": "a", "n": ' + b"[" * 100_000, "is nested too deeply"),
        (b'[{"prompt": "' + b"a" * (3 << 20), "object 1 of the JSON is no JSON: Unterminated string"),
        (b"\xff\xfep", "cannot be read as UTF-16"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old workbook, or has a password"),
    ],
)
def test_what_cannot_be_told_apart_ends_it_all(content: bytes, words: str) -> None:
    """Where nobody knows what comes next nothing is read."""
    with pytest.raises(ConfigurationError) as caught:
        prompts("a.json", content)
    assert words in str(caught.value)


def test_an_object_that_is_no_request_costs_no_other() -> None:
    """In an array it is given with its place, and the next is read."""
    assert prompts("a.json", b'[{"prompt": "a"}, 7, {"id": "x"}, {"prompt": "b"}]') == ["a", None, None, "b"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json"])
def test_memory_grows_with_the_ids_and_not_with_the_lines(name: str, tmp_path: Path) -> None:
    """Of two thousand lines with ids, little more than a fingerprint each is kept, and the spool lies on a disk."""
    path = tmp_path / name
    rows = [(f"line-{number}", "A video " * 1_000) for number in range(2_000)]
    lines = [json.dumps({"id": key, "prompt": prompt}) for key, prompt in rows]
    if name == "a.csv":
        lines = ["id,prompt", *map(",".join, rows)]
    path.write_text(f"[{', '.join(lines)}]" if name == "a.json" else "\n".join(lines))
    del rows, lines
    with open_source(str(path), None, None, print) as given, closing(Spool()) as spool:
        tracemalloc.start()
        try:
            for line in checked(given, Keys(), now=NOW):
                spool.put(line)
            assert sum(not line.problems for line in spool.lines()) == 2_000
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 1_500_000 < path.stat().st_size / 10
