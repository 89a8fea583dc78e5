"""A stream that is no program stream, or is to be another one, sent on as PS over RTP."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.formats import PsDemuxer, split_nals
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.formats.rtp import build_packet, parse_packet
from stream_relay.forwarder import Content
from stream_relay.packetizer import Packetizer
from stream_relay.reader import Reader
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay
from tests.ports import free_ports
from tests.stream_relay.formats.clips import Clip, encode
from tests.stream_relay.formats.payloads import annexb, payloads_of
from tests.stream_relay.media import SSRC, Camera, Clock, pictures, sound, udp_socket
from tests.stream_relay.test_forwarder import (
    NEW_SSRC,
    TRANSPORTS,
    Desk,
    Platform,
    assert_forwarded,
    steps,
)
from tests.stream_relay.test_relay import HOST, config, until

PAYLOAD_TYPES = {Codec.H264: 98, Codec.H265: 100}
MIRRORED: dict[Transport, Transport] = {
    "udp": "udp",
    "tcp-active": "tcp-passive",
    "tcp-passive": "tcp-active",
}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    with contextlib.ExitStack() as stack:
        async with Relay(config(), Clock().wall) as relay:
            receiver = await relay.open_receiver(
                "s", "udp", SSRC, ssrc_check=True, signalling_host=HOST
            )
            yield Desk(relay, receiver, stack)


def elementary(*options: Any, **more: Any) -> Clip:
    """An encoded clip with the start codes that a depacketizer writes."""
    clip = encode(*options, **more)
    units = [replace(unit, data=annexb(split_nals(unit.data))) for unit in clip.units]
    return replace(clip, units=tuple(units))


@pytest.fixture(scope="module")
def long_clip() -> Clip:
    """Key frames beyond three PES packets, 60 pictures."""
    return elementary(Codec.H264, 960, 720, 60, gop=20)


class ElementaryCamera:
    """Cuts pictures into packets without a program stream around them (RFC 6184, RFC 7798)."""

    def __init__(self, codec: Codec = Codec.H264, first_sequence: int = 100) -> None:
        self._codec = codec
        self._sequence = first_sequence

    def packets(self, units: Sequence[AccessUnit]) -> list[bytes]:
        return [packet for unit in units for packet in self._of(unit)]

    def _of(self, unit: AccessUnit) -> Iterator[bytes]:
        payloads = payloads_of(self._codec, unit.data)
        for number, payload in enumerate(payloads, 1):
            yield build_packet(
                PAYLOAD_TYPES[self._codec],
                number == len(payloads),
                self._sequence & 0xFFFF,
                unit.pts_ticks,
                SSRC,
                payload,
            )
            self._sequence += 1


async def send(device: socket.socket, receiver: Receiver, packets: Sequence[bytes]) -> None:
    """All of them, and no more at a time than a socket holds."""
    for start in range(0, len(packets), 20):
        some = packets[start : start + 20]
        wanted = receiver.stream.counters.packets + len(some)
        for one in some:
            device.sendto(one, (HOST, receiver.port))
        await until(lambda n=wanted: receiver.stream.counters.packets >= n)


async def data_from(reader: Reader, count: int) -> list[bytes]:
    """Of the next units."""
    got: list[bytes] = []
    async with asyncio.timeout(60):
        while len(got) < count:
            chunk = await anext(reader)
            got += [chunk.data] if chunk.kind == "media" else []
    return got


async def units_from(platform: Platform, count: int) -> list[AccessUnit]:
    """What a platform that is not our relay gets, until it has `count` units."""
    demuxer, units = PsDemuxer(), []
    while len(units) < count:
        packet = parse_packet((await platform.take(1))[0])
        units += demuxer.push(packet.payload, packet.timestamp, packet.marker)
    return units


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
async def test_an_elementary_stream_leaves_as_a_program_stream(
    desk: Desk, transport: Transport, codec: Codec
) -> None:
    """It was asked for before anybody knew what the source sends."""
    clip = elementary(codec, frames=20)
    platform = await desk.forward(transport)
    assert not platform.forwarder.is_muxed
    await send(desk.device, desk.receiver, ElementaryCamera(codec).packets(clip.units))
    units = await units_from(platform, 19)  # the last one is not known to be whole
    assert [unit.data for unit in units] == clip.data[:19]
    assert [unit.dts_ticks for unit in units] == [unit.dts_ticks for unit in clip.units[:19]]
    assert {unit.codec for unit in units} == {codec}
    assert platform.forwarder.is_muxed


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_packets_are_those_of_a_camera(
    desk: Desk, transport: Transport, long_clip: Clip
) -> None:
    """Checklist 83 and 84: the simulator's packets for the same pictures, but for the numbers."""
    sent = [*long_clip.units]
    platform = await desk.forward(transport, content="all")
    await send(desk.device, desk.receiver, ElementaryCamera().packets(sent))
    packetizer = Packetizer(NEW_SSRC, Codec.H264, None)
    wanted = [parse_packet(one) for unit in sent for one in packetizer.packets(unit)]
    came = [parse_packet(one) for one in await platform.take(len(wanted))]
    assert [(one.payload_type, one.marker, one.ssrc, one.payload) for one in came] == [
        (one.payload_type, one.marker, one.ssrc, one.payload) for one in wanted
    ]
    assert [one.timestamp - came[0].timestamp & 0xFFFFFFFF for one in came] == [
        one.timestamp for one in wanted
    ]
    assert max(len(one.payload) + 12 for one in came) == 1400
    assert [one.sequence - came[0].sequence & 0xFFFF for one in came] == [
        one.sequence for one in wanted
    ]
    framing = 0 if transport == "udp" else 2
    size = sum(len(one.payload) + 12 + framing for one in came)
    # The engine counts what it has sent; the other side may have read it before.
    await until(lambda: platform.forwarder.statistics.bytes >= size)
    figures = platform.forwarder.statistics
    assert (figures.packets, figures.bytes, figures.dropped) == (len(wanted), size, 0)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_our_own_receiver_reads_it_without_loss(
    transport: Transport, long_clip: Clip
) -> None:
    async with Relay(config(ports=free_ports(8), port_quarantine_s=0.0), Clock().wall) as relay:
        first = await relay.open_receiver("a", "udp", SSRC, ssrc_check=True, signalling_host=HOST)
        kind = MIRRORED[transport]
        second = await relay.open_receiver(
            "b", kind, NEW_SSRC, ssrc_check=True, signalling_host=HOST
        )
        forwarder = await relay.forward(
            first.stream, transport, ssrc=NEW_SSRC, host=HOST, port=second.port
        )
        if kind == "tcp-active":
            second.answered(HOST, forwarder.port, NEW_SSRC)
            await until(lambda: forwarder.is_connected)
        with udp_socket() as device:
            async with second.stream.open_reader("access-units") as reader:
                await send(device, first, ElementaryCamera().packets(long_clip.units))
                assert await data_from(reader, 59) == long_clip.data[:59]
        assert second.stream.tracks == first.stream.tracks
        counters = second.stream.counters
        assert (counters.lost, counters.malformed, counters.rejected) == (0, 0, 0)
        await until(lambda: forwarder.statistics.packets == counters.packets)


