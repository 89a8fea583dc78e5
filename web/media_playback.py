"""Playbacks over HTTP and WebSocket: `/live/playbacks/{id}.flv`, `.mp4` and `.ws`.

The same forms and the same rules as live pictures (`media.py`); opening one starts nothing.
"""

from http import HTTPStatus

from aiohttp import web

from web.api.playbacks import PlaybackId
from web.call import Call
from web.handover import is_upgrade
from web.media import FLV, MP4, FlvQuery, Form, Mp4Query, play, talk_over_socket, viewer_of
from web.route import Permission, Resource

resource = Resource("playback-media", "Outputs of playbacks.", prefix="/live/playbacks")
PROBLEMS = ("playback_not_found", "unplayable", "too_many_viewers", "device_busy", "no_media")


@resource.route(
    "GET",
    "/{code}.flv",
    summary="Watch a playback as HTTP-FLV or WebSocket-FLV",
    permission=Permission.WATCH,
    media_type=FLV,
    takes_url_token=True,
    takes_websocket=True,
    problems=(*PROBLEMS, "cross_origin", "upgrade_required"),
)
async def watch_playback_flv(call: Call, code: PlaybackId, query: FlvQuery) -> web.StreamResponse:
    """Answer FLV until the playback ends."""
    form: Form = "flv-h265-legacy" if query.h265 == "legacy" else "flv"
    watching = call.services.playback.watch(code, form, viewer_of(call))
    return await play(call, watching, FLV, is_socket=is_upgrade(call.request))


@resource.route(
    "GET",
    "/{code}.mp4",
    summary="Watch a playback as fragmented MP4",
    permission=Permission.WATCH,
    media_type=MP4,
    takes_url_token=True,
    problems=PROBLEMS,
)
async def watch_playback_mp4(call: Call, code: PlaybackId, query: Mp4Query) -> web.StreamResponse:
    """Answer fragmented MP4 until the playback ends."""
    form: Form = "fmp4" if query.audio == "aac" else "fmp4-any-audio"
    return await play(call, call.services.playback.watch(code, form, viewer_of(call)), MP4)


@resource.route(
    "GET",
    "/{code}.ws",
    summary="Watch a playback as fragmented MP4 over WebSocket",
    permission=Permission.WATCH,
    status=HTTPStatus.SWITCHING_PROTOCOLS,
    takes_url_token=True,
    problems=("playback_not_found", "too_many_viewers", "cross_origin", "upgrade_required"),
)
async def watch_playback_socket(call: Call, code: PlaybackId) -> web.StreamResponse:
    """Open a WebSocket with the messages of a live one; `ended` comes with the recording's end."""
    watching = call.services.playback.watch(code, "fmp4", viewer_of(call))
    return await talk_over_socket(call, watching)
