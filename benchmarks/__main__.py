"""`python -m benchmarks NAME [--json] [--rounds N] [--top N] [--plot FILE]`: measure, and print tables or JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import batch, fanout, import_time, ledger, load, makespan, poll, scale, schedule, subscribers

_Figures = dict[str, Any]

BENCHMARKS: dict[str, tuple[Callable[..., _Figures], Callable[[_Figures], str]]] = {
    "poll": (poll.run, poll.table),
    "scale": (scale.run, scale.table),
    "load": (load.run, load.table),
    "fanout": (fanout.run, fanout.table),
    "subscribers": (subscribers.run, subscribers.table),
    "schedule": (schedule.run, schedule.table),
    "makespan": (makespan.run, makespan.table),
    "ledger": (ledger.run, ledger.table),
    "batch": (batch.run, batch.table),
    "import": (import_time.run, import_time.table),
}
"""How each is run, and how its figures are shown."""
PLOTS: dict[str, Callable[[_Figures, str], None]] = {
    "poll": poll.plot,
    "scale": scale.plot,
    "schedule": schedule.plot,
    "makespan": makespan.plot,
}
"""Those that have more to show than a table."""


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--rounds", type=_count, help="how often each is measured, or the arms take turns")
    parser.add_argument("--top", type=_count, help="the most jobs that `scale` watches; 100,000 if not given")
    plots = f"draw the figures of {', '.join(PLOTS)}; for `all` a file each, with its name added"
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help=plots)
    options = parser.parse_args(arguments)
    if options.plot is not None and options.name not in (*PLOTS, "all"):
        parser.error(f"{options.name} has nothing to draw; these have: {', '.join(PLOTS)}")
    return options


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("at least 1")
    return number


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmarks that the command line names.

    Args:
        arguments: the command line's, if they are not to be read from there.
    """
    options = _options(arguments)
    os.environ["NO_PROXY"] = "127.0.0.1"  # some peers' clients look for a proxy there, and the stub is on this machine
    figures: dict[str, _Figures] = {}
    for name in BENCHMARKS if options.name == "all" else [options.name]:
        run, table = BENCHMARKS[name]
        chosen = {"rounds": options.rounds} if options.rounds else {}
        if name == "scale" and options.top:
            chosen["top"] = options.top
        print(f"{name} …", file=sys.stderr, flush=True)
        figures[name] = run(**chosen)
        if not options.json:
            print(table(figures[name]), flush=True)
        if options.plot is not None and name in PLOTS:
            file: Path = options.plot
            PLOTS[name](figures[name], str(file.with_stem(f"{file.stem}-{name}") if options.name == "all" else file))
    if options.json:
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
