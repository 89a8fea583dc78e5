"""The library of announcements, and the timetable of broadcasts that come by themselves."""

from datetime import datetime, time
from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from vms.errors import Invalid
from vms.records.voice import Announcement as AnnouncementView
from vms.records.voice import TimetableEntry
from web.api.voice import Order, Targets
from web.api.wire import WITHOUT_NUL, Body, FileId, ListOf, Name, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("announcements", "Announcements (预录广播): sounds, and when they are played.")

WAV = "audio/wav"
LARGEST_FILE = 64 * 1024 * 1024
CHUNK = 64 * 1024


class Announcement(Wire):
    """A sound in the library."""

    id: str
    name: str
    length_s: float
    by: str
    created_at: datetime
    url: str
    """To listen to it: WAV, 8 kHz, as devices will hear it."""


class AnnouncementList(ListOf[Announcement]):
    """The library, the newest first."""


class SpokenDraft(Body):
    """A text to keep as sound."""

    name: Name
    text: str = Field(min_length=1, max_length=1000, pattern=WITHOUT_NUL)


class FileQuery(Body):
    """What the uploaded file is to be called."""

    name: Name


class EntryDraft(Order):
    """A broadcast that comes by itself; `announcement` or `text`."""

    at: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["07:45"])
    """Local time of the platform."""
    days: list[int] = Field(min_length=1, max_length=7)
    """1 Monday to 7 Sunday."""
    enabled: bool = True

    def entry(self, entry_id: str, by: str) -> TimetableEntry:
        """As the service takes it; raises Invalid(days)."""
        if not set(self.days) <= set(range(1, 8)):
            raise Invalid("days", "unknown")
        days = tuple(sorted(set(self.days)))
        return TimetableEntry(
            entry_id, self.order(), time.fromisoformat(self.at), days, self.enabled, by
        )


class Entry(Wire):
    """One line of the timetable."""

    id: str
    name: str
    at: str
    days: list[int]
    enabled: bool
    announcement: Text
    text: Text
    targets: Targets
    priority: int
    times: int
    by: str
    last_at: datetime | None
    last_result: Text
    """Id of the last broadcast, or the code of why there was none."""


class EntryList(ListOf[Entry]):
    """The timetable, by the time of day."""


def build_announcement(view: AnnouncementView) -> Announcement:
    """The JSON form of a sound."""
    fields = {name: getattr(view, name) for name in Announcement.model_fields if name != "url"}
    return Announcement(**fields, url=f"/api/v1/announcements/{view.id}/sound")


def build_entry(entry: TimetableEntry) -> Entry:
    """The JSON form of a line of the timetable."""
    order, targets = entry.order, entry.order.targets
    return Entry(
        id=entry.id,
        name=order.name,
        at=f"{entry.at:%H:%M}",
        days=list(entry.days),
        enabled=entry.enabled,
        announcement=order.announcement,
        text=order.text,
        targets=Targets(
            channels=list(targets.channels),
            devices=list(targets.devices),
            organisations=list(targets.organisations),
            categories=list(targets.categories),
        ),
        priority=order.priority,
        times=order.times,
        by=entry.by,
        last_at=entry.last_at,
        last_result=entry.last_result,
    )


@resource.route("GET", "/announcements", summary="List announcements", permission=Permission.WATCH)
async def list_announcements(call: Call) -> AnnouncementList:
    """List the library."""
    found = await call.services.voice.announcements()
    return AnnouncementList(items=[build_announcement(view) for view in found])


@resource.route(
    "POST",
    "/announcements",
    summary="Keep a text as an announcement",
    permission=Permission.OPERATE,
    status=HTTPStatus.CREATED,
    problems=("invalid", "speech_engine_missing", "speech_engine_failed", "library_full"),
)
async def add_spoken_announcement(call: Call, body: SpokenDraft) -> Announcement:
    """Let the speech engine say it and keep the sound."""
    made = await call.services.voice.add_spoken(body.name, body.text, call.identity.username)
    return build_announcement(made)


@resource.route(
    "POST",
    "/announcements/file",
    summary="Upload an announcement",
    permission=Permission.OPERATE,
    status=HTTPStatus.CREATED,
    takes_file=True,
    problems=("invalid", "too_large", "not_json", "library_full"),
)
async def upload_announcement(call: Call, query: FileQuery) -> Announcement:
    """Keep a sound file, the request's body, of any usual kind and at most ten minutes.

    Its loudness is evened out.
    """
    data = await _read_file(call.request)
    made = await call.services.voice.add_announcement(query.name, data, call.identity.username)
    return build_announcement(made)


@resource.route(
    "GET",
    "/announcements/{announcement_id}/sound",
    summary="Listen to an announcement",
    permission=Permission.WATCH,
    media_type=WAV,
    problems=("announcement_not_found",),
)
async def hear_announcement(call: Call, announcement_id: FileId) -> web.StreamResponse:
    """Answer the WAV file."""
    data = await call.services.voice.announcement_sound(announcement_id)
    return web.Response(body=data, content_type=WAV)


@resource.route(
    "DELETE",
    "/announcements/{announcement_id}",
    summary="Remove an announcement",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=("announcement_not_found", "announcement_in_use"),
)
async def delete_announcement(call: Call, announcement_id: FileId) -> None:
    """Remove it from the library."""
    await call.services.voice.delete_announcement(announcement_id)


@resource.route(
    "GET", "/broadcast-timetable", summary="Show the timetable", permission=Permission.WATCH
)
async def list_timetable(call: Call) -> EntryList:
    """List what comes by itself."""
    return EntryList(items=[build_entry(entry) for entry in call.services.voice.timetable()])


ENTRY_PROBLEMS = (
    "invalid",
    "channel_not_found",
    "device_not_found",
    "organisation_not_found",
    "announcement_not_found",
    "timetable_full",
)


@resource.route(
    "POST",
    "/broadcast-timetable",
    summary="Add a line to the timetable",
    permission=Permission.OPERATE,
    status=HTTPStatus.CREATED,
    problems=ENTRY_PROBLEMS,
)
async def add_entry(call: Call, body: EntryDraft) -> Entry:
    """Broadcast something at a time of day, on days of the week."""
    entry = body.entry("", call.identity.username)
    return build_entry(await call.services.voice.put_entry(entry))


@resource.route(
    "PUT",
    "/broadcast-timetable/{entry_id}",
    summary="Replace a line of the timetable",
    permission=Permission.OPERATE,
    problems=(*ENTRY_PROBLEMS, "timetable_entry_not_found"),
)
async def replace_entry(call: Call, entry_id: FileId, body: EntryDraft) -> Entry:
    """Replace all values of a line."""
    entry = body.entry(entry_id, call.identity.username)
    return build_entry(await call.services.voice.put_entry(entry))


@resource.route(
    "DELETE",
    "/broadcast-timetable/{entry_id}",
    summary="Remove a line of the timetable",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=("timetable_entry_not_found",),
)
async def delete_entry(call: Call, entry_id: FileId) -> None:
    """Remove it; what it has begun goes on."""
    await call.services.voice.delete_entry(entry_id)


async def _read_file(request: web.Request) -> bytes:
    """The body as it is; raises 413 above what the library takes."""
    data = bytearray()
    async for chunk in request.content.iter_chunked(CHUNK):
        data += chunk
        if len(data) > LARGEST_FILE:
            raise web.HTTPRequestEntityTooLarge(LARGEST_FILE, len(data))
    return bytes(data)
