"""What a pretend box does over HTTP, against a server that takes or refuses."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sip.simulator.profile import SnapshotsRequested, UpgradeRequested
from tests.vms.bench import CHANNEL
from vms.simulation.errands import Errands


@dataclass
class FakeDevice:
    snapshots: list[tuple[str, str, list[str]]] = field(default_factory=list)
    upgrades: list[tuple[str, str, str]] = field(default_factory=list)

    def finish_snapshots(self, channel_id, session_id, file_ids, now) -> None:
        self.snapshots.append((channel_id, session_id, list(file_ids)))

    def finish_upgrade(self, session_id, firmware, now, reason="") -> None:
        self.upgrades.append((session_id, firmware, reason))


@dataclass
class Place:
    """A server that remembers what came, and the box's errands."""

    server: TestServer
    device: FakeDevice
    errands: Errands
    uploads: dict[str, bytes]
    flushed: list[None]


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    uploads: dict[str, bytes] = {}
    flushed: list[None] = []

    async def take(request: web.Request) -> web.Response:
        if request.match_info["token"] == "full":
            return web.Response(status=409)
        uploads[request.match_info["name"]] = await request.read()
        return web.Response(status=204)

    async def firmware(request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind == "moved":
            raise web.HTTPFound("/firmware/good")
        return web.Response(status=200 if kind == "good" else 404, body=b"code")

    app = web.Application()
    app.router.add_post("/up/{token}/{name}", take)
    app.router.add_get("/firmware/{kind}", firmware)
    device = FakeDevice()
    async with TestServer(app) as server:
        errands = Errands(device, lambda code: None, lambda: flushed.append(None))
        yield Place(server, device, errands, uploads, flushed)


async def test_each_picture_is_uploaded_under_its_id_and_listed(place: Place) -> None:
    url = str(place.server.make_url("/up/t"))
    await place.errands.take_snapshots(SnapshotsRequested(CHANNEL, 2, 0, url + "/", "s"))
    [(channel, session, names)] = place.device.snapshots
    assert (channel, session, len(names)) == (CHANNEL, "s", 2)
    assert {len(name) for name in names} == {41}
    assert set(place.uploads) == {f"{name}.jpg" for name in names}
    assert all(picture.startswith(b"\xff\xd8\xff") for picture in place.uploads.values())
    assert place.flushed == [None]


async def test_pictures_that_were_not_taken_are_not_listed(place: Place) -> None:
    url = str(place.server.make_url("/up/full"))
    await place.errands.take_snapshots(SnapshotsRequested(CHANNEL, 1, 1, url, "s"))
    assert place.device.snapshots == [(CHANNEL, "s", [])]


@pytest.mark.parametrize(("kind", "reason"), [("good", ""), ("gone", "02"), ("moved", "02")])
async def test_firmware_is_fetched_without_following_redirects(
    place: Place, kind: str, reason: str
) -> None:
    url = str(place.server.make_url(f"/firmware/{kind}"))
    await place.errands.upgrade(UpgradeRequested("s", "V2", url))
    assert place.device.upgrades == [("s", "V2", reason)]


async def test_a_server_that_is_not_there_is_a_timeout(place: Place) -> None:
    url = str(place.server.make_url("/x"))
    await place.server.close()
    await place.errands.upgrade(UpgradeRequested("s", "V2", url))
    assert place.device.upgrades == [("s", "V2", "01")]
