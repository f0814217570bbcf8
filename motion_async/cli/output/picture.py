"""What a terminal shows as a picture: an SVG file that needs nothing from elsewhere."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType
from rich.text import Text

from motion_async.cli.atomic import atomic_file

__all__ = ["save_picture"]

_WIDTH: Final = 96
_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def save_picture(path: Path, shown: RenderableType, *, title: str) -> None:
    """Save what a terminal would show, whole or not at all; `title` is the command.

    Raises a `ConfigurationError` if the file cannot be written.
    """
    console = Console(
        file=io.StringIO(), record=True, width=_WIDTH, force_terminal=True, color_system="truecolor", no_color=False
    )
    console.print(Text.assemble(("$ ", "dim"), title), shown, sep="\n")
    # A picture that loads a font would tell whoever serves it who looks at it.
    picture = _FONTS.sub("", console.export_svg(title=title, unique_id="motion-async"))
    with atomic_file(path) as file:
        file.write(picture)
