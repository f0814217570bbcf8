"""A keyring in a file, for tests and the processes that they start: no desktop is needed, and none is asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

__all__ = ["FILE", "LOCKED", "FileKeyring"]

FILE = "MOTION_TEST_KEYRING"
"""The variable that says where the file is."""
LOCKED = "LOCKED"
"""What the file holds where the keyring is locked."""


class FileKeyring(KeyringBackend):
    """Keeps passwords in the file that the environment names, by service and name."""

    priority = 1

    def _read(self) -> dict[str, str]:
        path = Path(os.environ[FILE])
        text = path.read_text(encoding="utf-8") if path.exists() else "{}"
        if text == LOCKED:
            raise KeyringLocked("it is locked")
        return json.loads(text)

    def _write(self, kept: dict[str, str]) -> None:
        Path(os.environ[FILE]).write_text(json.dumps(kept), encoding="utf-8")

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self._read(), f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        del kept[f"{service}/{username}"]
        self._write(kept)
