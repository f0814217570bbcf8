"""`motion_async.cli.serving`: the sandbox as a command."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., subprocess.Popen[str]]
Command = Callable[..., tuple[int, list[dict[str, Any]], str]]


def exports(lines: str) -> dict[str, str]:
    """Read export lines as a shell would."""
    return dict(shlex.split(line)[1].split("=", 1) for line in lines.splitlines())


@pytest.mark.usefixtures("fast_polls")
def test_it_prints_what_points_the_client_at_it(
    process: Start, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output is two export lines and then ends; with them the client talks to it until Ctrl-C."""
    running = process("sandbox", "--port", "0", "--speed", "2000", "--credits", "300")
    assert running.stdout is not None
    settings = exports(running.stdout.read())
    assert set(settings) == {"MOTION_BASE_URL", "MOTION_API_KEY"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert command("generate", "A video")[0] == 0
    assert command("generate", "Another")[1][0]["error"] == "InsufficientCreditsError"
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=10)
    assert running.returncode == 130
    assert "listens on loopback alone" in said
    assert re.search(r"in a browser: http://127.0.0.1:\d+/_sandbox/$", said, re.MULTILINE)
    assert re.search(r"curl http://127.0.0.1:\d+/_sandbox/counts", said)
    assert re.search(r"got 2 creates \(0 equal to earlier ones\) and \d+ polls", said)
    assert "Traceback" not in said


@pytest.mark.usefixtures("fast_polls")
def test_faults_come_as_ordered(process: Start, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--fault` may be given several times, and strikes."""
    running = process("sandbox", "--port", "0", "--speed", "2000", "--fault", "reset=0", "--fault", "fail=1")
    assert running.stdout is not None
    for name, value in exports(running.stdout.read()).items():
        monkeypatch.setenv(name, value)
    assert command("generate", "A video")[0] == 1


def test_json_is_one_line_with_the_same(process: Start) -> None:
    """With `--json` the settings are one object."""
    running = process("sandbox", "--port", "0", "--json")
    assert running.stdout is not None
    line = json.loads(running.stdout.readline())
    assert line["event"] == "listening"
    assert line["base_url"].startswith("http://127.0.0.1:")
    assert line["api_key"].startswith("motion_")


def test_a_shell_can_take_it_over() -> None:
    """`eval "$(motion-async sandbox &)"` sets the variables, and the sandbox runs on."""
    line = f"{shlex.quote(sys.executable)} -m motion_async.cli"
    script = f"""
eval "$({line} sandbox --port 0 & echo "pid=$!")"
{line} status an-id
echo "$?"
kill "$pid"
"""
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.splitlines()[-1] == "3"
    assert "JobNotFoundError" in done.stdout


LISTENING_HERE_ALL_THE_SAME = """
from aiohttp import web
from motion_async.cli import main
site = web.TCPSite
web.TCPSite = lambda runner, _host, port, **options: site(runner, "127.0.0.1", port, **options)
main(["sandbox", "--port", "0", "--host", "0.0.0.0"])
"""


def test_a_public_address_is_warned_of() -> None:
    """Whoever lets other machines in is told so; this test itself lets in none."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING_HERE_ALL_THE_SAME],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        first = running.stderr.readline()
        running.kill()
    assert "WARNING" in first
    assert "listens on 0.0.0.0, so other machines may reach it" in first


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--port", "65536"], "65535"),
        (["--port", "-1"], "port"),
        (["--speed", "-1"], "speed"),
        (["--speed", "nan"], "speed"),
        (["--credits", "-5"], "credits"),
        (["--fault", "frobnicate=1"], "rate-limit"),
        (["--fault", "reset"], "reset"),
        (["--fault", "reset=2"], "probability"),
        (["--host", "256.256.256.256"], "--host"),
        (["--host", "no such host"], "--host"),
    ],
)
def test_settings_that_cannot_be_are_wrong_use(argv: list[str], named: str, command: Command) -> None:
    """A setting out of its bounds is named, and exits with 2."""
    status, lines, said = command("sandbox", "--json", *argv)
    assert (status, lines[0]["error"]) == (2, "ConfigurationError")
    assert named in said
    assert said.count("\n") == 1


def test_a_port_that_is_taken_is_said(command: Command) -> None:
    """A port that somebody else has is wrong use, with what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, said = command("sandbox", "--json", "--port", str(taken.getsockname()[1]))
    assert status == 2
    assert "choose another --port or --host" in said
