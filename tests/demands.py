"""What tests need of the machine: where it is missing they are skipped, and fail where `CI` is set."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest

__all__ = ["demand_modules", "demand_program", "miss"]


def miss(reason: str) -> NoReturn:
    """Skip a test that cannot be run here for this reason, or fail it where none may be skipped."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def demand_program(*names: str) -> str:
    """Find the first program of these names, also where only the superuser's path leads; without one see `miss`."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    return miss(f"no {' or '.join(names)} on this machine")


def demand_modules(*names: str) -> None:
    """See that all modules of these names are installed; without one see `miss`."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            miss(f"{name} is not installed")
