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
