"""`motion_async.cli.app`: arguments, help, and wrong use."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from motion_async.cli import main
from motion_async.cli.lines import SHAPES
from motion_async.sandbox import Sandbox, every_fault

COMMANDS = ("demo", "generate", "followup", "status", "watch", "sandbox", "batch")
Command = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.mark.parametrize(
    "argv",
    [
        ["frobnicate"],
        ["generate"],
        ["generate", "a", "b"],
        ["generate", "a", "--timeout", "soon"],
        ["generate", "a", "--timeout"],
        ["followup", "an-id"],
        ["status"],
        ["watch", "--timeout", "1"],
        ["status", "a", "--frobnicate"],
        ["sandbox", "--port", "http"],
        ["sandbox", "--speed", "fast"],
        ["demo", "now"],
        ["batch"],
        ["batch", "a.jsonl", "b.jsonl"],
        ["batch", "a.jsonl", "--format", "xml"],
        ["batch", "a.jsonl", "--on-insufficient-credits", "cry"],
        ["ledger", "show"],
        ["ledger", "frobnicate"],
    ],
)
def test_wrong_arguments_exit_with_2_and_one_sentence(argv: list[str], command: Command) -> None:
    """Arguments that cannot be understood are named in one sentence on stderr, with where to look."""
    status, lines, said = command(*argv)
    assert (status, lines) == (2, [])
    assert said.count("\n") == 1
    assert said.endswith("see motion-async --help\n")


@pytest.mark.parametrize("argv", [["--api-key=motion_secret123"], ["--api-key", "motion_secret123"]])
def test_a_key_is_no_argument_and_is_not_repeated(argv: list[str], command: Command) -> None:
    """A key on the command line is refused, and not shown again."""
    status, _, said = command("status", "an-id", *argv)
    assert status == 2
    assert "secret" not in said


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_has_an_option_for_the_key(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No command offers to take the key as an argument, and each has a help."""
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert not re.search(r"--\S*key", text)
    assert "--json" in text


def test_no_command_at_all_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Without any argument the help goes to stderr, and the exit status is 2."""
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert all(name in said.err for name in COMMANDS)


def test_the_help_documents_lines_and_exit_statuses(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help holds every line, every exit status and the environment, unbroken in 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    text = re.sub(r" +$", "", capsys.readouterr().out, flags=re.MULTILINE)
    assert SHAPES in text
    assert "MOTION_API_KEY" in text
    assert "MOTION_BASE_URL" in text
    assert re.findall(r"^  (\d+)  ", text, flags=re.MULTILINE) == ["0", "1", "2", "3", "4", "130", "141", "143"]


def test_the_help_names_the_commands_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for help sees what there is before the exit statuses and the lines for programs."""
    main(["--help"])
    text = capsys.readouterr().out
    assert text.index("generate") < text.index("Exit status") < text.index('"event"')


def test_words_that_should_have_been_one_prompt_are_told_of(command: Command) -> None:
    """A prompt without quotes is answered with the advice to put some."""
    for argv in (["generate", "A", "video"], ["followup", "an-id", "Faster", "please"]):
        status, _, said = command(*argv)
        assert status == 2
        assert "put quotes around a prompt" in said


def test_the_help_of_the_sandbox_names_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """All that can go wrong stands in the help, by the names that `--fault` takes."""
    main(["sandbox", "--help"])
    words = re.findall(r"[a-z-]+", capsys.readouterr().out.replace("│", ""))
    assert set(every_fault()) <= set(words)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the version of the installed package."""
    assert main(["--version"]) == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_a_reader_who_leaves_the_help_gets_no_traceback() -> None:
    """The help into a pipe that nobody reads ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "motion_async.cli", "--help"]
    done = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.usefixtures("fast_polls")
def test_style_and_attachments_reach_the_service(sandbox: Sandbox, command: Command) -> None:
    """`--style` and each `--attach` become the request's style reference and attachments, in any place."""
    first, second = "https://storage.example.com/signed/a.png?s=1", "https://storage.example.com/signed/b.mp4"
    style = "https://youtu.be/dQw4w9WgXcQ"
    status, _, _ = command("generate", "--attach", first, "A video", "--attach", second, "--style", style)
    assert status == 0
    (job,) = sandbox.jobs.values()
    assert job.body["prompt"] == "A video"
    assert job.body["style_reference_url"] == style
    assert [attachment["url"] for attachment in job.body["attachments"]] == [first, second]


@pytest.mark.usefixtures("fast_polls")
def test_a_prompt_may_begin_with_a_dash(sandbox: Sandbox, command: Command) -> None:
    """What follows `--` is a prompt, whatever it looks like."""
    status, _, _ = command("generate", "--", "--a video of a dash")
    assert status == 0
    assert [job.body["prompt"] for job in sandbox.jobs.values()] == ["--a video of a dash"]
