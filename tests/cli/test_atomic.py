"""`motion_async.cli.atomic`: a file is written whole or not at all."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from motion_async.cli.atomic import atomic_file, check_output
from motion_async.errors import ConfigurationError


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    """Until the block ends the old content is there, then the new one, and nothing beside it."""
    path = tmp_path / "out"
    path.write_text("old")
    path.chmod(0o640)
    with atomic_file(path) as file:
        file.write("new ä\n")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text(encoding="utf-8") == "new ä\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a loss of power the name leads to a whole file: content, then name, then directory are synced."""
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_fsync(handle: int) -> None:
        status = os.fstat(handle)
        steps.append("directory synced" if stat.S_ISDIR(status.st_mode) else f"{status.st_size} bytes synced")
        fsync(handle)

    def record_replace(path: Path, target: Path) -> Path:
        steps.append("named")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_replace)
    with atomic_file(tmp_path / "out") as file:
        file.write("new")
    assert steps == ["3 bytes synced", "named", "directory synced"]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    """Whatever ends the block early leaves what was there."""
    path = tmp_path / "out"
    path.write_text("old")

    def write() -> None:
        with atomic_file(path) as file:
            file.write("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    """Killed in the middle of writing, the old content stays."""
    path = tmp_path / "out"
    path.write_text("old")
    script = (
        "import os, signal, pathlib, sys\n"
        "from motion_async.cli.atomic import atomic_file\n"
        "with atomic_file(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write('new'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file that a link leads to is replaced, and the link is kept."""
    (tmp_path / "real").write_text("old")
    link = tmp_path / "link"
    link.symlink_to("real")
    with atomic_file(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_place_that_cannot_be_written_is_told_of_before(tmp_path: Path) -> None:
    """A missing directory, a directory, a device, or the very file that is read cannot be the output."""
    given = tmp_path / "given.jsonl"
    given.touch()
    (tmp_path / "same.jsonl").hardlink_to(given)
    check_output(tmp_path / "fine", reads=given)
    for path in (tmp_path / "no" / "out", tmp_path, Path(os.devnull), given, tmp_path / "same.jsonl"):
        with pytest.raises(ConfigurationError, match="--output"):
            check_output(path, reads=given)
    with pytest.raises(ConfigurationError, match="cannot be written"), atomic_file(tmp_path / "no" / "out"):
        pass


@pytest.mark.parametrize("is_there", [True, False])
def test_no_file_of_a_ledger_is_an_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    """Neither the ledger nor what lies beside it, whatever leads there, and before it is made too."""
    monkeypatch.chdir(tmp_path)
    ledger = Path("launch.db")
    names = ["launch.db", "launch.db-wal", "launch.db-shm", "launch.db-journal", "launch.db-owner-ab12", "link"]
    (tmp_path / "link").symlink_to("launch.db")
    if is_there:
        ledger.touch()
        (tmp_path / "same").hardlink_to(ledger)
        names.append("same")
    for name in (*names, *(str(tmp_path / name) for name in names)):
        with pytest.raises(ConfigurationError, match=r"is a file of the ledger launch\.db; name another one"):
            check_output(Path(name), ledger=ledger)
    (tmp_path / "below").mkdir()
    for name in ("launch", "launch.db.jsonl", "launch.db-results", "below/launch.db"):
        check_output(Path(name), ledger=ledger)
