"""Every flow as a capture file that Wireshark opens and finds nothing wrong with."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sip.message import parse_message
from sip.message.sdp import parse_sdp
from stream_relay.access_unit import Codec
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.formats.rtp import RtpPacket, parse_packet
from stream_relay.packetizer import Packetizer
from stream_relay.voice.packets import VoicePacketizer
from stream_relay.voice.studio import encode
from tests.conformance.flows import CALL_PORT, FLOWS, PLATFORM_VOICE, VOICE_PORT, call, speak
from tests.sip.capture import Parcel, write_capture
from tests.sip.conftest import DEVICE_HOST, Rig
from tests.sip.wireshark import Seen, tshark
from tests.stream_relay.formats.clips import encode as encode_clip
from tests.stream_relay.voice.tones import sine

CAPTURES = Path(__file__).resolve().parents[2] / "build" / "captures"
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
MEDIA = ("192.0.2.20", 30000)
"""Where the rig of the tests receives."""


@TRANSPORTS
@pytest.mark.parametrize("name", FLOWS)
def test_wireshark_reads_the_flow_without_complaint(make_rig, name: str, transport: str) -> None:
    flow = FLOWS[name]
    rig = make_rig(transport=transport, expires_s=600, **flow.kinds)
    flow.play(rig)
    parcels = rig.network.parcels
    path = CAPTURES / f"{name}_{transport}.pcap"
    assert write_capture(path, parcels) >= len(parcels)
    seen = tshark(path, "sip.Method", "sip.Status-Code")
    assert seen.complaints == []
    read = seen.of("sip")
    assert len(read) == len(parcels)
    assert flow.methods | {"REGISTER"} <= {packet["sip.Method"] for packet in read}
    everything = b"\n".join(parcel.data for parcel in parcels)
    assert [word for word in flow.words if word not in everything] == []


# --- signalling and media in one file -------------------------------------------------------------


def numbers(seen: Iterable[dict[str, str]], name: str) -> list[int]:
    """A field of RTP; packets that share a segment come joined by commas."""
    return [int(one, 0) for packet in seen for one in packet[name].split(",") if one]


def assert_read_as_sent(seen: Seen, sent: Sequence[RtpPacket]) -> None:
    rtp = seen.of("rtp")
    assert numbers(rtp, "rtp.seq") == [packet.sequence for packet in sent]
    assert set(numbers(rtp, "rtp.ssrc")) == {sent[0].ssrc}
    assert numbers(rtp, "rtp.timestamp") == [packet.timestamp for packet in sent]
    assert set(numbers(rtp, "rtp.p_type")) == {sent[0].payload_type}
    markers = [one for packet in rtp for one in packet["rtp.marker"].split(",")]
    assert [one in ("1", "True") for one in markers] == [packet.marker for packet in sent]


def offered(rig: Rig) -> int:
    """The SSRC of the first INVITE."""
    ssrc = parse_sdp(parse_message(rig.packets(b"INVITE")[0]).body).ssrc
    assert ssrc is not None
    return ssrc


RTP_FIELDS = ("rtp.seq", "rtp.ssrc", "rtp.timestamp", "rtp.p_type", "rtp.marker")


@pytest.mark.parametrize("way", ["udp", "tcp-passive"])
@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_wireshark_reads_a_live_stream_with_its_signalling(make_rig, way: str, codec) -> None:
    rig = make_rig()
    call_id = call(rig, transport=way)
    packetizer = Packetizer(offered(rig), codec, None, first_sequence=65_500)
    camera, sent = (DEVICE_HOST, CALL_PORT), []
    for unit in encode_clip(codec).units:
        packets = packetizer.packets(unit)
        sent += [parse_packet(packet) for packet in packets]
        for packet in packets:
            data = packet if way == "udp" else build_frame(packet)
            transport = "udp" if way == "udp" else "tcp"
            rig.network.parcels.append(Parcel(rig.now, transport, camera, MEDIA, data))
        rig.run(0.04)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(5)
    path = CAPTURES / f"live_media_{codec}_{way}.pcap"
    write_capture(path, rig.network.parcels)
    framing = () if way == "udp" else ("-d", f"tcp.port=={MEDIA[1]},rtp")
    seen = tshark(path, *RTP_FIELDS, "sdp.media", options=framing)
    assert seen.complaints == []
    assert [p["sdp.media"] for p in seen.of("sdp") if p["sdp.media"].startswith("video")]
    assert_read_as_sent(seen, sent)


@pytest.mark.parametrize("packet_ms", [20, 180])
def test_wireshark_reads_a_broadcast_with_its_voice(make_rig, packet_ms: int) -> None:
    rig = make_rig()
    speak(rig)
    maker = VoicePacketizer(offered(rig), packet_ms=packet_ms, first_sequence=65_530)
    sound = encode(np.concatenate([sine(440, 1.0)]))
    packets = [p for at in range(0, len(sound), 160) for p in maker.push(sound[at : at + 160])]
    parcels = rig.network.parcels
    bye = next(n for n, parcel in enumerate(parcels) if parcel.data.startswith(b"BYE "))
    at = parcels[bye - 1].at
    parcels[bye:bye] = [
        Parcel(at + n * packet_ms / 1000, "udp", PLATFORM_VOICE, (DEVICE_HOST, VOICE_PORT), packet)
        for n, packet in enumerate(packets)
    ]
    path = CAPTURES / f"broadcast_voice_{packet_ms}ms.pcap"
    write_capture(path, parcels)
    seen = tshark(path, *RTP_FIELDS)
    assert seen.complaints == []
    assert_read_as_sent(seen, [parse_packet(packet) for packet in packets])


# --- the oracle itself ----------------------------------------------------------------------------


def test_a_broken_message_would_be_complained_of(make_rig, tmp_path: Path) -> None:
    rig = make_rig(transport="tcp")
    FLOWS["queries"].play(rig)
    parcels = rig.network.parcels
    place = next(i for i, parcel in enumerate(parcels) if b"\r\n\r\n<?xml" in parcel.data)
    short = re.sub(rb"Content-Length: \d+", b"Content-Length: 99", parcels[place].data)
    parcels[place] = replace(parcels[place], data=short)
    path = tmp_path / "broken.pcap"
    write_capture(path, parcels)
    assert len(tshark(path).complaints) >= 1
