"""Recordings of devices that become files here: waiting, running, done, each with its progress.

The list outlives a restart: one JSON file beside each download. What was under way then is told as
interrupted and may be begun anew.
"""

import asyncio
import json
import logging
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from stream_relay.errors import Overload, Unsupported
from stream_relay.outputs.chunk import Format
from stream_relay.recorder import (
    Recorder,
    RecorderEvent,
    RecordingFailed,
    SegmentClosed,
)
from vms.clock import Clock
from vms.config_sections import PlaybackSection
from vms.errors import Conflict, Invalid, LiveFailed, NotFound, NotReady
from vms.ids import new_name
from vms.records import Download, DownloadState
from vms.services.playback import PlaybackService, check_window
from vms.services.playback_session import PlaybackEnd, PlaybackSession

logger = logging.getLogger(__name__)

FOLDER = "downloads"
FACTS = "download.json"
FORMAT: Format = "fmp4-any-audio"
LONGEST = timedelta(days=1)
MOST_KEPT = 500
FASTEST = 32
ONE_FILE_S = 10 * 86_400.0
"""A download is one file: longer than any that is allowed."""
CLOSING_S = 10.0
"""How long the last bytes may take to the disk."""
LOOK_S = 0.25
TURN_S = 1.0
"""How often a download that waits for its device asks again."""


