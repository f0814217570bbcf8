"""`motion_async.cli.app`: arguments, help, and wrong use."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from motion_async.cli import main
from motion_async.cli.app import run
from motion_async.cli.records import result_record
from motion_async.cli.words import Word
from motion_async.sandbox import Sandbox, every_fault

COMMANDS = (
    "demo", "generate", "followup", "status", "watch", "check", "login", "logout", "sandbox", "batch", "jobs", "report",
    "worker",
)  # fmt: skip
WITH_A_PROFILE = ("jobs", "generate", "followup", "status", "watch", "check", "login", "batch", "worker")
Command = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.mark.parametrize(
    ("argv", "see"),
    [
        (["frobnicate"], "motion-async --help"),
        (["generate"], "motion-async generate --help"),
        (["generate", "a", "--timeout", "soon"], "motion-async generate --help"),
        (["generate", "a", "--timeout"], "motion-async generate --help"),
        (["generate", "a", "--frobnicate"], "motion-async generate --help"),
        (["followup", "an-id"], "motion-async followup --help"),
        (["status"], "motion-async status --help"),
        (["watch", "--timeout", "1"], "motion-async watch --help"),
        (["status", "a", "--frobnicate"], "motion-async status --help"),
        (["sandbox", "--port", "http"], "motion-async sandbox --help"),
        (["sandbox", "--speed", "fast"], "motion-async sandbox --help"),
        (["demo", "now"], "motion-async demo --help"),
        (["batch"], "motion-async batch --help"),
        (["batch", "a.jsonl", "b.jsonl"], "motion-async batch --help"),
        (["batch", "a.jsonl", "--format", "xml"], "motion-async batch --help"),
        (["batch", "a.jsonl", "--on-insufficient-credits", "cry"], "motion-async batch --help"),
        (["ledger", "show", "a.db", "b.db"], "motion-async ledger show --help"),
        (["ledger", "frobnicate"], "motion-async ledger --help"),
    ],
)
def test_wrong_arguments_exit_with_2_and_one_sentence(argv: list[str], see: str, command: Command) -> None:
    """Arguments that cannot be understood are named in one sentence on stderr, with the help of their command."""
    status, lines, said = command(*argv)
    assert (status, lines) == (2, [])
    assert said.count("\n") == 1
    assert said.endswith(f"; see {see}\n")


@pytest.mark.parametrize(
    "argv", [["generate", "a", "b"], ["generate", "A video"], ["batch", "nowhere.jsonl", "--dry-run"]]
)
def test_what_has_its_own_advice_names_no_help(
    argv: list[str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt without quotes, a missing key and a missing file are told of without a pointer elsewhere."""
    monkeypatch.delenv("MOTION_API_KEY", raising=False)
    status, _, said = command(*argv)
    assert status == 2
    assert "--help" not in said


def test_an_option_that_batch_does_not_have_is_no_file(command: Command) -> None:
    """What looks like an option in the place of the file is called one, and the help of `batch` is named."""
    status, _, said = command("batch", "--frobnicate")
    assert status == 2
    assert "there is no option --frobnicate, see motion-async batch --help" in said


