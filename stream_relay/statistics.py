"""Figures of one stream: counters kept where things happen, rates over a short window."""

from dataclasses import dataclass

WINDOW_S = 2.0
"""Rates are averages over this time; long enough for one group of pictures of most cameras."""


@dataclass(slots=True)
class SourceCounters:
    """What the source has seen on the network; counters only grow."""

    packets: int = 0
    bytes: int = 0
    malformed: int = 0
    """Packets that are not RTP, or RTP that is broken."""
    rejected: int = 0
    """Packets of other sources, or with another SSRC than the agreed one."""
    rtcp: int = 0
    lost: int = 0
    reordered: int = 0
    duplicate: int = 0
    late: int = 0
    resets: int = 0
    """How often another source, SSRC or sequence numbering took over."""
    ssrc: int | None = None
    source: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """A snapshot for people and metrics."""

    bitrate_bps: int
    frame_rate: float
    packets: int
    bytes: int
    lost: int
    reordered: int
    duplicate: int
    malformed: int
    rejected: int
    ssrc: int | None
    source: tuple[str, int] | None
    gop_frames: int
    """Pictures in the last complete group."""
    gop_s: float
    """Duration of the last complete group, seconds."""
    gop_cache_bytes: int
    readers: int
    dropped_chunks: int
    """Chunks that slow readers lost, readers that left included."""
    clock_jumps: int


class RateMeter:
    """Bytes and pictures a second."""

    def __init__(self) -> None:
        self.bitrate_bps = 0
        self.frame_rate = 0.0
        self._window: tuple[float, int, int] | None = None

    def is_due(self, now: float) -> bool:
        """Whether the next `tick` closes the window: until then nobody need count."""
        return self._window is None or now - self._window[0] >= WINDOW_S

    def tick(self, now: float, total_bytes: int, pictures: int) -> None:
        """Close the window when it is full; both counts since the start of the stream."""
        if self._window is None:
            self._window = (now, total_bytes, pictures)
            return
        since, bytes_then, pictures_then = self._window
        elapsed = now - since
        if elapsed < WINDOW_S:
            return
        self.bitrate_bps = round((total_bytes - bytes_then) * 8 / elapsed)
        self.frame_rate = round((pictures - pictures_then) / elapsed, 2)
        self._window = (now, total_bytes, pictures)
