"""The pretend REST API: the contract's answers over a few lists in memory."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.web.mock import data
from tests.web.mock.control import Told, add_control_routes
from tests.web.mock.doctor import add_doctor_routes
from tests.web.mock.picture import snapshot
from tests.web.mock.platforms import Uppers, add_platform_routes

API = "/api/v1"
COOKIE = "vms_session"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class State:
    """What can change while a test runs."""

    def __init__(self) -> None:
        self.channels = [data.build_channel(index) for index in range(1, len(data.NAMES) + 1)]
        self.devices = data.build_devices()
        self.alarms = data.build_alarms()
        self.attempts = data.build_attempts()
        self.scenes: list[data.Json] = []
        self.told = Told()
        self.uppers = Uppers()
        self.positions: dict[str, int] = {}
        self.watched: Counter[str] = Counter()
        """How often each channel's picture was connected to."""
        self.streams: list[tuple[str, str]] = []
        """Which stream of which channel was connected to."""
        self.failures = 0
        self._queues: set[asyncio.Queue[dict[str, Any]]] = set()

    @contextmanager
    def subscribe(self) -> Iterator["asyncio.Queue[dict[str, Any]]"]:
        """A queue of events as long as the block lasts."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1000)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def publish(self, kind: str, body: data.Json) -> None:
        """Tell every listener."""
        for queue in self._queues:
            queue.put_nowait({"type": kind, "at": datetime.now(UTC).isoformat(), **body})


state_key = web.AppKey("state", State)


@web.middleware
async def need_login(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pages lead to the login page, the API answers 401."""
    is_open = request.path.startswith(("/static/", "/login")) or request.path == f"{API}/session"
    if is_open or COOKIE in request.cookies:
        return await handler(request)
    if request.path.startswith((API, "/live")):
        return problem(401, "unauthenticated", "请先登录")
    raise web.HTTPSeeOther(f"/login?next={request.path}")


def problem(status: int, code: str, title: str, detail: str = "", **more: Any) -> web.Response:
    """Problem details (RFC 9457)."""
    body = {"code": code, "title": title, "detail": detail, "status": status, **more}
    return web.json_response(body, status=status, content_type="application/problem+json")


def page(items: list[data.Json], request: web.Request) -> web.Response:
    """One page of a list."""
    number, size = int(request.query.get("page", 1)), int(request.query.get("size", 50))
    part = items[(number - 1) * size : number * size]
    return web.json_response({"items": part, "total": len(items), "page": number, "size": size})


def find(rows: list[data.Json], name: str, value: str) -> data.Json:
    """The row with this value; 404 otherwise."""
    for row in rows:
        if row[name] == value:
            return row
    raise web.HTTPNotFound


async def log_in(request: web.Request) -> web.Response:
    """One password works; the third failure locks for three seconds."""
    state = request.app[state_key]
    body = await request.json()
    if body["password"] != data.ADMIN_PASSWORD:
        state.failures += 1
        if state.failures >= 3:
            state.failures = 0
            return problem(
                429, "locked_out", "失败次数过多，已暂时锁定", "请稍后再试。", retry_after_s=3
            )
        return problem(401, "wrong_credentials", "用户名或密码不正确", "请检查大小写后重试。")
    response = web.json_response({"token": "t", **who()})
    response.set_cookie(COOKIE, "t", httponly=True, samesite="Strict")
    return response


def who() -> data.Json:
    """The administrator."""
    user = {"username": "admin", "role": "admin"}
    return {"user": user, "must_change_password": False, "expires_at": data.ago(hours=-8)}


async def session(request: web.Request) -> web.Response:
    """Who am I, or 401."""
    if COOKIE not in request.cookies:
        return problem(401, "unauthenticated", "请先登录")
    return web.json_response(who())


async def log_out(_: web.Request) -> web.Response:
    """Forget the cookie."""
    response = web.Response(status=204)
    response.del_cookie(COOKIE)
    return response


async def tree(request: web.Request) -> web.Response:
    """Two organisations with their channels, or the categories in use."""
    channels, parent = request.app[state_key].channels, request.query.get("parent", "")
    by_category = request.query["by"] == "category"
    field = "category_code" if by_category else "organisation_id"

    def belongs(channel: data.Json, group: str) -> bool:
        return str(channel[field]).startswith(group)

    if parent:
        inside = [channel for channel in channels if belongs(channel, parent)]
        return web.json_response({"nodes": [leaf(channel, parent) for channel in inside]})
    names = data.CATEGORIES if by_category else {"org-1": "常村矿 · 地面", "org-2": "常村矿 · 井下"}
    kind = "category" if by_category else "organisation"
    nodes = [
        branch(group, f"{group} {name}" if by_category else name, kind, members)
        for group, name in names.items()
        if (members := [channel for channel in channels if belongs(channel, group)])
    ]
    return web.json_response({"nodes": nodes})


