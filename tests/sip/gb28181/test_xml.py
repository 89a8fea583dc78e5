import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.xml import (
    LONGEST_BYTES,
    MalformedXml,
    decode_text,
    parse_xml,
    read_in_shares,
)

GB_PROLOG = b'<?xml version="1.0" encoding="GB2312"?>\r\n'


def item(text, codec="gb18030", prolog=GB_PROLOG):
    return prolog + f"<Item><Name>{text}</Name><Next>7</Next></Item>".encode(codec)


@pytest.mark.parametrize("name", ["东门", "镕基路", "㐀𠀀", "east"])
@pytest.mark.parametrize("codec", ["gb18030", "utf-8"])
def test_a_gb2312_prolog_over_any_charset_gives_the_name(name, codec):
    assert parse_xml(item(name, codec)).value("name") == name


@pytest.mark.parametrize("codec", ["gb18030", "utf-8"])
@pytest.mark.parametrize(
    "prolog", [b"", b'<?xml version="1.0"?>', b'<?xml version="1.0" encoding="UTF-8"?>']
)
def test_a_missing_or_wrong_prolog_gives_the_name(codec, prolog):
    assert parse_xml(item("东门皮带", codec, prolog)).value("Name") == "东门皮带"


def test_gbk_pairs_that_are_valid_utf8_by_chance_stay_chinese():
    by_chance = bytes([0xC2, 0xA9, 0xC3, 0xA9])  # two GBK characters, or two Latin ones
    assert by_chance.decode("utf-8") == "©é"
    assert decode_text(GB_PROLOG + by_chance).endswith(by_chance.decode("gb18030"))


def test_a_byte_order_mark_is_no_text():
    assert parse_xml(b"\xef\xbb\xbf" + item("门", "utf-8", b"")).value("Name") == "门"


@pytest.mark.parametrize("bad", [0x80, 0xB0, 0xFF])
@pytest.mark.parametrize("codec", ["gb18030", "utf-8"])
def test_one_bad_byte_in_a_text_loses_only_that_text(codec, bad):
    data = item("东门皮带", codec)
    start = data.index(b"<Name>") + 6
    for place in range(start, data.index(b"</Name>")):
        damaged = bytearray(data)
        damaged[place] = bad
        assert parse_xml(bytes(damaged)).value("Next") == "7"


def test_control_characters_are_dropped():
    assert parse_xml(b"<A><Name>a\x00b\x1bc</Name></A>").value("Name") == "abc"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("A & B", "A & B"),
        ("A&B;C", "A&B;C"),
        ("R&amp;D", "R&D"),
        ("1 < 2", "1 < 2"),
        ("a<b", "a<b"),
        ("a<b>c", "a<b>c"),
        ("x&#0;y", "xy"),
        ("x&#xD800;y", "xy"),
        ("x&#65;y", "xAy"),
        ("x&nbsp;y", "x&nbsp;y"),
        ("'; DROP TABLE--", "'; DROP TABLE--"),
    ],
)
def test_raw_markup_in_a_name_is_mended(raw, value):
    element = parse_xml(f"<A><Name>{raw}</Name><Bad>&</Bad><Next>7</Next></A>".encode())
    assert element.value("Name") == value
    assert element.value("Next") == "7"


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY x "boom">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    ],
)
def test_document_types_are_refused(data):
    with pytest.raises(MalformedXml, match="document type"):
        parse_xml(data)


def test_depth_and_size_are_bounded():
    with pytest.raises(MalformedXml, match="deep"):
        parse_xml(b"<a>" * 40 + b"</a>" * 40)
    with pytest.raises(MalformedXml, match="too large"):
        parse_xml(b"<a>" + b" " * LONGEST_BYTES + b"</a>")


@pytest.mark.parametrize("data", [b"", b"   ", b"text", b"<a>", b"<a></b>", b"<", b"\x00\x00"])
def test_what_cannot_be_mended_is_refused(data):
    with pytest.raises(MalformedXml):
        parse_xml(data)


def test_names_are_found_without_case_and_texts_are_trimmed():
    element = parse_xml(b"<Notify><cmdtype> Alarm \r\n</cmdtype><x:SN>3</x:SN></Notify>")
    assert element.value("CmdType") == "Alarm"
    assert element.value("SN") == "3"


@given(st.binary(max_size=300))
def test_only_the_parsers_own_error_escapes(data):
    for body in (data, b"<A>" + data + b"</A>", GB_PROLOG + b"<A><Name>" + data + b"</Name></A>"):
        try:
            parse_xml(body)
        except MalformedXml:
            pass


def test_a_long_body_is_read_in_shares_and_gives_the_same_tree():
    items = "".join(f"<Item><Name>门{n}</Name></Item>" for n in range(20_000))
    data = GB_PROLOG + f"<A>{items}</A>".encode("gb18030")
    shares = read_in_shares(data)
    pauses = 0
    while True:
        try:
            next(shares)
        except StopIteration as done:
            tree = done.value
            break
        pauses += 1
    assert pauses > 10
    assert [child.value("Name") for child in tree.children] == [f"门{n}" for n in range(20_000)]


@given(st.integers(0, 40), st.integers(0, 2**16))
def test_a_share_may_end_anywhere(padding, place):
    text = " " * padding + "门" * (32_760 + place % 16)
    data = f"<A><Name>x{text}y</Name><Next>7</Next></A>".encode()
    assert parse_xml(data).value("Next") == "7"
