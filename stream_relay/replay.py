"""A pretend recorder's playback: the scene of a past hour drawn again, at the asked-for speed.

The burnt-in clock shows the recorded time, so that everybody can see whether a seek arrived. Stamps
are those of the recording, not divided by the speed, as most recorders send them.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

import av
import numpy as np

from stream_relay.access_unit import TICKS_PER_SECOND, AccessUnit, Codec, Kind
from stream_relay.clip import open_encoder, tone_units
from stream_relay.packetizer import FaultyPath, MediaFaults, Packetizer
from stream_relay.scene import FRAME_RATE, Painter, find_font
from stream_relay.scenery import HEIGHT, WIDTH, Place
from stream_relay.simulator import MAX_LATENESS_S, MediaTarget, RtpSender

GROUP_S = 1.0
"""Recorded time of one group of pictures at speed 1."""
SAMPLE_TICKS = 8000
"""Samples of G.711 a second."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A recorded stretch, in seconds from the start of what was asked for."""

    start_s: float
    end_s: float


class RecordedScene:
    """What one camera recorded, from `start` on."""

    def __init__(
        self, title: str, place: Place, seed: int, start: datetime, codec: Codec = Codec.H264
    ) -> None:
        self.codec = codec
        self.audio: Codec | None = Codec.G711A
        self._painter: Painter | None = None
        self._scene = (title, place, seed)
        self._start = start

    def prepare(self) -> None:
        """Draw the background; blocks. Raises Unsupported without a font."""
        find_font()
        self._painter = Painter(*self._scene)

    def group(
        self, start_s: float, length_s: float, pictures: int, *, sound: bool
    ) -> list[AccessUnit]:
        """One group of pictures that begins with a key frame; blocks while it is encoded."""
        assert self._painter is not None, "prepared before"
        encoder = open_encoder(self.codec, WIDTH, HEIGHT, Fraction(FRAME_RATE), is_live=True)
        units: list[AccessUnit] = []
        for index in range(pictures):
            at_s = start_s + index * length_s / pictures
            ticks = round(at_s * TICKS_PER_SECOND)
            image = self._painter.paint(
                (self._start.timestamp() + at_s) % 86_400, self._start + timedelta(seconds=at_s)
            )
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE)
            units += [
                AccessUnit(Kind.VIDEO, self.codec, ticks, ticks, packet.is_keyframe, bytes(packet))
                for packet in encoder.encode(frame)
            ]
        if sound:
            end = round((start_s + length_s) * TICKS_PER_SECOND)
            units += tone_units(end, round(start_s * 25) * SAMPLE_TICKS // 25)
        return sorted(units, key=lambda unit: unit.dts_ticks)


class ReplaySender(RtpSender):
    """Sends a recording; `run` returns at its end. The other methods take effect at once."""

    def __init__(
        self,
        recording: RecordedScene,
        stretches: Sequence[Stretch],
        target: MediaTarget,
        *,
        chance: random.Random,
        faults: MediaFaults | None = None,
        scale: float = 1.0,
        is_download: bool = False,
    ) -> None:
        """`stretches` are sorted; without one nothing is sent. A download sends every picture."""
        super().__init__(recording, target, chance=chance, faults=faults)
        self.position_s = stretches[0].start_s if stretches else 0.0
        self._recording = recording
        self._stretches = tuple(stretches)
        self._scale = scale
        self._is_download = is_download
        self._is_held = False
        self._changed = asyncio.Event()

    def pause(self) -> None:
        """Send nothing until `play`."""
        self._is_held = True
        self._changed.set()

    def play(self, scale: float | None = None, position_s: float | None = None) -> None:
        """Go on, from another place or at another speed where they are given."""
        self._is_held = False
        self._scale = scale or self._scale
        self.position_s = self.position_s if position_s is None else position_s
        self._changed.set()

    def stop(self) -> None:
        """Be at the end."""
        self._stretches = ()
        self._changed.set()

    async def _stream(self) -> None:
        await asyncio.to_thread(self._recording.prepare)
        packetizer, path = self._packetizer(), self._path()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while (place := self._next_place()) is not None:
            self._changed.clear()
            if self._is_held:
                await self._changed.wait()
                due = loop.time()
                continue
            begin_s, length_s = place
            units = await asyncio.to_thread(
                self._recording.group,
                begin_s,
                length_s,
                self._pictures(length_s),
                sound=self._is_download or self._scale == 1,
            )
            due = max(due, loop.time() - MAX_LATENESS_S)
            if await self._send_group(units, begin_s, due, packetizer, path):
                due += length_s / abs(self._scale)
                self.position_s = begin_s if self._scale < 0 else begin_s + length_s
            else:
                due = loop.time()

    async def _send_group(
        self,
        units: list[AccessUnit],
        begin_s: float,
        due: float,
        packetizer: Packetizer,
        path: FaultyPath,
    ) -> bool:
        """Send a group from `due` (loop time) on; False where a command came in between."""
        loop = asyncio.get_running_loop()
        scale, position_s = self._scale, self.position_s
        for unit in units:
            unit_s = unit.dts_ticks / TICKS_PER_SECOND
            wait_s = due + (unit_s - begin_s) / abs(scale) - loop.time()
            if self._changed.is_set() or (wait_s > 0 and await self._is_disturbed(wait_s)):
                if self.position_s == position_s and scale > 0:
                    self.position_s = max(unit_s, position_s)
                return False
            await self._send(list(path.passed(packetizer.packets(unit))))
        return True

    async def _is_disturbed(self, wait_s: float) -> bool:
        """Wait for the moment of a picture; whether a command came meanwhile."""
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _pictures(self, length_s: float) -> int:
        """Fast playback leaves pictures out, as recorders do; a download leaves out none."""
        speed = 1.0 if self._is_download else max(abs(self._scale), 1.0)
        return max(1, round(length_s * FRAME_RATE / speed))

    def _next_place(self) -> tuple[float, float] | None:
        """Start and length of the next group; None at the end of what is recorded."""
        full_s = GROUP_S * (1.0 if self._is_download else max(abs(self._scale), 1.0))
        position = self.position_s
        if self._scale < 0:
            for stretch in reversed(self._stretches):
                if stretch.start_s < position:
                    end_s = min(position, stretch.end_s)
                    begin_s = max(stretch.start_s, end_s - full_s)
                    return begin_s, end_s - begin_s
            return None
        for stretch in self._stretches:
            if position < stretch.end_s - 0.001:
                begin_s = max(position, stretch.start_s)
                return begin_s, min(full_s, stretch.end_s - begin_s)
        return None
