"""What each device can do, learned from everything that is asked of it, and from a test on demand.

Each answer, refusal and silence is noted with its time; the newest counts. A note costs nothing:
notes are gathered in memory and written together, and what a crash loses is learned again.
"""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from peewee import Database

from channel_registry.queries.channels import list_channels
from channel_registry.queries.devices import get_device
from channel_registry.records import ChannelFilter
from sip.errors import SipError
from sip.gb28181 import device_config, presets, ptz_queries, query, sd_card
from sip.gb28181.capability import capabilities_of
from sip.gb28181.edition import needs_2022, speaks_2022
from sip.gb28181.question import DeviceRefused, NoAnswer, Question
from sip.gb28181.quirks import Quirk, Quirks
from sip.gb28181.record_info import RecordQuery, ask_record_info
from vms.clock import Clock
from vms.errors import Conflict, NotReady
from vms.services.store import Store
from vms.storage.device_records import CapabilityRecord, Verdict
from vms.storage.queries.capabilities import list_capabilities, note_capabilities

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 5.0
MOST_WAITING = 20_000
"""Notes in memory; further ones are left out until these are written."""
MOST_TESTS = 8
"""Devices that are tested at the same time."""
CAMERA_TYPES = ("131", "132")
MOST_LOOKED_AT = 200
AnswerT = TypeVar("AnswerT")


class Asker(Protocol):
    """The part of `sip.server.SipServer` that puts questions."""

    def is_registered(self, device_id: str) -> bool:
        """Whether the device can be reached now."""

    async def ask(
        self, device_id: str, question: Question[AnswerT], timeout_s: float | None = None
    ) -> AnswerT:
        """Raises SipError when there is no answer."""


class QuirkSource(Protocol):
    """`vms.services.quirks.QuirkService`."""

    def find(self, device_id: str, user_agent: str = "") -> Quirks:
        """What is special about a device."""


@dataclass(slots=True)
class Test:
    """A test that runs: how many questions, how many are answered or given up."""

    total: int = 0
    done: int = 0


class CapabilityService:
    """Notes what devices can do; `run` writes the notes and carries the tests out."""

    def __init__(self, asker: Asker, quirks: QuirkSource, store: Store, clock: Clock) -> None:
        self._asker = asker
        self._quirks = quirks
        self._store = store
        self._clock = clock
        self._waiting: dict[tuple[str, str], CapabilityRecord] = {}
        self._tests: dict[str, Test] = {}
        self._wanted: asyncio.Queue[str] = asyncio.Queue(MOST_TESTS)

    def heard(self, device_id: str, question: Question[Any], error: SipError | None) -> None:
        """Take how a question ended; what says nothing about the device is left out."""
        match error:
            case None:
                verdict = Verdict.TAKEN if question.collect is None else Verdict.WORKS
            case DeviceRefused():
                verdict = Verdict.REFUSED
            case NoAnswer():
                verdict = Verdict.SILENT
            case _:
                return
        for name in capabilities_of(question):
            self.note(device_id, name, verdict, str(error or ""))

    def note(self, device_id: str, name: str, verdict: Verdict, detail: str = "") -> None:
        """Keep the verdict on one ability."""
        key = (device_id, name)
        if key in self._waiting or len(self._waiting) < MOST_WAITING:
            self._waiting[key] = CapabilityRecord(
                device_id, name, verdict, self._clock.wall(), detail
            )

    async def of_device(self, device_id: str) -> tuple[CapabilityRecord, ...]:
        """Everything known of a device, by name. Raises NotFound."""
        stored = await self._store.run(_stored, device_id)
        found = {record.name: record for record in stored}
        found |= {name: r for (device, name), r in self._waiting.items() if device == device_id}
        return tuple(found[name] for name in sorted(found))

    def test_of(self, device_id: str) -> Test | None:
        """The test that runs on a device, if any."""
        return self._tests.get(device_id)

    async def begin_test(self, device_id: str) -> Test:
        """Begin to put every harmless question to a device.

        Raises NotFound, NotReady(device_offline), Conflict(test_runs) when it is tested already or
        too many others are.
        """
        await self._store.run(get_device, device_id)
        if not self._asker.is_registered(device_id):
            raise NotReady(code="device_offline")
        if device_id in self._tests or self._wanted.full():
            raise Conflict("test_runs")
        test = self._tests[device_id] = Test()
        self._wanted.put_nowait(device_id)
        return test

    async def run(self) -> None:
        """Write notes and carry out tests, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_writing())
                for _ in range(MOST_TESTS):
                    group.create_task(self._keep_testing())
        finally:
            await self._write()

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self._write()

    async def _write(self) -> None:
        if self._waiting:
            records, self._waiting = tuple(self._waiting.values()), {}
            await self._store.run_when_ready(note_capabilities, records)

    async def _keep_testing(self) -> None:
        while True:
            device_id = await self._wanted.get()
            try:
                await self._test(device_id, self._tests[device_id])
            finally:
                del self._tests[device_id]

    async def _test(self, device_id: str, test: Test) -> None:
        camera, gb_version = await self._store.run(_subject, device_id)
        start = self._clock.wall() - timedelta(hours=1)
        recordings = ask_record_info(RecordQuery(camera or device_id, start, self._clock.wall()))
        quirks = self._quirks.find(device_id)
        questions = [
            question
            for question in (*_questions(camera or device_id), recordings)
            if _is_fit(question, gb_version, quirks)
        ]
        test.total = len(questions)
        for question in questions:
            try:
                await self._asker.ask(device_id, question)
            except SipError as error:
                logger.info(
                    "a device fails a test",
                    extra={
                        "device": device_id,
                        "query": question.command,
                        "reason": str(error),
                    },
                )
            test.done += 1


def _questions(channel_id: str) -> Iterator[Question[Any]]:
    """Questions that change nothing."""
    yield query.ask_device_info()
    yield query.ask_device_status()
    yield presets.ask_presets(channel_id)
    yield ptz_queries.ask_home(channel_id)
    yield ptz_queries.ask_cruises(channel_id)
    yield ptz_queries.ask_position(channel_id)
    yield sd_card.ask_cards()
    for name in device_config.CONFIG_TYPES:
        target = "" if name in device_config.DEVICE_TYPES else channel_id
        yield device_config.ask_config([name], target)


def _is_fit(question: Question[Any], gb_version: str, quirks: Quirks) -> bool:
    """Whether to ask a device: what is too new for it, or makes it restart, is not tried."""
    config = str(dict(question.fields).get("ConfigType", ""))
    if config == "BasicParam" and quirks.text(Quirk.CONFIG_RESTARTS) == "yes":
        return False
    if config == "SnapShotConfig":
        return False  # a command in the clothes of a configuration: nothing to read
    is_new = needs_2022(question.command) or needs_2022(config)
    return speaks_2022(gb_version) or not is_new


def _stored(database: Database, device_id: str) -> tuple[CapabilityRecord, ...]:
    get_device(database, device_id)
    return list_capabilities(database, device_id)


def _subject(database: Database, device_id: str) -> tuple[str, str]:
    """The first camera of a device, one that turns if there is one; and the device's edition."""
    device = get_device(database, device_id)
    wanted = ChannelFilter(device=device_id)
    channels = list_channels(database, wanted, size=MOST_LOOKED_AT).items
    cameras = [channel for channel in channels if channel.code[10:13] in CAMERA_TYPES]
    turning = [camera for camera in cameras if camera.ptz_type in (1, 2, 4)]
    chosen = next(iter(turning or cameras), None)
    return (chosen.code if chosen is not None else "", device.gb_version)
