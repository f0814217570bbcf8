"""What the environment, a `.env` in this folder and a profile say: one value, whoever says it.

Nothing of the file is put into the environment. Which of them counts is not decided here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from motion_async.errors import ConfigurationError
from motion_async.redaction import Secret

__all__ = ["FILE", "Settings", "read_environment", "read_file"]

FILE: Final = ".env"
_ROOT: Final = 0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


@attrs.frozen(kw_only=True)
class Settings:
    """What one place says, each empty where it says nothing.

    Args:
        api_key: a key.
        base_url: where the service is.
        plain_http_hosts: hosts that plain http may go to, with commas between them.
        profile: the name of a profile, which has the rest.
        ledger: the ledger to use, a path or a URL, which may have a password.
    """

    api_key: str = attrs.field(default="", converter=Secret)
    base_url: str = attrs.field(default="", converter=Secret)
    plain_http_hosts: str = ""
    profile: str = ""
    ledger: str = attrs.field(default="", converter=Secret)


def read_environment() -> Settings:
    """Give what the environment's variables say, such as MOTION_API_KEY."""
    return _taken_from(os.environ)


def read_file() -> Settings:
    """Give what a `.env` in this folder says by the same names; it may have others, which are left alone.

    Raises a `ConfigurationError` if it cannot be read, or if other users can write what it says.
    """
    try:
        with Path(FILE).open(encoding="utf-8-sig") as file:
            from dotenv import dotenv_values  # noqa: PLC0415  # here, as most folders have no such file

            said = _taken_from(dotenv_values(stream=file, interpolate=False))
            found = os.fstat(file.fileno())
    except (FileNotFoundError, IsADirectoryError):  # some call a virtual environment so
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
    else:
        if said == Settings() or os.name != "posix" or _is_mine(found):
            return said
        reason = f"other users can write it, so its key may be theirs; if you trust it: chmod go-w {FILE}"
    raise ConfigurationError(f"the {FILE} in this folder cannot be used: {reason}")


def _is_mine(found: os.stat_result) -> bool:
    return not found.st_mode & _OTHERS_WRITE and (os.geteuid() == _ROOT or found.st_uid in (os.geteuid(), _ROOT))


def _taken_from(variables: Mapping[str, str | None]) -> Settings:
    return Settings(**{name: variables.get(f"MOTION_{name.upper()}") or "" for name in attrs.fields_dict(Settings)})
