"""`motion_async.cli.keys.settings`: the environment, and a `.env` in this folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from motion_async.cli.keys.settings import Settings, read_environment, read_file
from motion_async.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("without_key")


def write(text: str | bytes, mode: int = 0o600) -> Path:
    path = Path(".env")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_the_environment_says_five_things(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable says nothing."""
    monkeypatch.setenv("MOTION_API_KEY", "motion_a")
    monkeypatch.setenv("MOTION_PROFILE", "client-a")
    monkeypatch.setenv("MOTION_BASE_URL", "")
    monkeypatch.setenv("MOTION_PLAIN_HTTP_HOSTS", "sandbox")
    monkeypatch.setenv("MOTION_LEDGER", "postgresql://me:hush@db/motion")
    said = Settings(
        api_key="motion_a", profile="client-a", plain_http_hosts="sandbox", ledger="postgresql://me:hush@db/motion"
    )
    assert read_environment() == said
    assert "hush" not in repr(said)


def test_a_file_says_the_same_and_nothing_of_it_comes_into_the_environment() -> None:
    """Quotes, comments, `export` and a byte order mark are as others write them; other names are left alone."""
    write("\ufeffexport MOTION_API_KEY='motion_a' # mine\nMOTION_BASE_URL=https://a.example\nHTTPS_PROXY=http://evil\n")
    before = dict(os.environ)
    assert read_file() == Settings(api_key="motion_a", base_url="https://a.example")
    assert dict(os.environ) == before


def test_nothing_of_the_environment_comes_into_what_a_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base URL in a file can't carry a secret of the environment away."""
    monkeypatch.setenv("SECRET", "tell-nobody")
    write("MOTION_BASE_URL=https://evil.example/${SECRET}\n")
    assert "tell-nobody" not in str(read_file().base_url)


@pytest.mark.parametrize("make", [lambda: None, lambda: Path(".env").mkdir()], ids=["no file", "a folder"])
def test_what_is_no_file_says_nothing(make: object) -> None:
    """Some call a virtual environment so."""
    assert callable(make)
    make()
    assert read_file() == Settings()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(mode: int) -> None:
    """The sentence says how to mend it, and does not show the key."""
    write("MOTION_API_KEY=motion_tell-nobody\n", mode)
    with pytest.raises(ConfigurationError, match=r"other users can write it.*chmod go-w \.env") as caught:
        read_file()
    assert "nobody" not in str(caught.value)


def test_a_file_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner can write it; root's is read by all, and root reads all."""
    owner = write("MOTION_API_KEY=motion_a\n").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        assert read_file().api_key == "motion_a"
        os.chown(".env", 4_711, -1)
    with pytest.raises(ConfigurationError, match="other users can write it"):
        read_file()


def test_a_file_for_other_programs_may_be_as_it_is() -> None:
    """Where it says nothing of ours it is not looked at."""
    write("DATABASE_URL=postgresql://db\n", 0o666)
    assert read_file() == Settings()


def test_a_file_that_is_no_text_is_refused() -> None:
    """What cannot be read may have said whose key is used."""
    write(b"MOTION_API_KEY=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match="it is not UTF-8"):
        read_file()


def test_a_key_and_a_base_url_do_not_show() -> None:
    """A base URL may have a password in it."""
    assert "nobody" not in repr(Settings(api_key="motion_tell-nobody", base_url="https://me:nobody@a.example"))
