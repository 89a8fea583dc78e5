import pytest

from sip.gb28181.catalog import parse_catalog
from sip.gb28181.manscdp import parse_envelope
from sip.message import Peer
from sip.simulator.directory import catalog_items, catalog_packets, device_info, device_status
from sip.simulator.profile import DeviceProfile, Faults, SimulatedChannel

DEVICE = "34020000001180000001"
GROUP = "34020000002150000001"
UPPER = "34020000002160000001"
LOWER = "34020000002160000002"


def profile(parts, **kinds):
    channels = (
        parts.camera(1, organisation_id=LOWER),
        parts.camera(2, organisation_id=UPPER),
        parts.camera(3, civil_code="110101"),
        SimulatedChannel("34020000001370000001", "喇叭"),
        SimulatedChannel("34020000001340000001", "门磁"),
    )
    values = {"channels": channels, "organisations": parts.organisations()} | kinds
    return DeviceProfile(
        device_id=DEVICE,
        password="x",
        server_id=parts.SERVER_ID,
        domain=parts.DOMAIN,
        server=Peer("udp", parts.SERVER_HOST, 5060),
        **values,
    )


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (DEVICE, 9),
        ("34", 8),
        ("3402", 8),
        ("110101", 1),
        ("99", 0),
        (GROUP, 5),
        (UPPER, 4),
        (LOWER, 2),
        ("34020000001320000003", 1),
    ],
)
def test_a_query_brings_its_target_and_all_below_it(parts, target, found):
    assert len(catalog_items(profile(parts), target)) == found


def test_loudspeakers_are_children_of_the_device_and_have_no_picture(parts):
    items = {item.device_id: item for item in catalog_items(profile(parts), DEVICE)}
    speaker = items["34020000001370000001"]
    assert speaker.parent_ids == (DEVICE,)
    assert speaker.ptz_type is None
    assert items["34020000001320000001"].parent_ids == (DEVICE, LOWER)


def test_a_2016_device_has_an_owner_and_a_2022_one_stream_numbers(parts):
    old = catalog_items(profile(parts, gb_version=""), DEVICE)[4]
    new = catalog_items(profile(parts), DEVICE)[4]
    assert (old.owner, "Info/StreamNumberList" in old.extra) == ("Owner", False)
    assert (new.owner, new.extra["Info/StreamNumberList"]) == ("", "0/1")


def test_packets_hold_as_many_items_as_told_and_the_grand_total(parts):
    packets = catalog_packets(profile(parts, items_per_message=4), Faults(), DEVICE, 5)
    read = [parse_catalog(parse_envelope(body)) for body in packets]
    assert [len(packet.items) for packet in read] == [4, 4, 1]
    assert {(packet.sn, packet.sum_num) for packet in read} == {(5, 9)}


def test_nothing_found_is_one_packet_without_a_list(parts):
    packets = catalog_packets(profile(parts), Faults(), "99", 5)
    assert len(packets) == 1
    assert b"DeviceList" not in packets[0]


def test_info_counts_cameras_and_status_lists_alarm_inputs(parts):
    assert device_info(profile(parts)).channel_count == 3
    assert device_status(profile(parts)).duty == (("34020000001340000001", "OFFDUTY"),)
