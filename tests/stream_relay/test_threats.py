"""The media cases of the threat list (18 to 25), each shown at the relay's own sockets.

| case | here | elsewhere |
|---|---|---|
| 18 hijack | frame hashes unchanged | `sources/test_latch.py`, `test_relay.py` |
| 19 attacker first | recording, resting port | `sources/test_latch.py`, `test_relay.py` |
| 20 RTP bleed | every open port, silent | `test_relay.py` |
| 21 damaged program streams | all of them | `formats/test_ps.py`, `fuzz/fuzz_ps.py` |
| 22 odd RTP | all of them | `formats/test_loss.py`, `tests/damage` (real networks) |
| 23 TCP framing | all of them | `formats/test_rfc4571.py`, `tests/damage` |
| 24 silence | told, closed, port free | `tests/e2e/test_failures.py`: silent camera, SIGSTOP |
| 25 two hundred slow viewers | | `tests/e2e/test_slow_viewers.py` |
"""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import pytest

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import Overload, StreamClosed
from stream_relay.events import FirstPacket, StreamEnded, StreamResumed, StreamStalled
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.receiver import Transport
from stream_relay.recorder import Recorder, SegmentClosed
from stream_relay.relay import Relay, RelayConfig
from tests.stream_relay.formats.clips import encode, shifted, silence
from tests.stream_relay.media import FRAME_TICKS, SSRC, Clock, clip, probe
from tests.stream_relay.threat import (
    HOST,
    STRANGER,
    Cutter,
    Desk,
    Device,
    Screen,
    frame_hashes,
    framed,
    packs,
    reset,
    until,
)

GOP = 25
CONFIG = RelayConfig(host=HOST, ports=range(0), connect_pause_s=0.01, reorder_wait_s=0.3)
Packs = list[tuple[bytes, int]]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Relay(CONFIG, Clock().wall) as relay:
        yield Desk(relay)


@cache
def foreign() -> tuple[AccessUnit, ...]:
    """An attacker's pictures: as valid as ours, and none of ours."""
    return encode(Codec.H264, 160, 120, 150, gop=GOP).units


def is_shown(count: int) -> Callable[[Screen], bool]:
    return lambda screen: len(screen.pictures) >= count


# 18 to 20: strangers


@pytest.mark.parametrize("host", [STRANGER, HOST], ids=["other host", "other port"])
async def test_hijacker_with_the_right_ssrc_changes_no_decoded_picture(desk: Desk, host: str):
    receiver = await desk.open()
    screen, ours = Screen(receiver), clip()
    mine = Cutter().packets(packs(ours))
    attack = Cutter(sequence=40_000).packets(packs(foreign()))
    with Device(receiver.port) as device, Device(receiver.port, host) as attacker:
        address = device.socket.getsockname()
        await device.send(mine[:40])
        await desk.event(FirstPacket)
        for start in range(40, len(mine), 10):
            await device.send(mine[start : start + 10])
            await attacker.send(attack[start - 40 : start - 30])
        await screen.until(is_shown(len(ours) - 1))
        await until(lambda: receiver.stream.statistics.packets == len(mine))
        await until(lambda: receiver.stream.statistics.rejected == len(attack[: len(mine) - 40]))
    assert frame_hashes(screen.pictures) == frame_hashes(ours[: len(screen.pictures)])
    assert receiver.stream.statistics.source == address


async def test_attacker_who_came_first_is_neither_shown_nor_recorded(desk: Desk, tmp_path: Path):
    receiver = await desk.open()
    screen, ours = Screen(receiver), clip()
    recording = Screen(receiver, "fmp4-any-audio")
    spray = Cutter(ssrc=SSRC + 1).packets(packs(foreign()))
    attack = Cutter(sequence=40_000).packets(packs(foreign()))[:100]
    with Device(receiver.port) as device, Device(receiver.port, STRANGER) as attacker:
        await attacker.send(spray[:200])
        await attacker.send(attack[:20])
        await device.send(Cutter().packets(packs(ours)))
        await attacker.send(attack[20:])
        await screen.until(is_shown(len(ours) - 1))
    with ThreadPoolExecutor(1) as pool:
        files: list[SegmentClosed] = []
        recorder = Recorder(
            recording.reader,
            tmp_path,
            "14040000001320000001",
            executor=pool,
            on_event=lambda event: files.append(event),  # type: ignore[arg-type]  # checked below
            gather_s=0.0,
        )
        await receiver.close()
        assert await recorder.run() == "closed"
    (file,) = files
    with av.open(str(file.path)) as container:
        shown = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(shown) >= len(ours) - 1
    hashes = set(frame_hashes(ours))
    assert set(frame_hashes(screen.pictures)) <= hashes
    assert {sha256(frame.tobytes()).hexdigest() for frame in shown} <= hashes


