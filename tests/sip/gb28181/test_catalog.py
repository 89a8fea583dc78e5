import pytest

from sip.events import CatalogItem
from sip.gb28181.catalog import (
    CatalogCollection,
    CatalogPacket,
    build_catalog_notify,
    build_catalog_query,
    build_catalog_response,
    parse_catalog,
)
from sip.gb28181.manscdp import parse_envelope, read_envelope

DEVICE = "34020000001180000001"


def packet(*items, sum_num="1"):
    inner = "".join(f"<Item>{item}</Item>" for item in items)
    return parse_catalog(
        parse_envelope(
            f"<Response><CmdType>Catalog</CmdType><SN>7</SN><DeviceID>{DEVICE}</DeviceID>"
            f"<SumNum>{sum_num}</SumNum>"
            f"<DeviceList Num='1'>{inner}</DeviceList></Response>".encode()
        )
    )


def one(fields):
    return packet(f"<DeviceID>34020000001320000001</DeviceID>{fields}").items[0]


def camera(number, **fields):
    return CatalogItem(f"3402000000132{number:07d}", f"camera {number}", **fields)


def test_query_names_the_device_and_the_sn():
    envelope = parse_envelope(build_catalog_query(DEVICE, 9))
    assert (envelope.command, envelope.sn, envelope.device_id) == ("Catalog", 9, DEVICE)


def test_a_full_item_survives_a_round_trip():
    item = CatalogItem(
        device_id="34020000001320000001",
        name="1号皮带机头",
        manufacturer="Sim",
        model="X1",
        owner="Owner",
        civil_code="340200",
        block="3",
        address="East & West",
        parental=False,
        parent_ids=(DEVICE, "34020000002160000002"),
        business_group_id="34020000002150000001",
        register_way=1,
        secrecy=False,
        ip_address="192.0.2.1",
        port=5060,
        status_on=False,
        longitude=118.376451,
        latitude=31.326319,
        ptz_type=1,
        extra={"Info/PTZType": "1", "Info/DownloadSpeed": "1/2/4"},
    )
    read = parse_catalog(parse_envelope(build_catalog_response(DEVICE, 7, [item], 1)))
    assert read == CatalogPacket(DEVICE, 7, 1, (item,))


@pytest.mark.parametrize(
    ("status", "is_on"),
    [("ON", True), ("on", True), ("ONLINE", True), ("OK", True), ("", True),
     ("OFF", False), ("OFFLINE", False), ("off", False), ("VLOST", False)],
)  # fmt: skip
def test_status_words(status, is_on):
    assert one(f"<Status>{status}</Status>").status_on is is_on
    assert one("").status_on is True


def test_business_group_and_ptz_type_are_read_at_either_place():
    inside = one(
        "<Info><BusinessGroupID>34020000002150000001</BusinessGroupID><PTZType>2</PTZType></Info>"
    )
    beside = one("<BusinessGroupID>34020000002150000001</BusinessGroupID><PTZType>2</PTZType>")
    assert inside.business_group_id == beside.business_group_id == "34020000002150000001"
    assert inside.ptz_type == beside.ptz_type == 2


@pytest.mark.parametrize(
    ("text", "parents"),
    [
        (
            "34020000001180000001/34020000002160000002",
            ("34020000001180000001", "34020000002160000002"),
        ),
        ("null", ()),
        ("", ()),
        ("/", ()),
        ("340200", ("340200",)),
        ("../../x", ("x",)),
    ],
)
def test_parents(text, parents):
    assert one(f"<ParentID>{text}</ParentID>").parent_ids == parents


def test_parental_65535_means_has_children():
    assert one("<Parental>65535</Parental>").parental is True
    assert one("<Parental>0</Parental>").parental is False
    assert one("").parental is None


@pytest.mark.parametrize(
    "name",
    ["'; DROP TABLE--", "&lt;script&gt;", "../../x", "x" * 4000, "\u202eRTL", "=1+1"],
)
def test_hostile_names_are_kept_literally(name):
    expected = name.replace("&lt;", "<").replace("&gt;", ">")
    assert one(f"<Name>{name}</Name>").name == expected


def test_a_raw_ampersand_in_one_item_loses_none():
    read = packet(
        "<DeviceID>34020000001320000001</DeviceID><Name>A & B</Name>",
        "<DeviceID>34020000001320000002</DeviceID><Address>x<y</Address>",
    )
    assert [item.name or item.address for item in read.items] == ["A & B", "x<y"]


