import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from web import pages
from web.language import Language
from web.pages.render import read_catalog, translator

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application()
    pages.setup(app)
    async with TestClient(TestServer(app)) as opened:
        yield opened


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.NAME))
async def test_every_page_renders_in_both_languages(
    client: Client, page: pages.Page, language: Language
) -> None:
    response = await client.get(page.PATH, cookies={"lang": language.value})
    assert response.status == 200
    text = await response.text()
    assert f'<html lang="{"zh-CN" if language is Language.ZH else "en"}">' in text
    assert f'class="page-{page.NAME}"' in text


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.NAME))
async def test_pages_carry_no_inline_script_or_style(client: Client, page: pages.Page) -> None:
    text = await (await client.get(page.PATH)).text()
    assert "<style" not in text
    assert " style=" not in text
    assert not re.search(r"<[^>]*\son[a-z]+=", text)
    for script in text.split("<script")[1:]:
        assert script.startswith(' type="module" src="/static/'), script[:80]


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.NAME))
async def test_pages_ask_nothing_of_the_internet(client: Client, page: pages.Page) -> None:
    text = await (await client.get(page.PATH)).text()
    assert "http://" not in text
    assert "https://" not in text


async def test_chinese_comes_first_whatever_the_browser_prefers(client: Client) -> None:
    response = await client.get("/login", headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert '<html lang="zh-CN">' in await response.text()
    assert response.cookies["lang"].value == "zh"


async def test_a_language_nobody_knows_is_chinese(client: Client) -> None:
    response = await client.get("/login", cookies={"lang": "../../etc/passwd"})
    assert '<html lang="zh-CN">' in await response.text()


async def test_pages_are_not_stored(client: Client) -> None:
    assert (await client.get("/")).headers["Cache-Control"] == "no-store"


def test_languages_have_the_same_keys() -> None:
    assert list(read_catalog(Language.ZH)) == list(read_catalog(Language.EN))


def test_unknown_key_is_an_error_and_values_are_filled_in() -> None:
    translate = translator({"greeting": "你好，{name}"})
    assert translate("greeting", name="值班员") == "你好，值班员"
    with pytest.raises(KeyError):
        translate("farewell")
