"""`motion_async.cli.batch.checking`: lines by themselves, and beside those before them."""

from datetime import UTC, datetime

from motion_async.batch.keys import Keys
from motion_async.cli.batch.checking import checked
from motion_async.cli.sheets.filelines import Line
from motion_async.jobs import BatchRequest, VideoRequest

NOW = datetime(2026, 4, 28, tzinfo=UTC)
EXPIRED = "https://storage.example.com/a.png?Signature=a&Expires=1"


def check(*given: BatchRequest | None) -> list[Line]:
    """Check some requests as lines from 1."""
    return list(checked((Line(number, one) for number, one in enumerate(given, 1)), Keys(), now=NOW))


def test_all_that_is_wrong_with_a_line_is_told_at_once() -> None:
    """The contract's problems and those of ids come together, and the line loses its request."""
    bad = VideoRequest("", style_reference_url="https://example.com")
    _, line = check(BatchRequest("A video", id="a"), BatchRequest(bad, id="a", follows="b"))
    assert line.given is None
    assert [problem.partition(":")[0] for problem in line.problems] == ["prompt", "style_reference_url", "id"]
    assert "stands at line 1 already" in line.problems[2]


def test_a_followup_names_a_line_before_it_or_goes_beyond_the_file() -> None:
    """The id of a later line, or of none, may be an item's of the ledger; that of one that can't be sent is none."""
    lines = check(
        BatchRequest("A video", id="good"),
        BatchRequest("", id="bad"),
        BatchRequest("Faster", id="first", follows="good"),
        BatchRequest("Faster", follows="bad"),
        BatchRequest("Faster", follows="late"),
        BatchRequest("A video", id="late"),
        BatchRequest("Slower", follows="first"),
        BatchRequest("Slower", id="me", follows="me"),
    )
    assert [line.number for line in lines if line.problems] == [2, 4, 8]
    assert {line.number: line.beyond for line in lines if line.beyond} == {5: "late"}
    assert lines[7].problems == ("follows: A request cannot follow itself",)


def test_the_id_of_a_line_that_cannot_be_sent_is_free() -> None:
    """A line that is left out takes no id away from another."""
    _, line = check(BatchRequest("", id="a"), BatchRequest("A video", id="a"))
    assert line.given is not None


def test_a_signature_that_has_expired_is_told_apart() -> None:
    """It keeps its request, unless something else is wrong with it too."""
    request = VideoRequest("A video", attachments=[EXPIRED])
    first, second = check(BatchRequest(request, id="a"), BatchRequest(request, id="a"))
    assert (first.given is not None, first.problems) == (True, ())
    assert "expired" in first.expired[0]
    assert (second.given, len(second.problems)) == (None, 2)


def test_an_id_that_is_the_key_of_a_line_without_one_is_refused() -> None:
    """And so is what follows that id, as there is no line that can be sent under it."""
    (plain,) = check(BatchRequest("A video"))
    _, same, after = check(
        BatchRequest("A video"), BatchRequest("B", id=plain.key), BatchRequest("C", follows=plain.key)
    )
    assert "stands at an earlier request" in same.problems[0]
    assert "can be sent" in after.problems[0]


def test_what_asks_for_the_same_is_odd_unless_it_has_an_id() -> None:
    """With the line that asks for it first."""
    lines = check(*(BatchRequest("A video", id=key) for key in (None, "a", None)))
    assert [line.odd for line in lines] == [(), (), ("asks for the same as line 1, and has no id of its own",)]
    assert len({line.key for line in lines}) == 3


def test_lines_that_could_not_be_read_pass() -> None:
    """What has a problem already keeps it."""
    line = Line(1, None, ("is no JSON",))
    assert list(checked([line], Keys(), now=NOW)) == [line]


def test_half_a_character_breaks_nothing() -> None:
    """An id that is no text is a problem like any other."""
    _, line = check(BatchRequest("A video", id="\ud800"), BatchRequest("Faster", follows="\ud800"))
    assert line.problems
