"""`motion_async.cli.report.page`: what of a ledger gets into the page, and what does not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

from motion_async.cli.report import page
from motion_async.cli.report.page import write_report
from motion_async.errors import ConfigurationError, InvalidRequestError
from motion_async.jobs import Attachment
from motion_async.ledger import open_ledger
from motion_async.problems import Problem
from tests.cli.report.ledgers import BEGAN, Turn, films, write_ledger

SIGNED = "https://storage.example.com/a.png?X-Amz-Signature=secret"


async def report(path: Path, turns: Sequence[Turn], batch: str = "autumn") -> tuple[str, dict[str, Any]]:
    """Make a report of some turns, and give its text and its data."""
    await write_ledger(path / "l.db", turns, batch)
    return await read(path, batch)


async def read(path: Path, batch: str = "autumn") -> tuple[str, dict[str, Any]]:
    async with open_ledger(f"sqlite:///{path}/l.db", read_only=True) as ledger:
        await write_report(path / "report.html", ledger, batch)
    text = (path / "report.html").read_text(encoding="utf-8")
    return text, data_of(text)


def data_of(text: str) -> dict[str, Any]:
    """Give what a page shows."""
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(data)  # type: ignore[no-any-return]


async def test_it_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    """The browser is told so, and runs what stands in it by its hash and nothing else; text never becomes markup."""
    text, _ = await report(tmp_path, films(2))
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', text)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for tag in ("script", "style"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert rules.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert (rules.pop("img-src"), rules.pop("require-trusted-types-for")) == ("data:", "'script'")
    assert set(rules.values()) == {"'none'"}
    assert "default-src" in rules
    assert text.index("Content-Security-Policy") < text.index("<style>")
    assert set(re.findall(r"(?:https?:)?//[\w.-]+\w", text.partition('id="data"')[0])) == {"http://www.w3.org"}
    assert not re.search(r"(inner|outer|Adjacent)HTML|document\.write|\bstyle=|\son\w+=|@import|url\(", text)


async def test_no_secret_is_in_it(tmp_path: Path) -> None:
    """No query of a URL and no key, wherever it stands, nor which process has sent anything."""
    words = f"see {SIGNED} and motion_0123SECRETkey"
    turn = Turn(
        key=f"{SIGNED}&id=1",
        prompt=words,
        state="failed",
        error=words,
        metadata={"a": [words], "url": SIGNED},
        attachments=[Attachment(SIGNED, name=words, type="image")],
        style="https://www.youtube.com/watch?si=SECRET&v=dQw4w9WgXcQ&token=SECRET",
        extra={"video_url": SIGNED, "more": {"x": [words]}},
    )
    refused = Turn(key="refused", state="rejected", error=words)
    text, data = await report(tmp_path, [turn, refused])
    assert "secret" not in text.partition('id="data"')[2].partition("</script>")[0].casefold()
    assert "host:1:owner" not in text
    item, _ = data["items"]
    assert item["prompt"] == "see https://storage.example.com/a.png?… and …"
    assert item["style"] == "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
    assert item["more"]["video_url"] == "https://storage.example.com/a.png?…"
    assert item["exact"] is False


async def test_no_text_ends_the_element_that_it_stands_in(tmp_path: Path) -> None:
    """Whoever wrote it; and a text of braces is none of the page's own places."""
    hostile = "</script><!--<script>{{data}}{{policy}}"
    text, data = await report(tmp_path, [Turn(key=hostile, prompt=f"{hostile}\u2028", error=hostile)], batch=hostile)
    (item,) = data["items"]
    assert (data["batch"], item["key"], item["prompt"]) == (hostile, hostile, f"{hostile}\u2028")
    assert text.count("<script") == text.count("</script>") == 2
    assert "<!--" not in text


async def test_it_has_each_item_with_its_course(tmp_path: Path) -> None:
    """When it was planned, sent and done, what it follows, and all that happened in between."""
    _, data = await report(tmp_path, films(3))
    first, change, failed, waiting = data["items"]
    began = round(BEGAN.timestamp() * 1_000)
    assert (first["planned"], first["sent"], first["done"]) == (began, began, began + 60_000)
    assert (change["follows"], first["follows"]) == (first["id"], None)
    assert (failed["error"], failed["state"]) == ("Scene 1 could not be rendered.", "failed")
    assert (waiting["word"], waiting["done"], data["whole"]) == ("needs you", None, True)
    course = [row[1:4] for row in data["changes"] if row[0] == first["id"]]
    assert course == [
        [began, "intent", None],
        [began, "submitted", "queued"],
        [began + 10_000, None, "created"],
        [began + 20_000, None, "running"],
        [began + 60_000, "completed", "completed"],
    ]


