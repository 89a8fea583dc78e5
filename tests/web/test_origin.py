"""Another site's page can neither change anything nor listen (threat 32)."""

from typing import cast

import pytest
from aiohttp import WSServerHandshakeError, web

from tests.web.conftest import FAST, Client, Connect
from tests.web.fakes import PASSWORD, FakeServices
from tests.web.records import CHANNEL
from vms.config_sections import HttpSection
from vms.services import Services
from web.app import create_app

ACKNOWLEDGE = "/api/v1/alarms/1/acknowledge"
EVIL = "http://evil.example"


@pytest.fixture
async def browser(connect: Connect, services: FakeServices) -> Client:
    """A client that has only the cookie, as a browser does."""
    return await connect(Cookie=f"vms_session={services.users.open_session('operator')}")


def own(client: Client) -> str:
    return f"http://{client.host}:{client.port}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://["},
        {"Origin": "file://"},
        {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
    ids=str,
)
async def test_a_change_by_cookie_from_elsewhere_is_refused(
    browser: Client, services: FakeServices, headers: dict[str, str]
) -> None:
    answer = await browser.post(ACKNOWLEDGE, json={}, headers=headers)
    assert answer.status == 403
    assert (await answer.json())["code"] == "cross_origin"
    assert services.alarms.known[1].acknowledged_by is None


async def test_a_change_by_cookie_from_the_own_page_passes(browser: Client) -> None:
    for headers in ({"Origin": own(browser)}, {"Sec-Fetch-Site": "same-origin"}):
        assert (await browser.post(ACKNOWLEDGE, json={}, headers=headers)).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_change_by_cookie_without_json_is_refused(browser: Client, kind: str) -> None:
    headers = {"Origin": own(browser), "Content-Type": kind}
    answer = await browser.post(ACKNOWLEDGE, data=b"{}", headers=headers)
    assert answer.status == 415
    assert (await answer.json())["code"] == "not_json"


async def test_a_change_by_bearer_token_needs_no_origin(operator: Client) -> None:
    assert (await operator.post(ACKNOWLEDGE)).status == 200


async def test_a_change_by_bearer_token_from_another_page_is_refused(operator: Client) -> None:
    assert (await operator.post(ACKNOWLEDGE, headers={"Origin": EVIL})).status == 403


async def test_another_site_cannot_log_somebody_in(anyone: Client) -> None:
    body = {"username": "viewer", "password": PASSWORD}
    answer = await anyone.post("/api/v1/session", json=body, headers={"Origin": EVIL})
    assert answer.status == 403


@pytest.mark.parametrize("path", ["/api/v1/events", f"/live/{CHANNEL}.ws"])
async def test_a_websocket_of_another_site_is_refused(browser: Client, path: str) -> None:
    for headers in ({"Origin": EVIL}, {}):
        with pytest.raises(WSServerHandshakeError) as caught:
            await browser.ws_connect(path, headers=headers)
        assert caught.value.status == 403


async def test_a_websocket_of_another_site_is_refused_even_with_a_url_token(
    anyone: Client, services: FakeServices
) -> None:
    identity = services.users.sessions[services.users.open_session("viewer")]
    token = services.users.media_token(identity, CHANNEL).token
    with pytest.raises(WSServerHandshakeError) as caught:
        await anyone.ws_connect(f"/live/{CHANNEL}.ws?token={token}", headers={"Origin": EVIL})
    assert caught.value.status == 403


async def test_the_own_page_may_listen(browser: Client) -> None:
    socket = await browser.ws_connect("/api/v1/events", headers={"Origin": own(browser)})
    await socket.close()


async def test_an_allowed_origin_passes(services: FakeServices, connect: Connect) -> None:
    token = services.users.open_session("operator")
    client = await connect(Cookie=f"vms_session={token}", Origin="https://video.example")
    assert (await client.post(ACKNOWLEDGE, json={})).status == 200


@pytest.fixture
def app(services: FakeServices) -> web.Application:
    settings = HttpSection(allowed_origins=("https://video.example",))
    return create_app(cast(Services, services), settings, version="0", limits=FAST)
