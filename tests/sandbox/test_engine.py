"""Tests of `motion_async.sandbox.engine`."""

import json
import random
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from motion_async.sandbox.checks import Submission, read_submission
from motion_async.sandbox.engine import Answer, Engine
from motion_async.sandbox.faults import AwaitInput, Fail, StaleCompleted, StoryFault
from motion_async.sandbox.story import Tempo

START = datetime(2026, 4, 28, 23, 1, 4, 198_000, tzinfo=UTC).timestamp()
# Without spread: created after 3 s, running after 13 s, completed after 193 s.
STEADY = Tempo(spread=0)


def body(prompt: str = "p", **fields: Any) -> Submission:
    return read_submission(json.dumps({"prompt": prompt, **fields}).encode(), content_type="application/json")


class World:
    """An engine with one account, and calls that say only what matters."""

    def __init__(self, *, credits: int = 3_000, seed: int = 0, tempo: Tempo = STEADY) -> None:
        self.engine = Engine(seed=seed, tempo=tempo)
        self.key = self.engine.add_account("ada", credits)

    def create(self, prompt: str = "p", *faults: StoryFault, at: float = 0.0) -> Answer:
        return self.engine.create(self.key, body(prompt), now=START + at, story_faults=lambda *_: faults)

    def followup(self, job_id: str, *faults: StoryFault, at: float) -> Answer:
        return self.engine.followup(self.key, job_id, body("faster"), now=START + at, story_faults=lambda *_: faults)

    def poll(self, job_id: str, at: float) -> dict[str, Any]:
        answer = self.engine.poll(self.key, job_id, now=START + at)
        assert answer.status == 200
        return answer.body


def test_a_create_is_answered_as_documented() -> None:
    """The answer to a create has three fields, and the id is a UUID."""
    answer = World().create()
    job_id = answer.body["job_id"]
    assert answer == Answer(202, {"job_id": job_id, "status": "queued", "status_url": f"/api/motion/sessions/{job_id}"})
    assert str(uuid.UUID(job_id)) == job_id


def test_a_poll_is_answered_as_documented() -> None:
    """A running job shows every field that the documentation shows."""
    world = World()
    job_id = world.create().body["job_id"]
    assert world.poll(job_id, 100) == {
        "job_id": job_id,
        "status": "running",
        "created_at": "2026-04-28T23:01:04.198Z",
        "updated_at": "2026-04-28T23:01:17.198Z",
        "completed_at": None,
        "error": None,
        "pending_user_input": False,
    }


def test_a_completed_job_says_when() -> None:
    """Its last change is its completion."""
    world = World()
    state = world.poll(world.create().body["job_id"], 200)
    assert (state["status"], state["error"]) == ("completed", None)
    assert state["completed_at"] == state["updated_at"] == "2026-04-28T23:04:17.198Z"


def test_a_failed_job_says_why() -> None:
    """Only a job that has failed shows an error, and it is not completed."""
    world = World()
    job_id = world.create("p", Fail("no scene")).body["job_id"]
    assert world.poll(job_id, 100)["error"] is None
    state = world.poll(job_id, 200)
    assert (state["status"], state["error"], state["completed_at"]) == ("failed", "no scene", None)


def test_a_waiting_job_says_so_until_it_is_answered() -> None:
    """Pending input is shown exactly while the job waits for it."""
    world = World()
    job_id = world.create("p", AwaitInput(until_answered=True)).body["job_id"]
    assert world.poll(job_id, 14)["pending_user_input"] is False
    state = world.poll(job_id, 10_000)
    assert (state["status"], state["pending_user_input"]) == ("awaiting_user_input", True)
    world.engine.give_input(job_id, now=START + 10_000)
    state = world.poll(job_id, 10_000)
    assert (state["status"], state["pending_user_input"]) == ("running", False)
    assert world.poll(job_id, 10_200)["status"] == "completed"


def test_an_answer_to_an_unknown_job_is_refused() -> None:
    """What a test mistypes is told to it."""
    with pytest.raises(KeyError):
        World().engine.give_input("nobody", now=START)


