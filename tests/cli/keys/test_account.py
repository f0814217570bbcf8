"""`motion_async.cli.keys.account`: login, logout and check, against a sandbox and a keyring in a file."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail
import pytest

from motion_async.cli.keys.profiles import load_profile, save_profile
from motion_async.cli.keys.settings import Settings
from motion_async.sandbox import Sandbox

Command = Callable[..., tuple[int, list[dict[str, Any]], str]]
NO_JOB = "00000000-0000-4000-8000-000000000000"

pytestmark = pytest.mark.usefixtures("fast_polls")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have something stand on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_key_is_kept_and_used_until_it_is_taken_away(
    sandbox: Sandbox, command: Command, typed: Callable[[str], None], without_key: Path
) -> None:
    """`login` reads it, asks the service, and keeps it with the service; then one word is enough."""
    typed(f"{sandbox.api_key}\n")
    status, [line], said = command("login", "--profile", "client-a", "--base-url", sandbox.url)
    assert (status, line["event"], line["base_url"]) == (0, "account", sandbox.url)
    assert (line["source"], line["profile"]) == ("keyring", "client-a")
    assert "profile client-a" in said
    assert sandbox.counts.polls == 1
    assert command("status", NO_JOB, "--profile", "client-a")[0] == 3  # the 404 of a service that takes the key
    assert command("status", NO_JOB)[0] == 2
    assert command("logout", "--profile", "client-a")[0] == 0
    status, lines, said = command("logout", "--profile", "client-a")
    assert (status, lines[0]["error"]) == (2, "ConfigurationError")
    assert "no profile 'client-a'" in said
    assert sandbox.api_key not in said + str(line)


def test_without_a_name_it_is_the_key_of_all_that_name_none(
    sandbox: Sandbox, command: Command, typed: Callable[[str], None], without_key: Path
) -> None:
    """And MOTION_PROFILE names one."""
    typed(sandbox.api_key)
    assert command("login", "--base-url", sandbox.url)[0] == 0
    status, [line], _ = command("check")
    assert (status, line["profile"], line["base_url"]) == (0, "default", sandbox.url)
    assert command("status", NO_JOB)[0] == 3


def test_the_variable_names_the_profile(
    command: Command, typed: Callable[[str], None], without_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For `login` and `logout` as well; without the service being asked a key has to have the form of one alone."""
    monkeypatch.setenv("MOTION_PROFILE", "client-b")
    monkeypatch.setenv("MOTION_BASE_URL", "http://sandbox:8080")
    monkeypatch.setenv("MOTION_PLAIN_HTTP_HOSTS", "sandbox")
    typed("motion_b\n")
    status, lines, _ = command("login", "--no-check")
    assert (status, lines) == (0, [])
    assert load_profile("client-b") == Settings(
        api_key="motion_b", base_url="http://sandbox:8080", plain_http_hosts="sandbox"
    )
    assert command("logout")[0] == 0
    assert load_profile("client-b") is None


@pytest.mark.parametrize(
    ("text", "argv", "expected", "words"),
    [
        ("", (), 2, "standard input has no key"),
        ("sk-of-another-service", ("--no-check",), 2, "starts with 'motion_'"),
        ("motion_a b", ("--no-check",), 2, "as character 9"),
        ("motion_of_nobody_at_all", (), 3, "the service does not know the API key"),
        ("motion_a", ("--no-check", "--profile", ""), 2, "--profile must be 1 to 512"),
        ("motion_a", ("--no-check", "--base-url", "http://example.com"), 2, "plain http"),
    ],
)
def test_what_cannot_be_used_is_not_kept(
    text: str,
    argv: tuple[str, ...],
    expected: int,
    words: str,
    sandbox: Sandbox,
    command: Command,
    typed: Callable[[str], None],
    kept: Path,
) -> None:
    """The key is looked at, and the service asked, before anything is put into the keyring; and it is not shown."""
    typed(text)
    status, lines, said = command("login", *argv)
    assert status == expected
    assert words in said
    assert not kept.exists()
    assert "of_nobody" not in said + str(lines)


def test_a_file_that_came_with_a_folder_gets_no_key(
    command: Command, typed: Callable[[str], None], without_key: Path
) -> None:
    """`login` believes no `.env` about where the service is."""
    (without_key / ".env").write_text("MOTION_BASE_URL=https://evil.example\nMOTION_PROFILE=evil\n")
    (without_key / ".env").chmod(0o600)
    typed("motion_a")
    assert command("login", "--no-check")[0] == 0
    assert load_profile("default") == Settings(api_key="motion_a", base_url="https://api.motion.so/api/motion")


def test_without_a_keyring_nobody_is_asked_for_a_key(command: Command, typed: Callable[[str], None]) -> None:
    """As on a server: the sentence names the way that works there."""
    keyring.set_keyring(keyring.backends.fail.Keyring())
    typed("motion_a")
    for argv in (["login"], ["logout"], ["check", "--profile", "a"]):
        status, _, said = command(*argv)
        assert status == 2
        assert "this machine has no keyring" in said
    assert sys.stdin.read() == "motion_a"


