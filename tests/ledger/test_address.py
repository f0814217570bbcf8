"""Tests of `motion_async.ledger.address`: what the URL of a ledger says, and that no password in it is shown."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from motion_async import ConfigurationError, LedgerError
from motion_async.ledger import open_ledger
from motion_async.ledger.address import read_address, read_kind
from tests.ledger.conftest import entries

BEGINNING = "QXZW"
END = "JVKY"


def all_of(error: BaseException) -> str:
    """All that a log or a crash report may show of an error."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    told = [f"{link} {link!r} {vars(link)}" for link in chain]
    return "".join([*told, *traceback.format_exception(error), repr(pickle.dumps(error))])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:QXZW/JVKY@host:5/db", "postgresql://me@host:5/db"),
        ("postgresql://me:QXZW%2FJVKY@host/db", "postgresql://me@host/db"),
        ("postgresql://me:QXZW%40JVKY@host/db", "postgresql://me@host/db"),
        ("postgresql://me:QXZW#JVKY@host/db", "postgresql://me@host/db"),
        ("postgresql://me:QXZW?JVKY@host/db", "postgresql://me@host/db"),
        ("postgresql://me:QXZW%JVKY@host/db", "postgresql://me@host/db"),
        ("postgresql://me:QXZW:JVKY@host/db", "postgresql://me@host/db"),
        ("postgres://me@host/db", "postgresql://me@host/db"),
        ("postgresql://me:QXZW@/db?host=/run/postgresql", "postgresql://me@/db"),
        ("postgresql://me%40corp:QXZW@[::1]/db?host=h&port=5&sslmode=require", "postgresql://me%40corp@[::1]/db"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    """The library that opens it takes it apart, so that both know the same password."""
    address = read_address(url)
    assert address.shown == shown
    assert address.server is not None
    assert address.server.password == make_url(url.replace("postgres:", "postgresql:")).password
    assert BEGINNING not in repr(address)
    assert END not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:QXZW@JVKY@host/db", "postgresql://me:QXZW@JVKY/more@host/db", "postgresql://me:a@QXZW?JVKY=1@h/d",
        "postgresql://host:5432/db?password=QXZW@JVKY", "postgresql://host/db?user=me&password=QXZW",
        "postgresql://host/db?sslpassword=QXZW", "postgresql://host/db?QXZW=JVKY", "postgresql://host/db?passwort=QXZW",
        "postgresql://me:QXZW@host:JVKY/db", "postgresql://me:QXZW@host:5x/db", "postgresql://me:a@h/db?port=QXZW",
        "postgresql://me:a@h/db?sslmode=QXZW", "postgresql://me:a@h/db?port=1&port=QXZW",
        "postgresql:/me:QXZW@host/db", "postgresql:me:QXZW@host/db", "postgresq://me:QXZW@host/db", "//me:QXZW@host/db",
        "postgresql+asyncpg://me:QXZW@host/db", "me:QXZW@host/db", "host=h user=me password=QXZW dbname=d",
        " postgresql://me:QXZW@host/db", "POSTGRESQL://me:QXZW@host/db", "mysql://me:QXZW@host/db",
        "sqlite://me:QXZW@host/db", "sqlite://me:QXZW@/file.db", "sqlite:///file.db?key=QXZW", "sqlite:file.db?k=QXZW",
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_not_repeated(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows where the password is in it: neither message nor log, nor anything that hangs on the error."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConfigurationError) as caught:
        async with open_ledger(url):
            pass
    told = "".join(line for line in all_of(caught.value).splitlines() if "open_ledger(url" not in line) + caplog.text
    assert BEGINNING not in told
    assert END not in told
    assert "ledger's URL" in str(caught.value)


@given(st.text(st.sampled_from("aZ/@#?%:=&[] \\"), max_size=12), st.sampled_from(["db", "db?sslmode=require"]))
def test_no_password_is_shown_in_part(middle: str, rest: str) -> None:
    """Whatever stands in it: the address is taken apart as it was meant, or not at all."""
    url = f"postgresql://me:{BEGINNING}{middle}{END}@host/{rest}"
    try:
        told = read_address(url).shown
    except ConfigurationError as error:
        told = str(error)
    else:
        assert told == "postgresql://me@host/db"
    assert BEGINNING not in told
    assert END not in told


@pytest.mark.parametrize("url", ["sqlite:///a b.db", "sqlite://"])
def test_a_file_is_shown_whole(url: str) -> None:
    """It has no secret."""
    assert (read_kind(url), read_address(url).shown) in (("sqlite", "a b.db"), ("sqlite", "in memory"))


@pytest.fixture
async def talkative(request: pytest.FixtureRequest) -> Any:
    """A server that asks for the password in the clear, and repeats it in its complaint."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def message() -> bytes:
            length = int.from_bytes(await reader.readexactly(4), "big")
            return await reader.readexactly(length - 4)

        first = await message()
        if first[:4] == (80_877_103).to_bytes(4, "big"):  # it is asked for TLS, and has none
            writer.write(b"N")
            await message()
        writer.write(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
        await reader.readexactly(1)
        given = (await message()).rstrip(b"\0")
        fields = b"SFATAL\0C28P01\0Mpassword " + given + b" is wrong\0\0"
        writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("where", ["in the URL", "in the environment"])
async def test_a_server_that_repeats_the_password_is_not_repeated(
    talkative: int, where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever the password came from: no error, no context of one and no log has it."""
    caplog.set_level(logging.DEBUG)
    login = "me"
    if where == "in the URL":
        login = f"me:{BEGINNING}%2F{END}"
    else:
        monkeypatch.setenv("PGPASSWORD", f"{BEGINNING}/{END}")
    with pytest.raises(LedgerError, match="password … is wrong") as caught:
        async with open_ledger(f"postgresql://{login}@127.0.0.1:{talkative}/db", patience=0):
            pass
    told = all_of(caught.value) + caplog.text
    assert BEGINNING not in told
    assert END not in told
    assert f"postgresql://me@127.0.0.1:{talkative}/db" in str(caught.value)


async def test_a_ledger_with_a_password_shows_itself_without(fresh_postgres: str) -> None:
    """In its repr, and when it is used after its end; a server that trusts everybody takes any password."""
    url = fresh_postgres.replace("postgres@", f"postgres:{BEGINNING}/{END}@")
    async with open_ledger(url) as ledger:
        await ledger.plan("launch", entries("hero"))
    with pytest.raises(LedgerError) as caught:
        await ledger.counts()
    told = all_of(caught.value) + repr(ledger) + repr(ledger._store._engine)
    assert BEGINNING not in told
    assert END not in told
