"""The service in small: accounts, jobs and credits, and the answer to each call.

Pure: no I/O, no clock, no chance but that of the seed. The moment is handed in as virtual seconds since
the epoch, a job's status is worked out from its course when somebody asks, and an answer is a status and
a plain dict. It must not import how the client reads answers, so that a mistake there cannot hide here.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import attrs

from motion_async.jobs import API_KEY_PREFIX, JobStatus
from motion_async.sandbox.checks import Submission
from motion_async.sandbox.faults import CallKind, StaleCompleted, StoryFault
from motion_async.sandbox.story import Phase, Step, Tempo, Turn, draw_phases

__all__ = ["Account", "Answer", "Engine", "JobRecord", "JobRecords"]

StoryFaults: TypeAlias = Callable[[CallKind, Sequence[str], random.Random], Sequence[StoryFault]]
"""Asked, once a create or followup is taken, for what befalls its job."""


@attrs.frozen
class Answer:
    """What the service says to a call.

    Args:
        status: the HTTP status.
        body: the JSON object.
    """

    status: int
    body: dict[str, Any]


_UNAUTHORIZED: Final = Answer(401, {"error": "Mosaic Motion API key authentication required"})
_NOT_FOUND: Final = Answer(404, {"error": "Job not found"})


@attrs.define
class Account:
    """Who makes jobs and pays for them.

    Args:
        owner: a name that no other account has.
        balance: the credits that are left.
    """

    owner: str
    balance: int


@attrs.define
class _Job:
    job_id: str
    owner: str
    turns: list[Turn] = attrs.field(factory=list)
    prompts: list[str] = attrs.field(factory=list)
    stale_polls: int = 0


@attrs.frozen
class JobRecord:
    """A job as the sandbox knows it at one moment, for assertions.

    Args:
        job_id: the job.
        owner: whose it is.
        turns: the create and the followups, in order.
        now: the moment, in virtual seconds since the epoch.
    """

    job_id: str
    owner: str
    turns: tuple[Turn, ...]
    now: float

    @property
    def body(self) -> Mapping[str, Any]:
        """The body of the create, as it was sent."""
        return self.turns[0].body

    @property
    def status(self) -> JobStatus:
        """The true status at the moment, which a stale answer may hide."""
        return self.turns[-1].step_at(self.now).status

    @property
    def history(self) -> tuple[Step, ...]:
        """Every change of status up to the moment, over all turns."""
        return tuple(step for turn in self.turns for step in turn.history(self.now))

    @property
    def upcoming(self) -> tuple[Step, ...]:
        """Every change of status that is to come, in order; infinite those that wait for a person."""
        return self.turns[-1].upcoming(self.now)


@attrs.frozen(eq=False)
class JobRecords(Mapping[str, JobRecord]):
    """All jobs by their id, in the order in which they were made; a record is made when it is asked for."""

    _jobs: Mapping[str, _Job]
    _now: float

    def __getitem__(self, job_id: str) -> JobRecord:
        job = self._jobs[job_id]
        return JobRecord(job_id, job.owner, tuple(job.turns), self._now)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._jobs))  # as more may be made meanwhile, in another thread

    def __len__(self) -> int:
        return len(self._jobs)


def _no_faults(_call: CallKind, _prompts: Sequence[str], _chance: random.Random) -> Sequence[StoryFault]:
    return ()


class Engine:
    """The accounts, their jobs, and the three calls.

    Equal seeds tell equal stories: what becomes of a job depends on the seed, its owner, its body and on
    how many equal bodies came before it, and not on the order of other calls.

    Args:
        seed: what chance is drawn from.
        price: the credits that a create or followup needs and spends, 0 or more.
        tempo: how long jobs take, and how often they go wrong.

    Attributes:
        price: as given.
        duplicates: accepted creates whose owner had had an equal one accepted before.
        touched: the ids of jobs, once for each create, followup and input that changed their course, in that order;
            whoever remembers its length knows later what is new, without looking at every job.
    """

    def __init__(self, *, seed: int = 0, price: int = 300, tempo: Tempo | None = None) -> None:
        self._seed = seed
        self.price = _credits("price", price)
        self._tempo = tempo or Tempo()
        self._accounts: dict[str, Account] = {}
        self._jobs: dict[str, _Job] = {}
        self._submissions: Counter[tuple[str, str]] = Counter()
        self.duplicates = 0
        self.touched: list[str] = []

    def add_account(self, owner: str, credits: int, *, key: str | None = None) -> str:  # noqa: A002 - the contract's word
        """Open an account.

        Args:
            owner: whose it is, not the owner of another.
            credits: its balance, 0 or more.
            key: its API key, not that of another; when None the seed's.

        Returns:
            Its API key.

        Raises:
            ValueError: the owner has an account, the key cannot be one, or the credits are below 0.
        """
        if not owner or any(account.owner == owner for account in self._accounts.values()):
            raise ValueError(f"owner must be a name that no other account has, not {owner!r}")
        if key is None:
            key = f"{API_KEY_PREFIX}sandbox_{self._chance('key', owner).getrandbits(128):032x}"
        if not key.startswith(API_KEY_PREFIX) or key == API_KEY_PREFIX or key in self._accounts:
            raise ValueError(f"an API key must begin with {API_KEY_PREFIX}, go on after it, and be that of one account")
        self._accounts[key] = Account(owner, _credits("credits", credits))
        return key

    def add_credits(self, key: str, credits: int) -> None:  # noqa: A002 - the contract's word
        """Add to a balance, as a purchase in the frontend would (section "Overview").

        Args:
            key: the API key of the account.
            credits: how many, 0 or more.

        Raises:
            KeyError: there is no such key.
            ValueError: the credits are below 0.
        """
        self._accounts[key].balance += _credits("credits", credits)

    def balance(self, key: str) -> int:
        """Give the credits that an account has left.

        Args:
            key: its API key.

        Raises:
            KeyError: there is no such key.
        """
        return self._accounts[key].balance

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts by their API keys, in the order in which they were opened."""
        return {key: attrs.evolve(account) for key, account in tuple(self._accounts.items())}

    def prompts(self, job_id: str) -> Sequence[str]:
        """Give the prompts of a job's turns, none for a job that does not exist."""
        job = self._jobs.get(job_id)
        return job.prompts if job else ()

    def records(self, now: float) -> JobRecords:
        """Give all jobs as they are at a moment.

        Args:
            now: the moment, in virtual seconds since the epoch.
        """
        return JobRecords(self._jobs, now)

    def create(
        self, key: str | None, submission: Submission, *, now: float, story_faults: StoryFaults = _no_faults
    ) -> Answer:
        """Make a job (section "Create Job").

        Args:
            key: the API key that came with the call, None if none did.
            submission: the body.
            now: the moment, in virtual seconds since the epoch.
            story_faults: asked for what befalls the job, once it is taken.

        Returns:
            202, or 401, 400, 402: checked in that order.
        """
        account = self._accounts.get(key or "")
        if account is None:
            return _UNAUTHORIZED
        refusal = _invalid(submission) or self._unpaid(account)
        if refusal:
            return refusal
        account.balance -= self.price
        name, repeated = self._identify(account.owner, submission)
        self.duplicates += repeated
        job_id = str(uuid.UUID(int=self._chance("id", *name).getrandbits(128), version=4))
        job = self._jobs[job_id] = _Job(job_id, account.owner)
        faults = story_faults("create", (submission.prompt,), self._chance("faults", *name))
        return self._begin_turn(job, submission, now, self._draw(name, faults, is_followup=False))

    def followup(
        self,
        key: str | None,
        job_id: str,
        submission: Submission,
        *,
        now: float,
        story_faults: StoryFaults = _no_faults,
    ) -> Answer:
        """Begin another turn of a completed job (section "Create Followup").

        Args:
            key: the API key that came with the call, None if none did.
            job_id: the job.
            submission: the body.
            now: the moment, in virtual seconds since the epoch.
            story_faults: asked for what befalls the job, once the followup is taken.

        Returns:
            202, or 401, 404, 400, 409, 402: checked in that order.
        """
        account = self._accounts.get(key or "")
        if account is None:
            return _UNAUTHORIZED
        job = self._job_of(account, job_id)
        if job is None:
            return _NOT_FOUND
        refusal = _invalid(submission) or _unfinished(job, now) or self._unpaid(account)
        if refusal:
            return refusal
        account.balance -= self.price
        name, _ = self._identify(job_id, submission)
        faults = story_faults("followup", (submission.prompt,), self._chance("faults", *name))
        job.stale_polls = sum(fault.polls for fault in faults if isinstance(fault, StaleCompleted))
        return self._begin_turn(job, submission, now, self._draw(name, faults, is_followup=True))

    def poll(self, key: str | None, job_id: str, *, now: float) -> Answer:
        """Tell the state of a job (section "Poll Job").

        Args:
            key: the API key that came with the call, None if none did.
            job_id: the job.
            now: the moment, in virtual seconds since the epoch.

        Returns:
            200, or 401, 404: checked in that order.
        """
        account = self._accounts.get(key or "")
        if account is None:
            return _UNAUTHORIZED
        job = self._job_of(account, job_id)
        if job is None:
            return _NOT_FOUND
        turn = job.turns[-1]
        if job.stale_polls:
            job.stale_polls -= 1
            turn = job.turns[-2]
        return Answer(200, _state(job, turn, turn.step_at(now)))

    def give_input(self, job_id: str, *, now: float) -> None:
        """Give a job the input that it waits for.

        Args:
            job_id: the job.
            now: the moment, in virtual seconds since the epoch.

        Raises:
            KeyError: there is no such job.
            ValueError: it does not wait for input.
        """
        turns = self._jobs[job_id].turns
        turns[-1] = turns[-1].answered(now)
        self.touched.append(job_id)

    def _chance(self, *name: object) -> random.Random:
        # JSON keeps the parts apart, and turns a lone surrogate into something that can be hashed.
        return random.Random(json.dumps([self._seed, *name]))

    def _identify(self, holder: str, submission: Submission) -> tuple[tuple[str, str, int], bool]:
        """Name a submission among all, and tell whether an equal one was taken before."""
        content = submission.content()
        count = self._submissions[holder, content]
        self._submissions[holder, content] += 1
        return (holder, content, count), count > 0

    def _draw(
        self, name: tuple[str, str, int], faults: Sequence[StoryFault], *, is_followup: bool
    ) -> tuple[tuple[Phase, ...], str]:
        return draw_phases(self._chance("story", *name), self._tempo, faults=faults, is_followup=is_followup)

    def _begin_turn(
        self, job: _Job, submission: Submission, now: float, course: tuple[tuple[Phase, ...], str]
    ) -> Answer:
        turn = Turn(submission.body, now, *course)
        job.turns.append(turn)
        job.prompts.append(submission.prompt)
        self.touched.append(job.job_id)
        status_url = f"/api/motion/sessions/{job.job_id}"
        return Answer(202, {"job_id": job.job_id, "status": turn.steps[0].status, "status_url": status_url})

    def _job_of(self, account: Account, job_id: str) -> _Job | None:
        job = self._jobs.get(job_id)
        return job if job is not None and job.owner == account.owner else None

    def _unpaid(self, account: Account) -> Answer | None:
        if account.balance >= self.price:
            return None
        sentence = f"Starting a new Mosaic Motion session requires at least {self.price} credits in your balance."
        body = {
            "error": "insufficient_credits",
            "code": "insufficient_credits_minimum_kickoff_balance",
            "message": sentence,
            "minimum_required_credits": self.price,
            "current_balance": account.balance,
        }
        return Answer(402, body)


def _credits(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a whole number, 0 or more, not {value!r}")
    return value


def _invalid(submission: Submission) -> Answer | None:
    if not submission.problems:
        return None
    return Answer(400, {"error": "Invalid request", "details": list(submission.problems)})


def _unfinished(job: _Job, now: float) -> Answer | None:
    status = job.turns[-1].step_at(now).status
    if status == JobStatus.COMPLETED:
        return None
    message = "Followups can only be created for completed Mosaic Motion jobs."
    return Answer(409, {"error": "followup_requires_completed_job", "message": message, "status": status})


def _state(job: _Job, turn: Turn, step: Step) -> dict[str, Any]:
    changed = _timestamp(step.at)
    return {
        "job_id": job.job_id,
        "status": step.status,
        "created_at": _timestamp(job.turns[0].started_at),
        "updated_at": changed,
        "completed_at": changed if step.status == JobStatus.COMPLETED else None,
        "error": turn.error if step.status == JobStatus.FAILED else None,
        "pending_user_input": step.status == JobStatus.AWAITING_USER_INPUT,
    }


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
