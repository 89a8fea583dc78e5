"""The recording switch of each channel, and what was recorded.

A running switch keeps the stream and the recorder: the recorder is a viewer like any other, so the
live service brings the picture back after every failure. The files are the truth; the index is
compared with them at every start.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from channel_registry.queries.channels import get_channel
from stream_relay.errors import Overload, RelayError, Unsupported
from stream_relay.outputs.chunk import Format
from stream_relay.recorder import (
    Recorder,
    RecorderEvent,
    RecordingFailed,
    RecordingFault,
    RecordingResumed,
    SegmentClosed,
)
from vms.bus import Bus
from vms.clock import Clock
from vms.config_sections import RecordingSection
from vms.errors import Invalid, LiveFailed, NotFound, VmsError
from vms.events import SegmentRecorded
from vms.records import AlarmLevel, RecorderState, Segment
from vms.services.alarms import AlarmService
from vms.services.live import Watch
from vms.services.presence_news import channel_event
from vms.services.recording_index import new_segment, reconcile
from vms.services.retention import Retention
from vms.services.store import Store
from vms.storage.queries import segments as segment_queries
from vms.storage.queries.switches import recording_switches, set_recording
from vms.storage.records import NewAlarm
from vms.supervise import supervise

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)

FOLDER = "recordings"
FORMAT: Format = "fmp4-any-audio"
WRITING_THREADS = 4
EVENTS = 1000
FLUSH_S = 3.0
CLOSING_S = 5.0
"""How long the last file of a recorder may take to close."""


class Live(Protocol):
    """The part of the live service that gives pictures."""

    def watch(
        self, code: str, output_format: Format, viewer: str
    ) -> AbstractAsyncContextManager[Watch]:
        """Look at a channel; raises NotFound(channel) on entering."""


class RecordingService:
    """Records the channels whose switch is on; `begin` once, then `run`."""

    def __init__(
        self,
        live: Live,
        alarms: AlarmService,
        store: Store,
        data: Path,
        settings: RecordingSection,
        *,
        reserve_bytes: int,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._live = live
        self._alarms = alarms
        self._store = store
        self._folder = data / FOLDER
        self._settings = settings
        self._reserve_bytes = reserve_bytes
        self._retention = Retention(store, self._folder, reserve_bytes)
        self._segment_bytes = 0
        """The largest file since the start."""
        self._clock = clock
        self._bus = bus
        self._states: dict[str, RecorderState] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._events: asyncio.Queue[RecorderEvent] = asyncio.Queue(EVENTS)
        self._taken: RecorderEvent | None = None
        """What is being indexed; done once more when the end comes in between."""
        self._group: asyncio.TaskGroup | None = None
        self._executor: ThreadPoolExecutor | None = None

    async def begin(self) -> None:
        """At the start: finish what a crash left, compare the index with the files."""
        known = await self._store.run(segment_queries.segment_paths)
        found = await asyncio.to_thread(reconcile, self._folder, known)
        await self._store.run(segment_queries.add_segments, found.added)
        await self._store.run(segment_queries.delete_segments, found.gone)
        if found.added or found.gone:
            logger.info(
                "recording index repaired",
                extra={"added": len(found.added), "removed": len(found.gone)},
            )
        for switch in await self._store.run(recording_switches, on=True):
            self._states[switch.channel] = RecorderState.WAITING

    async def run(self) -> None:
        """Record until cancelled; then every file is closed and indexed."""
        executor = ThreadPoolExecutor(WRITING_THREADS, thread_name_prefix="recorder")
        self._executor = executor
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for code in self._states:
                    self._begin_recorder(code)
                await self._index()
        finally:
            self._group = self._executor = None
            self._tasks.clear()
            await self._flush()
            executor.shutdown()

    # For people

    async def switch(self, code: str, on: bool, by: str = "") -> None:
        """Turn recording of a channel on or off; raises NotFound(channel) when turned on."""
        channel = await self._store.run(get_channel, code)
        await self._store.run(set_recording, code, on=on, at=self._clock.wall(), by=by)
        if on and code not in self._states:
            self._states[code] = RecorderState.WAITING
            self._begin_recorder(code)
        if not on:
            self._states.pop(code, None)
            await self._end_recorder(code)
        self._bus.publish(channel_event(channel, "recording", self._clock, recording=on))

    def is_on(self, code: str) -> bool:
        """Whether the channel's switch is on."""
        return code in self._states

    def state(self, code: str) -> RecorderState:
        """What the channel's recorder does now."""
        return self._states.get(code, RecorderState.OFF)

    @property
    def running(self) -> int:
        """Channels that are written to disk now."""
        return sum(state is RecorderState.RECORDING for state in self._states.values())

    async def segments(
        self, code: str, start: datetime | None = None, end: datetime | None = None
    ) -> tuple[Segment, ...]:
        """Recorded files of a channel that touch [start, end), the oldest first.

        Without an end it is now, without a start a day before the end. Raises Invalid.
        """
        end = end or self._clock.wall()
        start = start or end - DAY
        if end <= start:
            raise Invalid("end", "before_start")
        return await self._store.run(segment_queries.list_segments, code, start=start, end=end)

    async def open_segment(self, segment_id: int) -> tuple[Segment, Path]:
        """A recorded file; raises NotFound(segment), also when the file itself is gone."""
        segment = await self._store.run(segment_queries.get_segment, segment_id)
        folder = self._folder.resolve()
        path = (folder / segment.path).resolve()
        if not path.is_relative_to(folder) or not await asyncio.to_thread(path.is_file):
            raise NotFound("segment", str(segment_id))
        return segment, path

    async def make_room(self) -> int:
        """Delete the oldest recordings so that each recorder may begin its next file.

        Answers how many files went.
        """
        return await self._retention.make_room(len(self._tasks) * self._segment_bytes)

    # Recorders

    def _begin_recorder(self, code: str) -> None:
        if self._group is None:
            return
        self._tasks[code] = self._group.create_task(
            supervise(
                f"recorder {code}",
                lambda: self._record(code),
                first_s=self._settings.retry_first_s,
                max_s=self._settings.retry_max_s,
            )
        )

    async def _end_recorder(self, code: str) -> None:
        """End a recorder and wait until its last file is closed."""
        task = self._tasks.pop(code, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=CLOSING_S)

    async def _record(self, code: str) -> None:
        """Record a channel for ever: each stream of it becomes files, one after the other."""
        await self._until_known(code)
        wait_s = self._settings.retry_first_s
        async with self._live.watch(code, FORMAT, "recorder") as watch:
            while True:
                try:
                    await self._record_stream(code, watch)
                    wait_s = self._settings.retry_first_s
                except (Unsupported, Overload, LiveFailed) as error:
                    await self._tell_trouble(code, error)
                    await asyncio.sleep(wait_s)
                    wait_s = min(wait_s * 2, self._settings.retry_max_s)

    async def _until_known(self, code: str) -> None:
        """Wait for a channel whose device was deleted: it may be added again."""
        while True:
            try:
                await self._store.run(get_channel, code)
                return
            except NotFound:
                logger.debug("no such channel to record", extra={"channel": code})
                await asyncio.sleep(self._settings.retry_max_s)

    async def _record_stream(self, code: str, watch: Watch) -> None:
        assert self._executor is not None, "run is running"
        self._set_state(code, RecorderState.WAITING)
        async with await watch.reader(patient=True) as reader:
            self._set_state(code, RecorderState.RECORDING)
            recorder = Recorder(
                reader,
                self._folder,
                code,
                executor=self._executor,
                on_event=self._hear,
                segment_s=self._settings.segment_s,
                reserve_bytes=self._reserve_bytes,
            )
            reason = await recorder.run()
        logger.info("recording of a stream ended", extra={"channel": code, "reason": reason})

    def _set_state(self, code: str, state: RecorderState) -> None:
        if code in self._states:
            self._states[code] = state

    async def _tell_trouble(self, code: str, error: RelayError | LiveFailed) -> None:
        logger.warning("cannot record", extra={"channel": code, "reason": str(error)})
        if isinstance(error, Unsupported):
            await self._alarms.raise_(
                NewAlarm(
                    channel=code,
                    kind="not_recordable",
                    level=AlarmLevel.YELLOW,
                    dedupe_key=f"not_recordable:{code}",
                    source="system",
                    detail={"codec": error.what},
                )
            )

    # What recorders say

    def _hear(self, event: RecorderEvent) -> None:
        if self._events.full():
            logger.error("recorder events wait too long; the index is repaired at the next start")
            return
        self._events.put_nowait(event)

    async def _index(self) -> None:
        await supervise("recording-index", self._take_events)

    async def _take_events(self) -> None:
        while True:
            self._taken = await self._events.get()
            await self._take(self._taken)
            self._taken = None

    async def _take(self, event: RecorderEvent) -> None:
        match event:
            case SegmentClosed():
                self._segment_bytes = max(self._segment_bytes, event.bytes)
                record = await self._store.run_when_ready(
                    segment_queries.add_segment, new_segment(event, self._folder)
                )
                self._bus.publish(SegmentRecorded(at=self._clock.wall(), segment=record))
            case RecordingFailed():
                self._set_state(event.code, RecorderState.DISK_FULL)
                await self._tell_fault(event)
            case RecordingResumed():
                self._set_state(event.code, RecorderState.RECORDING)
                logger.info(
                    "recording goes on",
                    extra={"channel": event.code, "lost_s": round(event.lost_s, 1)},
                )

    async def _tell_fault(self, event: RecordingFailed) -> None:
        """The disk is one for all channels: one alarm, however many recorders stumble over it.

        A full disk is none while old recordings can make room: the recorder tries again at once.
        """
        if event.fault is RecordingFault.DISK_FULL and await self.make_room():
            return
        logger.error(
            "recording stopped: the disk refuses",
            extra={"channel": event.code, "reason": event.fault.value, "detail": event.detail},
        )
        full = event.fault is RecordingFault.DISK_FULL
        await self._alarms.raise_(
            NewAlarm(
                channel="",
                kind="disk_full" if full else "disk_failed",
                level=AlarmLevel.RED,
                dedupe_key=f"disk:{event.fault.value}",
                source="system",
                detail={"first_channel": event.code, "detail": event.detail},
            )
        )

    async def _flush(self) -> None:
        """Index what was closed at the end; what this cannot, the next start does."""
        try:
            async with asyncio.timeout(FLUSH_S):
                if self._taken is not None:
                    await self._take(self._taken)
                while not self._events.empty():
                    await self._take(self._events.get_nowait())
        except (TimeoutError, VmsError) as error:
            logger.warning("segments left for the next start", extra={"reason": str(error)})
