"""Tests of `motion_async.ledger.store.files`: who may own and write a ledger's files."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from motion_async import LedgerError
from motion_async.ledger import open_ledger
from motion_async.ledger.store import files
from tests.ledger.conftest import entries, make_version_1

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX has such owners and modes")

BOTH = pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to read"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A ledger whose path a shell would take apart."""
    place = tmp_path / "it's $HOME; here"
    place.mkdir()
    make_version_1(f"sqlite:///{place}/launch.db")
    return place / "launch.db"


async def opened(file: Path, *, read_only: bool) -> None:
    async with open_ledger(f"sqlite:///{file}", read_only=read_only, patience=0) as ledger:
        assert await ledger.find("launch", "planned")


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@BOTH
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o660, 0o664])
async def test_what_others_can_write_is_refused_with_the_command_that_mends_it(
    file: Path, mode: int, read_only: bool
) -> None:
    """It stays as it is, and the command can be pasted into a shell."""
    file.chmod(mode)
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="can be written by other users") as caught:
        await opened(file, read_only=read_only)
    assert (file.read_bytes(), mode_of(file), list(file.parent.iterdir())) == (before, mode, [file])
    command = str(caught.value).partition("mend that with: ")[2]
    assert command == shlex.join(["chmod", "600", str(file)])
    await asyncio.to_thread(subprocess.run, ["sh", "-c", command], check=True)
    await opened(file, read_only=read_only)


async def test_what_others_can_read_is_closed_to_them(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Signed URLs are in it; SQLite's own files beside it are like it."""
    file.chmod(0o644)
    async with open_ledger(f"sqlite:///{file}") as ledger:
        await ledger.plan("launch", entries("hero"))
        assert {mode_of(beside) for beside in file.parent.iterdir()} == {0o600}
        assert len(list(file.parent.iterdir())) == 4
    assert "other users could read it; now they cannot" in caplog.text


async def test_who_only_reads_says_that_others_can_read(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its mode is not for a reader to change."""
    file.chmod(0o640)
    with caplog.at_level(logging.WARNING):
        await opened(file, read_only=True)
    assert mode_of(file) == 0o640
    assert shlex.join(["chmod", "600", str(file)]) in caplog.text


@BOTH
async def test_what_belongs_to_another_user_is_refused(
    file: Path, read_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that makes it this user's."""
    me = os.geteuid()
    other = me + 4_242
    monkeypatch.setattr(files.os, "geteuid", lambda: other)
    monkeypatch.setattr(files, "ROOT", -1)  # whoever runs the tests
    with pytest.raises(LedgerError, match="belongs to another user") as caught:
        await opened(file, read_only=read_only)
    assert str(caught.value).endswith(shlex.join(["chown", str(other), str(file)]))


async def test_root_uses_its_own_and_reads_what_is_anybodys(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container everything is root's; a user's ledger is written by that user."""
    me = os.geteuid()
    monkeypatch.setattr(files, "ROOT", me)
    await opened(file, read_only=False)
    monkeypatch.setattr(files, "ROOT", me + 4_242)
    monkeypatch.setattr(files.os, "geteuid", lambda: me + 4_242)
    await opened(file, read_only=True)
    with pytest.raises(LedgerError, match="belongs to another user"):
        await opened(file, read_only=False)


@BOTH
@pytest.mark.parametrize("what", ["writable", "link"])
@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
async def test_a_file_beside_it_that_others_may_have_laid_there_is_refused(
    file: Path, tmp_path: Path, end: str, what: str, read_only: bool
) -> None:
    """SQLite would take its lines for the ledger's."""
    beside = file.with_name(file.name + end)
    if what == "link":
        (tmp_path / "elsewhere").touch(0o600)
        beside.symlink_to(tmp_path / "elsewhere")
    else:
        beside.touch(0o600)
        beside.chmod(0o666)
    with pytest.raises(LedgerError, match="is no file" if what == "link" else "can be written by other users"):
        await opened(file, read_only=read_only)


@BOTH
async def test_a_link_leads_to_a_ledger_of_this_user(file: Path, tmp_path: Path, read_only: bool) -> None:
    """What counts is what it leads to."""
    link = tmp_path / "link.db"
    link.symlink_to(file)
    await opened(link, read_only=read_only)
    file.chmod(0o666)
    with pytest.raises(LedgerError, match=r"launch\.db' can be written by other users|launch\.db can be written"):
        await opened(link, read_only=read_only)
