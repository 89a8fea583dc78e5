"""Live pictures over HTTP and WebSocket: `/live/{code}.flv`, `.mp4` and `.ws`.

Takes a watch from the live service, answers the head and hands the connection to the relay, which
writes until the stream, the client or its session ends. Where that cannot be (TLS, see
`handover.py`) the chunks are written here, one write at a time. Either way what a slow client does
not take waits in a bounded queue, which drops to the next key frame, and one that takes nothing is
closed. Opening starts the stream. Before the first byte every failure is a problem with a proper
status; after it, the connection ends.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import HttpVersion11, web

from vms.errors import LiveFailed, NotReady
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep
from vms.services.live import InitFacts, Viewer, ViewerEnd, Watch, Words
from web.api.live_status import build_live
from web.api.wire import Body, GbCode
from web.call import Call
from web.handover import Handed, HandedSocket, can_hand_over, hand_over, is_upgrade
from web.keys import limits_key, viewers_key
from web.language import Language
from web.route import Permission, Resource
from web.sockets import Socket, until_first, until_session_ends

resource = Resource("media", "Live outputs: opening one starts the stream.", prefix="/live")
Form = Literal["flv", "flv-h265-legacy", "fmp4", "fmp4-any-audio"]
Watching = AbstractAsyncContextManager[Watch]
"""A place before a picture, not entered yet."""
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


class StreamQuery(Body):
    """Which picture of the camera."""

    stream: Literal["main", "sub"] = "main"
    """`sub` is smaller and coarser; a device without one sends its main stream."""


class FlvQuery(StreamQuery):
    """How to write what FLV has no standard for."""

    h265: Literal["enhanced", "legacy"] = "enhanced"
    """H.265 as Enhanced RTMP (hvc1), or as codec id 12, which older Chinese players know."""


class Mp4Query(StreamQuery):
    """Which sound to carry."""

    audio: Literal["any", "aac"] = "any"
    """`aac` leaves G.711 out, which browsers cannot play in MP4."""


@resource.route(
    "GET",
    "/{code}.flv",
    summary="Watch as HTTP-FLV or WebSocket-FLV",
    permission=Permission.WATCH,
    media_type=FLV,
    takes_url_token=True,
    takes_websocket=True,
    problems=(*PROBLEMS, "cross_origin", "upgrade_required"),
)
async def watch_flv(call: Call, code: GbCode, query: FlvQuery) -> web.StreamResponse:
    """Answer endless FLV, from the newest key frame on.

    With a WebSocket upgrade the same bytes come as binary messages, and nothing else.
    """
    form: Form = "flv-h265-legacy" if query.h265 == "legacy" else "flv"
    watching = call.services.live.watch(code, form, viewer_of(call), query.stream)
    return await play(call, watching, FLV, is_socket=is_upgrade(call.request))


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
    watching = call.services.live.watch(code, form, viewer_of(call), query.stream)
    return await play(call, watching, MP4)


@resource.route(
    "GET",
    "/{code}.ws",
    summary="Watch as fragmented MP4 over WebSocket",
    permission=Permission.WATCH,
    status=HTTPStatus.SWITCHING_PROTOCOLS,
    takes_url_token=True,
    problems=("channel_not_found", "too_many_viewers", "cross_origin", "upgrade_required"),
)
async def watch_socket(call: Call, code: GbCode, query: StreamQuery) -> web.StreamResponse:
    """Open a WebSocket for Media Source Extensions.

    JSON texts `state` (a live status) on each change; `init` with `mime`, `codec`, `width` and
    `height` before each initialisation segment; fragments as binary messages; `ended` with `reason`
    last. Media time is the stream's `pts_ticks` / 90000.
    """
    watching = call.services.live.watch(code, "fmp4", viewer_of(call), query.stream)
    return await talk_over_socket(call, watching)


async def talk_over_socket(call: Call, watching: Watching) -> web.StreamResponse:
    """Serve a WebSocket that tells what happens; see `watch_socket`."""
    seats = call.request.app[viewers_key]
    socket = Socket(call, seats)
    words = Words(partial(build_state, language=call.language), build_init, build_end)
    with seats.seat():
        async with watching as watch:
            if not can_hand_over(call.request):
                return await socket.serve(partial(_talk, watch, words))
            response = HandedSocket()
            viewer = watch.adopt(await hand_over(call.request, response), "websocket")
            await _stay(call, response, viewer, watch.talk(viewer, words))
            return response


async def play(
    call: Call, watching: Watching, content_type: str, *, is_socket: bool = False
) -> web.StreamResponse:
    """Answer a stream's chunks until the stream, the client or its session ends."""
    request = call.request
    seats = request.app[viewers_key]
    socket = Socket(call, seats) if is_socket else None
    with seats.seat():
        async with watching as watch:
            async with _items(watch) as items:
                first = await _first_chunk(items, request.app[limits_key].first_chunk_s)
                if not can_hand_over(request):
                    if socket is not None:
                        return await socket.serve(partial(_pour, first, items))
                    return await _write_here(call, content_type, first, items)
            response = HandedSocket() if is_socket else Handed(content_type)
            taken = await hand_over(request, response)
            viewer = watch.adopt(taken, "websocket" if is_socket else "http")
            await _stay(call, response, viewer, watch.show(viewer))
            return response


