"""What a head remembers: presets (预置位), cruises (巡航), scans (扫描), home (看守位)."""

from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field

from vms.records import HomePosition
from web.api.ptz import PROBLEMS, PROBLEMS_2022
from web.api.wire import Body, GbCode, ListOf, Name, Text, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("presets", "Presets, cruises, scans and the home position of a camera.")
PresetNumber = Annotated[int, Field(ge=1, le=255)]
GroupNumber = Annotated[int, Field(ge=0, le=255)]


class Preset(Wire):
    """One preset position."""

    number: int
    name: str


class PresetList(ListOf[Preset]):
    """All presets of a camera."""


class PresetName(Body):
    """What a preset is called."""

    name: Name


class Cruise(Wire):
    """One cruise."""

    number: int
    name: Text


class CruiseList(ListOf[Cruise]):
    """All cruises of a camera."""


class CruiseStop(Wire):
    """A stop of a cruise."""

    preset: int
    stay_s: int
    speed: int


class CruiseRoute(Cruise):
    """A cruise with its stops."""

    points: list[CruiseStop]


class CruiseDraft(Body):
    """A cruise over presets, in this order."""

    name: Name
    presets: list[PresetNumber] = Field(min_length=1, max_length=32)
    stay_s: int = Field(10, ge=1, le=4095)
    """Time at each preset."""
    speed: int = Field(8, ge=1, le=4095)


class Scan(Body):
    """Begin to scan, or set its edges where the camera looks now, or its speed."""

    action: Literal["start", "left", "right", "speed"]
    speed: int = Field(0, ge=0, le=4095)


class Home(Body):
    """Where a camera returns to when nobody moves it."""

    enabled: bool
    reset_s: int = Field(60, ge=1, le=86_400)
    preset: int = Field(1, ge=1, le=255)


class HomeView(Wire):
    """The same as the device tells it."""

    enabled: bool
    reset_s: int | None
    preset: int | None


@resource.route(
    "GET",
    "/channels/{code}/presets",
    summary="List presets",
    permission=Permission.WATCH,
    problems=PROBLEMS,
)
async def list_presets(call: Call, code: GbCode) -> PresetList:
    """Ask the device; names given here come before its own."""
    found = await call.services.ptz_memory.presets(code)
    return PresetList(items=[Preset.model_validate(each) for each in found])


@resource.route(
    "PUT",
    "/channels/{code}/presets/{number}",
    summary="Save where a camera looks",
    permission=Permission.OPERATE,
    problems=PROBLEMS,
)
async def save_preset(call: Call, code: GbCode, number: PresetNumber, body: PresetName) -> Preset:
    """Keep the present position under a number and a name."""
    saved = await call.services.ptz_memory.save_preset(call.identity, code, number, body.name)
    return Preset.model_validate(saved)


@resource.route(
    "POST",
    "/channels/{code}/presets/{number}/call",
    summary="Turn to a preset",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS,
)
async def call_preset(call: Call, code: GbCode, number: PresetNumber) -> None:
    """Turn there."""
    await call.services.ptz_memory.call_preset(call.identity, code, number)


@resource.route(
    "DELETE",
    "/channels/{code}/presets/{number}",
    summary="Delete a preset",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS,
)
async def delete_preset(call: Call, code: GbCode, number: PresetNumber) -> None:
    """Forget it, in the device and here."""
    await call.services.ptz_memory.delete_preset(call.identity, code, number)


@resource.route(
    "GET",
    "/channels/{code}/cruises",
    summary="List cruises",
    permission=Permission.WATCH,
    problems=PROBLEMS_2022,
)
async def list_cruises(call: Call, code: GbCode) -> CruiseList:
    """Ask the device (2022)."""
    found = await call.services.ptz_memory.cruises(code)
    return CruiseList(items=[Cruise.model_validate(each) for each in found])


@resource.route(
    "GET",
    "/channels/{code}/cruises/{number}",
    summary="Show a cruise",
    permission=Permission.WATCH,
    problems=PROBLEMS_2022,
)
async def show_cruise(call: Call, code: GbCode, number: GroupNumber) -> CruiseRoute:
    """Ask the device for its stops (2022)."""
    return CruiseRoute.model_validate(await call.services.ptz_memory.cruise(code, number))


@resource.route(
    "PUT",
    "/channels/{code}/cruises/{number}",
    summary="Make a cruise",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS,
)
async def save_cruise(call: Call, code: GbCode, number: GroupNumber, body: CruiseDraft) -> None:
    """Put it in the place of the cruise with this number."""
    await call.services.ptz_memory.save_cruise(
        call.identity,
        code,
        number,
        name=body.name,
        stops=body.presets,
        stay_s=body.stay_s,
        speed=body.speed,
    )


@resource.route(
    "POST",
    "/channels/{code}/cruises/{number}/start",
    summary="Start a cruise",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS,
)
async def start_cruise(call: Call, code: GbCode, number: GroupNumber) -> None:
    """Begin; any stop of the camera ends it."""
    await call.services.ptz_memory.start_cruise(call.identity, code, number)


@resource.route(
    "DELETE",
    "/channels/{code}/cruises/{number}",
    summary="Delete a cruise",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS,
)
async def delete_cruise(call: Call, code: GbCode, number: GroupNumber) -> None:
    """Take it out of the device."""
    await call.services.ptz_memory.delete_cruise(call.identity, code, number)


@resource.route(
    "POST",
    "/channels/{code}/scans/{number}",
    summary="Work a scan",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=PROBLEMS,
)
async def work_scan(call: Call, code: GbCode, number: GroupNumber, body: Scan) -> None:
    """Begin to scan between two edges, or set an edge or the speed; any stop ends it."""
    await call.services.ptz_memory.scan(call.identity, code, number, body.action, body.speed)


@resource.route(
    "GET",
    "/channels/{code}/home",
    summary="Show the home position",
    permission=Permission.WATCH,
    problems=PROBLEMS_2022,
)
async def show_home(call: Call, code: GbCode) -> HomeView:
    """Ask the device (2022)."""
    home = await call.services.ptz_memory.home(code)
    return HomeView(enabled=home.is_enabled, reset_s=home.reset_s, preset=home.preset)


@resource.route(
    "PUT",
    "/channels/{code}/home",
    summary="Set the home position",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=(*PROBLEMS, "device_silent", "home_preset_ignored"),
)
async def set_home(call: Call, code: GbCode, body: Home) -> None:
    """Let it return to a preset when nobody moves it, or no longer."""
    home = HomePosition(body.enabled, body.reset_s, body.preset)
    await call.services.ptz_memory.set_home(call.identity, code, home)
