"""A development stand-in for the platform: the real pages over pretend data and a looping picture.

    python -m tests.web.mock.server --port 8099 [--clip some.mp4]

Serves the contract's JSON with one channel for every state a tile can be in (see `data.NAMES`).
Test-only; the real server is `vms run`.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from tests.web.mock import data, routes
from tests.web.mock.clip import FPS, HEIGHT, MIME, TICKS, WIDTH, Clip, make_clip, square_at
from tests.web.mock.routes import State
from web import pages
from web.middleware import SECURITY_HEADERS

clip_key = web.AppKey("clip", Clip)
PREROLL = FPS
H265 = 'video/mp4; codecs="hvc1.1.6.L93.B0"'
STALL_AFTER = 4 * FPS
MOST_LATE = 10
"""Samples that are told later at one time; more are of another connection's pictures."""


def create_app(clip: Clip) -> web.Application:
    """The pages, the pretend API and the pretend streams."""
    app = web.Application(middlewares=[routes.need_login])
    app[clip_key] = clip
    app[routes.state_key] = State()
    app.router.add_get("/live/{code}.ws", watch)
    app.router.add_get("/api/v1/events", listen)
    app.router.add_get("/api/v1/recordings/{id}/file", show_file)
    routes.add_routes(app)
    app.on_response_prepare.append(set_headers)
    pages.setup(app)
    return app


async def set_headers(_: web.Request, response: web.StreamResponse) -> None:
    """The product's own security policy, so that the pages are tried under it."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


def live_status(code: str, state: str, step: str | None, **more: Any) -> data.Json:
    """A live status as the API writes it."""
    empty = {"reason": None, "title": None, "hint": None, "detail": None, "retry_at": None}
    facts = {"codec": "H264", "width": WIDTH, "height": HEIGHT, "frame_rate": FPS}
    counts = {"bitrate_bps": 2_100_000, "viewers": 1, "lost": 0, "transport": "udp"}
    return {"code": code, "state": state, "step": step, **empty, **facts, **counts, **more}


async def watch(request: web.Request) -> web.StreamResponse:
    """`/live/{code}.ws` with the behaviour that the channel's code asks for."""
    code = request.match_info["code"]
    behaviour = data.BEHAVIOUR.get(code, "live")
    if behaviour == "denied":
        raise web.HTTPForbidden
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    state = request.app[routes.state_key]
    state.watched[code] += 1
    state.streams.append((code, request.query.get("stream", "main")))
    async with asyncio.TaskGroup() as group:
        sender = group.create_task(send_live(request, socket, code, behaviour))
        async for message in socket:
            if message.type is WSMsgType.CLOSE:
                break
        sender.cancel()
    return socket


async def show_file(request: web.Request) -> web.StreamResponse:
    """A recorded minute; browsers ask for parts of it."""
    return web.FileResponse(request.app[clip_key].minute, headers={"Content-Type": "video/mp4"})


async def say(socket: web.WebSocketResponse, **fields: Any) -> None:
    """Send one JSON message."""
    await socket.send_str(json.dumps(fields, ensure_ascii=False))


async def send_live(
    request: web.Request, socket: web.WebSocketResponse, code: str, behaviour: str
) -> None:
    """Play the part of one channel."""
    for step in ("lookup", "invite", "media", "key_frame"):
        await say(socket, type="state", **live_status(code, "connecting", step))
        await asyncio.sleep(0.05)
        if behaviour == "connect" and step == "invite":
            await asyncio.Event().wait()
        if behaviour == "fail" and step == "media":
            words = {
                "reason": "no_media",
                "title": "设备没有发送码流",
                "hint": "设备同意了点播但没有码流：请检查媒体端口的防火墙和地址设置。",
                "retry_at": data.ago(seconds=-30),
            }
            await say(socket, type="state", **live_status(code, "failed", step, **words))
            await asyncio.Event().wait()
    mime, codec = (H265, "H265") if behaviour == "h265" else (MIME, "H264")
    await say(socket, type="init", mime=mime, codec=codec, width=WIDTH, height=HEIGHT)
    await socket.send_bytes(request.app[clip_key].init)
    await send_pictures(request, socket, code, behaviour)


async def send_pictures(
    request: web.Request, socket: web.WebSocketResponse, code: str, behaviour: str
) -> None:
    """A group of pictures at once, as from the cache, then one picture every 1/25 s."""
    clip, state = request.app[clip_key], request.app[routes.state_key]
    loop = asyncio.get_running_loop()
    began = loop.time()
    number = 0
    while behaviour != "stall" or number < STALL_AFTER:
        if behaviour == "flap" and number == STALL_AFTER:
            await say(socket, type="ended", reason="device_ended")
            await socket.close()
            return
        ticks, boxes = clip.fragment(number)
        await socket.send_bytes(boxes)
        state.positions[code] = ticks
        number += 1
        await asyncio.sleep(max(0.0, began + (number - PREROLL) / FPS - loop.time()))
    await asyncio.Event().wait()


async def listen(request: web.Request) -> web.StreamResponse:
    """The event WebSocket: what `State.publish` is given, and detections five times a second."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    state = request.app[routes.state_key]
    with state.subscribe() as queue:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(send_events(socket, queue)),
                group.create_task(send_detections(state)),
            ]
            async for message in socket:
                if message.type is WSMsgType.CLOSE:
                    break
            for task in tasks:
                task.cancel()
    return socket


async def send_events(
    socket: web.WebSocketResponse, queue: "asyncio.Queue[dict[str, Any]]"
) -> None:
    """Forward what happens."""
    while True:
        await say(socket, **await queue.get())


async def send_detections(state: State) -> None:
    """The moving square of the first channel as a person, seen a little late as in real life.

    However late this server is, no sample is left out: their distance tells how old one may be.
    """
    code, step = "14040000001320000001", TICKS // 5
    told = -step
    while True:
        newest = state.positions.get(code, -1) // step * step
        for ticks in range(max(told + step, newest - MOST_LATE * step), newest + 1, step):
            box = {"label": "person", "score": 0.91, "box": square_at(ticks / TICKS), "track": 7}
            region = [[0.5, 0.2], [0.98, 0.2], [0.98, 0.9], [0.5, 0.9]]
            facts = {"wall": datetime.now(UTC).isoformat(), "width": WIDTH, "height": HEIGHT}
            state.publish(
                "detections",
                {"channel": code, "pts_ticks": ticks, "boxes": [box], "region": region, **facts},
            )
        told = newest
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(clip: Clip, port: int = 0) -> AsyncIterator[tuple[str, State]]:
    """Serve on loopback as long as the block lasts; gives the address and what can be changed."""
    app = create_app(clip)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, bound = runner.addresses[0][:2]
        yield f"http://{host}:{bound}", app[routes.state_key]
    finally:
        await runner.cleanup()


async def serve(port: int, clip: Clip) -> None:
    """Serve for ever."""
    async with running(clip, port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--clip", type=Path, help="a video to show instead of the moving square")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        looped = make_clip(Path(folder) / "clip.mp4", arguments.clip)
    asyncio.run(serve(arguments.port, looped))
