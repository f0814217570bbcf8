"""`python -m benchmarks NAME`: measure what the library costs, and print tables or JSON.

It must not measure by itself. What cannot be done with the results is said before anything is measured.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.loopback import stay_on_loopback
from benchmarks.registry import BENCHMARKS, Benchmark, Figures

_ALL = "all"
_PICTURES = (".png", ".svg", ".pdf")


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, BENCHMARKS))
    total = sum(of.seconds for of in BENCHMARKS.values())
    rows = [(of.name, of.seconds, of.line) for of in BENCHMARKS.values()]
    rows.append((_ALL, total, "all of these, one after the other"))
    lines = [f"  {name:<{width}}{seconds:>5} s  {line}" for name, seconds, line in rows]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        usage="%(prog)s NAME [options]",
        description="Measure what the library costs, as ratios that anyone can measure.",
        epilog="\n".join(["benchmarks, each with about the time that it takes on two cores:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", choices=[*BENCHMARKS, _ALL], help="a benchmark, see below")
    parser.add_argument("--json", action="store_true", help="print one JSON object, by benchmark, instead of tables")
    parser.add_argument(
        "--rounds", metavar="N", type=_at_least(1), help="how often each is measured, or the arms take turns"
    )
    for benchmark in BENCHMARKS.values():
        for option in benchmark.options:
            parser.add_argument(f"--{option.name}", metavar="N", type=_at_least(option.least), help=option.line)
    drawn = ", ".join(of.name for of in BENCHMARKS.values() if of.plot is not None)
    plots = f"draw the figures of {drawn}; for `{_ALL}` a file each, with its name added"
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help=plots)
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too few, {least} is the least")
        return value

    return number


def _problem(options: argparse.Namespace, chosen: Sequence[Benchmark]) -> str | None:
    """Give what would come to light only after the measuring; None if nothing would."""
    if sys.stdout is None:
        return "there is no standard output to print to"
    for benchmark in BENCHMARKS.values():
        for option in benchmark.options:
            if getattr(options, option.name) is not None and benchmark not in chosen:
                return f"--{option.name} is for {benchmark.name}, not for {options.name}"
    if options.plot is None:
        return None
    drawn = [benchmark for benchmark in chosen if benchmark.plot is not None]
    if not drawn:
        names = ", ".join(of.name for of in BENCHMARKS.values() if of.plot is not None)
        return f"{options.name} has nothing to draw; these have: {names}"
    if importlib.util.find_spec("matplotlib") is None:
        return "--plot needs matplotlib: install motion-async with its extra `bench`"
    return next(filter(None, (_unwritable(_picture(options, benchmark)) for benchmark in drawn)), None)


def _unwritable(file: Path) -> str | None:
    """Give why a picture cannot be written; None if it can."""
    if file.suffix.lower() not in _PICTURES:
        return f"--plot {file}: the name of a picture ends with {', '.join(_PICTURES[:-1])} or {_PICTURES[-1]}"
    if not file.parent.is_dir():
        return f"--plot {file}: there is no directory {file.parent}"
    if file.is_dir():
        return f"--plot {file}: that is a directory"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return f"--plot {file}: it cannot be written there"
    return None


def _picture(options: argparse.Namespace, benchmark: Benchmark) -> Path:
    file: Path = options.plot
    return file.with_stem(f"{file.stem}-{benchmark.name}") if options.name == _ALL else file


def _run(benchmark: Benchmark, options: argparse.Namespace) -> Figures:
    names = ["rounds", *(option.name for option in benchmark.options)]
    told = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    print(f"{benchmark.name}, about {benchmark.seconds} s …", file=sys.stderr, flush=True)
    figures = benchmark.run(**told)
    if not options.json:
        print(benchmark.table(figures), flush=True)
    if options.plot is not None and benchmark.plot is not None:
        benchmark.plot(figures, str(_picture(options, benchmark)))
    return figures


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmarks that the command line names.

    Args:
        arguments: the command line's, if they are not to be read from there.
    """
    stay_on_loopback()  # a peer's client that does not find the stub must not look for its service
    parser = _parser()
    options = parser.parse_args(arguments)
    chosen = list(BENCHMARKS.values()) if options.name == _ALL else [BENCHMARKS[options.name]]
    if (problem := _problem(options, chosen)) is not None:
        parser.error(problem)
    obstacles = [of.obstacle for of in chosen if of.obstacle is not None]
    if len(obstacles) == len(chosen):
        parser.error(obstacles[0])
    for obstacle in obstacles:
        print(f"left out: {obstacle}", file=sys.stderr, flush=True)
    os.environ["NO_PROXY"] = "127.0.0.1"  # some peers' clients look for a proxy there, and the stub is on this machine
    figures: dict[str, Figures] = {}
    try:
        for benchmark in chosen:
            if benchmark.obstacle is None:
                figures[benchmark.name] = _run(benchmark, options)
    finally:
        if options.json and figures:  # also when a later one fails or is interrupted: they took minutes
            print(json.dumps(figures, indent=2), flush=True)


if __name__ == "__main__":
    main()
