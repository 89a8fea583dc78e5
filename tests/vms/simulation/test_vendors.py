"""Makers' boxes: the platform registers them, lists their cameras and shows their pictures."""

from pathlib import Path

import pytest

from sip.gb28181 import query
from sip.gb28181.catalog import ask_catalog
from sip.gb28181.quirks import DeviceHints, QuirkTable, builtin_rows
from sip.roles.call import InvitationAnswered
from sip.roles.inquiry import InquiryEnded
from sip.simulator.profile import DeviceProfile, MediaStarted
from stream_relay.access_unit import Codec
from stream_relay.packetizer import Packetizer
from tests.sip.conftest import DEVICE_ID, camera, make_rig
from tests.stream_relay.media import pictures
from tests.stream_relay.sources.test_intake import Desk, same_pictures
from vms.simulation.faults import parse_faults
from vms.simulation.vendors import Vendor, vendors

__all__ = ["make_rig"]

NAMES = tuple(vendors())
ROOT = Path(__file__).resolve().parents[3]


def facts_of(vendor: Vendor) -> dict[str, object]:
    """What a profile of this vendor has of its own."""
    plain = DeviceProfile(
        device_id=DEVICE_ID, password="x", server_id="", domain="", server=None,  # type: ignore[arg-type]
        channels=(camera(1), camera(2), camera(3)),
    )  # fmt: skip
    dressed = vendor.dress(plain)
    names = ("user_agent", "manufacturer", "model", "firmware", "gb_version", "channels")
    return {name: getattr(dressed, name) for name in names}


def ask(rig, question):
    before = len(rig.heard(InquiryEnded))
    rig.endpoint.ask(DEVICE_ID, question, rig.now)
    rig.run(200, lambda: len(rig.heard(InquiryEnded)) > before)
    return rig.heard(InquiryEnded)[-1].outcome


@pytest.mark.parametrize("name", NAMES)
def test_a_box_is_registered_listed_and_invited(make_rig, name):
    vendor = vendors()[name]
    rig = make_rig(faults=parse_faults(list(vendor.faults)).signalling, **facts_of(vendor))
    rig.accept_media()
    rig.register()
    found = ask(rig, ask_catalog())
    assert found.complete
    assert [item.device_id for item in found.items] == [camera(n).code for n in (1, 2, 3)]
    assert {item.manufacturer for item in found.items} == {vendor.manufacturer}
    info = ask(rig, query.ask_device_info())
    assert (info.model, info.firmware) == (vendor.model, vendor.firmware)
    rig.invite(1)
    rig.run(5)
    assert rig.heard(InvitationAnswered) and rig.told(MediaStarted)


@pytest.mark.parametrize("name", NAMES)
def test_the_pictures_of_a_box_are_shown(name):
    faults = parse_faults(list(vendors()[name].faults)).media
    ssrc = 200000001 ^ (0x01010101 if faults.wrong_ssrc else 0)
    source, units, desk = Packetizer(ssrc, Codec.H264, None, quirks=faults), pictures(30), Desk()
    desk.send([packet for unit in units for packet in source.packets(unit)])
    desk.wait(1)
    desk.intake.finish(desk.clock.now)
    assert same_pictures(desk.shown(), units)


@pytest.mark.parametrize("name", ["hikvision", "dahua", "uniview", "huawei", "tp-link"])
def test_the_quirk_table_knows_a_box_by_what_it_says_of_itself(name):
    vendor = vendors()[name]
    hints = DeviceHints(vendor.manufacturer, vendor.model, vendor.firmware, vendor.user_agent)
    assert QuirkTable(builtin_rows()).find(hints).rows


def test_no_maker_is_named_in_code():
    words = [name for name in NAMES if name not in ("huawei",)]
    code = [
        *ROOT.glob("sip/**/*.py"),
        *ROOT.glob("vms/**/*.py"),
        *ROOT.glob("stream_relay/**/*.py"),
    ]
    named = [
        (path.name, line.strip())
        for path in code
        for line in path.read_text().splitlines()
        if any(f'"{word}' in line.lower() for word in words)
    ]
    assert named == []
