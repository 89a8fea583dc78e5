import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message.sdp import (
    MalformedSdp,
    MediaAnswer,
    MediaOffer,
    build_answer,
    build_offer,
    format_ssrc,
    parse_sdp,
    parse_ssrc,
)

SERVER = "34020000002000000001"
CHANNEL = "34020000001320000001"


def offer(transport="udp", **kinds):
    return MediaOffer("192.0.2.20", 30000, transport, 200000001, **kinds)


def answer_text(*lines):
    return ("\r\n".join(["v=0", "o=x 0 0 IN IP4 192.0.2.101", "s=Play", *lines]) + "\r\n").encode()


def test_live_offer_over_udp_is_the_example_of_the_standard_profile():
    assert build_offer(offer(), owner_id=SERVER) == (
        b"v=0\r\n"
        b"o=34020000002000000001 0 0 IN IP4 192.0.2.20\r\n"
        b"s=Play\r\n"
        b"c=IN IP4 192.0.2.20\r\n"
        b"t=0 0\r\n"
        b"m=video 30000 RTP/AVP 96 97 98 99\r\n"
        b"a=recvonly\r\n"
        b"a=rtpmap:96 PS/90000\r\n"
        b"a=rtpmap:97 MPEG4/90000\r\n"
        b"a=rtpmap:98 H264/90000\r\n"
        b"a=rtpmap:99 H265/90000\r\n"
        b"y=0200000001\r\n"
    )


@pytest.mark.parametrize("transport", ["tcp-passive", "tcp-active"])
def test_tcp_offer_says_who_connects(transport):
    media = parse_sdp(build_offer(offer(transport), owner_id=SERVER)).main_media
    assert media.is_tcp
    assert media.setup == transport.removeprefix("tcp-")
    assert media.attribute("connection") == "new"


def test_sub_stream_is_chosen_by_the_attribute_given():
    text = build_offer(offer(stream="sub"), owner_id=SERVER, stream_attribute="streamnumber:1")
    assert parse_sdp(text).main_media.attribute("streamnumber") == "1"


@pytest.mark.parametrize(
    ("receiver", "setup"), [("tcp-passive", "active"), ("tcp-active", "passive")]
)
def test_the_answer_mirrors_the_receivers_role(receiver, setup):
    answer = MediaAnswer("192.0.2.101", 15060, receiver, 200000001, {96: "PS"})
    media = parse_sdp(build_answer(answer, owner_id=CHANNEL)).main_media
    assert media.setup == setup
    assert media.payloads == {96: "PS"}
    assert media.port == 15060


def test_an_ipv6_host_is_written_as_such():
    text = build_offer(MediaOffer("2001:db8::1", 30000, "udp", 1), owner_id=SERVER)
    assert b"c=IN IP6 2001:db8::1\r\n" in text
    assert parse_sdp(text).main_media.host == "2001:db8::1"


def test_media_level_address_wins():
    text = answer_text("c=IN IP4 10.0.0.1", "m=video 6000 RTP/AVP 96", "c=IN IP4 192.0.2.7/127")
    assert parse_sdp(text).main_media.host == "192.0.2.7"


def test_line_feeds_alone_and_a_missing_last_line_end_are_fine():
    parsed = parse_sdp(b"v=0\ns=x\nm=video 6000 RTP/AVP 96\na=rtpmap:96 PS/90000\ny=100000001")
    assert parsed.ssrc == 100000001
    assert parsed.main_media.payloads == {96: "PS"}


def test_attributes_glued_together_as_in_the_2016_sample_are_taken_apart():
    parsed = parse_sdp(
        answer_text(
            "m=video 6000 RTP/AVP 96 98", "a=sendonlya=rtpmap:96 PS/90000a=rtpmap:98 H264/90000"
        )
    )
    assert parsed.main_media.payloads == {96: "PS", 98: "H264"}


def test_ssrc_line_before_the_media_line_is_found():
    assert parse_sdp(answer_text("y=0200000001", "m=video 1 RTP/AVP 96")).ssrc == 200000001


def test_the_video_line_is_the_main_one_wherever_it_stands():
    parsed = parse_sdp(answer_text("m=audio 7000 RTP/AVP 8", "m=video 6000 TCP/RTP/AVP 96"))
    assert (parsed.main_media.port, parsed.main_media.is_tcp) == (6000, True)


def test_history_times_are_read():
    parsed = parse_sdp(answer_text("t=1714528800 1714532400", "m=video 1 RTP/AVP 96"))
    assert (parsed.start, parsed.stop) == (1714528800, 1714532400)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0200000001", 200000001),
        (" 200000001 ", 200000001),
        ("4294967295", 4294967295),
        ("4294967296", None),
        ("0000000000", None),
        ("12345678901234567890", None),
        ("123456789012345678901", None),
        ("", None),
        ("abc", None),
        ("-1", None),
        ("１２", None),
    ],
)
def test_ssrc_is_read_as_a_number_and_nonsense_is_none(text, value):
    assert parse_ssrc(text) == value


def test_ssrc_is_written_with_ten_digits():
    assert format_ssrc(1) == "0000000001"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["m=video"],
        ["m=video x RTP/AVP 96"],
        ["m=video 70000 RTP/AVP 96"],
        ["m=video -1 RTP/AVP 96"],
    ],
)
def test_without_a_usable_media_line_there_is_no_description(lines):
    with pytest.raises(MalformedSdp) as caught:
        parse_sdp(answer_text(*lines))
    assert caught.value.status == 488


def test_a_giant_body_is_refused_before_it_is_read():
    with pytest.raises(MalformedSdp):
        parse_sdp(b"a=x\r\n" * 5000)
    with pytest.raises(MalformedSdp):
        parse_sdp(b"a=x\r\n" * 300)


@given(st.binary(max_size=400))
def test_only_the_parsers_own_error_escapes(data):
    try:
        parse_sdp(b"m=video 1 RTP/AVP 96\r\n" + data)
        parse_sdp(data)
    except MalformedSdp:
        pass


@given(
    st.sampled_from(["udp", "tcp-passive", "tcp-active"]),
    st.integers(1, 65535),
    st.integers(1, 2**32 - 1),
)
def test_offer_survives_a_round_trip(transport, port, ssrc):
    parsed = parse_sdp(build_offer(MediaOffer("10.1.2.3", port, transport, ssrc), owner_id=SERVER))
    media = parsed.main_media
    assert (media.host, media.port, parsed.ssrc) == ("10.1.2.3", port, ssrc)
    assert media.is_tcp == (transport != "udp")
