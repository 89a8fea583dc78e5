"""The SDP of voice and the body of Broadcast: read back, tolerated, hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181.broadcast import (
    build_broadcast,
    build_broadcast_response,
    parse_broadcast,
)
from sip.gb28181.manscdp import Root, parse_envelope
from sip.gb28181.voice import VoiceAnswer, build_voice_answer, build_voice_offer, read_voice_offer
from sip.message.sdp import MalformedSdp, parse_sdp

HOST = "192.0.2.101"
WAYS = st.sampled_from(["udp", "tcp-passive", "tcp-active"])


@given(
    port=st.integers(0, 65535),
    way=WAYS,
    ssrc=st.one_of(st.none(), st.integers(1, 2**32 - 1)),
    name=st.sampled_from(["Play", "Talk"]),
)
def test_an_offer_is_read_back(port, way, ssrc, name):
    body = build_voice_offer(HOST, port, way, ssrc, owner_id="1", name=name)
    read = read_voice_offer(body, "198.51.100.1")
    assert (read.host, read.port, read.transport, read.ssrc) == (HOST, port, way, ssrc)
    assert (read.payload_type, read.is_program_stream, read.name) == (8, False, name)


@given(way=WAYS)
def test_an_answer_mirrors_the_offer(way):
    offer = read_voice_offer(build_voice_offer(HOST, 16000, way, 7, owner_id="1"), HOST)
    answered = parse_sdp(
        build_voice_answer(VoiceAnswer("192.0.2.20", 30010, 7, offer), owner_id="2")
    )
    [media] = answered.media
    mirror = {"udp": None, "tcp-passive": "active", "tcp-active": "passive"}
    assert (media.is_tcp, media.setup) == (way != "udp", mirror[way])
    assert ("sendonly", "") in media.attributes


@pytest.mark.parametrize(
    ("body", "payload_type", "is_ps"),
    [
        (b"m=audio 1 RTP/AVP 8\n", 8, False),
        (b"m=audio 1 RTP/AVP 0 8\n", 8, False),
        (b"m=audio 1 RTP/AVP 100\na=rtpmap:100 PCMA/8000\n", 100, False),
        (b"m=audio 1 RTP/AVP 96 8\na=rtpmap:96 PS/90000\n", 8, False),
        (b"m=audio 1 RTP/AVP 96\na=rtpmap:96 PS/90000\n", 96, True),
        (b"m=audio 1 RTP/AVP 96\n", 96, True),
        (b"m=audio 1 RTP/AVP\n", 8, False),
        (b"m=audio 1 RTP/AVP 0\n", 0, False),
        (b"m=video 1 RTP/AVP 8\nm=audio 2 RTP/AVP 8\n", 8, False),
    ],
)
def test_the_payload_that_the_device_can_play(body, payload_type, is_ps):
    read = read_voice_offer(b"v=0\nc=IN IP4 1.2.3.4\n" + body, HOST)
    assert (read.payload_type, read.is_program_stream) == (payload_type, is_ps)


@pytest.mark.parametrize(
    ("offered", "payload_type", "is_mu_law"),
    [
        (b"0", 0, True),
        (b"0 8", 8, False),
        (b"8 0", 8, False),
        (b"97\na=rtpmap:97 PCMU/8000", 97, True),
        (b"96 0\na=rtpmap:96 PS/90000", 0, True),
        (b"0\na=rtpmap:0 PCMA/8000", 0, False),
    ],
)
def test_a_device_that_knows_only_mu_law_gets_it(offered, payload_type, is_mu_law):
    offer = read_voice_offer(b"v=0\nc=IN IP4 1.2.3.4\nm=audio 1 RTP/AVP " + offered + b"\n", HOST)
    assert (offer.payload_type, offer.is_mu_law) == (payload_type, is_mu_law)
    answer = build_voice_answer(VoiceAnswer(HOST, 9, 1, offer), owner_id="34020000002000000001")
    law = "PCMU" if is_mu_law else "PCMA"
    assert f"a=rtpmap:{payload_type} {law}/8000\r\n".encode() in answer


@pytest.mark.parametrize("address", [b"", b"c=IN IP4 0.0.0.0\n", b"c=\n"])
def test_an_offer_of_nowhere_means_where_it_came_from(address):
    read = read_voice_offer(b"v=0\n" + address + b"m=audio 1 RTP/AVP 8\n", HOST)
    assert read.host == HOST


@given(data=st.binary(max_size=400))
def test_nothing_but_malformed_comes_out(data):
    try:
        read_voice_offer(data, HOST)
    except MalformedSdp as error:
        assert error.status == 488


def test_the_notification_and_its_answer_are_read_back():
    envelope = parse_envelope(build_broadcast("1" * 20, "2" * 20, 992))
    read = parse_broadcast(envelope)
    assert (envelope.root, read.sn, read.source_id, read.target_id) == (
        Root.NOTIFY, 992, "1" * 20, "2" * 20,
    )  # fmt: skip
    answer = parse_envelope(build_broadcast_response("2" * 20, 992, is_ok=False))
    assert (answer.root, answer.sn, answer.body.value("Result")) == (Root.RESPONSE, 992, "ERROR")
