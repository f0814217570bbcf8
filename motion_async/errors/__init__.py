"""Every error of the library, as one tree.

    MotionError
    ├── ConfigurationError              a setting (key, base URL, option) cannot be used
    │   └── WrongLoopError                  used in another event loop, thread or process, or under trio
    ├── SessionClosedError              the session was not entered, or has been left
    ├── InvalidRequestError             the request breaks the contract; found here, or answered as 400 or 422
    ├── ServiceError                    the service answered with an error status
    │   ├── AuthenticationError             401
    │   ├── InsufficientCreditsError        402
    │   ├── PermissionDeniedError           403
    │   ├── JobNotFoundError                404
    │   ├── FollowupNotAllowedError         409
    │   ├── RateLimitedError                429
    │   └── ServiceUnavailableError         408, 425, 5xx
    ├── UnexpectedResponseError         an answer came and cannot be read as the contract says
    ├── TransportError                  no answer came
    │   ├── ConnectFailedError              no connection was made: nothing was sent
    │   │   └── ConnectImpossibleError          nor will one be, until somebody does something
    │   ├── ConnectionLostError             the connection ended in the middle of the exchange
    │   └── ExchangeTimeoutError            the exchange took longer than it may
    ├── UncertainError                  something that costs credits was sent, and its answer was lost
    │   ├── CreateUncertainError            a job may exist whose id nobody knows
    │   └── FollowupUncertainError          a job of known id may have a new turn
    ├── NotSentError                    generate_many stopped before it came to this request
    │   ├── DroppedError                    a person gave it up, in the ledger
    │   └── SentElsewhereError              another process or run is sending it now
    ├── LedgerError                     the ledger cannot be opened, read or written
    │   ├── LedgerVersionError              a newer version of the library has written it
    │   ├── LedgerConflictError             what was asked of an item does not go with where it stands
    │   └── LedgerAccountError              a batch was begun with another service or another key
    ├── WaitTimeoutError                the caller's deadline passed; the job goes on
    ├── InputRequiredError              the job waits for a person, and the caller asked to be told
    └── JobFailedError                  the job ended as failed

Each error says what happened, to which job, and what to do next, and has an attribute for each part that its class
takes: so it can be kept and sent elsewhere. No error may hold the API key or the query of a signed URL, so every text
passes through `redaction`. In its message what others wrote is visible and bounded, by `showing`; its attributes have
the texts as they came. Beside that the errors know nothing of the package but `Problem`, the data of one of them.
"""

from motion_async.errors.batches import (
    DroppedError,
    LedgerAccountError,
    LedgerConflictError,
    LedgerError,
    LedgerVersionError,
    NotSentError,
    SentElsewhereError,
)
from motion_async.errors.calls import (
    AuthenticationError,
    ConnectFailedError,
    ConnectImpossibleError,
    ConnectionLostError,
    CreateUncertainError,
    ExchangeTimeoutError,
    FollowupNotAllowedError,
    FollowupUncertainError,
    InsufficientCreditsError,
    InvalidRequestError,
    JobNotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServiceError,
    ServiceUnavailableError,
    TransportError,
    UncertainError,
    UnexpectedResponseError,
)
from motion_async.errors.jobs import (
    InputRequiredError,
    JobFailedError,
    WaitTimeoutError,
)
from motion_async.errors.root import (
    ConfigurationError,
    MotionError,
    SessionClosedError,
    WrongLoopError,
)

__all__ = [
    "AuthenticationError",
    "ConfigurationError",
    "ConnectFailedError",
    "ConnectImpossibleError",
    "ConnectionLostError",
    "CreateUncertainError",
    "DroppedError",
    "ExchangeTimeoutError",
    "FollowupNotAllowedError",
    "FollowupUncertainError",
    "InputRequiredError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "JobFailedError",
    "JobNotFoundError",
    "LedgerAccountError",
    "LedgerConflictError",
    "LedgerError",
    "LedgerVersionError",
    "MotionError",
    "NotSentError",
    "PermissionDeniedError",
    "RateLimitedError",
    "SentElsewhereError",
    "ServiceError",
    "ServiceUnavailableError",
    "SessionClosedError",
    "TransportError",
    "UncertainError",
    "UnexpectedResponseError",
    "WaitTimeoutError",
    "WrongLoopError",
]

for _name in __all__:
    globals()[_name].__module__ = __name__  # a traceback and a pickle name what a caller imports
