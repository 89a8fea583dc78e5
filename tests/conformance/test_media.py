"""Numbers 83 to 93 of the checklist: program streams, RTP and RTCP."""

import asyncio
import random
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache

import pytest

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.events import FirstKeyFrame, FirstPacket, StreamStalled
from stream_relay.formats import PsDemuxer, TcpFramer, parse_packet
from stream_relay.formats.pes import build_pack, build_pes_header
from stream_relay.formats.ps_mux import PsMuxer, build_system_header
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.formats.stream_map import build_stream_map, crc32_mpeg, parse_stream_map
from stream_relay.packetizer import PAYLOAD_BYTES, FaultyPath, MediaFaults, Packetizer
from stream_relay.relay import Relay
from stream_relay.sources import gb28181
from stream_relay.sources.sockets import bind_pair
from tests.stream_relay.formats.clips import Clip, encode, program_stream, shifted
from tests.stream_relay.formats.test_ps_mux import packets_of
from tests.stream_relay.media import SSRC, Camera, Clock, pictures, udp_socket
from tests.stream_relay.sources.test_intake import Desk
from tests.stream_relay.test_forwarder import NEW_SSRC, OTHER_SSRC, Platform
from tests.stream_relay.test_relay import HOST, config, shown
from tests.stream_relay.test_relay import Desk as RelayDesk
from tests.vms.bench import CHANNEL, HandClock
from tests.vms.services.live.stage import FAST, open_stage
from vms.bus import Bus
from vms.records import LiveReason, LiveState

START = 90_000
AAC_CONFIG = b"\x14\x08"
"""AAC-LC, 16 kHz, mono."""
SOUNDS = {
    Codec.G711A: Track(Kind.AUDIO, Codec.G711A, sample_rate=8000, channels=1),
    Codec.G711U: Track(Kind.AUDIO, Codec.G711U, sample_rate=8000, channels=1),
    Codec.AAC: Track(
        Kind.AUDIO, Codec.AAC, sample_rate=16_000, channels=1, audio_config=AAC_CONFIG
    ),
}
PRIVATE = b"\x00\x00\x01\xbd\x00\x06HIKVIS"
GAP = 10
"""Pictures from key to key in the clips."""


@cache
def clip(codec: Codec = Codec.H264) -> Clip:
    return encode(codec)


@cache
def large() -> Clip:
    """Key frames beyond one PES."""
    return encode(Codec.H264, 640, 480, 6, gop=3)


def moved(recorded: Clip) -> list[AccessUnit]:
    return [shifted(unit, START) for unit in recorded.units]


def read(data: bytes) -> list[AccessUnit]:
    demuxer = PsDemuxer()
    return demuxer.push(data) + demuxer.flush()


def data_of(units: Sequence[AccessUnit]) -> list[bytes]:
    return [unit.data for unit in units]


# --- the program stream --------------------------------------------------------------------------


def test_c083_every_key_frame_has_all_headers_and_a_valid_checksum() -> None:
    muxer = PsMuxer(Codec.H264, Codec.G711A)
    for unit in moved(large()):
        packets = packets_of(muxer.mux(unit))
        kinds = [kind for kind, _ in packets]
        assert kinds[:3] == (
            [0xBA, 0xBB, 0xBC] if unit.is_key else [0xBA, 0xE0, 0xE0][: len(kinds)]
        )
        assert all(len(packet) <= 6 + 0xFFFF for _, packet in packets)
        if unit.is_key:
            assert packets[1][1] == build_system_header(has_video=True, has_audio=True)
            assert parse_stream_map(packets[2][1]) == {0xE0: 0x1B, 0xC0: 0x90}
            assert crc32_mpeg(packets[2][1]) == 0
            assert kinds.count(0xE0) > 1, "a frame beyond 65535 bytes needs several PES"


def test_c083_what_is_written_is_read_back_bit_for_bit() -> None:
    sent = moved(large())
    got = read(program_stream(sent))
    assert data_of(got) == data_of(sent)
    assert [unit.pts_ticks for unit in got] == [unit.pts_ticks - START for unit in sent]
    assert [unit.is_key for unit in got] == [unit.is_key for unit in sent]


