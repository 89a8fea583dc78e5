"""Pretend mines: per mine one box with its cameras, codes, names and organisations.

Pure: the same arguments give the same mines, so that a second start meets the same registry.
"""

from dataclasses import dataclass

from channel_registry.codes import ChannelCode
from sip.simulator.profile import SimulatedChannel, SimulatedOrganisation
from vms.simulation.places import AREAS, VIEWPOINTS, Viewpoint

MINES = (
    ("福安", "140421"), ("永昌", "140423"), ("宏远", "140425"), ("兴泰", "140426"),
    ("长青", "140427"), ("盛源", "140428"), ("鑫达", "140429"), ("同泰", "140430"),
    ("龙泉", "140431"), ("晋丰", "140481"),
)  # fmt: skip
"""Short names of mines that do not exist, in counties that do (GB/T 2260)."""

INDUSTRY_MINING = "41"
NETWORK_INDUSTRY = "2"
TYPE_NVR, TYPE_CAMERA, TYPE_SPEAKER, TYPE_GROUP, TYPE_ORGANISATION = 118, 132, 137, 215, 216
FULL_MINE = len(VIEWPOINTS)


@dataclass(frozen=True, slots=True)
class MineCamera:
    """One camera: what the catalogue says, and what it looks at."""

    channel: SimulatedChannel
    viewpoint: Viewpoint
    seed: int
    """Tells its picture from all others."""


@dataclass(frozen=True, slots=True)
class MineBox:
    """The aggregation box (AI视频汇聚上传设备) of one mine."""

    device_id: str
    name: str
    cameras: tuple[MineCamera, ...]
    organisations: tuple[SimulatedOrganisation, ...]
    speakers: tuple[SimulatedChannel, ...] = ()
    """Loudspeakers (137): they hear broadcasts and have no picture."""

    @property
    def channels(self) -> tuple[SimulatedChannel, ...]:
        """What its catalogue lists."""
        return (*(camera.channel for camera in self.cameras), *self.speakers)


def build_mines(boxes: int, channels: int = FULL_MINE, speakers: int = 0) -> tuple[MineBox, ...]:
    """So many mines with so many cameras and loudspeakers each; any number of all."""
    return tuple(_build_box(index, channels, speakers) for index in range(boxes))


def _code(centre: str, type_number: int, serial: int) -> str:
    return str(
        ChannelCode.build(
            centre=centre,
            type_number=type_number,
            serial=serial,
            industry=INDUSTRY_MINING,
            network=NETWORK_INDUSTRY,
        )
    )


def _build_box(index: int, channels: int, speakers: int) -> MineBox:
    name, centre = MINES[index % len(MINES)]
    turn = index // len(MINES)
    if turn:
        name += f"{turn + 1}号"
    device_id = _code(centre, TYPE_NVR, turn + 1)
    group = _code(centre, TYPE_GROUP, turn + 1)
    areas = {
        area: _code(centre, TYPE_ORGANISATION, turn * 10 + n) for n, area in enumerate(AREAS, 1)
    }
    organisations = [SimulatedOrganisation(group, f"{name}煤矿", parent_id=device_id)]
    organisations += [
        SimulatedOrganisation(code, area, business_group_id=group) for area, code in areas.items()
    ]
    cameras = tuple(
        MineCamera(
            SimulatedChannel(
                _code(centre, TYPE_CAMERA, turn * 10_000 + number),
                f"{name}矿{title}",
                organisation_id=areas[viewpoint.area],
                civil_code=centre,
                ptz_type=viewpoint.ptz_type,
                address=f"{name}煤矿{viewpoint.area}",
            ),
            viewpoint,
            seed=index * 100_003 + number,
        )
        for number, (viewpoint, title) in enumerate(_viewpoints(channels), 1)
    )
    sounding = tuple(
        SimulatedChannel(
            _code(centre, TYPE_SPEAKER, turn * 10_000 + number),
            f"{name}矿{number}号广播喇叭",
            organisation_id=next(iter(areas.values())),
            civil_code=centre,
            ptz_type=None,
        )
        for number in range(1, speakers + 1)
    )
    return MineBox(
        device_id, f"{name}煤矿视频汇聚上传设备", cameras, tuple(organisations), sounding
    )


def _viewpoints(count: int) -> list[tuple[Viewpoint, str]]:
    """So many places with titles of their own.

    Fewer than all are spread over the list, so that a small mine still shows different places;
    more begin again with a number behind the name.
    """
    if count < FULL_MINE:
        chosen = [VIEWPOINTS[index * FULL_MINE // max(count, 1)] for index in range(count)]
        return [(viewpoint, viewpoint.name) for viewpoint in chosen]
    titled = []
    for index in range(count):
        viewpoint, turn = VIEWPOINTS[index % FULL_MINE], index // FULL_MINE
        titled.append((viewpoint, f"{viewpoint.name}{turn + 1}号" if turn else viewpoint.name))
    return titled
