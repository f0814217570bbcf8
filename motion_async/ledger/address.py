"""What the URL of a ledger says: which database it names, and under which name that may be shown.

SQLAlchemy takes it apart, which opens it afterwards, so that both see the same password in it. What can be read in
two ways is refused, and what cannot be read is not repeated: nobody knows where the password is in it. It opens
nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, NoReturn

import attrs

from motion_async.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["OPTIONS", "SERVERS", "LedgerAddress", "parse_url", "read_address", "read_kind"]

_KINDS: Final = "sqlite:///file.db, sqlite:// (in memory) or postgresql://user:password@host/database"
SERVERS: Final = ("postgresql", "postgres")
_MAYBE_A_LOGIN: Final = re.compile(r"[:@=?]")
"""What no plain path has, and a URL that was mistyped may have just before its password."""
_AMBIGUOUS: Final = re.compile(r"@.*@|\?.*=.*@", re.DOTALL)
"""An @ or a ? that may belong to the password or may end it."""
_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
OPTIONS: Final = {"host": "host", "port": "port", "sslmode": "ssl"}
"""What may follow the `?` of a server's URL, and what asyncpg calls it."""


@attrs.frozen
class LedgerAddress:
    """Where a ledger is: in a file, on a server, or else in memory.

    `shown` has no secrets, `server` has the driver's name, and `options` are further ones of the driver's `connect`.
    """

    shown: str
    file: Path | None = None
    server: URL | None = None
    options: dict[str, Any] = attrs.field(factory=dict)


def read_kind(url: object) -> str:
    """Give `sqlite` or `postgresql`, as a URL begins."""
    scheme, mark, _ = url.partition("://") if isinstance(url, str) else ("", "", "")
    if mark and scheme == "sqlite":
        return "sqlite"
    if mark and scheme in SERVERS:
        return "postgresql"
    is_path = isinstance(url, PurePath) or (isinstance(url, str) and url and not _MAYBE_A_LOGIN.search(url))
    hint = f", so for the file {str(url)!r:.80} sqlite:///{url!s:.80}" if is_path else ""
    raise ConfigurationError(f"a ledger's URL is {_KINDS}{hint}")


def read_address(url: str) -> LedgerAddress:
    """Read a URL that `read_kind` knows; one that can be read in several ways is refused, and not repeated."""
    kind = read_kind(url)
    if kind == "postgresql" and _AMBIGUOUS.search(url):
        _refuse("it can be read in several ways; in its password write %40 for @ and %3F for ?")
    read = parse_url(url)
    if read is None:
        _refuse(f"it cannot be read as {_KINDS}")
    return _read_file(read) if kind == "sqlite" else _read_server(read)


def parse_url(url: str) -> URL | None:
    """Take a URL apart as the library does that connects to it; None if it can be read in several ways, or in none."""
    sa = importlib.import_module("sqlalchemy")  # by name: whoever opens no ledger need not have it
    if url.startswith(SERVERS) and _AMBIGUOUS.search(url):
        return None
    with contextlib.suppress(sa.exc.ArgumentError, ValueError):  # they have parts of the URL
        read: URL = sa.make_url(url.replace("postgres://", "postgresql://", 1))
        return read
    return None


def _refuse(problem: str) -> NoReturn:
    raise ConfigurationError(f"the ledger's URL cannot be used: {problem}")


def _read_file(url: URL) -> LedgerAddress:
    if url.query or url.host or url.username or url.password or "\0" in (url.database or ""):
        _refuse("sqlite takes a file and nothing else, as in sqlite:///launch.db or sqlite:////tmp/l.db")
    if not url.database or url.database == ":memory:":
        return LedgerAddress("in memory")
    path = Path(url.database)
    return LedgerAddress(str(path), file=path)


def _read_server(url: URL) -> LedgerAddress:
    # No name and no value that is not known is repeated: a password without its escapes may be cut into both.
    known = ", ".join(OPTIONS)
    if "password" in url.query or "sslpassword" in url.query:
        _refuse(f"a password stands before the @, in PGPASSWORD or in ~/.pgpass, and options are: {known}")
    if set(url.query) - set(OPTIONS):
        _refuse(f"it has an option that is not known; these are: {known}")
    options: dict[str, Any] = {}
    for name, value in url.query.items():
        if not isinstance(value, str):
            _refuse(f"option {name} is given more than once")
        options[OPTIONS[name]] = value
    if "port" in options:
        if not re.fullmatch(r"[0-9]{1,5}", options["port"]):
            _refuse("option port must be a number")
        options["port"] = int(options["port"])
    if options.get("ssl", "disable") not in _MODES:
        _refuse(f"option sslmode must be one of: {', '.join(_MODES)}")
    plain = url.set(drivername="postgresql+asyncpg", query={})
    host = url.host or (None if "/" in options.get("host", "/") else options["host"])
    shown = type(url).create("postgresql", url.username, None, host, url.port, url.database)
    return LedgerAddress(str(shown), server=plain, options=options)
