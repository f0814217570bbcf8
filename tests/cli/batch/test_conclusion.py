"""`motion_async.cli.batch.conclusion`: what is said of a run, above all of one that did not come to every line."""

import json

import pytest

from motion_async.cli.batch.conclusion import Conclusion
from motion_async.cli.batch.doubts import Doubts
from motion_async.cli.batch.survey import Survey
from motion_async.cli.output.jsonlines import JsonOutput
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.progress import LineTaken, RequestEnded
from motion_async.cli.view.attention import Attention
from motion_async.cli.words import End
from motion_async.errors import JobFailedError, JobNotFoundError, LedgerError
from motion_async.jobs import Outcome, VideoRequest
from motion_async.ledger import ItemState
from tests.cli.batch.orders import ORDER
from tests.cli.view.test_tally import change

DOUBTS = Doubts(["my key"], ["teaser"])


def concluded(
    lines: int, ends: list[End], ledger: dict[ItemState, int], capsys: pytest.CaptureFixture[str]
) -> tuple[dict[str, int], str]:
    """Give the counts and the sentence of a run that was ended early."""
    output = JsonOutput(Stdout())
    conclusion = Conclusion(ORDER, Attention(), clock=iter([10.0, 764.0]).__next__)  # from its beginning to its end
    conclusion.begins(Survey(lines, 0))
    for number, end in enumerate(ends):
        conclusion.take(RequestEnded(number, Outcome(number, VideoRequest("A video"), None), end))
    conclusion.is_stopped = True
    conclusion.counted(ledger, DOUBTS)
    conclusion.tell(output)
    told = capsys.readouterr()
    return json.loads(told.out)["counts"], told.err


def test_what_a_run_did_not_come_to_stands_as_the_ledger_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Outcomes of the run count once, and the other lines by the states of the ledger, or as not sent."""
    counts, said = concluded(
        12,
        [End.COMPLETED, End.COMPLETED, End.RUNNING, End.UNSEEN],
        {
            ItemState.SUBMITTED: 2,
            ItemState.COMPLETED: 1,
            ItemState.INTENT: 1,
            ItemState.UNCERTAIN: 1,
            ItemState.DROPPED: 1,
            ItemState.PLANNED: 1,
        },
        capsys,
    )
    # What another run is sending is no more unclear than what this one sends.
    assert counts == {"done": 3, "making": 3 + 1, "unclear": 1 + 1, "failed": 1, "waiting": 2}
    assert "batch launch: 3 of 12 done, 2 waiting, 4 making, 1 failed, 2 unclear; took 12 min 34 s, " in said
    assert "; took 12 min 34 s, its ledger is l.db\n" in said
    assert "may have been sent, and have no known job: my key; look at" in said
    assert "ledger resolve --job-id=ID --batch=launch -- l.db 'my key'" in said
    assert "being sent by another run of the batch at this moment: teaser" in said


def test_what_this_run_was_sending_when_it_ended_is_unclear(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody sends it any more, and it may be paid for; what another run sends is being made."""
    counts, said = concluded(4, [End.COMPLETED], {ItemState.INTENT: 2, ItemState.PLANNED: 1}, capsys)
    assert counts == {"done": 1, "making": 1, "unclear": 1, "waiting": 1}
    assert "may have been sent, and have no known job" in said


@pytest.mark.parametrize("end", [End.FAILED, End.RUNNING, End.INPUT])
def test_what_to_do_next_is_said(end: End, capsys: pytest.CaptureFixture[str]) -> None:
    """Of what has failed, which no run makes again, and of what runs on or waits, which the same command takes up."""
    output = JsonOutput(Stdout())
    conclusion = Conclusion(ORDER, Attention())
    conclusion.begins(Survey(1, 0))
    conclusion.take(RequestEnded(0, Outcome(0, VideoRequest("A video"), "job-1"), end))
    state = ItemState.FAILED if end is End.FAILED else ItemState.SUBMITTED
    conclusion.counted({state: 1}, Doubts())
    conclusion.tell(output)
    said = capsys.readouterr().err
    assert ("a run with --retry-failed makes it anew" in said) is (end is End.FAILED)
    assert ("go on with:" in said) is (end is not End.FAILED)


