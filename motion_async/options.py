"""Checks what callers hand in as options, and says what is wrong with it by the option's name.

Pure. It knows what a number, a choice or a clock is, and no option in particular.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from motion_async.errors import ConfigurationError

__all__ = ["check_choice", "check_clock", "check_number", "check_whole_number"]

_Choice = TypeVar("_Choice", bound=str)
_MAX_FLOAT = sys.float_info.max
"""Only a whole number lies between this and infinity, and no clock can be read in it."""


def check_number(name: str, given: float, *, low: float, high: float = math.inf) -> float:
    """Give a number back if it lies within its bounds, else raise a `ConfigurationError` that names the option."""
    # `True` is a number to Python, and most likely a mistake of the caller's.
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not low <= given <= high or _MAX_FLOAT < given < math.inf:
        # Python refuses to write integers of thousands of digits, and the refusal would hide the mistake.
        shown = repr(given) if not isinstance(given, int) or abs(given) < 10**80 else "one of so many digits"
        bounds = f"at least {low:,.15g}" if high == math.inf else f"from {low:,.15g} to {high:,.15g}"
        raise ConfigurationError(f"{name} must be a number {bounds}, not {shown:.80}")
    return given


def check_whole_number(name: str, given: int, *, low: int, high: int) -> int:
    """Give a whole number back if it lies within its bounds, else raise a `ConfigurationError`."""
    whole = int(check_number(name, given, low=low, high=high))
    if whole != given:
        raise ConfigurationError(f"{name} must be a whole number, not {given!r}")
    return whole


def check_choice(name: str, given: _Choice, *choices: _Choice) -> _Choice:
    """Give a choice back if it is one of those that there are, else raise a `ConfigurationError`."""
    if given not in choices:
        raise ConfigurationError(f"{name} must be {' or '.join(map(repr, choices))}, not {given!r:.80}")
    return given


def check_clock(name: str, given: Callable[[], datetime]) -> Callable[[], datetime]:
    """Give a clock back, or raise a `ConfigurationError` if it cannot be read or gives no aware datetime."""
    try:
        aware = given().tzinfo is not None
    except Exception as error:
        raise ConfigurationError(f"{name} must give an aware datetime, and raised {error!r:.200}") from error
    if not aware:
        raise ConfigurationError(f"{name} must give an aware datetime, such as datetime.now(UTC)")
    return given
