"""`motion_async.cli.output.stdout`: standard output, and the end of it."""

import os
import subprocess
import sys

import pytest

from motion_async.cli.output.stdout import Stdout


def test_a_line_is_there_at_once() -> None:
    """A line can be read before the process ends."""
    code = "from motion_async.cli.output.stdout import Stdout; Stdout().line('one'); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        process.communicate("\n")


def test_a_closed_pipe_is_told_once_and_nothing_more_is_written() -> None:
    """When the reader has gone that is told once, later lines go nowhere, and the process ends in peace."""
    code = """
import os, sys
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
from motion_async.cli.output.stdout import Stdout
stdout = Stdout()
stdout.on_close = lambda: print("told", file=sys.stderr)
stdout.line("one")
stdout.line("two")
print(stdout.is_closed, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "told\nTrue\n")


def test_a_full_disk_is_told_as_such() -> None:
    """Not every output that cannot be written was closed by its reader."""
    code = """
import sys
from motion_async.cli.output.stdout import Stdout
stdout = Stdout()
stdout.line("one")
print(stdout.why, file=sys.stderr)
"""
    with open("/dev/full", "w") as full:  # noqa: PTH123  # a device
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_file_is_utf8_whatever_a_terminal_knows(encoding: str) -> None:
    """No character of what is exported is lost, and no line end changed."""
    code = """
from motion_async.cli.output.stdout import Stdout
with Stdout().file() as file:
    file.write("né\\r\\n\\U0001f3ac")
"""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert done.stdout.decode() == "né\r\n\U0001f3ac"


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_file_that_cannot_be_written_ends_its_block_in_peace(size: int) -> None:
    """Whether it is found out in the middle or at the end."""
    code = f"""
import sys
from motion_async.cli.output.stdout import Stdout
stdout = Stdout()
stdout.on_close = lambda: print("told", file=sys.stderr)
with stdout.file() as file:
    file.write("x" * {size})
print(stdout.is_closed, file=sys.stderr)
"""
    with open("/dev/full", "w") as full:  # noqa: PTH123  # a device
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "told\nTrue\n")


@pytest.mark.parametrize("size", [1, 5_000])
def test_what_is_drawn_where_nobody_looks_any_more_raises_nothing(size: int) -> None:
    """Who takes it for a file, as rich does, hears of it at no write and no flush; whoever asked is told once."""
    code = f"""
import sys
from rich.console import Console
from motion_async.cli.output.stdout import Stdout
stdout = Stdout()
stdout.on_close = lambda: print("told", file=sys.stderr)
console = Console(file=stdout, highlight=False)
for _ in range(2):
    console.print("line\\n" * {size})
print(stdout.is_closed, file=sys.stderr)
"""
    with open("/dev/full", "w") as full:  # noqa: PTH123  # a device
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "told\nTrue\n")


def test_a_process_without_stdout_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no standard output at all, nobody looks, and writing does not fail."""
    monkeypatch.setattr(sys, "stdout", None)
    stdout = Stdout()
    stdout.line("one")
    assert (stdout.is_terminal, stdout.is_closed) == (False, False)


def test_a_terminal_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal is one, and a pipe is not."""
    outer, inner = os.openpty()
    reader, writer = os.pipe()
    with open(inner, "w") as terminal, open(writer, "w") as pipe:  # noqa: PTH123  # they are descriptors
        monkeypatch.setattr(sys, "stdout", terminal)
        assert Stdout().is_terminal
        monkeypatch.setattr(sys, "stdout", pipe)
        assert not Stdout().is_terminal
    os.close(outer)
    os.close(reader)
