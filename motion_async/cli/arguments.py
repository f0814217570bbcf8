"""The arguments that several commands share, each with the help that documents it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import attrs
from cyclopts import Parameter, Token

from motion_async.errors import ConfigurationError
from motion_async.redaction import Secret

__all__ = [
    "OPTIONS",
    "Access",
    "BatchName",
    "FileFormat",
    "Json",
    "LedgerName",
    "LedgerOption",
    "Limit",
    "Profile",
    "Reporting",
    "States",
    "read_since",
    "read_span",
]

OPTIONS: Final = Parameter(negative=())
"""What holds for all options: none has a `--no-…` unless it says so."""
_UNITS: Final = {"h": 3_600, "m": 60, "s": 1}
_SPAN: Final = re.compile(r"(?=.)(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?", re.ASCII)
_BACK: Final = re.compile(r"(?P<number>\d{1,6})(?P<unit>[wdhm])", re.ASCII)
_BACK_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}


def read_span(_: object, tokens: Sequence[Token]) -> float:
    """Give the seconds of a span of time such as 90, 90s, 5m or 1h30m."""
    [token] = tokens
    if found := _SPAN.fullmatch(token.value):
        return sum(float(found[unit] or 0) * seconds for unit, seconds in _UNITS.items())
    try:
        return float(token.value)
    except ValueError:
        raise ValueError("a span of time is one like 90s, 5m or 1h30m, or a number of seconds") from None


def read_since(text: str, now: datetime) -> datetime:
    """Give when a person means that looks back from `now`: by a span such as 2d, 12h or 1w, or by a date.

    Raises a `ConfigurationError` if it is neither. A date without a zone is of the clock of whoever has typed it.
    """
    if (found := _BACK.fullmatch(text)) is not None:
        with suppress(OverflowError):
            return now - timedelta(**{_BACK_UNITS[found["unit"]]: int(found["number"])})
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text).astimezone()
    raise ConfigurationError(f"--since is a span such as 2d, 12h or 1w, or a date such as 2026-11-01, not {text!r:.40}")


FileFormat: TypeAlias = Literal["jsonl", "json", "csv", "xlsx", "ods"]
Json: TypeAlias = Annotated[bool, Parameter(show_default=False, help="Write JSON lines, on a terminal too.")]
Profile: TypeAlias = Annotated[str | None, Parameter(help="The key of this name in the keyring; see login.")]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Access:
    """The options that say whose key is used, and for which service."""

    profile: Profile = None
    base_url: Annotated[str | None, Parameter(help="Where the service is, whatever else says so.")] = attrs.field(
        default=None, repr=False
    )

    @property
    def service(self) -> Secret | None:
        """The base URL that was given; a person may have written a password into it."""
        return None if self.base_url is None else Secret(self.base_url)

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """Those that were given, as they are typed."""
        given = (("--profile", self.profile), ("--base-url", self.base_url))
        return tuple((option, value) for option, value in given if value is not None)


@Parameter(name="*", show=False)
@attrs.frozen(kw_only=True)
class Reporting:
    """The options that say what a command tells besides its results; `motion_async.cli.help` documents them for all."""

    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"))] = False
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"))] = False
    log_file: Annotated[Path | None, Parameter(name="--log-file")] = None
    no_bell: Annotated[bool, Parameter(name="--no-bell")] = False


LedgerOption: TypeAlias = Annotated[
    str | None, Parameter(name="--ledger", help="The ledger's file or URL; else MOTION_LEDGER; else your own.")
]
LedgerName: TypeAlias = Annotated[str | None, Parameter(help="Its file or URL; else MOTION_LEDGER, or your own.")]
BatchName: TypeAlias = Annotated[str | None, Parameter(help="The batch; all if not given.")]
Limit: TypeAlias = Annotated[int, Parameter(help="So many at most; 0 shows all.")]
States: TypeAlias = Annotated[
    list[str] | None,
    Parameter(
        name="--state",
        help="Only those that are waiting, making, needs-you, done, failed or unclear (or in a state of the ledger's "
        "own, such as dropped); may be given several times.",
    ),
]
