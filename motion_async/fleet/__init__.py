"""More than one machine: what is enqueued anywhere is made by whichever workers there are."""

from motion_async.fleet.fleet import BatchProgress, Fleet, FleetStatus, open_fleet
from motion_async.fleet.limits import FleetLimits
from motion_async.fleet.queue import QueueCounts

__all__ = ["BatchProgress", "Fleet", "FleetLimits", "FleetStatus", "QueueCounts", "open_fleet"]
