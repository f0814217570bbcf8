"""One run of a batch while it sends and watches: what it works with, and where each line's begin and end are told."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from motion_async.cli.batch.conclusion import Conclusion
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.portion import lines_of_run
from motion_async.cli.batch.spool import Spool
from motion_async.cli.ends import end_of
from motion_async.cli.output.output import Output
from motion_async.cli.progress import LineTaken, RequestEnded
from motion_async.cli.sheets.filelines import Line
from motion_async.cli.view.work import WorkView
from motion_async.jobs import BatchRequest, Outcome

__all__ = ["Run"]


@attrs.frozen
class Run:
    """What a run works with.

    Args:
        order: what a person wants of it.
        spool: the lines of the file.
        output: where it is told how it goes.
        view: what shows it.
        conclusion: gathers what is said at its end.
    """

    order: BatchOrder
    spool: Spool
    output: Output
    view: WorkView
    conclusion: Conclusion

    def take_lines(self) -> Iterator[tuple[Line, BatchRequest]]:
        """Give the lines that this run makes, and tell of each that it is taken."""
        for line, given in lines_of_run(self.spool, self.order.limit):
            self.view.take_line(LineTaken(line.number, line.key, given.request.prompt, line.job_id))
            yield line, given

    def end(self, line: int, outcome: Outcome) -> None:
        """Tell how a line has ended."""
        ended = RequestEnded(line, outcome, end_of(outcome))
        self.view.end(ended)
        self.output.show_outcome(ended)
        self.conclusion.take(ended)
