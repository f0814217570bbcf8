"""The examples of the guides in docstrings, and what a browser reads of a stream."""

from __future__ import annotations

import json
import re
import textwrap
from types import ModuleType
from typing import Any

__all__ = ["END", "RETRY", "examples", "read", "run"]

RETRY, END = "retry: 3000\n\n", "id: end\nevent: end\ndata: {}\n\n"


def examples(module: ModuleType) -> list[str]:
    """Give the blocks of code in a module's docstring."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", f"{module.__doc__}\n", re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in found]


def run(code: str, **given: Any) -> dict[str, Any]:
    """Run an example, with what stands before it in the text, and give its names."""
    names: dict[str, Any] = {"__name__": "example", **given}
    exec(code, names)
    return names


def read(stream: str) -> list[tuple[str, Any, str | None]]:
    """Give the events of a stream as a browser does: the name, the data, and the id, or None."""
    events = []
    for block in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in fields:
            events.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
    return events
