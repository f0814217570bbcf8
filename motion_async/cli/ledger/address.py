"""Which ledger a command means: a file by its path, or any ledger by its URL.

It opens none, and must not make a file that is not there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import attrs

from motion_async.errors import ConfigurationError

__all__ = ["Address", "beside", "without_password"]

_SQLITE: Final = "sqlite:///"
_PASSWORD: Final = re.compile(r"(://[^/@]*?:)[^/@]*@")


@attrs.frozen
class Address:
    """Where a ledger is.

    Args:
        given: a path, or a URL as `open_ledger` takes it.
    """

    given: str = attrs.field(repr=False)

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

        Raises:
            ConfigurationError: if it is a path that no URL can name.
        """
        if "://" in self.given:
            return self.given
        if not self.given or "?" in self.given:
            raise ConfigurationError(f"a ledger cannot be at the path {self.given!r}; name a file without a `?`")
        # The one character besides `?` that a URL takes for something else; others may be such as it cannot encode.
        return _SQLITE + self.given.replace("%", "%25")

    @property
    def shown(self) -> str:
        """The same as a person may see it: without the password of a URL."""
        return without_password(self.given)

    def exists(self) -> bool:
        """Whether its file is there; what is no file is taken to be."""
        return self.file is None or self.file.exists()

    def check_exists(self) -> None:
        """Raise if there is nothing to look at.

        Raises:
            ConfigurationError: naming the file that is not there.
        """
        if not self.exists():
            raise ConfigurationError(f"there is no ledger {self.shown}; `motion-async batch` makes one beside its file")


def beside(path: Path) -> Address:
    """Give the address of the ledger of a batch's file.

    Args:
        path: the file.
    """
    return Address(str(path.with_name(path.name + ".ledger.db")))


def without_password(text: str) -> str:
    """Give a text with a word in the place of the password of a URL.

    Args:
        text: any text, such as an argument.
    """
    return _PASSWORD.sub(r"\1PASSWORD@", text)
