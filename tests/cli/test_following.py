"""`motion_async.cli.following`: create, follow up, ask and watch, run in this process against a sandbox."""

from collections.abc import Callable
from typing import Any

import pytest

from motion_async.jobs import JobState, JobStatus
from motion_async.ledger.items import is_unnamed
from motion_async.sandbox import (
    AwaitInput,
    Fail,
    LostAnswer,
    NewStatus,
    RateLimited,
    Sandbox,
    ServerError,
)
from motion_async.session import MotionSession

Command = Callable[..., tuple[int, list[dict[str, Any]], str]]
UNKNOWN = "00000000-0000-4000-8000-000000000000"

pytestmark = pytest.mark.usefixtures("fast_polls")


def finished(command: Command, prompt: str = "A video") -> str:
    """Make a video, and give its job's id."""
    status, lines, _ = command("generate", prompt)
    assert status == 0
    return str(lines[0]["job_id"])


def events(lines: list[dict[str, Any]]) -> list[str]:
    """Give what the lines are, without the changes in between."""
    return [line["event"] for line in lines if line["event"] != "transition"]


def test_generate_tells_the_id_first_and_the_result_last(sandbox: Sandbox, command: Command) -> None:
    """The first line has the job's id, then come the changes in order, and the last is the result."""
    status, lines, said = command("generate", "A 15 second launch video for a calendar app")
    assert (status, said) == (0, "")
    (job_id,) = sandbox.jobs
    key = lines[0].pop("key")
    assert lines[0] == {"event": "accepted", "job_id": job_id, "followup": False, "metadata": None}
    assert is_unnamed(key)
    changes = lines[1:-1]
    assert {line["event"] for line in changes} == {"transition"}
    assert [line["previous"] for line in changes] == [None, *(line["current"] for line in changes[:-1])]
    assert (changes[0]["current"], changes[-1]["current"]) == ("queued", "completed")
    assert lines[-1]["event"] == "result"
    assert lines[-1]["state"] == changes[-1]["state"]


def test_a_job_that_fails_exits_with_1(sandbox: Sandbox, command: Command) -> None:
    """A failed job is an error with the service's reason, on stdout and on stderr."""
    sandbox.faults.next(Fail("The attachment is no image."))
    status, lines, said = command("generate", "A video")
    assert status == 1
    assert lines[-1]["error"] == "JobFailedError"
    assert lines[-1]["job_id"] == lines[0]["job_id"]
    assert said.count("\n") == 1
    assert "The attachment is no image" in said


def test_a_job_that_waits_for_input_is_waited_for(sandbox: Sandbox, command: Command) -> None:
    """A wait for a person, or a status that nobody has named, is a change like any other."""
    sandbox.faults.next(AwaitInput())
    sandbox.faults.next(NewStatus("polishing"))
    status, _, _ = command("generate", "A video")
    assert status == 0
    (job,) = sandbox.jobs.values()
    assert {"awaiting_user_input", "polishing"} <= {step.status for step in job.history}


def test_a_request_that_breaks_the_contract_is_wrong_use(sandbox: Sandbox, command: Command) -> None:
    """Every problem of the request is named, and nothing is sent."""
    status, lines, said = command("generate", "", "--style", "https://evil-youtube.com/x", "--attach", "nowhere")
    assert status == 2
    assert events(lines) == ["error"]
    assert lines[0]["error"] == "InvalidRequestError"
    for place in ("prompt", "style_reference_url", "attachments[0].url"):
        assert place in said
    assert sandbox.counts.creates == 0


@pytest.mark.parametrize("timeout", ["-1", "nan"])
def test_a_timeout_out_of_bounds_costs_nothing(timeout: str, sandbox: Sandbox, command: Command) -> None:
    """A timeout that cannot be is refused before anything is paid for."""
    status, lines, _ = command("generate", "A video", "--timeout", timeout)
    assert (status, lines[0]["error"]) == (2, "ConfigurationError")
    assert sandbox.counts.creates == 0


