"""`motion_async.cli.ledger.opening`: which ledger a command means, whether it can be used, and items by their keys."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from motion_async.cli.arguments import Access
from motion_async.cli.ledger import opening
from motion_async.cli.ledger.address import Address
from motion_async.cli.ledger.opening import file_name, find_batch_ledger, find_ledger
from motion_async.errors import ConfigurationError
from motion_async.sandbox import Sandbox
from tests.cli.ledger.conftest import LEDGER, planned, uncertain

Command = Callable[..., tuple[int, list[dict[str, Any]], str]]

ORIGINS = {
    "https://api.motion.so": "api.motion.so.db",
    "http://127.0.0.1:8080": "127.0.0.1-8080.db",
    "http://localhost": "localhost-80.db",
    "http://[::1]:8080": "[--1]-8080.db",
    "https://xn--mnchen-3ya.de": "xn--mnchen-3ya.de.db",
    "http://motion:8080": "motion-8080.db",
    # What could be taken for one of the others is not.
    "https://motion:8080": "motion-8080-https.db",
    "https://motion-8080": "motion-8080-443-https.db",
    "http://motion-8080": "motion-8080-80.db",
    "https://motion-8080-https": "motion-8080-https-443-https.db",
    "http://motion-8080-https": "motion-8080-https-80.db",
    "https://motion-https": "motion-https.db",
    "https://motion": "motion.db",
    "http://--1:8080": "--1-8080.db",
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_each_service_has_a_file_of_its_own(origin: str) -> None:
    """By a name that says which it is, and that a folder can hold."""
    assert file_name(origin) == ORIGINS[origin]
    assert len(set(ORIGINS.values())) == len(ORIGINS)


@pytest.mark.usefixtures("without_key")
class TestFindLedger:
    """Who names it."""

    def test_the_first_that_names_one_decides(self, own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The option, the environment, a `.env`, and else it is the person's own, for the service at hand."""
        assert find_ledger(None, Access()) == Address(str(own_state / "api.motion.so.db"))
        assert find_ledger(None, Access(base_url="http://127.0.0.1:81")) == Address(str(own_state / "127.0.0.1-81.db"))
        Path(".env").write_text("MOTION_LEDGER=file.db\nMOTION_BASE_URL=https://file.example\n")
        Path(".env").chmod(0o600)
        assert find_ledger(None, Access()) == Address("file.db")
        monkeypatch.setenv("MOTION_LEDGER", "postgresql://me:hush@db/motion")
        found = find_ledger(None, Access())
        assert (found.url, found.shown) == ("postgresql://me:hush@db/motion", "postgresql://me:PASSWORD@db/motion")
        assert find_ledger("given.db", Access()) == Address("given.db")

    def test_a_file_of_settings_names_the_service(self, own_state: Path) -> None:
        """Without a key too, as to look at a ledger needs none."""
        Path(".env").write_text("MOTION_BASE_URL=https://file.example\n")
        Path(".env").chmod(0o600)
        assert find_ledger(None, Access()) == Address(str(own_state / "file.example.db"))

    def test_one_beside_the_file_is_found_and_said(self, own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before MOTION_LEDGER, as what was paid for stands in it; it is not said of one that is named."""
        said: list[str] = []
        file = Path("launch.csv")
        assert find_batch_ledger(file, Access(), said.append) == Address(str(own_state / "api.motion.so.db"))
        assert find_batch_ledger(None, Access(), said.append) == Address(str(own_state / "api.motion.so.db"))
        assert not said
        Path("launch.csv.ledger.db").touch()
        monkeypatch.setenv("MOTION_LEDGER", "other.db")
        assert find_batch_ledger(file, Access(), said.append) == Address("launch.csv.ledger.db")
        assert said == ["the ledger is launch.csv.ledger.db, which lies beside the file; --ledger names another one"]
        monkeypatch.setenv("MOTION_LEDGER", "launch.csv.ledger.db")
        find_batch_ledger(file, Access(), said.append)
        assert len(said) == 1

    def test_where_nobodys_home_is_known_it_has_to_be_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No folder of that name is made where the command happens to run."""
        monkeypatch.setattr(opening, "user_state_path", lambda *_, **__: Path("~/.local/state/motion-async"))
        with pytest.raises(ConfigurationError, match="name one, by --ledger or MOTION_LEDGER"):
            find_ledger(None, Access())


@pytest.mark.usefixtures("fast_polls")
class TestUse:
    """A person's own ledger in the commands."""

    def test_it_is_made_for_its_owner_alone(
        self, sandbox: Sandbox, command: Command, own_state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By the first command that sends; `followup` and `batch` go on in it, and nothing lies beside a file."""
        monkeypatch.chdir(tmp_path)
        Path("launch.jsonl").write_text('{"prompt": "Another video"}')
        job_id = command("generate", "A video")[1][0]["job_id"]
        assert command("followup", job_id, "Faster")[0] == 0
        assert command("batch", "launch.jsonl")[1][-1]["batch"] == "launch"
        [file] = [path for path in own_state.iterdir() if path.suffix == ".db"]
        assert stat.S_IMODE(own_state.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        shown = command("ledger", "show")[1]
        assert [(line["batch"], line["counts"]) for line in shown] == [
            ("launch", {"done": 1}), ("single", {"done": 2}),
        ]  # fmt: skip
        assert [path.name for path in tmp_path.iterdir()] == ["launch.jsonl"]

    @pytest.mark.parametrize("argv", [["generate", "A video"], ["followup", "a-job", "Faster"], ["batch", "l.jsonl"]])
    def test_nothing_is_paid_for_if_it_cannot_be_made(
        self, argv: list[str], sandbox: Sandbox, command: Command, own_state: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        """As in a home that cannot be written: a sentence names the file, and how to name another one."""
        monkeypatch.chdir(tmp_path)
        Path("l.jsonl").write_text('{"prompt": "A video"}')
        own_state.parent.write_text("not a folder")
        status, _, said = command(*argv)
        assert status == 4
        assert "nothing was sent: the ledger " in said
        assert str(own_state) in said
        assert "name another ledger, by --ledger or MOTION_LEDGER" in said
        assert sandbox.counts.creates == sandbox.counts.followups == 0
        argv = [*argv, "--ledger", str(tmp_path / "other.db")]
        assert command(*argv)[0] == (3 if argv[0] == "followup" else 0)

    def test_what_is_no_ledger_is_said_in_the_same_way(
        self, sandbox: Sandbox, command: Command, own_state: Path
    ) -> None:
        """A file in its place that is something else stays as it is."""
        own_state.mkdir(parents=True)
        file = own_state / f"127.0.0.1-{sandbox.url.rpartition(':')[2].partition('/')[0]}.db"
        file.write_text("something else altogether")
        status, _, said = command("generate", "A video")
        assert (status, sandbox.counts.creates) == (4, 0)
        assert f"nothing was sent: the ledger {file} cannot be used" in said
        assert "name another ledger, by --ledger or MOTION_LEDGER" in said
        assert file.read_text() == "something else altogether"

    def test_what_sends_nothing_needs_none(self, sandbox: Sandbox, command: Command, own_state: Path) -> None:
        """Where no home can be written a job's state is still asked for, and its end waited for."""
        job_id = command("generate", "A video", "--ledger", "sqlite://")[1][0]["job_id"]
        own_state.parent.write_text("not a folder")
        assert command("status", job_id)[0] == command("watch", job_id)[0] == command("jobs")[0] == 0

    def test_two_terminals_at_once_share_it(
        self, sandbox: Sandbox, process: Callable[..., subprocess.Popen[str]], command: Command
    ) -> None:
        """Each has its job in it."""
        started = [process("generate", f"Video {number}") for number in range(2)]
        for running in started:
            assert running.wait(timeout=60) == 0
        assert {line["job_id"] for line in command("jobs")[1]} == set(sandbox.jobs)
        assert len(sandbox.jobs) == 2

    def test_no_password_of_it_is_shown(self, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        """One in MOTION_LEDGER is as secret as one that is typed."""
        monkeypatch.setenv("MOTION_API_KEY", "motion_something")
        monkeypatch.setenv("MOTION_LEDGER", "postgresql://me:hush@127.0.0.1:1/db")
        for argv in (["generate", "A video"], ["jobs"], ["ledger", "show"]):
            status, lines, said = command(*argv)
            assert status == 4
            assert "127.0.0.1:1" in said
            assert "hush" not in said + str(lines)


def test_an_item_is_found_in_every_form_of_unicode(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its key and by its batch: a terminal writes another form than a file."""
    monkeypatch.chdir(tmp_path)

    async def make() -> None:
        async with planned("caf\u00e9", ["cr\u00e8me"]) as (opened, items):
            await uncertain(opened, items["cr\u00e8me"])

    anyio.run(make)
    key, batch = "cre\u0300me", "--batch=cafe\u0301"
    assert command("ledger", "show", LEDGER, "--key", key)[0] == 0
    assert [line["key"] for line in command("ledger", "export", LEDGER, batch)[1]] == ["cr\u00e8me"]
    status, lines, _ = command("ledger", "resolve", LEDGER, key, batch, "--drop")
    assert (status, lines[0]["item_state"]) == (0, "dropped")
