"""Whatever is sent, the answer is the declared one or a problem, never our fault (threat 34)."""

import json
import random
import re
from functools import lru_cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.web.conftest import Client
from tests.web.records import CHANNEL, DEVICE
from web.app import RESOURCES
from web.openapi import build_document
from web.route import Route

DOCUMENT = build_document(RESOURCES, "0.1.0")
ROUTES = [route for resource in RESOURCES for route in resource]
PLAIN = [route for route in ROUTES if not route.takes_url_token and route.status != 101]
CASES = 15
NASTY: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63,
    10**400,
    1e308,
    "",
    " ",
    "\x00",
    "\ud800",
    "‮\u0000<script>",
    "'; DROP TABLE alarm; --",
    "=cmd|' /C calc'!A0",
    "９" * 20,
    "9" * 20,
    "x" * 2000,
    [],
    [[[[[[]]]]]],
    {},
    {"": {"": {}}},
    [[0, 0], [1, 1], [0.5, 2]],
    "2026-11-20T04:00:00Z",
    "9999-12-31T23:59:59+14:00",
    "0001-01-01T00:00:00-14:00",
]
ADDRESSES = {"device_id": DEVICE, "code": CHANNEL}


def address(route: Route) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: ADDRESSES.get(match[1], "1"), route.path)


def nasty_body(route: Route, chance: random.Random) -> object:
    """Any value, or an object of the declared fields with any values in them."""
    if route.shape.body is None or chance.random() < 0.2:
        return chance.choice(NASTY)
    names = [*route.shape.body.model_fields, "__proto__"]
    return {name: chance.choice(NASTY) for name in names if chance.random() < 0.8}


@lru_cache
def validator(reference: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": reference, "components": DOCUMENT["components"]})


def check(route: Route, status: int, text: str) -> None:
    assert status < 500, (route.path, text)
    described = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
    answer = described.get(str(status), described["default"])
    if "content" not in answer:
        assert text == ""
        return
    for kind, content in answer["content"].items():
        if "json" in kind and content:
            validator(content["schema"]["$ref"]).validate(json.loads(text))


@pytest.mark.parametrize(
    "route", [r for r in PLAIN if r.is_change], ids=lambda route: f"{route.method} {route.path}"
)
async def test_no_body_breaks_a_route(route: Route, admin: Client) -> None:
    chance = random.Random(route.path)
    for _ in range(CASES):
        body = json.dumps(nasty_body(route, chance)).encode()
        headers = {"Content-Type": "application/json"}
        answer = await admin.request(route.method, address(route), data=body, headers=headers)
        check(route, answer.status, await answer.text())
        if route.operation_id == "log_out":
            return


@pytest.mark.parametrize(
    "route", [r for r in PLAIN if r.shape.query], ids=lambda route: f"{route.method} {route.path}"
)
async def test_no_query_breaks_a_route(route: Route, admin: Client) -> None:
    assert route.shape.query is not None
    chance = random.Random(route.path)
    values = [str(value).replace("\ud800", "%") for value in NASTY]
    for _ in range(CASES):
        names = [name for name in route.shape.query.model_fields if chance.random() < 0.6]
        query = [(name, chance.choice(values)) for name in names]
        answer = await admin.get(address(route), params=query)
        # Some answers are files.
        check(route, answer.status, (await answer.read()).decode(errors="replace"))


@pytest.mark.parametrize(
    "route", [r for r in PLAIN if r.shape.path], ids=lambda route: f"{route.method} {route.path}"
)
async def test_no_path_breaks_a_route(route: Route, admin: Client) -> None:
    for value in ("0", "-", "%F0%9F", "%ff%fe", "9" * 400, "１", "%0a", "a%2fb", "null", "1e3"):
        path = re.sub(r"\{\w+\}", value, route.path)
        answer = await admin.request(route.method, path, json={})
        assert answer.status in {400, 404}, (path, answer.status)