@pytest.mark.parametrize(
    ("content", "codecs"),
    [
        ("all", {Codec.H264, Codec.G711A}),
        ("g711", {Codec.H264, Codec.G711A}),
        ("video", {Codec.H264}),
    ],
)
async def test_a_program_stream_is_muxed_anew_when_that_is_asked_for(
    desk: Desk, content: Content, codecs: set[Codec]
) -> None:
    platform, untouched = await desk.forward("udp", content=content), await desk.forward("udp", 7)
    camera = Camera(muxer=PsMuxer(Codec.H264, Codec.G711A))
    sent = [unit for at, shot in enumerate(pictures(20)) for unit in (shot, sound(at))]
    packets = camera.packets(sent)
    await send(desk.device, desk.receiver, packets)
    wanted = [unit for unit in sent if unit.codec in codecs]
    units = await units_from(platform, len(wanted) - 2)
    for kind in {unit.track for unit in wanted}:
        got = [unit.data for unit in units if unit.track is kind]
        assert got == [unit.data for unit in wanted if unit.track is kind][: len(got)]
    assert {unit.codec for unit in units} == codecs
    assert platform.forwarder.is_muxed
    assert not untouched.forwarder.is_muxed
    assert_forwarded(await untouched.take(len(packets)), packets, 7)


