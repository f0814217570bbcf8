"""Holds what the command writes against the schema that it gives of its lines."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from motion_async.cli.output.schema import json_schema

__all__ = ["check_line", "is_shaped"]


@cache
def _validator(name: str | None) -> Draft202012Validator:
    schema = json_schema(name)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check_line(line: dict[str, Any]) -> None:
    """Fail if a line has not the shape of its event, or of an export, whose lines have none."""
    _validator(line.get("event", "export")).validate(line)


def is_shaped(line: Any, name: str | None = None) -> bool:
    """Whether something has the shape of some line, or of the one of this name."""
    return _validator(name).is_valid(line)