def test_check_says_which_key_and_which_service(sandbox: Sandbox, command: Command) -> None:
    """And that it works, with what the environment says."""
    status, [line], said = command("check")
    assert (status, line["source"], line["profile"], line["base_url"]) == (0, "MOTION_API_KEY", None, sandbox.url)
    assert line["api_key"].startswith("motion_")
    assert "…" in line["api_key"]
    assert said == "motion-async: the service answers, and takes the key\n"
    assert sandbox.counts.creates == 0


@pytest.mark.usefixtures("sandbox")
def test_a_key_that_the_service_does_not_know_is_3(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says first which one it was."""
    monkeypatch.setenv("MOTION_API_KEY", "motion_ab_of_nobody_yz")
    status, lines, said = command("check")
    assert (status, [line["event"] for line in lines]) == (3, ["account", "error"])
    assert (lines[0]["api_key"], lines[1]["http_status"]) == ("motion_…", 401)
    assert "takes the key" not in said


def test_a_service_that_is_not_there_is_4(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one it was is said before it is waited for."""
    monkeypatch.setattr("motion_async.client._POLL_ATTEMPTS", 1)
    monkeypatch.setenv("MOTION_API_KEY", "motion_something")
    status, lines, _ = command("check", "--base-url", "http://127.0.0.1:1")
    assert (status, lines[0]["base_url"], lines[1]["error"]) == (4, "http://127.0.0.1:1", "ConnectFailedError")


@pytest.mark.parametrize("argv", [["generate", "A"], ["status", NO_JOB], ["check"], ["batch", "a.jsonl"]])
def test_without_any_key_every_command_names_all_ways(argv: list[str], command: Command, without_key: Path) -> None:
    """Those to have one, and those to try without."""
    (without_key / "a.jsonl").write_text('{"prompt": "A"}\n')
    status, lines, said = command(*argv)
    assert (status, lines[0]["error"]) == (2, "ConfigurationError")
    for way in ("MOTION_API_KEY", ".env", "motion-async login", "motion-async demo", "motion-async sandbox"):
        assert way in said


def test_a_batch_takes_a_profile(
    sandbox: Sandbox, command: Command, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before what the environment says."""
    save_profile("client-a", Settings(api_key=sandbox.add_account("client a", 10_000), base_url=sandbox.url))
    monkeypatch.setenv("MOTION_API_KEY", "motion_of_nobody")
    monkeypatch.setenv("MOTION_BASE_URL", "http://127.0.0.1:1")
    status, _, said = command("batch", write([{"prompt": "A video"}]), "--profile", "client-a")
    assert (status, sandbox.counts.creates_accepted) == (0, 1), said


@pytest.mark.parametrize("argv", [("--profile", "client-a"), ("--profile", "client-a", "--base-url")])
def test_a_command_that_is_printed_has_the_key_that_was_used(
    argv: tuple[str, ...], sandbox: Sandbox, command: Command, without_key: Path
) -> None:
    """Another key has not the job: what is printed can be pasted as it is."""
    save_profile("client-a", Settings(api_key=sandbox.api_key, base_url=sandbox.url))
    argv += (sandbox.url,) * (len(argv) % 2)
    status, lines, said = command("generate", "A video", "--timeout", "0", *argv)
    assert status == 4
    told = said.partition("wait on with: ")[2].strip()
    assert told == lines[-1]["message"].partition("wait on with: ")[2]
    assert "--profile=client-a" in told
    assert command(*shlex.split(told)[1:])[0] == 0


def test_on_a_terminal_the_key_is_asked_for_and_not_shown(
    sandbox: Sandbox, on_terminal: Callable[..., tuple[int, str]]
) -> None:
    """What is typed does not come back, and what comes is for a person."""
    status, shown = on_terminal("login", "--profile", "a", after="not shown: ", typed=f"{sandbox.api_key}\n")
    assert status == 0, shown
    assert sandbox.api_key not in shown
    assert f"{sandbox.url}, with motion_" in shown
    assert "of profile a" in shown
    assert "the service answers, and takes the key" in shown
    assert load_profile("a") == Settings(api_key=sandbox.api_key, base_url=sandbox.url)


@pytest.mark.usefixtures("sandbox")
def test_ctrl_c_ends_a_question_for_the_key(on_terminal: Callable[..., tuple[int, str]], kept: Path) -> None:
    """At once, and nothing is kept."""
    status, shown = on_terminal("login", after="not shown: ")
    assert status == 130
    assert "Traceback" not in shown
    assert not kept.exists()


def test_a_key_is_read_from_a_pipe(sandbox: Sandbox, process: Callable[..., subprocess.Popen[str]]) -> None:
    """As a password manager gives it, so that it stands in no list of processes."""
    running = process("login", "--profile", "a", stdin=subprocess.PIPE)
    _, said = running.communicate(f"{sandbox.api_key}\n", timeout=60)
    assert running.returncode == 0, said
    assert load_profile("a") == Settings(api_key=sandbox.api_key, base_url=sandbox.url)
