"""The commands that are printed to be pasted into a shell: one function puts together all of them.

Our own words are in them as they are, what anybody else has named is quoted behind a `--`, and what no person should
paste is not in them at all: it is shown beside. Pure, but for the options by which the command at hand found its key.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Final

from motion_async.showing import shown

__all__ = ["access_options", "again", "command_line", "typed", "watch_line"]

access_options: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("access_options", default=())
"""The options that say whose key is used, and for which service, as they were given: another key has not these jobs."""
typed: ContextVar[Sequence[str]] = ContextVar("typed", default=())
"""All that was typed behind the program's name."""

_JOB_ID: Final = "JOB_ID"
_SHOWN: Final = 600


def command_line(
    *words: str, options: Mapping[str, str] | None = None, names: Iterable[tuple[str, str]] = (), hint: str = ""
) -> str:
    """Give a command to be pasted, and after it the names that stand in it by a word, as no shell should get them.

    `words` are our own; `options` and `names` carry names of others, the latter with the help's word for each. `hint`
    says what the command needs besides.
    """
    beside: dict[str, str] = {}

    def pasted(stands_for: str, name: str) -> str:
        if _can_be_pasted(name, is_job_id=stands_for == _JOB_ID):
            return name
        number = sum(known.rstrip("_0123456789") == stands_for for known in beside)
        word = f"{stands_for}_{number + 1}" if number else stands_for
        beside[word] = name
        return word

    given = [f"{option}={pasted(_word_of(option), value)}" for option, value in (options or {}).items()]
    last = [pasted(stands_for, name) for stands_for, name in names]
    # Behind `--` a name that begins with a hyphen is no option.
    command = shlex.join(["motion-async", *words, *given, *(["--", *last] if last else [])])
    explained = " and ".join(f"{word} is {_quoted(name)}" for word, name in beside.items())
    return command + (f", where {explained}" if explained else "") + (f" ({hint})" if hint else "")


def watch_line(job_ids: Iterable[str]) -> str:
    """Give the command that waits for some jobs, with the key that the command at hand uses."""
    return command_line("watch", options=dict(access_options.get()), names=[("JOB_ID", job_id) for job_id in job_ids])


def again(arguments: Iterable[str]) -> str:
    """Give the command with arguments that hold no secret, as far as they can stand on one line."""
    return shlex.join(
        ["motion-async", *(each if _stands_on_one_line(each) else "THE_SAME_AS_BEFORE" for each in arguments)]
    )


def _word_of(option: str) -> str:
    return option.strip("-").replace("-", "_").upper()


def _can_be_pasted(name: str, *, is_job_id: bool) -> bool:
    """Whether a name is visible to the last character, and no option; a job id, the service's word, has no space."""
    if not name or name.startswith("-") or (is_job_id and " " in name):
        return False
    return _stands_on_one_line(name)


def _stands_on_one_line(argument: str) -> bool:
    return argument.isprintable() and argument == " ".join(argument.split())


def _quoted(name: str) -> str:
    return f"“{shown(name, limit=_SHOWN)}”"
