"""Codes and catalogs: numbers 1 to 5 and 36 to 45 of the checklist."""

import re
from dataclasses import fields

import pytest

from channel_registry.catalog import KnownChannel, merge, read_catalog
from channel_registry.codes import ChannelCode, CodeKind, civil_parents, is_civil_code
from channel_registry.errors import InvalidCode
from channel_registry.records import CatalogEntry, OrganisationKind
from sip.events import CatalogItem
from sip.gb28181.catalog import (
    CatalogResult,
    ask_catalog,
    build_catalog_response,
    item_fields,
    parse_catalog,
)
from sip.gb28181.manscdp import parse_envelope
from sip.roles.inquiry import InquiryEnded
from sip.simulator.directory import catalog_items
from sip.simulator.profile import Faults, SimulatedChannel
from vms.config_sections import SipSection

DEVICE = "34020000001180000001"
CAMERA = "34020000001320000001"


def ask(rig, target="", seconds=400):
    rig.register()
    rig.endpoint.ask(rig.device.profile.device_id, ask_catalog(target), rig.now)
    rig.run(seconds, lambda: bool(rig.heard(InquiryEnded)))
    return rig.heard(InquiryEnded)[0].outcome


def items_of(inner, head="<SumNum>1</SumNum>"):
    text = (
        f"<Response><CmdType>Catalog</CmdType><SN>7</SN><DeviceID>{DEVICE}</DeviceID>{head}"
        f"{inner}</Response>"
    )
    return parse_catalog(parse_envelope(text.encode()))


def item(inner):
    return items_of(
        f'<DeviceList Num="1"><Item><DeviceID>{CAMERA}</DeviceID>{inner}</Item></DeviceList>'
    ).items[0]


def test_c001_codes_have_20_digits_that_split_8_2_3_1_6():
    code = ChannelCode("14042100411322000007")
    parts = (code.centre, code.industry, f"{code.type:03}", code.network, code.serial)
    assert parts == ("14042100", "41", "132", "2", "000007")
    assert [len(part) for part in parts] == [8, 2, 3, 1, 6]
    for wrong in ("1404210041132200000", "140421004113220000071", "1404210041132200000x", ""):
        with pytest.raises(InvalidCode):
            ChannelCode(wrong)
    built = ChannelCode.build(
        centre="140421", type_number=132, serial=7, industry="41", network="2"
    )
    assert built == code


def test_c002_short_codes_are_regions_and_two_digits_fewer_name_the_parent():
    for code in ("34", "3402", "340203", "34020301"):
        assert is_civil_code(code)
    for code in ("3", "340", "3402030", "3402030101"):
        assert not is_civil_code(code)
    assert civil_parents("34020301") == ("340203", "3402", "34")
    entries = [CatalogEntry(code, name=code) for code in ("34020301", "3402", "340203", "34")]
    regions = {each.code: each for each in read_catalog(DEVICE, entries).organisations}
    assert all(each.kind is OrganisationKind.REGION for each in regions.values())
    assert regions["34020301"].parent_id == regions["340203"].id
    assert regions["340203"].parent_id == regions["3402"].id


def test_c003_the_type_tells_what_a_code_stands_for_and_unknown_types_are_kept():
    def kind(number):
        return ChannelCode(f"34020000 00{number:03}0000001".replace(" ", "")).kind

    assert {kind(n) for n in range(111, 131)} == {CodeKind.DEVICE}
    assert {kind(n) for n in range(131, 200)} == {CodeKind.CHANNEL}
    assert (kind(200), kind(215), kind(216)) == (
        CodeKind.PLATFORM,
        CodeKind.GROUP,
        CodeKind.VIRTUAL,
    )
    unknown = CatalogEntry("34020000007770000001", name="x")
    assert [each.code for each in read_catalog(DEVICE, [unknown]).channels] == [unknown.code]


def test_c004_leading_zeros_survive_a_round_trip():
    code = "00020000001320000001"
    body = build_catalog_response(DEVICE, 1, [CatalogItem(code, "x")], 1)
    (read,) = parse_catalog(parse_envelope(body)).items
    (channel,) = read_catalog(DEVICE, [CatalogEntry(read.device_id)]).channels
    assert channel.code == read.device_id == code


def test_c005_the_default_domain_is_the_first_ten_digits_of_the_server_code(parts):
    settings = SipSection()
    assert settings.domain == settings.server_id[:10]
    assert ChannelCode(parts.SERVER_ID).domain == parts.SERVER_ID[:10] == parts.DOMAIN


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_c036_a_query_matches_answers_by_sn_and_ends_at_sum_num(make_rig, parts, transport):
    channels = tuple(parts.camera(n) for n in range(1, 31))
    rig = make_rig(transport=transport, channels=channels, items_per_message=4)
    result = ask(rig)
    assert (result.complete, result.sum_num, len(result.items)) == (True, 30, 30)
    sns = {
        sn
        for data in rig.packets(b"MESSAGE")
        if b"<CmdType>Catalog" in data
        for sn in re.findall(rb"<SN>(\d+)</SN>", data)
    }
    assert len(sns) == 1


