"""Tests of `motion_async.batch.followups`: items are letters here, and jobs digits."""

from motion_async.batch.followups import Lineage


def test_a_followup_waits_for_the_item_that_it_follows() -> None:
    """And begins when that has ended; one that follows what is not under way does not wait."""
    lineage: Lineage[str] = Lineage()
    assert not lineage.enter("a", key="a", follows=None)
    assert lineage.enter("b", key="b", follows="a")
    assert not lineage.enter("c", key=None, follows="nobody")
    children = lineage.leave("a", key="a")
    assert children == ["b"]
    assert lineage.pass_turn("a", children) == ["b"]
    assert not lineage.enter("d", key="d", follows="a")


def test_a_job_has_one_turn_at_a_time() -> None:
    """Those that want it next get it in their order; one that is entered again keeps what it has."""
    lineage: Lineage[str] = Lineage()
    assert [lineage.take_turn(item, "1", has_begun=False) for item in "abca"] == [False, True, True, False]
    assert not lineage.take_turn("d", "2", has_begun=False)
    assert lineage.pass_turn("a", []) == ("b",)
    assert not lineage.take_turn("b", "1", has_begun=False)
    assert lineage.pass_turn("b", []) == ("c",)
    assert lineage.pass_turn("c", []) == ()
    assert not lineage.take_turn("e", "1", has_begun=False)


def test_a_turn_that_has_begun_waits_for_nobody() -> None:
    """Whoever holds the job here: the service has taken it."""
    lineage: Lineage[str] = Lineage()
    assert not lineage.take_turn("a", "1", has_begun=False)
    assert not lineage.take_turn("b", "1", has_begun=True)
    assert lineage.take_turn("c", "1", has_begun=False)
    assert lineage.pass_turn("b", []) == ()
    assert lineage.pass_turn("a", []) == ("c",)


def test_a_turn_that_did_not_begin_after_all_waits_for_those_that_have() -> None:
    """What somebody else was sending, and was refused, is sent when the turns under way have ended."""
    lineage: Lineage[str] = Lineage()
    assert not lineage.take_turn("a", "1", has_begun=True)
    assert not lineage.take_turn("b", "1", has_begun=True)
    assert lineage.take_turn("a", "1", has_begun=False)
    assert lineage.take_turn("c", "1", has_begun=False)
    assert lineage.pass_turn("b", ["d"]) == ("d",)
    assert lineage.pass_turn("d", []) == ("a",)
    assert not lineage.take_turn("a", "1", has_begun=False)
    assert lineage.pass_turn("a", []) == ("c",)
    assert lineage.pass_turn("c", []) == ()
    assert not any(vars(lineage).values())


def test_what_follows_a_turn_comes_before_its_siblings() -> None:
    """So that a followup changes the video that it was written for."""
    lineage: Lineage[str] = Lineage()
    assert not lineage.take_turn("b", "1", has_begun=True)
    assert lineage.take_turn("z", "1", has_begun=False)
    assert not lineage.enter("b", key="b", follows=None)
    assert lineage.enter("c", key="c", follows="b")
    assert lineage.enter("d", key="d", follows="b")
    order = []
    now = lineage.pass_turn("b", lineage.leave("b", key="b"))
    while now:
        order += now
        now = lineage.pass_turn(now[0], lineage.leave(now[0], key=now[0]))
    assert order == ["c", "d", "z"]


def test_a_turn_that_nobody_watches_to_its_end_blocks_its_job() -> None:
    """Those that wait for it are given back, and later ones can ask; other jobs have nothing to do with it."""
    lineage: Lineage[str] = Lineage()
    assert [lineage.take_turn(item, "1", has_begun=False) for item in "abc"] == [False, True, True]
    assert not lineage.is_blocked("1")
    assert list(lineage.block_turns("a")) == ["b", "c"]
    assert lineage.is_blocked("1")
    assert not lineage.is_blocked("2")
    assert lineage.block_turns("d") == ()
    assert lineage.pass_turn("a", []) == []


def test_what_has_ended_is_forgotten() -> None:
    """A batch may have millions of items."""
    lineage: Lineage[int] = Lineage()
    for number in range(100):
        lineage.enter(number, key=f"{number}", follows=None)
        lineage.enter(-number - 1, key=None, follows=f"{number}")
        lineage.take_turn(number, f"job {number}", has_begun=True)
        for child in lineage.pass_turn(number, lineage.leave(number, key=f"{number}")):
            assert lineage.pass_turn(child, lineage.leave(child, key=None)) == ()
    assert not any(vars(lineage).values())


def test_a_newer_item_of_a_key_is_not_forgotten_with_the_older() -> None:
    """What follows the key waits for the newer one."""
    lineage: Lineage[str] = Lineage()
    lineage.enter("old", key="k", follows=None)
    lineage.enter("new", key="k", follows=None)
    assert lineage.leave("old", key="k") == []
    assert lineage.enter("child", key=None, follows="k")
