"""What upper platforms offer, read whatever they write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message.sdp import History, MalformedSdp, MediaOffer, build_offer, parse_sdp
from sip.roles.upward.offer import (
    LONGEST_HISTORY_S,
    NAMES,
    UnfitOffer,
    build_upper_answer,
    read_ack,
    read_upper_offer,
)

HOST = "198.51.100.5"
CHANNEL = "34020000001320000001"
OWN_ID = "34020000002000000001"


def sdp(*lines: str, name="Play", times="0 0", eol="\r\n") -> bytes:
    text = ["v=0", "o=x 0 0 IN IP4 192.0.2.1", f"s={name}", f"t={times}", *lines]
    return (eol.join(text) + eol).encode()


@pytest.mark.parametrize(
    ("name", "times", "kind"),
    [
        ("Play", "0 0", "live"),
        ("PLAY", "0 0", "live"),
        (" play ", "0 0", "live"),
        ("Embedded Net DVR", "0 0", "live"),
        ("-", "1714528800 1714532400", "playback"),
        ("playback", "1714528800 1714532400", "playback"),
        ("DownLoad", "1714528800 1714532400", "download"),
    ],
)
def test_the_kind_is_read_from_the_name(name, times, kind):
    offer = read_upper_offer(sdp("m=video 4000 RTP/AVP 96", name=name, times=times), HOST)
    assert offer.kind == kind
    assert (offer.history is None) is (kind == "live")


@pytest.mark.parametrize(
    ("lines", "transport"),
    [
        (["m=video 4000 RTP/AVP 96"], "udp"),
        (["m=video 4000 TCP/RTP/AVP 96", "a=setup:passive"], "tcp-passive"),
        (["m=video 4000 TCP/RTP/AVP 96", "a=setup:ACTIVE"], "tcp-active"),
        (["m=video 4000 TCP/RTP/AVP 96"], "tcp-passive"),
        (["a=setup:active", "m=video 9 TCP/RTP/AVP 96"], "tcp-active"),
    ],
)
def test_who_connects(lines, transport):
    assert read_upper_offer(sdp(*lines), HOST).transport == transport


@pytest.mark.parametrize(
    ("attribute", "stream"),
    [
        ("a=streamnumber:0", "main"),
        ("a=streamnumber:1", "sub"),
        ("a=streamnumber:2", "sub"),
        ("a=stream:1", "sub"),
        ("a=stream:sub", "sub"),
        ("a=stream:main", "main"),
        ("a=streamprofile:1", "sub"),
        ("a=streamMode:SUB", "sub"),
        ("a=streamMode:MAIN", "main"),
        ("a=recvonly", "main"),
    ],
)
def test_the_stream_is_chosen_in_every_form(attribute, stream):
    assert read_upper_offer(sdp("m=video 4000 RTP/AVP 96", attribute), HOST).stream == stream


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("", HOST),
        ("c=IN IP4 0.0.0.0", HOST),
        ("c=IN IP6 ::", HOST),
        ("c=IN IP4 media.upper.example", HOST),
        ("c=IN IP4", HOST),
        ("c=IN IP4 192.0.2.77", "192.0.2.77"),
        ("c=IN IP4 192.0.2.77/127", "192.0.2.77"),
        ("c=IN IP6 2001:db8::7", "2001:db8::7"),
    ],
)
def test_where_the_media_goes(line, host):
    assert read_upper_offer(sdp("m=video 4000 RTP/AVP 96", line), HOST).host == host


def test_attributes_glued_together_as_the_sample_of_2016_prints_them():
    glued = "a=recvonlya=rtpmap:96 PS/90000a=rtpmap:98 H264/90000a=setup:activea=connection:new"
    offer = read_upper_offer(sdp("m=video 4000 TCP/RTP/AVP 96 98", glued, eol="\n"), HOST)
    assert offer.transport == "tcp-active"


@pytest.mark.parametrize(
    ("rtpmap", "fits"),
    [
        ("a=rtpmap:96 PS/90000", True),
        ("a=rtpmap:96 HIKVISION/90000", True),
        ("a=rtpmap:98 H264/90000", False),
        ("a=rtpmap:98 H264/90000\r\na=rtpmap:96 PS/90000", True),
        ("a=recvonly", True),
    ],
)
def test_only_a_program_stream_can_be_had(rtpmap, fits):
    body = sdp("m=video 4000 RTP/AVP 96 98", rtpmap)
    if fits:
        assert read_upper_offer(body, HOST).is_placeable
        return
    with pytest.raises(UnfitOffer) as raised:
        read_upper_offer(body, HOST)
    assert (raised.value.reason, raised.value.status) == ("no_program_stream", 488)


@pytest.mark.parametrize("stop", [1714528800, 1714528800 + LONGEST_HISTORY_S + 1, 0])
def test_a_stretch_of_nothing_or_of_years_is_refused(stop):
    body = sdp("m=video 4000 RTP/AVP 96", name="Playback", times=f"1714528800 {stop}")
    with pytest.raises(UnfitOffer):
        read_upper_offer(body, HOST)


@pytest.mark.parametrize("transport", ["udp", "tcp-passive", "tcp-active"])
@pytest.mark.parametrize("kind", ["Playback", "Download", None])
def test_what_a_platform_of_ours_offers_is_read_and_mirrored(transport, kind):
    history = None if kind is None else History(kind, 1714528800, 1714532400, 3, 4)
    given_offer = MediaOffer("192.0.2.7", 4000, transport, 200000001, history=history)
    body = build_offer(given_offer, owner_id="34000000002000000001", channel_id=CHANNEL)
    offer = read_upper_offer(body, HOST)
    assert (offer.host, offer.port, offer.ssrc) == ("192.0.2.7", 4000, 200000001)
    assert (offer.transport, offer.history) == (transport, history)
    answer = parse_sdp(
        build_upper_answer(
            offer, "192.0.2.20", 30000, 200000001, owner_id=OWN_ID, channel_id=CHANNEL
        )
    )
    assert answer.name == NAMES[offer.kind]
    assert answer.uri == ("" if history is None else f"{CHANNEL}:3")
    mirror = {"udp": None, "tcp-passive": "active", "tcp-active": "passive"}
    assert answer.main_media.setup == mirror[transport]
    assert offer.is_same_media(read_upper_offer(body, HOST), 200000001)


_VALUES = st.sampled_from(
    ["Play", "Playback", "Talk", "0 0", "1 2", "9 1", "IN IP4 0.0.0.0", "IN IP4 224.0.0.1",
     "video 0 RTP/AVP 96", "video 4000 TCP/RTP/AVP 96", "audio 4000 RTP/AVP 8", "setup:active",
     "rtpmap:96 PS/90000", "rtpmap:8 PCMA/8000", "0200000001", "99999999999", "1:0", ""]
)  # fmt: skip
_LINES = st.lists(st.tuples(st.sampled_from("vosuctmayf"), st.one_of(_VALUES, st.text())))


@given(_LINES, st.binary(max_size=64))
def test_nothing_but_two_errors_comes_out_of_whatever_comes_in(lines, tail):
    body = "\r\n".join(f"{key}={value}" for key, value in lines).encode("utf-8", "replace") + tail
    for read in (lambda: read_upper_offer(body, HOST), lambda: read_ack(body, _plain(), HOST)):
        try:
            offer = read()
        except (MalformedSdp, UnfitOffer) as error:
            assert error.status in (400, 488)
            continue
        assert 0 <= offer.port < 65536
        answer = build_upper_answer(offer, "192.0.2.20", 1, 1, owner_id=OWN_ID, channel_id=CHANNEL)
        assert parse_sdp(answer).ssrc == 1


def _plain():
    return read_upper_offer(sdp("m=video 4000 RTP/AVP 96"), HOST)
