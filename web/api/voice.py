"""Voice to devices: talk to one camera, broadcast to many."""

from datetime import datetime
from http import HTTPStatus

from pydantic import Field

from vms.records.voice import (
    BroadcastOrder,
    TargetState,
    VoiceKind,
    VoiceReason,
    VoiceState,
    VoiceTargets,
    VoiceView,
)
from web.api.wire import WITHOUT_NUL, Body, GbCode, ListOf, Name, Number, Text, Wire
from web.call import Call
from web.route import API, Permission, Resource

resource = Resource("voice", "Voice (语音): talk to a camera, broadcast to groups.")

MOST_LISTED = 500
LIVE = frozenset({VoiceKind.TALK, VoiceKind.LIVE})


class Target(Wire):
    """One target: who hears, and if not, why."""

    code: str
    name: str
    state: TargetState
    reason: VoiceReason | None
    detail: Text
    packets: int
    """Sent to it."""
    dropped: int
    """That it did not take."""


class Broadcast(Wire):
    """A talk or broadcast as it is now."""

    id: str
    kind: VoiceKind
    name: str
    by: str
    priority: int
    state: VoiceState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    played_s: float
    length_s: float | None
    """Null while somebody speaks live."""
    level_db: float
    """Peak of the last 20 ms; full scale is 0, silence -90."""
    clipped: int
    """Samples at full scale: the microphone is set too high."""
    dropped_s: float
    """Live sound that came too fast or too late and was left out."""
    targets: list[Target]
    microphone: str | None
    """Address of the WebSocket that takes the sound; null when there is nothing to speak into."""


class BroadcastList(ListOf[Broadcast]):
    """Broadcasts, the newest first."""


class Talk(Wire):
    """Who talks to a camera."""

    channel: str
    talk: Broadcast | None
    """Null when nobody does."""


class Targets(Body):
    """Who is to hear; at least one in all."""

    channels: list[GbCode] = Field([], max_length=MOST_LISTED)
    devices: list[GbCode] = Field([], max_length=MOST_LISTED)
    """Main devices: all their sound outputs."""
    organisations: list[str] = Field([], max_length=100)
    categories: list[str] = Field([], max_length=100)
    """Two or four digits. A group means its sound outputs, or its cameras where it has none."""

    def values(self) -> VoiceTargets:
        """As the service takes it."""
        return VoiceTargets(
            tuple(self.channels),
            tuple(self.devices),
            tuple(self.organisations),
            tuple(self.categories),
        )


class Order(Body):
    """What is to be said, once or several times."""

    name: Name
    targets: Targets
    announcement: str = Field("", pattern=r"^([0-9a-f]{32})?$")
    """Id of a sound in the library."""
    text: str = Field("", max_length=1000, pattern=WITHOUT_NUL)
    """Spoken by the speech engine."""
    priority: int = Field(5, ge=1, le=9)
    """1 least to 9 most urgent; the more urgent interrupts, a talk counts as 6."""
    times: int = Field(1, ge=1, le=20)

    def order(self) -> BroadcastOrder:
        """As the service takes it."""
        return BroadcastOrder(
            self.name,
            self.targets.values(),
            self.announcement,
            self.text,
            priority=self.priority,
            times=self.times,
        )


class BroadcastDraft(Order):
    """A broadcast to begin now: exactly one of `announcement`, `text` and `live`."""

    live: bool = False
    """Somebody speaks; open the `microphone` of the answer within 30 s."""

    def order(self) -> BroadcastOrder:
        """As the service takes it."""
        return BroadcastOrder(
            self.name,
            self.targets.values(),
            self.announcement,
            self.text,
            self.live,
            self.priority,
            self.times,
        )


def build_broadcast(view: VoiceView) -> Broadcast:
    """The JSON form of a talk or broadcast."""
    takes_sound = view.kind in LIVE and not view.state.is_over
    fields = {name: getattr(view, name) for name in Broadcast.model_fields if name != "microphone"}
    address = f"{API}/broadcasts/{view.id}/microphone" if takes_sound else None
    return Broadcast.model_validate({**fields, "microphone": address}, from_attributes=True)


@resource.route(
    "POST",
    "/channels/{code}/talk",
    summary="Begin to talk to a camera",
    permission=Permission.OPERATE,
    status=HTTPStatus.CREATED,
    problems=("channel_not_found", "talk_busy", "voice_busy"),
)
async def begin_talk(call: Call, code: GbCode) -> Talk:
    """Call the camera; open `talk.microphone` as a WebSocket and speak when it says `speaking`."""
    view = await call.services.voice.begin_talk(code, call.identity.username)
    return Talk(channel=code, talk=build_broadcast(view))


@resource.route(
    "GET",
    "/channels/{code}/talk",
    summary="Show who talks to a camera",
    permission=Permission.WATCH,
    problems=("channel_not_found",),
)
async def show_talk(call: Call, code: GbCode) -> Talk:
    """Tell who talks to it now."""
    await call.services.directory.channel(code)
    view = call.services.voice.talk_of(code)
    return Talk(channel=code, talk=build_broadcast(view) if view is not None else None)


@resource.route(
    "DELETE",
    "/channels/{code}/talk",
    summary="End the talk to a camera",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=("channel_not_found",),
)
async def end_talk(call: Call, code: GbCode) -> None:
    """Hang up, whoever talks."""
    await call.services.directory.channel(code)
    await call.services.voice.end_talk(code)


@resource.route("GET", "/broadcasts", summary="List broadcasts", permission=Permission.WATCH)
async def list_broadcasts(call: Call) -> BroadcastList:
    """List what runs and waits, and the latest that are over."""
    return BroadcastList(items=[build_broadcast(view) for view in call.services.voice.broadcasts()])


@resource.route(
    "POST",
    "/broadcasts",
    summary="Broadcast a file, a text or a microphone",
    permission=Permission.OPERATE,
    status=HTTPStatus.CREATED,
    problems=(
        "invalid",
        "channel_not_found",
        "device_not_found",
        "organisation_not_found",
        "announcement_not_found",
        "speech_engine_missing",
        "speech_engine_failed",
        "too_many_broadcasts",
    ),
)
async def begin_broadcast(call: Call, body: BroadcastDraft) -> Broadcast:
    """Begin as soon as the targets are free; a target hears one thing at a time."""
    view = await call.services.voice.order(body.order(), call.identity.username)
    return build_broadcast(view)


@resource.route(
    "GET",
    "/broadcasts/{voice_id}",
    summary="Show a broadcast",
    permission=Permission.WATCH,
    problems=("broadcast_not_found",),
)
async def show_broadcast(call: Call, voice_id: Number) -> Broadcast:
    """Tell how far it is, and what became of each target."""
    return build_broadcast(call.services.voice.broadcast(str(voice_id)))


@resource.route(
    "DELETE",
    "/broadcasts/{voice_id}",
    summary="Stop a broadcast",
    permission=Permission.OPERATE,
    problems=("broadcast_not_found",),
)
async def stop_broadcast(call: Call, voice_id: Number) -> Broadcast:
    """Hang up everywhere; one that is over stays as it is."""
    return build_broadcast(await call.services.voice.stop(str(voice_id)))
