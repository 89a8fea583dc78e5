import pytest

from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.query import (
    DEVICE_INFO,
    DeviceInfo,
    DeviceStatus,
    ask_device_info,
    build_device_info,
    build_device_status,
    parse_device_info,
    parse_device_status,
)

DEVICE = "34020000001180000001"


def test_device_info_survives_a_round_trip():
    info = DeviceInfo(DEVICE, "3号井口", "Sim", "NVR-X8", "V1.0.0", 8)
    assert parse_device_info(parse_envelope(build_device_info(info, 4))) == info


def test_device_info_may_be_nearly_empty():
    body = b"<Response><CmdType>DeviceInfo</CmdType><Channel>many</Channel></Response>"
    assert parse_device_info(parse_envelope(body)) == DeviceInfo("")


@pytest.mark.parametrize("attribute", ["Num", "num"])
def test_device_status_with_alarm_inputs(attribute):
    status = DeviceStatus(
        DEVICE, is_online=True, is_ok=False, is_encoding=True, is_recording=False,
        device_time="2026-05-01T10:00:00", duty=(("34020000001340000001", "OFFDUTY"),),
    )  # fmt: skip
    data = build_device_status(status, 4).replace(b"Num=", attribute.encode() + b"=")
    assert b"<Alarmstatus " in data
    assert parse_device_status(parse_envelope(data)) == status


def test_a_query_is_an_envelope_without_fields():
    envelope = parse_envelope(ask_device_info().build(DEVICE, 2, "GB2312"))
    assert (envelope.command, envelope.sn, len(envelope.body.children)) == (DEVICE_INFO, 2, 3)
