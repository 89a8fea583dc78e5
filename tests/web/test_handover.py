"""A connection taken out of aiohttp: nothing lost, nothing said to the client, nothing left."""

import asyncio
import gc
import logging
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.web.conftest import FAST
from tests.web.fake_live import FakeChunk
from tests.web.fakes import FakeServices
from tests.web.records import CHANNEL
from tests.web.websocket_frames import BINARY, PING, PONG, frame
from vms.records import LiveState, LiveStatus, LiveStep
from web.app import create_runner
from web.handover import Handed, HandedSocket, can_hand_over, hand_over, is_upgrade
from web.keys import limits_key

HANDSHAKE = (
    "GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
)
LIVE = LiveStatus(CHANNEL, LiveState.LIVE, LiveStep.PLAYING)
INIT = FakeChunk("init", b"INIT")

Open = Callable[..., Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Desk:
    """A server that hands over every connection, and what it got."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[socket.socket] = asyncio.Queue()
        self.let_go = asyncio.Event()
        """The handlers stay until this."""
        self.refused = 0
        self.complaints: list[dict[str, Any]] = []
        self.runner: web.AppRunner | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not can_hand_over(request):
            self.refused += 1
            return web.Response(text="written here")
        response = HandedSocket() if is_upgrade(request) else Handed("video/x-flv")
        taken = await hand_over(request, response)
        self.taken.put_nowait(taken)
        await self.let_go.wait()
        response.sent = 4711
        return response

    async def dismiss(self, _: web.Application) -> None:
        """As the product's own: aiohttp waits for the handlers of connections it has let go."""
        self.let_go.set()

    async def take(self) -> socket.socket:
        async with asyncio.timeout(60):
            taken = await self.taken.get()
        await asyncio.sleep(0.01)  # aiohttp has closed its own descriptor
        return taken


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, facts: desk.complaints.append(facts))
    app = web.Application()
    app[limits_key] = FAST
    app.router.add_get("/live", desk.answer)
    app.on_shutdown.append(desk.dismiss)
    desk.runner = create_runner(app)
    await desk.runner.setup()
    await web.TCPSite(desk.runner, "127.0.0.1", 0).start()
    yield desk
    await desk.runner.cleanup()
    gc.collect()
    await asyncio.sleep(0)
    assert desk.complaints == [], "no task failed unseen, no transport was forgotten"


@pytest.fixture
async def dial(desk: Desk) -> AsyncIterator[Open]:
    writers: list[asyncio.StreamWriter] = []

    async def dial(request: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert desk.runner is not None
        reader, writer = await asyncio.open_connection(*desk.runner.addresses[0])
        writers.append(writer)
        writer.write(request.encode())
        return reader, writer

    yield dial
    for writer in writers:
        writer.close()


async def head_of(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(60):
        return (await reader.readuntil(b"\r\n\r\n")).decode()


def masked(kind: int, payload: bytes) -> bytes:
    """A frame as a client sends it."""
    mask = b"\x01\x02\x03\x04"
    body = bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))
    return struct.pack(">BB", 0x80 | kind, 0x80 | len(payload)) + mask + body


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_the_head_comes_from_aiohttp_and_the_body_from_the_new_owner(
    desk: Desk, dial: Open, version: str
) -> None:
    reader, _ = await dial(f"GET /live HTTP/{version}\r\nHost: x\r\n\r\n")
    head = await head_of(reader)
    assert head.startswith(f"HTTP/{version} 200 OK") and "video/x-flv" in head
    assert "Transfer-Encoding" not in head and "Content-Length" not in head
    assert "keep-alive" not in head and ("Connection: close" in head) is (version == "1.1")
    taken = await desk.take()
    loop = asyncio.get_running_loop()
    for piece in (b"one", b"two" * 100_000):
        async with asyncio.TaskGroup() as group:
            group.create_task(loop.sock_sendall(taken, piece))
            assert await reader.readexactly(len(piece)) == piece
    desk.let_go.set()  # the end of the handler is not the end of the connection
    await asyncio.sleep(0.02)
    await loop.sock_sendall(taken, b"after")
    assert await reader.readexactly(5) == b"after"
    taken.close()
    assert await reader.read() == b"", "an orderly end"


async def test_what_the_client_sends_next_waits_for_the_new_owner(desk: Desk, dial: Open) -> None:
    reader, writer = await dial(HANDSHAKE.format(more=""))
    head = await head_of(reader)
    assert head.startswith("HTTP/1.1 101") and "Sec-WebSocket-Accept: " in head
    writer.write(masked(PING, b"right after"))
    taken = await desk.take()
    loop = asyncio.get_running_loop()
    assert await loop.sock_recv(taken, 100) == masked(PING, b"right after")
    await loop.sock_sendall(taken, frame(BINARY, b"data"))
    assert await reader.readexactly(6) == frame(BINARY, b"data")
    writer.close()
    assert await loop.sock_recv(taken, 100) == b"", "the client's goodbye is seen"
    taken.close()


