"""Recording: the switch of each channel, what was recorded, and the files."""

from datetime import datetime

from aiohttp import web
from pydantic import AwareDatetime, Field

from vms.records import (
    DeviceRecording,
    RecorderState,
    RecordingSearch,
    RecordingSource,
    SearchState,
)
from vms.records import Segment as SegmentRecord
from web.api.wire import Body, Count, GbCode, Id, ListOf, Number, Text, Wire
from web.call import Call
from web.language import Language
from web.problems import PROBLEMS
from web.route import Permission, Resource

resource = Resource("recordings", "Recordings (录像) of this platform.")
MP4 = "video/mp4"


class Segment(Wire):
    """One recorded file: of about a minute here, of any length on a device."""

    id: Id
    channel: str
    source: RecordingSource
    """Where it is kept."""
    record_type: Text
    """Of a device: `time`, `alarm` or `manual`."""
    start: datetime
    end: datetime
    duration_s: float
    bytes: Count
    codec: Text
    width: Count
    height: Count
    has_audio: bool
    locked: bool
    """Kept from being overwritten."""
    url: str | None
    """The file, below this server; null on a device, which is played back or fetched."""


def build_segment(segment: SegmentRecord) -> Segment:
    """The JSON form of a recorded file; its path on the disk stays here."""
    return Segment(
        id=str(segment.id),
        channel=segment.channel,
        source=RecordingSource.LOCAL,
        record_type="",
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


def build_device_recording(recording: DeviceRecording) -> Segment:
    """The JSON form of a file on a device; its id is its place in time."""
    start, end = recording.started_at, recording.ended_at
    return Segment(
        id=f"{start.timestamp():.0f}-{end.timestamp():.0f}",
        channel=recording.channel,
        source=RecordingSource.DEVICE,
        record_type=recording.record_type,
        start=start,
        end=end,
        duration_s=(end - start).total_seconds(),
        bytes=recording.size_bytes,
        codec="",
        width=0,
        height=0,
        has_audio=False,
        locked=False,
        url=None,
    )


class Search(Wire):
    """How far the question to the device is."""

    state: SearchState
    found: int
    expected: Count
    """As the device promised."""
    reason: Text = None
    """Why it failed: the code of a problem."""
    title: Text = None
    """The problem in the reader's language."""
    hint: Text = None
    """What to do about it, in the reader's language."""
    detail: Text = None


class SegmentList(ListOf[Segment]):
    """Recorded files, oldest first."""

    search: Search | None = None
    """Where the device was asked: ask again while its state is `searching`."""


class SegmentQuery(Body):
    """Which stretch of time, and where."""

    source: RecordingSource = RecordingSource.LOCAL
    """Files of this platform, of the device, or both."""
    wait_s: float = Field(3.0, ge=0, le=20)
    """Longest wait for the device; then the answer tells what came so far."""
    anew: bool = False
    """Ask the device again although its answer is remembered."""

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
    """List the files that touch a stretch of time, here or on the device."""
    await call.services.directory.channel(code)
    items: list[Segment] = []
    if query.source is not RecordingSource.DEVICE:
        segments = await call.services.recording.segments(code, query.start, query.end)
        items = [build_segment(segment) for segment in segments]
    if query.source is RecordingSource.LOCAL:
        return SegmentList(items=items)
    search = await call.services.device_recordings.search(
        code, query.start, query.end, wait_s=query.wait_s, anew=query.anew
    )
    items += [build_device_recording(each) for each in search.items]
    items.sort(key=lambda each: each.start)
    return SegmentList(items=items, search=_build_search(search, call.language))


def _build_search(search: RecordingSearch, language: Language) -> Search:
    kind = PROBLEMS.get(search.reason)
    return Search(
        state=search.state,
        found=len(search.items),
        expected=search.expected,
        reason=search.reason,
        title=kind.titles[language] if kind is not None else None,
        hint=kind.details[language] if kind is not None else None,
        detail=search.detail,
    )


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