async def test_frames_differ_in_their_stamps_and_end_with_the_marker(desk: Desk) -> None:
    """Checklist 84, also where a sound has the time of its picture."""
    platform = await desk.forward("udp", content="all")
    camera = Camera(muxer=PsMuxer(Codec.H264, Codec.G711A))
    await send(
        desk.device,
        desk.receiver,
        camera.packets([u for at, shot in enumerate(pictures(9)) for u in (shot, sound(at))]),
    )
    frames: list[set[int]] = [set()]
    while len(frames) <= 16:
        packet = parse_packet((await platform.take(1))[0])
        assert (not frames[-1]) == packet.payload.startswith(b"\0\0\1\xba")
        frames[-1].add(packet.timestamp)
        if packet.marker:
            frames.append(set())
    stamps = [stamp for frame in frames[:16] for stamp in frame]
    assert len(stamps) == 16
    assert all(before != after for before, after in zip(stamps, stamps[1:], strict=False))


async def test_what_comes_late_begins_with_the_cached_group(desk: Desk, long_clip: Clip) -> None:
    """Over UDP it catches up with what comes, a few pictures for each that does."""
    packets = ElementaryCamera().packets(long_clip.units)
    until_50 = len(ElementaryCamera().packets(long_clip.units[:50]))
    await send(desk.device, desk.receiver, packets[:until_50])
    slowly, fast = await desk.forward("udp"), await desk.forward("tcp-passive", 9)
    assert [unit.data for unit in await units_from(fast, 8)] == long_clip.data[40:48]
    await send(desk.device, desk.receiver, packets[until_50:])
    assert [unit.data for unit in await units_from(slowly, 18)] == long_clip.data[40:58]


async def test_a_source_that_becomes_another_kind_is_followed() -> None:
    with contextlib.ExitStack() as stack:
        async with Relay(config(silence_s=0.0), Clock().wall) as relay:
            receiver = await relay.open_receiver(
                "s", "udp", SSRC, ssrc_check=True, signalling_host=HOST
            )
            desk = Desk(relay, receiver, stack)
            platform = await desk.forward("udp")
            first = Camera().packets(pictures(5))
            desk.send(first)
            assert_forwarded(await platform.take(len(first)), first)
            clip = elementary(Codec.H264, frames=12, gop=100)
            await until(lambda: receiver.stream.counters.packets == len(first))
            with udp_socket() as other:
                for one in ElementaryCamera(first_sequence=9000).packets(clip.units):
                    other.sendto(one, (HOST, receiver.port))
            units = await units_from(platform, 10)
            assert [unit.data for unit in units] == clip.data[:10]
            assert platform.forwarder.is_muxed
            with udp_socket() as third:
                again = Camera(sequence=30_000).packets(pictures(9))
                for one in again:
                    third.sendto(one, (HOST, receiver.port))
                await until(lambda: not platform.forwarder.is_muxed)


