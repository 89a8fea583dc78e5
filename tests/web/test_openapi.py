"""The document is valid OpenAPI 3.1 and says what the application does, no more and no less."""

import json
import re
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.web.conftest import Client
from tests.web.fake_platforms import UPPER
from tests.web.records import CHANNEL, DEVICE
from web.app import RESOURCES
from web.openapi import build_document
from web.problems import PROBLEMS
from web.route import Permission

DOCUMENT = build_document(RESOURCES, "0.1.0")
ROUTES = [route for resource in RESOURCES for route in resource]
NAMES = [f"{route.method} {route.path}" for route in ROUTES]
ADDRESSES = {
    "device_id": DEVICE,
    "platform_id": UPPER,
    "address": "10.1.2.9",
    "code": CHANNEL,
    "start": "2026-11-20T00:00:00Z",
    "end": "2026-11-21T00:00:00Z",
}


def operation(method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def test_the_document_is_valid() -> None:
    validate(json.loads(json.dumps(DOCUMENT)))
    assert DOCUMENT["openapi"] == "3.1.0"


async def test_routes_and_document_agree(app: web.Application, viewer: Client) -> None:
    served = await (await viewer.get("/api/v1/openapi.json")).json()
    assert served == json.loads(json.dumps(DOCUMENT))
    documented = {
        (method.upper(), path) for path, item in served["paths"].items() for method in item
    }
    answered = {
        (entry.method, resource.canonical)
        for entry in app.router.routes()
        if (resource := entry.resource) is not None
        and not (entry.resource.name or "").startswith("page-")
        and entry.resource.canonical != "/static"
    }
    assert documented == answered


def test_every_operation_has_its_own_name_a_chapter_and_words() -> None:
    names = [route.operation_id for route in ROUTES]
    assert len(names) == len(set(names))
    chapters = {tag["name"] for tag in DOCUMENT["tags"]}
    for route in ROUTES:
        found = operation(route.method, route.path)
        assert set(found["tags"]) <= chapters
        assert found["summary"] and len(found["description"].splitlines()[0]) > 10


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_the_document_asks_for_what_the_guard_asks_for(route: Any) -> None:
    found = operation(route.method, route.path)
    assert (found["security"] == []) is (route.permission is Permission.OPEN)
    assert ({"url_token": []} in found["security"]) is route.takes_url_token
    assert ("401" in found["responses"]) is (
        route.permission is not Permission.OPEN or "wrong_credentials" in route.problems
    )
    assert set(route.problems) <= set(PROBLEMS)


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_path_parameters_are_described(route: Any) -> None:
    described = {
        parameter["name"]: parameter
        for parameter in operation(route.method, route.path).get("parameters", [])
        if parameter["in"] == "path"
    }
    assert set(described) == set(re.findall(r"\{(\w+)\}", route.path))
    for parameter in described.values():
        assert parameter["schema"].keys() & {"pattern", "minimum", "enum"}


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert used == set(DOCUMENT["components"]["schemas"])


def test_no_schema_of_an_answer_holds_a_secret_but_where_it_is_given_once() -> None:
    given = {
        name
        for name, schema in DOCUMENT["components"]["schemas"].items()
        if {"password", "token"} & schema.get("properties", {}).keys()
    }
    drafts = {"Credentials", "DeviceDraft", "PasswordDraft", "AccountDraft"}
    drafts |= {"PlatformDraft", "PlatformChange"}
    assert given == drafts | {"DeviceAdded", "NewPassword", "SessionStarted"}


@pytest.mark.parametrize(
    "route",
    [r for r in ROUTES if r.method == "GET" and r.shape.answer],
    ids=lambda route: route.path,
)
async def test_answers_fit_their_schemas(route: Any, admin: Client) -> None:
    path = re.sub(r"\{(\w+)\}", lambda match: ADDRESSES.get(match[1], "1"), route.path)
    if route.shape.query:
        fields = {n for n, f in route.shape.query.model_fields.items() if f.is_required()}
        path += "?" + "&".join(f"{name}={ADDRESSES[name]}" for name in sorted(fields))
    answer = await admin.get(path)
    assert answer.status in {200, 404}
    if answer.status == 404:
        schema = {"$ref": "#/components/schemas/Problem"}
    else:
        content = operation("GET", route.path)["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole).validate(await answer.json())


async def test_the_page_for_people_needs_no_other_site_and_no_script(viewer: Client) -> None:
    answer = await viewer.get("/api/docs")
    page = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert not re.search(r"<script|<link|<img|@import|url\(|(src|href)=\"(https?:)?//", page)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for route in ROUTES:
        assert f'id="{route.operation_id}"' in page and route.path in page
    for code in PROBLEMS:
        assert f'id="{code}"' in page


async def test_the_page_for_people_follows_the_language(viewer: Client) -> None:
    chinese = await (await viewer.get("/api/docs")).text()
    english = await (await viewer.get("/api/docs", headers={"Accept-Language": "en"})).text()
    assert '<html lang="zh-CN">' in chinese and "设备离线" in chinese
    assert '<html lang="en">' in english and "The device is offline" in english
