"""The asyncio client for Mosaic Motion, the API that makes videos from prompts.

Every public name has this one import path. Importing it imports neither the sandbox nor any extra.

Where things are, from the values up: `jobs`, `errors` and `events` are what callers see, `options` checks what they
hand in; `wire`, `validation`, `signatures` and `protocol` are the contract; `pacing` and `learning` say when to poll,
`turns` which answers are news, and `watched` and `watch` are the poll loop, beside which others poll by `admission`;
`transport` is one exchange, `sending` what costs credits, `retrying` when a call is made again; `subscriptions` are
those who wait for a job, `streams` those who read of all. `fanout` makes many videos, each an `errand`, with
`lineage` for who waits for whom, and `intake` and `credits`; `batch` is where it meets the `ledger`. `session`,
`calls` and `job` are what users hold; `cli` and `sandbox` stand beside.
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
)
from motion_async.events import (
    Event,
    EventsDropped,
    JobAccepted,
    PollDisturbed,
    SendAbandoned,
    SendDisturbed,
    SessionSlowed,
    WatchEnded,
)
from motion_async.fanout import FanOut
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
from motion_async.pacing import Backoff, GrowingSchedule, Schedule
from motion_async.problems import Problem
from motion_async.session import MotionSession
from motion_async.streams import EventStream
from motion_async.subscriptions import Transitions

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
    "Outcome",
    "PermissionDeniedError",
    "PollDisturbed",
    "Problem",
    "RateLimitedError",
    "Schedule",
    "SendAbandoned",
    "SendDisturbed",
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
]
