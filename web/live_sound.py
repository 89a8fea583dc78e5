"""The sound of a live picture over WebSocket: `/live/{code}.sound`.

Browsers play neither G.711 in MP4 nor RTP; they get samples. Only who listens costs anything.
"""

from functools import partial
from http import HTTPStatus

from aiohttp import web

from vms.records import LiveStatus
from vms.services.live import Watch
from vms.services.live.sound import LiveSound
from web.api.wire import GbCode
from web.call import Call
from web.keys import viewers_key
from web.route import Permission, Resource
from web.sockets import Socket

resource = Resource("sound", "Live sound (现场声音): what a camera hears.", prefix="/live")


@resource.route(
    "GET",
    "/{code}.sound",
    summary="Listen over WebSocket",
    permission=Permission.WATCH,
    status=HTTPStatus.SWITCHING_PROTOCOLS,
    takes_url_token=True,
    problems=("channel_not_found", "too_many_viewers", "cross_origin", "upgrade_required"),
)
async def listen_live(call: Call, code: GbCode) -> web.StreamResponse:
    """Open a WebSocket of binary messages: little-endian 16-bit samples, mono, 8 kHz.

    Carries G.711; nothing comes while the camera sends no sound or another codec.
    """
    seats = call.request.app[viewers_key]
    socket = Socket(call, seats)
    listener = f"{call.identity.username} {call.source}"
    with seats.seat():
        async with call.services.live.watch(code, "access-units", listener) as watch:
            return await socket.serve(partial(_sound, watch))


async def _sound(watch: Watch, socket: Socket) -> None:
    sound = LiveSound()
    async for item in watch:
        if not isinstance(item, LiveStatus) and (samples := sound.decode(item.unit)):
            await socket.send_bytes(samples)