async def test_it_has_of_a_refusal_what_was_wrong(tmp_path: Path) -> None:
    """Not that the service refused the request, as the page says that itself; what was not sent says so."""
    problem = Problem("prompt", "is empty")
    refused = [InvalidRequestError([problem], job_id=job, http_status=400) for job in (None, "job-1")]
    unsent = InvalidRequestError([problem])
    turns = [Turn(key=str(it), state="rejected", error=str(it)) for it in (*refused, unsent)]
    _, data = await report(tmp_path, turns)
    assert [item["word"] for item in data["items"]] == ["failed"] * 3
    assert [item["error"] for item in data["items"]] == [*[str(problem)] * 2, str(unsent)]


async def test_the_services_own_time_of_an_end_counts_where_it_can_be(tmp_path: Path) -> None:
    """Not that of a clock which is elsewhere, as a sandbox's is."""
    near, far = "2026-11-28T09:00:50+00:00", "2026-04-28T23:00:00+00:00"
    turns = [Turn(key="near", extra={"completed_at": near}), Turn(key="far", extra={"completed_at": far})]
    _, data = await report(tmp_path, turns)
    assert [item["done"] - item["sent"] for item in data["items"]] == [50_000, 60_000]


async def test_a_followup_of_a_job_by_its_id_is_a_turn_of_that_video(tmp_path: Path) -> None:
    """As one that a program made with a key of its own; of a job that the batch has not it is a video by itself."""
    _, data = await report(tmp_path, [Turn(key="a"), Turn(key="b", parent="job:job-1"), Turn(key="c", parent="job:x")])
    assert [item["follows"] for item in data["items"]] == [None, data["items"][0]["id"], None]
    assert data["items"][2]["parent"] == "job:x"


async def test_an_empty_history_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what has happened is not to be had, the page has the items all the same."""
    await write_ledger(tmp_path / "l.db", films(1))
    with closing(sqlite3.connect(tmp_path / "l.db")) as connection, connection:
        connection.execute("DELETE FROM motion_history WHERE state = 'completed'")
    monkeypatch.setattr(page, "_PATIENCE", 0.05)
    _, data = await read(tmp_path)
    assert len(data["items"]) == 2
    assert {row[2] for row in data["changes"]} <= {"intent", "submitted", None}
    assert data["whole"] is False


async def test_a_ledger_on_a_server_gives_the_same(fresh_postgres: str, tmp_path: Path) -> None:
    """Also one that is being written: what has been read is as it was then, and nobody is waited for without end."""
    async with open_ledger(fresh_postgres) as writing, open_ledger(fresh_postgres, read_only=True) as ledger:
        first, second = await writing.plan("autumn", [Turn(key=key).entry for key in ("a", "b")])
        assert await writing.journal(first).begin()
        await writing.cancel([second])
        await write_report(tmp_path / "report.html", ledger, "autumn")
    data = data_of((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert [item["state"] for item in data["items"]] == ["intent", "dropped"]
    assert ([row[2] for row in data["changes"]], data["whole"]) == (["intent", "dropped"], True)


async def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What has its name stays, if the ledger or the disk fails."""
    await write_ledger(tmp_path / "l.db", films(1))
    (tmp_path / "report.html").write_text("the last one")
    (tmp_path / "report.html").chmod(0o640)
    async with open_ledger(f"sqlite:///{tmp_path}/l.db", read_only=True) as ledger:
        with pytest.raises(ConfigurationError):
            await write_report(tmp_path / "no" / "report.html", ledger, "autumn")
        await ledger.aclose()
        with pytest.raises(Exception, match="closed"):
            await write_report(tmp_path / "report.html", ledger, "autumn")
    assert (tmp_path / "report.html").read_text() == "the last one"
    assert len(list(tmp_path.glob("*.html"))) == len(list(tmp_path.glob(".*"))) + 1


def test_it_comes_with_the_package() -> None:
    """Beside the module that fills it in, in what is installed as well."""
    assert page.files("motion_async.cli.report").joinpath("page.html").is_file()
    installed = {str(file) for file in files("motion-async") or ()}
    assert "motion_async/cli/report/page.html" in installed or any("editable" in name for name in installed)
