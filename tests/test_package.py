"""What holds of the package as a whole."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import motion_async

SOURCE = Path(motion_async.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))


def test_importing_the_package_imports_no_extra_and_no_sandbox() -> None:
    """Whoever only talks to the service pays for nothing else."""
    code = "import sys, motion_async; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "motion_async.session" in loaded
    beside = tuple(f"motion_async.{name}" for name in ("sandbox", "testing", "cli", "web", "otel", "fleet"))
    for name in (
        *beside,
        "cyclopts",
        "rich",
        "aiohttp.web",
        "sqlalchemy",
        "pytest",
        "fastapi",
        "opentelemetry",
        "pgqueuer",
    ):
        assert name not in loaded


def test_the_public_names_are_there_and_sorted() -> None:
    """`__all__` names what can be imported, each once."""
    assert sorted(set(motion_async.__all__)) == list(motion_async.__all__)
    for name in motion_async.__all__:
        assert hasattr(motion_async, name)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_module_says_what_it_is_for_and_keeps_its_size(file: Path) -> None:
    """Every module opens with a docstring, and holds one concept of at most about 400 lines."""
    text = file.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 420


def test_the_text_of_its_licence_comes_with_it() -> None:
    """In the package itself, and named in what is installed."""
    assert (SOURCE / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert metadata("motion-async").get_all("License-File") == ["motion_async/LICENSE"]


def test_every_public_thing_has_a_docstring() -> None:
    """Classes, functions and methods without a leading underscore, in every module."""
    missing = []
    for info in pkgutil.walk_packages([str(SOURCE)], "motion_async."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != info.name:
                continue
            if inspect.isclass(thing) or inspect.isfunction(thing):
                missing += [f"{info.name}.{name}"] if not inspect.getdoc(thing) else []
            if inspect.isclass(thing):
                missing += [
                    f"{info.name}.{name}.{method}"
                    for method, function in vars(thing).items()
                    if inspect.isfunction(function) and not method.startswith("_") and not inspect.getdoc(function)
                ]
    assert missing == []


def public_callables(module: str) -> Iterator[Any]:
    """Give the functions and classes that a module has for its users, and what these may call of the classes."""
    public = importlib.import_module(module)
    for thing in (getattr(public, name) for name in public.__all__):
        if inspect.isclass(thing) or inspect.isfunction(thing):
            yield thing
        for name, member in inspect.getmembers(thing) if inspect.isclass(thing) else ():
            called = member.fget if isinstance(member, property) else member
            is_for_users = not name.startswith("_") or name.endswith("__")
            if is_for_users and (inspect.isfunction(called) or inspect.ismethod(called)):
                yield called


@pytest.mark.parametrize("module", ["", ".codec", ".errors", ".events", ".ledger", ".otel", ".sandbox", ".web"])
def test_the_types_of_every_public_callable_can_be_asked_for(module: str) -> None:
    """Frameworks that hand in arguments by their types do that, and an import for type checkers alone breaks it."""
    asked = list(map(get_type_hints, public_callables(f"motion_async{module}")))
    assert any(asked)


def test_the_package_is_typed() -> None:
    """Type checkers read its annotations."""
    assert (SOURCE / "py.typed").exists()
