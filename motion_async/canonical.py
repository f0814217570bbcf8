"""One form of a text or a job's id, for comparing what people and machines write in different ways.

Pure, and knows nothing of the package. Nothing of it is sent in the place of what a person wrote, but for job ids.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, overload

__all__ = ["canonical_job_id", "canonical_text"]

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@overload
def canonical_text(text: str) -> str: ...
@overload
def canonical_text(text: None) -> None: ...
def canonical_text(text: str | None) -> str | None:
    """Give a text as people see it: in Unicode's form NFC, each line ended by LF, without white space at its ends.

    Files come back from spreadsheets, editors and other systems with other bytes for the same text.
    """
    if text is None:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def canonical_job_id(job_id: str) -> str:
    """Give a job's id as the documentation writes it: one that is a UUID in small letters, any other as it is.

    Databases give UUIDs back in capitals. They are the same number, so this can never lead to another job, whichever
    way the service compares. What is no text at all stays what it is, for the validation to refuse.
    """
    if not isinstance(job_id, str) or job_id.islower() or not _UUID.fullmatch(job_id):
        return job_id
    return job_id.lower()
