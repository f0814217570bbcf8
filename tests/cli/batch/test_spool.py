"""`motion_async.cli.batch.spool`: what was read, kept for the steps that follow."""

import errno
import io
import os
from contextlib import closing

import pytest

from motion_async.cli.batch.spool import Spool
from motion_async.cli.sheets.filelines import Line
from motion_async.cli.sheets.sources import read_lines
from motion_async.errors import ConfigurationError


def test_a_spool_is_read_as_often_as_needed() -> None:
    """Every pass gives the same lines, also when the one before was not read to its end."""
    lines = list(
        read_lines(io.BytesIO(b'{"prompt": "a"}\n{"prompt": "b", "metadata": {"n": 1}}\n{'), "a", None, None, print)
    )
    with closing(Spool()) as spool:
        for line in lines:
            spool.put(line)
        next(spool.lines())
        assert list(spool.lines()) == list(spool.lines()) == lines


def test_a_disk_that_is_full_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the place, and how to have another one."""

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", Full)
    with pytest.raises(ConfigurationError, match="No space left on device; set TMPDIR"), closing(Spool()) as spool:
        spool.put(Line(1))