async def test_compression_is_not_agreed_on(desk: Desk, dial: Open) -> None:
    more = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    reader, _ = await dial(HANDSHAKE.format(more=more))
    assert "Extensions" not in await head_of(reader)
    (await desk.take()).close()


async def test_who_speaks_before_the_handshake_is_not_handed_over(desk: Desk, dial: Open) -> None:
    """aiohttp has read those bytes. If this fails after an upgrade, it keeps them elsewhere."""
    reader, _ = await dial(HANDSHAKE.format(more="") + masked(PING, b"early").decode("latin-1"))
    assert "200 OK" in await head_of(reader)
    assert desk.refused == 1


async def test_a_second_request_on_the_connection_is_not_answered(desk: Desk, dial: Open) -> None:
    request = "GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
    reader, _ = await dial(request * 2)
    await head_of(reader)
    taken = await desk.take()
    desk.let_go.set()
    await asyncio.sleep(0.02)
    taken.close()
    assert await reader.read() == b"" and desk.taken.empty()


async def test_a_client_that_leaves_is_seen_by_the_new_owner(desk: Desk, dial: Open) -> None:
    reader, writer = await dial("GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    await head_of(reader)
    taken = await desk.take()
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    with pytest.raises(ConnectionError):
        await asyncio.get_running_loop().sock_recv(taken, 100)
    taken.close()


async def test_a_silent_peer_is_found_out_by_the_kernel(desk: Desk, dial: Open) -> None:
    await dial("GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    taken = await desk.take()
    assert taken.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == FAST.heartbeat_s
    assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == FAST.heartbeat_s * 1500
    taken.close()


async def test_the_server_goes_down_at_once_and_the_connection_stays(
    desk: Desk, dial: Open
) -> None:
    reader, _ = await dial("GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    await head_of(reader)
    taken = await desk.take()
    assert desk.runner is not None
    async with asyncio.timeout(60):
        await desk.runner.cleanup()
    await asyncio.get_running_loop().sock_sendall(taken, b"still here")
    assert await reader.readexactly(10) == b"still here"
    taken.close()


async def test_no_descriptor_stays_open(desk: Desk, dial: Open) -> None:
    async def visit() -> None:
        reader, writer = await dial("GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        await head_of(reader)
        (await desk.take()).close()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    await visit()
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(10):
        await visit()
    assert len(os.listdir("/proc/self/fd")) == len(before)


async def test_a_client_that_is_gone_before_the_answer_ends_quietly(
    desk: Desk, dial: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    prepare = Handed.prepare

    async def slowly(response: Handed, request: web.BaseRequest) -> Any:
        begun.set()
        await go_on.wait()
        return await prepare(response, request)

    monkeypatch.setattr(Handed, "prepare", slowly)
    _, writer = await dial("GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    await begun.wait()
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    await asyncio.sleep(0.01)
    go_on.set()
    await asyncio.sleep(0.01)
    assert desk.taken.empty() or (await desk.take()).close() is None


async def test_the_access_log_has_one_line_with_the_bytes_of_the_new_owner(
    desk: Desk, dial: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "aiohttp.access")
    for request in ("GET /live HTTP/1.1\r\nHost: x\r\n\r\n", HANDSHAKE.format(more="")):
        caplog.clear()
        desk.let_go.clear()
        await dial(request)
        taken = await desk.take()
        assert [record for record in caplog.records if record.name == "aiohttp.access"] == []
        desk.let_go.set()
        await asyncio.sleep(0.02)
        (line,) = [record for record in caplog.records if record.name == "aiohttp.access"]
        assert vars(line)["bytes"] == 4711
        taken.close()


# ---------------------------------------------------------------- under TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    yield path


async def test_under_tls_pictures_are_written_here(
    app: web.Application, services: FakeServices, certificate: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    runner = create_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    place = f"https://127.0.0.1:{runner.addresses[0][1]}/live/{CHANNEL}"
    headers = {"Authorization": f"Bearer {services.users.open_session('viewer')}"}
    async with ClientSession(headers=headers, connector=TCPConnector(ssl=False)) as session:
        watch = services.live.prepare(CHANNEL, LIVE, INIT, FakeChunk("media", b"one"), None)
        assert await (await session.get(f"{place}.flv")).read() == b"INITone"
        assert watch.wires == []
        watch = services.live.prepare(CHANNEL, LIVE, INIT, None)
        async with session.ws_connect(f"{place}.flv") as seen:
            assert [message.data async for message in seen] == [b"INIT"]
        assert watch.wires == []
        watch = services.live.prepare(CHANNEL, LIVE, INIT, None)
        async with session.ws_connect(f"{place}.ws") as seen:
            kinds = [message.type async for message in seen]
        assert kinds.count(WSMsgType.BINARY) == 1 and kinds[-1] is WSMsgType.TEXT
        assert watch.wires == []
    await runner.cleanup()


def test_frames_are_those_of_the_rfc() -> None:
    assert frame(PONG, b"x" * 125)[:2] == b"\x8a\x7d"
    assert frame(BINARY, b"x" * 126)[:4] == b"\x82\x7e\x00\x7e"
    assert frame(BINARY, b"x" * 65536)[:10] == b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"
