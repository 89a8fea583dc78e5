"""Chunks into segment files: where to cut, what a failing disk means. Blocking, no loop, no clock.

to RECORDING: because a key came and its file could be created.
to FAILED: because the file system refused; nothing is tried again before the back-off has passed.
"""

import errno
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stream_relay.outputs.chunk import Chunk, video_of
from stream_relay.recorder.events import (
    RecorderEvent,
    RecordingFailed,
    RecordingFault,
    RecordingResumed,
    SegmentClosed,
)
from stream_relay.recorder.segment import (
    SegmentFile,
    first_decode_time,
    rebased,
    segment_path,
)

logger = logging.getLogger(__name__)

TICKS_PER_S = 90_000
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
HEALTHY_S = 10.0
"""Media recorded without an error after which an outage counts as over."""
LEAST_SALVAGE_S = 1.0
"""A failing disk leaves no files shorter than this behind."""


@dataclass(slots=True)
class _Open:
    file: SegmentFile
    start: datetime
    start_ticks: int
    base_ticks: int
    last_ticks: int
    last_step: int
    codec: str
    width: int
    height: int

    def duration_s(self, end_ticks: int | None) -> float:
        end = self.last_ticks + self.last_step if end_ticks is None else end_ticks
        return (end - self.start_ticks) / TICKS_PER_S


