"""What every benchmark shows its figures with: a spread over rounds, lines of a table, an empty drawing.

No measuring here, and nothing that one benchmark alone needs.
"""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["drawing", "line", "spread", "table_of_arms"]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Give median, least and most.

    Args:
        values: one of each round.
    """
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def line(title: str, cells: Sequence[str], *, width: int = 30) -> str:
    """Give one line of a table, its cells to the right.

    Args:
        title: what the line is about.
        cells: what stands in it.
        width: of the column of titles.
    """
    return f"  {title:<{width}}" + "".join(f"{cell:>12}" for cell in cells)


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
        shown = [f"{ratios[arm][which]:.2f}" for which in ("median", "min", "max")] if arm in ratios else []
        rows.append(line(arm, [f"{values['median']:.0f}", *shown]))
    return "\n".join(rows)


def drawing(columns: int, *, height: float = 3.4) -> tuple[Any, list[Any]]:
    """Give an empty figure and its panels, side by side.

    Args:
        columns: how many panels.
        height: of the figure, in inches.
    """
    # By name, as only pictures need it, and so that none on a screen is involved.
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(4.4 * columns, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])
