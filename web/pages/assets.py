"""Built front-end files: which script and styles a page needs, and how they are served.

Vite writes `manifest.json` (its documented format) with the hashed name of every entry. Hashed
files never change, so browsers may keep them for a year; the few others for
ten minutes: pages name each icon of the sprite apart, and none should cost a request.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

STATIC = Path(__file__).resolve().parent.parent / "static"
URL_PREFIX = "/static/"
CACHE_FOREVER = "public, max-age=31536000, immutable"
CACHE_SHORT = "public, max-age=600"


@dataclass(frozen=True, slots=True)
class PageAssets:
    """What one page's head has to name, as URL paths."""

    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    preloads: tuple[str, ...]


class Manifest:
    """Vite's manifest; an absent one means the front end was not built."""

    def __init__(self, entries: dict[str, dict[str, Any]]) -> None:
        self._entries = entries

    @classmethod
    def read(cls, folder: Path = STATIC / "dist") -> "Manifest":
        """Read `manifest.json` of a build; an unbuilt front end gives an empty manifest."""
        path = folder / "manifest.json"
        if not path.is_file():
            return cls({})
        return cls(json.loads(path.read_text(encoding="utf-8")))

    @property
    def is_built(self) -> bool:
        """Whether `npm run build` has been run."""
        return bool(self._entries)

    def assets(self, entry: str) -> PageAssets:
        """The files of `entry` (as `wall.ts`): its script, its imports and all their styles."""
        chunks = list(self._with_imports(entry, set()))
        if not chunks:
            return PageAssets((), (), ())
        files = [self._url(chunk["file"]) for chunk in chunks]
        styles = dict.fromkeys(
            self._url(style) for chunk in reversed(chunks) for style in chunk.get("css", ())
        )
        return PageAssets((files[0],), tuple(styles), tuple(files[1:]))

    def _with_imports(self, entry: str, seen: set[str]) -> Iterator[dict[str, Any]]:
        if entry in seen or entry not in self._entries:
            return
        seen.add(entry)
        chunk = self._entries[entry]
        yield chunk
        for imported in chunk.get("imports", ()):
            yield from self._with_imports(imported, seen)

    @staticmethod
    def _url(file: str) -> str:
        return f"{URL_PREFIX}dist/{file}"


def add_static_files(app: web.Application, folder: Path = STATIC) -> None:
    """Serve `folder` under /static/ with cache headers that fit hashed names."""
    folder.mkdir(exist_ok=True)
    app.router.add_static(URL_PREFIX, folder, name="static")
    app.on_response_prepare.append(_set_cache_header)


async def _set_cache_header(request: web.Request, response: web.StreamResponse) -> None:
    if not request.path.startswith(URL_PREFIX):
        return
    is_hashed = request.path.startswith(f"{URL_PREFIX}dist/assets/")
    response.headers["Cache-Control"] = CACHE_FOREVER if is_hashed else CACHE_SHORT
