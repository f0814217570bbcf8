"""What the library logs, in a file and on stderr, for as long as a command runs.

The file is opened before the command begins. That it cannot be written any more is said once, and ends nothing. The
library logs no secret; what stands here is searched for them all the same.
"""

from __future__ import annotations

import logging
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from io import FileIO
from pathlib import Path
from typing import Final

from motion_async.cli.arguments import Reporting
from motion_async.cli.output.output import Output
from motion_async.codec import write_time
from motion_async.errors import ConfigurationError
from motion_async.showing import shown

__all__ = ["logged"]

_log: Final = logging.getLogger("motion_async.cli")
_library: Final = logging.getLogger("motion_async")
_FIELDS: Final = ("job_id", "call", "http_status", "attempt")
"""What records have besides their words."""
_BEGINS: Final = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ ")
"""What each file of this module begins with."""


@contextmanager
def logged(reporting: Reporting, output: Output) -> Iterator[None]:
    """Have what is logged heard as the options say, until the block ends.

    Raises a `ConfigurationError` if the file cannot be opened, or if the options contradict each other.
    """
    if reporting.verbose and reporting.quiet:
        raise ConfigurationError("--verbose says more and --quiet says less; leave one of them out")
    # Without any handler Python would print warnings on stderr, in the middle of the picture.
    handlers: list[logging.Handler] = [logging.NullHandler()]
    if reporting.verbose:
        handlers.append(_Aloud(output.aside))
    if reporting.log_file is not None:
        handlers.append(_File(reporting.log_file, output.say))
    level = _library.level
    for handler in handlers:
        _library.addHandler(handler)
    _library.setLevel(min((handler.level for handler in handlers if handler.level), default=level))
    try:
        if _log.isEnabledFor(logging.DEBUG):
            machine = f"Python {platform.python_version()} on {platform.system()}"
            _log.debug("motion-async %s begins, with %s, as process %d", version("motion-async"), machine, os.getpid())
        yield
    finally:
        _library.setLevel(level)
        for handler in handlers:
            _library.removeHandler(handler)
            handler.close()


class _Aloud(logging.Handler):
    """Has a person hear what is logged, but for what is of no use without a file."""

    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in one line, with its level if that is none of every day."""
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        self._say(level + shown(record.getMessage()))


class _File(logging.Handler):
    """Adds all that is logged to a file, each record at once; `say` is told if that does not work any more."""

    def __init__(self, path: Path, say: Callable[[str], object]) -> None:
        super().__init__(logging.DEBUG)
        self._file = _opened(path)
        self._path = path
        self._say = say
        self._is_said = False
        self.setFormatter(_Lines())

    def emit(self, record: logging.LogRecord) -> None:
        """Write it; what cannot be written is lost, and the next record is tried again."""
        line = self.format(record)
        try:
            self._file.write(line.encode(errors="backslashreplace") + b"\n")
        except OSError as error:
            if not self._is_said:
                self._is_said = True
                reason = error.strerror or error
                self._say(f"the log file {self._path} will have gaps, and all else goes on: {reason}")

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()


class _Lines(logging.Formatter):
    """Writes a record as one line, and a traceback below it: time in UTC, level, logger, words, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the lines, without secrets and with all characters visible."""
        at = write_time(datetime.fromtimestamp(record.created, UTC))
        fields = "".join(
            f" {name}={shown(str(value))}" for name in _FIELDS if (value := getattr(record, name, None)) is not None
        )
        line = f"{at} {record.levelname} {record.name}: {shown(record.getMessage())}{fields}"
        traceback = self.formatException(record.exc_info).splitlines() if record.exc_info else []
        return "\n".join([line, *(f"    {shown(each)}" for each in traceback)])


def _opened(path: Path) -> FileIO:
    """Open a file to add to; raise if it cannot be, or if it holds something else, such as the requests."""
    try:
        if path.is_file() and (begin := _beginning(path)) and not _BEGINS.match(begin):
            raise ConfigurationError(f"--log-file {path} holds something else than a log; name another file")
        # Without a buffer: what was logged is there although the process is killed. For its owner, as it names jobs.
        return FileIO(path, "a", opener=lambda name, flags: os.open(name, flags, 0o600))
    except OSError as error:
        raise ConfigurationError(f"--log-file {path} cannot be opened: {error.strerror or error}") from error


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)
