"""How a job goes: its phases, drawn from chance, and what they look like at a moment.

Pure: chance is a `random.Random` that is handed in, and a moment is a number. A turn is a value whose
whole course is known from its beginning, so nothing here waits, and nobody has to be told of a change.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from motion_async.jobs import JobStatus
from motion_async.sandbox.faults import AwaitInput, Fail, NewStatus, StoryFault

__all__ = ["Phase", "Step", "Tempo", "Turn", "draw_phases"]

_USUAL_MEDIAN: Final = 180.0
_FOLLOWUP_SHARE: Final = 0.6
_ERRORS: Final = (
    "The renderer ran out of memory on scene 3.",
    "An attachment could not be downloaded.",
    "The style reference could not be analysed.",
    "The video could not be rendered.",
)


@attrs.frozen(kw_only=True)
class Tempo:
    """How long jobs take, and how often they go wrong by themselves.

    Args:
        median_seconds: the median of the time that a first turn runs, in virtual seconds, above 0; the
            other phases keep their proportion to it.
        spread: the sigma of the log-normal distribution that times are drawn from, 0 to 3.
        failure_rate: the share of turns that fail, 0 to 1.
        input_rate: the share of turns that wait for input for a while, 0 to 1.

    Raises:
        ValueError: a number is out of its bounds.
    """

    median_seconds: float = _USUAL_MEDIAN
    spread: float = 0.4
    failure_rate: float = 0.0
    input_rate: float = 0.0

    def __attrs_post_init__(self) -> None:
        if not 0 < self.median_seconds <= 1e6:
            raise ValueError(f"median_seconds must be above 0 and at most 1e6, not {self.median_seconds}")
        for name, most in (("spread", 3), ("failure_rate", 1), ("input_rate", 1)):
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise ValueError(f"{name} must be from 0 to {most}, not {value}")


@attrs.frozen
class Phase:
    """One part of a turn.

    Args:
        status: what the job shows meanwhile.
        seconds: how long it lasts, in virtual seconds; infinite for the last, and for a wait for a person.
    """

    status: JobStatus
    seconds: float


@attrs.frozen
class Step:
    """A change of a job's status.

    Args:
        at: when, in virtual seconds since the epoch.
        status: what it changed to.
    """

    at: float
    status: JobStatus


def _steps(turn: Turn) -> tuple[Step, ...]:
    lengths = (phase.seconds for phase in turn.phases)
    begins = itertools.accumulate(lengths, initial=turn.started_at)
    return tuple(Step(at, phase.status) for at, phase in zip(begins, turn.phases, strict=False))


@attrs.frozen
class Turn:
    """A create or a followup, and the course that the job takes because of it.

    Args:
        body: what was sent.
        started_at: when it was taken, in virtual seconds since the epoch.
        phases: its course, ending in one that lasts for ever.
        error: what `error` says if the course ends in `failed`.
        steps: when each phase begins; infinite for those that nobody has made possible yet.
    """

    body: Mapping[str, Any] = attrs.field(hash=False)
    started_at: float
    phases: tuple[Phase, ...]
    error: str
    steps: tuple[Step, ...] = attrs.field(init=False, default=attrs.Factory(_steps, takes_self=True))

    def step_at(self, now: float) -> Step:
        """Give the last change of status up to a moment.

        Args:
            now: the moment, in virtual seconds since the epoch.
        """
        return next((step for step in reversed(self.steps) if step.at <= now), self.steps[0])

    def history(self, now: float) -> tuple[Step, ...]:
        """Give every change of status up to a moment, in order.

        Args:
            now: the moment, in virtual seconds since the epoch.
        """
        return tuple(step for step in self.steps if step.at <= now)

    def upcoming(self, now: float) -> tuple[Step, ...]:
        """Give every change of status after a moment, in order; infinite those that wait for a person.

        Args:
            now: the moment, in virtual seconds since the epoch.
        """
        return tuple(step for step in self.steps if step.at > now)

    def answered(self, now: float) -> Turn:
        """Give this turn as it goes on when the input that it waits for comes.

        Args:
            now: the moment of the input, in virtual seconds since the epoch.

        Raises:
            ValueError: it does not wait for input at that moment.
        """
        step = self.step_at(now)
        if step.status != JobStatus.AWAITING_USER_INPUT:
            raise ValueError(f"the job does not wait for input: it is {step.status}")
        index = self.steps.index(step)
        waited = Phase(step.status, now - step.at)
        return attrs.evolve(self, phases=(*self.phases[:index], waited, *self.phases[index + 1 :]))


def draw_phases(
    chance: random.Random, tempo: Tempo, *, faults: Sequence[StoryFault] = (), is_followup: bool = False
) -> tuple[tuple[Phase, ...], str]:
    """Draw the course of a turn (section "Job Statuses").

    Every number is drawn whether it is needed or not, so that a fault changes its own phase and nothing else.

    Args:
        chance: where the numbers are drawn from.
        tempo: how long the phases take.
        faults: what befalls the job.
        is_followup: whether the job has been completed before; such turns run shorter.

    Returns:
        The phases, and the text of `error` should they end in `failed`.
    """
    scale = tempo.median_seconds / _USUAL_MEDIAN
    queued, created, waiting = (scale * median * chance.lognormvariate(0, tempo.spread) for median in (3, 10, 30))
    running = tempo.median_seconds * chance.lognormvariate(0, tempo.spread)
    input_at, status_at, failure_at = (
        chance.uniform(0.2, 0.4),
        chance.uniform(0.5, 0.7),
        chance.uniform(0.8, 1),
    )
    fails, waits = chance.random() < tempo.failure_rate, chance.random() < tempo.input_rate
    error = chance.choice(_ERRORS)
    if is_followup:
        running *= _FOLLOWUP_SHARE
    breaks: list[tuple[float, Phase]] = []
    for fault in faults:
        match fault:
            case Fail():
                fails, error = True, fault.error
            case AwaitInput():
                waits, waiting = True, math.inf if fault.until_answered else waiting
            case NewStatus():
                breaks.append((status_at, Phase(JobStatus(fault.status), running / 10)))
    if waits:
        breaks.insert(0, (input_at, Phase(JobStatus.AWAITING_USER_INPUT, waiting)))
    phases = [Phase(JobStatus.QUEUED, queued), Phase(JobStatus.CREATED, created)]
    begin, end = 0.0, failure_at if fails else 1.0
    for at, phase in breaks:
        phases += [Phase(JobStatus.RUNNING, running * (at - begin)), phase]
        begin = at
    phases.append(Phase(JobStatus.RUNNING, running * (end - begin)))
    phases.append(Phase(JobStatus.FAILED if fails else JobStatus.COMPLETED, math.inf))
    return tuple(phases), error