class DownloadService:
    """Fetches recordings; `begin` once, then `run`."""

    def __init__(
        self,
        playback: PlaybackService,
        data: Path,
        settings: PlaybackSection,
        clock: Clock,
        *,
        reserve_bytes: int,
    ) -> None:
        self._playback = playback
        self._folder = data / FOLDER
        self._settings = settings
        self._clock = clock
        self._reserve_bytes = reserve_bytes
        self._downloads: dict[str, Download] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled: set[str] = set()
        """Those that a person ends just now."""
        self._places = asyncio.Semaphore(settings.downloads)
        self._group: asyncio.TaskGroup | None = None
        self._executor: ThreadPoolExecutor | None = None

    async def begin(self) -> None:
        """At the start: read what was there before."""
        for download in await asyncio.to_thread(_read_all, self._folder):
            if not download.state.is_over:
                download = replace(download, state=DownloadState.INTERRUPTED, files=())
            self._downloads[download.id] = download

    async def run(self) -> None:
        """Fetch until cancelled; then every file is closed."""
        executor = ThreadPoolExecutor(2, thread_name_prefix="download")
        self._executor = executor
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = self._executor = None
            executor.shutdown()

    # For people

    async def create(
        self, code: str, start: datetime, end: datetime, *, speed: int = 0, owner: str = ""
    ) -> Download:
        """Begin to fetch a stretch; `speed` 0 takes the configured one. Raises Invalid, Conflict
        (download_limit), NotReady.
        """
        check_window(start, end, LONGEST, self._clock.wall())
        if not 0 <= speed <= FASTEST:
            raise Invalid("speed", "out_of_range")
        if sum(not each.state.is_over for each in self._downloads.values()) >= MOST_KEPT:
            raise Conflict("download_limit", limit=MOST_KEPT)
        download = Download(
            new_name(),
            code,
            owner,
            start.replace(microsecond=0),
            end.replace(microsecond=0),
            speed or self._settings.download_speed,
            DownloadState.WAITING,
            self._clock.wall(),
        )
        await self._start(download)
        return download

    def downloads(self) -> tuple[Download, ...]:
        """All of them, the newest first."""
        found = sorted(self._downloads.values(), key=lambda each: each.created_at, reverse=True)
        return tuple(found)

    def get(self, download_id: str) -> Download:
        """One of them; raises NotFound(download)."""
        if download_id not in self._downloads:
            raise NotFound("download", download_id)
        return self._downloads[download_id]

    async def retry(self, download_id: str) -> Download:
        """Begin one anew that came to nothing; raises NotFound(download), Conflict."""
        download = self.get(download_id)
        if not download.state.is_over or download.state is DownloadState.DONE:
            raise Conflict("wrong_state", state=download.state.value)
        fresh = replace(
            download,
            state=DownloadState.WAITING,
            progress=0.0,
            size_bytes=0,
            reason="",
            detail="",
            files=(),
        )
        await self._start(fresh)
        return fresh

    async def cancel(self, download_id: str) -> Download:
        """End one that waits or runs; what came is thrown away. Raises NotFound(download)."""
        self.get(download_id)
        task = self._tasks.pop(download_id, None)
        if task is not None:
            self._cancelled.add(download_id)
            task.cancel()
            await asyncio.wait([task])
            self._cancelled.discard(download_id)
        download = self.get(download_id)
        if not download.state.is_over:  # it had not even begun
            download = replace(download, state=DownloadState.CANCELLED)
            self._downloads[download_id] = download
            await self._keep(download)
        return download

    async def delete(self, download_id: str) -> None:
        """End and forget one with its file; raises NotFound(download)."""
        await self.cancel(download_id)
        await asyncio.to_thread(shutil.rmtree, self._folder / download_id, ignore_errors=True)
        self._downloads.pop(download_id, None)

    async def open_file(self, download_id: str, number: int = 1) -> tuple[Download, Path]:
        """A finished file; raises NotFound(download, download_file)."""
        download = self.get(download_id)
        if not 1 <= number <= len(download.files):
            raise NotFound("download_file", download_id)
        path = self._folder / download.id / download.files[number - 1]
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("download_file", download_id)
        return download, path

    async def prune(self) -> int:
        """Delete what is older than the configuration keeps; answers how many."""
        oldest = self._clock.wall() - timedelta(days=self._settings.download_days)
        old = [d for d in self._downloads.values() if d.state.is_over and d.created_at < oldest]
        for download in old:
            await self.delete(download.id)
        return len(old)

    # Inside

    async def _start(self, download: Download) -> None:
        if self._group is None:
            raise NotReady(retry_after_s=1.0)
        self._downloads[download.id] = download
        await self._keep(download)
        self._tasks[download.id] = self._group.create_task(self._serve(download.id))

    async def _serve(self, download_id: str) -> None:
        end = self._downloads[download_id]
        try:
            async with self._places:
                end = await self._fetch(end)
        except asyncio.CancelledError:
            is_wish = download_id in self._cancelled
            state = DownloadState.CANCELLED if is_wish else DownloadState.INTERRUPTED
            end = replace(end, state=state)
            raise
        except (LiveFailed, NotFound, NotReady) as error:
            end = self._failed(download_id, error.code, str(error.message))
        except (Unsupported, Overload) as error:
            end = self._failed(download_id, "not_recordable", str(error))
        finally:
            self._tasks.pop(download_id, None)
            self._downloads[download_id] = end
            await self._keep(end)
            facts = {"channel": end.channel, "state": end.state.value, "reason": end.reason}
            logger.info("download over", extra=facts)

    def _failed(self, download_id: str, reason: str, detail: str) -> Download:
        return replace(
            self._downloads[download_id], state=DownloadState.FAILED, reason=reason, detail=detail
        )

    async def _fetch(self, download: Download) -> Download:
        session = await self._session(download)
        number = session.demand.enter("download")
        try:
            return await self._bring(download, session)
        finally:
            session.demand.leave(number)
            self._playback.close_session(session)

    async def _session(self, download: Download) -> PlaybackSession:
        """A place at the device; waits while it sends as much as it may."""
        while True:
            try:
                return await self._playback.open_session(
                    download.channel,
                    "Download",
                    download.started_at,
                    download.ended_at,
                    download.speed,
                )
            except Conflict:
                await asyncio.sleep(TURN_S)

    async def _bring(self, download: Download, session: PlaybackSession) -> Download:
        """Receive and write until the device has sent all; raises LiveFailed, Unsupported."""
        files: list[SegmentClosed] = []
        faults: list[RecordingFailed] = []
        folder = self._folder / download.id
        async with asyncio.TaskGroup() as group:
            hear = partial(_sort, files=files, faults=faults)
            writing = group.create_task(self._write(session, folder, hear))
            showing = group.create_task(self._show(download.id, session))
            outcome = await session.run()
            showing.cancel()
            session.finish()
            await asyncio.wait([writing], timeout=CLOSING_S)
            writing.cancel()
        if isinstance(outcome, LiveFailed):
            raise outcome
        if faults:
            return self._failed(download.id, "disk_full", faults[0].detail)
        if not files:
            return self._failed(download.id, "no_media", "")
        names = await asyncio.to_thread(_gather, folder, files)
        finished = outcome is PlaybackEnd.FINISHED or session.position.is_at_end
        return replace(
            self._downloads[download.id],
            state=DownloadState.DONE,
            progress=1.0,
            size_bytes=sum(each.bytes for each in files),
            reason="" if finished else "silent",
            files=names,
        )

    async def _write(
        self, session: PlaybackSession, folder: Path, hear: Callable[[RecorderEvent], None]
    ) -> None:
        """Write from the first packet on; each way of media that is tried has its own stream."""
        assert self._executor is not None, "run is running"
        stream = None
        while not session.is_over:
            change = session.board.next_change()
            if session.opened is None or session.opened is stream:
                await change.wait()
                continue
            stream = session.opened
            async with stream.open_reader(FORMAT) as reader:
                recorder = Recorder(
                    reader,
                    folder,
                    "media",
                    executor=self._executor,
                    on_event=hear,
                    segment_s=ONE_FILE_S,
                    reserve_bytes=self._reserve_bytes,
                )
                await recorder.run()

    async def _show(self, download_id: str, session: PlaybackSession) -> None:
        """Tell the progress while it runs."""
        while True:
            await asyncio.sleep(LOOK_S)
            stream, window = session.stream, session.window
            if stream is None:
                continue
            progress = session.position.seconds / max(window.stop - window.start, 1)
            received = stream.statistics.bytes
            if session.size_bytes:
                progress = max(progress, received / session.size_bytes)
            self._downloads[download_id] = replace(
                self._downloads[download_id],
                state=DownloadState.RUNNING,
                progress=min(progress, 0.99),
                size_bytes=received,
            )

    async def _keep(self, download: Download) -> None:
        await asyncio.to_thread(_write_facts, self._folder / download.id, download)


