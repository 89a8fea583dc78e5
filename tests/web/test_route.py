"""A declaration is read from the handler's own signature."""

from typing import Annotated

import pytest
from aiohttp import web
from pydantic import BaseModel, Field

from web.call import Call
from web.route import Permission, Resource, read_shape


class Query(BaseModel):
    page: int = 1


class Draft(BaseModel):
    name: str


class Thing(BaseModel):
    id: int


async def change(
    call: Call, number: Annotated[int, Field(ge=1)], query: Query, body: Draft
) -> Thing:
    """Change it."""
    return Thing(id=number)


async def stream(call: Call) -> web.StreamResponse:
    return web.StreamResponse()


def test_arguments_are_path_query_and_body_by_name() -> None:
    shape = read_shape(change)
    assert (shape.query, shape.body, shape.answer) == (Query, Draft, Thing)
    assert list(shape.path) == ["number"]
    assert shape.path["number"].validate_python("3") == 3


def test_a_handler_that_builds_its_response_may_name_its_model() -> None:
    assert read_shape(stream).answer is None
    assert read_shape(stream, Thing).answer is Thing


def test_a_resource_collects_its_routes_below_its_prefix() -> None:
    resource = Resource("things", "Things.")
    decorate = resource.route(
        "PUT", "/things/{number}", summary="Change", permission=Permission.OPERATE
    )
    assert decorate(change) is change
    (route,) = resource
    assert (route.method, route.path) == ("PUT", "/api/v1/things/{number}")
    assert (route.operation_id, route.tag, route.is_change) == ("change", "things", True)


@pytest.mark.parametrize(("method", "is_change"), [("GET", False), ("DELETE", True)])
def test_safe_methods_change_nothing(method: str, is_change: bool) -> None:
    resource = Resource("things", "Things.", prefix="")
    resource.route(method, "/", summary="x", permission=Permission.OPEN)(stream)
    assert next(iter(resource)).is_change is is_change


def test_a_handler_without_annotations_cannot_be_declared() -> None:
    async def bare(call, body):  # type: ignore[no-untyped-def]
        return None

    with pytest.raises(KeyError):
        read_shape(bare)
