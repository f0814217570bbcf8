"""What the compared arms have alike."""

from __future__ import annotations

from functools import partial

from benchmarks.arms import in_turns


async def test_arms_take_turns_and_the_first_round_is_not_counted() -> None:
    """What is compared was measured side by side."""
    order: list[str] = []

    async def measure(arm: str) -> float:
        order.append(arm)
        return len(order)

    figures = await in_turns({arm: partial(measure, arm) for arm in ("one", "two")}, 2)
    assert order == ["one", "two"] * 3
    assert figures == {"one": [3, 5], "two": [4, 6]}
