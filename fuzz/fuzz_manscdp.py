"""MANSCDP bodies through every reader: only MalformedXml may come out."""

from datetime import UTC, datetime, timedelta

from sip.events import CatalogItem, Position
from sip.gb28181.alarm import Alarm, build_alarm, parse_alarm, parse_wish
from sip.gb28181.catalog import build_catalog_notify, build_catalog_response, parse_catalog
from sip.gb28181.control import build_key_frame_request, parse_control
from sip.gb28181.keepalive import build_keepalive, parse_keepalive
from sip.gb28181.manscdp import parse_envelope, peek_root
from sip.gb28181.mobile_position import (
    build_position,
    build_positions,
    parse_interval,
    parse_positions,
)
from sip.gb28181.query import DeviceInfo, build_device_info, parse_device_info, parse_device_status
from sip.gb28181.record_info import (
    RecordItem,
    RecordQuery,
    ask_record_info,
    build_record_info,
    parse_record_info,
    parse_record_query,
)
from sip.gb28181.subscription import Topic, Wish
from sip.gb28181.video_upload import VideoUpload, build_video_upload, parse_video_upload
from sip.gb28181.xml import MalformedXml

DEVICE = "34020000001180000001"
CAMERA = CatalogItem(
    "34020000001320000001", "1号皮带机头", address="东", status_on=True, register_way=1, ptz_type=1,
    parent_ids=(DEVICE,), longitude=118.3, latitude=31.3,
)  # fmt: skip
AT = datetime(2024, 5, 1, tzinfo=UTC)
READERS = [
    parse_catalog,
    parse_keepalive,
    parse_alarm,
    parse_control,
    parse_device_info,
    parse_device_status,
    parse_wish,
    parse_interval,
    lambda envelope: parse_positions(envelope, DEVICE),
    parse_record_info,
    parse_record_query,
    lambda envelope: parse_video_upload(envelope, DEVICE),
]

SEEDS: list[bytes] = [
    build_keepalive(DEVICE, 1, [CAMERA.device_id]),
    build_catalog_response(DEVICE, 2, [CAMERA, CAMERA], 2),
    build_catalog_response(DEVICE, 2, [CAMERA], 1, charset="UTF-8"),
    build_catalog_notify(DEVICE, 3, [CAMERA]),
    build_alarm(Alarm(CAMERA.device_id, 4, 1, "5", "2026-05-01T10:00:00", "越界", "6", "1")),
    build_device_info(DeviceInfo(DEVICE, "井口", "Sim", "X", "V1", 8), 5),
    build_key_frame_request(CAMERA.device_id, 6),
    build_video_upload(VideoUpload(CAMERA.device_id, "2026-05-01T10:00:00", 118.3, 31.3), 7),
    build_position(Position(CAMERA.device_id, 118.3, 31.3, "2026-05-01T10:00:00", 36.0), 8),
    build_positions(DEVICE, 9, [Position(CAMERA.device_id, 118.3, 31.3)] * 2),
    Wish(Topic.ALARM).build_body(DEVICE, 10, "GB2312", is_2022=True),
    ask_record_info(RecordQuery(CAMERA.device_id, AT, AT + timedelta(hours=1))).build(
        DEVICE, 8, "GB2312"
    ),
    build_record_info(
        CAMERA.device_id, 8, "东", [RecordItem(DEVICE, AT, AT + timedelta(hours=1))], 1
    ),
    b'<?xml version="1.0" encoding="GB2312"?><!DOCTYPE a [<!ENTITY x "y">]><Notify>&x;</Notify>',
    b"<Response><CmdType>Catalog</CmdType><SN>7</SN><DeviceList><Item><DeviceID>1</DeviceID>"
    b"<Name>A & B < C</Name><Address>a<b</Address></Item></DeviceList></Response>",
]


def one_case(data: bytes) -> None:
    """Read the envelope, then let every reader try it, whatever its command says."""
    peek_root(data)
    try:
        envelope = parse_envelope(data)
    except MalformedXml:
        return
    for read in READERS:
        read(envelope)
