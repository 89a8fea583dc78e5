"""Every flow as a capture file that Wireshark opens and finds nothing wrong with."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sip.gb28181 import catalog, query
from tests.sip.capture import write_capture

CAPTURES = Path(__file__).resolve().parents[2] / "build" / "captures"
COMPLAINTS = "_ws.malformed or _ws.unreassembled or _ws.expert.severity >= 6291456"
"""6291456 is tshark's number for a warning."""

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def tshark(path: Path, wanted: str, *fields: str) -> list[str]:
    """The packets a display filter lets through, a line each."""
    shown = ["-T", "fields", *(word for name in fields for word in ("-e", name))] if fields else []
    done = subprocess.run(
        ["tshark", "-r", str(path), "-Y", wanted, "-o", "tcp.check_checksum:TRUE", *shown],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def register(rig) -> None:
    rig.register()
    rig.run(200)


def register_anew_and_leave(rig) -> None:
    rig.register()
    rig.run(700)
    rig.device.stop(rig.now)
    rig.run(5)


def ask_everything(rig) -> None:
    rig.register()
    for question in (catalog.ask_catalog(), query.ask_device_info(), query.ask_device_status()):
        rig.endpoint.ask(rig.device.profile.device_id, question, rig.now)
        rig.run(5)


def watch_live(rig) -> None:
    rig.register()
    rig.accept_media()
    call = rig.invite()
    rig.run(5)
    rig.endpoint.bye(call, rig.now)
    rig.run(5)


def take_back_an_invitation(rig) -> None:
    rig.register()
    call = rig.invite()
    rig.run(2)
    rig.endpoint.bye(call, rig.now)
    rig.run(40)


def raise_an_alarm(rig) -> None:
    rig.register()
    rig.device.raise_alarm(
        rig.device.profile.channels[0].code,
        rig.now,
        method="2",
        alarm_type="1",
        time_text="2026-05-01T10:00:00",
        description="视频丢失",
    )
    rig.run(5)


FLOWS: dict[str, tuple[Callable[..., None], set[str]]] = {
    "register": (register, {"REGISTER", "MESSAGE"}),
    "unregister": (register_anew_and_leave, {"REGISTER", "MESSAGE"}),
    "queries": (ask_everything, {"REGISTER", "MESSAGE"}),
    "live": (watch_live, {"REGISTER", "INVITE", "ACK", "BYE"}),
    "cancel": (take_back_an_invitation, {"REGISTER", "INVITE", "CANCEL", "ACK"}),
    "alarm": (raise_an_alarm, {"REGISTER", "MESSAGE"}),
}


@TRANSPORTS
@pytest.mark.parametrize("flow", FLOWS)
def test_wireshark_reads_the_flow_without_complaint(make_rig, flow: str, transport: str) -> None:
    play, methods = FLOWS[flow]
    rig = make_rig(transport=transport, expires_s=600)
    play(rig)
    path = CAPTURES / f"{flow}_{transport}.pcap"
    assert write_capture(path, rig.network.parcels) >= len(rig.network.parcels)
    assert tshark(path, COMPLAINTS) == []
    read = tshark(path, "sip", "sip.Method", "sip.Status-Code")
    assert len(read) == len(rig.network.parcels)
    assert methods <= {line.split("\t")[0] for line in read}


def test_a_broken_message_would_be_complained_of(make_rig, tmp_path: Path) -> None:
    rig = make_rig(transport="tcp")
    ask_everything(rig)
    parcels = rig.network.parcels
    place = next(i for i, parcel in enumerate(parcels) if b"\r\n\r\n<?xml" in parcel.data)
    short = re.sub(rb"Content-Length: \d+", b"Content-Length: 99", parcels[place].data)
    parcels[place] = replace(parcels[place], data=short)
    path = tmp_path / "broken.pcap"
    write_capture(path, parcels)
    assert len(tshark(path, COMPLAINTS)) >= 1
