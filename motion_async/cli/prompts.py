"""The prompts of the demonstration, from the data file beside this module. Nothing is sent here."""

from __future__ import annotations

import json
from importlib.resources import files

from motion_async.jobs import Attachment, VideoRequest

__all__ = ["load_prompts"]


def load_prompts() -> list[VideoRequest]:
    """Read the requests that ship with the package: product launches, explainers and the like."""
    entries = json.loads(files("motion_async.cli").joinpath("prompts.json").read_text(encoding="utf-8"))
    return [
        VideoRequest(
            entry["prompt"],
            style_reference_url=entry.get("style_reference_url"),
            attachments=[Attachment(**attachment) for attachment in entry.get("attachments", ())],
        )
        for entry in entries
    ]
