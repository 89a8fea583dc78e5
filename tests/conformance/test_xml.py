"""Number 115 of the checklist: what XML can be made to do to its reader."""

from pathlib import Path

import pytest

from sip.events import AlarmReceived, KeepaliveReceived, PeerMisbehaved
from sip.gb28181.keepalive import build_keepalive
from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.xml import MalformedXml
from tests.sip.conftest import DEVICE_ID, Wire

FIELDS = (
    f"<CmdType>Alarm</CmdType><SN>1</SN><DeviceID>{DEVICE_ID}</DeviceID>"
    "<AlarmPriority>1</AlarmPriority><AlarmMethod>5</AlarmMethod>"
    "<AlarmTime>2026-05-01T10:00:00</AlarmTime>"
)
ALARM = "<Notify>" + FIELDS + "<AlarmDescription>{}</AlarmDescription></Notify>"
LAUGHS = '<!ENTITY l0 "ha">' + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)
)


def traps(secret: Path) -> dict[str, str]:
    """What must not be read, by name; all are alarms else."""
    address = secret.as_uri()
    return {
        "external entity": f'<!DOCTYPE Notify [<!ENTITY x SYSTEM "{address}">]>'
        + ALARM.format("&x;"),
        "external subset": f'<!DOCTYPE Notify SYSTEM "{address}">' + ALARM.format("x"),
        "parameter entity": f'<!DOCTYPE Notify [<!ENTITY % p SYSTEM "{address}"> %p;]>'
        + ALARM.format("x"),
        "expansion": f"<!DOCTYPE Notify [{LAUGHS}]>" + ALARM.format("&l9;"),
        "one inner entity": '<!DOCTYPE Notify [<!ENTITY a "b">]>' + ALARM.format("&a;"),
    }


@pytest.mark.parametrize("name", traps(Path("/secret")))
def test_c115_no_entity_is_read_or_expanded(wire: Wire, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("<!ENTITY x 'secret'>")
    body = traps(secret)[name].encode()
    with pytest.raises(MalformedXml):
        parse_envelope(body)
    wire.register()
    assert wire.message(body).status == 200
    assert wire.heard(AlarmReceived) == []
    assert len(wire.heard(PeerMisbehaved)) == 1
    assert wire.message(build_keepalive(DEVICE_ID, 2)).status == 200, "it is heard as before"
    assert len(wire.heard(KeepaliveReceived)) == 1


def test_c115_without_a_document_type_the_same_alarm_is_read(wire: Wire) -> None:
    wire.register()
    assert wire.message(ALARM.format("x &amp; y &#60;").encode()).status == 200
    assert [event.description for event in wire.heard(AlarmReceived)] == ["x & y <"]


def test_c115_an_entity_nobody_declared_is_text(wire: Wire) -> None:
    wire.register()
    assert wire.message(ALARM.format("&x;").encode()).status == 200
    assert [event.description for event in wire.heard(AlarmReceived)] == ["&x;"]
