"""The pretend recorder: speed, place, pause, the way back, gaps and the end."""

import asyncio
import random
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from stream_relay.access_unit import TICKS_PER_SECOND, AccessUnit, Codec, Kind
from stream_relay.formats import parse_packet
from stream_relay.replay import RecordedScene, ReplaySender, Stretch
from stream_relay.scene import FRAME_RATE
from stream_relay.scenery import Place
from stream_relay.simulator import MediaTarget
from tests.stream_relay.media import SSRC, pictures
from tests.vms.bench import eventually

HOST = "127.0.0.1"
START = datetime(2026, 7, 1, 4, tzinfo=UTC)


class Tape(RecordedScene):
    """A recording whose pictures cost nothing; it notes what was asked for."""

    def __init__(self) -> None:
        super().__init__("", Place.BELT, 1, START)
        self.groups: list[tuple[float, float, int, bool]] = []

    def prepare(self) -> None:
        """Nothing to draw."""

    def group(
        self, start_s: float, length_s: float, pictures_: int, *, sound: bool
    ) -> list[AccessUnit]:
        self.groups.append((round(start_s, 3), round(length_s, 3), pictures_, sound))
        data = pictures(1)[0].data
        stamps = [
            round((start_s + index * length_s / pictures_) * TICKS_PER_SECOND)
            for index in range(pictures_)
        ]
        return [
            AccessUnit(Kind.VIDEO, Codec.H264, at, at, index == 0, data)
            for index, at in enumerate(stamps)
        ]

    @property
    def places(self) -> list[float]:
        return [start for start, *_ in self.groups]


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind((HOST, 0))
        receiver.setblocking(False)
        yield receiver


def sender(tape: Tape, udp: socket.socket, *stretches: Stretch, **kinds: object) -> ReplaySender:
    target = MediaTarget(HOST, udp.getsockname()[1], "udp", SSRC)
    return ReplaySender(
        tape,
        stretches or (Stretch(0, 4),),
        target,
        chance=random.Random(1),
        **kinds,  # type: ignore[arg-type]
    )


def stamps(udp: socket.socket) -> list[int]:
    """The stamp of each picture that arrived, from the first on, in ticks."""
    found = []
    while True:
        try:
            packet = parse_packet(udp.recv(4096))
        except BlockingIOError:
            break
        if packet.marker:
            found.append(packet.timestamp)
    return [(stamp - found[0]) % (1 << 32) for stamp in found]


async def until(tape: Tape, groups: int) -> None:
    await eventually(lambda: len(tape.groups) >= groups)


@pytest.mark.parametrize(("scale", "count"), [(8.0, 6), (16.0, 3)])
async def test_fast_leaves_pictures_out_and_stamps_recorded_time(
    udp: socket.socket, scale: float, count: int
) -> None:
    tape = Tape()
    async with sender(tape, udp, scale=scale) as replay:
        await replay.run()
    assert tape.groups == [(0.0, 4.0, count, False)]
    step = 4 * TICKS_PER_SECOND // count
    assert stamps(udp) == [index * step for index in range(count)]
    assert replay.position_s == 4.0


async def test_a_download_sends_every_picture_with_its_sound(udp: socket.socket) -> None:
    tape = Tape()
    async with sender(tape, udp, scale=32.0, is_download=True) as replay:
        await replay.run()
    assert tape.groups == [(float(second), 1.0, FRAME_RATE, True) for second in range(4)]
    assert len(stamps(udp)) == 4 * FRAME_RATE


async def test_slow_sends_every_picture_without_sound(udp: socket.socket) -> None:
    tape = Tape()
    async with sender(tape, udp, Stretch(0, 0.1), scale=0.5) as replay:
        await replay.run()
    assert tape.groups == [(0.0, 0.1, 1, False)]


async def test_backwards_groups_come_in_reverse_and_run_forwards_inside(
    udp: socket.socket,
) -> None:
    tape = Tape()
    async with sender(tape, udp, Stretch(0, 40)) as replay:
        replay.play(-16.0, 40.0)
        await replay.run()
    assert tape.places == [24.0, 8.0, 0.0]
    [first, *rest] = stamps(udp)
    assert first == 0 and rest[0] > 0
    assert replay.position_s == 0.0


async def test_gaps_are_skipped_both_ways(udp: socket.socket) -> None:
    tape = Tape()
    gap = (Stretch(0, 8), Stretch(100, 108))
    async with sender(tape, udp, *gap, scale=16.0) as replay:
        await replay.run()
    assert tape.places == [0.0, 100.0]
    tape = Tape()
    async with sender(tape, udp, *gap) as replay:
        replay.play(-16.0, 108.0)
        await replay.run()
    assert tape.places == [100.0, 0.0]


async def test_a_pause_holds_until_it_goes_on_there(udp: socket.socket) -> None:
    tape = Tape()
    async with sender(tape, udp, Stretch(0, 1000)) as replay:
        running = asyncio.get_running_loop().create_task(replay.run())
        await until(tape, 1)
        replay.pause()
        await eventually(lambda: not replay._changed.is_set())
        held, place = len(tape.groups), replay.position_s
        await asyncio.sleep(0)
        assert not running.done()
        replay.play(16.0)
        await until(tape, held + 1)
        assert tape.places[held] == pytest.approx(place, abs=0.001)
        replay.stop()
        await asyncio.wait_for(running, 60)


async def test_a_seek_goes_there_at_once_and_goes_on_from_a_pause(udp: socket.socket) -> None:
    tape = Tape()
    async with sender(tape, udp, Stretch(0, 1000)) as replay:
        running = asyncio.get_running_loop().create_task(replay.run())
        await until(tape, 1)
        replay.pause()
        replay.play(position_s=500.0)
        await eventually(lambda: 500.0 in tape.places)
        replay.play(position_s=999.9)
        await asyncio.wait_for(running, 60)
    assert tape.places[-1] == 999.9


async def test_nothing_recorded_is_over_at_once(udp: socket.socket) -> None:
    tape = Tape()
    target = MediaTarget(HOST, udp.getsockname()[1], "udp", SSRC)
    async with ReplaySender(tape, (), target, chance=random.Random(1)) as replay:
        await replay.run()
    assert tape.groups == []


def test_the_scene_of_a_moment_is_always_the_same_and_moves() -> None:
    scene = RecordedScene("主井口", Place.BELT, 3, START)
    scene.prepare()
    first = scene.group(10, 1, 2, sound=True)
    again = scene.group(10, 1, 2, sound=True)
    later = scene.group(20, 1, 2, sound=False)
    video = [unit for unit in first if unit.track is Kind.VIDEO]
    assert [unit.is_key for unit in video] == [True, False]
    assert video[0].dts_ticks == 10 * TICKS_PER_SECOND
    assert any(unit.track is Kind.AUDIO for unit in first)
    assert [unit.data for unit in first] == [unit.data for unit in again]
    assert later[0].data != video[0].data
    assert all(unit.track is Kind.VIDEO for unit in later)
