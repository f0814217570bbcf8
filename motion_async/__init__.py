"""The asyncio client for Mosaic Motion, the API that makes videos from prompts.

Enter a `MotionSession`. Its `create` gives a `Job`, which you `wait` for, whose `transitions` you read, and which takes
a `followup` when it has completed; `generate` makes one video from its prompt to its end, `generate_many` makes any
number, some at a time, and `events` tells of all jobs. What is refused or fails is a `MotionError`, whose tree
`help(motion_async.errors)` draws. `motion_async.ledger` keeps a batch on disk, and `motion_async.sandbox` is the
service in small, to try all this without a key.

Every public name has this one import path. Importing it imports neither the sandbox nor any extra.

Where things are, for those who change them, from the values up: `jobs`, `errors` and `events` are what callers see,
`options` checks what they hand in; `wire`, `validation`, `signatures` and `protocol` are the contract; `pacing` and
`learning` say when to poll, `turns` which answers are news, and `watched` and `watch` are the poll loop, beside which
others poll by `admission`; `transport` is one exchange, to an `address`, `sending` what costs credits, `retrying` when
a call is made again; `subscriptions` are those who wait for a job, `streams` those who read of all. `fanout` makes many
videos, each an `errand`, with `lineage` for who waits for whom, and `intake` and `credits`; `batch` is where it meets
the `ledger`, by `keys`, and schedules have their `lessons` from there. `session`, `calls` and `job` are what users
hold; `cli` and `sandbox` stand beside.
"""

from motion_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectFailedError,
    ConnectionLostError,
    CreateUncertainError,
    DroppedError,
    ExchangeTimeoutError,
    FollowupNotAllowedError,
    FollowupUncertainError,
    InputRequiredError,
    InsufficientCreditsError,
    InvalidRequestError,
    JobFailedError,
    JobNotFoundError,
    LedgerConflictError,
    LedgerError,
    LedgerVersionError,
    MotionError,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    ServiceError,
    ServiceUnavailableError,
    SessionClosedError,
    TransportError,
    UncertainError,
    UnexpectedResponseError,
    WaitTimeoutError,
    WrongLoopError,
)
from motion_async.events import (
    Event,
    EventsDropped,
    JobAccepted,
    PollDisturbed,
    SendAbandoned,
    SendDisturbed,
    SentElsewhere,
    SessionSlowed,
    WatchEnded,
)
from motion_async.fanout import FanOut
from motion_async.gate import OnInsufficientCredits
from motion_async.intake import Requests
from motion_async.job import Job
from motion_async.jobs import (
    Attachment,
    AttachmentType,
    BatchRequest,
    JobState,
    JobStatus,
    Outcome,
    StatusChange,
    VideoRequest,
)
from motion_async.learning import LearnedSchedule, LearningSchedule
from motion_async.problems import Problem
from motion_async.retrying import Backoff
from motion_async.schedule import GrowingSchedule, Schedule
from motion_async.session import MotionSession
from motion_async.streams import EventStream
from motion_async.subscriptions import OnInput, Transitions

__all__ = [
    "Attachment",
    "AttachmentType",
    "AuthenticationError",
    "Backoff",
    "BatchRequest",
    "ConfigurationError",
    "ConnectFailedError",
    "ConnectionLostError",
    "CreateUncertainError",
    "DroppedError",
    "Event",
    "EventStream",
    "EventsDropped",
    "ExchangeTimeoutError",
    "FanOut",
    "FollowupNotAllowedError",
    "FollowupUncertainError",
    "GrowingSchedule",
    "InputRequiredError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "Job",
    "JobAccepted",
    "JobFailedError",
    "JobNotFoundError",
    "JobState",
    "JobStatus",
    "LearnedSchedule",
    "LearningSchedule",
    "LedgerConflictError",
    "LedgerError",
    "LedgerVersionError",
    "MotionError",
    "MotionSession",
    "NotSentError",
    "OnInput",
    "OnInsufficientCredits",
    "Outcome",
    "PermissionDeniedError",
    "PollDisturbed",
    "Problem",
    "RateLimitedError",
    "Requests",
    "Schedule",
    "SendAbandoned",
    "SendDisturbed",
    "SentElsewhere",
    "ServiceError",
    "ServiceUnavailableError",
    "SessionClosedError",
    "SessionSlowed",
    "StatusChange",
    "Transitions",
    "TransportError",
    "UncertainError",
    "UnexpectedResponseError",
    "VideoRequest",
    "WaitTimeoutError",
    "WatchEnded",
    "WrongLoopError",
]