def test_a_followup_keeps_the_id_and_starts_a_new_turn() -> None:
    """The job is queued again, was created when it was, and completes at a new time."""
    world = World()
    created = world.create()
    job_id = created.body["job_id"]
    first = world.poll(job_id, 200)
    assert world.followup(job_id, at=300) == created
    state = world.poll(job_id, 300)
    assert (state["status"], state["completed_at"]) == ("queued", None)
    assert state["updated_at"] == "2026-04-28T23:06:04.198Z"
    second = world.poll(job_id, 500)
    assert second["created_at"] == first["created_at"]
    assert second["completed_at"] == "2026-04-28T23:08:05.198Z"
    record = world.engine.records(START + 500)[job_id]
    assert [turn.body["prompt"] for turn in record.turns] == ["p", "faster"]
    assert [str(step.status) for step in record.history] == ["queued", "created", "running", "completed"] * 2
    times = [step.at - START for step in record.history]
    assert times == pytest.approx([0, 3, 13, 193, 300, 303, 313, 421])


@pytest.mark.parametrize("at", [0, 5, 100])
def test_a_followup_needs_a_completed_job(at: float) -> None:
    """Before that it is refused in the documented words, and costs nothing."""
    world = World()
    job_id = world.create().body["job_id"]
    assert world.followup(job_id, at=at) == Answer(
        409,
        {
            "error": "followup_requires_completed_job",
            "message": "Followups can only be created for completed Mosaic Motion jobs.",
            "status": world.poll(job_id, at)["status"],
        },
    )
    assert world.engine.balance(world.key) == 2_700


def test_a_failed_job_takes_no_followup() -> None:
    """Failed is not completed."""
    world = World()
    job_id = world.create("p", Fail()).body["job_id"]
    answer = world.followup(job_id, at=500)
    assert (answer.status, answer.body["status"]) == (409, "failed")


def test_after_a_followup_stale_answers_come_first() -> None:
    """The old completed state is told as often as ordered, while the truth is another."""
    world = World()
    job_id = world.create().body["job_id"]
    before = world.poll(job_id, 200)
    world.followup(job_id, StaleCompleted(polls=2), at=200)
    assert world.engine.records(START + 201)[job_id].status == "queued"
    assert world.followup(job_id, at=201).body["status"] == "queued"
    assert [world.poll(job_id, 201) for _ in range(2)] == [before, before]
    assert world.poll(job_id, 201)["status"] == "queued"


def test_credits_are_spent_and_run_out_as_documented() -> None:
    """Each create and followup takes 300; when less is left, the documented 402 says how much."""
    world = World(credits=1_000)
    job_id = world.create().body["job_id"]
    assert world.followup(job_id, at=200).status == 202
    assert world.create().status == 202
    assert world.create() == Answer(
        402,
        {
            "error": "insufficient_credits",
            "code": "insufficient_credits_minimum_kickoff_balance",
            "message": "Starting a new Mosaic Motion session requires at least 300 credits in your balance.",
            "minimum_required_credits": 300,
            "current_balance": 100,
        },
    )
    assert world.followup(job_id, at=900).status == 402
    assert world.engine.balance(world.key) == 100
    assert len(world.engine.records(START)) == 2
    world.engine.add_credits(world.key, 200)
    assert world.create().status == 202
    assert world.engine.balance(world.key) == 0


def test_another_owner_sees_no_job_of_ours() -> None:
    """A job of another owner is as unknown as one that does not exist."""
    world = World()
    job_id = world.create().body["job_id"]
    other = world.engine.add_account("bob", 300)
    missing = Answer(404, {"error": "Job not found"})
    assert world.engine.poll(other, job_id, now=START) == missing
    assert world.engine.followup(other, job_id, body(), now=START + 200) == missing
    assert world.engine.poll(world.key, "nothing", now=START) == missing
    assert world.engine.balance(other) == 300


@pytest.mark.parametrize("key", [None, "", "motion_unknown"])
def test_without_a_known_key_every_call_is_refused(key: str | None) -> None:
    """The documented 401 comes before anything else is looked at."""
    world = World()
    job_id = world.create().body["job_id"]
    refused = Answer(401, {"error": "Mosaic Motion API key authentication required"})
    assert world.engine.create(key, body(""), now=START) == refused
    assert world.engine.followup(key, job_id, body(""), now=START) == refused
    assert world.engine.poll(key, job_id, now=START) == refused


