"""A client's connection in the relay's hands; the other end is a bare socket."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from stream_relay.access_unit import Kind, Track
from stream_relay.errors import StreamClosed
from stream_relay.events import EndReason
from stream_relay.formats.websocket import BINARY, CLOSE, PING, PONG, TEXT
from stream_relay.outputs.chunk import Format
from stream_relay.reader import QueueLimit
from stream_relay.relay import Relay, RelayConfig
from stream_relay.stream import Stream, StreamLimits
from stream_relay.viewer import InitFacts, Viewer
from tests.stream_relay.media import SVAC, VIDEO, WIDER, Clock, picture, pictures

MASK = b"\x0a\x0b\x0c\x0d"


@dataclass
class Client:
    """The other end: reads what comes, as bytes or as frames."""

    sock: socket.socket
    ends: list[socket.socket] = field(default_factory=list)

    async def read(self, count: int) -> bytes:
        data = b""
        async with asyncio.timeout(60):
            while len(data) < count:
                piece = await asyncio.get_running_loop().sock_recv(self.sock, count - len(data))
                if not piece:
                    raise EOFError(data)
                data += piece
        return data

    async def read_all(self) -> bytes:
        data = b""
        async with asyncio.timeout(60):
            while piece := await asyncio.get_running_loop().sock_recv(self.sock, 65536):
                data += piece
        return data

    async def frame(self) -> tuple[int, bytes]:
        first, size = await self.read(2)
        assert first & 0xF0 == 0x80 and size < 128, "whole messages, no extension, no mask"
        if size == 126:
            size = int.from_bytes(await self.read(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.read(8), "big")
        return first & 0x0F, await self.read(size)

    async def frames(self, count: int) -> list[tuple[int, bytes]]:
        return [await self.frame() for _ in range(count)]

    def say(self, kind: int, payload: bytes = b"") -> None:
        size = len(payload)
        head = struct.pack(">BB", 0x80 | kind, 0x80 | min(size, 126))
        head += struct.pack(">H", size) if size >= 126 else b""
        self.sock.sendall(head + MASK + bytes(b ^ MASK[i & 3] for i, b in enumerate(payload)))


class Desk:
    """A relay, a stream that the test feeds, and connections to them."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.clock = Clock()
        self.stream = self.new_stream()
        self.clients: list[Client] = []

    def new_stream(self, queue: QueueLimit | None = None) -> Stream:
        limits = StreamLimits(queue=queue) if queue else StreamLimits()
        return Stream(
            "s", limits=limits, wall=self.clock.wall, opened_at=0.0, on_event=lambda _: None
        )

    def publish(self, count: int, start: int = 0, track: Track = VIDEO, size: int = 400) -> None:
        for index in range(start, start + count):
            unit = picture(index, is_key=(index - start) % 10 == 0, track=track, size=size)
            self.stream.publish([unit], [Kind.VIDEO], index / 25)

    def connect(self, wire: str, limit: QueueLimit | None = None) -> tuple[Viewer, Client]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            far = socket.create_connection(listener.getsockname())
            near, _ = listener.accept()
        far.setblocking(False)
        self.clients.append(Client(far))
        wire = "websocket" if wire == "websocket" else "http"
        return self.relay.adopt(near, wire, limit=limit), self.clients[-1]

    def bytes_of(self, output: Format) -> list[bytes]:
        """What a reader that joins now gets."""
        with_reader = self.stream.open_reader(output)
        chunks = [chunk.data for chunk in with_reader.take_all()]
        with_reader.close()
        return chunks


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Relay(RelayConfig(host="127.0.0.1", ports=range(0)), Clock().wall) as relay:
        desk = Desk(relay)
        yield desk
    for client in desk.clients:
        client.sock.close()


async def ended(viewer: Viewer) -> str:
    async with asyncio.timeout(60):
        return (await viewer.wait_closed()).reason


def describe(facts: InitFacts) -> str:
    return json.dumps([facts.codec_string, [track.codec for track in facts.tracks]])


@pytest.mark.parametrize("output", ["flv", "fmp4"])
async def test_http_is_the_bytes_of_the_chunks_and_ends_with_the_stream(
    desk: Desk, output: Format
) -> None:
    desk.publish(14)
    viewer, client = desk.connect("http")
    beside = desk.stream.open_reader(output)
    viewer.attach(desk.stream, output)
    assert desk.stream.reader_count == 2
    desk.publish(6, start=14)
    desk.stream.close(EndReason.CLOSED)
    expected = b"".join(chunk.data for chunk in beside.take_all())
    assert await client.read_all() == expected
    client.sock.close()
    assert await ended(viewer) == "stream"
    assert viewer.statistics.bytes == len(expected)
    assert viewer.statistics.chunks > 10
    assert (viewer.statistics.dropped, viewer.statistics.overflows) == (0, 0)


async def test_a_websocket_gets_a_text_before_the_init_and_a_message_per_chunk(
    desk: Desk,
) -> None:
    desk.publish(14)
    viewer, client = desk.connect("websocket")
    viewer.send_text("before")
    viewer.attach(desk.stream, "fmp4", describe)
    expected = desk.bytes_of("fmp4")
    assert await client.frame() == (TEXT, b"before")
    kind, text = await client.frame()
    assert kind == TEXT and json.loads(text)[0].startswith("avc1") and "h264" in text.decode()
    assert await client.frames(len(expected)) == [(BINARY, data) for data in expected]


async def test_a_new_init_in_mid_stream_is_described_again(desk: Desk) -> None:
    desk.publish(10)
    viewer, client = desk.connect("websocket")
    viewer.attach(desk.stream, "fmp4", describe)
    desk.publish(10, start=10, track=WIDER)
    desk.publish(1, start=20, track=WIDER)
    kinds = []
    while kinds.count(TEXT) < 2:
        kinds.append((await client.frame())[0])
    assert kinds[0] == TEXT and (await client.frame())[0] == BINARY


async def test_a_websocket_outlives_its_streams_and_texts_keep_their_place(desk: Desk) -> None:
    desk.publish(3)
    viewer, client = desk.connect("websocket")
    viewer.attach(desk.stream, "flv")
    first = desk.bytes_of("flv")
    desk.stream.close(EndReason.CLOSED)
    viewer.detach()
    viewer.send_text("between")
    desk.stream = desk.new_stream()
    desk.publish(2)
    viewer.attach(desk.stream, "flv")
    second = desk.bytes_of("flv")
    expected = [(BINARY, data) for data in first] + [(TEXT, b"between")]
    expected += [(BINARY, data) for data in second]
    assert await client.frames(len(expected)) == expected
    assert desk.stream.reader_count == 1
    viewer.finish("over")
    assert await client.frames(2) == [(TEXT, b"over"), (CLOSE, b"\x03\xe8")]
    client.say(CLOSE, b"\x03\xe8")
    client.sock.close()
    assert await ended(viewer) == "finished"
    assert desk.stream.reader_count == 0


async def test_texts_without_a_stream_are_written_at_once(desk: Desk) -> None:
    viewer, client = desk.connect("websocket")
    for text in ("one", "zwei 二", "x" * 200, "y" * 70_000):
        viewer.send_text(text)
        assert await client.frame() == (TEXT, text.encode())


async def test_http_that_is_finished_writes_what_is_queued(desk: Desk) -> None:
    desk.publish(5)
    viewer, client = desk.connect("http")
    viewer.attach(desk.stream, "flv")
    expected = b"".join(desk.bytes_of("flv"))
    viewer.finish()
    viewer.finish()
    assert await client.read_all() == expected
    client.sock.close()
    assert await ended(viewer) == "finished"


@pytest.mark.parametrize("wire", ["http", "websocket"])
async def test_a_client_that_leaves_is_noticed_while_nothing_comes(desk: Desk, wire: str) -> None:
    viewer, client = desk.connect(wire)
    viewer.attach(desk.stream, "flv")
    assert desk.stream.reader_count == 1
    client.sock.close()
    assert await ended(viewer) == "left"
    assert desk.stream.reader_count == 0
    viewer.abort()
    viewer.detach()
    viewer.finish("too late")
    assert await ended(viewer) == "left"


@pytest.mark.parametrize("wire", ["http", "websocket"])
async def test_a_client_that_left_before_it_was_taken_over_is_no_error(
    desk: Desk, wire: str
) -> None:
    """The engine may see the end before `adopt` has returned; it did once in an hour of soak."""
    for _ in range(300):
        near, far = socket.socketpair()
        far.close()
        assert await ended(desk.relay.adopt(near, wire)) == "left"


async def test_what_an_http_client_says_is_ignored(desk: Desk) -> None:
    desk.publish(2)
    viewer, client = desk.connect("http")
    client.sock.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
    viewer.attach(desk.stream, "flv")
    expected = b"".join(desk.bytes_of("flv"))
    assert await client.read(len(expected)) == expected


async def test_pings_are_answered_and_other_messages_ignored(desk: Desk) -> None:
    viewer, client = desk.connect("websocket")
    client.say(TEXT, b"stop")
    client.say(BINARY, bytes(1000))
    client.say(PING, b"there?")
    assert await client.frame() == (PONG, b"there?")
    viewer.send_text("still here")
    assert await client.frame() == (TEXT, b"still here")


async def test_frames_may_arrive_in_pieces(desk: Desk) -> None:
    _, client = desk.connect("websocket")
    whole = struct.pack(">BB", 0x80 | PING, 0x80 | 3) + MASK + bytes([0x6B, 0x69, 0x6F])
    for byte in whole:
        client.sock.sendall(bytes([byte]))
        await asyncio.sleep(0.001)
    assert await client.frame() == (PONG, b"abc")


