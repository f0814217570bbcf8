"""The command `motion-async`: `main` runs it and gives its exit status.

It needs the extra `cli`, and says so where that is missing. This module must not import anything of
that extra by itself, nor decide what a command does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from motion_async.cli.process.begin import leaving_at_once

__all__ = ["main"]

_NEEDED = ("cyclopts", "dotenv", "platformdirs", "rich")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments of the process, or those given, and give its exit status."""
    try:
        with leaving_at_once():
            # Here rather than above: whatever is missing or interrupted while it loads gets a sentence too.
            from motion_async.cli.app import run  # noqa: PLC0415

            return run(sys.argv[1:] if argv is None else argv)
    except ModuleNotFoundError as error:
        # A missing extra is the person's to install; any other missing module is our mistake, and a traceback.
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        sys.stderr.write(
            f"motion-async: {error.name} is not installed; install motion-async with its extra `cli`, "
            "in a checkout with: pip install '.[cli]'\n"
        )
        return 2
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("motion-async: interrupted\n")
        return 130
