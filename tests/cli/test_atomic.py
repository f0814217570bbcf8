"""`motion_async.cli.atomic`: a file is written whole or not at all."""

import os
import signal
import socket
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


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_file_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    """From its first byte on, whatever the umask lets others do."""
    before = os.umask(umask)
    try:
        with atomic_file(tmp_path / "out") as file:
            file.write("new")
            file.flush()
            assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


def replaced(path: Path) -> None:
    """Try to have a file take the place of what is there, with and without a look before."""
    with pytest.raises(ConfigurationError, match="--output"):
        check_output(path)
    with pytest.raises(ConfigurationError, match="--output"), atomic_file(path) as file:
        file.write("new")


@pytest.mark.parametrize("to", ["real", "nowhere", "link", "."])
def test_no_link_is_followed_and_none_is_replaced(tmp_path: Path, to: str) -> None:
    """Somebody else may have put it there; neither it nor what it leads to is touched."""
    (tmp_path / "real").write_text("old")
    link = tmp_path / "link"
    link.symlink_to(to)
    replaced(link)
    assert link.is_symlink()
    assert (tmp_path / "real").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_a_link_that_comes_while_the_file_is_written_is_not_replaced(tmp_path: Path) -> None:
    """What has the name is looked at once more when the file is whole."""

    def write() -> None:
        with atomic_file(tmp_path / "out") as file:
            file.write("new")
            (tmp_path / "out").symlink_to("elsewhere")

    with pytest.raises(ConfigurationError, match="is a link"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").is_symlink()


def test_a_directory_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """The file lies where the link to its directory leads."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with atomic_file(tmp_path / "link" / "out") as file:
        file.write("new")
    assert (tmp_path / "real" / "out").read_text() == "new"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/1", os.devnull, "/"])
def test_no_device_of_this_machine_is_an_output(name: str) -> None:
    """Wherever standard output leads. It is only looked at here: nobody must lose a device to a test."""
    with pytest.raises(ConfigurationError, match="--output"):
        check_output(Path(name))


def test_neither_a_pipe_nor_a_socket_is_replaced(tmp_path: Path) -> None:
    """They stay what they are, and nobody waits for a reader."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        replaced(tmp_path / "pipe")
        replaced(tmp_path / "socket")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert stat.S_ISSOCK((tmp_path / "socket").stat().st_mode)


def test_a_file_of_another_user_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that many can write in has files of others, too."""
    path = tmp_path / "out"
    path.write_text("old")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    replaced(path)
    assert path.read_text() == "old"


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
