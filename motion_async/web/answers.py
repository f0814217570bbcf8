"""Tells the log of an error that an app answers: it hears more than the visitor does."""

from __future__ import annotations

import logging

from motion_async.errors import MotionError
from motion_async.web.problems import Problem, problem

__all__ = ["log_problem"]

_log = logging.getLogger(__package__)


def log_problem(error: MotionError) -> Problem:
    """Tell the log what operators need of an error, and give the problem with which an app answers it.

    Args:
        error: what a handler has raised.

    Returns:
        Its `problem`.
    """
    found = problem(error)
    level, extra = logging.WARNING if found.status >= 500 else logging.INFO, {"job_id": error.job_id}
    _log.log(level, "answered with %d, %s: %s", found.status, found.kind, found.operator, extra=extra)
    return found
