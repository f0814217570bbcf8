"""`python -m benchmarks poll|import|all [--json]`: measure, and print a table or JSON."""

from __future__ import annotations

import argparse
import json
from typing import Any

from benchmarks import import_time, poll

_BENCHMARKS = {"poll": (poll.run, "cpu_microseconds", "µs of CPU"), "import": (import_time.run, "milliseconds", "ms")}


def _table(name: str, figures: dict[str, Any], field: str, unit: str) -> str:
    rows = [f"{name} ({figures['rounds']} rounds, arms in turns)"]
    rows.append(f"  {'':<16}{'median':>10}{'min':>10}{'max':>10}   {unit}")
    for arm, spread in {**figures[field], "ratio": figures["ratio"]}.items():
        digits = 3 if arm == "ratio" else 1
        cells = "".join(f"{spread[which]:>10.{digits}f}" for which in ("median", "min", "max"))
        rows.append(f"  {arm:<16}{cells}")
    return "\n".join(rows)


def main() -> None:
    """Run the benchmarks that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*_BENCHMARKS, "all"])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--rounds", type=int, help="how often the arms take turns")
    options = parser.parse_args()
    names = list(_BENCHMARKS) if options.name == "all" else [options.name]
    rounds = {} if options.rounds is None else {"rounds": options.rounds}
    figures = {name: _BENCHMARKS[name][0](**rounds) for name in names}
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name in names:
        print(_table(name, figures[name], *_BENCHMARKS[name][1:]))


if __name__ == "__main__":
    main()