def test_what_a_ledger_that_cannot_be_read_has_is_not_made_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that the run did not come to are neither sent nor unsent then; what it has seen itself counts."""
    output = JsonOutput(Stdout())
    conclusion = Conclusion(ORDER, Attention())
    conclusion.begins(Survey(5, 0))
    for number, end in enumerate([End.COMPLETED, End.RUNNING]):
        conclusion.take(RequestEnded(number, Outcome(number, VideoRequest("A video"), None), end))
    with conclusion.notes():
        raise LedgerError("the ledger l.db cannot be read", job_ids=(("launch", "my key", "job-1"),))
    conclusion.tell(output)
    told = capsys.readouterr()
    ended = json.loads(told.out.splitlines()[-1])
    assert (ended["counts"], ended["running"]) == ({"done": 1, "making": 1}, 1)
    assert "1 of 5 done, 1 making, 3 not known, as the ledger could not be read" in told.err
    assert "as with: motion-async ledger resolve --batch=launch --job-id=job-1 -- l.db 'my key'" in told.err
    assert conclusion.status == 4


def test_jobs_that_the_service_does_not_know_are_no_jobs_that_run(capsys: pytest.CaptureFixture[str]) -> None:
    """They are counted apart, and the words say what may be the matter."""
    output = JsonOutput(Stdout())
    conclusion = Conclusion(ORDER, Attention())
    conclusion.begins(Survey(3, 0))
    for number in range(2):
        error = JobNotFoundError("no such job", http_status=404, job_id=f"job-{number}")
        outcome = Outcome(number, VideoRequest("A video"), error.job_id, error=error)
        conclusion.take(RequestEnded(number, outcome, End.UNSEEN))
    conclusion.counted({ItemState.SUBMITTED: 1}, Doubts())
    conclusion.tell(output)
    told = capsys.readouterr()
    ended = json.loads(told.out.splitlines()[-1])
    assert (ended["counts"], ended["running"]) == ({"unclear": 2, "making": 1}, 1)
    assert "does not know 2 of the jobs that it took: is it the service" in told.err


def test_each_video_that_needs_a_person_is_told_of_once_before_how_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    """By their lines, whichever ended first, the first hundred one by one and the others by their number."""
    output = JsonOutput(Stdout())
    conclusion = Conclusion(ORDER, attention := Attention())
    conclusion.begins(Survey(104, 0))
    for line in range(103, 0, -1):
        outcome = Outcome(line, VideoRequest("A video"), f"job-{line}", error=JobFailedError(f"job-{line}", "no scene"))
        attention.end(RequestEnded(line, outcome, End.FAILED))
        conclusion.take(RequestEnded(line, outcome, End.FAILED))
    conclusion.take(RequestEnded(104, Outcome(104, VideoRequest("A video"), "job-104"), End.COMPLETED))
    assert capsys.readouterr() == ("", "")
    conclusion.counted({}, Doubts())
    conclusion.tell(output)
    said = [words.removeprefix("motion-async: ") for words in capsys.readouterr().err.splitlines()]
    assert said[:100] == [f"line {line}, “A video”: failed, no scene (job job-{line})" for line in range(1, 101)]
    assert said[100] == "and 3 more; see them all with: motion-async ledger show --batch=launch --limit=0 -- l.db"
    assert said[101].startswith("batch launch: 1 of 104 done, 103 failed; took ")


def test_a_job_that_waits_for_a_person_is_named_though_nobody_waits_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The ledger counts it among those that go on; whoever ended the run early has to know of it."""
    output = JsonOutput(Stdout())
    conclusion = Conclusion(ORDER, attention := Attention())
    conclusion.begins(Survey(2, 0))
    attention.begin(LineTaken(2, "hero", "A video", "job-2"))
    attention.take(change("job-2", "awaiting_user_input"))
    conclusion.is_stopped = True
    conclusion.counted({ItemState.SUBMITTED: 2}, Doubts())
    conclusion.tell(output)
    told = capsys.readouterr()
    assert json.loads(told.out)["counts"] == {"making": 1, "needs you": 1}
    assert "line 2, hero, “A video”: needs you, waits for your answer at https://motion.so (job job-2)" in told.err
    assert "0 of 2 done, 1 making, 1 needs you" in told.err


def test_a_line_with_an_outcome_is_not_asked_the_ledger_about() -> None:
    """Its item may stand otherwise there, as that of a line which has another content now."""
    conclusion = Conclusion(ORDER, Attention())
    conclusion.take(RequestEnded(3, Outcome(0, VideoRequest("A video"), None), End.CHANGED))
    assert [line for line in range(9) if conclusion.has_told(line)] == [3]
