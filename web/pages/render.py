"""Jinja2 rendering of pages in the reader's language.

Strings come from `web/locale/<language>.json`, the same files the TypeScript build reads; a key
that is missing raises, so that a test sees it and no page shows a bare key.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jinja2
from aiohttp import web

from web.language import COOKIE, Language
from web.pages.assets import Manifest

WEB = Path(__file__).resolve().parent.parent
HTML_LANG = {Language.ZH: "zh-CN", Language.EN: "en"}
YEAR_S = 365 * 86_400


def read_catalog(language: Language) -> dict[str, str]:
    """The strings of one language, flat, by key."""
    path = WEB / "locale" / f"{language}.json"
    catalog: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return catalog


def page_language(request: web.Request) -> Language:
    """Chinese unless the reader has switched (cookie `lang`), whatever the browser prefers."""
    chosen = request.cookies.get(COOKIE, "")
    return Language(chosen) if chosen in set(Language) else Language.ZH


def translator(catalog: dict[str, str]) -> Callable[..., str]:
    """A `t(key, name=value)` for templates; KeyError on an unknown key."""

    def translate(key: str, **values: object) -> str:
        text = catalog[key]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    return translate


@dataclass(frozen=True, slots=True)
class Renderer:
    """Templates, catalogues and the build's manifest, read once at start."""

    environment: jinja2.Environment
    translators: dict[Language, Callable[..., str]]
    manifest: Manifest

    @classmethod
    def from_package(cls) -> "Renderer":
        """Read everything from the installed package."""
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(WEB / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        translators = {name: translator(read_catalog(name)) for name in Language}
        return cls(environment, translators, Manifest.read())

    def page(self, request: web.Request, name: str) -> web.Response:
        """Render `templates/<name>.html` with the assets of `frontend/<name>.ts`."""
        language = page_language(request)
        template = self.environment.get_template(f"{name}.html")
        text = template.render(
            page=name,
            language=language,
            html_lang=HTML_LANG[language],
            t=self.translators[language],
            assets=self.manifest.assets(f"{name}.ts"),
            is_built=self.manifest.is_built,
        )
        response = web.Response(text=text, content_type="text/html")
        response.headers["Cache-Control"] = "no-store"
        # Requests that carry no Accept-Language of ours (WebSockets) are answered in the same one.
        response.set_cookie(COOKIE, language, max_age=YEAR_S, samesite="Lax", path="/")
        return response


renderer_key = web.AppKey("renderer", Renderer)
