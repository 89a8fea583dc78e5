"""The interface's own description: OpenAPI for programs, a page for people."""

import base64
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web
from markupsafe import Markup

from web.call import Call
from web.keys import document_key
from web.language import Language
from web.problems import PROBLEMS
from web.route import Permission, Resource

resource = Resource("documentation", "This description.", prefix="/api")
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
FRAMES = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
METHODS = ("get", "post", "put", "patch", "delete")


@resource.route(
    "GET", "/v1/openapi.json", summary="Show the OpenAPI document", permission=Permission.WATCH
)
async def show_openapi(call: Call) -> web.StreamResponse:
    """Answer the OpenAPI 3.1 document that is made from the routes themselves."""
    return web.json_response(call.request.app[document_key])


@resource.route(
    "GET",
    "/docs",
    summary="Read the description",
    permission=Permission.WATCH,
    media_type="text/html",
)
async def show_docs(call: Call) -> web.StreamResponse:
    """Answer a page without scripts and without any request to another site."""
    document, look = call.request.app[document_key], call.request.app[look_key]
    page = look.template.render(
        document=document,
        chapters=chapters(document),
        problems=PROBLEMS,
        language=call.language,
        html_lang="zh-CN" if call.language is Language.ZH else "en",
        style=Markup(look.style),  # our own file; named by its hash in the policy below
    )
    policy = f"default-src 'none'; style-src '{look.style_hash}'; {FRAMES}"
    headers = {"Content-Security-Policy": policy}
    return web.Response(text=page, content_type="text/html", headers=headers)


def chapters(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of each tag, in the order of the document."""
    found: list[dict[str, Any]] = []
    for tag in document["tags"]:
        operations = [
            {"method": method.upper(), "path": path, **item[method]}
            for path, item in document["paths"].items()
            for method in METHODS
            if method in item and tag["name"] in item[method]["tags"]
        ]
        found.append({**tag, "operations": operations})
    return found


@dataclass(frozen=True, slots=True)
class Look:
    """Template and style of the page; the hash lets exactly this style through the policy."""

    template: jinja2.Template
    style: str
    style_hash: str


look_key = web.AppKey("look", Look)


def read_look() -> Look:
    """Read template and style from the installed package; once, when the application is built."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (TEMPLATES / "api_docs.css").read_text(encoding="utf-8")
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    return Look(environment.get_template("api_docs.html"), style, f"sha256-{digest}")
