"""Asks devices what they are and which channels they have, some at a time.

What they answer is written by one task, many devices in one transaction: after a power cut
thousands answer within minutes.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from peewee import Database

from channel_registry.queries.catalog import CatalogAnswer
from channel_registry.queries.devices import list_devices, set_device_infos
from channel_registry.records import CatalogEntry
from sip.errors import SipError
from sip.events import CatalogItem
from sip.server import CatalogResult, DeviceInfo, DeviceStatus
from vms.clock import Clock
from vms.config_sections import SipSection
from vms.errors import NotReady
from vms.services.presence import CatalogChange, catalogs_came
from vms.services.presence_news import PresenceNews
from vms.services.store import Store
from vms.supervise import supervise

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
MOST_FOUND = 256
"""Answers that may wait to be written; above it nobody else is asked."""
MOST_ITEMS = 500
"""Channels that are written in one transaction, beyond those of one device."""
RETRY_S = 5.0
"""Wait before an incomplete catalogue is asked for again; it doubles."""


Found = tuple[str, DeviceInfo | CatalogResult]
"""What a device has answered."""


class Queries(Protocol):
    """The part of `sip.server.SipServer` that asks devices."""

    def is_registered(self, device_id: str) -> bool:
        """Whether the device can be reached now."""

    async def query_catalog(self, device_id: str, timeout_s: float | None = None) -> CatalogResult:
        """Raises SipError when the device does not answer at all."""

    async def query_device_info(self, device_id: str) -> DeviceInfo:
        """Raises SipError when the device does not answer."""

    async def query_device_status(self, device_id: str) -> DeviceStatus:
        """Raises SipError when the device does not answer."""


class CatalogService:
    """A set of devices to ask, and a few tasks that ask them; a device waits at most once."""

    def __init__(
        self,
        queries: Queries,
        store: Store,
        news: PresenceNews,
        settings: SipSection,
        clock: Clock,
        on_info: Callable[[str, str, str, str], None] = lambda *_: None,
    ) -> None:
        """`on_info` hears what a device says of itself: id, maker, model, firmware."""
        self._queries = queries
        self._on_info = on_info
        self._store = store
        self._news = news
        self._settings = settings
        self._clock = clock
        self._waiting: dict[str, None] = {}
        self._has_work = asyncio.Condition()
        self._found: asyncio.Queue[Found] = asyncio.Queue(MOST_FOUND)

    @property
    def waiting(self) -> int:
        """How many devices wait to be asked."""
        return len(self._waiting)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._settings.parallel_queries):
                group.create_task(supervise(f"catalogs {number}", self._work))
            group.create_task(supervise("catalog-writes", self._write))

    async def ask(self, device_id: str) -> None:
        """Put a device on the list."""
        async with self._has_work:
            self._waiting[device_id] = None
            self._has_work.notify()

    async def ask_incomplete(self) -> None:
        """Ask again those online devices whose catalogue never came whole."""
        for device_id in await self._store.run(_incomplete):
            await self.ask(device_id)

    async def refresh(self, device_id: str) -> None:
        """The same for people; raises NotReady(device_offline)."""
        if not self._queries.is_registered(device_id):
            raise NotReady(code="device_offline")
        await self.ask(device_id)

    async def _work(self) -> None:
        while True:
            async with self._has_work:
                await self._has_work.wait_for(lambda: bool(self._waiting))
                device_id = next(iter(self._waiting))
                del self._waiting[device_id]
            await self._query(device_id)

    async def _query(self, device_id: str) -> None:
        await self._query_info(device_id)
        await self._query_catalogs(device_id)
        if self._queries.is_registered(device_id):
            await self._query_status(device_id)

    async def _query_catalogs(self, device_id: str) -> None:
        for attempt in range(self._settings.catalog_attempts):
            if attempt:
                await asyncio.sleep(RETRY_S * 2 ** (attempt - 1))
            if not self._queries.is_registered(device_id):
                return
            if await self._query_catalog(device_id):
                return

    async def _query_info(self, device_id: str) -> None:
        try:
            async with asyncio.timeout(self._settings.query_timeout_s):
                info = await self._queries.query_device_info(device_id)
        except (SipError, TimeoutError) as error:
            self._no_answer(device_id, "DeviceInfo", error)
            return
        await self._found.put((device_id, info))

    async def _query_status(self, device_id: str) -> None:
        """Ask how the device is: its answer tells its clock, which signalling compares."""
        try:
            async with asyncio.timeout(self._settings.query_timeout_s):
                await self._queries.query_device_status(device_id)
        except (SipError, TimeoutError) as error:
            self._no_answer(device_id, "DeviceStatus", error)

    async def _query_catalog(self, device_id: str) -> bool:
        limit_s = self._settings.catalog_timeout_s
        try:
            result = await self._queries.query_catalog(device_id, limit_s)
        except (SipError, TimeoutError) as error:
            self._no_answer(device_id, "Catalog", error)
            return False
        await self._found.put((device_id, result))
        if not result.complete:
            logger.warning(
                "catalog incomplete",
                extra={
                    "device": device_id,
                    "count": len(result.items),
                    "announced": result.sum_num,
                },
            )
        return result.complete

    # Writing

    async def _write(self) -> None:
        while True:
            batch = [await self._found.get()]
            while not self._found.empty() and _size(batch) < MOST_ITEMS:
                batch.append(self._found.get_nowait())
            at = self._clock.wall()
            changes = await self._store.run_when_ready(_write_all, batch, at)
            for device_id, info in batch:
                if isinstance(info, DeviceInfo):
                    self._on_info(device_id, info.manufacturer, info.model, info.firmware)
            for change in changes:
                self._news.tell_catalog(change)

    def _no_answer(self, device_id: str, query: str, error: Exception) -> None:
        logger.warning(
            "device does not answer a query",
            extra={"device": device_id, "query": query, "reason": str(error) or "timeout"},
        )


def _size(batch: Sequence[Found]) -> int:
    """How many rows it may come to."""
    return sum(len(each.items) if isinstance(each, CatalogResult) else 1 for _, each in batch)


def _write_all(database: Database, batch: Sequence[Found], at: datetime) -> list[CatalogChange]:
    """Beside the loop as a whole: tens of thousands of items are copied, too.

    A device that was removed meanwhile is left out; of two catalogues of one device the second is
    merged after the first.
    """
    infos = {
        device_id: (each.name, each.manufacturer, each.model, each.firmware)
        for device_id, each in batch
        if isinstance(each, DeviceInfo)
    }
    changes: list[CatalogChange] = []
    with database.atomic():
        set_device_infos(database, infos)
        answers: dict[str, CatalogAnswer] = {}
        for device_id, each in batch:
            if not isinstance(each, CatalogResult):
                continue
            if device_id in answers:
                changes += catalogs_came(database, list(answers.values()), at).values()
                answers = {}
            entries = entries_of(each.items)
            answers[device_id] = CatalogAnswer(device_id, entries, each.complete)
        changes += catalogs_came(database, list(answers.values()), at).values()
    return changes


def _incomplete(database: Database) -> list[str]:
    found = list_devices(database, online=True, size=MOST_AT_ONCE).items
    return [device.id for device in found if not device.catalog_complete]


def entries_of(items: Iterable[CatalogItem]) -> tuple[CatalogEntry, ...]:
    """What signalling read, in the registry's own record."""
    return tuple(
        CatalogEntry(
            code=item.device_id,
            name=item.name,
            manufacturer=item.manufacturer,
            model=item.model,
            owner=item.owner,
            civil_code=item.civil_code,
            address=item.address,
            parental=item.parental,
            parent_ids=item.parent_ids,
            business_group_id=item.business_group_id,
            status_on=item.status_on,
            longitude=item.longitude,
            latitude=item.latitude,
            ptz_type=item.ptz_type,
            extra=item.extra,
        )
        for item in items
    )
