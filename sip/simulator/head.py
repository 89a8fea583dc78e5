"""A pretend head that can turn: position, zoom, presets, cruises, scan, home.

Where it looks is computed from the last command and the time, so nothing has to tick. Angles are
degrees, pan 0 to 360 to the right, tilt -30 to 90 downward (GB/T 28181-2022 A.2.3.1.11).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sip.gb28181 import ptz
from sip.gb28181.control import Frame, HomePosition
from sip.gb28181.presets import NamedPreset
from sip.gb28181.ptz_queries import CruisePoint, CruiseRoute, CruiseTrack, PtzPosition

LOWEST_TILT, HIGHEST_TILT = -30.0, 90.0
LONGEST_ZOOM = 20.0
WIDE_ANGLES = 60.0, 34.0
"""Horizontal and vertical field of view at zoom 1."""
FASTEST_TURN = 90.0
"""Degrees in a second at speed FFH."""
SLOWEST_TURN_SHARE = 0.05
ZOOM_RATE = 0.15, 1.2
"""Share by which the zoom grows in a second, slowest and fastest."""
JOURNEY_S = 0.8
"""How long it takes to any preset."""
SCAN_SPEED = 20.0
DWELL_S = 5
VIEW_DISTANCE_M = 150.0


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a head looks."""

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 1.0

    def clamped(self) -> "Aim":
        """The nearest that the head can do; pan goes round and round."""
        return Aim(
            self.pan % 360.0,
            min(max(self.tilt, LOWEST_TILT), HIGHEST_TILT),
            min(max(self.zoom, 1.0), LONGEST_ZOOM),
        )

    def toward(self, other: "Aim", share: float) -> "Aim":
        """A point on the way, the short way round."""
        turn = (other.pan - self.pan + 180.0) % 360.0 - 180.0
        return Aim(
            self.pan + turn * share,
            self.tilt + (other.tilt - self.tilt) * share,
            self.zoom + (other.zoom - self.zoom) * share,
        ).clamped()


@dataclass(slots=True)
class _Cruise:
    presets: list[int] = field(default_factory=list)
    dwell_s: int = DWELL_S
    speed: int = 8
    name: str = ""


@dataclass(slots=True)
class _Edges:
    left: float = 300.0
    right: float = 60.0
    speed: float = SCAN_SPEED


Motion = Callable[[float], Aim]
"""Seconds since it began to where it looks."""


