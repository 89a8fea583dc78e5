from collections.abc import Sequence
from typing import Any

from stream_relay.access_unit import AccessUnit, Track
from stream_relay.engine._hub import Hub
from stream_relay.formats.units import UnitSink
from stream_relay.timeline import TimeLine

class StreamCore(UnitSink):
    source: Any
    tracks: tuple[Track, ...]
    timeline: TimeLine
    is_closed: bool
    pictures: int
    gop_frames: int
    gop_ticks: int
    unit_bytes: int
    def __init__(
        self,
        hub: Hub,
        number: int,
        *,
        opened_us: int,
        max_bytes: int,
        max_chunks: int,
        audio_settle_us: int,
        video_settle_us: int,
    ) -> None: ...
    def publish(self, units: Sequence[AccessUnit], now_us: int, wall_offset_us: int) -> None: ...
    def tick_at(self, now_us: int) -> None: ...
    def restart_clock(self) -> None: ...
    def close(self) -> None: ...
    def statistics(self) -> tuple[int, int, int]: ...
