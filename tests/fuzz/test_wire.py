"""Answers of every kind: whatever comes back, what comes out is a value or an error of the library.

hypothesis makes answers of all shapes, atheris looks for code that no input has reached yet, and a small corpus keeps
what both have found worth keeping. All of them call one function, `tests.fuzz.target.read_anything`.
"""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.target import CALLS, ENCODINGS, JOB, LIMIT, STATUSES, as_input, compressed, read_anything

CORPUS = Path(__file__).parent / "corpus"
RUNS = 20_000
SECONDS = 20
A_HUNDRED_TIMES_WHAT_IT_TAKES = 3.0
"""Seconds of CPU for a heavy answer; what grew with the square of its size took four times as much at the least."""
FIELDS = (
    *("job_id", "status", "created_at", "updated_at", "completed_at", "error", "pending_user_input", "status_url"),
    *("code", "message", "details", "path", "minimum_required_credits", "current_balance", "extra"),
)

LATEST = "9999-12-31T23:59:59-23:59"
texts = st.text() | st.sampled_from(
    [JOB, "completed", "failed", "2026-04-28T23:01:04.198Z", LATEST, "\ud800", "\udfff😀"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inside: st.lists(inside, max_size=5) | st.dictionaries(st.sampled_from(FIELDS) | texts, inside, max_size=8),
    max_leaves=30,
)
documented = st.fixed_dictionaries(
    {"job_id": st.just(JOB), "status": texts | values},
    optional={name: values | texts for name in FIELDS if name not in ("job_id", "status")},
)
written = (values | documented).map(lambda value: json.dumps(value).encode())
damaged = st.builds(
    lambda body, at, cut: body[:at] + body[at + cut :], written, st.integers(0, 200), st.integers(0, 20)
)
bodies = st.binary(max_size=2_000) | written | damaged


any_answer = given(
    st.booleans(),
    bodies,
    st.integers(0, len(CALLS) * 8 - 1),
    st.integers(0, len(STATUSES) - 1),
    st.integers(0, 2 * len(ENCODINGS) - 1),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@any_answer
def test_any_answer_becomes_a_value_or_an_error(
    packed: bool, body: bytes, call: int, status: int, headers: int
) -> None:
    """Any bytes and any JSON, under any status and header, packed or not: nothing but the library's own comes out."""
    read_anything(bytes([call, status, headers]) + (compressed(body) if packed else body))


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None, derandomize=True)
@any_answer
def test_very_many_answers_become_values_or_errors(
    packed: bool, body: bytes, call: int, status: int, headers: int
) -> None:
    """The same, where there is time."""
    read_anything(bytes([call, status, headers]) + (compressed(body) if packed else body))


@pytest.mark.parametrize("entry", sorted(CORPUS.iterdir()), ids=lambda entry: entry.name)
def test_what_was_once_worth_keeping_is_read(entry: Path) -> None:
    """Every input of the corpus, found by a fuzzer or made by hand, is read."""
    read_anything(entry.read_bytes())


HEAVY: dict[str, bytes] = {
    "lists": b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "empty lists": b'{"a":[' + b"[]," * 20_000 + b"[]]}",
    "objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "levels under the interpreter's": b'{"error":' + b"[" * 990 + b"]" * 990 + b"}",
    "digits": b'{"a":' + b"9" * LIMIT + b"}",
    "fields": json.dumps({str(number): None for number in range(5_000)}).encode(),
    "details": json.dumps({"details": [{"path": [{"a": "x" * 50}]}] * 500}).encode(),
    "backslashes": b'{"a":"' + b"\\" * (LIMIT - 10) + b'"}',
    "halves of pairs": b'{"a":"' + b"\\ud800" * 10_000 + b'"}',
    "spaces": b" " * LIMIT,
    "half a URL": json.dumps({"error": "https://" * 8_000}).encode(),
    "logins": json.dumps({"error": "https://" + ":" * 60_000}).encode(),
    "keys": json.dumps({"error": "motion_" * 9_000}).encode(),
    "slashes": json.dumps({"error": "http:" + "\\" * 30_000}).encode(),
    "a bomb": compressed(b"[" * 50_000_000),
}


@pytest.mark.parametrize("name", HEAVY)
@pytest.mark.parametrize("call", range(len(CALLS)))
def test_a_heavy_answer_costs_no_more_than_its_size_warrants(name: str, call: int) -> None:
    """Time and memory of reading are bounded by the size of an answer, whatever stands in it, and not by its square."""
    for status in (200, 400):
        body = as_input(HEAVY[name], call=call, status=status, encoding="gzip" if name == "a bomb" else None)
        start = time.process_time()
        read_anything(body)
        assert time.process_time() - start < A_HUNDRED_TIMES_WHAT_IT_TAKES
        tracemalloc.start()
        try:
            read_anything(body)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert most < 200 * LIMIT


@pytest.mark.slow
def test_what_new_code_an_input_can_reach_is_looked_for(tmp_path: Path) -> None:
    """So many inputs made from the corpus are read, by atheris where it is installed and at random elsewhere."""
    if importlib.util.find_spec("atheris") is None:
        _mutate(RUNS // 4)
        pytest.skip(
            "atheris is not installed (pip install 'motion-async[fuzz]'): the corpus was changed at random instead"
        )
    script = Path(__file__).with_name("run_atheris.py")
    bounds = [f"-atheris_runs={RUNS}", f"-max_total_time={SECONDS}", "-max_len=4096", "-seed=1"]
    found = tmp_path / "found"
    found.mkdir()
    done = subprocess.run(
        [sys.executable, script, *bounds, found, CORPUS], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    crashes = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    assert done.returncode == 0, f"{done.stderr[-3_000:]}\n{crashes}"


def _mutate(count: int) -> set[bytes]:
    """Read inputs of the corpus that have been cut, spliced and changed at random, and give those that were read."""
    read = set()
    chance, seeds = random.Random(0), [entry.read_bytes() for entry in sorted(CORPUS.iterdir())]
    for _ in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(4):
                case 0:
                    data[at : at + chance.randint(1, 20)] = b""
                case 1:
                    data[at:at] = chance.randbytes(chance.randint(1, 8))
                case 2:
                    other = chance.choice(seeds)
                    start = chance.randrange(len(other) + 1)
                    data[at:at] = other[start : start + chance.randint(1, 40)]
                case _:
                    data[at : at + 1] = chance.choice(
                        (b'"', b"[", b"]", b"{", b"}", b"\\u", b"1e9", b"null", b"\x00", b",")
                    )
        read_anything(bytes(data))
        read.add(bytes(data))
    return read


def test_the_corpus_can_be_changed_at_random() -> None:
    """What is done where atheris can't be installed is done here too, in small."""
    read = _mutate(500)
    assert len(read) > 450, "hardly one is like another"
