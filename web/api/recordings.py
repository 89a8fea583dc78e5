"""Recording: the switch of each channel, what was recorded, and the files."""

from datetime import datetime

from aiohttp import web
from pydantic import AwareDatetime

from vms.records import RecorderState
from vms.records import Segment as SegmentRecord
from web.api.wire import Body, Count, GbCode, Id, ListOf, Number, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("recordings", "Recordings (录像) of this platform.")
MP4 = "video/mp4"


class Segment(Wire):
    """One recorded file of about a minute."""

    id: Id
    channel: str
    start: datetime
    end: datetime
    duration_s: float
    bytes: int
    codec: Text
    width: Count
    height: Count
    has_audio: bool
    locked: bool
    """Kept from being overwritten."""
    url: str
    """The file, below this server."""


def build_segment(segment: SegmentRecord) -> Segment:
    """The JSON form of a recorded file; its path on the disk stays here."""
    return Segment(
        id=str(segment.id),
        channel=segment.channel,
        start=segment.started_at,
        end=segment.ended_at,
        duration_s=segment.duration_s,
        bytes=segment.size_bytes,
        codec=segment.codec,
        width=segment.width,
        height=segment.height,
        has_audio=segment.has_audio,
        locked=segment.locked,
        url=f"/api/v1/recordings/{segment.id}/file",
    )


class SegmentList(ListOf[Segment]):
    """Recorded files, oldest first."""


class SegmentQuery(Body):
    """Which stretch of time."""

    start: AwareDatetime | None = None
    """ISO 8601 with zone; a day before the end unless given."""
    end: AwareDatetime | None = None
    """Now unless given."""


class RecordingSwitch(Body):
    """On or off."""

    on: bool


class Recording(Wire):
    """The switch and what the recorder does."""

    code: str
    on: bool
    state: RecorderState


@resource.route(
    "PUT",
    "/channels/{code}/recording",
    summary="Switch recording on or off",
    permission=Permission.OPERATE,
    problems=("channel_not_found",),
)
async def switch_recording(call: Call, code: GbCode, body: RecordingSwitch) -> Recording:
    """Record the channel from now on, or no longer."""
    await call.services.recording.switch(code, body.on, by=call.identity.username)
    return _recording(call, code)


@resource.route(
    "GET",
    "/channels/{code}/recording",
    summary="Show the recording switch",
    permission=Permission.WATCH,
    problems=("channel_not_found",),
)
async def show_recording(call: Call, code: GbCode) -> Recording:
    """Tell whether the channel is to be recorded, and whether it is."""
    await call.services.directory.channel(code)
    return _recording(call, code)


@resource.route(
    "GET",
    "/channels/{code}/recordings",
    summary="List recorded files",
    permission=Permission.WATCH,
    problems=("channel_not_found", "invalid"),
)
async def list_recordings(call: Call, code: GbCode, query: SegmentQuery) -> SegmentList:
    """List the files that touch a stretch of time."""
    await call.services.directory.channel(code)
    segments = await call.services.recording.segments(code, query.start, query.end)
    return SegmentList(items=[build_segment(segment) for segment in segments])


@resource.route(
    "GET",
    "/recordings/{segment_id}/file",
    summary="Download a recorded file",
    permission=Permission.WATCH,
    media_type=MP4,
    problems=("segment_not_found",),
    is_audited=True,
)
async def download_recording(call: Call, segment_id: Number) -> web.StreamResponse:
    """Answer the MP4 file; ranges are supported, so players can seek."""
    segment, path = await call.services.recording.open_segment(segment_id)
    name = f"{segment.channel}_{segment.started_at:%Y%m%dT%H%M%SZ}.mp4"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response = web.FileResponse(path, headers=headers)
    response.content_type = MP4
    return response


def _recording(call: Call, code: str) -> Recording:
    recording = call.services.recording
    return Recording(code=code, on=recording.is_on(code), state=recording.state(code))
