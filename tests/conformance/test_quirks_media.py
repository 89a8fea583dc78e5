"""Quirks of media (gb28181.md section 9, 35 to 48, and peers.md 3.4): pictures come all the same.

The pretend camera of the simulator sends, with a switch on; the platform's intake shows.
"""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from sip.gb28181.quirks import DeviceHints, Quirk, QuirkTable, builtin_rows
from sip.gb28181.ssrc import SsrcPool
from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.formats import parse_packet
from stream_relay.formats.detect import choose_depacketizer
from stream_relay.formats.twins import twin
from stream_relay.media_quirks import PREAMBLE, PRIVATE, RESTART_AFTER, RTCP, OddFraming
from stream_relay.packetizer import MediaFaults, Packetizer
from stream_relay.sources.ports import PortPool
from stream_relay.voice.packets import TCP_MS, VoicePacketizer
from tests.stream_relay.media import SSRC, VIDEO, pictures, sound
from tests.stream_relay.sources.test_intake import DEVICE, STRANGER, Desk, same_pictures

if TYPE_CHECKING:
    from stream_relay.formats.rfc4571 import TcpFramer
else:
    TcpFramer = twin("rfc4571").TcpFramer

MAP, VIDEO_PES, SOUND_PES = b"\0\0\1\xbc", b"\0\0\1\xe0", b"\0\0\1\xc0"


def camera(audio: Codec | None = None, **switches: Any) -> Packetizer:
    """A camera with these switches on."""
    return Packetizer(SSRC, Codec.H264, audio, payload_bytes=300, quirks=MediaFaults(**switches))


def packets_of(source: Packetizer, units: Sequence[AccessUnit]) -> list[bytes]:
    return [packet for unit in units for packet in source.packets(unit)]


def payload(packets: Sequence[bytes]) -> bytes:
    return b"".join(parse_packet(packet).payload for packet in packets)


def shown(packets: Sequence[bytes], *, wait_s: float = 1.0) -> list[AccessUnit]:
    """The pictures that a reader gets for these packets."""
    desk = Desk()
    desk.send(list(packets))
    desk.wait(wait_s)
    desk.intake.finish(desk.clock.now)
    return [unit for unit in desk.shown() if unit.track is Kind.VIDEO]


def over_tcp(packets: Sequence[bytes], **switches: Any) -> tuple[bytes, list[bytes]]:
    """The bytes of a connection, and the packets found in them."""
    data = OddFraming(MediaFaults(**switches)).frames(packets)
    framer = TcpFramer()
    return data, [p for n in range(0, len(data), 1000) for p in framer.push(data[n : n + 1000])]


def test_q35_the_device_s_own_ssrc() -> None:
    units = pictures(30)
    source = Packetizer(SSRC ^ 0x01010101, Codec.H264, None, payload_bytes=300)
    packets = packets_of(source, units)
    assert parse_packet(packets[0]).ssrc != SSRC
    assert same_pictures(shown(packets), units)


def test_q36_media_after_bye_meets_no_new_session() -> None:
    pool = PortPool(range(30000, 30004), 30.0)
    port = pool.take(0.0)
    pool.give_back(port, 1.0)
    assert pool.take(2.0) != port
    ssrcs = SsrcPool("34020000002000000001", random.Random(1).randbytes)
    ssrc = ssrcs.take(0.0)
    ssrcs.hold(ssrc)
    ssrcs.release(ssrc, 1.0)
    assert ssrc not in {ssrcs.take(2.0) for _ in range(500)}


@pytest.mark.parametrize("number", [100, 40])
def test_q37_program_stream_under_another_payload_type(number: int) -> None:
    units = pictures(30)
    packets = packets_of(camera(payload_number=number), units)
    assert {parse_packet(packet).payload_type for packet in packets} == {number}
    assert same_pictures(shown(packets), units)


def test_q38_stream_map_with_a_bad_checksum() -> None:
    units = pictures(30)
    packets = packets_of(camera(map_bad_crc=True), units)
    good = packets_of(camera(), units)
    assert MAP in payload(packets) and payload(packets) != payload(good)
    assert same_pictures(shown(packets), units)


