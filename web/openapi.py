"""The OpenAPI 3.1 document, generated from the declared routes and nothing else."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.problems import PROBLEMS, Problem
from web.route import JSON, Permission, Resource, Route

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/{model}"
PROBLEM_TYPE = "application/problem+json"
WITHOUT_CONTENT = {HTTPStatus.NO_CONTENT, HTTPStatus.SWITCHING_PROTOCOLS}
SECURITY: Mapping[str, Schema] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Token of POST /api/v1/session."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "vms_session"},
    "url_token": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "Scoped and expiring; part of the URLs that a live status answers.",
    },
}


def build_document(resources: Iterable[Resource], version: str) -> Schema:
    """Describe every declared route; the order of resources is the order of chapters."""
    resources = list(resources)
    routes = [route for resource in resources for route in resource]
    schemas, components = _schemas(routes)
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fengsui VMS 烽燧",
            "version": version,
            "description": "Times are ISO 8601 in UTC. Errors are RFC 9457 problem details whose "
            "`code` is stable; texts follow Accept-Language (zh, en).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": resource.tag, "description": resource.about} for resource in resources],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": dict(SECURITY)},
    }


def _schemas(routes: list[Route]) -> tuple[dict[type[BaseModel], Schema], Schema]:
    """Return each model's schema (a reference, or the bare object for queries) and components."""
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for route in routes:
        shape = route.shape
        wanted += [(model, "validation") for model in (shape.query, shape.body) if model]
        wanted += [(shape.answer, "serialization")] if shape.answer else []
    references, definitions = models_json_schema(
        list(dict.fromkeys(wanted)), ref_template=REFERENCE
    )
    schemas = {
        model: dict(schema)
        for (model, _), schema in references.items()
        if issubclass(model, BaseModel)
    }
    components: Schema = definitions.get("$defs", {})
    for query in {route.shape.query for route in routes if route.shape.query}:
        name = schemas[query]["$ref"].rsplit("/", 1)[1]
        schemas[query] = components.pop(name)
    return schemas, components


def _operation(route: Route, schemas: Mapping[type[BaseModel], Schema]) -> Schema:
    operation: Schema = {
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": route.summary,
        "description": _description(route),
        "security": _security(route),
        "responses": _responses(route, schemas),
    }
    if parameters := _parameters(route, schemas):
        operation["parameters"] = parameters
    if route.shape.body:
        content = {JSON: {"schema": schemas[route.shape.body]}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.takes_file:
        content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _description(route: Route) -> str:
    text = (route.handler.__doc__ or "").strip()
    return f"{text}\n\nPermission: {route.permission.value}.".strip()


def _security(route: Route) -> list[Schema]:
    if route.permission is Permission.OPEN:
        return []
    names = ["bearer", "cookie"] + (["url_token"] if route.takes_url_token else [])
    return [{name: []} for name in names]


def _parameters(route: Route, schemas: Mapping[type[BaseModel], Schema]) -> list[Schema]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": adapter.json_schema()}
        for name, adapter in route.shape.path.items()
    ]
    if route.shape.query:
        model = schemas[route.shape.query]
        required = model.get("required", [])
        for name, schema in model["properties"].items():
            found.append(_query_parameter(name, schema, required=name in required))
    return found


def _query_parameter(name: str, schema: Schema, *, required: bool) -> Schema:
    parameter: Schema = {"name": name, "in": "query", "required": required, "schema": schema}
    if "description" in schema:
        parameter["description"] = schema["description"]
    return parameter


def _responses(route: Route, schemas: Mapping[type[BaseModel], Schema]) -> Schema:
    answers: Schema = {str(int(route.status)): _success(route, schemas)}
    if route.takes_websocket:
        upgraded = HTTPStatus.SWITCHING_PROTOCOLS
        answers[str(int(upgraded))] = {"description": upgraded.phrase}
    by_status: dict[int, list[str]] = {}
    for code in _problem_codes(route):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        answers[str(status)] = _problem(f"Codes: {', '.join(codes)}.")
    answers["default"] = _problem("Any other failure.")
    return answers


def _success(route: Route, schemas: Mapping[type[BaseModel], Schema]) -> Schema:
    answer: Schema = {"description": route.status.phrase}
    if route.shape.answer:
        answer["content"] = {JSON: {"schema": schemas[route.shape.answer]}}
    elif route.status not in WITHOUT_CONTENT:
        answer["content"] = {route.media_type: {}}
    return answer


def _problem(description: str) -> Schema:
    schema = {"$ref": REFERENCE.format(model=Problem.__name__)}
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": schema}}}


def _problem_codes(route: Route) -> list[str]:
    """The general problems that the declaration itself implies, then the route's own."""
    codes: list[str] = []
    if route.shape.path or route.shape.query or route.shape.body:
        codes.append("invalid_request")
    if route.permission is not Permission.OPEN:
        codes += ["unauthenticated", "denied"]
    if route.is_change:
        codes.append("cross_origin")
    if route.shape.body:
        codes += ["too_large", "not_json"]
    return [*codes, *(code for code in route.problems if code not in codes)]
