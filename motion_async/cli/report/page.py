"""The page of a batch: one file, made of what a ledger has of it, that is opened in a browser and needs nothing else.

What it shows is put in as data, and `page.html` makes the page of it. Texts are other people's: none can become markup
or a script, and none brings a secret along.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TextIO

from motion_async.cli.atomic import atomic_file
from motion_async.cli.looks import counted
from motion_async.cli.records import done_at
from motion_async.cli.words import word_of_item
from motion_async.ledger import Item, ItemState, Ledger
from motion_async.ledger.items import job_of_parent
from motion_async.redaction import redacted, redacted_deep

__all__ = ["write_report"]

_PATIENCE: Final = 10.0
"""Seconds without a change, after which the rest of what happened is left out, and the page says so."""
_REFUSED: Final = re.compile(r"^the service refused the request \(\d+\)(?: \(job \S+\))?: ")
"""How the library begins to tell of a refusal; the page says that in a word of its own."""
_YOUTUBE: Final = re.compile(r"(https://(?:\w+\.)?youtube\.com/watch)\?(?:\S*&)?(v=[\w-]{11})(?:[&#]\S*)?", re.ASCII)


async def write_report(path: Path, ledger: Ledger, batch: str) -> str:
    """Write the report of a batch, whole or not at all, and say what was written.

    Raises a `ConfigurationError` if the file cannot be written, or a `LedgerError` if the ledger cannot be read.
    """
    text = files("motion_async.cli.report").joinpath("page.html").read_text(encoding="utf-8")
    before, after = text.replace("{{policy}}", _policy(text)).split("{{data}}")
    with atomic_file(path) as file:
        file.write(before)
        written = await _write_data(file, ledger, batch)
        file.write(after)
    return f"{path} is a report of {counted(written, 'request')}; open it in a browser"


async def _write_data(file: TextIO, ledger: Ledger, batch: str) -> int:
    """Write the items, and then what happened to them, each as it is read: a batch of any size is never in memory."""
    file.write(f'{{"batch":{_json(redacted(batch))},"made":{_milliseconds(datetime.now(UTC))},"items":[')
    numbers: dict[str, int] = {}
    of_job: dict[str, int] = {}
    unheard: dict[str, datetime] = {}
    async for item in ledger.items(batch):
        parent = numbers.get(item.parent or "") or of_job.get(job_of_parent(item.parent) or "")
        file.write((",\n" if numbers else "\n") + _json(_item(item, parent)))
        numbers[item.key] = item.id
        if item.job_id is not None:
            of_job.setdefault(item.job_id, item.id)
        if item.state is not ItemState.PLANNED:
            unheard[item.key] = item.changed_at
    file.write('\n],"changes":[')
    with suppress(TimeoutError):
        await _write_changes(file, ledger, batch, numbers, unheard)
    file.write(f'\n],"whole":{_json(not unheard)}}}')
    return len(numbers)


async def _write_changes(
    file: TextIO, ledger: Ledger, batch: str, numbers: Mapping[str, int], unheard: dict[str, datetime]
) -> None:
    """Write what happened up to the newest change of each item, which is taken out of `unheard` then.

    Raises a `TimeoutError` if no change comes for a while: on a server the newest ones wait for older transactions.
    """
    now, separator = asyncio.get_running_loop().time, "\n"
    async with aclosing(ledger.changes(batch=batch)) as changes, asyncio.timeout(_PATIENCE) as patience:
        while unheard:
            change = await anext(changes)
            patience.reschedule(now() + _PATIENCE)
            if change.key not in numbers:
                continue  # it was planned after the items were read
            row = [numbers[change.key], _milliseconds(change.at), change.state and change.state.value, change.status]
            if change.state is not ItemState.INTENT:  # which has the name of a process of this machine
                row.append(redacted(change.detail))
            file.write(separator + _json(row))
            separator = ",\n"
            if change.key in unheard and change.at >= unheard[change.key]:
                del unheard[change.key]


def _item(item: Item, parent: int | None) -> Mapping[str, Any]:
    request, state = item.request, item.job_state
    return {
        "id": item.id,
        "key": redacted(item.key),
        # With another one than its own nothing could follow it.
        "exact": redacted(item.key) == item.key,
        "follows": parent,
        "parent": redacted(item.parent),
        "prompt": redacted(request.prompt),
        "style": _style(request.style_reference_url),
        "attachments": [
            {"name": redacted(it.name), "type": it.type, "url": redacted(it.url)} for it in request.attachments
        ],
        "word": word_of_item(item).value,
        "state": item.state.value,
        "job": redacted(item.job_id),
        # The service's own words, where there are some: ours say besides what the caller of the library does then.
        "error": redacted((state and state.error) or _REFUSED.sub("", item.error or "", count=1) or None),
        "metadata": redacted_deep(item.metadata),
        "more": redacted_deep(dict(state.extra)) if state is not None else None,
        "planned": _milliseconds(item.planned_at),
        "sent": _milliseconds(item.intent_at),
        "done": _milliseconds(done_at(item)),
    }


def _style(url: str | None) -> str | None:
    """Give the URL of a style reference without secrets; which video it is may stand in its query."""
    found = _YOUTUBE.fullmatch(url or "")
    return f"{found[1]}?{found[2]}" if found else redacted(url)


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1_000)


def _json(value: Any) -> str:
    """Give JSON that nothing in it can end the element of the page in which it stands, nor begin another one."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _policy(text: str) -> str:
    """Give what the browser may do with the page: run and show what it brings along, and load nothing at all."""
    hashes = {}
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        hashes[tag] = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
