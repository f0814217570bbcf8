"""The values of the library, such as requests, states and outcomes; which statuses are ends; the contract's bounds.

What a caller hands in (`VideoRequest`, `Attachment`) and gets back (`JobState`, `StatusChange`,
`Outcome`), as frozen values that hold no client. Making one never fails: what breaks the contract
is told by `motion_async.contract.validation`, all at once, before anything is sent. No I/O, no clock here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, TypeAlias
from urllib.parse import quote

import attrs

from motion_async.errors import MotionError
from motion_async.redaction import redacted, redacted_deep

__all__ = [
    "API_KEY_PREFIX",
    "ATTACHMENT_TYPES",
    "MAX_ATTACHMENTS",
    "MAX_ATTACHMENT_NAME",
    "MAX_ATTACHMENT_URL",
    "MAX_PROMPT",
    "Attachment",
    "AttachmentType",
    "BatchRequest",
    "JobState",
    "JobStatus",
    "Outcome",
    "StatusChange",
    "VideoRequest",
    "as_attachments",
]

AttachmentType: TypeAlias = Literal["image", "video", "audio", "file"]

API_KEY_PREFIX: Final = "motion_"
"""Every key begins with it (section "Overview")."""
MAX_PROMPT: Final = 12_000
"""Characters of a prompt; at least 1 (section "Create Job")."""
MAX_ATTACHMENTS: Final = 10
MAX_ATTACHMENT_URL: Final = 4_096
MAX_ATTACHMENT_NAME: Final = 240
ATTACHMENT_TYPES: Final[tuple[AttachmentType, ...]] = ("image", "video", "audio", "file")


class JobStatus(str):
    """The status of a job (section "Job Statuses"): a string that may have any value.

    The six that the documentation names are attributes of the class. Any other is kept as it came, and compares as the
    plain string that it is; `meaning` says whether its name stands for one of the six.
    """

    __slots__ = ()

    QUEUED: ClassVar[JobStatus]
    CREATED: ClassVar[JobStatus]
    RUNNING: ClassVar[JobStatus]
    AWAITING_USER_INPUT: ClassVar[JobStatus]
    COMPLETED: ClassVar[JobStatus]
    FAILED: ClassVar[JobStatus]

    def __new__(cls, value: str) -> JobStatus:  # noqa: PYI034  # a subclass would have no names of its own
        """Give the one object of a documented status, or a new one for any other string."""
        known = _STATUSES.get(value)
        return super().__new__(cls, value) if known is None else known

    def __repr__(self) -> str:
        return f"JobStatus({str.__repr__(self)})"

    @property
    def is_documented(self) -> bool:
        """Whether it is one of the six statuses that the documentation names."""
        return self in _STATUSES

    @property
    def meaning(self) -> JobStatus | None:
        """The documented status that it stands for by its name, None for a name that nobody knows.

        That is itself for a documented one, else a documented one in other letters, such as `Running`, or a usual name
        of an end, such as `cancelled` or `succeeded`.
        """
        return self if self in _DOCUMENTED else _MEANINGS.get(_plain_name(self))

    @property
    def is_terminal(self) -> bool:
        """Whether it is the name of an end; a job may end under a name that nobody knows, see `JobState.end`."""
        return self.meaning in _TERMINAL


_STATUSES: dict[str, JobStatus] = {}
for _name in ("queued", "created", "running", "awaiting_user_input", "completed", "failed"):
    _STATUSES[_name] = JobStatus(_name)
    setattr(JobStatus, _name.upper(), _STATUSES[_name])
_DOCUMENTED: Final = frozenset(_STATUSES.values())
_TERMINAL: Final = frozenset({JobStatus.COMPLETED, JobStatus.FAILED})
_GOING_ON: Final = _DOCUMENTED - _TERMINAL

_LONGEST_NAME: Final = 40
"""Characters of a name that can be known: a status may be as long as an answer, and is looked at at each poll."""
_JOINTS: Final = str.maketrans("", "", "_- ")


def _plain_name(status: str) -> str:
    """Give a status without what the spelling of names differs in: capitals, and what joins the words."""
    return status.strip().lower().translate(_JOINTS) if len(status) <= _LONGEST_NAME else ""


_OVER: Final = frozenset({"done", "finished", "ended"})
"""Names of an end that do not say how: well, unless an error comes with them."""
_SUCCESSES: Final = ("success", "successful", "succeeded", "complete", *_OVER)
_FAILURES: Final = (
    "failure", "error", "errored", "canceled", "cancelled", "expired", "timeout", "timedout", "rejected", "aborted",
    "terminated",
)  # fmt: skip
# Not `stopped`, `paused`, `blocked`: a job may go on from there.
_MEANINGS: Final[Mapping[str, JobStatus]] = {
    **{_plain_name(name): status for name, status in _STATUSES.items()},
    **dict.fromkeys(_SUCCESSES, JobStatus.COMPLETED),
    **dict.fromkeys(_FAILURES, JobStatus.FAILED),
}
"""What a plain name stands for."""
_NO_ERROR: Final = frozenset({"", "null", "false", "0", "{}", "[]"})
"""What an `error` may be that tells of none: the JSON of nothing is kept as it came."""


def _bare(given: Any) -> str:
    """Show what a caller gave without what signs the URLs in it; the caller's own values keep it."""
    return redacted(repr(given))