@pytest.mark.parametrize("size", [1, 1000])
def test_c037_one_and_a_thousand_items_a_message_and_doubles_count_once(make_rig, parts, size):
    channels = tuple(parts.camera(n) for n in range(1, 1001 if size > 1 else 21))
    rig = make_rig(
        transport="tcp",
        channels=channels,
        items_per_message=size,
        faults=Faults(catalog_duplicates=size == 1, catalog_one_per_message=size == 1),
    )
    result = ask(rig)
    assert result.complete
    assert len({each.device_id for each in result.items}) == len(result.items) == len(channels)


def test_c038_sum_num_0_without_a_list_is_an_empty_catalogue(make_rig):
    rig = make_rig(channels=())
    result = ask(rig)
    assert (result.complete, result.items, result.sum_num) == (True, (), 0)
    assert not any(b"<DeviceList" in data for data in rig.packets(b"MESSAGE"))


def test_c039_an_incomplete_answer_deletes_nothing(make_rig):
    result = ask(make_rig(faults=Faults(catalog_short_by=1)))
    assert isinstance(result, CatalogResult)
    assert (result.complete, len(result.items)) == (False, 2)
    facts = read_catalog(DEVICE, [CatalogEntry(code) for code in (CAMERA, CAMERA[:-1] + "3")])
    known = {each.code: KnownChannel(each, is_missing=False) for each in facts.channels}
    assert merge(known, facts.channels[:1], complete=False).missing == ()
    assert merge(known, facts.channels[:1], complete=True).missing == (CAMERA[:-1] + "3",)


def test_c040_business_groups_in_both_places_and_several_parents():
    group = "34020000002150000001"
    inside = item(f"<Info><BusinessGroupID>{group}</BusinessGroupID></Info>")
    beside = item(f"<BusinessGroupID>{group}</BusinessGroupID>")
    assert inside.business_group_id == beside.business_group_id == group
    joined = item(f"<ParentID>{DEVICE}/34020000002160000001</ParentID>")
    assert joined.parent_ids == (DEVICE, "34020000002160000001")
    assert ("BusinessGroupID", group) in item_fields(beside)


@pytest.mark.parametrize("word", ["ONLINE", "OK", "on", "ON", "On ", None, ""])
def test_c041_words_for_on_and_nothing_at_all_mean_on(word):
    assert item("" if word is None else f"<Status>{word}</Status>").status_on
    assert not item("<Status>OFFLINE</Status>").status_on
    assert not item("<Status>off</Status>").status_on


def test_c042_raw_markup_in_a_name_loses_no_message(make_rig):
    result = ask(make_rig(faults=Faults(raw_ampersand=True)))
    assert result.complete
    assert all(each.name.endswith("A&B <1") for each in result.items)
    assert item("<Address>a<b & c</Address><Name>门</Name>").name == "门"


def test_c043_each_answer_waits_for_the_200_of_the_one_before(make_rig, parts):
    rig = make_rig(channels=tuple(parts.camera(n) for n in range(1, 21)), items_per_message=2)
    ask(rig)
    waiting = 0
    for _, data in rig.network.sent:
        if data.startswith(b"MESSAGE") and b"<Response>" in data:
            waiting += 1
            assert waiting == 1
        elif data.startswith(b"SIP/2.0 200") and f"From: <sip:{DEVICE}@".encode() in data:
            waiting = max(0, waiting - (b" MESSAGE" in data))


def test_c044_loudspeakers_are_listed_under_the_device(make_rig, parts):
    speaker = SimulatedChannel("34020000001370000001", "喇叭", ptz_type=None)
    result = ask(make_rig(channels=(parts.camera(1), speaker)))
    found = {each.device_id: each for each in result.items}[speaker.code]
    assert found.parent_ids == (parts.DEVICE_ID,)


@pytest.mark.parametrize(
    ("target", "found"),
    [("", 7), (DEVICE, 7), ("3402", 6), ("34020000002150000001", 5),
     ("34020000002160000001", 4), ("34020000002160000002", 2), ("110101", 1)],
)  # fmt: skip
def test_c045_answers_by_region_device_group_and_organisation(make_rig, parts, target, found):
    lower, upper = "34020000002160000002", "34020000002160000001"
    channels = (
        parts.camera(1, organisation_id=lower),
        parts.camera(2, organisation_id=upper),
        parts.camera(3, civil_code="110101"),
    )
    rig = make_rig(channels=channels, organisations=parts.organisations())
    result = ask(rig, target)
    assert result.complete
    assert len(result.items) == found
    assert {f.name for f in fields(result.items[0])} >= {"device_id", "parent_ids"}
    assert len(catalog_items(rig.device.profile, target)) == found