def _sort(event: RecorderEvent, files: list[SegmentClosed], faults: list[RecordingFailed]) -> None:
    if isinstance(event, SegmentClosed):
        files.append(event)
    elif isinstance(event, RecordingFailed):
        faults.append(event)


def _gather(folder: Path, files: list[SegmentClosed]) -> tuple[str, ...]:
    """Move the recorder's files to the download's own folder."""
    names = []
    for number, each in enumerate(files, 1):
        name = f"{number}.mp4"
        each.path.replace(folder / name)
        names.append(name)
    shutil.rmtree(folder / "media", ignore_errors=True)
    return tuple(names)


def _write_facts(folder: Path, download: Download) -> None:
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    if not download.files:
        shutil.rmtree(folder / "media", ignore_errors=True)
    facts = asdict(download)
    text = json.dumps(facts, default=lambda value: value.isoformat(), ensure_ascii=False)
    draft = folder / f"{FACTS}.part"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / FACTS)


def _read_all(folder: Path) -> list[Download]:
    found = []
    for path in sorted(folder.glob(f"*/{FACTS}")):
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            for name in ("started_at", "ended_at", "created_at"):
                facts[name] = datetime.fromisoformat(facts[name])
            facts |= {"state": DownloadState(facts["state"]), "files": tuple(facts["files"])}
            found.append(Download(**facts))
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning(
                "a download cannot be read", extra={"path": str(path), "reason": str(error)}
            )
    return found