def test_q39_no_stream_map_and_sound_without_stamps() -> None:
    units = [unit for n, each in enumerate(pictures(30)) for unit in (each, sound(n))]
    packets = packets_of(camera(Codec.G711A, no_map=True, audio_without_stamps=True), units)
    assert MAP not in payload(packets)
    assert SOUND_PES + b"\1\x48\x80\0\5" in payload(packets)  # no stamp, five bytes of stuffing
    assert same_pictures(shown(packets), pictures(30))


def test_q40_sound_that_is_announced_and_never_comes() -> None:
    units = pictures(200)
    packets = packets_of(camera(Codec.G711A, audio_absent=True), units)
    assert b"\x90\xc0\0\0" in payload(packets) and SOUND_PES not in payload(packets)
    desk = Desk()
    desk.send(packets, gap_s=0.02)
    found = desk.shown()
    assert found and same_pictures(found, units[-len(found) :])


def test_q40_sound_that_is_announced_as_something_else() -> None:
    units = [unit for n, each in enumerate(pictures(30)) for unit in (each, sound(n))]
    packets = packets_of(camera(Codec.G711A, map_swapped=True), units)
    assert b"\x0f\xc0\0\0" in payload(packets)  # AAC, and it is A-law
    assert same_pictures(shown(packets), pictures(30))


def test_q41_private_packets_are_skipped() -> None:
    units = pictures(30)
    packets = packets_of(camera(private_packets=True), units)
    assert payload(packets).count(PRIVATE) == 30
    assert same_pictures(shown(packets), units)


@pytest.mark.parametrize("switch", ["marker_missing", "marker_always", "stamps_restart"])
def test_q42_markers_and_stamps_that_say_nothing(switch: str) -> None:
    units = pictures(RESTART_AFTER + 30)
    packets = packets_of(camera(**{switch: True}), units)
    parsed = [parse_packet(packet) for packet in packets]
    if switch == "stamps_restart":
        assert parsed[-1].timestamp < max(packet.timestamp for packet in parsed)
    else:
        assert {packet.marker for packet in parsed} == {switch == "marker_always"}
    found = shown(packets)
    assert same_pictures(found, units)
    assert [u.dts_ticks for u in found] == sorted(u.dts_ticks for u in found)


@pytest.mark.parametrize(("switch", "offending"), [("interleaved", b"$\0"), ("preamble", PREAMBLE)])
def test_q43_other_framings_over_tcp(switch: str, offending: bytes) -> None:
    units = pictures(30)
    packets = packets_of(camera(), units)
    data, found = over_tcp(packets, **{switch: True})
    assert data.startswith(offending)
    assert found == packets
    large = packets_of(Packetizer(SSRC, Codec.H264, None, payload_bytes=60_000), units)
    assert over_tcp(large)[1] == large


def test_q44_rtcp_inside_the_tcp_stream() -> None:
    packets = packets_of(camera(), pictures(30))
    data, found = over_tcp(packets, rtcp_inside=True)
    assert RTCP in data and found == packets


@pytest.mark.parametrize(
    ("switch", "offending"),
    [("pes_unbounded", VIDEO_PES + b"\0\0"), ("garbage_between", b"\xff" * 7)],
)
def test_q45_unbounded_pes_and_garbage_between_packs(switch: str, offending: bytes) -> None:
    units = pictures(30)
    packets = packets_of(camera(**{switch: True}), units)
    assert offending in payload(packets)
    assert same_pictures(shown(packets), units)


def test_q46_voice_over_tcp_in_longer_packets_and_udp_first() -> None:
    assert TCP_MS == 100
    hints = DeviceHints(user_agent="Hikvision")
    quirks = QuirkTable(builtin_rows()).find(hints)
    assert quirks.number(Quirk.VOICE_PACKET_MS) == 100
    assert (quirks.text(Quirk.VOICE_TRANSPORT), quirks.text(Quirk.VOICE_PACKING)) == (
        "udp",
        "plain",
    )
    maker = VoicePacketizer(7, packet_ms=quirks.number(Quirk.VOICE_PACKET_MS))
    packets = [p for _ in range(20) for p in maker.push(b"\xd5" * 160)]
    assert {len(parse_packet(packet).payload) for packet in packets} == {800}