def branch(group: str, name: str, kind: str, members: list[data.Json]) -> data.Json:
    """A node with children."""
    online = sum(channel["online"] for channel in members)
    counts = {"count": len(members), "online_count": online, "has_children": True}
    return {"id": group, "kind": kind, "name": name, "parent": None, **counts}


def leaf(channel: data.Json, parent: str) -> data.Json:
    """A channel's node."""
    counts = {"count": 1, "online_count": int(channel["online"]), "has_children": False}
    names = {"id": channel["code"], "kind": "channel", "name": channel["name"], "parent": parent}
    return {**names, **counts, "channel": channel}


async def channels(request: web.Request) -> web.Response:
    """Search by name, code and device."""
    q, device = request.query.get("q", ""), request.query.get("device", "")
    found = [
        channel
        for channel in request.app[state_key].channels
        if (q in channel["name"] or q in channel["code"])
        and (not device or channel["device_id"] == device)
    ]
    return page(found, request)


async def channel(request: web.Request) -> web.Response:
    """One channel; the one that may not be watched says so here too."""
    code = request.match_info["code"]
    if data.BEHAVIOUR.get(code) == "denied":
        return problem(403, "denied", "没有权限")
    return web.json_response(find(request.app[state_key].channels, "code", code))


async def live_status(request: web.Request) -> web.Response:
    """Addresses for other players."""
    code = request.match_info["code"]
    url = f"http://{request.host}/live/{code}.flv?token=abc"
    return web.json_response({"code": code, "state": "live", "urls": {"http_flv": url}})


async def switch_recording(request: web.Request) -> web.Response:
    """The recording switch."""
    found = find(request.app[state_key].channels, "code", request.match_info["code"])
    found["recording"] = (await request.json())["on"]
    request.app[state_key].publish("channel_status", found)
    return web.json_response({"code": found["code"], "on": found["recording"]})


async def recordings(_: web.Request) -> web.Response:
    """Three minutes."""
    segments = [
        {
            "id": str(number),
            "start": data.ago(minutes=4 - number),
            "end": data.ago(minutes=3 - number),
            "duration_s": 60.0,
            "bytes": 15_730_000,
            "codec": "H264",
        }
        for number in (1, 2, 3)
    ]
    return web.json_response({"items": segments})


async def devices(request: web.Request) -> web.Response:
    """Search by name and id."""
    q = request.query.get("q", "")
    rows = request.app[state_key].devices
    return page([row for row in rows if q in row["name"] or q in row["id"]], request)


async def device(request: web.Request) -> web.Response:
    """One device."""
    return web.json_response(find(request.app[state_key].devices, "id", request.match_info["id"]))


async def add_device(request: web.Request) -> web.Response:
    """Let a device in, or say that it is there."""
    state, body = request.app[state_key], await request.json()
    if any(row["id"] == body["id"] for row in state.devices):
        return problem(409, "device_exists", "该设备已存在", "请在设备列表中修改它，或换一个编号。")
    made = data.build_device(body["id"], body.get("name", ""), 0, False)
    made.update(offline_since=None, last_seen_at=None, cause=None)
    state.devices.insert(0, made)
    for one in state.attempts:
        one["known"] = one["known"] or one["device_id"] == body["id"]
    return web.json_response({"device": made, "password": "k7Fq-9mWx-2RtB"}, status=201)


async def delete_device(request: web.Request) -> web.Response:
    """Forget a device."""
    state = request.app[state_key]
    state.devices.remove(find(state.devices, "id", request.match_info["id"]))
    return web.Response(status=204)


async def alarms(request: web.Request) -> web.Response:
    """Filter by state and level."""
    state, level = request.query.get("state", ""), request.query.get("level", "")
    return page(
        [
            alarm
            for alarm in request.app[state_key].alarms
            if (not state or alarm["state"] == state)
            and (not level or alarm["level"] == int(level))
        ],
        request,
    )


async def acknowledge(request: web.Request) -> web.Response:
    """Somebody has seen it."""
    facts = {"acknowledged_at": data.ago(seconds=0), "acknowledged_by": "admin"}
    return change_alarm(request, state="acknowledged", **facts)


async def clear(request: web.Request) -> web.Response:
    """It is over."""
    note = (await request.json())["note"]
    facts = {"cleared_at": data.ago(seconds=0), "cleared_by": "admin", "note": note}
    return change_alarm(request, state="cleared", **facts)


def change_alarm(request: web.Request, **change: Any) -> web.Response:
    """Change an alarm and tell everybody."""
    state = request.app[state_key]
    found = find(state.alarms, "id", request.match_info["id"])
    found.update(change)
    state.publish("alarm_updated", found)
    return web.json_response(found)


async def raise_alarm(request: web.Request) -> web.Response:
    """For tests: POST /mock/alarm {index, level}."""
    state, body = request.app[state_key], await request.json()
    made = data.build_alarm(len(state.alarms) + 1, body["index"], body["level"], "raised", 0)
    state.alarms.insert(0, made)
    state.publish("alarm_raised", made)
    return web.json_response(made)