class PtzHead:
    """One head; every method takes `now`, monotonic seconds."""

    def __init__(self) -> None:
        self.lens = ptz.STOP_LENS
        """The last command to focus and iris."""
        self.switched_on: set[int] = set()
        """Auxiliary switches: wiper, lamp."""
        self.tracking = "Stop"
        self.home = HomePosition(False)
        self._presets: dict[int, tuple[str, Aim]] = {}
        self._cruises: dict[int, _Cruise] = {}
        self._edges: dict[int, _Edges] = {}
        self._began = 0.0
        self._motion: Motion = lambda _: Aim()
        self._is_idle = True

    # Where it looks

    def aim(self, now: float) -> Aim:
        """Where it looks now; nobody having moved it for long enough, home."""
        elapsed = max(0.0, now - self._began)
        aim = self._motion(elapsed).clamped()
        home = self.home
        target = self._presets.get(home.preset) if home.preset is not None else None
        if not home.is_enabled or target is None or not self._is_idle:
            return aim
        away = elapsed - (home.reset_s or 0)
        return aim if away < 0 else aim.toward(target[1], min(1.0, away / JOURNEY_S))

    def position(self, now: float) -> PtzPosition:
        """The answer to PTZPosition."""
        aim = self.aim(now)
        across, down = WIDE_ANGLES
        return PtzPosition(
            aim.pan, aim.tilt, aim.zoom, across / aim.zoom, down / aim.zoom, VIEW_DISTANCE_M
        )

    # What it keeps

    def presets(self) -> tuple[NamedPreset, ...]:
        """All positions that were set."""
        return tuple(NamedPreset(n, name) for n, (name, _) in sorted(self._presets.items()))

    def cruises(self) -> tuple[CruiseTrack, ...]:
        """All cruises that have a point."""
        return tuple(CruiseTrack(n, cruise.name) for n, cruise in sorted(self._cruises.items()))

    def cruise(self, number: int) -> CruiseRoute | None:
        """One cruise."""
        cruise = self._cruises.get(number)
        if cruise is None:
            return None
        points = [CruisePoint(each, cruise.dwell_s, cruise.speed) for each in cruise.presets]
        return CruiseRoute(number, cruise.name, tuple(points))

    # What it obeys

    def obey(self, command: ptz.PtzCommand, now: float) -> None:
        """Do what PTZCmd says."""
        match command:
            case ptz.Move():
                self._move(command, now)
            case ptz.Lens():
                self.lens = command
            case ptz.Preset():
                self._work_preset(command, now)
            case ptz.Cruise():
                self._work_cruise(command, now)
            case ptz.Scan():
                self._work_scan(command, now)
            case ptz.Auxiliary(number=number, is_on=True):
                self.switched_on.add(number)
            case ptz.Auxiliary(number=number):
                self.switched_on.discard(number)

    def name(self, command: str, preset_name: str, cruise_name: str) -> None:
        """Give the preset or cruise of a PTZCmd just obeyed its name (PTZCmdParams)."""
        match ptz.decode(command):
            case ptz.Preset(ptz.PresetAction.SET, number) if preset_name:
                self._presets[number] = (preset_name, self._presets[number][1])
            case ptz.Cruise(group=group) if cruise_name and group in self._cruises:
                self._cruises[group].name = cruise_name

    def go(self, aim: Aim, now: float) -> None:
        """Turn to a position within JOURNEY_S."""
        start, end = self.aim(now), aim.clamped()
        self._begin(lambda t: start.toward(end, min(1.0, t / JOURNEY_S)), now)

    def go_precisely(
        self, pan: float | None, tilt: float | None, zoom: float | None, now: float
    ) -> None:
        """Turn the axes that are given (PTZPreciseCtrl)."""
        aim = self.aim(now)
        self.go(
            Aim(
                aim.pan if pan is None else pan,
                aim.tilt if tilt is None else tilt,
                aim.zoom if zoom is None else zoom,
            ),
            now,
        )

    def zoom_to(self, frame: Frame, now: float, *, is_in: bool) -> None:
        """Centre a rectangle and let it fill the picture, or the picture it (DragZoom)."""
        aim = self.aim(now)
        across, down = (angle / aim.zoom for angle in WIDE_ANGLES)
        factor = max(frame.length_x / frame.width, frame.length_y / frame.height)
        pan = aim.pan + (frame.mid_x / frame.width - 0.5) * across
        tilt = aim.tilt + (frame.mid_y / frame.height - 0.5) * down
        self.go(Aim(pan, tilt, aim.zoom / factor if is_in else aim.zoom * factor), now)

    # Inside

    def _begin(self, motion: Motion, now: float, *, is_idle: bool = True) -> None:
        self._motion, self._began, self._is_idle = motion, now, is_idle

    def _move(self, move: ptz.Move, now: float) -> None:
        start = self.aim(now)
        pan = move.pan * _turn(move.pan_speed)
        tilt = -move.tilt * _turn(move.tilt_speed)
        slow, fast = ZOOM_RATE
        rate = move.zoom * (slow + (fast - slow) * move.zoom_speed / ptz.FASTEST_ZOOM)

        def drift(t: float) -> Aim:
            # Beyond the longest zoom nothing changes any more, and powers would grow without end.
            zoom = start.zoom * (1 + abs(rate)) ** (min(t, 60.0) * (1 if rate > 0 else -1))
            return Aim(start.pan + pan * t, start.tilt + tilt * t, zoom if rate else start.zoom)

        self._begin(drift, now, is_idle=move.is_stop)

    def _work_preset(self, command: ptz.Preset, now: float) -> None:
        number = command.number
        match command.action:
            case ptz.PresetAction.SET:
                kept = self._presets.get(number, ("", Aim()))[0]
                self._presets[number] = (kept or f"预置位{number}", self.aim(now))
            case ptz.PresetAction.CALL:
                if number in self._presets:
                    self.go(self._presets[number][1], now)
            case ptz.PresetAction.DELETE:
                self._presets.pop(number, None)

    def _work_cruise(self, command: ptz.Cruise, now: float) -> None:
        group, value = command.group, command.value
        if command.action is ptz.CruiseAction.DELETE:
            self._delete_cruise(group, value)
            return
        if command.action is ptz.CruiseAction.START:
            if group in self._cruises:
                self._tour(self._cruises[group], now)
            return
        cruise = self._cruises.setdefault(group, _Cruise(name=f"巡航{group}"))
        match command.action:
            case ptz.CruiseAction.ADD:
                cruise.presets.append(value)
            case ptz.CruiseAction.SPEED:
                cruise.speed = value
            case ptz.CruiseAction.DWELL:
                cruise.dwell_s = value

    def _delete_cruise(self, group: int, preset: int) -> None:
        cruise = self._cruises.get(group)
        if cruise is None:
            return
        if preset in cruise.presets:
            cruise.presets.remove(preset)
        if preset == 0 or not cruise.presets:
            del self._cruises[group]

    def _tour(self, cruise: _Cruise, now: float) -> None:
        stops = [self._presets[n][1] for n in cruise.presets if n in self._presets]
        if not stops:
            return
        start, leg_s = self.aim(now), JOURNEY_S + cruise.dwell_s

        def tour(t: float) -> Aim:
            index = int(t // leg_s)
            before = start if index == 0 else stops[(index - 1) % len(stops)]
            return before.toward(stops[index % len(stops)], min(1.0, t % leg_s / JOURNEY_S))

        self._begin(tour, now, is_idle=False)

    def _work_scan(self, command: ptz.Scan, now: float) -> None:
        edges = self._edges.setdefault(command.group, _Edges())
        match command.action:
            case ptz.ScanAction.LEFT_EDGE:
                edges.left = self.aim(now).pan
            case ptz.ScanAction.RIGHT_EDGE:
                edges.right = self.aim(now).pan
            case ptz.ScanAction.SPEED:
                edges.speed = max(1.0, FASTEST_TURN * command.value / ptz.HIGHEST_SPEED)
            case ptz.ScanAction.START:
                self._sweep(edges, now)

    def _sweep(self, edges: _Edges, now: float) -> None:
        """From the right edge to the left and back (A.3.6)."""
        start, span = self.aim(now), (edges.right - edges.left) % 360.0 or 360.0
        leg_s = span / edges.speed

        def sweep(t: float) -> Aim:
            share = t / leg_s % 2.0
            back = share if share < 1 else 2 - share
            return Aim(edges.right - span * back, start.tilt, start.zoom)

        self._begin(sweep, now, is_idle=False)


def _turn(speed: int) -> float:
    """Degrees in a second for a speed of 0 to 255; even the slowest turns."""
    return FASTEST_TURN * max(SLOWEST_TURN_SHARE, speed / ptz.FASTEST)
