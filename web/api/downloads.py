"""Downloads: recordings of devices that become files here."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from vms.records import Download as DownloadView
from vms.records import DownloadState, MediaToken
from web.api.wire import Body, Count, GbCode, ListOf, Text, Wire
from web.call import Call
from web.language import Language
from web.problems import PROBLEMS
from web.route import Permission, Resource

resource = Resource("downloads", "Downloads (下载): recordings of devices, fetched into files.")
MP4 = "video/mp4"

DownloadId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-z]{1,64}$"),
    Field(examples=["0123456789abcdef0123456789abcdef"]),
]


class Download(Wire):
    """One recording that is fetched."""

    id: str
    channel: str
    owner: Text
    start: datetime
    end: datetime
    speed: int
    """As asked for; a device may send slower."""
    state: DownloadState
    progress: float
    """0 to 1."""
    bytes: Count
    created_at: datetime
    reason: Text
    title: Text = None
    """The problem in the reader's language."""
    hint: Text = None
    """What to do about it, in the reader's language."""
    detail: Text
    urls: list[str] = []
    """The finished files with a token; more than one when the picture's form changed."""


class DownloadList(ListOf[Download]):
    """Downloads, newest first."""


class DownloadDraft(Body):
    """What to fetch."""

    channel: GbCode
    start: AwareDatetime
    end: AwareDatetime
    """At most a day later."""
    speed: int = Field(0, ge=0, le=32)
    """Times real time; 0: as the platform is configured."""


class FileQuery(Body):
    """Which file of a download."""

    part: int = Field(1, ge=1, le=100)


def build_download(
    download: DownloadView, language: Language, token: MediaToken | None = None
) -> Download:
    """The JSON form; files have addresses once they are complete."""
    kind = PROBLEMS.get(download.reason)
    place = f"/api/v1/downloads/{download.id}/file"
    query = f"token={token.token}" if token is not None else ""
    return Download(
        id=download.id,
        channel=download.channel,
        owner=download.owner,
        start=download.started_at,
        end=download.ended_at,
        speed=download.speed,
        state=download.state,
        progress=round(download.progress, 3),
        bytes=download.size_bytes,
        created_at=download.created_at,
        reason=download.reason,
        title=kind.titles[language] if kind is not None else None,
        hint=kind.details[language] if kind is not None else None,
        detail=download.detail,
        urls=[f"{place}?part={n}&{query}" for n in range(1, len(download.files) + 1)],
    )


def _answer(call: Call, download: DownloadView) -> Download:
    token = call.services.users.media_token(call.identity, download.id)
    return build_download(download, call.language, token)


@resource.route(
    "POST",
    "/downloads",
    summary="Fetch a recording of a device",
    permission=Permission.WATCH,
    problems=("channel_not_found", "download_limit", "invalid"),
)
async def start_download(call: Call, body: DownloadDraft) -> Download:
    """Begin to fetch, or wait for a free place, and answer at once."""
    await call.services.directory.channel(body.channel)
    download = await call.services.downloads.create(
        body.channel, body.start, body.end, speed=body.speed, owner=call.identity.username
    )
    return _answer(call, download)


@resource.route("GET", "/downloads", summary="List downloads", permission=Permission.WATCH)
async def list_downloads(call: Call) -> DownloadList:
    """List what waits, runs and is done; the list outlives a restart."""
    return DownloadList(items=[_answer(call, each) for each in call.services.downloads.downloads()])


@resource.route(
    "GET",
    "/downloads/{code}",
    summary="Show a download",
    permission=Permission.WATCH,
    problems=("download_not_found",),
)
async def show_download(call: Call, code: DownloadId) -> Download:
    """Tell how far it is."""
    return _answer(call, call.services.downloads.get(code))


@resource.route(
    "POST",
    "/downloads/{code}/retry",
    summary="Begin a failed download anew",
    permission=Permission.WATCH,
    problems=("download_not_found", "wrong_state"),
)
async def retry_download(call: Call, code: DownloadId) -> Download:
    """Fetch it again from the start; for those that failed, were cancelled or interrupted."""
    return _answer(call, await call.services.downloads.retry(code))


@resource.route(
    "POST",
    "/downloads/{code}/cancel",
    summary="Cancel a download",
    permission=Permission.WATCH,
    problems=("download_not_found",),
)
async def cancel_download(call: Call, code: DownloadId) -> Download:
    """End one that waits or runs; what came is thrown away."""
    return _answer(call, await call.services.downloads.cancel(code))


@resource.route(
    "DELETE",
    "/downloads/{code}",
    summary="Delete a download",
    permission=Permission.OPERATE,
    problems=("download_not_found",),
)
async def delete_download(call: Call, code: DownloadId) -> None:
    """End and forget it, its file included."""
    await call.services.downloads.delete(code)


@resource.route(
    "GET",
    "/downloads/{code}/file",
    summary="Take a fetched file along",
    permission=Permission.WATCH,
    media_type=MP4,
    takes_url_token=True,
    problems=("download_not_found", "download_file_not_found"),
    is_audited=True,
)
async def take_download(call: Call, code: DownloadId, query: FileQuery) -> web.StreamResponse:
    """Answer the MP4 file; ranges are supported."""
    download, path = await call.services.downloads.open_file(code, query.part)
    name = f"{download.channel}_{download.started_at:%Y%m%dT%H%M%SZ}_{query.part}.mp4"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response = web.FileResponse(path, headers=headers)
    response.content_type = MP4
    return response
