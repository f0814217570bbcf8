"""`motion_async.cli.ledger.address`: paths and URLs of ledgers."""

from pathlib import Path

import pytest

from motion_async.cli.ledger.address import Address, beside, without_password
from motion_async.errors import ConfigurationError
from motion_async.ledger import open_ledger


@pytest.mark.parametrize(
    ("given", "url", "file"),
    [
        ("launch.db", "sqlite:///launch.db", "launch.db"),
        ("/var/launch.db", "sqlite:////var/launch.db", "/var/launch.db"),
        ("with space.db", "sqlite:///with space.db", "with space.db"),
        ("a%20b.db", "sqlite:///a%2520b.db", "a%20b.db"),
        ("100%.db", "sqlite:///100%25.db", "100%.db"),
        ("half\udce9.db", "sqlite:///half\udce9.db", "half\udce9.db"),
        ("sqlite:///launch.db", "sqlite:///launch.db", "launch.db"),
        ("sqlite:///a%20b.db", "sqlite:///a%20b.db", "a b.db"),
        ("sqlite:///%3Amemory%3A", "sqlite:///%3Amemory%3A", None),
        ("sqlite:////var/launch.db", "sqlite:////var/launch.db", "/var/launch.db"),
        ("sqlite://", "sqlite://", None),
        ("postgresql://u:p@host/db", "postgresql://u:p@host/db", None),
    ],
)
def test_a_path_and_a_url_name_the_same(given: str, url: str, file: str | None) -> None:
    """A plain path is that of a SQLite file; a URL stays as it is."""
    address = Address(given)
    assert address.url == url
    assert address.file == (None if file is None else Path(file))


@pytest.mark.parametrize("name", ["a%20b.db", "a b.db", "100%.db", "%.db", "ä#@:+.db"])
@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
async def test_a_ledger_is_made_where_the_address_says(
    name: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that opening makes is the one that is looked for, and no other is made."""
    monkeypatch.chdir(tmp_path)
    address = Address(prefix + name)
    assert not address.exists()
    async with open_ledger(address.url):
        assert address.exists()
    assert [tmp_path / str(address.file)] == list(tmp_path.iterdir())


def test_the_ledger_lies_beside_the_file() -> None:
    """Files of the same name and different formats have different ledgers."""
    assert beside(Path("/a/launch.jsonl")) == Address("/a/launch.jsonl.ledger.db")


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A file that is not there is told of, and stays so."""
    address = Address(str(tmp_path / "no.db"))
    with pytest.raises(ConfigurationError, match=r"there is no ledger .*no\.db"):
        address.check_exists()
    assert list(tmp_path.iterdir()) == []
    Address("postgresql://host/db").check_exists()


@pytest.mark.parametrize("given", ["", "what?.db"])
def test_a_path_that_no_url_can_name_is_refused(given: str) -> None:
    """Rather than opening another file than was meant."""
    with pytest.raises(ConfigurationError, match="cannot be at the path"):
        _ = Address(given).url


def test_a_password_is_shown_nowhere() -> None:
    """It has a word in its place; what has none stays as it is."""
    address = Address("postgresql://me:secret@host:5432/db")
    assert address.shown == "postgresql://me:PASSWORD@host:5432/db"
    assert "secret" not in repr(address)
    assert without_password("https://example.com/a:b@c") == "https://example.com/a:b@c"


@pytest.mark.parametrize(
    ("given", "shown", "pasted"),
    [
        ("postgresql://me:SEC/RET@host/db", "postgresql://me:PASSWORD@host/db", "postgresql://me@host/db"),
        ("postgres://me:SEC%40RET@host:5/db", "postgres://me:PASSWORD@host:5/db", "postgres://me@host:5/db"),
        ("postgresql://me:SEC?RET#@[::1]/db", "postgresql://me:PASSWORD@[::1]/db", "postgresql://me@[::1]/db"),
        ("postgresql://me:SEC@RET@host/db", "postgresql://…", "postgresql://…"),
        ("postgresql://me:SEC@R/ET@host/db", "postgresql://…", "postgresql://…"),
        ("postgresql://me:SECRET@host:port/db", "postgresql://…", "postgresql://…"),
        (
            "postgresql://host/db?user=me&password=SECRET&sslmode=require",
            "postgresql://host/db?sslmode=require",
            "postgresql://host/db?sslmode=require",
        ),
        (
            "--ledger=postgresql://me:SEC/RET@h/db",
            "--ledger=postgresql://me:PASSWORD@h/db",
            "--ledger=postgresql://me@h/db",
        ),
        ("postgresq://me:SEC/RET@host/db", "…", "…"),
        ("postgresql:/me:SECRET@host/db", "…", "…"),
        ("me:SECRET@host/db", "…", "…"),
        ("http://me:SECRET@proxy:3128", "http://proxy:3128", "http://proxy:3128"),
        ("sqlite:///launch.db", "sqlite:///launch.db", "sqlite:///launch.db"),
        ("launch.db", "launch.db", "launch.db"),
        ("someone@example.db", "someone@example.db", "someone@example.db"),
    ],
)
def test_no_part_of_a_password_is_shown_however_it_is_written(given: str, shown: str, pasted: str) -> None:
    """The library that opens a URL takes it apart; one that can be read in two ways is not repeated."""
    assert without_password(given) == shown
    assert without_password(given, word=None) == pasted
    assert "SEC" not in shown + pasted
    assert "RET" not in shown + pasted


@pytest.mark.parametrize("given", ["postgresql://me:a@b@host/db", "postgres://me:a@b/c@host/db", "postgresql://h:x/db"])
def test_a_url_that_can_be_read_in_two_ways_is_refused(given: str) -> None:
    """Rather than being sent to a host that is a part of the password."""
    with pytest.raises(ConfigurationError, match="write %40 for @ and %2F for /") as caught:
        _ = Address(given).url
    assert "a@" not in str(caught.value)
