"""Examines a channel on request, tells the verdict, and keeps what worked until it is forgotten."""

from typing import Protocol

from peewee import Database

from channel_registry.queries.channels import get_channel
from channel_registry.queries.devices import get_device
from vms.records import LiveStatus
from vms.records.doctor import Diagnosis
from vms.services.doctor.casebook import CaseBook
from vms.services.doctor.findings import diagnose
from vms.services.store import Store
from vms.storage.device_records import TransportMemory
from vms.storage.queries.transports import find_transport, forget_transport


class Starter(Protocol):
    """The part of the live service that the doctor needs."""

    casebook: CaseBook

    async def start(self, code: str) -> LiveStatus:
        """Begin to connect, or join; raises NotFound(channel)."""


class DoctorService:
    """Reads the charts that the live service writes; an examination is a live attempt."""

    def __init__(self, live: Starter, store: Store) -> None:
        self._live = live
        self._store = store

    async def diagnosis(self, code: str) -> Diagnosis:
        """The latest verdict on a channel; raises NotFound(channel)."""
        await self._store.run(get_channel, code)
        case = self._live.casebook.find(code)
        return case.diagnosis if case is not None else diagnose(code, ())

    async def examine(self, code: str) -> Diagnosis:
        """Begin to look for a picture, with every way of media in turn, and answer at once.

        Where somebody watches already, his attempts are those of the doctor too. Raises
        NotFound(channel).
        """
        await self._live.start(code)
        return await self.diagnosis(code)

    async def memory(self, device_id: str) -> TransportMemory | None:
        """The way of media that brought a device's latest picture; raises NotFound(device)."""
        return await self._store.run(_memory, device_id)

    async def forget(self, device_id: str) -> None:
        """Let the next picture be asked for as if none had come yet; raises NotFound(device)."""
        await self._store.run(_forget, device_id)


def _memory(database: Database, device_id: str) -> TransportMemory | None:
    get_device(database, device_id)
    return find_transport(database, device_id)


def _forget(database: Database, device_id: str) -> None:
    get_device(database, device_id)
    forget_transport(database, device_id)