async def _stay(
    call: Call,
    response: Handed | HandedSocket,
    viewer: Viewer,
    showing: Coroutine[Any, Any, ViewerEnd],
) -> None:
    """Stay while the relay writes; then what it wrote is ours to tell."""

    async def show() -> None:
        end = await showing
        if end.reason == "slow":
            call.request.app[viewers_key].slow += 1

    try:
        await until_first(show(), until_session_ends(call))
    finally:
        showing.close()  # in case it never began
        viewer.abort()
        response.sent = viewer.statistics.bytes


async def _write_here(
    call: Call, content_type: str, first: Any, items: AsyncIterator[Any]
) -> web.StreamResponse:
    """Answer over a connection that cannot be handed over."""
    response = web.StreamResponse(headers={"Content-Type": content_type})
    if call.request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    await response.prepare(call.request)
    await until_first(
        _write_all(call, response, first, items), _until_left(call), until_session_ends(call)
    )
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


async def _talk(watch: Watch, words: Words, socket: Socket) -> None:
    """Carry a watch over its WebSocket until the channel is stopped."""
    reason, told = LiveReason.STOPPED.value, ""
    try:
        async with _items(watch) as items:
            async for item in items:
                if isinstance(item, LiveStatus):
                    text = words.state(item)
                    if text != told:
                        await socket.send_text(text)
                    told = text
                else:
                    await _send_chunk(socket, words, item)
    except NotReady as error:
        reason = error.code
    await socket.send_text(words.ended(reason))


async def _pour(chunk: Any, items: AsyncIterator[Any], socket: Socket) -> None:
    """Send chunk after chunk over a WebSocket until the stream ends."""
    await socket.send_bytes(chunk.data)
    async for item in items:
        if not isinstance(item, LiveStatus):
            await socket.send_bytes(item.data)
        elif item.state is not LiveState.LIVE:
            return


async def _send_chunk(socket: Socket, words: Words, chunk: Any) -> None:
    if chunk.kind == "init":
        await socket.send_text(words.init(InitFacts(chunk.codec_string, chunk.tracks)))
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


def viewer_of(call: Call) -> str:
    """Who watches, for the status page."""
    return f"{call.identity.username} {call.source}"


def build_state(status: LiveStatus, language: Language) -> str:
    """A `state` message."""
    facts = build_live(status, language).model_dump(mode="json")
    return json.dumps({"type": "state", **facts}, ensure_ascii=False)


def build_init(facts: InitFacts) -> str:
    """An `init` message: what the browser needs to know before the initialisation segment."""
    video = next((track for track in facts.tracks if track.kind == "video"), None)
    return json.dumps(
        {
            "type": "init",
            "mime": f'{MP4}; codecs="{facts.codec_string}"',
            "codec": str(video.codec) if video else None,
            "width": video.width if video else None,
            "height": video.height if video else None,
        }
    )


def build_end(reason: str) -> str:
    """An `ended` message, the last one."""
    return json.dumps({"type": "ended", "reason": reason})
