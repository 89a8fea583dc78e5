"""Pictures that devices take on order and upload by HTTP (GB/T 28181-2022 9.14).

A device cannot log in: each order has an address of its own that takes so many pictures for a
while, JPEG only and bounded in size. Files lie below `data/snapshots` under names made here.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sip.events import SnapshotsUploaded
from sip.gb28181.snapshot import order_snapshots
from vms.clock import Clock
from vms.errors import Conflict, Invalid, NotFound, NotReady
from vms.ids import new_name, new_token
from vms.records import OrderState, SnapshotOrder, SnapshotView
from vms.services.capability_notes import NoteCapability, ignore_note
from vms.services.day_folders import remove_days_before, write_picture
from vms.services.device_desk import DeviceDesk
from vms.storage.device_records import Verdict

logger = logging.getLogger(__name__)

FOLDER = "snapshots"
LARGEST_PICTURE = 8 * 1024 * 1024
MOST_ORDERS = 256
MARGIN_S = 60.0
"""How long an address lasts beyond the time that the pictures need."""
MOST_LISTED = 200
PATH = "/api/v1/snapshot-uploads/"
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_NAME = re.compile(r"([0-9]{20})-([0-9]{8}T[0-9]{12})-[0-9a-f]{8}\.jpg")


@dataclass(slots=True, eq=False)
class _Order:
    session_id: str
    channel: str
    device_id: str
    count: int
    deadline: float
    received: list[str] = field(default_factory=list)
    is_finished: bool = False


class SnapshotService:
    """Orders, takes in, lists and forgets pictures."""

    def __init__(
        self, desk: DeviceDesk, data: Path, base_url: Callable[[], str], clock: Clock
    ) -> None:
        """`base_url` is the address that devices reach this server at, e.g. `http://10.1.2.3:8080`."""
        self._desk = desk
        self._folder = data / FOLDER
        self._base_url = base_url
        self._clock = clock
        self.on_capability: NoteCapability = ignore_note
        """Hears which devices bring pictures."""
        self._orders: OrderedDict[str, _Order] = OrderedDict()
        """By token."""

    async def order(self, code: str, *, count: int = 1, interval_s: int = 1) -> SnapshotOrder:
        """Have a camera take pictures; they arrive later.

        Raises NotFound(channel), Conflict(edition_too_old), Conflict(device_refused), NotReady.
        """
        channel = await self._desk.channel(code)
        await self._desk.check(channel.device_id, "SnapShotConfig")
        self._forget_old()
        if len(self._orders) >= MOST_ORDERS:
            raise NotReady(code="too_many_snapshots")
        token = new_token()
        deadline = self._clock.now() + count * interval_s + MARGIN_S
        order = _Order(new_name(), code, channel.device_id, count, deadline)
        self._orders[token] = order
        question = order_snapshots(
            code,
            count=count,
            interval_s=interval_s,
            upload_url=self._base_url() + PATH + token,
            session_id=order.session_id,
        )
        try:
            await self._desk.ask(channel.device_id, question)
        except BaseException:
            self._orders.pop(token, None)
            raise
        return self._view(order)

    async def order_of(self, code: str, session_id: str) -> SnapshotOrder:
        """How far an order is; raises NotFound(snapshot_order)."""
        for order in self._orders.values():
            if order.session_id == session_id and order.channel == code:
                return self._view(order)
        raise NotFound("snapshot_order", session_id)

    async def receive(self, token: str, pieces: AsyncIterator[bytes]) -> None:
        """Take one upload; raises NotFound(upload), Conflict(upload_full), Invalid(picture)."""
        order = self._orders.get(token)
        if order is None or order.deadline <= self._clock.now():
            raise NotFound("upload", "")
        if len(order.received) >= order.count:
            raise Conflict("upload_full")
        at = self._clock.wall()
        name = f"{order.channel}-{at:%Y%m%dT%H%M%S%f}-{new_name()[:8]}.jpg"
        order.received.append(name)  # the place is taken before the bytes come
        try:
            picture = await _gather(pieces)
            await asyncio.to_thread(write_picture, self._path(name), picture)
        except BaseException:
            order.received.remove(name)
            raise
        self.on_capability(order.device_id, "snapshot", Verdict.WORKS, "")
        logger.info("snapshot stored", extra={"channel": order.channel, "bytes": len(picture)})

    def finished(self, event: SnapshotsUploaded) -> None:
        """The device says that it has uploaded what it could."""
        for order in self._orders.values():
            if order.session_id == event.session_id and order.device_id == event.device_id:
                order.is_finished = True
                return
        logger.warning("snapshots that nobody ordered", extra={"device": event.device_id})

    async def pictures(self, code: str) -> tuple[SnapshotView, ...]:
        """The pictures of a channel, the newest first; raises NotFound(channel)."""
        await self._desk.channel(code)
        return await asyncio.to_thread(self._list, code)

    async def picture_path(self, name: str) -> Path:
        """The file of a picture; raises NotFound(picture)."""
        if _NAME.fullmatch(name) is None:
            raise NotFound("picture", name[:64])
        path = self._path(name)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("picture", name)
        return path

    async def prune(self, keep_days: int) -> int:
        """Remove pictures that came long ago; answers how many."""
        before = self._clock.wall() - timedelta(days=keep_days)
        return await asyncio.to_thread(remove_days_before, self._folder, before)

    # Inside

    def _path(self, name: str) -> Path:
        found = _NAME.fullmatch(name)
        assert found is not None, "names are made here"
        return self._folder / found[2][:8] / name

    def _list(self, code: str) -> tuple[SnapshotView, ...]:
        found: list[SnapshotView] = []
        for day in sorted(self._folder.glob("[0-9]" * 8), reverse=True):
            for path in sorted(day.glob(f"{code}-*.jpg"), reverse=True):
                name = _NAME.fullmatch(path.name)
                if name is not None:
                    taken = datetime.strptime(name[2], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
                    found.append(SnapshotView(path.name, code, taken, path.stat().st_size))
            if len(found) >= MOST_LISTED:
                break
        return tuple(found[:MOST_LISTED])

    def _view(self, order: _Order) -> SnapshotOrder:
        state = OrderState.RUNNING
        if order.is_finished or len(order.received) >= order.count:
            state = OrderState.DONE if order.received else OrderState.FAILED
        elif order.deadline <= self._clock.now():
            state = OrderState.FAILED
        return SnapshotOrder(
            order.session_id, order.channel, order.count, state, tuple(order.received)
        )

    def _forget_old(self) -> None:
        now = self._clock.now()
        for token in [t for t, order in self._orders.items() if order.deadline <= now - MARGIN_S]:
            del self._orders[token]


async def _gather(pieces: AsyncIterator[bytes]) -> bytes:
    picture = bytearray()
    async for piece in pieces:
        picture += piece
        if len(picture) > LARGEST_PICTURE:
            raise Invalid("picture", "too_long")
    if not picture.startswith(JPEG_START) or JPEG_END not in picture[-1024:]:
        raise Invalid("picture", "not_jpeg")
    return bytes(picture)
