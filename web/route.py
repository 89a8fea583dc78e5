"""The declaration of a route: one place for address, right, input, answer and words.

A handler's signature is its contract. `query` and `body` name pydantic models, every other argument
is a path parameter with its constraints, the return annotation is the answer. From this one
declaration come the router's entry, the permission check, the validation and the OpenAPI document,
so they cannot disagree. This module knows no resource and no service.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from inspect import signature
from typing import Any, TypedDict, TypeVar, Unpack, get_type_hints

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

API = "/api/v1"

Answer = BaseModel | web.StreamResponse | None
Handler = Callable[..., Awaitable[Answer]]
HandlerT = TypeVar("HandlerT", bound=Handler)
JSON = "application/json"


class Permission(StrEnum):
    """What a person must be allowed to do before a route answers."""

    OPEN = "open"
    """Nobody has to be known: login and health only."""
    WATCH = "watch"
    """See pictures, lists, alarms and recordings."""
    OPERATE = "operate"
    """Acknowledge alarms, switch recording, edit scenes."""
    ADMINISTER = "administer"
    """Manage devices, channels' names, users and platforms."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a handler takes and gives, read from its signature."""

    path: Mapping[str, TypeAdapter[Any]]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: type[BaseModel] | None


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one address, with everything that router, guard and documentation need."""

    method: str
    path: str
    tag: str
    summary: str
    permission: Permission
    handler: Handler
    shape: Shape
    status: HTTPStatus = HTTPStatus.OK
    media_type: str = JSON
    problems: tuple[str, ...] = ()
    """Codes of `web.problems` that this route may answer besides the general ones."""
    takes_url_token: bool = False
    """Players cannot send headers: these routes also accept a media token as `?token=`."""
    takes_websocket: bool = False
    """The same address also answers a WebSocket upgrade."""
    takes_file: bool = False
    """The body is a file as it is, not JSON; its size is the handler's matter."""
    is_audited: bool = False
    """Written to the audit log though nothing is changed (downloads)."""
    audits_itself: bool = False
    """Its handler writes the log: it is called several times for one act of a person."""

    @property
    def is_change(self) -> bool:
        """Whether the method alters state (RFC 9110 §9.2.1: all but the safe methods)."""
        return self.method not in {"GET", "HEAD", "OPTIONS"}

    @property
    def operation_id(self) -> str:
        """The name of the operation for generated clients: the handler's own name."""
        return self.handler.__name__


class RouteOptions(TypedDict, total=False):
    """The fields of `Route` that most declarations leave at their defaults."""

    status: HTTPStatus
    media_type: str
    problems: tuple[str, ...]
    takes_url_token: bool
    takes_websocket: bool
    takes_file: bool
    is_audited: bool
    audits_itself: bool


@dataclass(slots=True)
class Resource:
    """The routes of one resource file; its tag groups them in the documentation."""

    tag: str
    about: str
    prefix: str = API
    routes: list[Route] = field(default_factory=list)

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)

    def route(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        permission: Permission,
        answer: type[BaseModel] | None = None,
        **options: Unpack[RouteOptions],
    ) -> Callable[[HandlerT], HandlerT]:
        """Declare the decorated handler as the answer to `method` at `prefix + path`.

        `answer` names the model of a handler that builds its response itself (to set a cookie).
        """

        def declare(handler: HandlerT) -> HandlerT:
            self.routes.append(
                Route(
                    method=method,
                    path=self.prefix + path,
                    tag=self.tag,
                    summary=summary,
                    permission=permission,
                    handler=handler,
                    shape=read_shape(handler, answer),
                    **options,
                )
            )
            return handler

        return declare


def read_shape(handler: Handler, answer: type[BaseModel] | None = None) -> Shape:
    """Read a handler's contract from its annotations; the first argument is the call itself."""
    hints = get_type_hints(handler, include_extras=True)
    names = list(signature(handler).parameters)[1:]
    return Shape(
        path={name: TypeAdapter(hints[name]) for name in names if name not in {"query", "body"}},
        query=hints["query"] if "query" in names else None,
        body=hints["body"] if "body" in names else None,
        answer=answer or _model(hints["return"]),
    )


def _model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None
