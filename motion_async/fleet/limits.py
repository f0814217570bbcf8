"""What holds for a whole fleet: its limits, and whether it is paused. One row, changed while the fleet runs."""

from __future__ import annotations

from typing import Any, Final

import attrs

from motion_async.fleet.connection import FleetConnection
from motion_async.options import check_number, check_whole_number

__all__ = ["FleetLimits", "LimitsRow"]

_TABLE: Final = """
-- Alone, as "if not exists" fails for one of two that make it at the same time.
SELECT pg_advisory_xact_lock(hashtext('motion_fleet'));
CREATE TABLE IF NOT EXISTS motion_fleet (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    max_active bigint,
    max_polls_per_second double precision,
    paused text
);
INSERT INTO motion_fleet DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE INDEX IF NOT EXISTS motion_items_parent ON motion_items (batch, parent) WHERE parent IS NOT NULL;
"""


@attrs.frozen
class FleetLimits:
    """What holds for all workers of a fleet together.

    Args:
        max_active: the most jobs at one time, from claim to end; None for no bound but the workers' own.
        max_polls_per_second: the most polls of all workers; None for no bound but the sessions' own.
        paused: why nothing is sent, None while the fleet works.
    """

    max_active: int | None = None
    max_polls_per_second: float | None = None
    paused: str | None = None


def check_limits(**given: Any) -> None:
    """Raise a `ConfigurationError` for a limit out of bounds."""
    if given.get("max_active") is not None:
        check_whole_number("max_active", given["max_active"], low=1, high=1_000_000)
    if given.get("max_polls_per_second") is not None:
        check_number("max_polls_per_second", given["max_polls_per_second"], low=0.01, high=1_000_000)


class LimitsRow:
    """The row, as it is read and written by every process of the fleet."""

    def __init__(self, connection: FleetConnection) -> None:
        self._connection = connection

    async def open(self) -> None:
        """Make the row, where there is none."""
        rows = await self._connection.execute("SELECT to_regclass('motion_fleet')::text")
        if rows[0][0] is None:
            await self._connection.run(lambda connection: connection.execute(_TABLE))

    async def read(self) -> FleetLimits:
        """Give what holds now."""
        [row] = await self._connection.execute("SELECT max_active, max_polls_per_second, paused FROM motion_fleet")
        return FleetLimits(*row)

    async def write(self, **changed: Any) -> None:
        """Change some of it, and tell all."""
        check_limits(**changed)
        names = ", ".join(f"{name} = ${place}" for place, name in enumerate(changed, 1))
        await self._connection.execute(f"UPDATE motion_fleet SET {names}", *changed.values())  # noqa: S608  # our names
        await self._connection.notify(kind="limits")
