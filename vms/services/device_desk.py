"""Puts questions and commands to devices, and says in the services' words what failed."""

from typing import Protocol, TypeVar

from peewee import Database

from channel_registry.queries.channels import get_channel, list_channels
from channel_registry.queries.devices import get_device
from channel_registry.records import ChannelFilter, ChannelRecord, DeviceRecord
from sip.errors import LocalProtocolError, SipError
from sip.gb28181.edition import EditionTooOld, check_edition
from sip.gb28181.question import NoAnswer, Question
from sip.server import PeerUnreachable
from vms.errors import Conflict, Invalid, NotReady, VmsError
from vms.services.store import Store

AnswerT = TypeVar("AnswerT")


class Asker(Protocol):
    """The part of `sip.server.SipServer` that asks devices."""

    def is_registered(self, device_id: str) -> bool:
        """Whether the device can be reached now."""

    async def ask(
        self, device_id: str, question: Question[AnswerT], timeout_s: float | None = None
    ) -> AnswerT:
        """Raises SipError when the device does not answer, or refuses."""


class DeviceDesk:
    """Looks up who is meant, checks the edition, asks, translates errors."""

    def __init__(self, asker: Asker, store: Store) -> None:
        self._asker = asker
        self._store = store

    async def channel(self, code: str) -> ChannelRecord:
        """One channel; raises NotFound(channel)."""
        return await self._store.run(get_channel, code)

    async def device(self, device_id: str) -> DeviceRecord:
        """One device; raises NotFound(device)."""
        return await self._store.run(get_device, device_id)

    async def first_channel(self, device_id: str) -> str:
        """The code of a device's first channel; "" where none is known."""
        return await self._store.run(_first_channel, device_id)

    async def check(self, device_id: str, *elements: str, forced: bool = False) -> None:
        """Raise Conflict(edition_too_old) unless the device knows these commands.

        `forced` asks it none the less: some devices of 2016 know what is new in 2022.
        """
        device = await self.device(device_id)
        try:
            for element in elements:
                check_edition(element, device.gb_version, is_forced=forced)
        except EditionTooOld as error:
            raise Conflict(
                "edition_too_old", str(error), command=error.command, gb_version=error.gb_version
            ) from error

    async def ask(
        self, device_id: str, question: Question[AnswerT], timeout_s: float | None = None
    ) -> AnswerT:
        """Ask a device.

        Raises NotReady(device_offline), NotReady(device_unreachable), NotReady(device_silent),
        Conflict(device_refused), Invalid for what may not be sent.
        """
        if not self._asker.is_registered(device_id):
            raise NotReady(code="device_offline")
        try:
            return await self._asker.ask(device_id, question, timeout_s)
        except SipError as error:
            raise _translated(error) from error


def _first_channel(database: Database, device_id: str) -> str:
    found = list_channels(database, ChannelFilter(device=device_id), size=1).items
    return found[0].code if found else ""


def _translated(error: SipError) -> VmsError:
    match error:
        case PeerUnreachable():
            return NotReady(code="device_unreachable", detail=str(error))
        case NoAnswer():
            return NotReady(code="device_silent", detail=str(error))
        case LocalProtocolError():
            return Invalid("value", "out_of_range", str(error))
        case _:
            return Conflict("device_refused", str(error), detail=str(error))
