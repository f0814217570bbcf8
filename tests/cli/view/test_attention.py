"""`motion_async.cli.view.attention`: what needs a person, by line, key and prompt, the reason whole, the id last."""

import attrs
import pytest

from motion_async import errors
from motion_async.cli.progress import LineTaken, RequestEnded
from motion_async.cli.view.attention import Attention
from motion_async.cli.words import End
from motion_async.events import JobAccepted
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.ledger.items import content_digest, content_key
from tests.cli.view.test_tally import change, ended

WHY = "The attachment https://files.example/host.mp3?signature=secret holds no speech, nor does any other."


def failed(line: int, job_id: str) -> RequestEnded:
    """The end of some line's request, whose job has failed."""
    return attrs.evolve(ended(End.FAILED, job_id, error=errors.JobFailedError(job_id, "no scene")), line=line)


def words(attention: Attention) -> list[str]:
    """What is told of each."""
    return [concern.words for concern in attention.all]


def test_a_reason_is_whole_and_has_no_secret() -> None:
    """However long it is, and whatever the prompt and the service's words bring along."""
    attention = Attention()
    attention.begin(LineTaken(7, "hero", f"Make https://a.example/x?token=secret {'long ' * 90}", "a"))
    attention.take(change("a", "failed", error=WHY))
    [said] = words(attention)
    assert said.startswith("line 7, hero, “Make https://a.example/x?…")
    assert said.endswith("…”: failed, " + WHY.replace("signature=secret", "…") + " (job a)")


@pytest.mark.parametrize(
    ("end", "error", "says"),
    [
        (End.INPUT, errors.InputRequiredError("a"), "needs you, waits for your answer at https://motion.so (job a)"),
        (End.FAILED, errors.JobFailedError("a", "no scene"), "failed, no scene (job a)"),
        (End.FAILED, errors.JobFailedError("a", None), "failed, the service gave no reason (job a)"),
        (End.UNCERTAIN, errors.CreateUncertainError("lost"), "unclear, the create was sent and its answer was lost"),
    ],
)
def test_an_end_says_what_is_to_be_done(end: End, error: errors.MotionError, says: str) -> None:
    """In the words of what happened to it, without advice on single videos."""
    attention = Attention()
    attention.begin(LineTaken(1, None, "A video", None))
    attention.end(ended(end, None if end is End.UNCERTAIN else "a", error=error))
    [said] = words(attention)
    assert said.startswith(f"line 1, “A video”: {says}")


def test_what_needs_nobody_any_more_is_let_go() -> None:
    """A job that was answered, a followup of one that failed, and a request that came out well."""
    attention = Attention()
    for job_id, status in (("a", "awaiting_user_input"), ("b", "awaiting_user_input"), ("c", "failed")):
        attention.take(change(job_id, status))
    assert len(words(attention)) == 3
    attention.take(change("a", "running"))
    attention.end(ended(End.COMPLETED, "b", state=JobState("b", JobStatus.COMPLETED)))
    attention.accept(JobAccepted("c", followup=True))
    assert words(attention) == []


def test_each_is_told_once_and_by_its_line() -> None:
    """What a job's change has told already the end of its request replaces."""
    attention = Attention()
    for line, job_id in ((2, "b"), (1, "a")):
        attention.begin(LineTaken(line, None, "A video", job_id))
        attention.take(change(job_id, "failed", error="no scene"))
        attention.end(failed(line, job_id))
    assert [said.split(",")[0] for said in words(attention)] == ["line 1", "line 2"]
    assert [concern.line for concern in attention.newest(1)] == [1]


def test_the_first_thousand_are_kept_and_the_others_counted() -> None:
    """Nobody reads more of them, and memory has an end."""
    attention = Attention()
    for line in range(1_500):
        attention.begin(LineTaken(line, None, "A video", str(line)))
        attention.end(failed(line, str(line)))
    assert len(attention.all) == 1_000
    assert attention.unkept == 500
    assert not attention._lines
    assert not attention._line_of_job


def test_what_waits_for_an_answer_is_known_however_many_have_failed() -> None:
    """It is what a person can do something about, and there are no more of them than jobs run."""
    attention = Attention()
    for line in range(1_500):
        attention.end(failed(line, str(line)))
    attention.take(change("asks", "awaiting_user_input"))
    assert attention.jobs_that_wait == 1
    assert [concern.job_id for concern in attention.newest(1)] == ["asks"]


def test_a_key_that_was_made_of_the_content_is_not_told() -> None:
    """It is as long as a line, and nobody has given it."""
    attention = Attention()
    attention.begin(LineTaken(1, content_key(content_digest(VideoRequest("A video")), 1), "A video", "a"))
    attention.take(change("a", "failed", error="no scene"))
    assert words(attention) == ["line 1, “A video”: failed, no scene (job a)"]


def test_a_job_of_no_line_is_known_by_its_id() -> None:
    """As one that a person watches by its id."""
    attention = Attention()
    attention.take(change("a", "failed", error="no scene"))
    assert words(attention) == ["job a: failed, no scene"]
