"""Failures as RFC 9457 problem details: the one place that turns a code into a status and words.

Every text says what to do next. The code is stable and meant for programs; the words are for
people, in the reader's language.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from vms.errors import Conflict, Denied, Invalid, LockedOut, NotFound, NotReady, VmsError
from web.language import Language, language_of
from web.validation import Fault, InvalidRequest, NotJson
from web.words import REASONS, TEXTS

CONTENT_TYPE = "application/problem+json"


class FieldFault(BaseModel):
    """One thing wrong with a request."""

    place: str = Field(description="path, query, body or value", examples=["body"])
    field: str = Field(description="Dotted path of the field", examples=["password"])
    detail: str = Field(description="What is wrong, in the reader's language")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Where the problem is explained", examples=["/api/docs#denied"])
    title: str
    status: int
    detail: str = Field(description="What to do now, in the reader's language")
    code: str = Field(description="Stable name of the problem", examples=["denied"])
    errors: list[FieldFault] = []
    retry_after_s: float | None = Field(None, description="Seconds to wait before asking again")


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What one code means: status and both languages' title and advice."""

    status: HTTPStatus
    titles: Mapping[Language, str]
    details: Mapping[Language, str]


PROBLEMS: Mapping[str, ProblemKind] = {
    code: ProblemKind(
        HTTPStatus(status),
        {Language.ZH: title_zh, Language.EN: title_en},
        {Language.ZH: detail_zh, Language.EN: detail_en},
    )
    for code, (status, title_zh, title_en, detail_zh, detail_en) in TEXTS.items()
}

FAMILIES: tuple[tuple[type[VmsError], str], ...] = (
    (LockedOut, "locked_out"),
    (Denied, "denied"),
    (NotFound, "not_found"),
    (Conflict, "conflict"),
    (Invalid, "invalid"),
    (NotReady, "not_ready"),
    (VmsError, "internal"),
)
"""What a service's error is called when its own code has no entry above."""

HTTP_CODES: Mapping[int, str] = {
    400: "bad_request",
    401: "unauthenticated",
    403: "denied",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "not_json",
    503: "not_ready",
}
"""What an aiohttp HTTP exception is called."""


def build_problem(
    request: web.Request,
    code: str,
    *,
    faults: list[Fault] | None = None,
    retry_after_s: float | None = None,
    facts: Mapping[str, object] | None = None,
) -> web.Response:
    """Build the answer for `code`; `facts` become extension members (RFC 9457 §3.2)."""
    kind, language = PROBLEMS[code], language_of(request)
    problem = Problem(
        type=f"/api/docs#{code}",
        title=kind.titles[language],
        status=kind.status,
        detail=kind.details[language],
        code=code,
        errors=[_field_fault(fault, language) for fault in faults or []],
        retry_after_s=retry_after_s,
        **_printable(facts or {}),
    )
    response = web.Response(
        status=kind.status,
        body=problem.model_dump_json(exclude_none=True, exclude_defaults=True).encode(),
        content_type=CONTENT_TYPE,
        headers={"Content-Language": language.value, "Cache-Control": "no-store"},
    )
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(retry_after_s)))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="vms"'
    if kind.status == HTTPStatus.UPGRADE_REQUIRED:
        response.headers["Upgrade"] = "websocket"
    return response


def problem_of_service(request: web.Request, error: VmsError) -> web.Response:
    """Answer a service's refusal by its code, or by its family where the code has no text."""
    return build_problem(
        request,
        code_of(error),
        faults=[_fault(error)] if isinstance(error, Invalid) else None,
        retry_after_s=error.retry_after_s if isinstance(error, LockedOut | NotReady) else None,
        facts={"facts": error.fields},
    )


def code_of(error: VmsError) -> str:
    """The code under which people are told about `error`."""
    if error.code in PROBLEMS:
        return error.code
    return next(code for family, code in FAMILIES if isinstance(error, family))


def problem_of_http(request: web.Request, error: web.HTTPException) -> web.Response:
    """Answer aiohttp's own refusals (no such path, method, size) in the same form."""
    fallback = "bad_request" if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
    response = build_problem(request, HTTP_CODES.get(error.status, fallback))
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def problem_of_request(request: web.Request, error: InvalidRequest | NotJson) -> web.Response:
    """Answer a request that does not fit its declaration."""
    if isinstance(error, NotJson):
        return build_problem(request, "not_json")
    return build_problem(request, "invalid_request", faults=error.faults)


def _fault(error: Invalid) -> Fault:
    zh, en = REASONS.get(error.reason, (error.reason, error.reason))
    return Fault("value", error.field, zh, en)


def _field_fault(fault: Fault, language: Language) -> FieldFault:
    text = fault.zh if language is Language.ZH else fault.en
    return FieldFault(place=fault.place, field=fault.field, detail=text)


def _printable(facts: Mapping[str, object]) -> dict[str, object]:
    """Only non-empty facts; services promise that `fields` hold no secret."""
    return {name: value for name, value in facts.items() if value}
