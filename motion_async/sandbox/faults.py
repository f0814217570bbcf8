"""The faults that can be ordered, and the book that says which call meets which.

Each fault is a frozen value that says what goes wrong; carrying it out is the business of `app` (what
happens to one HTTP exchange) and of `story` (what happens to a job). Pure: no I/O, no clock, and
chance is drawn from a seed alone.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Literal, TypeAlias, get_args

import attrs
from attrs.validators import ge, instance_of, min_len, optional

__all__ = [
    "AwaitInput",
    "CallKind",
    "ExchangeFault",
    "Fail",
    "Fault",
    "FaultBook",
    "FaultOrder",
    "Hang",
    "LostAnswer",
    "NewStatus",
    "RateLimited",
    "Reset",
    "ServerError",
    "SlowBody",
    "StaleCompleted",
    "StoryFault",
    "every_fault",
    "parse_fault",
]

CallKind: TypeAlias = Literal["create", "followup", "poll"]
"""The three calls of the API (section "Important Behavior")."""

_ALL: Final[frozenset[CallKind]] = frozenset(get_args(CallKind))
_PAID: Final[frozenset[CallKind]] = frozenset({"create", "followup"})


@attrs.frozen
class RateLimited:
    """The call is refused with 429 before it is taken.

    Args:
        retry_after: seconds for the `Retry-After` header, 0 or more; None sends no such header.
    """

    calls: ClassVar = _ALL
    retry_after: float | None = attrs.field(default=None, validator=optional(ge(0)))


@attrs.frozen
class ServerError:
    """The call is answered with a 5xx.

    Args:
        status: 500, 502 or 503.
        html: whether the body is a proxy's HTML page instead of JSON.
        taken: whether the call is carried out first, so that only its answer is lost.
    """

    calls: ClassVar = _ALL
    status: int = 500
    html: bool = attrs.field(default=False, kw_only=True)
    taken: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.status not in (500, 502, 503):
            raise ValueError(f"status must be 500, 502 or 503, not {self.status!r}")


@attrs.frozen
class LostAnswer:
    """The call is carried out, and the connection is closed without a byte of an answer."""

    calls: ClassVar = _ALL


@attrs.frozen
class Reset:
    """The connection is reset (RST) before the call is carried out."""

    calls: ClassVar = _ALL


@attrs.frozen
class Hang:
    """Nothing is answered for a while; the call is carried out after it, if the client is still there.

    Args:
        seconds: how long in real seconds, 0 or more; None hangs until the client leaves.
    """

    calls: ClassVar = _ALL
    seconds: float | None = attrs.field(default=None, validator=optional(ge(0)))


@attrs.frozen
class SlowBody:
    """The call is carried out, and its right answer drips in small pieces.

    Args:
        seconds: how long the body takes, in real seconds, 0 or more.
    """

    calls: ClassVar = _ALL
    seconds: float = attrs.field(default=1.0, validator=ge(0))


@attrs.frozen
class StaleCompleted:
    """After a followup the first polls are still answered with the state from before it.

    Args:
        polls: how many, 1 or more.
    """

    calls: ClassVar = frozenset[CallKind]({"followup"})
    polls: int = attrs.field(default=2, validator=[instance_of(int), ge(1)])


@attrs.frozen
class NewStatus:
    """In the middle of running the job shows a status that the documentation does not name.

    Args:
        status: the status, at least one character.
    """

    calls: ClassVar = _PAID
    status: str = attrs.field(default="rendering", validator=[instance_of(str), min_len(1)])


@attrs.frozen
class AwaitInput:
    """The job waits for input in the middle of running (section "Job Statuses").

    Args:
        until_answered: whether it waits until somebody gives the input, instead of going on by itself.
    """

    calls: ClassVar = _PAID
    until_answered: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class Fail:
    """The job fails towards the end of running (section "Job Statuses").

    Args:
        error: the text of the job's `error`, at least one character.
    """

    calls: ClassVar = _PAID
    error: str = attrs.field(default="The video could not be rendered.", validator=[instance_of(str), min_len(1)])


ExchangeFault: TypeAlias = RateLimited | ServerError | LostAnswer | Reset | Hang | SlowBody
"""What can happen to one HTTP exchange."""
StoryFault: TypeAlias = StaleCompleted | NewStatus | AwaitInput | Fail
"""What can happen to the job that a create or a followup makes."""
Fault: TypeAlias = ExchangeFault | StoryFault

_NAMED: Final[Mapping[str, Fault]] = {
    "rate-limit": RateLimited(),
    "rate-limit-retry-after": RateLimited(retry_after=1),
    "server-error": ServerError(500),
    "bad-gateway": ServerError(502, html=True),
    "unavailable": ServerError(503),
    "lost-answer": LostAnswer(),
    "lost-to-error": ServerError(502, taken=True),
    "reset": Reset(),
    "hang": Hang(),
    "slow-body": SlowBody(),
    "stale-completed": StaleCompleted(),
    "new-status": NewStatus(),
    "await-input": AwaitInput(),
    "fail": Fail(),
}


def every_fault() -> Mapping[str, Fault]:
    """Give one of each fault that the sandbox knows, by the name that `parse_fault` takes."""
    return dict(_NAMED)


def parse_fault(text: str) -> tuple[Fault, float]:
    """Read a fault with its probability from its textual form.

    Args:
        text: a name and a probability from 0 to 1, such as `rate-limit=0.05`.

    Returns:
        The fault and its probability, as `FaultBook.at_random` takes them.

    Raises:
        ValueError: the text is not of that form; the message lists the known names.
    """
    name, separator, number = text.partition("=")
    fault = _NAMED.get(name.strip())
    if fault is None or not separator:
        known = ", ".join(_NAMED)
        raise ValueError(f"{text!r} is not NAME=PROBABILITY with one of the names {known}")
    try:
        return fault, _probability(float(number))
    except ValueError as error:
        raise ValueError(f"{text!r} does not end in a probability from 0 to 1") from error


@attrs.define
class FaultOrder:
    """An order that stands.

    Args:
        fault: what happens.
        calls: the kinds of call that meet it.
        text: what a prompt must contain; None where any will do.
        left: how many more calls it strikes; None for all of them.
        probability: of each such call to meet it.
    """

    fault: Fault
    calls: frozenset[CallKind]
    text: str | None
    left: int | None
    probability: float

    def fits(self, call: CallKind, prompts: Sequence[str], chance: random.Random) -> bool:
        """Draw whether a call meets it.

        Args:
            call: the kind of call.
            prompts: the prompt that it brings, or those of its job.
            chance: what a probability is drawn from.
        """
        if call not in self.calls:
            return False
        if self.text is not None and not any(self.text in prompt for prompt in prompts):
            return False
        return self.probability == 1 or chance.random() < self.probability


class FaultBook:
    """The orders for faults, in the order in which they were given.

    One call meets at most one fault of its exchange: that of the first order that fits. The job that
    it makes meets at most one fault of each other class. A counted order is used up only by a call
    that it strikes, and a fault of a job only by a call that is taken.

    Args:
        seed: what chance is drawn from.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._random = random.Random(f"{seed} faults")
        self._orders: list[FaultOrder] = []
        self._injected: Counter[str] = Counter()
        self._lock = threading.Lock()  # calls meet them in one thread, and orders may come from others

    def next(self, fault: Fault, *, on: CallKind | None = None, times: int = 1) -> None:
        """Order a fault for the next calls.

        Args:
            fault: what happens.
            on: the one kind of call that meets it; None for each kind that can.
            times: how many calls, 1 or more.

        Raises:
            TypeError: it is no fault, but its class, say.
            ValueError: the fault cannot strike such a call, or `times` is out of its bounds.
        """
        self._add(fault, on, left=_times(times))

    def for_prompt(self, text: str, fault: Fault, *, on: CallKind | None = None, times: int | None = None) -> None:
        """Order a fault for creates and followups by their prompt, and for polls of their job.

        Args:
            text: what the prompt contains, at least one character.
            fault: what happens.
            on: the one kind of call that meets it; None for each kind that can.
            times: how many calls, 1 or more; None for all of them.

        Raises:
            TypeError: it is no fault, but its class, say.
            ValueError: the fault cannot strike such a call, or an argument is out of its bounds.
        """
        if not text:
            raise ValueError("text must not be empty: every prompt contains the empty text")
        self._add(fault, on, text=text, left=None if times is None else _times(times))

    def at_random(self, fault: Fault, probability: float, *, on: CallKind | None = None) -> None:
        """Order a fault for calls that chance picks.

        Args:
            fault: what happens.
            probability: of each call to meet it, from 0 to 1.
            on: the one kind of call that meets it; None for each kind that can.

        Raises:
            TypeError: it is no fault, but its class, say.
            ValueError: the fault cannot strike such a call, or the probability is out of its bounds.
        """
        self._add(fault, on, probability=_probability(probability))

    def clear(self) -> None:
        """Withdraw every order; jobs keep the faults that they have met."""
        with self._lock:
            self._orders = []

    @property
    def orders(self) -> tuple[FaultOrder, ...]:
        """The orders that stand, as they are now, the first given first."""
        return tuple(map(attrs.evolve, self._orders))

    @property
    def injected(self) -> Mapping[str, int]:
        """How often each fault has struck, by the name of its class."""
        return dict(self._injected)

    def strike_exchange(self, call: CallKind, prompts: Sequence[str]) -> ExchangeFault | None:
        """Draw what happens to a call that has come.

        Args:
            call: the kind of call.
            prompts: the prompt that it brings, or those of the job that it asks about.
        """
        for order in self._orders:
            fault = order.fault
            if isinstance(fault, ExchangeFault) and order.fits(call, prompts, self._random):
                self._use(order)
                return fault
        return None

    def strike_story(self, call: CallKind, prompts: Sequence[str], chance: random.Random) -> tuple[StoryFault, ...]:
        """Draw what happens to the job of a create or followup that is taken.

        Args:
            call: the kind of call.
            prompts: the prompt that it brings.
            chance: a source of the job's own, so that the order of calls changes no job's story.
        """
        struck: dict[type[StoryFault], StoryFault] = {}
        for order in self._orders:
            fault = order.fault
            if isinstance(fault, ExchangeFault) or type(fault) in struck:
                continue
            if order.fits(call, prompts, chance):
                self._use(order)
                struck[type(fault)] = fault
        return tuple(struck.values())

    def _add(
        self,
        fault: Fault,
        on: CallKind | None,
        *,
        text: str | None = None,
        left: int | None = None,
        probability: float = 1.0,
    ) -> None:
        if not isinstance(fault, ExchangeFault | StoryFault):
            raise TypeError(f"a fault is a value such as LostAnswer(), not {fault!r}")
        name = type(fault).__name__
        if on is not None and on not in _ALL:
            raise ValueError(f"on must be one of {', '.join(get_args(CallKind))}, not {on!r}")
        if on is not None and on not in fault.calls:
            raise ValueError(f"{name} cannot strike a {on}, but: {', '.join(sorted(fault.calls))}")
        calls: frozenset[CallKind] = fault.calls if on is None else frozenset({on})
        with self._lock:
            self._orders.append(FaultOrder(fault, calls, text, left, probability))

    def _use(self, order: FaultOrder) -> None:
        self._injected[type(order.fault).__name__] += 1
        if order.left is not None:
            order.left -= 1
            if not order.left:
                with self._lock:
                    self._orders = [other for other in self._orders if other is not order]


def _times(times: int) -> int:
    if times < 1:
        raise ValueError(f"times must be 1 or more, not {times}")
    return times


def _probability(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"a probability must be from 0 to 1, not {value}")
    return value
