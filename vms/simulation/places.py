"""What the cameras of a mine look at: the 36 kinds of place with names as mines write them."""

from dataclasses import dataclass

from stream_relay.scenery import Place

SURFACE, HAULAGE, FACES, ROOMS, ROADWAYS = "地面", "主运系统", "采掘工作面", "机电硐室", "井下巷道"
AREAS = (SURFACE, HAULAGE, FACES, ROOMS, ROADWAYS)
"""Virtual organisations of a mine, in the order of its catalogue."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """One camera position."""

    category: str
    """Prefix of its category, 01 to 36."""
    name: str
    area: str
    place: Place
    ptz_type: int = 3
    """GB/T 28181: 1 dome, 3 fixed."""


VIEWPOINTS = (
    Viewpoint("01", "地面工业广场", SURFACE, Place.YARD, 1),
    Viewpoint("02", "主井口", SURFACE, Place.SHAFT),
    Viewpoint("03", "副井口", SURFACE, Place.SHAFT),
    Viewpoint("04", "风井口", SURFACE, Place.SHAFT),
    Viewpoint("05", "调度室", SURFACE, Place.OFFICE),
    Viewpoint("06", "综采队班前会议室", SURFACE, Place.OFFICE),
    Viewpoint("07", "地面出入井通道", SURFACE, Place.ROADWAY),
    Viewpoint("08", "井底车场", ROADWAYS, Place.ROADWAY),
    Viewpoint("09", "跟班领导井下交接班地点", ROADWAYS, Place.ROADWAY),
    Viewpoint("10", "东翼辅助运输大巷", ROADWAYS, Place.ROADWAY),
    Viewpoint("11", "一采区辅助运输巷", ROADWAYS, Place.ROADWAY),
    Viewpoint("12", "3501采煤工作面出口", FACES, Place.ROADWAY),
    Viewpoint("13", "3501工作面回风隅角", FACES, Place.FACE, 1),
    Viewpoint("14", "3501采煤工作面超前支护", FACES, Place.FACE, 1),
    Viewpoint("15", "3501综采工作面10号支架", FACES, Place.FACE, 1),
    Viewpoint("15", "3501综采工作面50号支架", FACES, Place.FACE, 1),
    Viewpoint("15", "3501综采工作面90号支架", FACES, Place.FACE, 1),
    Viewpoint("15", "3501综采工作面130号支架", FACES, Place.FACE, 1),
    Viewpoint("16", "3502掘进工作面", FACES, Place.FACE, 1),
    Viewpoint("17", "3501运输顺槽中部", FACES, Place.BELT, 1),
    Viewpoint("18", "3501采煤工作面回风流T2", FACES, Place.ROADWAY, 1),
    Viewpoint("19", "主运胶带机头", HAULAGE, Place.BELT, 1),
    Viewpoint("20", "一采区机电硐室", ROOMS, Place.MACHINES),
    Viewpoint("21", "中央变电所", ROOMS, Place.MACHINES, 1),
    Viewpoint("22", "中央水泵房", ROOMS, Place.MACHINES, 1),
    Viewpoint("23", "井下煤仓上口", HAULAGE, Place.BELT, 1),
    Viewpoint("24", "永久避难硐室", ROOMS, Place.OFFICE, 1),
    Viewpoint("25", "3503大型设备安装作业点", FACES, Place.MACHINES, 1),
    Viewpoint("26", "二采区巷道维修点", ROADWAYS, Place.ROADWAY, 1),
    Viewpoint("27", "3503钻孔作业点", FACES, Place.FACE),
    Viewpoint("28", "3502局部通风机控制点", ROADWAYS, Place.MACHINES),
    Viewpoint("29", "主井提升机房", SURFACE, Place.MACHINES),
    Viewpoint("30", "主通风机房", SURFACE, Place.MACHINES),
    Viewpoint("31", "压风机房", SURFACE, Place.MACHINES),
    Viewpoint("32", "地面煤仓口", SURFACE, Place.YARD, 1),
    Viewpoint("33", "地面煤仓卸煤口", SURFACE, Place.YARD, 1),
    Viewpoint("34", "地面储煤场", SURFACE, Place.YARD, 1),
    Viewpoint("35", "地面机修车间", SURFACE, Place.MACHINES),
    Viewpoint("36", "污水处理站", SURFACE, Place.MACHINES),
)
"""All 36 categories; four cameras on the coal face, as the rules ask for."""
