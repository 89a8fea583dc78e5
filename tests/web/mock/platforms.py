"""The pretend REST API of upper platforms: three of them, and what they see."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from tests.web.mock import data

Json = dict[str, Any]

CITY = "14040000002000000001"
PROVINCE = "14000000002000000001"
COUNTY = "14042900002000000009"
RIGHTS = ["alarms", "control", "download", "live", "playback", "positions", "ptz"]
NOTHING: Json = {
    "everything": False,
    "organisations": [],
    "categories": [],
    "channels": [],
    "excluded": [],
}
NO_FIGURES: Json = {
    "state": "unknown",
    "since": None,
    "failure": None,
    "failure_text": None,
    "status": None,
    "next_attempt_at": None,
    "gb_version": None,
    "registered_since": None,
    "catalog": None,
    "invites": 0,
    "invites_ok": 0,
    "first_frame_ms": None,
    "last_failure": None,
    "streams": 0,
    "bytes": 0,
}


class Uppers:
    """What the pretend platforms are, and what people did to them."""

    def __init__(self) -> None:
        self.rows: list[Json] = []
        self.shares: dict[str, Json] = {}
        self.rules: dict[str, list[Json]] = {}
        self.given: dict[str, dict[str, str]] = {}
        self.imported: list[bytes] = []

    def fill(self) -> None:
        """Three: one that goes well, one that has trouble, one that is switched off."""
        for row in (registered(), waiting(), switched_off()):
            self.put(row)
        self.shares[CITY] = {**NOTHING, "organisations": ["org-1"], "categories": ["15"]}
        self.shares[PROVINCE] = {**NOTHING, "everything": True}
        self.rules[CITY] = [{"ours": "1404", "theirs": "1499"}]

    def put(self, row: Json) -> None:
        """Keep one in the order of codes."""
        rest = [one for one in self.rows if one["id"] != row["id"]]
        self.rows = sorted([*rest, row], key=lambda one: str(one["id"]))
        self.shares.setdefault(row["id"], dict(NOTHING))
        self.rules.setdefault(row["id"], [])
        self.given.setdefault(row["id"], {})


uppers_key = web.AppKey("uppers", Uppers)


def build_platform(platform_id: str, name: str, **more: Any) -> Json:
    """A platform as the API writes it."""
    times = {"created_at": data.ago(days=9), "updated_at": data.ago(days=2)}
    identity = {"domain": platform_id[:10], "own_id": data.ACCESS["server_id"], "username": None}
    where = {"host": "10.14.0.2", "port": 5060, "transport": "udp", "password_set": True}
    rhythm = {"expires_s": 86_400, "keepalive_interval_s": 60.0, "keepalive_count": 3}
    form = {"edition": "2022", "charset": "GB18030", "catalog_form": "civil_code"}
    counts = {"channels": 0, "channels_online": 0, "errors": 0, "warnings": 0}
    common = {**identity, **where, **rhythm, **form, **counts, **times, "rights": RIGHTS}
    row = {"id": platform_id, "name": name, "is_enabled": True, **common, **more}
    return {**row, "scorecard": {**NO_FIGURES, **more.get("scorecard", {})}}


def registered() -> Json:
    """It goes well, but its catalogue is a little behind."""
    sent = {"sent_at": data.ago(minutes=14), "items": 31, "is_equal": False}
    failure = {"at": data.ago(hours=3), "channel": "14040000001320000009", "reason": "offline"}
    card = {
        "state": "registered",
        "since": data.ago(days=1, hours=4),
        "registered_since": data.ago(days=1, hours=4),
        "gb_version": "3.0",
        "catalog": {**sent, "added": 2, "removed": 0, "changed": 1},
        "invites": 48,
        "invites_ok": 46,
        "first_frame_ms": 640.0,
        "last_failure": failure,
        "streams": 4,
        "bytes": 93_000_000_000,
    }
    return build_platform(CITY, "长治市煤矿监管平台", scorecard=card)


def waiting() -> Json:
    """Its password is not the one it gave us."""
    card = {
        "state": "waiting",
        "since": data.ago(minutes=6),
        "failure": "wrong_password",
        "failure_text": "上级对认证信息答复 403：请与上级核对认证用户名和密码，修改后立即注册。",
        "status": 403,
        "next_attempt_at": data.ago(seconds=-52),
    }
    more = {"edition": "2016", "charset": "GB2312", "catalog_form": "organisation"}
    where = {"host": "sip.example.net", "transport": "tcp"}
    return build_platform(PROVINCE, "山西省监管平台", scorecard=card, **more, **where)


def switched_off() -> Json:
    """Described, not in use."""
    return build_platform(COUNTY, "屯留区平台", is_enabled=False, catalog_form="flat")


def problem(status: int, code: str, title: str) -> web.Response:
    """Problem details (RFC 9457)."""
    body = {"code": code, "title": title, "detail": "", "status": status}
    return web.json_response(body, status=status, content_type="application/problem+json")


def shared(request: web.Request, platform_id: str) -> list[Json]:
    """The channels that a platform sees."""
    share = request.app[uppers_key].shares[platform_id]
    channels: list[Json] = request.app[channels_key]

    def reaches(channel: Json) -> bool:
        category = str(channel["category_code"])
        places = {channel["organisation_id"], channel["device_id"]}
        return bool(
            share["everything"]
            or places & set(share["organisations"])
            or {category, category[:2]} & set(share["categories"])
            or channel["code"] in share["channels"]
        )

    return [one for one in channels if reaches(one) and one["code"] not in share["excluded"]]


channels_key = web.AppKey("channels", list[Json])


def find(request: web.Request) -> Json:
    """The platform of the address; 404 otherwise."""
    for row in request.app[uppers_key].rows:
        if row["id"] == request.match_info["id"]:
            return row
    raise web.HTTPNotFound


def shown(request: web.Request, row: Json) -> Json:
    """With its counts of now."""
    channels = shared(request, row["id"])
    findings = build_findings(channels)
    return {
        **row,
        "channels": len(channels),
        "channels_online": sum(one["online"] for one in channels),
        "errors": sum(one["severity"] == "error" for one in findings),
        "warnings": sum(one["severity"] == "warning" for one in findings),
    }


async def list_platforms(request: web.Request) -> web.Response:
    """All of them."""
    rows = request.app[uppers_key].rows
    return web.json_response({"items": [shown(request, row) for row in rows]})


async def show_platform(request: web.Request) -> web.Response:
    """One."""
    return web.json_response(shown(request, find(request)))


async def add_platform(request: web.Request) -> web.Response:
    """A new one."""
    body = await request.json()
    uppers = request.app[uppers_key]
    if any(row["id"] == body["id"] for row in uppers.rows):
        return problem(409, "platform_exists", "该上级平台已存在")
    password = body.pop("password", "")
    made = build_platform(body.pop("id"), body.pop("name"), **body, password_set=password != "")
    uppers.put(made)
    return web.json_response(shown(request, made), status=201)


async def change_platform(request: web.Request) -> web.Response:
    """What is named; switched on, it begins to register."""
    row, change = find(request), await request.json()
    change.pop("password", None)
    row.update(change)
    if change.get("is_enabled"):
        row["scorecard"] = {**NO_FIGURES, "state": "registering", "since": data.ago(seconds=0)}
    return web.json_response(shown(request, row))


async def delete_platform(request: web.Request) -> web.Response:
    """Forget it."""
    uppers, row = request.app[uppers_key], find(request)
    uppers.rows = [one for one in uppers.rows if one["id"] != row["id"]]
    return web.Response(status=204)


async def show_share(request: web.Request) -> web.Response:
    """What it may see."""
    return web.json_response(request.app[uppers_key].shares[find(request)["id"]])


async def set_share(request: web.Request) -> web.Response:
    """Keep it."""
    share = await request.json()
    request.app[uppers_key].shares[find(request)["id"]] = share
    return web.json_response(share)


def build_findings(channels: Iterable[Json]) -> list[Json]:
    """One of every severity, as far as the channels are shared that have it."""
    rows = {
        "14040000001320000006": (
            "error",
            "duplicate_code",
            "两项的编码相同",
            "上级只会留下其中一项：在“编码对照”里给其中一项另一个编码。",
        ),
        "14040000001320000011": (
            "warning",
            "name_category",
            "名称不符合命名规则",
            "按三级命名改名：地点、区域、用途。",
        ),
        "14040000001320000003": (
            "note",
            "no_civil_code",
            "没有行政区划",
            "已按所属系统填写，一般不用处理。",
        ),
    }
    found = []
    for channel in channels:
        if channel["code"] not in rows:
            continue
        severity, rule, title, hint = rows[channel["code"]]
        words = {"severity": severity, "rule": rule, "title": title, "hint": hint, "detail": None}
        facts = {name: channel["code"] for name in ("code", "source")}
        found.append({**words, **facts, "name": channel["name"]})
    order = ["error", "warning", "note"]
    return sorted(found, key=lambda one: order.index(one["severity"]))


def build_node(code: str, name: str, kind: str, **more: Any) -> Json:
    """An item of the catalogue."""
    facts = {"status_on": True, "parent": None, "parent_ids": [], "civil_code": "1404"}
    counts = {"channels": 1, "has_children": False, "source": None, "findings": []}
    return {"code": code, "name": name, "kind": kind, **facts, **counts, **more}


async def preview(request: web.Request) -> web.Response:
    """A region, our own system below it, the channels below that; or what was searched for."""
    channels = shared(request, find(request)["id"])
    findings = build_findings(channels)
    system = data.ACCESS["server_id"]
    node, q = request.query.get("node", ""), request.query.get("q", "")
    below = {"channels": len(channels), "has_children": bool(channels)}
    tree = {
        "": [build_node("1404", "长治市", "region", **below)] if channels else [],
        "1404": [build_node(system, "常村矿视频平台", "system", parent="1404", **below)],
        system: [
            build_node(
                channel["code"],
                channel["name"],
                "channel",
                status_on=channel["online"],
                parent=system,
                parent_ids=[system],
                source=channel["code"],
                findings=[one for one in findings if one["code"] == channel["code"]],
            )
            for channel in channels
        ],
    }
    items = tree.get(node, [])
    if q:
        items = [one for one in tree[system] if q in one["name"] or q in one["code"]]
    number, size = int(request.query.get("page", 1)), int(request.query.get("size", 50))
    part = items[(number - 1) * size : number * size]
    totals = {
        "items_total": len(channels) + 2 if channels else 1,
        "channels_total": len(channels),
    }
    return web.json_response(
        {"items": part, "total": len(items), "page": number, "size": size, **totals}
    )


async def lint(request: web.Request) -> web.Response:
    """What is odd."""
    findings = build_findings(shared(request, find(request)["id"]))
    severity = request.query.get("severity", "")
    items = [one for one in findings if severity in ("", one["severity"])]
    counts = {
        name: sum(one["severity"] == word for one in findings)
        for name, word in (("errors", "error"), ("warnings", "warning"), ("notes", "note"))
    }
    return web.json_response({"items": items, "total": len(items), "page": 1, "size": 50, **counts})


async def codes(request: web.Request) -> web.Response:
    """Every shared channel with its code there."""
    uppers, platform_id = request.app[uppers_key], find(request)["id"]
    rules, given = uppers.rules[platform_id], uppers.given[platform_id]
    lines = [code_line(channel, rules, given) for channel in shared(request, platform_id)]
    page = {"items": lines, "total": len(lines), "page": 1, "size": 50}
    return web.json_response({**page, "rules": rules})


def code_line(channel: Json, rules: list[Json], given: dict[str, str]) -> Json:
    """One channel; a given code wins over the rules."""
    ours = str(channel["code"])
    line = {"ours": ours, "name": channel["name"]}
    if ours in given:
        return {**line, "theirs": given[ours], "source": "given"}
    for rule in rules:
        if ours.startswith(rule["ours"]):
            theirs = rule["theirs"] + ours[len(rule["ours"]) :]
            return {**line, "theirs": theirs, "source": "rule"}
    return {**line, "theirs": ours, "source": "own"}


async def change_codes(request: web.Request) -> web.Response:
    """New rules, or single codes."""
    uppers, platform_id = request.app[uppers_key], find(request)["id"]
    body = await request.json()
    if "rules" in body:
        uppers.rules[platform_id] = body["rules"]
    for each in body.get("codes", []):
        uppers.given[platform_id].pop(each["ours"], None)
        if each["theirs"] is not None:
            uppers.given[platform_id][each["ours"]] = each["theirs"]
    return await codes(request)


async def import_codes(request: web.Request) -> web.Response:
    """A table; a line without a comma is a bad one."""
    text = await request.read()
    lines = text.decode("utf-8-sig").splitlines()[1:]
    bad = [
        {"line": number, "reason": "columns", "detail": "缺少一列", "text": line[:40]}
        for number, line in enumerate(lines, 2)
        if "," not in line
    ]
    if not bad:
        request.app[uppers_key].imported.append(text)
    return web.json_response({"lines": len(lines), "is_taken": not bad, "bad": bad})


def add_platform_routes(
    app: web.Application, api: str, uppers: Uppers, channels: list[Json]
) -> None:
    """The addresses of upper platforms."""
    app[uppers_key], app[channels_key] = uppers, channels
    router, one = app.router, f"{api}/platforms/{{id}}"
    router.add_get(f"{api}/platforms", list_platforms)
    router.add_post(f"{api}/platforms", add_platform)
    router.add_get(one, show_platform)
    router.add_patch(one, change_platform)
    router.add_delete(one, delete_platform)
    router.add_post(f"{one}/register", show_platform)
    router.add_get(f"{one}/share", show_share)
    router.add_put(f"{one}/share", set_share)
    router.add_get(f"{one}/preview", preview)
    router.add_get(f"{one}/lint", lint)
    router.add_get(f"{one}/codes", codes)
    router.add_patch(f"{one}/codes", change_codes)
    router.add_put(f"{one}/codes.csv", import_codes)
