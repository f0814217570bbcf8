"""The definition of `motion-async batch`: its argument, and the help that documents it; `order` has its options.

It reads arguments and starts what they ask for.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from motion_async.cli.arguments import Access, Json, Reporting
from motion_async.cli.batch.order import BatchOptions, place_order
from motion_async.cli.failures import ExitStatus
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.cli.process.stopping import Stop

__all__ = ["batch"]


def batch(
    file: Annotated[str, Parameter(allow_leading_hyphen=True, help="The file of requests; - is standard input.")],
    /,
    *,
    options: BatchOptions = BatchOptions(),
    access: Access = Access(),
    reporting: Reporting = Reporting(),
    json: Json = False,
) -> ExitStatus:
    """Make a video of each line of a file, and never pay for one twice.

    FILE is a spreadsheet (.xlsx or .ods, which need the extra `sheets`; CSV with
    commas, semicolons or tabs), JSONL or JSON, each line with

      prompt    what to make (or text, or description); all else may be missing
      style_reference_url  (or style) a YouTube URL whose style to follow
      attachments  URLs with blanks, semicolons or line ends between them, or in
                columns attachment_1, attachment_2 and so on; in JSON also objects
                with url, name, type and content_type
      id        a name of your own, by which the line is known when you change it
      follows   the id of an earlier line, or of one that the batch has made before:
                this one changes its finished video; several that follow the same
                one take turns; for variants write separate lines without follows
      metadata  anything; it comes back with the result, and is not sent, and so
                does what stands under any other name

    All lines are checked before anything is sent. What nobody may have meant, such
    as #REF!, {product}, nan, broken characters or the same prompt twice without
    ids, is asked about on a terminal, and cannot be sent elsewhere, nor with
    --skip-invalid, unless --allow-odd says so. What is sent is written into a
    ledger first. So the batch can be killed at any instant: the same command goes
    on. After Ctrl-C, SIGTERM or the loss of its terminal nothing new is sent, what
    is under way is finished and noted, and jobs that run go on at the service; a
    second Ctrl-C leaves at once. A line that was rejected is sent again once it is
    changed, and one that has failed by --retry-failed.

    Lines that --skip-invalid leaves out do not count for the exit status. What
    the ledger has made before, in another batch or under another id, as when the
    file has another name now, is not paid for again unless you say so: such a
    line takes the video that is there, and waits for one that still runs.

    The files of --output have each line of FILE as the ledger has it then: a table
    your own columns first, then state, job_id, error, times (UTC) and seconds; JSON
    line, key, state, status, job_id, error, metadata, job (the service's last
    answer), follows, request, planned_at, sent_at, done_at, waited_seconds,
    took_seconds and id. A state is waiting (nothing was sent), making, needs you
    (answer it at motion.so, or correct its line), done, failed (refused, too, or
    given up), or unclear (it may have been sent, and paid for).
    """
    # Here rather than above: the other commands need nothing of it.
    from motion_async.cli.batch.command import make_batch, plan_batch  # noqa: PLC0415

    stop = Stop()

    async def work(output: Output) -> ExitStatus:
        order = place_order(file, options, access, output.notice)
        return await (plan_batch(output, order) if order.dry_run else make_batch(output, order, stop))

    return execute(work, json=json or None, stop=stop, reporting=reporting)
