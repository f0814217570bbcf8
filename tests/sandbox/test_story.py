"""Tests of `motion_async.sandbox.story`."""

import math
import random
import statistics

import pytest

from motion_async.jobs import JobStatus
from motion_async.sandbox.faults import AwaitInput, Fail, NewStatus, StoryFault
from motion_async.sandbox.story import Phase, Step, Tempo, Turn, draw_phases

STEADY = Tempo(spread=0)


def statuses(*faults: StoryFault, tempo: Tempo = STEADY, seed: int = 0) -> list[str]:
    phases, _ = draw_phases(random.Random(seed), tempo, faults=faults)
    return [phase.status for phase in phases]


def running(phases: tuple[Phase, ...]) -> float:
    return sum(phase.seconds for phase in phases if phase.status == "running")


def turn(*faults: StoryFault) -> Turn:
    return Turn({}, 1_000.0, *draw_phases(random.Random(0), STEADY, faults=faults))


def test_a_job_runs_to_its_end_by_the_documented_statuses() -> None:
    """Without a fault a job is queued, created, running and completed."""
    assert statuses() == ["queued", "created", "running", "completed"]


def test_faults_change_the_course() -> None:
    """Each fault puts its own status into the course, and all of them at once."""
    assert statuses(Fail("x"), NewStatus("rendering"), AwaitInput()) == [
        "queued",
        "created",
        "running",
        "awaiting_user_input",
        "running",
        "rendering",
        "running",
        "failed",
    ]


def test_a_fault_leaves_the_other_phases_as_they_were() -> None:
    """The same chance gives the same times, whatever befalls the job."""
    plain, _ = draw_phases(random.Random(3), Tempo())
    struck, _ = draw_phases(random.Random(3), Tempo(), faults=(AwaitInput(until_answered=True), NewStatus()))
    assert struck[:2] == plain[:2]
    assert running(struck) == pytest.approx(running(plain))


def test_a_failed_job_says_why() -> None:
    """The text of the fault is the job's error; a failure by itself has a text as well."""
    assert draw_phases(random.Random(0), STEADY, faults=(Fail("no scene"),))[1] == "no scene"
    phases, error = draw_phases(random.Random(0), Tempo(failure_rate=1))
    assert phases[-1].status == "failed"
    assert error


def test_times_are_drawn_around_their_medians() -> None:
    """Running takes about three minutes unless told, queued and created seconds, followups less."""
    source = random.Random(0)
    drawn = [draw_phases(source, Tempo())[0] for _ in range(2_000)]
    medians = [statistics.median(phases[index].seconds for phases in drawn) for index in range(3)]
    assert medians == [pytest.approx(3, rel=0.1), pytest.approx(10, rel=0.1), pytest.approx(180, rel=0.1)]
    followups = [running(draw_phases(source, Tempo(), is_followup=True)[0]) for _ in range(2_000)]
    assert statistics.median(followups) == pytest.approx(108, rel=0.1)


def test_the_tempo_can_be_chosen() -> None:
    """A median without spread is kept exactly, and the other phases keep their proportion."""
    phases, _ = draw_phases(random.Random(0), Tempo(median_seconds=18, spread=0))
    assert [phase.seconds for phase in phases] == [pytest.approx(x) for x in (0.3, 1, 18, math.inf)]


def test_rates_are_the_share_of_turns() -> None:
    """About as many jobs fail, or wait, as were asked for."""
    tempo = Tempo(failure_rate=0.1, input_rate=0.3)
    drawn = [statuses(tempo=tempo, seed=seed) for seed in range(2_000)]
    assert 150 < sum("failed" in course for course in drawn) < 250
    assert 520 < sum("awaiting_user_input" in course for course in drawn) < 680


def test_a_moment_shows_the_last_step() -> None:
    """A status begins with its step and ends with the next one."""
    story = turn()
    assert story.step_at(1_000) == Step(1_000, JobStatus.QUEUED)
    assert story.step_at(1_002.9).status == "queued"
    assert story.step_at(1_013.1) == Step(1_013, JobStatus.RUNNING)
    assert story.step_at(1e12).status == "completed"
    assert [step.status for step in story.history(1_012)] == ["queued", "created"]


def test_a_wait_for_a_person_ends_with_the_answer() -> None:
    """Nothing goes on before it, and all that was to come begins with it."""
    story = turn(AwaitInput(until_answered=True))
    assert story.step_at(1e11).status == "awaiting_user_input"
    answered = story.answered(5_000)
    assert answered.step_at(5_000) == Step(5_000, JobStatus.RUNNING)
    assert answered.history(5_000)[:-1] == story.history(5_000)
    assert running(answered.phases) == pytest.approx(180)
    assert answered.step_at(5_180).status == "completed"


def test_a_wait_that_goes_on_by_itself_can_be_answered_sooner() -> None:
    """An answer cuts the wait short by just what was left of it."""
    story = turn(AwaitInput())
    waiting = next(step for step in story.steps if step.status == "awaiting_user_input")
    answered = story.answered(waiting.at + 1)
    assert story.steps[-1].at - answered.steps[-1].at == pytest.approx(29)


def test_an_answer_to_a_job_that_does_not_wait_is_refused() -> None:
    """Only a job that waits for input can be given some."""
    with pytest.raises(ValueError, match="it is queued"):
        turn().answered(1_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("median_seconds", 0),
        ("median_seconds", math.inf),
        ("spread", -0.1),
        ("spread", math.nan),
        ("failure_rate", 1.1),
        ("input_rate", -1),
    ],
)
def test_a_tempo_has_bounds(name: str, value: float) -> None:
    """A number that has no meaning is refused by its name."""
    with pytest.raises(ValueError, match=name):
        Tempo(**{name: value})