def test_q47_a_source_that_comes_back_from_another_port() -> None:
    desk, units = Desk(), pictures(60)
    source = camera()
    desk.send(packets_of(source, units[:30]))
    desk.intake.latch.release()  # its connection is closed
    desk.send(packets_of(source, units[30:]), (DEVICE[0], 6001))
    desk.wait(1)
    desk.intake.finish(desk.clock.now)
    assert same_pictures(desk.shown(), units)


def test_q48_one_ssrc_of_two_devices_is_not_mixed() -> None:
    desk, units = Desk(), pictures(30)
    mine, theirs = packets_of(camera(), units), packets_of(camera(), pictures(30, start=500))
    for ours, other in zip(mine, theirs, strict=False):
        desk.send([ours])
        desk.send([other], STRANGER)
    desk.wait(1)
    desk.intake.finish(desk.clock.now)
    found = desk.shown()
    assert found and same_pictures(found, units[: len(found)])
    assert desk.stream.counters.rejected > 0


# Of peers.md


def test_p11_a_stream_map_that_names_another_codec() -> None:
    units = pictures(30)
    packets = packets_of(camera(None, map_swapped=True), units)
    assert b"\x24\xe0\0\0" in payload(packets)  # H.265, and it is H.264
    found = shown(packets)
    assert same_pictures(found, units) and found[0].codec is Codec.H264


def test_p12_parameter_sets_before_every_picture_make_no_key_frame() -> None:
    units = pictures(30)
    packets = packets_of(camera(sets_everywhere=True), units)
    assert payload(packets).count(VIDEO.parameter_sets[0]) == 30
    assert [unit.is_key for unit in shown(packets)] == [unit.is_key for unit in units]


def test_p13_a_preamble_of_another_protocol_before_rtp() -> None:
    packets = packets_of(camera(), pictures(30))
    data, found = over_tcp(packets, preamble=True)
    assert data[:256] == PREAMBLE and found == packets


def test_p14_a_sequence_that_begins_again() -> None:
    units = pictures(RESTART_AFTER + 30)
    packets = packets_of(camera(sequence_restarts=True), units)
    numbers = [parse_packet(packet).sequence for packet in packets]
    assert any(0 < (b - a & 0xFFFF) - 1 for a, b in zip(numbers, numbers[1:], strict=False))
    assert len(shown(packets)) >= len(units) - 11  # one group of pictures at most


def test_p15_a_length_that_was_overwritten() -> None:
    units = pictures(60)
    packets = packets_of(camera(), units)
    _, found = over_tcp(packets, length_overwritten=True)
    assert len(packets) > len(found) > 0.9 * len(packets)
    assert len(shown(found)) > 0


def test_p16_a_transport_stream_under_payload_type_96() -> None:
    packet = b"\x47\x40\x00\x10" + b"\xff" * 184
    found = choose_depacketizer(96, packet * 2, {96: "PS/90000"}, None)
    assert type(found).__name__ == "TsDemuxer"


def test_p18_a_stream_map_longer_than_itself() -> None:
    units = pictures(30)
    packets = packets_of(camera(map_bad_length=True), units)
    assert MAP in payload(packets)
    assert same_pictures(shown(packets), units)


def test_p20_aac_that_is_announced_as_g711() -> None:
    config = Track(Kind.AUDIO, Codec.AAC, sample_rate=16000, channels=1, audio_config=b"\x14\x08")
    frames = [
        AccessUnit(Kind.AUDIO, Codec.AAC, n * 5760, n * 5760, True, b"\x21" * 60, config)
        for n in range(20)
    ]
    units = [unit for pair in zip(pictures(20), frames, strict=True) for unit in pair]
    packets = packets_of(camera(Codec.AAC, map_swapped=True), units)
    assert b"\x90\xc0\0\0" in payload(packets)
    desk = Desk()
    desk.send(packets)
    desk.wait(1)
    heard = [unit for unit in desk.shown() if unit.track is Kind.AUDIO]
    assert heard and {unit.codec for unit in heard} == {Codec.AAC}
