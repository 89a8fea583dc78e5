"""What the engine must stand: objects collected at any moment, faults, clients that stuff it."""

import asyncio
import gc
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from stream_relay.access_unit import Codec, Kind, Track
from stream_relay.engine._connection import Connection
from stream_relay.engine._loop import Loop
from stream_relay.engine._media_connection import MediaConnection
from stream_relay.engine._place import Place
from stream_relay.engine._source import Inlet, UdpPort
from stream_relay.errors import Unsupported
from stream_relay.events import EndReason, FirstKeyFrame, TracksChanged
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.formats.twins import twin
from stream_relay.outputs.chunk import Format
from stream_relay.reader import QueueLimit
from stream_relay.relay import Relay
from stream_relay.sources.peers import host_key, peer_key
from stream_relay.sources.policy import LatchPolicy
from stream_relay.stream import Stream, StreamLimits
from stream_relay.switchboard import Switchboard
from stream_relay.viewer import InitFacts
from tests.stream_relay import test_stream, test_viewer
from tests.stream_relay.media import SSRC, SVAC, WIDER, Camera, Clock, picture, pictures
from tests.stream_relay.test_relay import HOST, config, until
from tests.stream_relay.test_viewer import TEXT, ended

Intake = twin("intake", "stream_relay.sources").Intake
SourceLatch = twin("latch", "stream_relay.sources").SourceLatch
STUFFING = "x" * 16_000_000
"""More than the kernel takes for one connection."""


@pytest.fixture
async def desk() -> AsyncIterator[test_viewer.Desk]:
    async with Relay(config(), Clock().wall) as relay:
        desk = test_viewer.Desk(relay)
        yield desk
    for client in desk.clients:
        client.sock.close()


class Forgetful:
    """Describes inits, and lets go of something while the engine has its lock."""

    def __init__(self) -> None:
        self.forgotten: list[object] = []

    def __call__(self, facts: InitFacts) -> str:
        self.forgotten.clear()
        gc.collect()
        return "described"


@pytest.mark.parametrize("kind", ["reader", "closed reader", "connection", "inlet"])
async def test_what_is_collected_under_the_lock_is_closed_after_it(
    desk: test_viewer.Desk, kind: str
) -> None:
    engine, describe = desk.relay._engine, Forgetful()
    desk.stream._board = desk.relay._board
    shared = shared_stream(desk.relay)
    near, far = socket.socketpair()
    if kind == "connection":
        connection = Connection(engine, near.fileno(), False, 10, 1 << 20)
        connection.attach(shared.core, "flv", None)
        describe.forgotten.append(connection)
        del connection
    elif kind == "inlet":
        describe.forgotten.append(inlet_of(engine, shared))
    else:
        place = Place(shared.core, "flv", 10, 1 << 20)
        if kind == "closed reader":
            place.close()
        describe.forgotten.append(place)
        del place
    viewer, client = desk.connect("websocket")
    viewer.attach(shared, "fmp4", describe)
    for unit in pictures(3):
        shared.publish([unit], [Kind.VIDEO], 0.0)
    assert await client.frame() == (TEXT, b"described")
    await until(lambda: shared.reader_count == 1)
    viewer.detach()
    assert shared.reader_count == 0
    near.close()
    far.close()


def shared_stream(relay: Relay) -> Stream:
    return Stream(
        "s",
        limits=StreamLimits(),
        wall=Clock().wall,
        opened_at=0.0,
        on_event=lambda _: None,
        board=relay._board,
    )


def inlet_of(engine: Loop, stream: Stream, ssrc: int = SSRC) -> Inlet:
    policy = LatchPolicy(ssrc, True, frozenset({host_key(HOST)}), 3_000_000)
    return Inlet(engine, stream.number, Intake(stream.core, SourceLatch(policy)), stream.core)