async def test_the_clients_goodbye_is_returned(desk: Desk) -> None:
    viewer, client = desk.connect("websocket")
    client.say(CLOSE, b"\x03\xe9bye")
    assert await client.frame() == (CLOSE, b"\x03\xe9")
    assert await client.read_all() == b""
    client.sock.close()
    assert await ended(viewer) == "left"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (struct.pack(">BBQ", 0x82, 0x80 | 127, 70_000), 1009),
        (struct.pack(">BBQ", 0x82, 0x80 | 127, 1 << 40), 1009),
        (b"\x82\x05hello", 1002),
        (b"\xc2\x85" + MASK + b"hello", 1002),
    ],
    ids=["too long", "far too long", "no mask", "compressed"],
)
async def test_a_frame_that_may_not_be_ends_it(desk: Desk, bad: bytes, code: int) -> None:
    viewer, client = desk.connect("websocket")
    client.sock.sendall(bad)
    assert await client.frame() == (CLOSE, struct.pack(">H", code))
    client.sock.close()
    assert await ended(viewer) == "left"


async def test_an_aborted_viewer_is_gone_at_once(desk: Desk) -> None:
    desk.publish(5)
    viewer, client = desk.connect("websocket")
    viewer.attach(desk.stream, "flv")
    viewer.abort()
    viewer.abort()
    assert await ended(viewer) == "aborted"
    assert desk.stream.reader_count == 0
    with pytest.raises((ConnectionResetError, EOFError)):
        await client.read(10_000_000)


@pytest.mark.parametrize("wire", ["http", "websocket"])
async def test_a_client_that_takes_nothing_is_closed_and_holds_nobody_up(
    desk: Desk, wire: str
) -> None:
    limit = QueueLimit(20, 8 * 1024 * 1024)
    slow, deaf = desk.connect(wire, limit)
    fast, client = desk.connect("http", limit)
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.attach(desk.stream, "flv")
    fast.attach(desk.stream, "flv")

    async def feed() -> None:
        index = 0
        while True:
            desk.publish(1, start=index * 10, size=100_000)
            index += 1
            await asyncio.sleep(0.001)

    async def swallow() -> None:
        while await asyncio.get_running_loop().sock_recv(client.sock, 1 << 20):
            pass

    async with asyncio.TaskGroup() as group:
        work = [group.create_task(feed()), group.create_task(swallow())]
        assert await ended(slow) == "slow"
        for each in work:
            each.cancel()
    assert slow.statistics.overflows >= 4 and slow.statistics.dropped > 0
    assert fast.statistics.bytes > slow.statistics.bytes
    assert desk.stream.reader_count == 1


async def test_a_codec_that_does_not_fit_ends_http_and_leaves_a_websocket_silent(
    desk: Desk,
) -> None:
    desk.publish(3, track=SVAC)
    assert "svac" in desk.stream.refusal("flv") and desk.stream.refusal("access-units") == ""
    plain, client = desk.connect("http")
    plain.attach(desk.stream, "flv")
    assert await client.read_all() == b""
    client.sock.close()
    assert await ended(plain) == "unsupported"
    screen, client = desk.connect("websocket")
    screen.attach(desk.stream, "flv")
    await asyncio.sleep(0.01)
    screen.detach()
    screen.send_text("unplayable")
    assert await client.frame() == (TEXT, b"unplayable")


async def test_attaching_to_a_stream_that_is_over_ends_http_only(desk: Desk) -> None:
    desk.stream.close(EndReason.CLOSED)
    plain, client = desk.connect("http")
    plain.attach(desk.stream, "flv")
    assert await client.read_all() == b""
    client.sock.close()
    assert await ended(plain) == "stream"
    screen, client = desk.connect("websocket")
    screen.attach(desk.stream, "flv")
    screen.send_text("here")
    assert await client.frame() == (TEXT, b"here")


async def test_a_relay_that_closes_lets_its_viewers_go() -> None:
    async with Relay(RelayConfig(host="127.0.0.1", ports=range(0)), Clock().wall) as relay:
        desk = Desk(relay)
        viewer, client = desk.connect("websocket")
    assert await ended(viewer) == "aborted"
    client.sock.close()
    near, far = socket.socketpair()
    with pytest.raises(StreamClosed):
        relay.adopt(near, "http")
    assert near.fileno() == -1, "the socket was the relay's, also then"
    far.close()


async def test_a_stream_that_begins_later_is_written_from_its_first_key(desk: Desk) -> None:
    viewer, client = desk.connect("http")
    viewer.attach(desk.stream, "flv")
    beside = desk.stream.open_reader("flv")
    await asyncio.sleep(0.01)
    for unit in [picture(0), *pictures(3, start=1)]:
        desk.stream.publish([unit], [Kind.VIDEO], 0.0)
    expected = b"".join(chunk.data for chunk in beside.take_all())
    assert await client.read(len(expected)) == expected
