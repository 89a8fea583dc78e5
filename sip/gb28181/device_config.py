"""DeviceConfig and ConfigDownload: what can be set in a device (GB/T 28181-2022 9.5.3, A.2.3.2).

Every configuration type of both editions is a dataclass; a type we do not know is carried as a
generic tree, read and written back as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sip.gb28181.config_fields import (
    Block,
    Tree,
    decimal,
    flag,
    group,
    many,
    number,
    read_block,
    read_tree,
    text,
    write_block,
    write_tree,
)
from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope
from sip.gb28181.question import QueryFailed, Question, ask_once, read_result

DOWNLOAD = "ConfigDownload"
CONFIG = "DeviceConfig"
MOST_TYPES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicParam(Block):
    """Name, registration and heartbeat; absurd heartbeats of a device are moved into bounds."""

    name: str | None = text("Name")
    expiration_s: int | None = number("Expiration", 60, 2_592_000)
    heartbeat_interval_s: int | None = number("HeartBeatInterval", 5, 600, is_clamped=True)
    heartbeat_count: int | None = number("HeartBeatCount", 1, 10, is_clamped=True)
    position_capability: int | None = number("PositionCapability", 0, 2)
    """2016: 0 none, 1 GPS, 2 BeiDou."""
    longitude: float | None = decimal("Longitude", -180, 180)
    latitude: float | None = decimal("Latitude", -90, 90)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoParamOpt(Block):
    """What a device can do, values joined by `/`."""

    download_speed: str | None = text("DownloadSpeed")
    resolution: str | None = text("Resolution")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionOfInterest(Block):
    """A region that SVAC encodes better."""

    seq: int | None = number("ROISeq", 1, 16)
    top_left: int | None = number("TopLeft")
    bottom_right: int | None = number("BottomRight")
    quality: int | None = number("ROIQP", 0, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiParam(Block):
    """Regions of interest of SVAC."""

    is_on: bool | None = flag("ROIFlag")
    regions: tuple[RegionOfInterest, ...] = many(
        "Item", RegionOfInterest, 16, count_element="ROINumber"
    )
    background_quality: int | None = number("BackGroundQP", 0, 3)
    background_skip: bool | None = flag("BackGroundSkipFlag")


@dataclass(frozen=True, slots=True, kw_only=True)
class SvcParam(Block):
    """Scalable coding of SVAC."""

    space_mode: int | None = number("SVCSpaceDomainMode", 0, 3)
    time_mode: int | None = number("SVCTimeDomainMode", 0, 3)
    stream_mode: int | None = number("SVCSTMMode", 0, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveillanceParam(Block):
    """What SVAC carries or shows beside the picture."""

    time: bool | None = flag("TimeFlag")
    osd: bool | None = flag("OSDFlag")
    event: bool | None = flag("EventFlag")
    alert: bool | None = flag("AlertFlag")
    ai: bool | None = flag("AIFlag")
    gis: bool | None = flag("GISFlag")


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioParam(Block):
    """Audio of SVAC."""

    recognition: bool | None = flag("AudioRecognitionFlag")


@dataclass(frozen=True, slots=True, kw_only=True)
class SvacEncodeConfig(Block):
    """SVAC encoder."""

    roi: RoiParam | None = group("ROIParam", RoiParam)
    svc: SvcParam | None = group("SVCParam", SvcParam)
    surveillance: SurveillanceParam | None = group("SurveillanceParam", SurveillanceParam)
    audio: AudioParam | None = group("AudioParam", AudioParam)


@dataclass(frozen=True, slots=True, kw_only=True)
class SvacDecodeConfig(Block):
    """SVAC decoder."""

    svc: SvcParam | None = group("SVCParam", SvcParam)
    surveillance: SurveillanceParam | None = group("SurveillanceParam", SurveillanceParam)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream(Block):
    """One stream in the codes of the f= field (2022 annex G)."""

    stream: int | None = number("StreamNumber", 0, 9)
    format: str | None = text("VideoFormat", 8)
    """1 MPEG-4, 2 H.264, 3 SVAC, 4 3GP, 5 H.265."""
    resolution: str | None = text("Resolution", 16)
    """1 QCIF, 2 CIF, 3 4CIF, 4 D1, 5 720P, 6 1080P/I, or WxH."""
    frame_rate: str | None = text("FrameRate", 8)
    bit_rate_type: str | None = text("BitRateType", 8)
    """1 constant, 2 variable."""
    bit_rate_kbps: str | None = text("VideoBitRate", 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoParamAttribute(Block):
    """How each stream is encoded (2022)."""

    streams: tuple[VideoStream, ...] = many("Item", VideoStream, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSegment(Block):
    """A stretch of a day."""

    start_hour: int | None = number("StartHour", 0, 23)
    start_minute: int | None = number("StartMin", 0, 59)
    start_second: int | None = number("StartSec", 0, 59)
    stop_hour: int | None = number("StopHour", 0, 24)
    stop_minute: int | None = number("StopMin", 0, 59)
    stop_second: int | None = number("StopSec", 0, 59)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySchedule(Block):
    """The stretches of one weekday."""

    weekday: int | None = number("WeekDayNum", 1, 7)
    segments: tuple[TimeSegment, ...] = many(
        "TimeSegment", TimeSegment, 8, count_element="TimeSegmentSumNum"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRecordPlan(Block):
    """When the device records (2022)."""

    is_on: bool | None = flag("RecordEnable")
    days: tuple[DaySchedule, ...] = many(
        "RecordSchedule", DaySchedule, 7, count_element="RecordScheduleSumNum"
    )
    stream: int | None = number("StreamNumber", 0, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoAlarmRecord(Block):
    """Recording around an alarm (2022)."""

    is_on: bool | None = flag("RecordEnable")
    after_s: int | None = number("RecordTime", 0, 86_400)
    before_s: int | None = number("PreRecordTime", 0, 86_400)
    stream: int | None = number("StreamNumber", 0, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskRegion(Block):
    """A covered rectangle."""

    seq: int | None = number("Seq", 1, 4)
    point: str | None = text("Point", 64)
    """`left,top,right,bottom` in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMask(Block):
    """Covered parts of the picture (2022)."""

    is_on: bool | None = flag("On")
    regions: tuple[MaskRegion, ...] = many(
        "Item", MaskRegion, 4, list_element="RegionList", count_element="SumNum", has_num=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameMirror(Block):
    """Mirrored picture (2022)."""

    mode: int | None = number("", 0, 3)
    """0 none, 1 horizontal, 2 vertical, 3 both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmReport(Block):
    """Which alarms the device reports (2022)."""

    motion: bool | None = flag("MotionDetection")
    field: bool | None = flag("FieldDetection")


@dataclass(frozen=True, slots=True, kw_only=True)
class OsdText(Block):
    """A line of text on the picture."""

    text: str | None = text("Text", 32)
    x: int | None = number("X", 0, 65_535)
    y: int | None = number("Y", 0, 65_535)


@dataclass(frozen=True, slots=True, kw_only=True)
class OsdConfig(Block):
    """Clock and texts on the picture (2022)."""

    width: int | None = number("Length", 0, 65_535)
    height: int | None = number("Width", 0, 65_535)
    time_x: int | None = number("TimeX", 0, 65_535)
    time_y: int | None = number("TimeY", 0, 65_535)
    shows_time: bool | None = flag("TimeEnable")
    time_type: int | None = number("TimeType", 0, 1)
    """0 `YYYY-MM-DD HH:MM:SS`, 1 with Chinese characters."""
    shows_text: bool | None = flag("TextEnable")
    texts: tuple[OsdText, ...] = many("Item", OsdText, 8, count_element="SumNum")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapShotConfig(Block):
    """Pictures to be taken and uploaded (2022 9.14)."""

    count: int | None = number("SnapNum", 1, 10)
    interval_s: int | None = number("Interval", 1, 3600)
    upload_url: str | None = text("UploadURL", 512)
    session_id: str | None = text("SessionID", 128)


CONFIG_TYPES: Mapping[str, type[Block]] = {
    "BasicParam": BasicParam,
    "VideoParamOpt": VideoParamOpt,
    "SVACEncodeConfig": SvacEncodeConfig,
    "SVACDecodeConfig": SvacDecodeConfig,
    "VideoParamAttribute": VideoParamAttribute,
    "VideoRecordPlan": VideoRecordPlan,
    "VideoAlarmRecord": VideoAlarmRecord,
    "PictureMask": PictureMask,
    "FrameMirror": FrameMirror,
    "AlarmReport": AlarmReport,
    "OSDConfig": OsdConfig,
    "SnapShotConfig": SnapShotConfig,
}
"""Configuration types by the name of ConfigType, which is also their element."""

TYPES_2016 = frozenset({"BasicParam", "VideoParamOpt", "SVACEncodeConfig", "SVACDecodeConfig"})
"""Types that the 2016 edition has; the others need 2022."""

DEVICE_TYPES = frozenset({"BasicParam"})
"""Types that belong to the device as a whole."""

_ELEMENTS = {name.lower(): name for name in CONFIG_TYPES} | {"snapshot": "SnapShotConfig"}
_ENVELOPE = frozenset({"cmdtype", "sn", "deviceid", "result", "reason", "configtype"})

Config = Block | Tree


@dataclass(frozen=True, slots=True)
class ConfigAnswer:
    """What a device told of its configuration."""

    configs: Mapping[str, Config]
    """By type."""
    missing: tuple[str, ...] = ()
    """Types that were asked for and did not come."""


class ConfigCollection:
    """Gathers the answer to ConfigDownload, which may come in one message for each type."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._found: dict[str, Config] = {}
        self.packets = 0

    @property
    def is_complete(self) -> bool:
        """Whether every type came, or as many messages as types."""
        return self.packets >= len(self._wanted) or self._found.keys() >= set(self._wanted)

    def add(self, envelope: Envelope) -> None:
        """Take one message; an ERROR is the end only where one type was asked for."""
        self.packets += 1
        if len(self._wanted) == 1:
            read_result(envelope)
        self._found.update(parse_configs(envelope, self._wanted))

    def result(self) -> ConfigAnswer:
        """Return what came."""
        missing = tuple(name for name in self._wanted if name not in self._found)
        return ConfigAnswer(dict(self._found), missing)


def ask_config(types: Iterable[str], target_id: str = "") -> Question[ConfigAnswer]:
    """Ask for configurations of a device or channel; raises QueryFailed for none or too many."""
    wanted = tuple(dict.fromkeys(types))
    if not 1 <= len(wanted) <= MOST_TYPES:
        raise QueryFailed("no configuration type to ask for, or too many")
    fields: tuple[Field, ...] = (("ConfigType", "/".join(wanted)),)
    return Question(DOWNLOAD, lambda: ConfigCollection(wanted), Root.QUERY, target_id, fields)


def set_config(configs: Mapping[str, Config], target_id: str = "") -> Question[None]:
    """Write configurations into a device or channel."""
    fields = tuple(config_field(name, config) for name, config in configs.items())
    return ask_once(CONFIG, read_result, root=Root.CONTROL, target_id=target_id, fields=fields)


def parse_configs(envelope: Envelope, wanted: tuple[str, ...] = ()) -> dict[str, Config]:
    """Read the configurations of a command or answer, by type.

    One maker names the element otherwise than ConfigType: the only unknown element of an answer to
    a question for one type is taken for it.
    """
    found: dict[str, Config] = {}
    elements = [c for c in envelope.body.children if c.name.lower() not in _ENVELOPE]
    for element in elements[:MOST_TYPES]:
        name = _ELEMENTS.get(element.name.lower(), element.name[:64])
        if len(wanted) == len(elements) == 1 and name not in CONFIG_TYPES:
            name = wanted[0]
        cls = CONFIG_TYPES.get(name)
        found[name] = read_tree(element) if cls is None else read_block(cls, element)
    return found


def config_field(name: str, config: Config) -> Field:
    """Write one configuration as an element."""
    if isinstance(config, Tree):
        return write_tree(config)
    head = (
        f'{name} Num="{len(config.streams)}"' if isinstance(config, VideoParamAttribute) else name
    )
    return (head, write_block(config))


def parse_config_query(envelope: Envelope) -> tuple[str, ...]:
    """Read the types that a ConfigDownload asks for, in the spelling of the standard."""
    names = [part.strip() for part in envelope.body.value("ConfigType").split("/")]
    return tuple(_ELEMENTS.get(name.lower(), name[:64]) for name in names if name)[:MOST_TYPES]


def build_config_answer(
    device_id: str,
    sn: int,
    configs: Mapping[str, Config],
    *,
    is_ok: bool = True,
    charset: str = "GB2312",
) -> bytes:
    """Write one message of an answer to ConfigDownload."""
    fields: list[Field] = [("Result", "OK" if is_ok else "ERROR")]
    fields += [config_field(name, config) for name, config in configs.items()]
    return build_envelope(Root.RESPONSE, DOWNLOAD, sn, device_id, fields, charset=charset)


def build_config_response(
    device_id: str, sn: int, *, is_ok: bool = True, charset: str = "GB2312"
) -> bytes:
    """Write the answer to DeviceConfig."""
    fields: list[Field] = [("Result", "OK" if is_ok else "ERROR")]
    return build_envelope(Root.RESPONSE, CONFIG, sn, device_id, fields, charset=charset)
