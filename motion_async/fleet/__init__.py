"""More than one machine: what is enqueued anywhere is made by whichever workers there are.

All of it lies in one PostgreSQL: the ledger, which says what was sent and is asked before each byte, and beside it a
queue, which is PGQueuer's (the extra `fleet`), and says who works on what. A web app needs no key and no session:

    from motion_async import BatchRequest, MotionSession
    from motion_async.fleet import open_fleet

    async def order(url, prompt, order_id):
        async with open_fleet(url) as fleet:  # an app holds one open for its life
            await fleet.enqueue("autumn", [BatchRequest(prompt, id=order_id)])

    async def follow(url, last_seen):
        async with open_fleet(url) as fleet:
            async for change in fleet.changes("autumn", after=last_seen):
                yield change.position, change.key, change.state or change.status

A worker is `motion-async worker URL`, or in your own process, with a session of your own:

    async def work(url):
        async with open_fleet(url) as fleet, MotionSession() as motion:
            await fleet.work(motion, here=100)

It works until it is cancelled, as by SIGTERM: then it sends nothing new, hears out what is under way, gives the rest
back, and is gone within the session's `cancel_grace`. Others have its jobs at once, and watch them by their ids.
`fleet.limit(max_active=200, max_polls_per_second=50)` holds for all workers together and at once, and so do
`fleet.pause()` and whatever the service says to one of them: a 429 with a `Retry-After`, a 402, a 401. A job that
waits for a person gives its place back. From the shell: `motion-async fleet show|limit|pause|resume|cancel|retry`, and
`motion-async batch FILE --fleet URL` enqueues a file, shows how all of it goes, and may be interrupted and run again.

What happens when something fails:

- A worker dies (`kill -9`, a machine that is gone): others take its jobs after a heartbeat, 10 seconds, and watch them.
  What it was sending at that moment is uncertain once its session is known to be dead, within half a minute, and is
  never sent again by itself: `motion-async ledger show URL --state uncertain` has it, `ledger resolve` settles it, and
  `motion-async fleet retry` queues it then.
- A worker stands still and wakes: it lets go of what others have taken. Nothing is sent twice, whoever is late.
- The database stops: nothing new is sent, what runs is watched, ids are kept in memory, and all goes on when it is
  back; after `patience` seconds a worker ends with an error, and its supervisor starts it again.
- A replica is promoted: commits that it does not have are lost, and with them perhaps an intent. Set
  `synchronous_commit = on` and `synchronous_standby_names`, so that there are none.
- A worker's key is refused: the fleet is paused, with the reason, until `fleet.resume()`.
- Something unforeseen happens to an item: it is held, and `fleet.retry(batch)` queues it again.

Who may enqueue, may spend. With the tables made once by their owner, as by `motion-async fleet show URL`, the app and
the workers need these rights and no more:

    CREATE ROLE motion_app LOGIN;
    CREATE ROLE motion_worker LOGIN;
    GRANT USAGE ON SCHEMA public TO motion_app, motion_worker;
    GRANT SELECT ON motion_ledger, motion_fleet TO motion_app, motion_worker;
    GRANT SELECT, INSERT, UPDATE ON motion_items TO motion_app, motion_worker;
    GRANT SELECT, INSERT ON motion_history TO motion_app, motion_worker;
    GRANT SELECT, INSERT, DELETE ON motion_pgqueuer TO motion_app, motion_worker;
    GRANT INSERT ON motion_pgqueuer_log TO motion_app, motion_worker;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO motion_app, motion_worker;
    GRANT SELECT, INSERT, UPDATE ON motion_batches TO motion_worker;
    GRANT UPDATE ON motion_fleet, motion_pgqueuer TO motion_worker;

A worker under systemd, with the key in a file that only its user can read:

    [Service]
    User=videos
    EnvironmentFile=/etc/videos/worker.env
    ExecStart=/opt/videos/bin/motion-async worker postgresql://motion_worker@db/videos?sslmode=verify-full
    Restart=always
    RestartSec=5
    TimeoutStopSec=30

And under Kubernetes, where `motion.check()` tells whether the service is there and takes the key:

    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: video-worker}
    spec:
      replicas: 4
      selector: {matchLabels: {app: video-worker}}
      template:
        metadata: {labels: {app: video-worker}}
        spec:
          terminationGracePeriodSeconds: 30
          containers:
            - name: worker
              image: videos:1
              args: [motion-async, worker, "postgresql://motion_worker@db/videos?sslmode=verify-full"]
              envFrom: [{secretRef: {name: video-worker}}]
              startupProbe:
                timeoutSeconds: 30
                exec:
                  command:
                    - python
                    - -c
                    - |
                      import asyncio, motion_async
                      async def check():
                          async with motion_async.MotionSession() as motion:
                              await motion.check()
                      asyncio.run(check())

Where Celery or Temporal runs your work already, a fleet is not needed: `help(motion_async.ledger)` shows their tasks.
PGQueuer's own dashboards see the queue with `PGQUEUER_PREFIX=motion_`.
"""

from motion_async.fleet.fleet import BatchProgress, Fleet, FleetStatus, open_fleet
from motion_async.fleet.limits import FleetLimits
from motion_async.fleet.queue import QueueCounts

__all__ = ["BatchProgress", "Fleet", "FleetLimits", "FleetStatus", "QueueCounts", "open_fleet"]