class SegmentWriter:
    """Takes the chunks of one fMP4 reader in order; one call at a time."""

    def __init__(
        self,
        directory: Path,
        code: str,
        *,
        segment_s: float = 60.0,
        sync_s: float = 5.0,
        reserve_bytes: int = 0,
        create: Callable[[Path], SegmentFile] = SegmentFile,
    ) -> None:
        self.discarded = 0
        """Media chunks that were not recorded because of a fault."""
        self._directory = directory
        self._code = code
        self._segment_ticks = round(segment_s * TICKS_PER_S)
        self._sync_s = sync_s
        self._reserve_bytes = reserve_bytes
        self._create = create
        self._init: Chunk | None = None
        self._has_new_tracks = False
        self._open: _Open | None = None
        self._pieces: list[bytes | bytearray | memoryview] = []
        self._synced_at = 0.0
        self._failed_at_ticks: int | None = None
        self._resumed_at_ticks: int | None = None
        """Where recording began again while the outage is not over yet."""
        self._retry_s = FIRST_RETRY_S
        self._retry_at = 0.0
        self._events: list[RecorderEvent] = []

    def write(self, chunks: Sequence[Chunk], now: float) -> list[RecorderEvent]:
        """Append chunks; what happened meanwhile. Raises nothing of the file system."""
        for chunk in chunks:
            try:
                self._take(chunk, now)
            except OSError as error:
                self._fail(error, chunk, now)
        try:
            self._flush(now)
        except OSError as error:
            self._fail(error, chunks[-1] if chunks else None, now)
        return self._told()

    def close(self, now: float) -> list[RecorderEvent]:
        """Finish the open file, at the end of the stream."""
        try:
            self._finish(None, now)
        except OSError as error:
            self._fail(error, None, now)
        return self._told()

    def _take(self, chunk: Chunk, now: float) -> None:
        if chunk.kind == "init":
            self._init, self._has_new_tracks = chunk, True
            return
        if self._has_new_tracks:
            self._finish_before(chunk, now)
        is_due = self._open is not None and (
            chunk.dts_ticks - self._open.start_ticks >= self._segment_ticks
        )
        if chunk.is_key and is_due:
            self._finish(chunk.dts_ticks, now)
        if self._open is None:
            self._begin(chunk, now)
        if self._open is None:
            return
        self._pieces.extend(rebased(chunk.data, self._open.base_ticks))
        step = chunk.dts_ticks - self._open.last_ticks
        if step > 0:
            self._open.last_step = step
        self._open.last_ticks = chunk.dts_ticks

    def _begin(self, chunk: Chunk, now: float) -> None:
        """A new file at a key, unless the disk is being left alone."""
        if self._init is None or not chunk.is_key or now < self._retry_at:
            self.discarded += self._failed_at_ticks is not None
            return
        self._check_reserve()
        path = segment_path(self._directory, self._code, chunk.wall)
        video = video_of(chunk.tracks)
        self._open = _Open(
            file=self._create(path),
            start=chunk.wall,
            start_ticks=chunk.dts_ticks,
            base_ticks=first_decode_time(chunk.data),
            last_ticks=chunk.dts_ticks,
            last_step=0,
            codec=chunk.codec_string,
            width=video.width if video else 0,
            height=video.height if video else 0,
        )
        if self._failed_at_ticks is not None and self._resumed_at_ticks is None:
            self._resumed_at_ticks = chunk.dts_ticks
        self._synced_at = now
        self._pieces = [self._init.data]

    def _check_reserve(self) -> None:
        if not self._reserve_bytes:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        state = os.statvfs(self._directory)
        if state.f_bavail * state.f_frsize < self._reserve_bytes:
            raise OSError(errno.ENOSPC, "less than the reserve is free", str(self._directory))

    def _flush(self, now: float) -> None:
        if self._open is None or not self._pieces:
            return
        self._open.file.append(self._pieces)
        self._pieces = []
        if self._sync_s and now - self._synced_at >= self._sync_s:
            self._open.file.sync()
            self._synced_at = now
        self._judge_health(self._open.last_ticks)

    def _finish_before(self, chunk: Chunk, now: float) -> None:
        """New tracks need a new file. Sound that joined later brings the group since the last key
        once more: the old file ends where that begins, and is dropped when all of it comes again.
        """
        self._has_new_tracks = False
        opened = self._open
        if opened is None or chunk.dts_ticks > opened.last_ticks:
            self._finish(None, now)
        elif chunk.dts_ticks > opened.start_ticks:
            self._finish(chunk.dts_ticks, now)
        else:
            self._open, self._pieces = None, []
            opened.file.abandon(keep=False)

    def _finish(self, end_ticks: int | None, now: float) -> None:
        if self._open is None:
            return
        self._flush(now)
        opened, self._open = self._open, None
        self._close_file(opened, end_ticks)

    def _close_file(self, opened: _Open, end_ticks: int | None) -> None:
        path = opened.file.finish()
        self._events.append(
            SegmentClosed(
                code=self._code,
                path=path,
                start=opened.start,
                duration_s=opened.duration_s(end_ticks),
                bytes=opened.file.bytes,
                codec=opened.codec,
                width=opened.width,
                height=opened.height,
            )
        )

    def _fail(self, error: OSError, chunk: Chunk | None, now: float) -> None:
        """Tell once, keep what is worth keeping, leave the disk alone for a while."""
        opened, self._open, self._pieces = self._open, None, []
        self._resumed_at_ticks = None
        if self._failed_at_ticks is None:
            self._failed_at_ticks = chunk.dts_ticks if chunk else 0
            fault = RecordingFault.of(error)
            logger.error(
                "recording stopped: the file system refuses",
                extra={"channel": self._code, "reason": str(error)},
            )
            self._events.append(RecordingFailed(self._code, fault, str(error)))
        self._retry_at = now + self._retry_s
        self._retry_s = min(self._retry_s * 2, LAST_RETRY_S)
        if opened is not None:
            self._salvage(opened)

    def _salvage(self, opened: _Open) -> None:
        is_worth = opened.file.bytes > 0 and opened.duration_s(None) >= LEAST_SALVAGE_S
        try:
            if is_worth:
                self._close_file(opened, None)
        except OSError as error:
            logger.warning(
                "a recording could not be finished; it is recovered at the next start",
                extra={"channel": self._code, "reason": str(error)},
            )
        try:
            opened.file.abandon(keep=is_worth)
        except OSError as error:
            logger.warning(
                "a broken recording could not be removed",
                extra={"channel": self._code, "reason": str(error)},
            )

    def _judge_health(self, ticks: int) -> None:
        """The outage is over after enough media without an error, in however many files."""
        failed, resumed = self._failed_at_ticks, self._resumed_at_ticks
        if failed is None or resumed is None or ticks - resumed < HEALTHY_S * TICKS_PER_S:
            return
        self._failed_at_ticks = self._resumed_at_ticks = None
        self._retry_s = FIRST_RETRY_S
        lost_s = (resumed - failed) / TICKS_PER_S
        self._events.append(RecordingResumed(self._code, max(lost_s, 0.0)))

    def _told(self) -> list[RecorderEvent]:
        events, self._events = self._events, []
        return events
