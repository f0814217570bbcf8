"""Tests of `motion_async.batch.followups`: items are letters here, and jobs digits."""

from motion_async.batch.followups import FollowupQueue


def test_a_followup_waits_for_the_item_that_it_follows() -> None:
    """And begins when that has ended; one that follows what is not under way does not wait."""
    queue: FollowupQueue[str] = FollowupQueue()
    assert not queue.enter("a", key="a", follows=None)
    assert queue.enter("b", key="b", follows="a")
    assert not queue.enter("c", key=None, follows="nobody")
    children = queue.leave("a", key="a")
    assert children == ["b"]
    assert queue.pass_turn("a", children) == ["b"]
    assert not queue.enter("d", key="d", follows="a")


def test_a_job_has_one_turn_at_a_time() -> None:
    """Those that want it next get it in their order; one that is entered again keeps what it has."""
    queue: FollowupQueue[str] = FollowupQueue()
    assert [queue.take_turn(item, "1", has_begun=False) for item in "abca"] == [False, True, True, False]
    assert not queue.take_turn("d", "2", has_begun=False)
    assert queue.pass_turn("a", []) == ("b",)
    assert not queue.take_turn("b", "1", has_begun=False)
    assert queue.pass_turn("b", []) == ("c",)
    assert queue.pass_turn("c", []) == ()
    assert not queue.take_turn("e", "1", has_begun=False)


def test_a_turn_that_has_begun_waits_for_nobody() -> None:
    """Whoever holds the job here: the service has taken it."""
    queue: FollowupQueue[str] = FollowupQueue()
    assert not queue.take_turn("a", "1", has_begun=False)
    assert not queue.take_turn("b", "1", has_begun=True)
    assert queue.take_turn("c", "1", has_begun=False)
    assert queue.pass_turn("b", []) == ()
    assert queue.pass_turn("a", []) == ("c",)


def test_a_turn_that_did_not_begin_after_all_waits_for_those_that_have() -> None:
    """What was refused because the job is at work is sent when the turns under way have ended."""
    queue: FollowupQueue[str] = FollowupQueue()
    assert not queue.take_turn("a", "1", has_begun=False)
    assert not queue.take_turn("b", "1", has_begun=True)
    assert queue.take_turn("a", "1", has_begun=False)
    assert queue.take_turn("c", "1", has_begun=False)
    assert queue.pass_turn("b", ["d"]) == ("d",)
    assert queue.pass_turn("d", []) == ("a",)
    assert not queue.take_turn("a", "1", has_begun=False)
    assert queue.pass_turn("a", []) == ("c",)
    assert queue.pass_turn("c", []) == ()
    assert not any(vars(queue).values())


def test_what_follows_a_turn_comes_before_its_siblings() -> None:
    """So that a followup changes the video that it was written for."""
    queue: FollowupQueue[str] = FollowupQueue()
    assert not queue.take_turn("b", "1", has_begun=True)
    assert queue.take_turn("z", "1", has_begun=False)
    assert not queue.enter("b", key="b", follows=None)
    assert queue.enter("c", key="c", follows="b")
    assert queue.enter("d", key="d", follows="b")
    order = []
    now = queue.pass_turn("b", queue.leave("b", key="b"))
    while now:
        order += now
        now = queue.pass_turn(now[0], queue.leave(now[0], key=now[0]))
    assert order == ["c", "d", "z"]


def test_a_turn_that_nobody_watches_to_its_end_blocks_its_job() -> None:
    """Those that wait for it are given back, and later ones can ask; other jobs have nothing to do with it."""
    queue: FollowupQueue[str] = FollowupQueue()
    assert [queue.take_turn(item, "1", has_begun=False) for item in "abc"] == [False, True, True]
    assert not queue.is_blocked("1")
    assert list(queue.block_turns("1")) == ["b", "c"]
    assert queue.is_blocked("1")
    assert not queue.is_blocked("2")
    assert queue.block_turns("1") == ()
    assert queue.pass_turn("a", []) == ()


def test_what_has_ended_is_forgotten() -> None:
    """A batch may have millions of items."""
    queue: FollowupQueue[int] = FollowupQueue()
    for number in range(100):
        queue.enter(number, key=f"{number}", follows=None)
        queue.enter(-number - 1, key=None, follows=f"{number}")
        queue.take_turn(number, f"job {number}", has_begun=True)
        for child in queue.pass_turn(number, queue.leave(number, key=f"{number}")):
            assert queue.pass_turn(child, queue.leave(child, key=None)) == ()
    assert not any(vars(queue).values())


def test_a_newer_item_of_a_key_is_not_forgotten_with_the_older() -> None:
    """What follows the key waits for the newer one."""
    queue: FollowupQueue[str] = FollowupQueue()
    queue.enter("old", key="k", follows=None)
    queue.enter("new", key="k", follows=None)
    assert queue.leave("old", key="k") == []
    assert queue.enter("child", key=None, follows="k")