async def test_sender_of_an_older_session_meets_a_resting_port_and_then_another_ssrc():
    config = replace(CONFIG, ports=range(28_300, 28_302), port_quarantine_s=0.5)
    async with Relay(config, Clock().wall) as relay:
        desk, ours = Desk(relay), clip()
        first = await desk.open()
        port = first.port
        with Device(port) as older:
            old = Cutter().packets(packs(foreign()))
            await older.send(old[:50])
            await desk.event(FirstPacket)
            await first.close()
            with pytest.raises(Overload):
                await desk.open(name="too early")
            second = await opened_again(desk)
            assert second.port == port
            screen = Screen(second)
            with Device(port) as device:
                mine = Cutter(ssrc=SSRC + 9).packets(packs(ours))
                await older.send(old[50:100])
                await device.send(mine)
                await older.send(old[100:150])
                await screen.until(is_shown(len(ours) - 1))
                await until(lambda: second.stream.statistics.rejected == 100)
        assert screen.data == [unit.data for unit in ours[: len(screen.data)]]


async def opened_again(desk: Desk):
    """A receiver as soon as a port has rested long enough."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await desk.open(name="next", ssrc=SSRC + 9)
            except Overload:
                await asyncio.sleep(0.05)


STUN = struct.pack("!HHI", 1, 0, 0x2112A442) + bytes(12)
SENDER_REPORT = struct.pack("!BBHIIIIII", 0x80, 200, 6, SSRC, 1, 2, 0, 0, 0)


async def test_no_open_port_ever_answers_a_stranger(desk: Desk):
    receiver, listening = await desk.open(), await desk.open("tcp-passive", name="tcp")
    valid = Cutter(sequence=7).packets(packs(foreign()[:5]))
    probes = [b"", b"\0", b"OPTIONS sip:x SIP/2.0\r\n\r\n", STUN, SENDER_REPORT, *valid]
    rtp, rtcp = free_pair()
    with rtp, rtcp, Device(receiver.port, STRANGER) as stranger:
        for packet in Cutter().packets(packs(clip()[:10])):
            rtp.sendto(packet, (HOST, receiver.port))
        await desk.event(FirstPacket)
        for packet in probes:
            for port in (receiver.port, receiver.port + 1):
                stranger.socket.sendto(packet, (HOST, port))
        reading, knocking = await asyncio.open_connection(
            HOST, listening.port, local_addr=(STRANGER, 0)
        )
        knocking.write(b"".join(probes) * 20)
        # The device does get something: the receiver report of RFC 3550.
        async with asyncio.timeout(60):
            report = await asyncio.get_running_loop().sock_recv(rtcp, 1500)
        assert report[1] == 201
        with pytest.raises(BlockingIOError):
            stranger.socket.recv(1500)
        await listening.close()
        assert await answered(reading) == b""
        knocking.close()


async def answered(reading: asyncio.StreamReader) -> bytes:
    """All that came back before the connection was closed or reset."""
    try:
        async with asyncio.timeout(60):
            return await reading.read()
    except ConnectionError:
        return b""


def free_pair() -> tuple[socket.socket, socket.socket]:
    """Sockets of a device: RTP on an even port, RTCP on the next."""
    while True:
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtp.bind((HOST, 0))
        port = rtp.getsockname()[1]
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtcp.setblocking(False)
        try:
            if port % 2 == 0:
                rtcp.bind((HOST, port + 1))
                return rtp, rtcp
        except OSError:
            rtcp.close()
            rtp.close()
            continue
        rtcp.close()
        rtp.close()


# 21: damaged and changing program streams


def bit_errors(damaged: Packs) -> Packs:
    """0.05 % of all bits turned."""
    chance = random.Random(21)
    out = []
    for pack, ticks in damaged:
        data = bytearray(pack)
        for _ in range(round(len(data) * 8 * 0.0005) or 1):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        out.append((bytes(data), ticks))
    return out


def pes_length(length: int) -> Callable[[Packs], Packs]:
    """Every video PES says another length than it has."""

    def mangle(damaged: Packs) -> Packs:
        out = []
        for pack, ticks in damaged:
            at = pack.index(b"\0\0\1\xe0") + 4
            out.append((pack[:at] + length.to_bytes(2, "big") + pack[at + 2 :], ticks))
        return out

    return mangle


def unknown_types(damaged: Packs) -> Packs:
    """The stream map names a codec nobody knows for video, and a stream nobody sends."""
    return [(pack.replace(b"\x1b\xe0", b"\x55\xe0"), ticks) for pack, ticks in damaged]


def truncated(damaged: Packs) -> Packs:
    return [(pack[: len(pack) * 2 // 3], ticks) for pack, ticks in damaged]


def swapped(damaged: Packs) -> Packs:
    return list(reversed(damaged))


def noise(damaged: Packs) -> Packs:
    chance = random.Random(22)
    return [(chance.randbytes(len(pack)), ticks) for pack, ticks in damaged]


@pytest.mark.parametrize(
    "mangle",
    [
        bit_errors,
        pes_length(0),
        pes_length(0xFFFF),
        pes_length(1),
        unknown_types,
        truncated,
        swapped,
        noise,
    ],
    ids=["bits", "length 0", "length ffff", "length 1", "types", "short", "swapped", "noise"],
)
async def test_damaged_program_stream_is_in_step_again_two_seconds_after(
    desk: Desk, mangle: Callable[[Packs], Packs]
):
    receiver = await desk.open()
    screen, ours = Screen(receiver), clip()
    sent = packs(ours)
    begin, end = 30, 70
    sent[begin:end] = mangle(sent[begin:end])
    with Device(receiver.port) as device:
        await device.send(Cutter().packets(sent))
        await screen.until(lambda screen: ours[-2].data in screen.data)
    latest = end + 2 * GOP
    shown = set(screen.data)
    assert [unit.data in shown for unit in ours[latest:-1]] == [True] * (len(ours) - latest - 1)
    tail = screen.pictures[screen.data.index(ours[-GOP].data) :]
    assert frame_hashes(tail) == frame_hashes(ours[-GOP : len(ours) - GOP + len(tail)])


SCR_JUMP = 26 * 3600 * 90_000


@pytest.mark.parametrize(
    "moved",
    [
        lambda unit: shifted(unit, SCR_JUMP if unit.dts_ticks >= 60 * FRAME_TICKS else 0),
        lambda unit: shifted(unit, -SCR_JUMP if unit.dts_ticks >= 60 * FRAME_TICKS else 0),
        lambda unit: shifted(unit, (1 << 33) - 60 * FRAME_TICKS),
    ],
    ids=["26 h ahead", "26 h back", "wrap"],
)
async def test_clock_that_jumps_or_wraps_costs_no_picture_and_time_goes_on(
    desk: Desk, moved: Callable[[AccessUnit], AccessUnit]
):
    receiver = await desk.open()
    screen, ours = Screen(receiver), clip()
    with Device(receiver.port) as device:
        await device.send(Cutter().packets(packs([moved(unit) for unit in ours])))
        await screen.until(is_shown(len(ours) - 1))
    assert screen.data == [unit.data for unit in ours[: len(screen.data)]]
    times = [unit.dts_ticks for unit in screen.pictures]
    steps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert all(0 < step <= 2 * 90_000 for step in steps)


async def test_stream_without_a_map_is_shown(desk: Desk):
    receiver = await desk.open()
    screen, ours = Screen(receiver), clip()
    with Device(receiver.port) as device:
        await device.send(Cutter().packets(packs(ours, PsMuxer(with_map=False))))
        await screen.until(is_shown(len(ours) - 1))
    assert screen.data == [unit.data for unit in ours[: len(screen.data)]]


AAC = Track(
    Kind.AUDIO, Codec.AAC, sample_rate=16_000, channels=1, audio_config=bytes.fromhex("1408")
)
AAC_SAMPLES = 1024


def aac_silence() -> list[AccessUnit]:
    """Six seconds of AAC without sound."""
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = AAC.sample_rate, "mono", "fltp"
    quiet = np.zeros((1, AAC_SAMPLES), np.float32)
    step = AAC_SAMPLES * 90_000 // AAC.sample_rate
    units = []
    for index in range(6 * 90_000 // step):
        frame = av.AudioFrame.from_ndarray(quiet, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = AAC.sample_rate, index * AAC_SAMPLES
        for packet in encoder.encode(frame):
            at = len(units) * step
            units.append(AccessUnit(Kind.AUDIO, Codec.AAC, at, at, True, bytes(packet), AAC))
    return units


def with_sound(units: Sequence[AccessUnit], codec: Codec) -> Packs:
    """The pictures, and sound beside them."""
    begin, end = units[0].dts_ticks, units[-1].dts_ticks
    sound = aac_silence()
    if codec is Codec.G711A:
        sound = [silence(unit.dts_ticks, 320) for unit in units]
    beside = [unit for unit in sound if begin <= unit.dts_ticks <= end]
    both = sorted([*units, *beside], key=lambda unit: unit.dts_ticks)
    return packs(both, PsMuxer(Codec.H264, codec))


def changing_sound() -> tuple[Packs, int]:
    ours = clip()
    changed = with_sound(ours[:75], Codec.G711A) + with_sound(ours[75:], Codec.AAC)
    return changed, len(ours)


def changing_picture(codec: Codec, width: int, height: int) -> tuple[Packs, int]:
    ours = clip()[:75]
    other = encode(codec, width, height, 75, gop=GOP).units
    later = [shifted(unit, 75 * FRAME_TICKS) for unit in other]
    return packs(ours) + packs(later, PsMuxer(codec)), len(ours) + len(other)


@pytest.mark.parametrize(
    ("change", "files"),
    [
        (changing_sound, 2),
        (lambda: changing_picture(Codec.H264, 320, 240), 2),
        (lambda: changing_picture(Codec.H265, 160, 120), 2),
    ],
    ids=["sound G.711 to AAC", "resolution", "H.264 to H.265"],
)
async def test_change_in_mid_stream_is_followed_and_begins_a_new_recording(
    desk: Desk, tmp_path: Path, change: Callable[[], tuple[Packs, int]], files: int
):
    receiver = await desk.open()
    screen, recording = Screen(receiver), Screen(receiver, "fmp4-any-audio")
    sent, pictures = change()
    with Device(receiver.port) as device:
        await device.send(Cutter().packets(sent))
        await screen.until(is_shown(pictures - 1))
    await receiver.close()
    closed: list[SegmentClosed] = []
    with ThreadPoolExecutor(1) as pool:
        recorder = Recorder(
            recording.reader,
            tmp_path,
            "14040000001320000001",
            executor=pool,
            on_event=lambda event: closed.append(event),  # type: ignore[arg-type]  # by the probe
            gather_s=0.0,
        )
        assert await recorder.run() == "closed"
    assert len(closed) == files
    frames = [int(probe(file.path)["nb_read_frames"]) for file in closed]
    # The picture at which the sound changed is in both files; the index counts it once.
    assert frames[0] in (75, 76)
    assert pictures - 1 <= sum(frames) <= pictures + 1


# 22: odd RTP


async def sent_and_shown(
    desk: Desk, packets: Sequence[bytes], last: AccessUnit
) -> tuple[Screen, Device]:
    receiver = await desk.open()
    screen = Screen(receiver)
    with Device(receiver.port) as device:
        await device.send(packets)
        await screen.until(lambda screen: last.data in screen.data)
    return screen, device


async def test_loss_reorder_and_doubles_are_counted_as_they_were_made(desk: Desk):
    ours, chance = clip(), random.Random(22)
    packets = Cutter(sequence=65_400, payload_bytes=300).packets(packs(ours))
    out: list[bytes] = []
    lost = doubled = reordered = 0
    index = 0
    while index < len(packets):
        kind = chance.random() if 20 < index < len(packets) - 200 else 1.0
        if kind < 0.05:
            lost += 1
        elif kind < 0.15:
            # Two packets change places, the second of them before nothing that is missing.
            out += [packets[index + 1], packets[index]]
            reordered += 1
            index += 1
        elif kind < 0.2:
            out += [packets[index]] * 2
            doubled += 1
        else:
            out.append(packets[index])
        index += 1
    screen, _ = await sent_and_shown(desk, out, ours[-2])
    figures = screen.receiver.stream.statistics
    assert (figures.lost, figures.duplicate, figures.reordered) == (lost, doubled, reordered)
    whole = {unit.data for unit in ours}
    assert set(screen.data) <= whole
    assert len(frame_hashes(screen.pictures)) == len(screen.pictures)


def decorated(packet: bytes, number: int) -> bytes:
    """The packet with padding, an extension and contributing sources, in turn and together."""
    first, rest, payload = packet[0], packet[1:12], packet[12:]
    sources = extension = padding = b""
    if number % 2:
        first |= 0x20
        padding = bytes(3) + b"\4"
    if number % 3:
        first |= 0x10
        extension = b"\xbe\xde\0\2" + bytes(8)
    if number % 5:
        first |= 3
        sources = bytes(12)
    return bytes([first]) + rest + sources + extension + payload + padding


async def test_padding_extensions_and_contributing_sources_change_nothing(desk: Desk):
    ours = clip()
    plain = Cutter().packets(packs(ours))
    odd = [decorated(packet, number) for number, packet in enumerate(plain)]
    screen, _ = await sent_and_shown(desk, odd, ours[-2])
    assert screen.data == [unit.data for unit in ours[: len(screen.data)]]
    assert screen.receiver.stream.statistics.malformed == 0


async def test_packets_of_one_byte_are_counted_and_change_nothing(desk: Desk):
    ours = clip()
    plain = Cutter().packets(packs(ours))
    odd = [piece for packet in plain for piece in (packet, b"\x80", packet[:11])]
    screen, _ = await sent_and_shown(desk, odd, ours[-2])
    receiver = screen.receiver
    assert screen.data == [unit.data for unit in ours[: len(screen.data)]]
    await until(lambda: receiver.stream.statistics.malformed == 2 * len(plain))
    assert receiver.stream.statistics.packets == len(plain)


@pytest.mark.parametrize("payload_bytes", [1, 64_950])
async def test_payload_of_any_size_is_taken(desk: Desk, payload_bytes: int):
    ours = clip()[:30] if payload_bytes == 1 else large_pictures()
    cutter = Cutter(payload_bytes=payload_bytes)
    # One packet per byte: the first key only, and a picture to end it.
    ours = (*ours[:2], ours[GOP]) if payload_bytes == 1 else ours
    screen, _ = await sent_and_shown(desk, cutter.packets(packs(ours)), ours[-2])
    assert screen.data == [unit.data for unit in ours[: len(screen.data)]]


@cache
def large_pictures() -> tuple[AccessUnit, ...]:
    """Pictures beyond the largest datagram."""
    units = encode(Codec.H264, 1280, 720, 4, gop=2).units
    assert max(len(unit.data) for unit in units) > 65_000
    return units


async def test_marker_that_is_never_set_is_not_missed(desk: Desk):
    ours = clip()
    packets = Cutter(with_marker=False).packets(packs(ours))
    screen, _ = await sent_and_shown(desk, packets, ours[-3])
    assert screen.data == [unit.data for unit in ours[: len(screen.data)]]


# 23: TCP


@pytest.mark.parametrize(
    "oddity",
    [
        lambda frames: b"".join(
            b"\0\0" * (number % 10 == 0) + frame for number, frame in enumerate(frames)
        ),
        lambda frames: b"".join(frames[:20]) + b"\xff\xff" + b"".join(frames[20:]),
        lambda frames: b"".join(frames[:20]) + b"\0\5" + b"".join(frames[20:]),
        lambda frames: b"".join(frames[:20]) + frames[20][:100] + b"".join(frames[21:]),
    ],
    ids=["length 0 now and then", "length too long", "length too short", "frame cut off"],
)
async def test_wrong_length_costs_a_group_at_most(
    desk: Desk, oddity: Callable[[list[bytes]], bytes]
):
    receiver = await desk.open("tcp-passive")
    screen, ours = Screen(receiver), clip()
    frames = [framed([packet]) for packet in Cutter().packets(packs(ours))]
    _, writer = await asyncio.open_connection(HOST, receiver.port)
    writer.write(oddity(frames))
    await screen.until(lambda screen: ours[-2].data in screen.data)
    writer.close()
    tail = screen.data[screen.data.index(ours[3 * GOP].data) :]
    assert tail == [unit.data for unit in ours[3 * GOP : 3 * GOP + len(tail)]]


async def test_connection_that_was_reset_may_be_made_again_and_again(desk: Desk):
    receiver = await desk.open("tcp-passive")
    ours, cutter = clip(), Cutter()
    screen = Screen(receiver)
    for round_number in range(5):
        data = framed(cutter.packets(packs(ours[: 2 * GOP])))
        _, writer = await asyncio.open_connection(HOST, receiver.port)
        wanted = (round_number + 1) * GOP
        writer.write(data[: 100_000 if len(data) > 100_000 else len(data) - 20])
        await screen.until(is_shown(wanted))
        reset(writer)
    assert set(screen.data) <= {unit.data for unit in ours}
    assert desk.relay.stream("s") is receiver.stream


async def test_half_open_connection_is_replaced_after_its_silence():
    async with Relay(replace(CONFIG, silence_s=0.3), Clock().wall) as relay:
        desk, ours, cutter = Desk(relay), clip(), Cutter()
        receiver = await desk.open("tcp-passive")
        screen = Screen(receiver)
        _, dead = await asyncio.open_connection(HOST, receiver.port)
        dead.write(framed(cutter.packets(packs(ours[:GOP])))[:-50])
        await screen.until(is_shown(GOP - 1))
        _, alive = await asyncio.open_connection(HOST, receiver.port)
        packets = cutter.packets(packs(ours[GOP:]))
        await asyncio.sleep(0.5)
        alive.write(framed(packets))
        await screen.until(lambda screen: ours[-2].data in screen.data)
        assert receiver.stream.statistics.source == alive.get_extra_info("sockname")
        dead.close()
        alive.close()


# 24: silence


@pytest.mark.parametrize("transport", ["udp", "tcp-passive", "tcp-active"])
async def test_silent_source_is_told_once_may_go_on_and_leaves_nothing_when_closed(
    transport: Transport,
):
    async with Relay(replace(CONFIG, stall_timeout_s=0.4), Clock().wall) as relay:
        desk, ours, cutter = Desk(relay), clip(), Cutter()
        receiver = await desk.open(transport)
        screen, reader = Screen(receiver), receiver.stream.open_reader("flv")
        send, hang_up = await connected(receiver, transport)
        await send(cutter.packets(packs(ours[:GOP])))
        stalled = await desk.event(StreamStalled)
        assert isinstance(stalled, StreamStalled)
        assert stalled.silent_s >= 0.4
        await send(cutter.packets(packs(ours[GOP:])))
        await desk.event(StreamResumed)
        await screen.until(is_shown(len(ours) - 1))
        await desk.event(StreamStalled)
        assert [type(event) for event in desk.events].count(StreamStalled) == 2
        await receiver.close()
        await desk.event(StreamEnded)
        with pytest.raises(StreamClosed):
            async for _ in reader:
                pass
        await hang_up()
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.bind((HOST, receiver.port if transport != "tcp-active" else 0))


async def connected(receiver, transport: Transport):
    """A device of this transport: how it sends, and how it leaves."""
    if transport == "udp":
        device = Device(receiver.port)

        async def leave() -> None:
            device.socket.close()

        return device.send, leave
    if transport == "tcp-passive":
        _, writer = await asyncio.open_connection(HOST, receiver.port)
        return sending(writer), closing(writer)
    arrived: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: arrived.put_nowait(writer), HOST, 0)
    receiver.answered(HOST, server.sockets[0].getsockname()[1], SSRC)
    writer = await arrived.get()
    server.close()
    return sending(writer), closing(writer)


def sending(writer: asyncio.StreamWriter):
    async def send(packets: Sequence[bytes]) -> None:
        writer.write(framed(packets))
        await writer.drain()

    return send


def closing(writer: asyncio.StreamWriter):
    async def leave() -> None:
        writer.close()

    return leave
