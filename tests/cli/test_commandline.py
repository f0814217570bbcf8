"""`motion_async.cli.commandline`: what is printed to be pasted runs what is ours, on what is theirs."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.cli.app import app
from motion_async.cli.commandline import again, command_line

HARMFUL = [
    "x;touch${IFS}harm",
    "$(touch harm)",
    "`touch harm`",
    "x|touch>harm",
    "x&&touch<harm",
    "'\"'touch'",
    "--base-url=https://elsewhere.example",
    "-h",
    "-",
    "",
    "two words",
    " edge",
    "a\nb",
    "a\x1b[2Jb",
    "a\u202eb",
    "a\u00a0b",
]


def command_of(printed: str) -> str:
    """Give what a person would paste: the command without what is explained behind it."""
    return printed.partition(", where ")[0].partition(" (")[0]


@pytest.mark.parametrize("name", HARMFUL, ids=repr)
def test_a_name_is_one_word_behind_the_dashes_or_not_in_the_command(name: str) -> None:
    """It is an argument as it is, or a word stands for it and it is shown beside; nothing of it is an option."""
    printed = command_line("watch", names=[("JOB_ID", "job-1"), ("JOB_ID", name), ("JOB_ID", f"{name} ")])
    words = shlex.split(command_of(printed) if "where" in printed else printed)
    assert words[:4] == ["motion-async", "watch", "--", "job-1"]
    assert words[4] in (name, "JOB_ID")
    assert printed.isprintable()
    assert len(printed.splitlines()) == 1
    if words[4] == "JOB_ID":
        assert name.startswith("-") or not name.isprintable() or " " in name or not name
        assert ", where JOB_ID is “" in printed
        assert "and JOB_ID_2 is “" in printed
    else:
        assert name.isprintable()


@pytest.mark.parametrize("name", HARMFUL, ids=repr)
def test_a_shell_runs_nothing_of_a_name(name: str, tmp_path: Path) -> None:
    """Pasted into a real shell, a command touches nothing, and gets the words that were printed."""
    printed = command_line("ledger", "resolve", options={"--batch": name}, names=[("LEDGER", name), ("KEY", name)])
    script = f'motion-async() {{ printf "%s\\n" "$@"; }}\n{command_of(printed)}'
    done = subprocess.run(["/bin/bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert list(tmp_path.iterdir()) == []
    assert done.stdout.split("\n")[:-1] == shlex.split(command_of(printed))[1:]


@given(st.text(), st.text())
def test_any_name_stands_where_it_is_printed(key: str, batch: str) -> None:
    """Whatever two names are, the command is one printable line, and has our words, the dashes, and two words more."""
    printed = command_line("ledger", "show", options={"--batch": batch}, names=[("KEY", key)])
    assert printed.isprintable()
    if "where" not in printed:
        assert shlex.split(printed) == ["motion-async", "ledger", "show", f"--batch={batch}", "--", key]


def test_the_command_line_takes_what_is_printed() -> None:
    """The dashes and the equals signs are read as they are meant."""
    printed = command_line(
        "ledger", "resolve", options={"--batch": "launch", "--job-id": "a;b"}, names=[("LEDGER", "a.db"), ("KEY", "k")]
    )
    command, bound, *_ = app.parse_args(shlex.split(printed)[1:], exit_on_error=False, print_error=False)
    assert command.__name__ == "resolve"
    assert (bound.args, bound.kwargs) == (("a.db", "k"), {"job_id": "a;b", "batch": "launch"})
    command, bound, *_ = app.parse_args(["watch", "--", "a", "--b"], exit_on_error=False, print_error=False)
    assert bound.args == (["a", "--b"],)


def test_a_command_that_was_typed_is_printed_as_it_was() -> None:
    """In quotes where it had them; what cannot stand on one line is not in it."""
    assert again(["batch", "my file.jsonl", "--max-active", "3"]) == (
        "motion-async batch 'my file.jsonl' --max-active 3"
    )
    assert again(["batch", "a\nb", "two  spaces"]) == "motion-async batch THE_SAME_AS_BEFORE THE_SAME_AS_BEFORE"