def test_items_without_an_id_are_counted_not_kept():
    read = packet(
        "<Name>lost</Name>", "<DeviceID>a b</DeviceID>", "<DeviceID>" + "1" * 99 + "</DeviceID>"
    )
    assert (read.items, read.dropped) == ((), 3)


def test_regions_groups_and_unknown_elements_pass():
    read = packet(
        "<DeviceID>340200</DeviceID><Name>Wuhu</Name>",
        "<DeviceID>34020000002150000001</DeviceID><Colour>red</Colour>",
    )
    assert [item.device_id for item in read.items] == ["340200", "34020000002150000001"]
    assert read.items[1].extra == {"Colour": "red"}


def test_an_empty_catalog_is_complete_at_once():
    collection = CatalogCollection()
    collection.add_packet(parse_catalog(parse_envelope(build_catalog_response(DEVICE, 1, [], 0))))
    assert collection.is_complete
    assert collection.items == ()


def test_duplicates_count_once():
    collection = CatalogCollection()
    for number in (1, 1, 2, 2):
        collection.add_packet(CatalogPacket(DEVICE, 1, 3, (camera(number),)))
    assert not collection.is_complete
    collection.add_packet(CatalogPacket(DEVICE, 1, 3, (camera(3),)))
    assert collection.is_complete
    assert len(collection.items) == 3


def test_a_thousand_items_in_one_message():
    items = [camera(number) for number in range(1000)]
    data = build_catalog_response(DEVICE, 1, items, 1000)
    assert len(parse_catalog(parse_envelope(data)).items) == 1000


def test_an_absurd_sum_never_completes_and_takes_no_memory():
    collection = CatalogCollection()
    collection.add_packet(CatalogPacket(DEVICE, 1, 10**9, (camera(1),)))
    assert not collection.is_complete
    assert len(collection.items) == 1


def test_a_missing_sum_never_completes():
    collection = CatalogCollection()
    collection.add_packet(CatalogPacket(DEVICE, 1, None, (camera(1),)))
    assert not collection.is_complete


def test_fixed_forms_of_regions_and_organisations():
    region = CatalogItem("340200", "Wuhu", register_way=1)
    organisation = CatalogItem(
        "34020000002160000002",
        "Floor 2",
        parent_ids=("34020000002160000001",),
        business_group_id="34020000002150000001",
    )
    text = build_catalog_response(DEVICE, 1, [region, organisation], 2).decode()
    assert "<Item>\r\n<DeviceID>340200</DeviceID>\r\n<Name>Wuhu</Name>\r\n</Item>" in text
    assert "<Status>" not in text


@pytest.mark.parametrize("event", ["ON", "OFF", "VLOST", "DEFECT", "DEL", "ADD", "UPDATE"])
def test_notifications_carry_their_event(event):
    data = build_catalog_notify(DEVICE, 3, [camera(1, event=event)])
    item = parse_catalog(parse_envelope(data)).items[0]
    assert item.event == event
    assert bool(item.name) == (event in {"ADD", "UPDATE"})


def test_an_unknown_event_is_none():
    assert one("<Event>DANCE</Event>").event is None


def test_a_long_list_is_cut_into_messages_that_add_up_to_the_whole():
    items = [camera(number, address="井下" * 20) for number in range(1, 2002)]
    body = build_catalog_response(DEVICE, 4, items, 2001)
    parts = [part for part in read_envelope(body) if part is not None]
    assert len(parts) > 4
    collection = CatalogCollection()
    for part in parts:
        collection.add(part)
    assert collection.is_complete
    assert collection.items == parse_catalog(parse_envelope(body)).items
    assert {(part.sn, part.command, part.device_id) for part in parts} == {(4, "Catalog", DEVICE)}


def test_a_long_list_that_must_be_mended_loses_nothing():
    items = [camera(number, address="井下" * 20) for number in range(1, 2002)]
    body = build_catalog_response(DEVICE, 4, items, 2001)
    name = b"camera 1999"
    body = body.replace(b"<Name>" + name, b"<Name>A & B < " + name)
    collection = CatalogCollection()
    for part in read_envelope(body):
        if part is not None:
            collection.add(part)
    assert len(collection.items) == 2001
    assert collection.items[1998].name == "A & B < camera 1999"


def test_a_short_list_and_a_message_without_one_stay_as_they_are():
    for items in ([], [camera(1)]):
        body = build_catalog_response(DEVICE, 4, items, len(items))
        (part,) = read_envelope(body)
        assert parse_catalog(part) == parse_catalog(parse_envelope(body))
