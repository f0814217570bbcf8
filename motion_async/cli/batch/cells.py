"""Text as a cell of a CSV has it, so that no spreadsheet takes it for a formula: what was written so is read as it was.

Pure. Spreadsheets keep a text from being a formula by an apostrophe in front of it, which they do not show.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["read_cell", "written_cell"]

# Also what has the apostrophe already, and the wide forms that some spreadsheets take for the plain ones.
_LIKE_A_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001  # they are meant
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)


def written_cell(text: str) -> str:
    """Give a text as it is written into a cell; a plain number stays one."""
    return f"'{text}" if _LIKE_A_FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def read_cell(cell: str) -> str:
    """Give the text that was written into a cell."""
    return cell[1:] if cell.startswith("'") and _LIKE_A_FORMULA.match(cell) else cell
