"""PTZCmd, controls and configurations of both sides: only errors of ours may come out."""

from sip.gb28181 import (
    control,
    device_config,
    presets,
    ptz,
    ptz_queries,
    sd_card,
    snapshot,
    upgrade,
)
from sip.gb28181.config_fields import BadConfig, Block, from_plain, to_plain
from sip.gb28181.manscdp import Envelope, parse_envelope
from sip.gb28181.question import QueryFailed
from sip.gb28181.xml import MalformedXml

DEVICE = "34020000001180000001"
READERS = [
    presets.parse_presets,
    ptz_queries.parse_home_answer,
    ptz_queries.parse_cruises,
    ptz_queries.parse_cruise,
    ptz_queries.parse_position,
    sd_card.parse_cards,
    snapshot.parse_finished,
    upgrade.parse_upgrade_result,
    device_config.parse_config_query,
]

SEEDS: list[bytes] = [
    b"A50F01080080003D",
    b"A50F0187012C1079",
    control.drag_zoom(DEVICE, control.Frame(1920, 1080, 9, 9, 9, 9), is_in=True).build(
        DEVICE, 1, "GB2312"
    ),
    control.set_home(DEVICE, control.HomePosition(True, 60, 1)).build(DEVICE, 1, "GB2312"),
    presets.build_presets(DEVICE, 1, [presets.NamedPreset(1, "井口")]),
    ptz_queries.build_cruise(
        DEVICE, 1, ptz_queries.CruiseRoute(0, "场", (ptz_queries.CruisePoint(1, 15, 8),))
    ),
    ptz_queries.build_position(DEVICE, 1, ptz_queries.PtzPosition(120.5, -5, 4)),
    sd_card.build_cards(DEVICE, 1, [sd_card.StorageCard(1, "sd", "ok", 3, 61440, 20480)]),
    snapshot.build_finished(DEVICE, 1, "x" * 32, [DEVICE + "0" * 21]),
    device_config.build_config_answer(
        DEVICE,
        1,
        {
            "OSDConfig": device_config.OsdConfig(texts=(device_config.OsdText(text="门"),)),
            "BasicParam": device_config.BasicParam(name="箱", latitude=31.5),
            "FrameMirror": device_config.FrameMirror(mode=1),
        },
    ),
]


def one_case(data: bytes) -> None:
    """As bytes of PTZCmd, and as a message that every reader tries."""
    try:
        command = ptz.decode(data[:64].decode("latin-1"))
    except ptz.BadPtzCommand:
        pass
    else:
        assert ptz.decode(ptz.encode(command)) == command
    try:
        envelope = parse_envelope(data)
    except MalformedXml:
        return
    for read in READERS:
        try:
            read(envelope)
        except QueryFailed:
            continue
    read_deeper(envelope)


def read_deeper(envelope: Envelope) -> None:
    """Rectangles and homes; configurations there and back."""
    found = control.parse_control(envelope)
    if found.element is not None:
        control.parse_frame(found.element)
        control.parse_home(found.element)
    for name, config in device_config.parse_configs(envelope).items():
        device_config.config_field(name, config)
        if isinstance(config, Block):
            try:
                from_plain(type(config), to_plain(config))
            except BadConfig:
                continue
