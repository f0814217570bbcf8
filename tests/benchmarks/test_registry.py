"""The list of benchmarks."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import benchmarks
from benchmarks.registry import BENCHMARKS


def test_no_benchmark_is_left_out() -> None:
    """Whatever file of the package measures and shows figures can be run by name."""
    names = [f"benchmarks.{module.name}" for module in pkgutil.iter_modules(benchmarks.__path__)]
    modules = [importlib.import_module(name) for name in names if name != "benchmarks.__main__"]
    runs = {module.run for module in modules if hasattr(module, "run") and hasattr(module, "table")}
    assert {benchmark.run for benchmark in BENCHMARKS.values()} == runs


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_takes_the_options_that_the_command_line_offers(name: str) -> None:
    """Rounds and its own; all have defaults, so that a name alone is enough."""
    parameters = inspect.signature(BENCHMARKS[name].run).parameters
    assert {"rounds", *(option.name for option in BENCHMARKS[name].options)} <= set(parameters)
    assert all(parameter.default is not inspect.Parameter.empty for parameter in parameters.values())
