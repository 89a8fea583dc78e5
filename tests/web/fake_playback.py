"""Recordings on devices as the web sees them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tests.web.fake_live import FakeWatch
from tests.web.records import CHANNEL, NOON, OTHER
from vms.errors import Conflict, Invalid, NotFound
from vms.records import (
    DeviceRecording,
    Download,
    DownloadState,
    LiveState,
    LiveStatus,
    Playback,
    PlaybackState,
    RecordingSearch,
    SearchState,
)

PLAYBACK = "playback-" + "0" * 31 + "1"
DOWNLOAD = "0" * 31 + "1"
HOUR = timedelta(hours=1)


def playback(**changes: object) -> Playback:
    made = Playback(
        PLAYBACK, CHANNEL, "viewer", NOON, NOON + HOUR, PlaybackState.PLAYING, NOON, 1.0, NOON
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def download(**changes: object) -> Download:
    made = Download(
        DOWNLOAD, CHANNEL, "viewer", NOON, NOON + HOUR, 4, DownloadState.RUNNING, NOON, 0.25, 1000
    )
    return replace(made, **changes)  # type: ignore[arg-type]


class FakeDeviceRecordings:
    def __init__(self) -> None:
        item = DeviceRecording(CHANNEL, NOON, NOON + HOUR, "a", "time", 4096)
        self.answer = RecordingSearch(CHANNEL, NOON, NOON + HOUR, SearchState.COMPLETE, (item,), 1)
        self.asked: list[tuple[datetime | None, datetime | None, float, bool]] = []

    async def search(
        self,
        code: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        wait_s: float = 0.0,
        anew: bool = False,
    ) -> RecordingSearch:
        if start and end and end <= start:
            raise Invalid("end", "before_start")
        self.asked.append((start, end, wait_s, anew))
        return self.answer


class FakePlayback:
    def __init__(self) -> None:
        self.known = {PLAYBACK: playback()}
        self.changes: list[dict[str, object]] = []
        self.refusal: Conflict | None = None
        self.watches: dict[str, FakeWatch] = {}

    async def create(
        self, code: str, start: datetime, end: datetime, *, speed: float = 1.0, owner: str = ""
    ) -> Playback:
        if code not in (CHANNEL, OTHER):
            raise NotFound("channel", code)
        if self.refusal is not None:
            raise self.refusal
        made = playback(channel=code, started_at=start, ended_at=end, speed=speed, owner=owner)
        self.known[PLAYBACK] = made
        return made

    def get(self, playback_id: str) -> Playback:
        if playback_id not in self.known:
            raise NotFound("playback", playback_id)
        return self.known[playback_id]

    def playbacks(self) -> tuple[Playback, ...]:
        return tuple(self.known.values())

    async def change(
        self,
        playback_id: str,
        *,
        position: datetime | None = None,
        speed: float | None = None,
        paused: bool | None = None,
    ) -> Playback:
        found = self.get(playback_id)
        if self.refusal is not None:
            raise self.refusal
        self.changes.append({"position": position, "speed": speed, "paused": paused})
        state = PlaybackState.PAUSED if paused else PlaybackState.PLAYING
        return replace(found, state=state, speed=speed or 1.0, position=position or NOON)

    async def stop(self, playback_id: str) -> Playback:
        self.known[playback_id] = replace(
            self.get(playback_id), state=PlaybackState.ENDED, reason="stopped"
        )
        return self.known[playback_id]

    def prepare(self, *items: object) -> FakeWatch:
        watch = self.watches[PLAYBACK] = FakeWatch(LiveStatus(CHANNEL, LiveState.CONNECTING))
        for item in items:
            watch.items.put_nowait(item)
        return watch

    @asynccontextmanager
    async def watch(
        self, playback_id: str, output_format: str, viewer: str
    ) -> AsyncIterator[FakeWatch]:
        self.get(playback_id)
        watch = self.watches.get(playback_id) or self.prepare()
        try:
            yield watch
        finally:
            watch.is_left.set()


class FakeDownloads:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.known = {DOWNLOAD: download()}

    async def create(
        self, code: str, start: datetime, end: datetime, *, speed: int = 0, owner: str = ""
    ) -> Download:
        made = download(channel=code, started_at=start, ended_at=end, speed=speed or 4, owner=owner)
        self.known[DOWNLOAD] = made
        return made

    def downloads(self) -> tuple[Download, ...]:
        return tuple(self.known.values())

    def get(self, download_id: str) -> Download:
        if download_id not in self.known:
            raise NotFound("download", download_id)
        return self.known[download_id]

    async def retry(self, download_id: str) -> Download:
        if not self.get(download_id).state.is_over:
            raise Conflict("wrong_state")
        return download(state=DownloadState.WAITING)

    async def cancel(self, download_id: str) -> Download:
        self.known[download_id] = replace(self.get(download_id), state=DownloadState.CANCELLED)
        return self.known[download_id]

    async def delete(self, download_id: str) -> None:
        self.get(download_id)
        del self.known[download_id]

    async def open_file(self, download_id: str, number: int = 1) -> tuple[Download, Path]:
        found = self.get(download_id)
        if number > len(found.files):
            raise NotFound("download_file", download_id)
        return found, self.data / "1.mp4"
