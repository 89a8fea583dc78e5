"""Platforms of ours one above the other on this machine, and what a person asks them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.platform import Platform, Program
from tests.ports import free_ports

COUNTY, CITY, PROVINCE = "14048100002000000001", "14040000002000000001", "14000000002000000001"
SECRET = "Mountain-Pass-9"
PORTS = 104
"""Of one platform: SIP, HTTP and a hundred for media."""


def make_platforms(folder: Path, *ids: str, **settings: str) -> list[Platform]:
    """Platforms whose ports come from one stretch, so that none has another's."""
    ports = free_ports(PORTS * len(ids))
    found = []
    for number, server_id in enumerate(ids):
        own = ports[number * PORTS : (number + 1) * PORTS]
        platform = Platform(
            folder / server_id,
            VMS_SIP__SERVER_ID=server_id,
            VMS_SIP__DOMAIN=server_id[:10],
            VMS_SIP__PORT=str(own[0]),
            VMS_HTTP__PORT=str(own[2]),
            VMS_MEDIA__PORTS=f"{own[4]}-{own[-1]}",
            VMS_MEDIA__LINGER_S="60",
            **settings,
        )
        platform.sip_port, platform.http_port = own[0], own[2]
        platform.url = f"http://127.0.0.1:{own[2]}"
        found.append(platform)
    return found


def server_id(platform: Platform) -> str:
    return platform.env["VMS_SIP__SERVER_ID"]


def join(lower: Platform, upper: Platform, **facts: Any) -> None:
    """Let the lower one register at the upper one and share everything with it."""
    device = {"id": server_id(lower), "name": "下级平台", "password": SECRET}
    assert upper.post("/api/v1/devices", device).status == 201
    above = {
        "id": server_id(upper),
        "name": "上级平台",
        "host": "127.0.0.1",
        "port": upper.sip_port,
        "password": SECRET,
        **facts,
    }
    answer = lower.post("/api/v1/platforms", above)
    assert answer.status == 201, answer.body
    path = f"/api/v1/platforms/{server_id(upper)}/share"
    assert lower.request("PUT", path, {"everything": True}).status == 200


def scorecard(lower: Platform, upper: Platform) -> dict[str, Any]:
    answer = lower.get(f"/api/v1/platforms/{server_id(upper)}")
    assert answer.status == 200, answer.body
    card: dict[str, Any] = answer.json()["scorecard"]
    return card


def until_equal(lower: Platform, upper: Platform) -> None:
    """Until the upper one has been told everything it should see."""

    def is_equal(body: dict[str, Any]) -> bool:
        catalog = body["scorecard"]["catalog"]
        return body["scorecard"]["state"] == "registered" and bool(catalog) and catalog["is_equal"]

    lower.eventually(f"/api/v1/platforms/{server_id(upper)}", is_equal)


@dataclass
class Chain:
    """A mine below a county, a city and a province."""

    county: Platform
    city: Platform
    province: Platform
    mine: Program
    channels: list[dict[str, Any]]
    """As the county knows them."""

    @property
    def levels(self) -> tuple[Platform, Platform, Platform]:
        return self.county, self.city, self.province

    @property
    def dome(self) -> dict[str, Any]:
        return next(each for each in self.channels if each["ptz_type"] == 1)

    def live(self, platform: Platform, code: str) -> dict[str, Any]:
        """Start a live picture and wait for it; answers where it is."""
        started = platform.post(f"/api/v1/channels/{code}/live", {})
        assert started.status in (200, 201, 202), started.body
        platform.eventually(
            f"/api/v1/channels/{code}/live", lambda status: status["state"] == "live"
        )
        urls: dict[str, Any] = started.json()["urls"]
        return urls

    def until_idle(self, code: str) -> None:
        """Let go of a picture, and wait until no level brings it any more."""
        for platform in reversed(self.levels):
            platform.request("DELETE", f"/api/v1/channels/{code}/live")
            platform.eventually(
                f"/api/v1/channels/{code}/live",
                lambda status: status["state"] in ("idle", "failed") and status["viewers"] == 0,
            )


@contextmanager
def running_chain(folder: Path, count: int, *words: str) -> Iterator[Chain]:
    """The city gets media by connecting to the county, the province lets the city connect."""
    county, city, province = make_platforms(folder, COUNTY, CITY, PROVINCE)
    city.env["VMS_MEDIA__TRANSPORTS"] = "tcp-active"
    province.env["VMS_MEDIA__TRANSPORTS"] = "tcp-passive"
    with ExitStack() as stack:
        for platform in (province, city, county):
            stack.enter_context(platform.run())
        join(city, province, edition="2016", charset="GB2312", transport="tcp")
        join(county, city)
        arguments = ("--boxes", "1", "--channels", str(count), "--commands", *words)
        mine = stack.enter_context(county.simulate(*arguments))
        channels = county.channels_online(count)
        city.channels_online(count)
        province.channels_online(count)
        yield Chain(county, city, province, mine, channels)
