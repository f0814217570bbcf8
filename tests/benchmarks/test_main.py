"""The command line of the benchmarks."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from benchmarks import __main__ as command
from benchmarks.registry import BENCHMARKS

DRAWN = [name for name, benchmark in BENCHMARKS.items() if benchmark.plot is not None]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Stand in for every benchmark, and note how each is run and drawn."""
    made: list[tuple[str, Any]] = []

    def stand_in(name: str) -> None:
        def run(**options: int) -> dict[str, Any]:
            made.append((name, options))
            return {"of": name}

        changes: dict[str, Any] = {"run": run, "table": lambda figures: f"table of {figures['of']}", "needs": ()}
        changes["setting"] = None
        if BENCHMARKS[name].plot is not None:
            changes["plot"] = lambda _, file: made.append(("plot", file))
        monkeypatch.setitem(BENCHMARKS, name, attrs.evolve(BENCHMARKS[name], **changes))

    for name in list(BENCHMARKS):
        stand_in(name)
    monkeypatch.setenv("NO_PROXY", "")  # it sets that
    return made


@pytest.fixture
def with_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be found, whether it is there or not."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    return capsys.readouterr().err.splitlines()[-1].removeprefix("python -m benchmarks: error: ")


@pytest.mark.usefixtures("with_matplotlib")
def test_one_is_run_as_told_and_shown_as_a_table(
    calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Rounds and its own option reach it, and the picture has the name that was given."""
    file = str(tmp_path / "a.png")
    command.main(["scale", "--rounds", "2", "--top", "100", "--plot", file])
    assert calls == [("scale", {"rounds": 2, "top": 100}), ("plot", file)]
    assert capsys.readouterr().out == "table of scale\n"


@pytest.mark.usefixtures("with_matplotlib")
def test_all_are_run_and_given_as_one_object_and_a_picture_each(
    calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An option of one of them reaches that one alone."""
    command.main(["all", "--json", "--requests", "1000000", "--plot", str(tmp_path / "a.png")])
    assert json.loads(capsys.readouterr().out) == {name: {"of": name} for name in BENCHMARKS}
    assert [call for call in calls if call[0] != "plot"] == [
        (name, {"requests": 1_000_000} if name == "fanout" else {}) for name in BENCHMARKS
    ]
    assert [Path(file).name for name, file in calls if name == "plot"] == [f"a-{name}.png" for name in DRAWN]


def test_what_was_measured_is_given_although_a_later_one_fails(
    calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes of measuring are not lost, and the error still comes."""

    def fail(**_: int) -> dict[str, Any]:
        raise OSError("no space")

    monkeypatch.setitem(BENCHMARKS, "load", attrs.evolve(BENCHMARKS["load"], run=fail))
    with pytest.raises(OSError, match="no space"):
        command.main(["all", "--json"])
    assert list(json.loads(capsys.readouterr().out)) == [name for name, _ in calls] == ["poll", "scale"]


def test_one_that_lacks_a_module_is_refused_and_left_out_of_all(
    calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name, the module and the extra are said either way."""
    monkeypatch.setitem(BENCHMARKS, "ledger", attrs.evolve(BENCHMARKS["ledger"], needs=("no_such_module",)))
    said = "ledger needs no_such_module: install motion-async with its extra `ledger`"
    assert refusal(["ledger"], capsys) == said
    assert calls == []
    command.main(["all"])
    assert f"left out: {said}" in capsys.readouterr().err.splitlines()
    assert [name for name, _ in calls] == [name for name in BENCHMARKS if name != "ledger"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["poll", "--rounds", "0"], "argument --rounds: 0 is too few, 1 is the least"),
        (["poll", "--rounds", "-3"], "argument --rounds: -3 is too few, 1 is the least"),
        (["poll", "--rounds", "few"], "argument --rounds: 'few' is no whole number"),
        (["fanout", "--requests", "9"], "argument --requests: 9 is too few, 10 is the least"),
        (["poll", "--top", "10"], "--top is for scale, not for poll"),
        (["import", "--plot", "a.png"], f"import has nothing to draw; these have: {', '.join(DRAWN)}"),
        (["poll", "--plot", "a.doc"], "--plot a.doc: the name of a picture ends with .png, .svg or .pdf"),
        (["poll", "--plot", "no/a.png"], "--plot no/a.png: there is no directory no"),
        (["poll", "--plot", "folder.png"], "--plot folder.png: that is a directory"),
        ([], "the following arguments are required: NAME"),
    ],
)
@pytest.mark.usefixtures("with_matplotlib")
def test_what_makes_no_sense_is_refused_before_anything_is_measured(
    arguments: list[str],
    said: str,
    calls: list[tuple[str, Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """In one line that says what to change."""
    monkeypatch.chdir(tmp_path)
    Path("folder.png").mkdir()
    assert refusal(arguments, capsys) == said
    assert calls == []


def test_a_picture_that_could_not_be_drawn_or_written_is_refused_first(
    calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For `all` too, where the names of the files are made."""
    file = str(tmp_path / "a.png")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert refusal(["poll", "--plot", file], capsys) == (
        "--plot needs matplotlib: install motion-async with its extra `bench`"
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(os, "access", lambda *_: False)
    made = tmp_path / f"a-{DRAWN[0]}.png"
    assert refusal(["all", "--plot", file], capsys) == f"--plot {made}: it cannot be written there"
    assert calls == []


def test_without_standard_output_nothing_is_measured(
    calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell can close it, and the figures would go nowhere."""
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit, match="2"):
        command.main(["poll", "--json"])
    assert "there is no standard output to print to" in capsys.readouterr().err
    assert calls == []


def test_the_help_has_a_line_for_each_with_its_duration(capsys: pytest.CaptureFixture[str]) -> None:
    """All come out of the registry, and `all` takes as long as all of them."""
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"])
    shown = capsys.readouterr().out
    for name, benchmark in BENCHMARKS.items():
        [line] = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        assert line.split(maxsplit=3)[1:] == [str(benchmark.seconds), "s", benchmark.line]
        assert len(line) <= 120
    assert shown.splitlines()[-1].split()[:2] == ["all", str(sum(of.seconds for of in BENCHMARKS.values()))]