async def test_c083_what_the_platform_writes_is_as_good() -> None:
    sent = pictures(21, gop=GAP)
    async with Relay(config(), Clock().wall) as relay:
        desk = RelayDesk(relay)
        receiver = await desk.open()
        with udp_socket() as device, udp_socket() as sock:
            sock.setblocking(False)
            forwarder = await relay.forward(
                receiver.stream,
                "udp",
                ssrc=NEW_SSRC,
                host=HOST,
                port=sock.getsockname()[1],
                content="all",
            )
            platform, demuxer, got, written = Platform(forwarder, sock), PsDemuxer(), [], b""
            for packet in Camera().packets(sent):
                device.sendto(packet, (HOST, receiver.port))
            while len(got) < 20:  # the last one is not known to be whole
                packet = parse_packet((await platform.take(1))[0])
                written += packet.payload
                got += demuxer.push(packet.payload, packet.timestamp, packet.marker)
    assert data_of(got) == data_of(sent[:20])
    for code in (b"\0\0\1\xbb", b"\0\0\1\xbc"):
        assert written.count(code) >= 2, "one for each key frame"


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_c085_the_map_tells_the_codecs(codec: Codec, sound: Codec) -> None:
    muxer, parts, heard = PsMuxer(None), [], []
    muxer.describe([Track(Kind.VIDEO, codec), SOUNDS[sound]])
    for number, unit in enumerate(moved(clip(codec))):
        said = bytes([number + 1]) * 80
        ticks = unit.dts_ticks
        parts.append(muxer.mux(unit))
        parts.append(
            muxer.mux(AccessUnit(Kind.AUDIO, sound, ticks, ticks, True, said, SOUNDS[sound]))
        )
        heard.append(said)
    demuxer = PsDemuxer()
    got = demuxer.push(b"".join(parts)) + demuxer.flush()
    assert data_of([unit for unit in got if unit.track is Kind.VIDEO]) == clip(codec).data
    assert data_of([unit for unit in got if unit.track is Kind.AUDIO]) == heard
    assert [track.codec for track in demuxer.tracks()] == [codec, sound]


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_c086_without_a_map(codec: Codec) -> None:
    data = program_stream(moved(clip(codec)), PsMuxer(codec, with_map=False))
    assert b"\x00\x00\x01\xbc" not in data
    assert data_of(read(data)) == clip(codec).data


def test_c086_with_a_bad_checksum() -> None:
    good = build_stream_map({0xE0: 0x24})
    data = program_stream(moved(clip(Codec.H265)))
    assert good in data
    assert data_of(read(data.replace(good, good[:-4] + b"\0\0\0\0"))) == clip(Codec.H265).data


def test_c086_with_private_packets() -> None:
    muxer = PsMuxer(Codec.H264)
    data = b"".join(muxer.mux(unit) + PRIVATE for unit in moved(clip()))
    assert data_of(read(data)) == clip().data


def test_c086_with_pes_of_length_0() -> None:
    parts = []
    for unit in moved(clip()):
        header = build_pes_header(0xE0, 0, unit.pts_ticks, None)
        parts += [build_pack(0, 1000), header[:4] + b"\0\0" + header[6:], unit.data]
    assert data_of(read(b"".join(parts))) == clip().data


# --- RTP -----------------------------------------------------------------------------------------


def test_c084_a_frame_has_one_stamp_and_its_last_packet_the_marker() -> None:
    packetizer = Packetizer(SSRC, Codec.H264, None, first_sequence=65_530)
    stamps, numbers = [], []
    for unit in large().units:  # key frames of many packets, others of one
        packets = [parse_packet(data) for data in packetizer.packets(unit)]
        assert (len(packets) > 1) == (len(unit.data) > PAYLOAD_BYTES)
        assert {packet.timestamp for packet in packets} == {unit.dts_ticks}
        assert [packet.marker for packet in packets] == [False] * (len(packets) - 1) + [True]
        assert {packet.ssrc for packet in packets} == {SSRC}
        stamps.append(packets[0].timestamp)
        numbers += [packet.sequence for packet in packets]
    assert len(set(stamps)) == len(stamps)
    assert numbers == [(65_530 + n) & 0xFFFF for n in range(len(numbers))]


@pytest.mark.parametrize("loss", [0.01, 0.02, 0.03, 0.04, 0.05])
def test_c087_loss_never_blocks_and_the_next_key_frame_mends(loss: float) -> None:
    desk, sent = Desk(), pictures(600, gop=GAP)
    path = FaultyPath(MediaFaults(loss=loss), random.Random(11))
    desk.send(list(path.passed(Camera().packets(sent))))
    desk.wait(1.0)
    places = {unit.data: index for index, unit in enumerate(sent)}
    got = [places[unit.data] for unit in desk.shown()]
    assert path.lost > 0
    assert got == sorted(set(got)), "only whole pictures, in order, none twice"
    for before, after in zip(got, got[1:], strict=False):
        assert after == before + 1 or after % GAP == 0, "after a gap a key frame comes first"
    # A key frame that lost a packet itself costs its group, too; what came whole is never held up.
    assert got[-1] >= len(sent) - 4 * GAP
    assert desk.stream.counters.lost <= path.lost


@pytest.mark.parametrize("distance", [1, 5, 20])
def test_c088_packets_out_of_order_and_numbers_that_wrap(distance: int) -> None:
    desk, sent = Desk(), pictures(60, gop=GAP)
    packets = Camera(sequence=65_500).packets(sent)
    for at in range(10, len(packets) - distance, 50):
        packets.insert(at + distance, packets.pop(at))
    assert {parse_packet(data).sequence for data in packets} >= {65_535, 0}
    desk.send(packets)
    desk.wait(1.0)
    assert data_of(desk.shown()) == data_of(sent)
    counters = desk.stream.counters
    assert (counters.lost, counters.reordered > 0) == (0, True)


# --- RTP over TCP --------------------------------------------------------------------------------


