"""Whose clock is wrong: devices stamp recordings and alarms with it (GB/T 28181-2022 9.10).

Read where a device tells its time: the Date of its requests, DeviceTime of a status answer.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, tzinfo

from sip.events import DeviceClockChecked
from sip.gb28181.clock import read_offset

MOST_DEVICES = 65_536


class ClockWatch:
    """Compares clocks; an event tells when one is found wrong, differently wrong, or right again.

    A clock that was right from the first is no news.
    """

    def __init__(
        self,
        tolerance_s: float,
        zone: tzinfo,
        emit: Callable[[DeviceClockChecked], None],
        wall: Callable[[], datetime],
    ) -> None:
        self._tolerance_s = tolerance_s
        self._zone = zone
        self._emit = emit
        self._wall = wall
        self._wrong: OrderedDict[str, float] = OrderedDict()
        """Devices with a wrong clock, and by how much it was when that was told."""

    def note(self, device_id: str, text: str | None) -> None:
        """Take a time that a known device told; text that is no time is passed over."""
        wall = self._wall()
        offset_s = read_offset(text, wall, self._zone) if text else None
        if offset_s is None:
            return
        told = self._wrong.get(device_id)
        is_wrong = abs(offset_s) > self._tolerance_s
        if is_wrong and told is not None and abs(offset_s - told) <= self._tolerance_s:
            return
        if not is_wrong and told is None:
            return
        self._wrong.pop(device_id, None)
        if is_wrong:
            self._wrong[device_id] = offset_s
            if len(self._wrong) > MOST_DEVICES:
                self._wrong.popitem(last=False)
        self._emit(DeviceClockChecked(device_id, offset_s, is_wrong, wall))

    def forget(self, device_id: str) -> None:
        """Drop a device that was deleted."""
        self._wrong.pop(device_id, None)

    def __len__(self) -> int:
        return len(self._wrong)
