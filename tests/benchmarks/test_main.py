"""The command line of the benchmarks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Stand in for every benchmark, and note how each is run and drawn."""
    made: list[tuple[str, Any]] = []

    def stand_in(name: str) -> None:
        def run(**options: int) -> dict[str, Any]:
            made.append((name, options))
            return {"of": name}

        monkeypatch.setitem(command.BENCHMARKS, name, (run, lambda figures: f"table of {figures['of']}"))
        if name in command.PLOTS:
            monkeypatch.setitem(command.PLOTS, name, lambda _, file: made.append(("plot", file)))

    for name in list(command.BENCHMARKS):
        stand_in(name)
    monkeypatch.setenv("NO_PROXY", "")  # it sets that
    return made


def test_one_is_run_as_told_and_shown_as_a_table(
    calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    command.main(["scale", "--rounds", "2", "--top", "100", "--plot", "a.png"])
    assert calls == [("scale", {"rounds": 2, "top": 100}), ("plot", "a.png")]
    assert capsys.readouterr().out == "table of scale\n"


def test_all_are_run_and_given_as_one_object_and_a_picture_each(
    calls: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command.main(["all", "--json", "--plot", str(tmp_path / "a.png")])
    assert json.loads(capsys.readouterr().out) == {name: {"of": name} for name in command.BENCHMARKS}
    assert [name for name, _ in calls if name != "plot"] == list(command.BENCHMARKS)
    assert [Path(file).name for name, file in calls if name == "plot"] == [f"a-{name}.png" for name in command.PLOTS]


@pytest.mark.parametrize(
    "arguments",
    [["import", "--plot", "a.png"], ["poll", "--rounds", "0"], ["poll", "--rounds", "few"], ["other"], []],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], calls: list[tuple[str, Any]]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    assert calls == []
