"""Every answer protects its reader, whatever it is about."""

import logging
from typing import cast

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from tests.web.conftest import FAST, Client
from tests.web.fake_live import FakeChunk
from tests.web.fakes import PASSWORD, FakeServices
from tests.web.records import CHANNEL
from vms.config_sections import HttpSection
from vms.services import Services
from web.access_log import masked_path
from web.app import create_app, create_runner
from web.middleware import SECURITY_HEADERS

ADDRESSES = ["/healthz", "/nowhere", "/api/v1/devices", "/login", "/static/none.js", "/metrics"]


@pytest.mark.parametrize("path", ADDRESSES)
async def test_every_answer_carries_the_security_headers(anyone: Client, path: str) -> None:
    answer = await anyone.get(path, allow_redirects=False)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["Server"] == "vms"


async def test_the_policy_allows_own_scripts_only_and_no_frame(anyone: Client) -> None:
    policy = (await anyone.get("/healthz")).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == rules["style-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy and "http" not in policy


async def test_answers_of_the_api_are_not_stored(viewer: Client) -> None:
    for path in ("/api/v1/devices", "/api/v1/devices/1", f"/api/v1/channels/{CHANNEL}"):
        assert (await viewer.get(path)).headers["Cache-Control"] == "no-store"


async def test_the_session_cookie_cannot_be_read_or_sent_by_others(anyone: Client) -> None:
    body = {"username": "viewer", "password": PASSWORD}
    answer = await anyone.post("/api/v1/session", json=body)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    assert "Secure" not in cookie


@pytest.mark.parametrize(
    ("target", "logged"),
    [
        ("/live/1.flv?token=abc&h265=legacy", "/live/1.flv?token=***&h265=legacy"),
        ("/x?TOKEN=abc&token=def", "/x?TOKEN=***&token=***"),
        ("/x?access_token=abc", "/x?access_token=***"),
        ("/x?password=a%26b", "/x?password=***"),
        ("/x", "/x"),
    ],
)
def test_secrets_in_addresses_are_masked(target: str, logged: str) -> None:
    class Request:
        rel_url = URL(target, encoded=True)

    assert masked_path(Request()) == logged  # type: ignore[arg-type]


async def test_the_access_log_never_holds_a_token(
    app: web.Application,
    services: FakeServices,
    caplog: pytest.LogCaptureFixture,
) -> None:
    identity = services.users.sessions[services.users.open_session("viewer")]
    token = services.users.media_token(identity, CHANNEL).token
    services.live.prepare(CHANNEL, FakeChunk("init", b"FLV"), None)
    runner = create_runner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    with caplog.at_level(logging.DEBUG):
        async with ClientSession() as session:
            address = f"http://127.0.0.1:{port}/live/{CHANNEL}.flv?token={token}"
            async with session.get(address) as answer:
                assert await answer.read() == b"FLV"
            await (await session.get(f"http://127.0.0.1:{port}/healthz")).read()
        await runner.cleanup()
    lines = [vars(record) for record in caplog.records if record.name.startswith("aiohttp.access")]
    found = [(line["path"], line["status"], line["levelname"]) for line in lines]
    expected = [("/healthz", 200, "DEBUG"), (f"/live/{CHANNEL}.flv?token=***", 200, "INFO")]
    assert sorted(found) == expected
    assert not [line for line in caplog.records if token in str(vars(line))]


async def test_behind_a_proxy_with_tls_cookies_are_secure_and_addresses_encrypted(
    services: FakeServices,
) -> None:
    settings = HttpSection(secure_cookies=True)
    app = create_app(cast(Services, services), settings, version="0", limits=FAST)
    async with TestClient(TestServer(app)) as client:
        body = {"username": "viewer", "password": PASSWORD}
        answer = await client.post("/api/v1/session", json=body)
        assert "Secure" in answer.headers["Set-Cookie"]
        headers = {"Authorization": f"Bearer {(await answer.json())['token']}"}
        live = await client.post(f"/api/v1/channels/{CHANNEL}/live", headers=headers)
        urls = (await live.json())["urls"]
        assert urls["ws_fmp4"].startswith("wss://") and urls["http_flv"].startswith("https://")
