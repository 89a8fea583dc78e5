"""Every route is closed by default, and open only as far as its declaration says (threat 26)."""

import re

import pytest
from aiohttp import web

from tests.web.conftest import Client, Connect
from tests.web.fake_platforms import UPPER
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL, DEVICE
from web.app import RESOURCES
from web.route import Permission, Route

OPEN = {
    ("GET", "/login"),
    ("POST", "/api/v1/session"),
    ("GET", "/healthz"),
    ("POST", "/api/v1/snapshot-uploads/1"),
    ("POST", "/api/v1/snapshot-uploads/1/1"),
}
"""Cameras cannot log in: the address of an upload is good for one order."""

EXAMPLES = {"code": CHANNEL, "device_id": DEVICE, "platform_id": UPPER}
ROUTES = [route for resource in RESOURCES for route in resource]
ORDER = [Permission.WATCH, Permission.OPERATE, Permission.ADMINISTER]
ACCOUNTS = ["viewer", "operator", "admin"]


def address(path: str) -> str:
    return re.sub(r"\{(\w+)(:[^}]*)?\}", lambda match: EXAMPLES.get(match[1], "1"), path)


def entries(app: web.Application) -> list[tuple[str, str]]:
    """Method and address of everything the router knows; a folder stands for a file in it."""
    found = []
    for entry in app.router.routes():
        info = entry.get_info()
        path = info.get("path") or info.get("formatter") or f"{info['prefix']}/x.js"
        found.append((entry.method, address(str(path))))
    return found


async def test_every_route_of_the_application_needs_a_login_unless_listed(
    app: web.Application, anyone: Client
) -> None:
    seen = set()
    for method, path in entries(app):
        answer = await anyone.request(method, path, json={}, allow_redirects=False)
        is_closed = answer.status in {401, 403} or (
            answer.status == 303 and answer.headers["Location"].startswith("/login")
        )
        if path.startswith("/static/"):
            assert answer.status == 404
            continue
        seen.add((method, path))
        if method == "HEAD" and ("GET", path) in OPEN:
            continue
        assert is_closed is ((method, path) not in OPEN), (method, path, answer.status)
    assert seen >= OPEN
    assert len(seen) > len(ROUTES)


async def test_a_route_without_declaration_is_closed(
    app: web.Application, connect: Connect
) -> None:
    async def leak(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    app.router.add_get("/api/v1/hook", leak)
    assert (await (await connect()).get("/api/v1/hook", allow_redirects=False)).status == 303
    assert (await (await connect("viewer")).get("/api/v1/hook")).status == 200


def test_who_may_do_what_is_as_agreed() -> None:
    """Viewers watch, operators act on alarms, scenes, voice and heads, administrators manage."""
    beyond_watching = {
        Permission.OPEN: {"log_in", "show_health", "upload_snapshot", "upload_named_snapshot"},
        Permission.OPERATE: {
            "acknowledge_alarm",
            "clear_alarm",
            "reset_alarm",
            "query_alarms",
            "choose_subscription",
            "switch_recording",
            "add_scene",
            "replace_scene",
            "delete_scene",
            "refresh_catalog",
            "stop_live",
            "forget_transport",
            "test_capabilities",
            "show_access",
            "delete_download",
            "begin_talk",
            "end_talk",
            "begin_broadcast",
            "stop_broadcast",
            "speak_live",
            "add_spoken_announcement",
            "upload_announcement",
            "delete_announcement",
            "add_entry",
            "replace_entry",
            "delete_entry",
            "show_general_registration_rule",
            "show_registration_rule",
            "move_ptz",
            "lock_ptz",
            "release_ptz",
            "set_ptz_position",
            "zoom_ptz",
            "track_ptz",
            "switch_ptz",
            "save_preset",
            "call_preset",
            "delete_preset",
            "save_cruise",
            "start_cruise",
            "delete_cruise",
            "work_scan",
            "set_home",
            "switch_device_recording",
            "request_key_frame",
            "switch_guard",
            "reset_device_alarm",
            "read_channel_config",
            "read_device_config",
            "order_snapshot",
            "list_device_sip",
            "take_device_sip",
            "list_platform_sip",
            "take_platform_sip",
            "list_address_sip",
            "take_address_sip",
            "list_platforms",
            "show_platform",
            "show_share",
            "preview_platform",
            "check_platform",
            "list_codes",
            "export_codes",
        },
        Permission.ADMINISTER: {
            "add_device",
            "change_device",
            "delete_device",
            "reset_password",
            "change_channel",
            "list_users",
            "add_user",
            "replace_quirks",
            "set_general_registration_rule",
            "set_registration_rule",
            "reboot_device",
            "format_card",
            "upgrade_device",
            "write_channel_config",
            "write_device_config",
            "add_platform",
            "change_platform",
            "delete_platform",
            "register_at_platform",
            "replace_share",
            "change_codes",
            "import_codes",
        },
    }
    for permission, names in beyond_watching.items():
        assert {r.operation_id for r in ROUTES if r.permission is permission} == names
    own = {"log_out", "change_password", "start_live", "examine_channel"}
    own |= {"start_playback", "change_playback", "stop_playback"}
    own |= {"start_download", "retry_download", "cancel_download"}
    changes = {r.operation_id for r in ROUTES if r.is_change and r.permission is Permission.WATCH}
    assert changes == own


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_each_role_gets_as_far_as_the_declaration_says(
    route: Route, connect: Connect
) -> None:
    if route.permission is Permission.OPEN:
        return
    needed = ORDER.index(route.permission)
    for rank, account in enumerate(ACCOUNTS[:needed]):
        client = await connect(account)
        answer = await client.request(route.method, address(route.path), json={})
        assert rank < needed and answer.status == 403
        assert (await answer.json())["code"] == "denied"


async def test_a_forbidden_change_is_written_to_the_audit_log(
    viewer: Client, services: FakeServices
) -> None:
    await viewer.delete(f"/api/v1/devices/{DEVICE}")
    assert services.users.log == [("viewer", "delete_device", DEVICE, "denied")]
    assert DEVICE in services.directory.known


@pytest.mark.parametrize(
    "header", ["Bearer forged", "Bearer ", "Basic YWRtaW46YWRtaW4=", "Bearer a b", "bearer"]
)
async def test_a_forged_token_opens_nothing(connect: Connect, header: str) -> None:
    client = await connect(Authorization=header)
    answer = await client.get("/api/v1/devices")
    assert answer.status == 401
    assert (await answer.json())["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_local_address_is_not_trusted_without_token(anyone: Client) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Host": "localhost"}
    assert (await anyone.get("/api/v1/devices", headers=headers)).status == 401


async def test_a_url_token_opens_media_only(
    connect: Connect, services: FakeServices, anyone: Client
) -> None:
    identity = services.users.sessions[services.users.open_session("admin")]
    token = services.users.media_token(identity, CHANNEL).token
    answer = await anyone.get(f"/api/v1/devices?token={token}")
    assert answer.status == 401


async def test_pages_send_strangers_to_the_login_and_back(anyone: Client) -> None:
    answer = await anyone.get("/alarms", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/alarms")
    answer = await anyone.get("/", allow_redirects=False)
    assert answer.headers["Location"] == "/login"


async def test_only_get_is_answered_where_only_get_is_declared(viewer: Client) -> None:
    for method in ("HEAD", "OPTIONS"):
        answer = await viewer.request(method, f"/live/{CHANNEL}.flv")
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET"
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
