"""How long to wait after a failure, such as a 429, a 5xx or a lost connection, until the next try.

All that is tried again asks here: polls, creates, followups, and a ledger's database. Pure; chance is an argument.
"""

from __future__ import annotations

import attrs

from motion_async.errors import ConfigurationError
from motion_async.options import check_number

__all__ = ["Backoff", "check_backoff"]


@attrs.frozen(kw_only=True)
class Backoff:
    """How long to leave alone what has just failed: exponential, with half of it random.

    Args:
        first: seconds after the first failure at most, at least 0.
        cap: seconds after any failure at most, at least `first`; only a Retry-After makes it longer.

    Raises:
        ConfigurationError: for a value out of its bounds.
    """

    first: float = 1.0
    cap: float = 30.0

    def __attrs_post_init__(self) -> None:
        check_number("first", self.first, low=0)
        check_number("cap", self.cap, low=self.first)

    def delay(self, failures: int, *, u: float, retry_after: float | None = None) -> float:
        """Give the seconds until the next try.

        Args:
            failures: how many tries have failed in a row, at least 1.
            u: a random number from 0 to 1.
            retry_after: seconds that the service asked for; it is never undercut.

        Raises:
            ConfigurationError: if the random number is none from 0 to 1.
        """
        u = check_number("what random gives", u, low=0, high=1)
        # Cut at 32, long past any cap, as a float overflows at 1,024.
        longest = min(self.first * 2.0 ** min(failures - 1, 32), self.cap)
        return max(longest * (0.5 + 0.5 * u), retry_after or 0.0)


def check_backoff(backoff: Backoff) -> Backoff:
    """Give a backoff back, or raise a `ConfigurationError` if it is none."""
    if not isinstance(backoff, Backoff):
        raise ConfigurationError(f"backoff must be a Backoff, not {backoff!r:.80}")
    return backoff