@pytest.mark.parametrize("name", ["", "a\nb"])
def test_a_name_that_no_batch_can_have_is_refused(name: str, command: Command) -> None:
    """A name for a batch is taken as it is given, or not at all, before anything is read."""
    status, _, said = command("batch", "nowhere.jsonl", "--dry-run", "--batch", name)
    assert status == 2
    assert "--batch must be 1 to 512 printable characters" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("generate", "Stop waiting so long after the service took the job, such as 90s, 5m or 1h30m; the job goes on."),
        ("followup", "Stop waiting so long after the service took the job, such as 90s, 5m or 1h30m; the job goes on."),
        ("watch", "Stop waiting after 90s, 5m or 1h30m; the jobs go on."),
        ("batch", "Watch each job for so long in this run, as 5m or 1h30m; it goes on."),
    ],
)
def test_each_timeout_says_from_when_it_counts(name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a timeout is that of the command it belongs to."""
    main([name, "--help"])
    assert words in " ".join(capsys.readouterr().out.replace("│", "").split())


def test_the_help_of_batch_documents_the_results(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each field of the JSON of `--output` stands there in order, and each state that it can have."""
    monkeypatch.setenv("COLUMNS", "80")
    main(["batch", "--help"])
    text = capsys.readouterr().out.partition("The files of --output")[2].partition("╭")[0]
    fields = [*result_record(1, None, None, None), "id"]
    words = re.findall(r"\w+", text.partition("JSON")[2])
    assert [word for word in words if word in fields][: len(fields)] == fields
    states = " ".join(text.partition("A state is")[2].split())
    assert re.findall(rf"\b({'|'.join(Word)})\b", states) == list(Word)


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


@pytest.mark.parametrize(("argv", "names"), [([], COMMANDS), (["ledger"], ("show", "export", "resolve"))])
def test_no_command_at_all_is_wrong_use(
    argv: list[str], names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a command is missing the help goes to stderr, and the exit status is 2; whoever asks for it gets 0."""
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert all(name in said.err for name in names)
    assert main([*argv, "--help"]) == 0
    assert capsys.readouterr().out == said.err


@pytest.mark.parametrize("name", ["status", "watch"])
def test_a_command_that_takes_several_ids_shows_that(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The usage has an ellipsis after what may be repeated."""
    main([name, "--help"])
    assert capsys.readouterr().out.startswith(f"Usage: motion-async {name} [OPTIONS] JOB_ID...\n")


@pytest.mark.parametrize("name", WITH_A_PROFILE)
def test_each_command_with_a_key_takes_a_profile(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whose key it is, and for which service, is asked in one way everywhere."""
    main([name, "--help"])
    text = capsys.readouterr().out
    assert "--profile" in text
    assert "--base-url" in text


HELPS = [[name] for name in (*COMMANDS, "schema")] + [
    ["ledger", name] for name in ("show", "export", "resolve", "adopt")
]


@pytest.mark.parametrize("argv", HELPS, ids=" ".join)
def test_a_help_opens_with_an_example_and_ends_with_the_exit_statuses(
    argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fits a small terminal, but for the commands that document a format or faults."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*argv, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[1].startswith(f"   e.g. motion-async {' '.join(argv)}")
    assert "Exit status: 0 done" in text.rpartition("╯")[2]
    assert text.count("\n") <= 24 or argv[-1] in ("batch", "sandbox", "export")


@pytest.mark.parametrize("argv", [[], ["generate"], ["ledger"], ["ledger", "show"]], ids=" ".join)
def test_help_is_a_command_as_well(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`help COMMAND` says what `COMMAND --help` does."""
    assert main([*argv, "--help"]) == 0
    text = capsys.readouterr().out
    assert main(["help", *argv]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        (["batch"], ["--output -o", "--dry-run -n"]),
        (["ledger", "export"], ["--output -o"]),
        (["ledger", "resolve"], ["--yes -y"]),
    ],
)
def test_long_options_have_short_ones(argv: list[str], options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As other commands have them."""
    main([*argv, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert all(option in text for option in options)


def test_the_shell_can_be_told_of_the_commands(tmp_path: Path) -> None:
    """What is installed completes commands and options, and lies where the shell looks for it."""
    line = [sys.executable, "-m", "motion_async.cli", "--install-completion", "--shell", "bash"]
    done = subprocess.run(line, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True)
    installed = tmp_path / ".local/share/bash-completion/completions/motion-async"
    assert str(installed) in done.stdout
    assert {"generate", "--profile", "login"} <= set(re.findall(r"[\w-]+", installed.read_text()))


def test_the_help_documents_exit_statuses_and_says_where_lines_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help holds every exit status and the environment, unbroken in 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    text = re.sub(r" +$", "", capsys.readouterr().out, flags=re.MULTILINE)
    assert "`motion-async schema` writes the shapes of all lines" in text
    assert "MOTION_API_KEY" in text
    assert "MOTION_BASE_URL" in text
    assert re.findall(r"^  (\d+)  ", text, flags=re.MULTILINE) == ["0", "1", "2", "3", "4", "129", "130", "141", "143"]


def test_the_help_names_the_commands_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for help sees what there is before the exit statuses and the lines for programs."""
    main(["--help"])
    text = capsys.readouterr().out
    assert text.index("generate") < text.index("Exit status") < text.index("one JSON object a line")


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
    """`--version` prints the version of the installed package, and so does `-V`."""
    assert main(["--version"]) == 0
    version = capsys.readouterr().out
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", version)
    assert main(["-V"]) == 0
    assert capsys.readouterr().out == version


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


SCHEMES = ["postgresql://", "postgres://", "postgresq://", "postgresql:/", ""]
PASSWORDS = ["SEC/RET", "SEC@RET", "SEC?RET", "SEC#RET", "SEC'RET", 'SEC"RET\\', "SEC:RET", "SEC%2FRET"]


@pytest.mark.parametrize(("scheme", "password"), [*zip(cycle(SCHEMES), PASSWORDS, strict=False)])
@pytest.mark.parametrize(
    "arguments",
    [
        ["batch", "a.jsonl", "{url}"],
        ["batch", "a.jsonl", "--leger={url}"],
        ["batch", "a.jsonl", "--timeout", "{url}"],
        ["batch", "a.jsonl", "--timeout={url}"],
        ["batch", "{url}"],
        ["batch", "--leger={url}"],
        ["batch", "a.jsonl", "--format", "{url}"],
        ["generate", "a", "{url}"],
        ["ledger", "show", "{url}", "more"],
        ["ledger", "show", "a.db", "{url}"],
        ["ledger", "{url}"],
        ["ledger", "show", "{url}"],
        ["status", "job", "--base-url", "{url}"],
        ["{url}"],
    ],
    ids=" ".join,
)
def test_no_complaint_repeats_a_password(
    scheme: str,
    arguments: list[str],
    password: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Wherever a ledger's address is given by mistake, however it is mistyped, and whatever is in its password."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOTION_API_KEY", "motion_x")
    url = f"{scheme}me:{password}@127.0.0.1:1/db"
    assert run([argument.replace("{url}", url) for argument in arguments]) in (2, 4)
    told = capsys.readouterr()
    assert "SEC" not in told.out + told.err
    assert "RET" not in told.out + told.err
    assert told.err


def test_a_command_that_is_none_is_told_without_half_a_list(command: Command) -> None:
    """All of them stand where the sentence points."""
    status, _, said = command("bogus")
    assert (status, said) == (2, 'motion-async: Unknown command "bogus"; see motion-async --help\n')