async def publish(request: web.Request) -> web.Response:
    """For tests: POST /mock/event {type, …} to every listener."""
    body = await request.json()
    request.app[state_key].publish(body.pop("type"), body)
    return web.Response(status=204)


async def scenes(request: web.Request) -> web.Response:
    """The scenes of a channel."""
    wanted = request.query.get("channel")
    rows = request.app[state_key].scenes
    return web.json_response({"items": [row for row in rows if row["channel"] == wanted]})


async def save_scene(request: web.Request) -> web.Response:
    """Make or replace a scene."""
    rows = request.app[state_key].scenes
    number = request.match_info.get("id", str(len(rows) + 1))
    made = {"id": number, **await request.json()}
    rows[:] = [row for row in rows if row["id"] != number] + [made]
    return web.json_response(made)


async def access(request: web.Request) -> web.Response:
    """The values to type in, and who knocked."""
    return web.json_response({**data.ACCESS, "attempts": request.app[state_key].attempts})


async def spans(_: web.Request) -> web.Response:
    """On and off."""
    return web.json_response({"items": data.build_spans()})


async def position(_: web.Request) -> web.Response:
    """Nothing here moves."""
    return web.json_response({"position": None})


async def subscriptions(_: web.Request) -> web.Response:
    """Everything is subscribed to."""
    common = {"wanted": True, "given": None, "state": "active", "reason": None, "expires_s": 600}
    times = {"since": data.ago(minutes=5), "notified_at": data.ago(minutes=1), "notifications": 3}
    topics = ("catalog", "alarm", "position")
    return web.json_response({"items": [{"topic": topic, **common, **times} for topic in topics]})


async def plugins(_: web.Request) -> web.Response:
    """One plugin."""
    return web.json_response({"items": [data.INTRUSION]})


async def system(request: web.Request) -> web.Response:
    """The status line."""
    counts = {"streams": 6, "viewers": 9, "recording": 2, "devices": 3, "devices_online": 2}
    more = {"channels": 12, "channels_online": 11, "channels_proven": 9, "alarms_open": 3}
    disk = {"disk_free_bytes": 812_000_000_000, "disk_total_bytes": 1_920_000_000_000}
    facts = {"version": "0.1.0", "uptime_s": 187_432.0, "started_at": data.ago(hours=52)}
    uppers = request.app[state_key].uppers.rows
    states = [row["scorecard"]["state"] for row in uppers if row["is_enabled"]]
    links = {"uppers": len(states), "uppers_registered": states.count("registered")}
    zone = {"time_zone": "Asia/Shanghai"}
    return web.json_response({**counts, **more, **disk, **facts, **links, **zone})


async def show_snapshot(_: web.Request) -> web.Response:
    """A still picture."""
    return web.Response(body=snapshot(), content_type="image/jpeg")


def add_routes(app: web.Application) -> None:
    """Every address of the contract that the front end asks for."""
    table: list[tuple[str, str, Handler]] = [
        ("POST", "/session", log_in),
        ("GET", "/session", session),
        ("DELETE", "/session", log_out),
        ("GET", "/tree", tree),
        ("GET", "/channels", channels),
        ("GET", "/channels/{code}", channel),
        ("GET", "/channels/{code}/live", live_status),
        ("POST", "/channels/{code}/live", live_status),
        ("PUT", "/channels/{code}/recording", switch_recording),
        ("GET", "/channels/{code}/recordings", recordings),
        ("GET", "/devices", devices),
        ("GET", "/channels/{code}/position", position),
        ("GET", "/devices/{id}/subscriptions", subscriptions),
        ("POST", "/devices", add_device),
        ("GET", "/devices/{id}", device),
        ("DELETE", "/devices/{id}", delete_device),
        ("POST", "/devices/{id}/catalog", device),
        ("GET", "/alarms", alarms),
        ("POST", "/alarms/{id}/acknowledge", acknowledge),
        ("POST", "/alarms/{id}/clear", clear),
        ("GET", "/alarms/{id}/snapshot", show_snapshot),
        ("GET", "/scenes", scenes),
        ("POST", "/scenes", save_scene),
        ("PUT", "/scenes/{id}", save_scene),
        ("GET", "/access", access),
        ("GET", "/spans", spans),
        ("GET", "/plugins", plugins),
        ("GET", "/system", system),
    ]
    for method, path, handler in table:
        app.router.add_route(method, API + path, handler)
    app.router.add_get(API + "/snapshots/{name}", show_snapshot)
    add_control_routes(app, API, app[state_key].told)
    add_doctor_routes(app, API)
    add_platform_routes(app, API, app[state_key].uppers, app[state_key].channels)
    app.router.add_post("/mock/alarm", raise_alarm)
    app.router.add_post("/mock/event", publish)
