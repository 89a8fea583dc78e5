"""Cameras that turn, and devices that are told to do something, in memory."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.web.records import CHANNEL, DEVICE, NOON, OTHER
from vms.errors import Conflict, Invalid, NotFound
from vms.records import (
    ConfigField,
    ConfigReading,
    ConfigView,
    CruiseRoute,
    CruiseTrack,
    Frame,
    HomePosition,
    Identity,
    OrderState,
    PresetView,
    PtzPosition,
    PtzStatus,
    SnapshotOrder,
    SnapshotView,
    Steering,
    StorageCard,
    UpgradeView,
)

TOKEN = "t" * 43
SESSION = "5" * 32
PICTURE = f"{CHANNEL}-20261120T040000000000-0123abcd.jpg"


def check(code: str) -> None:
    """OTHER is a fixed camera, everything else but CHANNEL is unknown."""
    if code == OTHER:
        raise Conflict("ptz_missing")
    if code != CHANNEL:
        raise NotFound("channel", code)


class FakePtz:
    def __init__(self) -> None:
        self.moves: list[Steering] = []
        self.holder = ""
        self.error: Exception | None = None

    async def status(self, code: str) -> PtzStatus:
        if code not in (CHANNEL, OTHER):
            raise NotFound("channel", code)
        return PtzStatus(code, code != OTHER, self.holder, is_moving=bool(self.moves))

    async def steer(
        self, who: Identity, code: str, steering: Steering, *, lease_s: float | None = None
    ) -> PtzStatus:
        check(code)
        if self.error is not None:
            raise self.error
        if self.holder not in ("", who.username):
            raise Conflict("ptz_held", holder=self.holder)
        began = not self.moves
        self.holder = who.username
        self.moves = [] if steering.is_stop else [*self.moves, steering]
        return replace(await self.status(code), began=began and not steering.is_stop)

    async def lock(self, who: Identity, code: str, seconds: float) -> PtzStatus:
        check(code)
        self.holder = who.username
        return PtzStatus(code, True, self.holder, NOON, True)

    async def release(self, who: Identity, code: str) -> PtzStatus:
        check(code)
        self.holder = ""
        return PtzStatus(code, True)


class FakePtzMemory:
    def __init__(self) -> None:
        self.kept = {1: "Gate"}
        self.done: list[tuple[Any, ...]] = []

    async def presets(self, code: str) -> tuple[PresetView, ...]:
        check(code)
        return tuple(PresetView(*pair) for pair in sorted(self.kept.items()))

    async def save_preset(self, who: Identity, code: str, number: int, name: str) -> PresetView:
        check(code)
        self.kept[number] = name
        return PresetView(number, name)

    async def call_preset(self, who: Identity, code: str, number: int) -> None:
        check(code)
        self.done.append(("call", number))

    async def delete_preset(self, who: Identity, code: str, number: int) -> None:
        check(code)
        self.kept.pop(number, None)

    async def cruises(self, code: str) -> tuple[CruiseTrack, ...]:
        check(code)
        return (CruiseTrack(0, "Yard"),)

    async def cruise(self, code: str, number: int) -> CruiseRoute:
        check(code)
        return CruiseRoute(number, "Yard")

    async def save_cruise(
        self,
        who: Identity,
        code: str,
        number: int,
        *,
        name: str,
        stops: Iterable[int],
        stay_s: int,
        speed: int,
    ) -> None:
        check(code)
        self.done.append(("cruise", number, name, list(stops), stay_s, speed))

    async def start_cruise(self, who: Identity, code: str, number: int) -> None:
        check(code)
        self.done.append(("start", number))

    async def delete_cruise(self, who: Identity, code: str, number: int) -> None:
        check(code)

    async def scan(
        self, who: Identity, code: str, number: int, action: str, speed: int = 0
    ) -> None:
        check(code)
        self.done.append(("scan", number, action, speed))

    async def switch(self, who: Identity, code: str, number: int, *, on: bool) -> None:
        check(code)
        self.done.append(("switch", number, on))

    async def home(self, code: str) -> HomePosition:
        check(code)
        return HomePosition(True, 60, 1)

    async def set_home(self, who: Identity, code: str, home: HomePosition) -> None:
        check(code)
        self.done.append(("home", home))

    async def zoom_to(self, who: Identity, code: str, frame: Frame, *, is_in: bool) -> None:
        check(code)
        self.done.append(("zoom", frame, is_in))

    async def position(self, code: str) -> PtzPosition:
        check(code)
        return PtzPosition(120.5, -5.0, 4.0)

    async def go(
        self,
        who: Identity,
        code: str,
        *,
        pan: float | None = None,
        tilt: float | None = None,
        zoom: float | None = None,
    ) -> None:
        check(code)
        self.done.append(("go", pan, tilt, zoom))

    async def track(
        self, who: Identity, code: str, mode: str, *, panorama: str = "", area: Frame | None = None
    ) -> None:
        check(code)
        self.done.append(("track", mode, panorama, area))


class FakeDeviceControl:
    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.upgraded: UpgradeView | None = None

    def _note(self, device_id: str, *what: Any) -> None:
        if device_id not in (DEVICE, CHANNEL, OTHER):
            raise NotFound("device", device_id)
        self.done.append(what)

    async def record(self, code: str, *, on: bool) -> None:
        self._note(code, "record", on)

    async def request_key_frame(self, code: str) -> None:
        self._note(code, "key frame")

    async def guard(self, device_id: str, *, on: bool, target: str = "") -> None:
        self._note(device_id, "guard", on, target)

    async def reset_alarm(
        self, device_id: str, *, target: str = "", method: str = "", alarm_type: str = ""
    ) -> None:
        self._note(device_id, "reset", target, method, alarm_type)

    async def reboot(self, device_id: str) -> None:
        self._note(device_id, "reboot")

    async def cards(self, device_id: str) -> tuple[StorageCard, ...]:
        self._note(device_id, "cards")
        return (StorageCard(1, "sd1", "ok", None, 100, 0),)

    async def format_card(self, device_id: str, number: int) -> None:
        raise Conflict("edition_too_old", command="FormatSDCard", gb_version="2.0")

    async def upgrade(
        self, device_id: str, *, firmware: str, url: str, manufacturer: str = ""
    ) -> UpgradeView:
        self._note(device_id, "upgrade", firmware, url, manufacturer)
        self.upgraded = UpgradeView(device_id, SESSION, firmware, OrderState.RUNNING, NOON)
        return self.upgraded

    async def upgrade_of(self, device_id: str) -> UpgradeView | None:
        if device_id not in (DEVICE, OTHER):
            raise NotFound("device", device_id)
        return self.upgraded


class FakeDeviceConfig:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def read_channel(
        self, code: str, types: Iterable[str] = (), *, forced: bool = False
    ) -> ConfigReading:
        if "BasicParam" in types and not forced:
            raise Conflict("config_restarts", command="BasicParam")
        self.asked = list(types)
        fields = (ConfigField("mode", "number", 0, 3),)
        return ConfigReading(
            (ConfigView("FrameMirror", {"mode": 1}, fields),), ("OSDConfig",), ("BasicParam",)
        )

    async def read_device(
        self, device_id: str, types: Iterable[str] = (), *, forced: bool = False
    ) -> ConfigReading:
        return ConfigReading((), ())

    async def write_channel(
        self, code: str, type_name: str, values: Mapping[str, object], *, forced: bool = False
    ) -> ConfigView:
        if type_name != "FrameMirror":
            raise NotFound("config_type", type_name)
        if values.get("mode") not in (0, 1, 2, 3):
            raise Invalid("mode", "out_of_range")
        return ConfigView(type_name, dict(values), ())

    async def write_device(
        self, device_id: str, type_name: str, values: Mapping[str, object], *, forced: bool = False
    ) -> ConfigView:
        raise NotFound("config_type", type_name)


class FakeSnapshots:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.taken: list[bytes] = []

    async def order(self, code: str, *, count: int = 1, interval_s: int = 1) -> SnapshotOrder:
        if code != CHANNEL:
            raise NotFound("channel", code)
        return SnapshotOrder(SESSION, code, count, OrderState.RUNNING)

    async def order_of(self, code: str, session_id: str) -> SnapshotOrder:
        if session_id != SESSION:
            raise NotFound("snapshot_order", session_id)
        return SnapshotOrder(SESSION, code, 1, OrderState.DONE, (PICTURE,))

    async def receive(self, token: str, pieces: AsyncIterator[bytes]) -> None:
        if token != TOKEN:
            raise NotFound("upload", "")
        picture = b"".join([piece async for piece in pieces])
        if not picture.startswith(b"\xff\xd8\xff"):
            raise Invalid("picture", "not_jpeg")
        self.taken.append(picture)

    async def pictures(self, code: str) -> tuple[SnapshotView, ...]:
        return (SnapshotView(PICTURE, code, NOON, 9),)

    async def picture_path(self, name: str) -> Path:
        if name != PICTURE:
            raise NotFound("picture", name)
        return self.data / "1.jpg"
