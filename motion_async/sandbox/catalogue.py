"""What faults there are, what each takes, and which are ordered, as JSON: read off the classes themselves.

So nobody has to write them down again, and an order is told in the form in which it can be given.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Final, get_args, get_type_hints

import attrs

from motion_async.sandbox.faults import CallKind, ExchangeFault, Fault, FaultOrder, every_fault

__all__ = ["describe_faults", "describe_order"]

_KINDS: Final = {bool: "flag", int: "whole number", float: "number", str: "text"}
_FOR_AUTHORS: Final = re.compile(r' \(section ".*?"\)|`')
"""What stands in a docstring for those who read code."""
_ARGUMENT: Final = re.compile(r"^    (\w+): (.*(?:\n     .*)*)", re.MULTILINE)


def describe_faults() -> list[dict[str, Any]]:
    """Describe each fault by its name: what it does, to what, which calls meet it, and its options."""
    return [
        {
            "fault": name,
            "does": _sentence(fault),
            "strikes": "exchange" if isinstance(fault, ExchangeFault) else "job",
            "calls": [call for call in get_args(CallKind) if call in fault.calls],
            "options": _options(fault),
        }
        for name, fault in every_fault().items()
    ]


def describe_order(order: FaultOrder) -> dict[str, Any]:
    """Describe an order that stands with the fields that would give it again."""
    fault = order.fault
    named = every_fault()
    alike = [name for name, known in named.items() if type(known) is type(fault)]
    name = next((name for name in alike if named[name] == fault), alike[0])
    told: dict[str, Any] = {"fault": name, "options": attrs.asdict(fault)}
    if order.calls != fault.calls:
        (told["on"],) = order.calls
    if order.text is not None:
        told["prompt"] = order.text
    if order.left is not None:
        told["times"] = order.left
    if order.text is None and order.left is None:
        told["probability"] = order.probability
    return told


def _sentence(fault: Fault) -> str:
    return _read(fault).partition("\n\n")[0]


def _read(fault: Fault) -> str:
    return _FOR_AUTHORS.sub("", inspect.getdoc(type(fault)) or "")  # Python that is run with -OO has no docstrings


def _options(fault: Fault) -> list[dict[str, Any]]:
    types = get_type_hints(type(fault))
    about = dict(_ARGUMENT.findall(_read(fault)))
    return [
        {
            "option": field.name,
            "kind": next(_KINDS[type_] for type_ in get_args(hint) or (hint,) if type_ in _KINDS),
            "may_be_none": type(None) in get_args(hint),
            "default": getattr(fault, field.name),
            "about": " ".join(about.get(field.name, "").split()),
        }
        for field in attrs.fields(type(fault))
        for hint in [types[field.name]]
    ]
