"""Playbacks: recordings of devices on their way to people, controlled while they run."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from vms.records import MediaToken, PlaybackState
from vms.records import Playback as PlaybackView
from web.api.live_status import LiveUrls, build_urls
from web.api.wire import Body, GbCode, ListOf, Text, Wire
from web.call import Call
from web.language import Language
from web.problems import PROBLEMS
from web.route import Permission, Resource

resource = Resource("playbacks", "Playbacks (回放): recordings of devices, played and controlled.")

PlaybackId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-z-]{1,64}$"),
    Field(examples=["playback-0123456789abcdef0123456789abcdef"]),
]
CHANGES = (
    "playback_not_found",
    "playback_over",
    "playback_refused",
    "reverse_refused",
    "playback_not_ready",
    "device_unreachable",
    "invalid",
)


class Playback(Wire):
    """One recording on its way from a device."""

    id: str
    channel: str
    owner: Text
    """Who began it; others may look and control as well."""
    start: datetime
    end: datetime
    """The stretch that was asked for."""
    state: PlaybackState
    position: datetime
    """Recorded time of the newest picture that the platform has."""
    speed: float
    """Below 0: backwards."""
    paused: bool
    can_reverse: bool | None
    """Null: nobody has tried with this device."""
    created_at: datetime
    reason: Text
    """Why it is over: `finished`, `stopped`, `unwatched`, `silent`, or the code of a problem."""
    title: Text = None
    """The problem in the reader's language."""
    hint: Text = None
    """What to do about it, in the reader's language."""
    detail: Text
    """Facts for the technician, not translated."""
    urls: LiveUrls | None = None
    token_expires_at: datetime | None = None


class PlaybackList(ListOf[Playback]):
    """Running playbacks, oldest first."""


class PlaybackDraft(Body):
    """What to play."""

    channel: GbCode
    start: AwareDatetime
    """ISO 8601 with zone."""
    end: AwareDatetime
    """At most a day later."""
    speed: float = Field(1.0, ge=-16, le=16)
    """To begin with; below 0: backwards."""


class PlaybackChange(Body):
    """What is to be otherwise; what is left out stays. Seeking comes first, holding last."""

    position: AwareDatetime | None = None
    """Go on from this recorded time."""
    speed: float | None = Field(None, ge=-16, le=16)
    """0.25, 0.5, 1, 2 and 4 are what every device must know."""
    paused: bool | None = None


def build_playback(
    playback: PlaybackView,
    language: Language,
    request: web.Request | None = None,
    token: MediaToken | None = None,
) -> Playback:
    """The JSON form, with words for a failure and addresses while it runs."""
    kind = PROBLEMS.get(playback.reason)
    built = Playback(
        id=playback.id,
        channel=playback.channel,
        owner=playback.owner,
        start=playback.started_at,
        end=playback.ended_at,
        state=playback.state,
        position=playback.position,
        speed=playback.speed,
        paused=playback.state is PlaybackState.PAUSED,
        can_reverse=playback.can_reverse,
        created_at=playback.created_at,
        reason=playback.reason,
        title=kind.titles[language] if kind is not None else None,
        hint=kind.details[language] if kind is not None else None,
        detail=playback.detail,
    )
    if request is None or token is None or playback.state.is_over:
        return built
    urls = build_urls(request, f"playbacks/{playback.id}", token)
    return built.model_copy(update={"urls": urls, "token_expires_at": token.expires_at})


def _answer(call: Call, playback: PlaybackView) -> Playback:
    token = call.services.users.media_token(call.identity, playback.id)
    return build_playback(playback, call.language, call.request, token)


@resource.route(
    "POST",
    "/playbacks",
    summary="Play a recording of a device",
    permission=Permission.WATCH,
    problems=("channel_not_found", "playback_limit", "invalid"),
)
async def start_playback(call: Call, body: PlaybackDraft) -> Playback:
    """Begin to play and answer at once; look at it at one of its addresses."""
    playback = await call.services.playback.create(
        body.channel, body.start, body.end, speed=body.speed, owner=call.identity.username
    )
    return _answer(call, playback)


@resource.route("GET", "/playbacks", summary="List running playbacks", permission=Permission.WATCH)
async def list_playbacks(call: Call) -> PlaybackList:
    """List the playbacks of everybody."""
    items = [build_playback(each, call.language) for each in call.services.playback.playbacks()]
    return PlaybackList(items=items)


@resource.route(
    "GET",
    "/playbacks/{playback_id}",
    summary="Show a playback",
    permission=Permission.WATCH,
    problems=("playback_not_found",),
)
async def show_playback(call: Call, playback_id: PlaybackId) -> Playback:
    """Tell state, position and speed; for a while also after its end."""
    return _answer(call, call.services.playback.get(playback_id))


@resource.route(
    "PATCH",
    "/playbacks/{playback_id}",
    summary="Seek, pause or change the speed",
    permission=Permission.WATCH,
    problems=CHANGES,
)
async def change_playback(call: Call, playback_id: PlaybackId, body: PlaybackChange) -> Playback:
    """Tell the device, and answer when it has agreed."""
    playback = await call.services.playback.change(playback_id, **body.model_dump())
    return _answer(call, playback)


@resource.route(
    "DELETE",
    "/playbacks/{playback_id}",
    summary="End a playback",
    permission=Permission.WATCH,
    problems=("playback_not_found",),
)
async def stop_playback(call: Call, playback_id: PlaybackId) -> Playback:
    """Say goodbye to the device; one that is over stays so."""
    return build_playback(await call.services.playback.stop(playback_id), call.language)
