"""What a device sends to hear voice, and what a browser sends to be heard: nothing may escape."""

from sip.errors import MalformedMessage
from sip.gb28181.broadcast import build_broadcast, build_broadcast_response, parse_broadcast
from sip.gb28181.manscdp import LONGEST_ID, parse_envelope
from sip.gb28181.voice import (
    VoiceAnswer,
    build_voice_answer,
    build_voice_offer,
    read_voice_offer,
)
from sip.message.sdp import MalformedSdp
from stream_relay.voice.decode import MicrophoneDecoder

HOST = "192.0.2.101"
SEEDS: list[bytes] = [
    build_voice_offer(HOST, 16000, "udp", 10, owner_id="34020000001370000001"),
    build_voice_offer(HOST, 16000, "tcp-passive", None, owner_id="34020000001370000001"),
    build_voice_offer(HOST, 9, "tcp-active", 12, owner_id="1", name="Talk", direction="sendrecv"),
    b"v=0\nm=video 16000 RTP/AVP 96\na=rtpmap:96 PS/90000\ny=0\n",
    build_broadcast("34020000002000000001", "34020000001370000001", 992),
    build_broadcast_response("34020000001370000001", 992),
    bytes(range(256)) * 2,
]


def one_case(data: bytes) -> None:
    """Read it as an offer, as a notification and as sound."""
    try:
        offer = read_voice_offer(data, HOST)
    except MalformedSdp:
        pass
    else:
        answer = build_voice_answer(VoiceAnswer(HOST, 30000, 7, offer), owner_id="1")
        again = read_voice_offer(answer, HOST)
        assert again.payload_type == offer.payload_type
        assert (again.transport == "udp") is (offer.transport == "udp")
    try:
        read = parse_broadcast(parse_envelope(data))
    except MalformedMessage:
        pass
    else:
        assert max(len(read.source_id), len(read.target_id)) <= LONGEST_ID
    for form in ("s16", "opus"):
        samples = MicrophoneDecoder(form, 48000).decode(data)
        assert len(samples) <= max(16 * len(data), 16_000)
