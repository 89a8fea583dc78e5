"""The WebSocket that takes a person's voice: `/api/v1/broadcasts/{id}/microphone`.

Sound comes in as binary messages, 16-bit mono or Opus; out go JSON texts of how it goes. The sound
ends with the socket, with the session, or with the talk.
"""

import asyncio
from http import HTTPStatus
from typing import Literal

from aiohttp import WSMsgType, web
from pydantic import Field

from vms.records.voice import VoiceView
from vms.services.voice import Microphone
from web.api.voice import build_broadcast
from web.api.wire import Body, Number
from web.call import Call
from web.keys import limits_key, microphones_key
from web.route import API, Permission, Resource
from web.sockets import SESSION_ENDED, UpgradeRequired, until_first, until_session_ends

resource = Resource("microphone", "Microphones (话筒): the sound of a talk.", prefix=API)

LARGEST_MESSAGE = 96_000
"""Half a second of 16-bit sound at 96 kHz; browsers send 20 to 100 ms at a time."""
TELL_EVERY_S = 0.25


class SoundQuery(Body):
    """What the messages hold."""

    format: Literal["s16", "opus"] = "s16"
    """`s16`: little-endian 16-bit mono; `opus`: one packet each."""
    rate: int = Field(16_000, ge=8_000, le=96_000)
    """Samples a second of `s16`."""


@resource.route(
    "GET",
    "/broadcasts/{voice_id}/microphone",
    summary="Speak into a talk or live broadcast",
    permission=Permission.OPERATE,
    status=HTTPStatus.SWITCHING_PROTOCOLS,
    problems=(
        "broadcast_not_found",
        "microphone_busy",
        "invalid",
        "too_many_viewers",
        "cross_origin",
        "upgrade_required",
    ),
)
async def speak_live(call: Call, voice_id: Number, query: SoundQuery) -> web.StreamResponse:
    """Open a WebSocket: binary messages are sound, JSON texts `state` tell who hears.

    Only who began the talk may speak; closing the socket ends it.
    """
    seats = call.request.app[microphones_key]
    limits = call.request.app[limits_key]
    response = web.WebSocketResponse(
        heartbeat=limits.heartbeat_s, max_msg_size=LARGEST_MESSAGE, compress=False
    )
    if not response.can_prepare(call.request):
        raise UpgradeRequired
    voice, by = call.services.voice, call.identity.username
    with seats.seat():
        async with voice.microphone(str(voice_id), by, query.format, query.rate) as microphone:
            await response.prepare(call.request)
            await until_first(
                _listen(response, microphone),
                _tell(response, microphone, limits.write_s),
                _until_session_ends(call, response),
            )
            if not response.closed:
                await response.close()
    return response


async def _listen(response: web.WebSocketResponse, microphone: Microphone) -> None:
    """Take sound until the client has left."""
    while True:
        message = await response.receive()
        if message.type is WSMsgType.BINARY:
            microphone.push(message.data)
        elif message.type is not WSMsgType.TEXT:
            return


async def _tell(response: web.WebSocketResponse, microphone: Microphone, limit_s: float) -> None:
    """Tell how it goes, often enough for a level meter, and the end."""
    while not microphone.is_over:
        await _send(response, _text(microphone.view), limit_s)
        try:
            async with asyncio.timeout(TELL_EVERY_S):
                await microphone.until_over()
        except TimeoutError:
            continue
    await _send(response, _text(microphone.view), limit_s)
    await response.close()


async def _send(response: web.WebSocketResponse, text: str, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await response.send_str(text)
    except (TimeoutError, ConnectionError):
        return


async def _until_session_ends(call: Call, response: web.WebSocketResponse) -> None:
    await until_session_ends(call)
    await response.close(code=SESSION_ENDED, message=b"session ended")


def _text(view: VoiceView) -> str:
    return build_broadcast(view).model_dump_json()
