"""`motion_async.cli.batch.order`: what follows from the options of a batch, and which make no sense."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from motion_async.cli.arguments import Access
from motion_async.cli.batch.order import BatchOptions, BatchOrder, place_order
from motion_async.cli.commandline import typed
from motion_async.cli.ledger.address import PASSWORD_HINT, Address
from motion_async.errors import ConfigurationError

URL = "postgresql://me:SECRET@db.example/motion"
OPTIONS = BatchOptions(ledger_name="l.db")


def ordered(file: str, options: BatchOptions = OPTIONS) -> BatchOrder:
    """Place an order of which nobody is told anything."""
    return place_order(file, options, Access(), pytest.fail)


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What was typed behind the program's name."""
    token = typed.set(request.param)
    yield request.param
    typed.reset(token)


@pytest.mark.parametrize(
    ("file", "name", "batch"),
    [("videos/launch.csv", None, "launch"), ("-", None, "stdin"), ("launch.csv", "autumn", "autumn")],
)
def test_a_batch_has_the_name_that_was_given_or_the_files(file: str, name: str | None, batch: str) -> None:
    """And it is known who has named it."""
    order = ordered(file, attrs.evolve(OPTIONS, batch_name=name))
    assert (order.batch, order.is_named) == (batch, name is not None)


def test_the_ledger_is_the_named_one_or_the_fleets() -> None:
    """Without either one it is found elsewhere."""
    assert ordered("launch.csv").ledger == Address("l.db")
    order = ordered("launch.csv", BatchOptions(fleet=URL))
    assert (order.ledger, order.is_for_fleet) == (Address(URL), True)


def test_a_ledger_beside_the_file_is_told_of(tmp_path: Path) -> None:
    """As nobody has named it."""
    told: list[str] = []
    file = tmp_path / "launch.csv"
    ledger = tmp_path / "launch.csv.ledger.db"
    ledger.touch()
    assert place_order(str(file), BatchOptions(), Access(), told.append).ledger == Address(str(ledger))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("file", "options", "words"),
    [
        ("--frobnicate", OPTIONS, "there is no option --frobnicate"),
        (URL, OPTIONS, "a ledger's address goes behind --ledger"),
        ("a.csv", BatchOptions(only=("hero",)), "says which failed lines --retry-failed makes anew"),
        ("a.csv", BatchOptions(fleet=URL, ledger_name="l.db"), "say --fleet or --ledger"),
        ("a.csv", BatchOptions(batch_name=""), "--batch must be 1 to 512"),
        ("a.csv", BatchOptions(max_active=0), "--max-active must be a number from 1"),
        ("a.csv", BatchOptions(limit=-1), "--limit must be a number from 0"),
    ],
)
def test_what_makes_no_sense_is_refused(file: str, options: BatchOptions, words: str) -> None:
    """Before anything is read, and no password is shown."""
    with pytest.raises(ConfigurationError, match=words) as refused:
        ordered(file, options)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (["batch", "a.csv", "--only", "hero", "--retry-failed", "--only=teaser", "-y"], "motion-async batch a.csv -y"),
        (
            ["batch", "a.csv", "--ledger", URL],
            f"motion-async batch a.csv --ledger postgresql://me@db.example/motion ({PASSWORD_HINT})",
        ),
    ],
    indirect=["line"],
)
@pytest.mark.usefixtures("line")
def test_the_command_goes_on_and_makes_nothing_anew(command: str) -> None:
    """It is the one that was typed, without a password, and without what was asked for once."""
    assert ordered("a.csv").command == command


@pytest.mark.parametrize("line", [["batch", "-"]], indirect=True)
@pytest.mark.usefixtures("line")
def test_the_command_says_that_it_reads_the_same_input() -> None:
    """As that is nothing that can be typed again."""
    assert ordered("-").command == "motion-async batch - < the same input"


def test_an_order_shows_no_password() -> None:
    """Neither do the options."""
    for options in (BatchOptions(fleet=URL), BatchOptions(ledger_name=URL)):
        assert "SECRET" not in repr(options) + repr(ordered("a.csv", options))