@attrs.frozen(repr=False)
class Attachment:
    """A file for the video, by a URL that Motion's servers can fetch (section "Create Job").

    Args:
        url: a public, usually signed URL of at most 4,096 characters; no headers or cookies are
            sent with it, so it must not need any.
        name: a name for people, at most 240 characters.
        content_type: the MIME type; when None, the service is told what `motion_async.contract.media` knows of the
            end of the name, or else of the URL's file name, if anything.
        type: `image`, `video`, `audio` or `file`; when None, the service is told what the content type says.
    """

    url: str
    name: str | None = attrs.field(default=None, kw_only=True)
    content_type: str | None = attrs.field(default=None, kw_only=True)
    type: AttachmentType | None = attrs.field(default=None, kw_only=True)

    def __repr__(self) -> str:
        # What signs a URL is a secret: whoever reads a log must not be able to fetch the file.
        shown = self.url
        if isinstance(shown, str):
            shown = re.sub("://[^/]*@", "://", re.split("[?#]", shown, maxsplit=1)[0])
        return f"Attachment({_bare(shown)}, name={_bare(self.name)}, type={_bare(self.type)})"


def as_attachments(given: Iterable[Attachment | str] | None) -> tuple[Attachment, ...]:
    """Give attachments as a request has them; what they cannot be made of stays what it is.

    Args:
        given: an iterable of attachments, or of their URLs.
    """
    if given is None:
        return ()
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        return given  # type: ignore[return-value]  # validation says what it should have been
    return tuple(map(_as_attachment, given))


def _as_attachment(given: Attachment | str) -> Attachment:
    return Attachment(given) if isinstance(given, str) else given


@attrs.frozen
class VideoRequest:
    """What to make: the body of a create or of a followup (section "Create Job").

    Args:
        prompt: 1 to 12,000 characters.
        style_reference_url: a YouTube URL whose style to follow.
        attachments: at most 10; a plain string is taken as an attachment's URL.
    """

    prompt: str = attrs.field(repr=_bare)
    style_reference_url: str | None = attrs.field(default=None, kw_only=True, repr=_bare)
    attachments: tuple[Attachment, ...] = attrs.field(default=(), kw_only=True, repr=_bare, converter=as_attachments)


def _as_request(given: VideoRequest | str) -> VideoRequest:
    return VideoRequest(given) if isinstance(given, str) else given


@attrs.frozen
class BatchRequest:
    """A request of a batch, with what the batch knows it by.

    Args:
        request: what to make; a plain string is taken as the prompt.
        id: its name within the batch, 1 to 200 printable characters, the same in every form of Unicode; when None, a
            ledger knows it by its content.
        follows: the id of an earlier request of the same batch, which must have a ledger: this one is a followup to
            that one's job, sent once it has completed. Several that follow the same one take turns in their order,
            what follows one of them before the next of them, so each changes what the turn before it made.
        metadata: anything of the caller's that can be written as JSON; it is kept and never sent.
    """

    request: VideoRequest = attrs.field(converter=_as_request)
    id: str | None = attrs.field(default=None, kw_only=True)
    follows: str | None = attrs.field(default=None, kw_only=True)
    metadata: Any = attrs.field(default=None, kw_only=True, hash=False, repr=_bare)


