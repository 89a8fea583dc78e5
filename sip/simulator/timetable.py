"""What a simulated device has recorded: files of equal length with gaps, by a rule.

No file exists: a playback draws the scene again with the clock of that time. The rule gives every
camera the same files at every start, so that tests and people can come back to one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sip.gb28181.record_info import RecordItem

_TYPES = ("time", "time", "time", "alarm", "time", "manual")


@dataclass(frozen=True, slots=True)
class Timetable:
    """The recordings of every camera of a device."""

    wall: Callable[[], datetime]
    """Nothing is recorded later than now."""
    clip_s: int = 600
    gap_every: int = 7
    """One file of so many is missing."""
    keep_s: int = 7 * 86_400
    """Older recordings have been overwritten."""
    byte_rate: int = 40_000
    """Bytes a second, for FileSize and a=filesize."""

    def clips(self, channel: str, start: datetime, end: datetime) -> list[RecordItem]:
        """Return the files that touch [start, end), oldest first; the newest still grows."""
        now = self.wall()
        first = max(start, now - timedelta(seconds=self.keep_s)).timestamp()
        last = min(end, now).timestamp()
        shift = int(channel[-4:]) if channel[-4:].isdecimal() else 0
        found = []
        for index in range(int(first // self.clip_s), int(last // self.clip_s) + 1):
            begin, finish = index * self.clip_s, min((index + 1) * self.clip_s, now.timestamp())
            is_gap = (index + shift) % self.gap_every == 0
            if not is_gap and begin < last and finish > max(first, begin + 1):
                found.append(self._item(channel, index, begin, finish))
        return found

    def size_bytes(self, start: int, stop: int) -> int:
        """Return how large a download of this stretch is said to be."""
        return max(stop - start, 1) * self.byte_rate

    def _item(self, channel: str, index: int, begin: float, finish: float) -> RecordItem:
        start = datetime.fromtimestamp(int(begin), UTC)
        end = datetime.fromtimestamp(int(finish), UTC)
        return RecordItem(
            channel,
            start,
            end,
            name=f"{start:%Y%m%d%H%M%S}",
            file_path=f"/rec/{channel}/{start:%Y%m%d/%H%M%S}.ps",
            record_type=_TYPES[index % len(_TYPES)],
            size_bytes=self.size_bytes(int(begin), int(finish)),
        )
