"""The values as pydantic models, so that FastAPI and all that builds on pydantic take, give and document them.

A request is validated by the contract, with each problem at its own place; everything is written by the codec. pydantic
is no dependency: it asks a class for its schema, and is imported here when it does. `jobs` knows nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, field, make_dataclass
from datetime import UTC, datetime
from functools import partial
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import attrs

from motion_async.codec import from_dict, to_dict
from motion_async.codec.kinds import EVENTS
from motion_async.contract.validation import MAX_ID, batch_problems, problems
from motion_async.errors import ConfigurationError
from motion_async.jobs import (
    MAX_ATTACHMENT_NAME,
    MAX_ATTACHMENT_URL,
    MAX_ATTACHMENTS,
    MAX_PROMPT,
    Attachment,
    BatchRequest,
    JobState,
    JobStatus,
    Outcome,
    StatusChange,
    VideoRequest,
)
from motion_async.problems import Problem
from motion_async.redaction import redacted_deep

__all__ = ["attach_schemas"]

_BOUNDS: Final[Mapping[tuple[type, str], Mapping[str, int]]] = {
    (VideoRequest, "prompt"): {"min_length": 1, "max_length": MAX_PROMPT},
    (VideoRequest, "attachments"): {"max_length": MAX_ATTACHMENTS},
    (Attachment, "url"): {"min_length": 1, "max_length": MAX_ATTACHMENT_URL},
    (Attachment, "name"): {"max_length": MAX_ATTACHMENT_NAME},
    (BatchRequest, "id"): {"min_length": 1, "max_length": MAX_ID},
    (BatchRequest, "follows"): {"min_length": 1, "max_length": MAX_ID},
}
_STATUSES: Final = tuple(str(getattr(JobStatus, name)) for name in JobStatus.__annotations__)


def attach_schemas() -> None:
    """Give the values the methods by which pydantic asks for their schemas."""
    kinds: tuple[type, ...] = (Attachment, BatchRequest, JobState, JobStatus, Outcome, StatusChange, VideoRequest)
    for kind in kinds:
        setattr(kind, "__get_pydantic_core_schema__", classmethod(_core_schema))  # noqa: B010  # a type has none
        setattr(kind, "__get_pydantic_json_schema__", classmethod(_json_schema))  # noqa: B010
    for kind in _CHECKED:
        _show_as_dataclass(kind)


def _show_as_dataclass(kind: type) -> None:
    """Give a class what dataclasses are known by: FastAPI takes these for bodies, and an unknown class for a query."""
    fields = []
    for each in attrs.fields(kind):
        default = MISSING if each.default is attrs.NOTHING else each.default
        fields.append((each.name, each.type, field(default=default, kw_only=each.kw_only)))
    twin = make_dataclass(kind.__name__, fields, init=False, repr=False, eq=False)
    for name in ("__dataclass_fields__", "__dataclass_params__"):
        setattr(kind, name, getattr(twin, name))


def _pydantic_core() -> Any:
    import pydantic_core  # noqa: PLC0415  # it is there, as pydantic has asked

    return pydantic_core


def _core_schema(kind: type, _source: Any, _handler: Any) -> Any:
    core_schema = _pydantic_core().core_schema
    if issubclass(kind, JobStatus):
        return core_schema.no_info_after_validator_function(kind, core_schema.str_schema(min_length=1))
    serialization = core_schema.plain_serializer_function_ser_schema(to_dict)
    validate = partial(_validate, kind)
    return core_schema.no_info_plain_validator_function(validate, ref=_ref(kind), serialization=serialization)


def _ref(kind: type) -> str:
    """Name what a document has one definition of, wherever the value stands in it."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _json_schema(kind: type, _schema: Any, handler: Callable[[Any], Any]) -> Any:
    return handler(_shape(kind))


# How they look: schemas that document and never run.
def _shape(kind: Any, bounds: Mapping[str, int] | None = None) -> Any:
    core_schema = _pydantic_core().core_schema
    bounds = bounds or {}
    plain: dict[Any, Callable[[], Any]] = {
        bool: core_schema.bool_schema,
        int: core_schema.int_schema,
        str: partial(core_schema.str_schema, **bounds),
        datetime: core_schema.datetime_schema,
    }
    if kind in plain:
        return plain[kind]()
    if kind is JobStatus:  # there may be others, and whoever generates a client should know these
        return core_schema.union_schema([core_schema.literal_schema(list(_STATUSES)), core_schema.str_schema()])
    if get_origin(kind) is Literal:
        return core_schema.literal_schema(list(get_args(kind)))
    if get_origin(kind) is tuple:
        return core_schema.list_schema(_shape(get_args(kind)[0]), **bounds)
    if NoneType in get_args(kind):
        return core_schema.nullable_schema(_shape(get_args(kind)[0], bounds))
    return _object_shape(kind) if attrs.has(kind) else core_schema.any_schema()


def _object_shape(kind: type) -> Any:
    core_schema = _pydantic_core().core_schema
    hints = get_type_hints(kind)
    constants = EVENTS.get(kind, {}).items()
    fields = {
        name: core_schema.typed_dict_field(core_schema.literal_schema([value]), required=False)
        for name, value in constants
    }
    for each in attrs.fields(kind):
        shape = _shape(hints[each.name], _BOUNDS.get((kind, each.name)))
        fields[each.name] = core_schema.typed_dict_field(shape, required=each.default is attrs.NOTHING)
    if kind is Outcome:  # its error is told in three fields
        text = core_schema.typed_dict_field(_shape(str | None), required=False)
        data = core_schema.nullable_schema(core_schema.dict_schema())
        fields |= {"error": text, "message": text, "error_data": core_schema.typed_dict_field(data, required=False)}
    others: dict[str, Any] = {"extra_behavior": "allow"} if fields.pop("extra", None) else {}
    return core_schema.typed_dict_schema(fields, cls=kind, ref=_ref(kind), **others)


# What they are made of.
def _validate(kind: type, given: Any) -> Any:
    if isinstance(given, kind):
        return given
    if not isinstance(given, Mapping):
        message = f"Expected an object, received {type(given).__name__}"
        raise _pydantic_core().PydanticCustomError("invalid_type", message)
    check = _CHECKED.get(kind)
    if check is None:
        return _read(kind, given)
    value, found = check(given)
    if found:
        raise _with_each(found, kind, given)
    return value


def _read(kind: type, given: Mapping[str, Any]) -> Any:
    try:
        return from_dict(kind, given)
    except ConfigurationError as error:
        raise _pydantic_core().PydanticCustomError("invalid_shape", str(error)) from None


def _with_each(found: Iterable[Problem], kind: type, given: Any) -> Exception:
    """Give the error of pydantic's that tells of each problem at its place."""
    core = _pydantic_core()
    told = [
        core.InitErrorDetails(
            type=core.PydanticCustomError(problem.code, problem.message, dict(problem.extra) or None),
            loc=problem.path,
            input=redacted_deep(_at(given, problem.path)),  # it goes to logs and answers
        )
        for problem in found
    ]
    return core.ValidationError.from_exception_data(kind.__name__, told)  # type: ignore[no-any-return]


def _at(given: Any, path: Iterable[str | int]) -> Any:
    """Give what stands at a place, or the last thing on the way there."""
    for step in path:
        try:
            given = given[step]
        except (LookupError, TypeError):
            break
    return given


def _check_attachment(given: Mapping[str, Any]) -> tuple[Attachment, list[Problem]]:
    attachment = _make_attachment(given)
    found = problems(VideoRequest("-", attachments=(attachment,)), now=datetime.now(UTC))
    return attachment, [attrs.evolve(problem, path=problem.path[2:]) for problem in found]


def _check_request(given: Mapping[str, Any]) -> tuple[VideoRequest, tuple[Problem, ...]]:
    request = _make_request(given)
    return request, problems(request, now=datetime.now(UTC))


def _check_batch_request(given: Mapping[str, Any]) -> tuple[BatchRequest, list[Problem]]:
    names = ("id", "follows", "metadata")
    value = BatchRequest(_make_request(given.get("request")), **{name: given.get(name) for name in names})
    of_request = problems(value.request, now=datetime.now(UTC))
    found = [attrs.evolve(problem, path=("request", *problem.path)) for problem in of_request]
    return value, [*found, *batch_problems(value)]


_CHECKED: Final[Mapping[type, Callable[[Mapping[str, Any]], tuple[Any, Iterable[Problem]]]]] = {
    Attachment: _check_attachment,
    VideoRequest: _check_request,
    BatchRequest: _check_batch_request,
}


# Of whatever types their fields are: the validation tells of those, too.
def _make_request(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    attachments = given.get("attachments")
    if isinstance(attachments, list | tuple):
        attachments = [_make_attachment(item) for item in attachments]
    return VideoRequest(
        given.get("prompt"),  # type: ignore[arg-type]  # a prompt, or what validation refuses
        style_reference_url=given.get("style_reference_url"),
        attachments=attachments,
    )


def _make_attachment(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    parts: dict[str, Any] = {name: given.get(name) for name in attrs.fields_dict(Attachment)}
    return Attachment(**parts)