class _NothingElse(dict[str, Any]):
    """The one empty dict that states without further fields share: one for each would cost 64 bytes a job."""

    __slots__ = ()

    def __setitem__(self, name: str, value: Any) -> None:
        raise TypeError(f"a state takes in no further fields, such as {name!r:.80}")

    def __ior__(self, fields: Any) -> Any:  # type: ignore[misc]  # `|` gives another dict
        self.update(fields)
        return self

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Raise a `TypeError`."""
        self[name] = default

    def update(self, *fields: Any, **named: Any) -> None:
        """Raise a `TypeError`, unless there are no fields."""
        for name, value in dict(*fields, **named).items():
            self[name] = value

    def __reduce__(self) -> str:
        return "NOTHING_ELSE"


NOTHING_ELSE: Final = _NothingElse()


def _shown(extra: Mapping[str, Any]) -> str:
    """Show fields of which nobody knows what is in them without the queries of URLs; the fields keep them."""
    return repr(redacted_deep(extra))


@attrs.frozen
class JobState:
    """What the service said of a job at one moment (section "Poll Job Endpoint").

    Args:
        job_id: the job.
        status: its status, documented or not.
        created_at: when the job was made, as an aware datetime.
        updated_at: when it last changed.
        completed_at: when it completed, None before.
        error: why it failed, None unless it did.
        pending_user_input: whether it waits for a person.
        extra: the fields that the documentation does not name, as they came; and times and flags that cannot be read.
    """

    job_id: str
    status: JobStatus
    created_at: datetime | None = None
    updated_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    pending_user_input: bool = False
    extra: Mapping[str, Any] = attrs.field(default=NOTHING_ELSE, hash=False, repr=_shown)

    @property
    def end(self) -> JobStatus | None:
        """How the job has ended, `completed` or `failed`, whatever its status is called; None while it goes on.

        A status that means neither is an end, too, if it comes with `completed_at` or an `error`: a failure then.
        """
        status = self.status
        meaning = status.meaning
        if meaning is None:
            return JobStatus.FAILED if self.completed_at is not None or self._has_error else None
        if meaning is JobStatus.COMPLETED and self._has_error and _plain_name(status) in _OVER:
            return JobStatus.FAILED
        return meaning if meaning in _TERMINAL else None

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.status not in _GOING_ON and self.end is not None  # nearly every answer is of one that goes on

    @property
    def _has_error(self) -> bool:
        return self.error is not None and self.error.strip() not in _NO_ERROR


@attrs.frozen
class StatusChange:
    """One step of a job from a status to another.

    Args:
        job_id: the job.
        previous: the status before, None for the first one that is told.
        current: the status now.
        state: the whole answer that told of it.
        observed_at: when this process read it, as an aware datetime.
    """

    job_id: str
    previous: JobStatus | None
    current: JobStatus
    state: JobState
    observed_at: datetime

    @property
    def is_end(self) -> bool:
        """Whether the job, or its newest turn, has come to its end."""
        return self.state.has_ended

    @property
    def token(self) -> str:
        """Where a reader stands after this change, the same in every process: printable ASCII without blanks.

        It is made of what the service said: the job, the status, and of an end when that was. Only that of an end has
        an `@` in it.
        """
        position = f"{quote(self.job_id, safe='')}:{quote(self.current, safe='')}"
        if not self.is_end:
            return position
        at = self.state.completed_at or self.state.updated_at
        return f"{position}@{'' if at is None else round(at.timestamp() * 1_000)}"


@attrs.frozen
class Outcome:
    """How one request of `generate_many` ended: with a state, or with an error.

    Args:
        index: the place of the request among the requests, from 0.
        request: the request as it was handed in.
        job_id: the job that was made for it, None if none is known.
        state: the job's last state, where it was seen.
        error: why there is no video, None if there is one.
        key: what the batch knows the request by: its `id`, in Unicode's form NFC, or what its ledger has it under.
        metadata: what the request's `BatchRequest` had.
    """

    index: int
    request: VideoRequest
    job_id: str | None = None
    state: JobState | None = None
    error: MotionError | None = None
    key: str | None = attrs.field(default=None, kw_only=True)
    metadata: Any = attrs.field(default=None, kw_only=True, hash=False, repr=_bare)

    @property
    def ok(self) -> bool:
        """Whether the video is finished."""
        return self.error is None