async def test_a_description_that_fails_costs_only_itself(
    desk: test_viewer.Desk, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(facts: InitFacts) -> str:
        raise ValueError("no words")

    desk.publish(3)
    expected = desk.bytes_of("fmp4")
    viewer, client = desk.connect("websocket")
    viewer.attach(desk.stream, "fmp4", fail)
    assert await client.frames(len(expected)) == [(test_viewer.BINARY, data) for data in expected]
    assert "without its description" in caplog.text


async def test_an_init_that_is_still_queued_is_described_as_what_it_is(
    desk: test_viewer.Desk,
) -> None:
    """The first stream is left while its init waits for a client that does not read."""
    viewer, client = desk.connect("websocket")
    viewer.send_text(STUFFING)
    desk.publish(3)
    viewer.attach(desk.stream, "fmp4", lambda facts: f"one {facts.tracks[0].width}")
    viewer.detach()
    desk.stream = desk.new_stream()
    desk.publish(3, track=WIDER)
    viewer.attach(desk.stream, "fmp4", lambda facts: f"two {facts.tracks[0].width}")
    assert await client.frame() == (TEXT, STUFFING.encode())
    texts = []
    while len(texts) < 2:
        kind, data = await client.frame()
        texts += [data] if kind == TEXT else []
    assert texts == [b"one 320", b"two 640"]


async def test_texts_survive_an_overflow_that_brings_an_init(desk: test_viewer.Desk) -> None:
    viewer, client = desk.connect("websocket", QueueLimit(10, 8 * 1024 * 1024))
    desk.publish(2)
    viewer.attach(desk.stream, "flv")
    viewer.send_text(STUFFING)
    viewer.send_text("kept")
    desk.publish(12, start=10, track=WIDER)
    texts = []
    while len(texts) < 2:
        kind, data = await client.frame()
        texts += [data] if kind == TEXT else []
    assert texts == [STUFFING.encode(), b"kept"]


async def test_who_takes_nothing_from_stream_after_stream_is_slow(desk: test_viewer.Desk) -> None:
    viewer, _ = desk.connect("websocket", QueueLimit(100, 400_000))
    for _ in range(2):
        viewer.send_text(STUFFING)
    assert await ended(viewer) == "slow"
    other, _ = desk.connect("websocket", QueueLimit(100, 3_500_000))
    other.send_text(STUFFING)
    for _ in range(40):
        desk.stream = desk.new_stream()
        other.attach(desk.stream, "flv")
        desk.publish(5, size=100_000)
        other.detach()
    assert await ended(other) == "slow"


def test_tracks_that_break_a_format_are_its_refusal_and_no_others() -> None:
    desk = test_stream.Desk()
    names: tuple[Format, ...] = ("flv", "fmp4", "fmp4-any-audio", "flv-h265-legacy", "access-units")
    readers = {name: desk.stream.open_reader(name) for name in names}
    hostile = Track(Kind.VIDEO, Codec.H264, parameter_sets=(b"g", b"", b"\x68"), width=0, height=0)
    desk.publish([picture(0, is_key=True, track=hostile), picture(1, track=hostile)])
    assert [chunk.kind for chunk in readers["access-units"].take_all()] == [
        "init",
        "media",
        "media",
    ]
    assert [event for event in desk.events if isinstance(event, TracksChanged)]
    desk.publish(pictures(3, start=2))
    late = desk.stream.open_reader("fmp4")
    assert [chunk.kind for chunk in late.take_all()] == ["init", "media", "media", "media"]


async def test_a_reader_hears_of_a_refusal_that_is_over_when_it_looks() -> None:
    desk = test_stream.Desk()
    reader = desk.stream.open_reader("flv")
    desk.publish([picture(0, is_key=True, track=SVAC), *pictures(3, start=1)])
    with pytest.raises(Unsupported):
        async with asyncio.timeout(30):
            await anext(reader)


def test_losses_of_viewers_that_left_are_counted_once() -> None:
    desk = test_stream.Desk(StreamLimits(queue=QueueLimit(10, 1 << 20)))
    readers = [desk.stream.open_reader("flv") for _ in range(3)]
    for unit in pictures(100, gop=5):
        desk.publish([unit])
    lost = desk.stream.statistics.dropped_chunks
    for reader in readers:
        reader.close()
    assert desk.stream.statistics.dropped_chunks == lost > 0


async def test_the_first_key_is_timed_from_the_opening_after_a_long_silence() -> None:
    async with Relay(config(), Clock().wall) as relay:
        await asyncio.sleep(0.3)
        opened = asyncio.get_running_loop().time()
        receiver = await relay.open_receiver(
            "s", "udp", SSRC, ssrc_check=True, signalling_host=HOST
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            for packet in Camera().packets(pictures(10)):
                device.sendto(packet, (HOST, receiver.port))
            async with asyncio.timeout(30):
                async for event in relay.events():
                    if isinstance(event, FirstKeyFrame):
                        break
        assert 0 <= event.after_s <= asyncio.get_running_loop().time() - opened


async def test_news_of_a_stream_that_was_replaced_do_not_reach_the_next() -> None:
    board = Switchboard()
    told: list[object] = []

    def new() -> Stream:
        return Stream(
            "s",
            limits=StreamLimits(),
            wall=Clock().wall,
            opened_at=0.0,
            on_event=told.append,
            board=board,
        )

    old = new()
    board.deliver, deliver = (lambda: None), board.deliver  # type: ignore[method-assign]
    old.publish(pictures(2), [Kind.VIDEO], 1.0)
    old.close(EndReason.CLOSED)
    new()
    deliver()
    assert told == []


async def test_a_shared_port_outlives_its_streams_on_framed_connections() -> None:
    """A stream goes while a frame of its is half there; what follows is nobody's."""
    async with Relay(config(), Clock().wall) as relay:
        engine = relay._engine
        router_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        router_socket.bind((HOST, 0))
        router = UdpPort(engine, router_socket.fileno(), None)
        stream = shared_stream(relay)
        inlet = inlet_of(engine, stream)
        router.add_route(SSRC, inlet)
        near, far = socket.socketpair()
        near.setblocking(False)
        connection = MediaConnection(engine, near.fileno(), peer_key(HOST, 9), None, router)
        frames = [build_frame(one) for one in Camera().packets(pictures(5))]
        far.sendall(b"".join(frames[:-1]) + frames[-1][:20])
        intake = inlet.intake
        await until(lambda: intake.packets == len(frames) - 1)
        router.remove_route(SSRC)
        inlet.close()
        del inlet, stream
        gc.collect()
        far.sendall(frames[-1][20:30])
        far.sendall(frames[-1][30:])
        await until(lambda: connection.refused == 1)
        far.close()
        await asyncio.sleep(0.01)
        connection.close()
        router.close()
        router.close()
        near.close()
        router_socket.close()


EXITS = """
import asyncio, sys
from datetime import UTC, datetime
from stream_relay.relay import Relay, RelayConfig
async def main():
    relay = Relay(RelayConfig(host="127.0.0.1", ports=range(0)), lambda: datetime.now(UTC))
    await relay.__aenter__()
    await relay.open_receiver("s", "udp", 1, ssrc_check=True, signalling_host=None)
    relay._ticker.cancel()
    sys.relay = relay
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
print("left")
"""


def test_the_interpreter_ends_though_a_relay_was_not_closed() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EXITS],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr
