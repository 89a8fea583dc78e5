"""Requests against their declared models: path, query, JSON body, or one error with all faults.

pydantic does the checking (its JSON reader bounds nesting and refuses broken UTF-8); this module
only decides what the faults are called in Chinese and English.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from web.route import JSON, Shape

ModelT = TypeVar("ModelT", bound=BaseModel)

FAULTS: Mapping[str, tuple[str, str]] = {
    "missing": ("必填", "is required"),
    "extra_forbidden": ("没有这个字段，请检查拼写", "is not a known field; check its spelling"),
    "string_type": ("应为文本", "must be text"),
    "string_pattern_mismatch": ("格式应为 {pattern}", "must match {pattern}"),
    "string_too_short": ("至少 {min_length} 个字符", "needs at least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字符", "allows at most {max_length} characters"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "float_type": ("应为数字", "must be a number"),
    "float_parsing": ("应为数字", "must be a number"),
    "finite_number": ("应为有限的数字", "must be a finite number"),
    "bool_type": ("应为 true 或 false", "must be true or false"),
    "bool_parsing": ("应为 true 或 false", "must be true or false"),
    "enum": ("应为 {expected} 之一", "must be one of {expected}"),
    "literal_error": ("应为 {expected} 之一", "must be one of {expected}"),
    "greater_than": ("应大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
    "too_short": ("至少 {min_length} 项", "needs at least {min_length} items"),
    "too_long": ("最多 {max_length} 项", "allows at most {max_length} items"),
    "json_invalid": ("不是有效的 JSON：{error}", "is not valid JSON: {error}"),
    "model_type": ("应为 JSON 对象", "must be a JSON object"),
    "timezone_aware": ("时间应带时区，如 +08:00", "needs a time zone, e.g. +08:00"),
    "datetime_from_date_parsing": ("应为 ISO 8601 时间", "must be an ISO 8601 time"),
    "datetime_parsing": ("应为 ISO 8601 时间", "must be an ISO 8601 time"),
}
"""pydantic's error type → Chinese and English; other types fall back to pydantic's own English."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: where it is and what it is called in both languages."""

    place: str
    field: str
    zh: str
    en: str


class InvalidRequest(Exception):
    """The request does not fit the route's declaration; `faults` names every reason."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults in the request")
        self.faults = faults


class NotJson(Exception):
    """A body came with another content type than JSON (also the second wall against CSRF)."""


async def read_arguments(
    shape: Shape, request: web.Request, ignored: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the handler's keyword arguments; raises InvalidRequest or NotJson.

    `ignored` names what the query may hold for others (the guard's token).
    """
    arguments: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, adapter in shape.path.items():
        try:
            arguments[name] = adapter.validate_python(request.match_info[name])
        except ValidationError as error:
            faults += [_fault("path", detail, name) for detail in error.errors()]
    if shape.query:
        try:
            arguments["query"] = shape.query.model_validate(_query(request, ignored))
        except ValidationError as error:
            faults += [_fault("query", detail) for detail in error.errors()]
    if shape.body:
        try:
            arguments["body"] = await read_body(shape.body, request)
        except ValidationError as error:
            faults += [_fault("body", detail) for detail in error.errors()]
    if faults:
        raise InvalidRequest(faults)
    return arguments


async def read_body(model: type[ModelT], request: web.Request) -> ModelT:
    """Read a JSON body; the application's size limit answers 413 before this sees too much."""
    if request.content_type != JSON:
        raise NotJson
    return model.model_validate_json(await request.read())


def _query(request: web.Request, ignored: frozenset[str]) -> dict[str, object]:
    """Query as a plain dictionary: empty values count as absent, repeated ones stay a list."""
    found: dict[str, object] = {}
    for name in request.query.keys() - ignored:
        values = [value for value in request.query.getall(name) if value]
        if values:
            found[name] = values[0] if len(values) == 1 else values
    return found


def _fault(place: str, detail: ErrorDetails, name: str = "") -> Fault:
    field = ".".join(str(part) for part in detail["loc"]) or name
    texts = FAULTS.get(detail["type"])
    if texts is None:
        return Fault(place, field, detail["msg"], detail["msg"])
    context = detail.get("ctx", {})
    return Fault(place, field, texts[0].format(**context), texts[1].format(**context))
