"""What another process may ask of a sandbox and order from it, as JSON beside the paths of the contract.

    GET /_sandbox/                      a page that shows all this in a browser, live, with a button for each order
    GET /_sandbox/counts                what came and what was done: `Counts`
    GET /_sandbox/jobs                  every job, with its status, its history and what is to come
    GET /_sandbox/faults                the "known" faults with their options, and the "orders" that stand
    POST /_sandbox/advance              {"seconds": 60}, or {"until": "change"} for the next change of any job
    POST /_sandbox/faults               {"fault": "lost-answer", "on": "create", "times": 1}, also with "prompt", as
                                        `FaultBook.for_prompt`, or with "probability", as `FaultBook.at_random`; its
                                        "options" are the fault's own, such as {"retry_after": 2}
    DELETE /_sandbox/faults             withdraws every order
    POST /_sandbox/credits              {"credits": 300}, also with the "key" of an account
    POST /_sandbox/input                {"job_id": "…"}
    POST /_sandbox/keys                 {"owner": "other"}, also with "credits"; answers with the key

It has no key of its own, so it must not be reachable from other machines. No other page in a browser can ask or order
anything: what such a page sends comes with its `Origin`, or is said by the browser to come from another site, and an
order is `application/json`, which a browser asks for first, and nobody answers.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
from aiohttp import web
from aiohttp.typedefs import Handler

from motion_async.sandbox.catalogue import describe_faults, describe_order
from motion_async.sandbox.faults import CallKind, every_fault
from motion_async.sandbox.live import describe_job
from motion_async.sandbox.page import Page

if TYPE_CHECKING:
    from motion_async.sandbox.server import Sandbox

__all__ = ["CONTROL", "Control"]

CONTROL: Final = "/_sandbox"
"""The path of it all, which no path of the contract begins with."""


class Control:
    """The questions and orders to one sandbox.

    Args:
        sandbox: what answers and obeys.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def application(self) -> web.Application:
        """Build the application that stands below `CONTROL`."""
        app = web.Application(middlewares=[_refuse_other_pages])
        Page(self._sandbox).add_to(app)
        for path, ask in {"/counts": self._counts, "/jobs": self._jobs, "/faults": self._faults}.items():
            app.router.add_get(path, _answering(ask))
        app.router.add_delete("/faults", _answering(self._sandbox.faults.clear))
        orders: dict[str, Callable[..., object]] = {
            "/advance": self._advance,
            "/faults": self._order_fault,
            "/credits": self._add_credits,
            "/input": self._sandbox.give_input,
            "/keys": self._add_account,
        }
        for path, order in orders.items():
            app.router.add_post(path, _obeying(order))
        return app

    def _counts(self) -> object:
        return attrs.asdict(self._sandbox.counts)

    def _jobs(self) -> object:
        return {"now": self._sandbox.now, "jobs": [describe_job(record) for record in self._sandbox.jobs.values()]}

    def _faults(self) -> object:
        return {"known": describe_faults(), "orders": list(map(describe_order, self._sandbox.faults.orders))}

    def _advance(self, *, seconds: float | None = None, until: Literal["change"] | None = None) -> object:
        if (seconds is None) == (until is None) or until not in {None, "change"}:
            raise ValueError('one of {"seconds": …} and {"until": "change"} is to be given')
        if seconds is None:
            self._sandbox.advance_to_change()
        elif not isinstance(seconds, int | float):
            raise ValueError(f"seconds is a number, not {seconds!r}")
        else:
            self._sandbox.advance(seconds)
        return {"now": self._sandbox.now}

    def _order_fault(
        self,
        *,
        fault: str,
        on: CallKind | None = None,
        times: int | None = None,
        prompt: str | None = None,
        probability: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        known, book = every_fault(), self._sandbox.faults
        if not isinstance(fault, str) or fault not in known:
            raise ValueError(f"fault must be one of {', '.join(known)}, not {fault!r}")
        _check_fields(options or {}, attrs.fields_dict(type(known[fault])), f"the fault {fault}")
        wanted = attrs.evolve(known[fault], **(options or {}))
        if probability is not None:
            if prompt is not None or times is not None:
                raise ValueError("probability goes with neither prompt nor times")
            book.at_random(wanted, probability, on=on)
        elif prompt is not None:
            book.for_prompt(prompt, wanted, on=on, times=times)
        else:
            book.next(wanted, on=on, times=1 if times is None else times)

    def _add_credits(self, *, credits: int, key: str | None = None) -> object:  # noqa: A002  # the contract's word
        key = self._sandbox.api_key if key is None else key
        self._sandbox.add_credits(key, credits)
        return {"balance": self._sandbox.balance(key)}

    def _add_account(self, *, owner: str, credits: int = 100_000) -> object:  # noqa: A002  # the contract's word
        return {"api_key": self._sandbox.add_account(owner, credits)}


@web.middleware
async def _refuse_other_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a page of another origin has a browser send, but for a link that a person follows."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    is_own = origin is None or origin.partition("://")[2] == request.headers["Host"]
    is_link = request.headers.get("Sec-Fetch-Dest") == "document" and request.method == "GET"
    if is_own and (site in {"same-origin", "none"} or is_link):
        return await handler(request)
    return _refuse(403, "a page of another origin can neither ask nor order")


def _answering(ask: Callable[[], object]) -> Callable[[web.Request], Any]:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(ask() or {})

    return answer


def _obeying(order: Callable[..., object]) -> Callable[[web.Request], Any]:
    """Give a handler that calls with the fields of the body as arguments, and says what is wrong with them."""

    async def obey(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return _refuse(415, "an order is application/json")
        try:
            return web.json_response(order(**_read_order(await request.read(), order, request.path)) or {})
        except KeyError as error:
            return _refuse(404, f"there is no {error.args[0]!r}")
        except (TypeError, ValueError) as error:
            return _refuse(400, str(error))

    return obey


def _read_order(body: bytes, order: Callable[..., object], path: str) -> dict[str, Any]:
    """Read the fields of an order, which are the arguments of what carries it out, or raise a `ValueError`."""
    try:
        fields = json.loads(body)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise ValueError('an order is a JSON object, such as {"seconds": 60}')  # noqa: TRY004  # of the body
    parameters = inspect.signature(order).parameters
    _check_fields(fields, parameters, path)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in fields:
            raise ValueError(f"{path} needs {name}")
    return fields


def _check_fields(fields: Mapping[str, Any], known: Collection[str], what: str) -> None:
    for name in fields:
        if name not in known:
            takes = ", ".join(known) or "no options"
            hint = "; a fault's own options are in its options" if "options" in known else ""
            raise ValueError(f"{what} takes {takes}, not {name}{hint}")


def _refuse(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
