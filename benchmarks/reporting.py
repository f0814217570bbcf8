"""What every benchmark reports its figures with: spreads over rounds, ratios of neighbours, tables, pictures.

No measuring here, and nothing that one benchmark alone needs.
"""

from __future__ import annotations

import contextlib
import importlib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["cells", "drawing", "line", "ratios", "spread", "table_of_arms"]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Give median, least and most.

    Args:
        values: one of each round.
    """
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratios(values: Sequence[float], others: Sequence[float]) -> dict[str, float]:
    """Give the spread of the ratios of neighbours: what was measured in the same round is compared.

    Args:
        values: one of each round.
        others: those that count as 1.
    """
    return spread([one / other for one, other in zip(values, others, strict=True)])


def line(title: str, cells: Sequence[str], *, width: int = 30) -> str:
    """Give one line of a table, its cells to the right.

    Args:
        title: what the line is about.
        cells: what stands in it.
        width: of the column of titles.
    """
    return f"  {title:<{width}}" + "".join(f"{cell:>12}" for cell in cells)


def cells(of: Mapping[str, float], digits: int) -> list[str]:
    """Give median, least and most as cells of a line.

    Args:
        of: a spread.
        digits: how many stand behind the point.
    """
    return [f"{of[which]:.{digits}f}" for which in ("median", "min", "max")]


def table_of_arms(
    title: str, figures: Mapping[str, Mapping[str, float]], unit: str, ratios: Mapping[str, Mapping[str, float]]
) -> str:
    """Give a table of arms: the median of each, and its ratio with the least and the most of all rounds.

    Args:
        title: the first line.
        figures: the spread of each arm.
        unit: what the figures are.
        ratios: the spread of each arm's ratio, for those that have one.
    """
    rows = [title, line("", [unit, "ratio", "least", "most"])]
    for arm, values in figures.items():
        rows.append(line(arm, [f"{values['median']:.0f}", *(cells(ratios[arm], 2) if arm in ratios else [])]))
    return "\n".join(rows)


@contextlib.contextmanager
def drawing(
    file: str, columns: int, *, width: float = 4.4, height: float = 3.4, shares_axes: bool = False
) -> Iterator[list[Any]]:
    """Have a picture drawn while the block runs, and write it at its end.

    Args:
        file: the picture's path; its suffix says the format.
        columns: how many panels stand side by side.
        width: of a panel, in inches.
        height: of the picture, in inches.
        shares_axes: whether all panels have the same scales.

    Yields:
        The panels, which are matplotlib's `Axes`.
    """
    # By name, as only pictures need it, and so that none on a screen is involved.
    figure_class = importlib.import_module("matplotlib.figure").Figure
    figure = figure_class(figsize=(width * columns, height), layout="constrained")
    yield list(figure.subplots(1, columns, squeeze=False, sharex=shares_axes, sharey=shares_axes)[0])
    figure.savefig(file, dpi=150)
