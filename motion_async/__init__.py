"""The asyncio client for Mosaic Motion, the API that makes videos from prompts.

Enter a `MotionSession`. Its `create` gives a `Job`, which you `wait` for, whose `transitions` you read, and which takes
a `followup` when it has completed; `generate` makes one video from its prompt to its end, `generate_many` makes any
number, some at a time, and `events` tells of all jobs. What is refused or fails is a `MotionError`, whose tree
`help(motion_async.errors)` draws. `motion_async.ledger` keeps a batch on disk, and `motion_async.sandbox` is the
service in small, to try all this without a key.

Every public name has this one import path. Importing it imports neither the sandbox nor any extra.

Where things are, for those who change them, from the values up: `jobs`, `errors` and `events` are what callers see,
`codec` makes plain data of them and reads it, and `options` checks what callers hand in. `contract` is the
documentation as pure code, `timing` says when and how fast. `http` is one exchange, `polling` the one loop that watches
jobs and all who hear of them, and `sending` sends what costs credits. `ledger` is the durable record, and `batch` makes
many. `session`, `client` and `job` are what users hold, and `instrumentation` is where `otel` hooks in; `cli`, `web`,
`testing` and `sandbox` stand beside. Each folder says what it does and must not do, and imports run one way.
"""

from motion_async.batch.requests import Requests
from motion_async.batch.runner import FanOut
from motion_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectFailedError,
    ConnectImpossibleError,
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
    LedgerAccountError,
    LedgerConflictError,
    LedgerError,
    LedgerVersionError,
    MotionError,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    SentElsewhereError,
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
    SessionSlowed,
    SessionStats,
    StatusUndocumented,
    WatchEnded,
)
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
from motion_async.polling.streams import EventStream
from motion_async.polling.transitions import Transitions
from motion_async.polling.waiting import OnInput
from motion_async.polling.watch import Watch
from motion_async.problems import Problem
from motion_async.pydantic_schemas import attach_schemas
from motion_async.sending.gate import OnInsufficientCredits
from motion_async.session import MotionSession
from motion_async.timing.backoff import Backoff
from motion_async.timing.learned import LearnedSchedule, LearningSchedule
from motion_async.timing.schedule import GrowingSchedule, Schedule

attach_schemas()

__all__ = [
    "Attachment",
    "AttachmentType",
    "AuthenticationError",
    "Backoff",
    "BatchRequest",
    "ConfigurationError",
    "ConnectFailedError",
    "ConnectImpossibleError",
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
    "LedgerAccountError",
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
    "SentElsewhereError",
    "ServiceError",
    "ServiceUnavailableError",
    "SessionClosedError",
    "SessionSlowed",
    "SessionStats",
    "StatusChange",
    "StatusUndocumented",
    "Transitions",
    "TransportError",
    "UncertainError",
    "UnexpectedResponseError",
    "VideoRequest",
    "WaitTimeoutError",
    "Watch",
    "WatchEnded",
    "WrongLoopError",
]