def framed(packets: Sequence[bytes]) -> bytes:
    return b"".join(build_frame(packet) for packet in packets)


def test_c089_frames_may_be_cut_between_any_two_bytes() -> None:
    sent = Camera().packets(pictures(2))
    data = framed(sent)
    for cut in range(1, len(data)):
        framer = TcpFramer()
        assert framer.push(data[:cut]) + framer.push(data[cut:]) == sent
    framer = TcpFramer()
    assert [packet for byte in data for packet in framer.push(bytes([byte]))] == sent


@pytest.mark.parametrize("length", [0, 1, 11, 40, 5000, 65_535])
def test_c089_a_broken_length_costs_no_more_than_what_it_hit(length: int) -> None:
    sent = Camera().packets(pictures(400))
    broken = struct.pack("!H", length) + sent[10]
    framer = TcpFramer()
    got = framer.push(framed(sent[:10]) + broken + framed(sent[11:]))
    assert got[:10] == sent[:10]
    assert got[-1] == sent[-1]
    missing = set(sent) - set(got)
    assert sum(map(len, missing)) <= length + 2 * len(sent[10]) + 2 * len(missing)


def test_c090_dollar_framing_and_rtcp_inside() -> None:
    sent = Camera().packets(pictures(3))
    report = bytes.fromhex("80c80006") + bytes(24)
    mixed = [part for packet in sent for part in (report, packet)]
    interleaved = b"".join(
        b"$" + bytes([channel]) + build_frame(part)
        for part in mixed
        for channel in [int(part is report)]
    )
    for data in (framed(mixed), interleaved):
        framer = TcpFramer()
        assert framer.push(data) == sent
        assert framer.rtcp == len(sent)


# --- RTCP, silence, and the way on ---------------------------------------------------------------


async def test_c091_receiver_reports_are_sent_and_no_sender_report_is_needed(monkeypatch) -> None:
    monkeypatch.setattr(gb28181, "REPORT_INTERVAL_S", 0.05)
    loop = asyncio.get_running_loop()
    async with Relay(config(), Clock().wall) as relay:
        desk = RelayDesk(relay)
        receiver, sent = await desk.open(), pictures(5)
        rtp, rtcp = bind_pair(HOST, 0, 0)
        with rtp, rtcp:
            packets = Camera().packets(sent)
            for packet in packets:
                rtp.sendto(packet, (HOST, receiver.port))
            await desk.event(FirstPacket)
            async with asyncio.timeout(60):
                while True:
                    report = await loop.sock_recv(rtcp, 200)
                    if struct.unpack_from("!I", report, 16)[0] == packets_end(packets):
                        break
        assert report[1] == 201
        assert struct.unpack_from("!I", report, 8)[0] == SSRC
        last_sender_report, delay = struct.unpack_from("!II", report, 24)
        assert (last_sender_report, delay) == (0, 0), "none came"
        assert await shown(receiver, 5) == data_of(sent)


def packets_end(packets: Sequence[bytes]) -> int:
    """The extended highest sequence number that a report tells of these."""
    return parse_packet(packets[-1]).sequence


async def test_c092_silence_is_noticed() -> None:
    async with Relay(config(stall_timeout_s=0.3), Clock().wall) as relay:
        desk = RelayDesk(relay)
        receiver = await desk.open()
        with udp_socket() as device:
            for packet in Camera().packets(pictures(3)):
                device.sendto(packet, (HOST, receiver.port))
            await desk.event(FirstKeyFrame)
            stalled = await desk.event(StreamStalled)
        assert stalled.silent_s >= 0.3


async def test_c092_silence_ends_the_session_by_bye() -> None:
    async with open_stage(FAST, HandClock(), Bus()) as stage:
        async with stage.service.watch(CHANNEL, "fmp4", "one"):
            await stage.until_picture()
            stage.media.say(StreamStalled(stage.media.running.stream.id, 15.0))
            status = await stage.until_state(LiveState.STALLED)
            assert status.reason is LiveReason.STALLED
            await stage.until_picture()
            assert stage.signalling.ended == ["invitation-1"]


async def test_c093_each_receiver_gets_the_ssrc_agreed_with_it() -> None:
    sent = Camera().packets(pictures(10))
    async with Relay(config(), Clock().wall) as relay:
        desk = RelayDesk(relay)
        receiver = await desk.open()
        with ExitStack() as stack:
            platforms = {}
            for ssrc in (NEW_SSRC, OTHER_SSRC):
                sock = stack.enter_context(udp_socket())
                sock.setblocking(False)
                forwarder = await relay.forward(
                    receiver.stream, "udp", ssrc=ssrc, host=HOST, port=sock.getsockname()[1]
                )
                platforms[ssrc] = Platform(forwarder, sock)
            device = stack.enter_context(udp_socket())
            for packet in sent:
                device.sendto(packet, (HOST, receiver.port))
            for ssrc, platform in platforms.items():
                came = [parse_packet(data) for data in await platform.take(len(sent))]
                assert {packet.ssrc for packet in came} == {ssrc}
                assert [p.payload for p in came] == [parse_packet(data).payload for data in sent]