def test_refusals_come_in_their_order() -> None:
    """404 comes before 400, 400 before 409, and 409 before 402."""
    world = World(credits=300)
    job_id = world.create().body["job_id"]
    empty = body("")

    def followup(job_id: str, submission: Submission, at: float) -> int:
        return world.engine.followup(world.key, job_id, submission, now=START + at).status

    assert followup("nothing", empty, 0) == 404
    assert followup(job_id, empty, 0) == 400
    assert followup(job_id, body(), 0) == 409
    assert followup(job_id, body(), 200) == 402
    assert world.engine.create(world.key, empty, now=START).status == 400


def test_an_invalid_body_is_answered_with_its_problems() -> None:
    """The 400 has the documented shape, and costs nothing."""
    world = World()
    submission = body("", style_reference_url=3)
    answer = world.engine.create(world.key, submission, now=START)
    assert answer == Answer(400, {"error": "Invalid request", "details": list(submission.problems)})
    assert len(submission.problems) == 2
    assert world.engine.balance(world.key) == 3_000


def test_equal_seeds_tell_equal_stories_in_any_order() -> None:
    """What becomes of a body depends on how many equal ones came before, not on what came between."""
    prompts = ["a", "b", "c", "a", "b", "a"]
    stories = []
    for order in (prompts, sorted(prompts), sorted(prompts, reverse=True)):
        world = World(tempo=Tempo(failure_rate=0.5, input_rate=0.5), seed=4)
        for prompt in order:
            world.create(prompt)
        records = world.engine.records(START)
        stories.append({(job.body["prompt"], job_id, job.turns[0].phases) for job_id, job in records.items()})
    assert stories[0] == stories[1] == stories[2]
    assert len(stories[0]) == 6


def test_another_seed_tells_another_story() -> None:
    """The id, the key and the times all come from the seed."""
    first, second = World(seed=1, tempo=Tempo()), World(seed=2, tempo=Tempo())
    ids = [world.create().body["job_id"] for world in (first, second)]
    assert ids[0] != ids[1]
    assert first.key != second.key
    phases = [
        world.engine.records(START)[job_id].turns[0].phases for world, job_id in zip((first, second), ids, strict=True)
    ]
    assert phases[0] != phases[1]


def test_a_fault_drawn_by_chance_does_not_move_the_story() -> None:
    """Asking chance for faults takes nothing from the chance of the times."""

    def drawing(_call: object, _prompts: object, chance: random.Random) -> tuple[StoryFault, ...]:
        chance.random()
        return ()

    plain, asked = World(tempo=Tempo()), World(tempo=Tempo())
    plain.create()
    asked.engine.create(asked.key, body(), now=START, story_faults=drawing)
    phases = [[job.turns[0].phases for job in world.engine.records(START).values()] for world in (plain, asked)]
    assert phases[0] == phases[1]


def test_duplicates_are_equal_creates_of_one_owner() -> None:
    """Only an accepted create that its owner had accepted before counts."""
    world = World()
    other = world.engine.add_account("bob", 300)
    world.create("a")
    world.create("b")
    world.engine.create(other, body("a"), now=START)
    world.engine.create(other, body("a"), now=START)
    assert world.engine.duplicates == 0
    world.create("a")
    world.create("a")
    assert world.engine.duplicates == 2


def test_a_key_is_like_the_service_s() -> None:
    """Keys begin as documented, and one owner has one account."""
    world = World()
    assert world.key.startswith("motion_")
    for owner in ("ada", ""):
        with pytest.raises(ValueError, match="owner must be"):
            world.engine.add_account(owner, 0)


@pytest.mark.parametrize("credits", [-1, 0.5, "300"])
def test_credits_are_whole_numbers(credits: Any) -> None:
    """A balance, an addition and a price that are none are refused."""
    world = World()
    with pytest.raises(ValueError, match="credits must be"):
        world.engine.add_account("bob", credits)
    with pytest.raises(ValueError, match="credits must be"):
        world.engine.add_credits(world.key, credits)
    with pytest.raises(ValueError, match="price must be"):
        Engine(price=credits)


def test_unknown_keys_have_no_balance() -> None:
    """Asking for the balance of nobody is told."""
    with pytest.raises(KeyError):
        World().engine.balance("motion_nobody")
