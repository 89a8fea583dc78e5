"""The live outputs over the real live service and the real relay, from request to last byte."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from aiohttp import ClientSession, WSMsgType, web

from stream_relay.events import StreamStalled
from tests.vms.bench import CHANNEL, HandClock, eventually
from tests.vms.services.live.stage import FAST, Stage, open_stage
from tests.web import conftest
from tests.web.fakes import FakeServices
from vms.bus import Bus
from vms.config_sections import HttpSection
from vms.services import Services
from web.app import create_app, create_runner
from web.keys import viewers_key


@dataclass
class Line:
    """A server over a live service whose planes the test plays, and somebody logged in."""

    stage: Stage
    app: web.Application
    runner: web.AppRunner
    session: ClientSession
    services: FakeServices
    place: str

    def url(self, output: str) -> str:
        return f"{self.place}/live/{CHANNEL}.{output}"


@pytest.fixture
async def line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Line]:
    async with open_stage(FAST, HandClock(), Bus()) as stage:
        services = FakeServices(tmp_path)
        services.live = stage.service  # type: ignore[assignment]  # the real one
        settings = HttpSection(max_viewers=50)
        limits = conftest.FAST
        app = create_app(cast(Services, services), settings, version="0", limits=limits)
        runner = create_runner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        place = f"http://127.0.0.1:{runner.addresses[0][1]}"
        headers = {"Authorization": f"Bearer {services.users.open_session('viewer')}"}
        async with ClientSession(headers=headers) as session:
            yield Line(stage, app, runner, session, services, place)
        await runner.cleanup()
    failed = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert failed == []


async def test_a_player_gets_flv_until_the_stream_ends(line: Line) -> None:
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(line.session.get(line.url("flv")))
        await line.stage.until_picture()
        answer = await asking
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    assert (await answer.content.readexactly(3)) == b"FLV"
    assert line.stage.status.viewers == 1
    line.stage.media.say(StreamStalled(line.stage.media.running.stream.id, 15.0))
    rest = await answer.read()
    (viewer,) = line.stage.media.viewers
    assert viewer.statistics.bytes == len(rest) + 3


async def test_flv_over_a_websocket_has_the_bytes_of_flv_over_http(line: Line) -> None:
    async with line.stage.service.watch(CHANNEL, "flv", "keeps it"):
        await line.stage.until_picture()
        answer = await line.session.get(line.url("flv"))
        seen = await line.session.ws_connect(line.url("flv"))
        data = await answer.content.readexactly(2000)
        messages = b""
        while len(messages) < 2000:
            messages += await seen.receive_bytes(timeout=60)
        assert messages[:2000] == data
        assert line.app[viewers_key].taken == 2 and line.stage.status.viewers == 3
        answer.close()
        await seen.close()


async def test_a_screen_hears_and_sees(line: Line) -> None:
    seen = await line.session.ws_connect(line.url("ws"))
    await line.stage.until_picture()
    types: list[str] = []
    async with asyncio.timeout(60):
        while types[-1:] != ["data"]:
            message = await seen.receive()
            is_text = message.type is WSMsgType.TEXT
            types.append(json.loads(message.data)["type"] if is_text else "data")
    assert types[0] == "state" and types[-3:] == ["state", "init", "data"]
    await seen.close()
    await line.stage.until_gone()
    assert line.app[viewers_key].taken == 0


async def test_a_server_that_stops_lets_many_viewers_go_quietly(line: Line) -> None:
    async with line.stage.service.watch(CHANNEL, "flv", "keeps it"):
        await line.stage.until_picture()
        players = [await line.session.get(line.url(o)) for o in ("flv", "mp4") * 5]
        screens = [await line.session.ws_connect(line.url(o)) for o in ("ws", "flv") * 5]
        listener = await line.session.ws_connect(f"{line.place}/api/v1/events")
        assert line.app[viewers_key].taken == 20
        async with asyncio.timeout(60):
            await line.runner.cleanup()
        assert line.app[viewers_key].taken == 0
        ends = [(await viewer.wait_closed()).reason for viewer in line.stage.media.viewers]
        assert set(ends) == {"aborted"}
        assert line.stage.media.running.stream.reader_count == 0
    for player in players:
        player.close()
    for screen in [*screens, listener]:
        await screen.close()


async def test_a_logout_ends_the_pictures_of_that_session_only(line: Line) -> None:
    users = line.services.users
    other = users.sessions[users.open_session("operator")]
    token = users.media_token(other, CHANNEL).token
    async with line.stage.service.watch(CHANNEL, "flv", "keeps it"), ClientSession() as anyone:
        await line.stage.until_picture()
        mine = await line.session.ws_connect(line.url("flv"))
        theirs = [await anyone.get(line.url(o) + f"?token={token}") for o in ("flv", "mp4")]
        screen = await anyone.ws_connect(line.url("ws") + f"?token={token}")
        assert line.app[viewers_key].taken == 4
        await users.log_out(other)
        for answer in theirs:
            await answer.read()
        async with asyncio.timeout(60):
            while (await screen.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED):
                pass
            await eventually(lambda: line.app[viewers_key].taken == 1)
        assert not mine.closed and line.stage.media.running.stream.reader_count == 1
        await mine.close()
