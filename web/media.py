"""Live pictures over HTTP and WebSocket: `/live/{code}.flv`, `.mp4` and `.ws`.

Takes a watch from the live service and hands its chunks to the client, one write at a time: what a
slow client does not take waits in its reader's bounded queue, which drops to the next key frame;
one that takes nothing for the write limit is closed. Opening starts the stream. Before the first
byte every failure is a problem with a proper status; after it, the connection ends.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import HttpVersion11, web

from vms.errors import LiveFailed, NotReady
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep
from vms.services.live import Watch
from web.api.live_status import build_live
from web.api.wire import Body, GbCode
from web.call import Call
from web.keys import limits_key, viewers_key
from web.language import Language
from web.route import Permission, Resource
from web.sockets import Socket

resource = Resource("media", "Live outputs: opening one starts the stream.", prefix="/live")
Form = Literal["flv", "flv-h265-legacy", "fmp4", "fmp4-any-audio"]
FLV, MP4 = "video/x-flv", "video/mp4"
PROBLEMS = (
    "channel_not_found",
    "device_offline",
    "device_unreachable",
    "device_busy",
    "invite_refused",
    "no_media",
    "no_key_frame",
    "unplayable",
    "too_many_viewers",
)


class FlvQuery(Body):
    """How to write what FLV has no standard for."""

    h265: Literal["enhanced", "legacy"] = "enhanced"
    """H.265 as Enhanced RTMP (hvc1), or as codec id 12, which older Chinese players know."""


class Mp4Query(Body):
    """Which sound to carry."""

    audio: Literal["any", "aac"] = "any"
    """`aac` leaves G.711 out, which browsers cannot play in MP4."""


@resource.route(
    "GET",
    "/{code}.flv",
    summary="Watch as HTTP-FLV",
    permission=Permission.WATCH,
    media_type=FLV,
    takes_url_token=True,
    problems=PROBLEMS,
)
async def watch_flv(call: Call, code: GbCode, query: FlvQuery) -> web.StreamResponse:
    """Answer endless FLV, from the newest key frame on."""
    form: Form = "flv-h265-legacy" if query.h265 == "legacy" else "flv"
    return await _send_over_http(call, code, form, FLV)


@resource.route(
    "GET",
    "/{code}.mp4",
    summary="Watch as fragmented MP4",
    permission=Permission.WATCH,
    media_type=MP4,
    takes_url_token=True,
    problems=PROBLEMS,
)
async def watch_mp4(call: Call, code: GbCode, query: Mp4Query) -> web.StreamResponse:
    """Answer endless fragmented MP4, from the newest key frame on."""
    form: Form = "fmp4" if query.audio == "aac" else "fmp4-any-audio"
    return await _send_over_http(call, code, form, MP4)


@resource.route(
    "GET",
    "/{code}.ws",
    summary="Watch as fragmented MP4 over WebSocket",
    permission=Permission.WATCH,
    status=HTTPStatus.SWITCHING_PROTOCOLS,
    takes_url_token=True,
    problems=("channel_not_found", "too_many_viewers", "cross_origin", "upgrade_required"),
)
async def watch_socket(call: Call, code: GbCode) -> web.StreamResponse:
    """Open a WebSocket for Media Source Extensions.

    JSON texts `state` (a live status) on each change; `init` with `mime`, `codec`, `width` and
    `height` before each initialisation segment; fragments as binary messages; `ended` with `reason`
    last. Media time is the stream's `pts_ticks` / 90000.
    """
    seats = call.request.app[viewers_key]
    socket = Socket(call, seats)
    with seats.seat():
        async with call.services.live.watch(code, "fmp4", _viewer(call)) as watch:
            return await socket.serve(partial(_talk, watch, call.language))


async def _send_over_http(
    call: Call, code: str, form: Form, content_type: str
) -> web.StreamResponse:
    """Answer a stream's chunks until the stream or the client ends."""
    request = call.request
    seats = request.app[viewers_key]
    with seats.seat():
        live = call.services.live
        async with live.watch(code, form, _viewer(call)) as watch, _items(watch) as items:
            first = await _first_chunk(items, request.app[limits_key].first_chunk_s)
            response = web.StreamResponse(headers={"Content-Type": content_type})
            if request.version >= HttpVersion11:
                response.enable_chunked_encoding()
            await response.prepare(request)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_write_all(call, response, first, items)),
                    group.create_task(_until_left(call)),
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
            return response


