"""The pretend stream doctor: real verdicts and words over a made-up chart."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from stream_relay.evidence import SourceEvidence, Stranger
from vms.records import LiveReason
from vms.services.doctor.facts import Chart
from vms.services.doctor.findings import diagnose
from web.api.doctor import build_report
from web.language import language_of

DEVICE = "14040000001180000001"


class Memory:
    """What is remembered of the devices, and which channels were examined."""

    def __init__(self) -> None:
        self.transport: str | None = "tcp-passive"
        self.examined: list[str] = []


memory_key = web.AppKey("doctor", Memory)


def _charts(code: str) -> list[Chart]:
    at = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
    answered: dict[str, Any] = {
        "at": at, "device_id": DEVICE, "host": "10.20.3.64", "is_registered": True, "says_on": True,
        "our_host": "10.20.1.8", "our_port": 30012, "our_ssrc": 400000017, "ports": "30000-30999",
        "failure": LiveReason.NO_MEDIA,
    }  # fmt: skip
    stranger = Stranger("10.20.3.99", 15060, 400000003, 812)
    return [
        Chart(code, transport="tcp-passive", status=488, word="refused", phrase="Not Acceptable",
              **answered),
        Chart(code, transport="udp", status=200, is_answered=True, their_host="10.20.3.64",
              their_port=15060, their_ssrc=400000017, has_provisional=True,
              evidence=SourceEvidence(refused=(stranger,)), **answered),
    ]  # fmt: skip


async def report(request: web.Request) -> web.Response:
    """Two ways were tried and both failed."""
    code = request.match_info["code"]
    if request.method == "POST":
        request.app[memory_key].examined.append(code)
    found = build_report(diagnose(code, _charts(code)), language_of(request))
    return web.json_response(text=found.model_dump_json())


async def transport(request: web.Request) -> web.Response:
    """What worked, until it is forgotten."""
    memory = request.app[memory_key]
    if request.method == "DELETE":
        memory.transport = None
    at = None if memory.transport is None else "2026-07-01T08:00:00Z"
    facts = {"device_id": DEVICE, "transport": memory.transport, "at": at, "evidence": None}
    return web.json_response(facts)


def add_doctor_routes(app: web.Application, root: str) -> None:
    """Every address of the stream doctor."""
    app[memory_key] = Memory()
    for method in ("GET", "POST"):
        app.router.add_route(method, f"{root}/channels/{{code}}/doctor", report)
    for method in ("GET", "DELETE"):
        app.router.add_route(method, f"{root}/devices/{{id}}/transport", transport)
