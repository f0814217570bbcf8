"""The README's blocks of code, by their kind, as a reader would copy them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["AIOHTTP", "BLOCKS", "FASTAPI", "FLEET", "PAGE", "PYTHON", "README", "SHELL"]

README: Final = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON: Final = [code for language, code in BLOCKS if language == "python"]
SHELL: Final = [code for language, code in BLOCKS if language == "sh"]
[PAGE] = [code for language, code in BLOCKS if language == "html"]
[FASTAPI, AIOHTTP, FLEET] = [code for code in PYTHON if "asyncio.run(" not in code]
