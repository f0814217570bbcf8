"""The sandbox itself: the service in small, listening on a socket for as long as it is entered.

It ties engine, faults, virtual time and application together, and shows them for assertions. Nothing here
knows the contract. Between entering and leaving no scope or task group of the caller's task stays open, so
the two may happen in different tasks.
"""

from __future__ import annotations

import ipaddress
import math
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Self

import anyio
import anyio.lowlevel
import attrs
from aiohttp import web
from anyio.from_thread import start_blocking_portal

from motion_async.jobs import API_KEY_PREFIX
from motion_async.loops import HomeLoop
from motion_async.sandbox.app import PREFIX, Service
from motion_async.sandbox.clock import VirtualClock
from motion_async.sandbox.control import CONTROL, Control
from motion_async.sandbox.engine import Account, Engine, JobRecord
from motion_async.sandbox.faults import FaultBook
from motion_async.sandbox.hosts import OwnNames
from motion_async.sandbox.story import Tempo

__all__ = ["Counts", "Sandbox"]

_FIRST_OWNER: Final = "owner"
_START: Final = datetime(2026, 4, 28, 23, 1, 4, 198_000, tzinfo=UTC).timestamp()
_PATIENCE_SECONDS: Final = 0.1
_BACKLOG: Final = 1024
_STEPS_TO_SERVE: Final = 3
_JUST_AFTER: Final = 0.001
"""Seconds, as timestamps have no finer ones: a change is seen by then, however the moment is rounded."""
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


@attrs.frozen(kw_only=True)
class Counts:
    """What a sandbox has got and done up to one moment.

    Args:
        creates: creates that came.
        creates_accepted: creates that were answered with 202, or would have been if no fault had struck.
        followups: followups that came.
        followups_accepted: followups that were taken, likewise.
        polls: polls that came.
        duplicates: accepted creates whose owner had had an equal one accepted before.
        refused: answers of 400 and above, by HTTP status.
        faults: faults that struck, by the name of their class.
    """

    creates: int
    creates_accepted: int
    followups: int
    followups_accepted: int
    polls: int
    duplicates: int
    refused: Mapping[int, int] = attrs.field(hash=False)
    faults: Mapping[str, int] = attrs.field(hash=False)


