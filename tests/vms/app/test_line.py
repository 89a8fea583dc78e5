"""One line through every plane, over the public interface, against a box on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.vms.app.box import Box
from tests.vms.app.conftest import PASSWORD, Launch
from tests.vms.bench import CHANNEL, DEVICE, eventually
from vms.app import Started


class Api:
    """A logged-in program."""

    def __init__(self, client: ClientSession, started: Started) -> None:
        self._client = client
        self.root = f"http://127.0.0.1:{started.http_port}"

    async def call(self, method: str, path: str, body: object = None) -> Any:
        url = f"{self.root}/api/v1{path}"
        async with self._client.request(method, url, json=body) as answer:
            assert answer.status < 400, await answer.text()
            return await answer.json() if answer.status != 204 else None

    async def begin(self) -> None:
        session = await self.call("POST", "/session", {"username": "admin", "password": PASSWORD})
        self._client.headers["Authorization"] = f"Bearer {session['token']}"

    @asynccontextmanager
    async def watching(self, url: str) -> AsyncIterator[bytes]:
        """The first three bytes of a live output, watched as long as the block lasts."""
        async with self._client.get(url) as answer:
            assert answer.status == 200
            yield await answer.content.readexactly(3)

    async def channel(self) -> Any:
        page = await self.call("GET", "/channels")
        return next((each for each in page["items"] if each["code"] == CHANNEL), None)


@asynccontextmanager
async def logged_in(started: Started) -> AsyncIterator[Api]:
    async with ClientSession() as client:
        api = Api(client, started)
        await api.begin()
        yield api


async def test_device_registers_its_channels_appear_and_its_picture_plays(launch: Launch) -> None:
    async with launch() as started, logged_in(started) as api:
        added = await api.call("POST", "/devices", {"id": DEVICE, "name": "一号矿"})
        box = Box(added["password"], started.sip_port)
        async with box.running():
            channel = await eventually(api.channel)
            assert (channel["name"], channel["online"], channel["proven"]) == (
                "主井口",
                True,
                False,
            )
            live = await api.call("POST", f"/channels/{CHANNEL}/live")
            url = next(value for key, value in live["urls"].items() if key == "http_flv")
            async with api.watching(url) as beginning:
                assert beginning == b"FLV"
                status = (await api.channel())["live"]
                assert (status["state"], status["codec"], status["width"]) == ("live", "h264", 320)

            async def is_proven() -> bool:
                return bool((await api.channel())["proven"])

            assert await eventually(is_proven)
            async with asyncio.timeout(60):
                await box.stopped.wait()


async def test_stop_of_the_platform_says_bye_and_finishes_the_recording(
    launch: Launch, tmp_path: Path
) -> None:
    async with AsyncExitStack() as afterwards:
        async with launch() as started, logged_in(started) as api:
            added = await api.call("POST", "/devices", {"id": DEVICE})
            box = Box(added["password"], started.sip_port)
            await afterwards.enter_async_context(box.running())
            await eventually(api.channel)
            await api.call("PUT", f"/channels/{CHANNEL}/recording", {"on": True})

            async def is_written() -> bool:
                return any((tmp_path / "data" / "recordings").rglob("*.part"))

            assert await eventually(is_written)
            assert not box.stopped.is_set()
        assert box.stopped.is_set(), "BYE was sent"
    recorded = [path.suffix for path in (tmp_path / "data" / "recordings").rglob("*.*")]
    assert recorded == [".mp4"]


async def test_silent_device_is_told_to_the_viewer_after_bye(launch: Launch) -> None:
    quick = {"first_packet_timeout_s": 0.3}
    async with launch(media=quick) as started, logged_in(started) as api:
        added = await api.call("POST", "/devices", {"id": DEVICE})
        box = Box(added["password"], started.sip_port)
        box.sends = False
        async with box.running():
            await eventually(api.channel)
            await api.call("POST", f"/channels/{CHANNEL}/live")

            async def failed() -> Any:
                live = (await api.channel())["live"]
                return live if live and live["state"] == "failed" else None

            live = await eventually(failed)
            assert live["reason"] == "no_media"
            assert live["hint"]
            async with asyncio.timeout(60):
                await box.stopped.wait()


async def test_wrong_password_is_refused_and_shown_on_the_access_page(launch: Launch) -> None:
    async with launch() as started, logged_in(started) as api:
        await api.call("POST", "/devices", {"id": DEVICE, "password": "the-right-one"})
        async with Box("the-wrong-one", started.sip_port).running():

            async def refused() -> Any:
                access = await api.call("GET", "/access")
                return [a for a in access["attempts"] if a["outcome"] == "refused_password"]

            (attempt,) = await eventually(refused)
        assert (attempt["device_id"], attempt["known"]) == (DEVICE, True)
        device = await api.call("GET", f"/devices/{DEVICE}")
        assert (device["registered"], device["online"]) == (False, False)


async def test_unknown_device_is_refused_shown_and_let_in_once_added(launch: Launch) -> None:
    async with launch() as started, logged_in(started) as api:
        async with Box("chosen-by-people", started.sip_port).running():

            async def refused() -> Any:
                access = await api.call("GET", "/access")
                return [a for a in access["attempts"] if a["outcome"] == "refused_unknown"]

            (attempt,) = await eventually(refused)
            assert attempt["known"] is False
            body = {"id": DEVICE, "password": "chosen-by-people"}
            await api.call("POST", "/devices", body)
            assert await eventually(api.channel)
