"""Which ledger a command means: a file by its path, or any ledger by its URL; and what of a URL may be shown.

It opens none, and must not make a file that is not there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import attrs

from motion_async.cli.commandline import command_line
from motion_async.errors import ConfigurationError
from motion_async.ledger.address import OPTIONS, SERVERS, parse_url
from motion_async.redaction import redacted

__all__ = ["PASSWORD_HINT", "Address", "beside", "without_password"]

PASSWORD_HINT: Final = "its password is read from PGPASSWORD or ~/.pgpass"  # noqa: S105  # where it is, not what it is

_SQLITE: Final = "sqlite:///"
_IN_MEMORY: Final = "sqlite://"
_MAYBE_A_LOGIN: Final = re.compile(r":.*@", re.DOTALL)


@attrs.frozen
class Address:
    """Where a ledger is: a path, or a URL as `open_ledger` takes it.

    `is_own` says that it is a person's own, which is made where none is named; see `personal`.
    """

    given: str = attrs.field(repr=False)
    is_own: bool = attrs.field(default=False, eq=False, kw_only=True)

    @property
    def file(self) -> Path | None:
        """The ledger's file, None if it is not kept in one."""
        if "://" not in self.given:
            return Path(self.given)
        if not self.given.startswith(_SQLITE):
            return None
        name = unquote(self.given.removeprefix(_SQLITE))
        return Path(name) if name not in ("", ":memory:") else None

    @property
    def url(self) -> str:
        """The URL for `open_ledger`.

        Raises a `ConfigurationError` for a path that no URL can name, or a URL that can be read in several ways.
        """
        if "://" in self.given:
            if self.given.startswith(SERVERS) and parse_url(self.given) is None:
                raise ConfigurationError(
                    "the ledger's URL cannot be read, or in two ways; in its password write %40 for @ and %2F for /"
                )
            return self.given
        if not self.given or "?" in self.given:
            raise ConfigurationError(f"a ledger cannot be at the path {self.shown!r}; name a file without a `?`")
        # The one character besides `?` that a URL takes for something else; others may be such as it cannot encode.
        return _SQLITE + self.given.replace("%", "%25")

    @property
    def shown(self) -> str:
        """The address as a person may see it: without the password of a URL."""
        return "in memory" if self.given == _IN_MEMORY else without_password(self.given)

    @property
    def pasted(self) -> str:
        """The address for a command: it has no password, which is read from elsewhere then; see `hint`."""
        return without_password(self.given, word=None)

    @property
    def hint(self) -> str:
        """A few words on where the password is read from that `pasted` has not; none if there is none."""
        return PASSWORD_HINT if self.pasted != self.given else ""

    def resolve_line(self, batch: str, key: str, job_id: str | None = None) -> str:
        """Give the command that settles an item, with its job, or with a word for that where it is not known."""
        words = ("--job-id=ID",) if job_id is None else ()
        options = {"--batch": batch} | ({} if job_id is None else {"--job-id": job_id})
        names = [("LEDGER", self.pasted), ("KEY", key)]
        return command_line("ledger", "resolve", *words, options=options, names=names, hint=self.hint)

    def exists(self) -> bool:
        """Whether the ledger's file is there; a ledger that is no file, or nobody may look for, is taken to be."""
        try:
            return self.file is None or self.file.exists()
        except PermissionError:  # whoever opens it says so
            return True

    def check_exists(self) -> None:
        """Raise a `ConfigurationError` that names the ledger's file if that is not there."""
        if self.exists():
            return
        if self.is_own:
            raise ConfigurationError(f"nothing was sent to this service yet: there is no {self.shown}")
        raise ConfigurationError(f"there is no ledger {self.shown}; `motion-async batch --ledger` makes one")


def beside(path: Path) -> Address:
    """Give the address of the ledger that lies beside a batch's file."""
    return Address(str(path.with_name(path.name + ".ledger.db")))


def without_password(argument: str, *, word: str | None = "PASSWORD") -> str:
    """Give a whole argument of a command without the secrets of the address that it is, if it is one.

    `word` stands in the place of the password, None for no password at all. What may be an address and cannot be read
    is left out.
    """
    option, mark, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return option + mark + _without_password(value, word)


def _without_password(value: str, word: str | None) -> str:
    scheme, mark, _ = value.partition("://")
    if mark and scheme in SERVERS:
        url = parse_url(value)
        if url is None:
            return f"{scheme}://…"
        # Nobody knows what is in another option.
        query = {name: given for name, given in url.query.items() if name in OPTIONS}
        plain = type(url).create(scheme, url.username, url.password and word, url.host, url.port, url.database, query)
        return plain.render_as_string(hide_password=False)
    if scheme.lower() in ("http", "https"):
        return redacted(value)
    # A URL that was mistyped, such as one without its slashes, may hold a password all the same.
    return "…" if _MAYBE_A_LOGIN.search(value) else value
