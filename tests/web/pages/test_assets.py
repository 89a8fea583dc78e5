import json
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from web.pages.assets import Manifest, PageAssets, add_static_files

BUILD: dict[str, dict[str, Any]] = {
    "wall.ts": {
        "file": "assets/wall-1.js",
        "isEntry": True,
        "imports": ["_frame.js", "_player.js"],
        "css": ["assets/wall-1.css"],
    },
    "_frame.js": {"file": "assets/frame-2.js", "css": ["assets/frame-2.css"]},
    "_player.js": {"file": "assets/player-3.js", "imports": ["_frame.js"]},
}


def test_page_names_its_script_its_imports_and_their_styles_once() -> None:
    assets = Manifest(BUILD).assets("wall.ts")
    assert assets == PageAssets(
        scripts=("/static/dist/assets/wall-1.js",),
        styles=("/static/dist/assets/frame-2.css", "/static/dist/assets/wall-1.css"),
        preloads=("/static/dist/assets/frame-2.js", "/static/dist/assets/player-3.js"),
    )


def test_circular_imports_of_chunks_end() -> None:
    circular: dict[str, dict[str, Any]] = {
        "a.ts": {"file": "a.js", "imports": ["b"]},
        "b": {"file": "b.js", "imports": ["a.ts"]},
    }
    assert Manifest(circular).assets("a.ts").preloads == ("/static/dist/b.js",)


def test_unbuilt_front_end_gives_pages_without_scripts(tmp_path: Path) -> None:
    manifest = Manifest.read(tmp_path)
    assert not manifest.is_built
    assert manifest.assets("wall.ts") == PageAssets((), (), ())


def test_manifest_is_read_from_the_build(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(BUILD), encoding="utf-8")
    assert Manifest.read(tmp_path).is_built


async def test_hashed_files_are_kept_for_ever_and_others_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "dist" / "assets" / "wall-1.js").write_text("1;", encoding="utf-8")
    (tmp_path / "dist" / "icons.svg").write_text("<svg/>", encoding="utf-8")
    app = web.Application()
    add_static_files(app, tmp_path)
    async with TestClient(TestServer(app)) as client:
        hashed = await client.get("/static/dist/assets/wall-1.js")
        assert "immutable" in hashed.headers["Cache-Control"]
        plain = await client.get("/static/dist/icons.svg")
        assert plain.headers["Cache-Control"] == "public, max-age=600"
        assert (await client.get("/static/%2e%2e/test_assets.py")).status in {403, 404}