def test_too_few_credits_are_a_refusal(sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 402 exits with 3 and says where to add credits."""
    monkeypatch.setenv("MOTION_API_KEY", sandbox.add_account("a poor owner", 299))
    status, lines, said = command("generate", "A video")
    assert (status, lines[0]["error"], lines[0]["http_status"]) == (3, "InsufficientCreditsError", 402)
    assert "https://motion.so" in said


@pytest.mark.usefixtures("sandbox")
def test_an_unknown_key_is_a_refusal_that_does_not_show_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 401 exits with 3, names the variable and the command that tells more, and shows the key nowhere."""
    monkeypatch.setenv("MOTION_API_KEY", "motion_of_nobody_1234")
    status, lines, said = command("generate", "A video")
    assert (status, lines[0]["error"]) == (3, "AuthenticationError")
    assert "MOTION_API_KEY" in said
    assert "`motion-async check` says where it came from" in said
    assert "of_nobody" not in said + str(lines)


@pytest.mark.parametrize("key", [None, "", "sk-wrong-form", "motion_", "motion_a b"])
def test_a_key_that_cannot_be_one_is_wrong_use(
    key: str | None, sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing key, or one of another form, is found before anything is sent."""
    if key is None:
        monkeypatch.delenv("MOTION_API_KEY")
    else:
        monkeypatch.setenv("MOTION_API_KEY", key)
    for argv in (["generate", "A video"], ["followup", "a", "b"], ["status", "a"], ["watch", "a"]):
        status, lines, said = command(*argv)
        assert (status, lines[0]["error"]) == (2, "ConfigurationError")
        assert "key" in said.lower()
    assert sandbox.counts.creates == sandbox.counts.polls == 0


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(("name", "expected"), [("cancelled", 1), ("succeeded", 0), ("polishing", 0)])
def test_a_failure_under_another_name_exits_with_1(
    name: str, expected: int, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` judges it as a `failed`, and shows it as it came."""

    async def poll(_: MotionSession, job_id: str) -> JobState:
        return JobState(job_id, JobStatus(name))

    monkeypatch.setattr(MotionSession, "poll", poll)
    status, lines, _ = command("status", UNKNOWN)
    assert (status, lines[0]["state"]["status"]) == (expected, name)


def test_the_base_url_may_be_an_option(sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--base-url` goes before the environment's."""
    monkeypatch.setenv("MOTION_BASE_URL", "http://127.0.0.1:1/elsewhere")
    assert command("status", UNKNOWN, "--base-url", sandbox.url)[0] == 3


def test_a_base_url_that_would_show_the_key_is_wrong_use(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http to another machine is refused."""
    monkeypatch.setenv("MOTION_API_KEY", "motion_something")
    status, _, said = command("status", UNKNOWN, "--base-url", "http://example.com")
    assert status == 2
    assert "use https" in said


@pytest.mark.parametrize("fault", [LostAnswer(), ServerError(502, html=True), ServerError(503, taken=True)])
def test_a_create_whose_answer_is_lost_is_uncertain(fault: Any, sandbox: Sandbox, command: Command) -> None:
    """Where a job may exist the exit status is 4, the sentence says where to look, nothing is sent again."""
    sandbox.faults.next(fault, on="create")
    status, lines, said = command("generate", "A video")
    assert (status, lines[0]["error"]) == (4, "CreateUncertainError")
    assert "look at https://motion.so before you send it again" in said
    assert sandbox.counts.creates == 1


def test_a_service_that_is_not_there_is_unreachable(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no connection can be made the exit status is 4, and the sentence says what to check."""
    monkeypatch.setattr("motion_async.client._POLL_ATTEMPTS", 1)
    monkeypatch.setenv("MOTION_API_KEY", "motion_something")
    status, lines, said = command("status", UNKNOWN, "--base-url", "http://127.0.0.1:1")
    assert (status, lines[0]["error"], lines[0]["job_id"]) == (4, "ConnectFailedError", UNKNOWN)
    assert "check the network and the base URL" in said


def test_a_deadline_that_passes_is_4_and_the_job_can_be_watched(sandbox: Sandbox, command: Command) -> None:
    """`--timeout` ends the wait alone: the sentence has the command that waits on, and that command works."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    status, lines, said = command("generate", "A video", "--timeout", "0.3")
    job_id = lines[0]["job_id"]
    assert (status, lines[-1]["error"]) == (4, "WaitTimeoutError")
    assert f"motion-async watch -- {job_id}" in said
    sandbox.give_input(job_id)
    assert command("watch", job_id)[0] == 0


def test_followup_waits_for_the_new_turn(sandbox: Sandbox, command: Command) -> None:
    """A followup keeps the id, and its result is the new turn's."""
    job_id = finished(command)
    first = command("status", job_id)[1][0]["state"]["completed_at"]
    status, lines, _ = command("followup", job_id, "Make the pacing faster")
    assert status == 0
    [accepted] = [line for line in lines if line["event"] == "accepted"]
    assert (accepted["job_id"], accepted["followup"]) == (job_id, True)
    assert lines[-1]["event"] == "result"
    assert lines[-1]["state"]["completed_at"] > first
    assert sandbox.counts.followups_accepted == 1


def test_followup_of_a_job_at_work_is_refused(sandbox: Sandbox, command: Command) -> None:
    """A 409 exits with 3."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    job_id = command("generate", "A video", "--timeout", "0")[1][0]["job_id"]
    status, lines, said = command("followup", job_id, "faster")
    assert (status, lines[-1]["error"]) == (3, "FollowupNotAllowedError")
    assert "wait for it to complete" in said


@pytest.mark.usefixtures("sandbox")
def test_followup_of_an_unknown_job_is_refused(command: Command) -> None:
    """A 404 exits with 3."""
    status, lines, _ = command("followup", UNKNOWN, "faster")
    assert (status, lines[-1]["error"]) == (3, "JobNotFoundError")


def test_status_asks_each_job_once(sandbox: Sandbox, command: Command) -> None:
    """Each job is polled once, however often it is named, and each has its line."""
    first, second = finished(command, "one"), finished(command, "two")
    before = sandbox.counts.polls
    status, lines, _ = command("status", first, second, first)
    assert status == 0
    assert sandbox.counts.polls == before + 2
    assert sorted(line["job_id"] for line in lines) == sorted([first, second])
    assert {line["event"] for line in lines} == {"state"}


def test_status_of_a_failed_job_is_1_and_the_worst_counts(sandbox: Sandbox, command: Command) -> None:
    """A failed job gives 1; a job that is not there counts more, and hides no other."""
    good = finished(command)
    sandbox.faults.next(Fail())
    bad = command("generate", "A bad video")[1][0]["job_id"]
    assert command("status", bad, good)[0] == 1
    status, lines, _ = command("status", bad, UNKNOWN, good)
    assert status == 3
    assert sorted(events(lines)) == ["error", "state", "state"]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("job_id", ["", ".", "..", "a\nb"])
def test_what_cannot_be_an_id_is_wrong_use(job_id: str, command: Command) -> None:
    """An impossible id is never sent."""
    assert command("status", job_id)[0] == 2
    assert command("watch", job_id)[0] == 2


def test_a_poll_in_trouble_is_made_again(sandbox: Sandbox, command: Command) -> None:
    """While jobs are waited for, trouble that passes is told of and survived."""
    sandbox.faults.next(ServerError(503), on="poll")
    status, lines, said = command("generate", "A video")
    assert status == 0
    assert events(lines) == ["accepted", "disturbed", "result"]
    assert lines[2]["error"] == "ServiceUnavailableError"
    assert said.count("motion-async: a poll failed, made again in ") == said.count("\n") == 1


def test_fewer_calls_are_told_of(sandbox: Sandbox, command: Command) -> None:
    """When the service asks for fewer calls, that is told."""
    sandbox.faults.next(RateLimited(retry_after=0), on="poll")
    status, lines, _ = command("generate", "A video")
    assert status == 0
    assert sorted(events(lines)) == ["accepted", "disturbed", "result", "slowed"]


def test_watch_ends_when_all_have_ended(sandbox: Sandbox, command: Command) -> None:
    """Several jobs are followed together, each to a line of its own, and the worst end is the exit status."""
    sandbox.faults.for_prompt("bad", Fail())
    jobs = [command("generate", prompt, "--timeout", "0")[1][0]["job_id"] for prompt in ("a", "bad", "c")]
    status, lines, _ = command("watch", *jobs, jobs[0])
    assert status == 1
    ends = {line["job_id"]: line["event"] for line in lines if line["event"] in {"result", "error"}}
    assert ends == {jobs[0]: "result", jobs[1]: "error", jobs[2]: "result"}
    for job_id in jobs:
        of_job = [line["event"] for line in lines if line.get("job_id") == job_id]
        assert of_job[:-1] == ["transition"] * (len(of_job) - 1)


def test_watch_goes_on_beside_a_job_that_is_not_there(sandbox: Sandbox, command: Command) -> None:
    """A job that nobody knows is told at once, and the others are followed to their end."""
    job_id = finished(command)
    status, lines, _ = command("watch", UNKNOWN, job_id)
    assert status == 3
    assert sorted(events(lines)) == ["error", "result"]
    assert sandbox.counts.refused == {404: 1}


def test_watch_has_a_deadline(sandbox: Sandbox, command: Command) -> None:
    """When the deadline passes, the jobs that have not ended are told with what to do."""
    job_id = finished(command)
    sandbox.faults.next(AwaitInput(until_answered=True))
    open_job = command("generate", "another", "--timeout", "0")[1][0]["job_id"]
    status, lines, said = command("watch", open_job, job_id, "--timeout", "1")
    assert status == 4
    assert sorted(events(lines)) == ["error", "result"]
    assert said.count("motion-async:") == 1
    assert open_job in said


def test_a_job_that_is_named_twice_in_two_ways_is_one(sandbox: Sandbox, command: Command) -> None:
    """A UUID in capitals, as databases give it back, is the same job."""
    command("generate", "A video")
    [job_id] = sandbox.jobs
    for asked in ("status", "watch"):
        status, lines, _ = command(asked, job_id.upper(), job_id)
        assert status == 0
        assert {line["job_id"] for line in lines} == {job_id}
        assert len(lines) == 1 if asked == "status" else lines
