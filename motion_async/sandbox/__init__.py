"""Mosaic Motion in small: the whole contract over real HTTP, with no key, no credits and no network.

    async with Sandbox(speed=0) as sandbox:
        sandbox.faults.next(RateLimited(retry_after=2), on="create")
        sandbox.faults.for_prompt("calendar", Fail("no scene could be rendered"))
        async with MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
            ...
            sandbox.advance(60)
        assert sandbox.counts.duplicates == 0

It is as strict as the documentation, and builds its answers from plain dicts: of the rest of the package
it imports the values and bounds of `motion_async.jobs` alone.
"""

from motion_async.sandbox.engine import Account, JobRecord
from motion_async.sandbox.faults import (
    AwaitInput,
    CallKind,
    ExchangeFault,
    Fail,
    Fault,
    FaultBook,
    FaultOrder,
    Hang,
    LostAnswer,
    NewStatus,
    RateLimited,
    Reset,
    ServerError,
    SlowBody,
    StaleCompleted,
    StoryFault,
    every_fault,
    parse_fault,
)
from motion_async.sandbox.server import Counts, Sandbox
from motion_async.sandbox.story import Phase, Step, Turn

__all__ = [
    "Account",
    "AwaitInput",
    "CallKind",
    "Counts",
    "ExchangeFault",
    "Fail",
    "Fault",
    "FaultBook",
    "FaultOrder",
    "Hang",
    "JobRecord",
    "LostAnswer",
    "NewStatus",
    "Phase",
    "RateLimited",
    "Reset",
    "Sandbox",
    "ServerError",
    "SlowBody",
    "StaleCompleted",
    "Step",
    "StoryFault",
    "Turn",
    "every_fault",
    "parse_fault",
]