class Sandbox:
    """Mosaic Motion in small, over real HTTP: an async context manager, or with `in_thread` a plain one.

    It listens on loopback alone unless another `host` is given; `is_public` says whether it can be
    reached from other machines. It can be entered again after it was left: jobs, credits and port stay. While it
    serves, everything of it may be read and called from any thread.

    Args:
        credits: the balance of the first account, a whole number, 0 or more.
        price: the credits that a create or followup needs and spends, a whole number, 0 or more.
        seed: what chance is drawn from; equal seeds tell equal stories, and have equal keys. When None the stories are
            those of 0, and the keys are random.
        api_key: the key of the first account, which begins with `motion_`; when None as the seed says.
        speed: virtual seconds a real second, 0 to 1e6; at 0 the time stands still until `advance`.
        median_seconds: the median of the time that a job runs, in virtual seconds, above 0 to 1e6.
        spread: the sigma of the log-normal distribution that times are drawn from, 0 to 3.
        failure_rate: the share of turns that fail by themselves, 0 to 1.
        input_rate: the share of turns that wait for input by themselves, 0 to 1.
        host: the address to listen on.
        port: the port to listen on, 0 to 65,535; 0 picks a free one.
        names: names by which it is reached besides its host and this machine's own, such as that of a container. To a
            request that comes under any other name it answers 421: a page in a browser must not get at it.
        control: whether other processes, and people at its page, may ask and order it, as
            `motion_async.sandbox.control` says; on loopback only.
        clock: gives real seconds, never backwards.
        start: the first moment, in virtual seconds since the epoch.

    Raises:
        ValueError: an argument is out of its bounds.
        OSError: on entering, the address cannot be listened on.
        WrongLoopError: on entering, no asyncio loop is running here; on leaving, it was entered in another.
    """

    def __init__(
        self,
        *,
        credits: int = 100_000,  # noqa: A002 - the contract's word
        price: int = 300,
        seed: int | None = None,
        api_key: str | None = None,
        speed: float = 1.0,
        median_seconds: float = 180.0,
        spread: float = 0.4,
        failure_rate: float = 0.0,
        input_rate: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Iterable[str] = (),
        control: bool = False,
        clock: Callable[[], float] = time.monotonic,
        start: float = _START,
    ) -> None:
        if not 0 <= port <= 65_535:
            raise ValueError(f"port must be from 0 to 65535, not {port}")
        tempo = Tempo(median_seconds=median_seconds, spread=spread, failure_rate=failure_rate, input_rate=input_rate)
        self._host = host
        self._port = port
        self._clock = VirtualClock(start=start, speed=speed, clock=clock)
        self._has_seed = seed is not None
        self._engine = Engine(seed=seed or 0, price=price, tempo=tempo)
        self._faults = FaultBook(seed=seed or 0)
        own = OwnNames(host, (socket.gethostname(), *names) if self.is_public else names)
        self._lock = threading.RLock()  # calls are served in one thread, and orders may come from others
        self._service = Service(self._engine, self._faults, lambda: self._clock.now, own, self._lock)
        self._control = Control(self) if control and not self.is_public else None
        self._runner: web.AppRunner | None = None
        self._api_key = self._engine.add_account(_FIRST_OWNER, credits, key=api_key or self._new_key())

    @classmethod
    @contextmanager
    def in_thread(cls, **options: Any) -> Iterator[Self]:
        """Run a sandbox in a thread and an event loop of its own, beside code of any kind: a plain context manager.

            with Sandbox.in_thread(speed=0) as sandbox:
                sandbox.advance(600)

        Args:
            options: what the class takes.

        Raises:
            ValueError: an argument is out of its bounds.
            OSError: the address cannot be listened on.
        """
        sandbox = cls(**options)
        with start_blocking_portal(name="motion-sandbox") as portal, portal.wrap_async_context_manager(sandbox):
            yield sandbox

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError("the sandbox has been entered already")
        self._home = HomeLoop("the sandbox")
        # A body stays as it came: one that is compressed is no JSON, rather than a trap for the server.
        self._runner = runner = web.AppRunner(
            self._service.application(None if self._control is None else self._control.application()),
            access_log=None,
            auto_decompress=False,
            shutdown_timeout=_PATIENCE_SECONDS,
        )
        try:
            await runner.setup()
            await web.TCPSite(runner, self._host, self._port, backlog=_BACKLOG).start()
        except BaseException:
            await self._close()
            raise
        self._port = runner.addresses[0][1]
        self._clock.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._home.check()
        self._clock.stop()
        await self._close()

    async def _close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            # A caller that is being cancelled must not leave a socket behind; it takes a moment at most.
            with anyio.CancelScope(shield=True):
                # asyncio never closes the socket of a connection whose server ends between accepting and serving it.
                try:
                    for _ in range(_STEPS_TO_SERVE):
                        await anyio.lowlevel.checkpoint()
                finally:
                    await runner.cleanup()

    @property
    def url(self) -> str:
        """The base URL, as `https://api.motion.so/api/motion` is the service's (section "Overview").

        Raises:
            RuntimeError: the sandbox was never entered, and its port is to be picked then.
        """
        if not self._port:
            raise RuntimeError("the sandbox has no address before it is entered")
        host = _WILDCARDS.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}{PREFIX}"

    @property
    def control_url(self) -> str | None:
        """Where another process may ask and order it, by `motion_async.sandbox.control`; None if nowhere.

        With a slash at its end it is the address of the page.
        """
        return None if self._control is None else self.url.removesuffix(PREFIX) + CONTROL

    @property
    def is_public(self) -> bool:
        """Whether it listens on more than loopback, so that other machines may reach it."""
        try:
            return not ipaddress.ip_address(self._host).is_loopback
        except ValueError:
            return self._host != "localhost"

    @property
    def api_key(self) -> str:
        """The key of the first account."""
        return self._api_key

    @property
    def faults(self) -> FaultBook:
        """The book to order faults from."""
        return self._faults

    @property
    def now(self) -> float:
        """The moment, in virtual seconds since the epoch; it stands still while nobody has entered."""
        return self._clock.now

    @property
    def speed(self) -> float:
        """Virtual seconds a real second."""
        return self._clock.speed

    @property
    def price(self) -> int:
        """The credits that a create or followup needs and spends."""
        return self._engine.price

    @property
    def jobs(self) -> Mapping[str, JobRecord]:
        """All jobs by their id, as they are now."""
        return self._engine.records(self.now)

    @property
    def touched(self) -> Sequence[str]:
        """The ids of jobs, once for each create, followup and input, in that order: what is new has come to its end."""
        return self._engine.touched

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts by their API keys, as they are now, the first account first."""
        return self._engine.accounts

    @property
    def counts(self) -> Counts:
        """What came and what was done up to now."""
        received, accepted = self._service.received, self._service.accepted
        return Counts(
            creates=received["create"],
            creates_accepted=accepted["create"],
            followups=received["followup"],
            followups_accepted=accepted["followup"],
            polls=received["poll"],
            duplicates=self._engine.duplicates,
            refused=dict(self._service.refused),
            faults=self._faults.injected,
        )

    def add_account(self, owner: str, credits: int = 100_000) -> str:  # noqa: A002 - the contract's word
        """Open an account for another owner, who sees no job of anybody else.

        Args:
            owner: a name that no other account has; `owner` is the first account's.
            credits: its balance, a whole number, 0 or more.

        Returns:
            Its API key.

        Raises:
            ValueError: the owner has an account, or the credits are out of their bounds.
        """
        with self._lock:
            return self._engine.add_account(owner, credits, key=self._new_key())

    def _new_key(self) -> str | None:
        return None if self._has_seed else f"{API_KEY_PREFIX}sandbox_{secrets.token_hex(16)}"

    def add_credits(self, key: str, credits: int) -> None:  # noqa: A002 - the contract's word
        """Add to a balance, as a purchase in the frontend would (section "Overview").

        Args:
            key: the API key of the account.
            credits: how many, a whole number, 0 or more.

        Raises:
            KeyError: there is no such key.
            ValueError: the credits are out of their bounds.
        """
        with self._lock:
            self._engine.add_credits(key, credits)

    def balance(self, key: str) -> int:
        """Give the credits that an account has left.

        Args:
            key: its API key.

        Raises:
            KeyError: there is no such key.
        """
        return self._engine.balance(key)

    def advance(self, seconds: float) -> None:
        """Step forward in time.

        Args:
            seconds: how far, in virtual seconds, 0 or more.

        Raises:
            ValueError: the step is below 0, or ends after the year 9987.
        """
        with self._lock:
            self._clock.advance(seconds)

    def advance_to_change(self) -> None:
        """Step forward to just after the next change of any job.

        Raises:
            ValueError: no job will change by itself: each has ended, or waits for input.
        """
        with self._lock:
            now = self.now
            changes = [record.upcoming[0].at for record in self.jobs.values() if record.upcoming]
            soonest = min(changes, default=math.inf)
            if soonest == math.inf:
                raise ValueError("no job will change by itself: each has ended, or waits for input")
            self._clock.advance(max(soonest - now, 0) + _JUST_AFTER)

    def give_input(self, job_id: str) -> None:
        """Give a job the input that it waits for, as a person would in the frontend.

        Args:
            job_id: the job.

        Raises:
            KeyError: there is no such job.
            ValueError: it does not wait for input now.
        """
        with self._lock:
            self._engine.give_input(job_id, now=self.now)
