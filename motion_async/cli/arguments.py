"""The arguments that several commands share, each with the help that documents it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from cyclopts import Parameter

__all__ = ["BaseUrl", "BatchName", "BatchTimeout", "Json", "LedgerName", "States", "Timeout", "WatchTimeout"]

Json: TypeAlias = Annotated[bool, Parameter(name="--json", negative=(), help="Write JSON lines, on a terminal too.")]
BaseUrl: TypeAlias = Annotated[
    str | None, Parameter(name="--base-url", help="Where the service is; else MOTION_BASE_URL.")
]
Timeout: TypeAlias = Annotated[
    float | None,
    Parameter(
        name="--timeout",
        help="Stop waiting so many seconds after the service took the job, which goes on. Before that it is tried for "
        "about a minute to reach the service; Ctrl-C ends that, and nothing is sent twice.",
    ),
]
WatchTimeout: TypeAlias = Annotated[
    float | None, Parameter(name="--timeout", help="Stop waiting after so many seconds; the jobs go on.")
]
BatchTimeout: TypeAlias = Annotated[
    float | None, Parameter(name="--timeout", help="Watch each job for so many seconds in this run; it goes on.")
]
LedgerName: TypeAlias = Annotated[str, Parameter(help="The ledger: its file, or its URL.")]
BatchName: TypeAlias = Annotated[str | None, Parameter(name="--batch", help="The batch; all if not given.")]
States: TypeAlias = Annotated[
    list[str] | None,
    Parameter(
        name="--state",
        negative=(),
        help="Only items in this state: planned, intent, uncertain, submitted, completed, failed, rejected or "
        "dropped; may be given several times.",
    ),
]
