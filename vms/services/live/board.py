"""The status of one channel's picture, and who waits for it to change."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from stream_relay.access_unit import Kind
from stream_relay.stream import Stream
from vms.clock import Clock
from vms.errors import LiveFailed
from vms.records import LiveReason, LiveState, LiveStatus, LiveStep

STALLING = frozenset({LiveReason.STALLED, LiveReason.DEVICE_ENDED, LiveReason.RELAY_UNREACHABLE})


class Board:
    """Holds the status; each change has a number and wakes all who wait for one."""

    def __init__(self, code: str, clock: Clock, on_change: Callable[[LiveStatus], None]) -> None:
        self.version = 0
        self._clock = clock
        self._on_change = on_change
        self._next = asyncio.Event()
        self._status = LiveStatus(code, since=clock.wall())

    def status(self, stream: Stream | None, viewers: int) -> LiveStatus:
        """The status now, with the figures of the running stream."""
        return with_figures(replace(self._status, viewers=viewers), stream)

    @property
    def state(self) -> LiveState:
        """The state now."""
        return self._status.state

    def next_change(self) -> asyncio.Event:
        """An event that is set at the next change."""
        return self._next

    def progress(self, state: LiveState, step: LiveStep | None, transport: str = "") -> None:
        """It goes forward, or ends well."""
        self._set(
            replace(
                self._status,
                state=state,
                step=step,
                reason=None,
                detail="",
                verdict="",
                retry_at=None,
                transport=transport or self._status.transport,
            )
        )

    def renew(self) -> None:
        """The figures of the running stream changed in kind: another codec or size."""
        self._publish()

    def judge(self, verdict: str) -> None:
        """The stream doctor says something else than before; "": there is nothing to say."""
        self._set(replace(self._status, verdict=verdict))

    def fail(
        self, failure: LiveFailed, retry_in_s: float | None = None, *, verdict: str = ""
    ) -> None:
        """It went wrong: STALLED when a picture was there, else FAILED."""
        was_playing = failure.step is LiveStep.PLAYING and failure.reason in STALLING
        at = self._clock.wall()
        self._set(
            replace(
                self._status,
                state=LiveState.STALLED if was_playing else LiveState.FAILED,
                step=failure.step,
                reason=failure.reason,
                detail=failure.detail,
                verdict=verdict,
                retry_at=None if retry_in_s is None else at + timedelta(seconds=retry_in_s),
            )
        )

    def finish(self) -> None:
        """Nobody wants it any more: idle, or the failure that nobody waits out."""
        if self._status.state in (LiveState.FAILED, LiveState.STALLED):
            self._set(replace(self._status, retry_at=None))
        else:
            self._set(LiveStatus(self._status.code, since=self._clock.wall()))

    def _set(self, status: LiveStatus) -> None:
        if status == self._status:
            return
        since: datetime | None = self._status.since
        if status.state is not self._status.state:
            since = self._clock.wall()
        self._status = replace(status, since=since)
        self._publish()

    def _publish(self) -> None:
        self.version += 1
        waiting, self._next = self._next, asyncio.Event()
        waiting.set()
        self._on_change(self._status)


def with_figures(status: LiveStatus, stream: Stream | None) -> LiveStatus:
    """Add codec, size, rate and loss of a running stream."""
    if stream is None:
        return status
    figures = stream.statistics
    video = next((track for track in stream.tracks if track.kind is Kind.VIDEO), None)
    audio = next((track for track in stream.tracks if track.kind is Kind.AUDIO), None)
    return replace(
        status,
        codec=video.codec.value if video else "",
        width=video.width or 0 if video else 0,
        height=video.height or 0 if video else 0,
        frame_rate=(video.frame_rate if video else None) or figures.frame_rate,
        audio_codec=audio.codec.value if audio else "",
        bitrate_bps=figures.bitrate_bps,
        received=figures.packets,
        lost=figures.lost,
        reordered=figures.reordered,
    )
