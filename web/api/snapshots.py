"""Pictures that cameras take on order (抓拍) and upload here."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from aiohttp import BodyPartReader, web
from pydantic import Field

from vms.errors import Invalid
from vms.records import OrderState, SnapshotOrder
from web.api.wire import Body, GbCode, ListOf, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("snapshots", "Snapshots (抓拍): pictures that the camera itself takes.")
JPEG = "image/jpeg"
PIECE_BYTES = 65_536
UPLOAD_S = 30.0
"""Longest time of one upload."""

Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{20,64}$")]
SessionId = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,128}$")]
FileName = Annotated[str, Field(pattern=r"^[^/\x00]{1,128}$")]
PictureName = Annotated[str, Field(pattern=r"^[0-9]{20}-[0-9T]{21}-[0-9a-f]{8}\.jpg$")]


class Wanted(Body):
    """How many pictures, how far apart."""

    count: int = Field(1, ge=1, le=10)
    interval_s: int = Field(1, ge=1, le=3600)


class Order(Wire):
    """How far an order is."""

    session_id: str
    channel: str
    count: int
    state: OrderState
    received: list[str]
    """Names of the pictures that came."""


class Picture(Wire):
    """A picture that came."""

    name: str
    channel: str
    taken_at: datetime
    size_bytes: int
    url: str


class PictureList(ListOf[Picture]):
    """The pictures of a channel, newest first."""


def build_order(order: SnapshotOrder) -> Order:
    """The JSON form."""
    return Order.model_validate(order)


@resource.route(
    "POST",
    "/channels/{code}/snapshot",
    summary="Let a camera take pictures",
    permission=Permission.OPERATE,
    problems=(
        "channel_not_found", "edition_too_old", "device_offline", "device_unreachable",
        "device_refused", "device_silent", "too_many_snapshots",
    ),
)  # fmt: skip
async def order_snapshot(call: Call, code: GbCode, body: Wanted) -> Order:
    """Order them; the camera uploads them a moment later (2022)."""
    return build_order(
        await call.services.snapshots.order(code, count=body.count, interval_s=body.interval_s)
    )


@resource.route(
    "GET",
    "/channels/{code}/snapshot/{session_id}",
    summary="Show an order of pictures",
    permission=Permission.WATCH,
    problems=("snapshot_order_not_found",),
)
async def show_snapshot_order(call: Call, code: GbCode, session_id: SessionId) -> Order:
    """Tell which pictures have come."""
    return build_order(await call.services.snapshots.order_of(code, session_id))


@resource.route(
    "GET",
    "/channels/{code}/snapshots",
    summary="List pictures of a camera",
    permission=Permission.WATCH,
    problems=("channel_not_found",),
)
async def list_snapshots(call: Call, code: GbCode) -> PictureList:
    """List the newest pictures that the camera uploaded."""
    found = await call.services.snapshots.pictures(code)
    return PictureList(
        items=[
            Picture(
                name=each.name,
                channel=each.channel,
                taken_at=each.taken_at,
                size_bytes=each.size_bytes,
                url=f"/api/v1/snapshots/{each.name}",
            )
            for each in found
        ]
    )


@resource.route(
    "GET",
    "/snapshots/{name}",
    summary="Show a picture of a camera",
    permission=Permission.WATCH,
    media_type=JPEG,
    problems=("picture_not_found",),
)
async def show_picture(call: Call, name: PictureName) -> web.StreamResponse:
    """Answer the JPEG file."""
    path = await call.services.snapshots.picture_path(name)
    response = web.FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})
    response.content_type = JPEG
    return response


@resource.route(
    "POST",
    "/snapshot-uploads/{token}",
    summary="Upload a picture",
    permission=Permission.OPEN,
    status=HTTPStatus.NO_CONTENT,
    problems=("upload_not_found", "upload_full", "invalid"),
)
async def upload_snapshot(call: Call, token: Token) -> None:
    """Take a JPEG from a camera, as the body itself or as the first file of a form.

    Cameras cannot log in: the address, good for one order and a minute, is the permission.
    """
    await _take(call, token)


@resource.route(
    "POST",
    "/snapshot-uploads/{token}/{name}",
    summary="Upload a picture under a name",
    permission=Permission.OPEN,
    status=HTTPStatus.NO_CONTENT,
    problems=("upload_not_found", "upload_full", "invalid"),
)
async def upload_named_snapshot(call: Call, token: Token, name: FileName) -> None:
    """The same; the name is the camera's and is not used."""
    await _take(call, token)


async def _take(call: Call, token: str) -> None:
    try:
        async with asyncio.timeout(UPLOAD_S):
            await call.services.snapshots.receive(token, _pieces(call.request))
    except TimeoutError as error:
        raise Invalid("picture", "too_slow") from error


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The bytes of the picture, whichever way the camera sends them."""
    if not request.content_type.startswith("multipart/"):
        async for piece in request.content.iter_chunked(PIECE_BYTES):
            yield piece
        return
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.filename is not None:
                while piece := await part.read_chunk(PIECE_BYTES):
                    yield bytes(piece)
                return
    except ValueError as error:
        raise Invalid("picture", "bad_form") from error