async def _first_chunk(items: AsyncIterator[Any], limit_s: float) -> Any:
    """Wait for the picture; raises LiveFailed for the first failure that is not old news."""
    is_news = False
    try:
        async with asyncio.timeout(limit_s):
            async for item in items:
                if not isinstance(item, LiveStatus):
                    return item
                if item.reason and (is_news or item.reason is LiveReason.UNPLAYABLE):
                    raise LiveFailed(item.step or LiveStep.LOOKUP, item.reason, item.detail)
                is_news = True
    except TimeoutError as error:
        raise LiveFailed(LiveStep.MEDIA, LiveReason.NO_MEDIA) from error
    raise LiveFailed(LiveStep.LOOKUP, LiveReason.STOPPED)


async def _write_all(
    call: Call, response: web.StreamResponse, chunk: Any, items: AsyncIterator[Any]
) -> None:
    """Write chunk after chunk; ends with the stream, or by closing a client that is too slow."""
    app = call.request.app
    try:
        await _write(response, chunk.data, app[limits_key].write_s)
        async for item in items:
            if not isinstance(item, LiveStatus):
                await _write(response, item.data, app[limits_key].write_s)
            elif item.state is not LiveState.LIVE:
                return
    except (TimeoutError, NotReady):
        app[viewers_key].slow += 1
        if call.request.transport is not None:
            call.request.transport.abort()
    except ConnectionError:
        return


async def _write(response: web.StreamResponse, data: bytes, limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        await response.write(data)


async def _until_left(call: Call) -> None:
    """End when the client's connection is gone, also while there is nothing to write."""
    interval_s = call.request.app[limits_key].presence_s
    while True:
        transport = call.request.transport
        if transport is None or transport.is_closing():
            return
        await asyncio.sleep(interval_s)


async def _talk(watch: Watch, language: Language, socket: Socket) -> None:
    """Carry a watch over its WebSocket until the channel is stopped."""
    reason, told = LiveReason.STOPPED.value, ""
    try:
        async with _items(watch) as items:
            async for item in items:
                if isinstance(item, LiveStatus):
                    text = build_state(item, language)
                    if text != told:
                        await socket.send_text(text)
                    told = text
                else:
                    await _send_chunk(socket, item)
    except NotReady as error:
        reason = error.code
    await socket.send_text(json.dumps({"type": "ended", "reason": reason}))


async def _send_chunk(socket: Socket, chunk: Any) -> None:
    if chunk.kind == "init":
        await socket.send_text(build_init(chunk))
    await socket.send_bytes(chunk.data)


@asynccontextmanager
async def _items(watch: Watch) -> AsyncIterator[AsyncIterator[Any]]:
    """What a watch yields; leaving the block leaves the stream at once."""
    items = aiter(watch)
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


def _viewer(call: Call) -> str:
    """Who watches, for the status page."""
    return f"{call.identity.username} {call.source}"


def build_state(status: LiveStatus, language: Language) -> str:
    """A `state` message."""
    facts = build_live(status, language).model_dump(mode="json")
    return json.dumps({"type": "state", **facts}, ensure_ascii=False)


def build_init(chunk: Any) -> str:
    """An `init` message: what the browser needs to know before the initialisation segment."""
    video = next((track for track in chunk.tracks if track.kind == "video"), None)
    return json.dumps(
        {
            "type": "init",
            "mime": f'{MP4}; codecs="{chunk.codec_string}"',
            "codec": str(video.codec) if video else None,
            "width": video.width if video else None,
            "height": video.height if video else None,
        }
    )
