"""The durable ledger: what is sent is on disk before it is sent, so that a batch can be killed and go on.

    async with open_ledger("sqlite:///launch.db") as ledger:
        [item] = await ledger.plan("launch", [Entry("hero", VideoRequest("A launch video"))])
        journal = ledger.journal(item)
        if await journal.begin():
            ...

A session that has one (`MotionSession(ledger=ledger)`) writes each create and followup down, too: the same `key=` is
the same job then, in any process. A batch is of the service and the API key that it was begun with, of which a ledger
has a salted fingerprint; `adopt` says that the key was replaced. What was made before of the same content, in
whatever batch, `find_made` gives. And who follows a ledger, as a page for operators does, hears of all that any
process writes:

    async for change in ledger.changes(after=last_seen):
        print(change.position, change.batch, change.key, change.state or change.status)

Where each call has an event loop of its own, as in Celery's tasks, it has a session of its own; where another program
runs your work again after a failure, as Temporal does, the key makes that safe. With README's `make` in `orders.py`:

    import asyncio
    from orders import make

    def celery_task(order, prompt):  # @app.task(acks_late=True): a task that is delivered again finds its job
        return asyncio.run(make(order, prompt))

    async def temporal_activity(prompt):  # @activity.defn: with heartbeats of yours an attempt has the same job
        from temporalio import activity
        return await make(activity.info().workflow_id, prompt)

    async def django_view(request):  # under WSGI as under ASGI
        from django.http import JsonResponse
        return JsonResponse({"video": await make(request.POST["order"], request.POST["prompt"])})

One session for many cells of a notebook is `motion = await MotionSession(ledger=ledger).__aenter__()`, and at the end
`await motion.aclose()`.

A SQLite ledger that is in use is copied by SQLite's own means, for its newest lines lie in a file beside it:
`sqlite3 launch.db ".backup copy.db"`, `VACUUM INTO 'copy.db'`, or `sqlite3.Connection.backup`. A process that has
the ledger open must not copy the bare files: SQLite loses its locks on what the same process opens and closes in
another way. What is planned in both is sent from both, so run a batch on one of them alone.

It needs the extra `ledger`, for PostgreSQL the extra `postgres`; importing it needs neither. It must not send,
poll or watch: it writes down what it is told.
"""

from motion_async.ledger.accounts import Account
from motion_async.ledger.items import (
    Entry,
    History,
    Item,
    ItemState,
    LedgerChange,
    LedgerTrouble,
    content_digest,
    content_key,
)
from motion_async.ledger.ledger import Ledger
from motion_async.ledger.opening import open_ledger
from motion_async.ledger.transitions import MOVES

__all__ = [
    "MOVES",
    "Account",
    "Entry",
    "History",
    "Item",
    "ItemState",
    "Ledger",
    "LedgerChange",
    "LedgerTrouble",
    "content_digest",
    "content_key",
    "open_ledger",
]
