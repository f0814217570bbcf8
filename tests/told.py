"""What was told, by anything that tells something, and the search through it for what must not be told.

It takes in texts, values with their repr and pickle, and errors with their chain and the locals of their frames.
"""

from __future__ import annotations

import pickle
import re
import traceback
from collections.abc import Iterator

__all__ = ["HIDDEN_KEY", "HIDDEN_SIGNATURE", "Told"]

HIDDEN_KEY = "tell-nobody-but-me"
HIDDEN_SIGNATURE = "c0ffee-0ff-1imits"


class Told:
    """All that was told, as text, and the search through it."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def add(self, what: str, text: str) -> None:
        self.texts.append((what, text))

    def value(self, value: object) -> None:
        """Take in how a value shows itself, and what is pickled of it, if it can be."""
        self.add(f"repr of a {type(value).__name__}", repr(value))
        self.add(f"str of a {type(value).__name__}", str(value))
        try:
            pickled = pickle.dumps(value)
        except (TypeError, AttributeError, pickle.PicklingError):
            return
        # The URLs of an outcome's request are the caller's own; a key is in no pickle at all.
        self.add(f"pickle of a {type(value).__name__}", pickled.decode("latin-1").replace(HIDDEN_SIGNATURE, "…"))

    def error(self, error: BaseException) -> None:
        """Take in an error, its attributes, its traceback with locals, and all of its chain."""
        for each in chain(error):
            shown = traceback.TracebackException.from_exception(each, capture_locals=True)
            self.add(f"traceback of a {type(each).__name__}", "".join(shown.format()))
            self.value(each)
            self.add(f"attributes of a {type(each).__name__}", repr(vars(each)))

    def leaks(self, *secrets: str) -> list[str]:
        """Give what was told with a secret in it: what it was, and the words around."""
        return [
            f"{what}: …{text[max(found.start() - 200, 0) : found.end() + 20]}"
            for what, text in self.texts
            for found in [re.search("|".join(map(re.escape, secrets)), text)]
            if found
        ]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error, and those that it hangs on, whether a traceback would show them or not."""
    seen: dict[int, BaseException] = {}
    left = [error]
    while left:
        if (at := left.pop()) is not None and id(at) not in seen:
            seen[id(at)] = at
            left += [at.__cause__, at.__context__, *getattr(at, "exceptions", ())]
    yield from seen.values()