async def test_a_slow_platform_loses_groups_and_not_the_middle_of_one(long_clip: Clip) -> None:
    """It gets a key frame after each gap, and numbers without one: nothing was lost on the way."""
    with contextlib.ExitStack() as stack:
        async with Relay(config(), Clock().wall) as relay:
            receiver = await relay.open_receiver(
                "s", "udp", SSRC, ssrc_check=True, signalling_host=HOST
            )
            desk = Desk(relay, receiver, stack)
            platform = await desk.forward("tcp-passive")
            camera, sent = ElementaryCamera(), 0
            while not platform.forwarder.statistics.dropped:
                units = [
                    replace(unit, pts_ticks=unit.pts_ticks + sent * 216_000)
                    for unit in long_clip.units
                ]
                await send(desk.device, receiver, camera.packets(units))
                sent += 1
            demuxer, numbers, packets = PsDemuxer(), [-2, -1], []
            while numbers[-1] == (numbers[-2] + 1) % 60 or len(numbers) == 2:
                packets += await platform.take(1)
                one = parse_packet(packets[-1])
                for unit in demuxer.push(one.payload, one.timestamp, one.marker):
                    numbers.append(long_clip.data.index(unit.data))
            assert set(steps(packets)) == {1}
            assert numbers[-1] % 20 == 0


async def test_an_active_connection_that_breaks_ends_the_forwarder(
    desk: Desk, long_clip: Clip
) -> None:
    platform = await desk.forward("tcp-active", content="all")
    await send(desk.device, desk.receiver, ElementaryCamera().packets(long_clip.units[:20]))
    platform.sock.close()
    await until(lambda: not platform.forwarder.is_connected)
    await platform.forwarder.wait_closed()
    assert desk.receiver.stream.reader_count == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_end_of_the_stream_ends_it_and_leaves_no_reader(
    desk: Desk, transport: Transport, long_clip: Clip
) -> None:
    platform = await desk.forward(transport, content="video")
    assert desk.receiver.stream.reader_count == 1
    await send(desk.device, desk.receiver, ElementaryCamera().packets(long_clip.units[:20]))
    await desk.receiver.close()
    await platform.forwarder.wait_closed()
    assert not platform.forwarder.is_connected
    assert desk.receiver.stream.reader_count == 0


async def test_sound_that_was_not_asked_for_is_waited_out(desk: Desk) -> None:
    """Without anything to send nothing is sent, and nothing ends; pictures may still come."""
    platform = await desk.forward("udp", content="g711")
    camera = Camera(muxer=PsMuxer(None, Codec.G722_1))
    quiet = [
        AccessUnit(Kind.AUDIO, Codec.G722_1, at * 1800, at * 1800, True, b"%060d" % at)
        for at in range(40)
    ]
    await send(desk.device, desk.receiver, camera.packets(quiet))
    assert platform.forwarder.is_connected
    assert platform.forwarder.statistics.packets == 0
    camera.muxer = PsMuxer()
    sent = pictures(40, start=5)
    await send(desk.device, desk.receiver, camera.packets(sent))
    units = await units_from(platform, 10)
    assert [unit.data for unit in units] == [unit.data for unit in sent][:10]


@pytest.mark.parametrize(
    ("payload_type", "codec", "step"),
    [(8, Codec.G711A, 160), (0, Codec.G711U, 160), (9, Codec.G722_1, 320)],
)
async def test_sound_alone_is_carried_as_well(payload_type: int, codec: Codec, step: int) -> None:
    """As of a voice broadcast; GB/T 28181 platforms send it on as PS with sound only."""
    async with Relay(config(ports=free_ports(8)), Clock().wall) as relay:
        first = await relay.open_receiver("a", "udp", SSRC, ssrc_check=True, signalling_host=HOST)
        second = await relay.open_receiver(
            "b", "udp", NEW_SSRC, ssrc_check=True, signalling_host=HOST
        )
        await relay.forward(first.stream, "udp", ssrc=NEW_SSRC, host=HOST, port=second.port)
        frames = [b"%060d" % at for at in range(60)]
        packets = [
            build_packet(payload_type, at == 0, at, at * step, SSRC, frame)
            for at, frame in enumerate(frames)
        ]
        with udp_socket() as device:
            async with second.stream.open_reader("access-units") as reader:
                await send(device, first, packets[:2])
                await until(lambda: bool(first.stream.tracks))
                await send(device, first, packets[2:])
                got = await data_from(reader, 55)
        assert got == frames[frames.index(got[0]) :][:55]
        assert [track.codec for track in second.stream.tracks] == [codec]
