"""The pretend REST API of commands: what a device was told is remembered for the test."""

from typing import Any

from aiohttp import web

from tests.web.mock import data

Json = dict[str, Any]


class Told:
    """What devices and cameras were told, in order, and what they answer."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, Json]] = []
        """The end of the address (`guard`, `cards/1/format`, …) and the body."""
        self.rules: dict[str, Json] = {}
        self.upgrade: Json | None = None
        self.forced = 0
        """How often a configuration was read although the device restarts by it."""
        self.cards = [build_card(1, "ok", None), build_card(2, "formatting", 40)]
        self.aim: Json = {"pan": 12.5, "tilt": 3.0, "zoom": 1.0}


told_key = web.AppKey("told", Told)


def build_card(number: int, status: str, percent: int | None) -> Json:
    """A storage card."""
    space = {"capacity_mb": 61_440, "free_mb": 20_480}
    facts = {"number": number, "name": f"sd{number}", "status": status}
    return {**facts, "format_percent": percent, **space}


def problem(status: int, code: str, title: str) -> web.Response:
    """Problem details (RFC 9457)."""
    body = {"code": code, "title": title, "detail": "", "status": status}
    return web.json_response(body, status=status, content_type="application/problem+json")


async def order(request: web.Request) -> web.Response:
    """Any command that is answered with nothing."""
    tail = request.path.split("/", 5)[5]
    request.app[told_key].orders.append((tail, await request.json()))
    return web.Response(status=204)


async def cards(request: web.Request) -> web.Response:
    """Two cards; what formats is done when it is looked at again."""
    told = request.app[told_key]
    answer = web.json_response({"items": told.cards})
    told.cards = [build_card(card["number"], "ok", None) for card in told.cards]
    return answer


async def format_card(request: web.Request) -> web.Response:
    """The card begins to format."""
    told, number = request.app[told_key], int(request.match_info["number"])
    told.cards = [
        build_card(number, "formatting", 5) if card["number"] == number else card
        for card in told.cards
    ]
    return await order(request)


async def config(request: web.Request) -> web.Response:
    """The basic parameters are told only to those who insist."""
    if request.query.get("force") != "true":
        return web.json_response({"configs": [], "missing": [], "restarting": ["BasicParam"]})
    request.app[told_key].forced += 1
    field = {"name": "name", "kind": "text", "least": 0, "most": 64, "fields": []}
    basic = {"type": "BasicParam", "values": {"name": "常村矿汇聚箱"}, "fields": [field]}
    return web.json_response({"configs": [basic], "missing": [], "restarting": []})


async def show_upgrade(request: web.Request) -> web.Response:
    """The last upgrade; one that was ordered has failed by now."""
    found = request.app[told_key].upgrade
    if found is None:
        return web.json_response({"upgrade": None})
    ended = {"state": "failed", "reason": "02", "ended_at": data.ago(seconds=0)}
    return web.json_response({"upgrade": {**found, **ended}})


async def begin_upgrade(request: web.Request) -> web.Response:
    """It runs."""
    body = await request.json()
    common = {"device_id": request.match_info["id"], "session_id": "s" * 32, "state": "running"}
    times = {"ordered_at": data.ago(seconds=0), "ended_at": None, "reason": None}
    found = {**common, **times, "firmware": body["firmware"]}
    request.app[told_key].upgrade = found
    return web.json_response(found)


async def show_rule(request: web.Request) -> web.Response:
    """A registration rule; of all devices without an id."""
    nothing = {"digest_algorithms": [], "send_date": None, "redirect_to": None}
    rules = request.app[told_key].rules
    return web.json_response(rules.get(request.match_info.get("id", "*"), nothing))


async def set_rule(request: web.Request) -> web.Response:
    """Keep it."""
    rule = await request.json()
    request.app[told_key].rules[request.match_info.get("id", "*")] = rule
    return web.json_response(rule)


async def show_aim(request: web.Request) -> web.Response:
    """Where the head looks."""
    return web.json_response(request.app[told_key].aim)


async def pictures(_: web.Request) -> web.Response:
    """Two pictures."""
    names = [f"{data.BOX}-2026112{day}T040000000000-0123abcd.jpg" for day in (1, 0)]
    return web.json_response({
        "items": [
            {"name": name, "taken_at": data.ago(minutes=place), "size_bytes": 1000,
             "url": f"/api/v1/snapshots/{name}"}
            for place, name in enumerate(names, 1)
        ]
    })  # fmt: skip


async def capabilities(_: web.Request) -> web.Response:
    """Nothing was tried."""
    return web.json_response({"items": [], "test": None})


async def quirks(_: web.Request) -> web.Response:
    """No rows."""
    return web.json_response({"items": [], "bad": []})


def add_control_routes(app: web.Application, api: str, told: Told) -> None:
    """The commands of devices and channels."""
    app[told_key] = told
    router, device, channel = app.router, f"{api}/devices/{{id}}", f"{api}/channels/{{code}}"
    for name in ("reboot", "alarm-reset", "alarm-query"):
        router.add_post(f"{device}/{name}", order)
    router.add_put(f"{device}/guard", order)
    router.add_get(f"{device}/cards", cards)
    router.add_post(f"{device}/cards/{{number}}/format", format_card)
    router.add_get(f"{device}/config", config)
    router.add_get(f"{device}/upgrade", show_upgrade)
    router.add_post(f"{device}/upgrade", begin_upgrade)
    for path in (f"{device}/registration-rule", f"{api}/access/registration-rule"):
        router.add_get(path, show_rule)
        router.add_put(path, set_rule)
    router.add_get(f"{device}/capabilities", capabilities)
    router.add_get(f"{api}/quirks", quirks)
    router.add_put(f"{channel}/device-recording", order)
    for name in ("key-frame", "scans/0", "ptz"):
        router.add_post(f"{channel}/{name}", order)
    router.add_put(f"{channel}/ptz/track", order)
    router.add_get(f"{channel}/ptz/position", show_aim)
    router.add_put(f"{channel}/ptz/position", order)
    router.add_get(f"{channel}/snapshots", pictures)
