"""Peers that share no code with the server: raw sockets, text put together by hand, own digest."""

import asyncio
import contextlib
import hashlib
import itertools
import logging
import random
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from sip.server import Credential, SipConfig, SipServer

SERVER_ID = "34020000002000000001"
DOMAIN = "3402000000"
PASSWORD = "12345678"
WITNESS = "34020000001180000001"
"""A well-behaved device that must not notice anything of what the others do."""
SUSPECT = "34020000001180000002"
"""A device with the right password that sends nonsense."""
SIPP = "34020000001180000003"
MANY = tuple(f"340200000011800001{number:02d}" for number in range(20))
CROWD = tuple(f"340200000011810{number:05d}" for number in range(200))
"""Devices that all come at once."""
HOST = "127.0.0.1"

_numbers = itertools.count(1)


def make_server(**config) -> SipServer:
    values = {
        "server_id": SERVER_ID,
        "domain": DOMAIN,
        "host": HOST,
        "port": 0,
        "advertised_host": HOST,
    } | config
    known = {device: Credential(PASSWORD) for device in (WITNESS, SUSPECT, SIPP, *MANY, *CROWD)}
    return SipServer(
        SipConfig(**values),
        known.get,
        lambda: datetime.now(UTC),
        random.Random(3).randbytes,
    )


def request(method: str, *lines: str, body: bytes = b"", **parts) -> bytes:
    """Write a request; the parts are uri, via, sender, to, call_id, cseq, length, eol."""
    number = next(_numbers)
    sender = parts.get("sender", WITNESS)
    target = sender if method == "REGISTER" else SERVER_ID
    length = parts.get("length", f"Content-Length: {len(body)}")
    head = [
        f"{method} {parts.get('uri', f'sip:{SERVER_ID}@{DOMAIN}')} SIP/2.0",
        parts.get("via", f"Via: SIP/2.0/UDP 10.9.9.9:5060;rport;branch=z9hG4bK{number}"),
        f"From: {parts.get('from_', f'<sip:{sender}@{DOMAIN}>;tag={number}')}",
        f"To: <sip:{parts.get('to', target)}@{DOMAIN}>",
        f"Call-ID: {parts.get('call_id', f'call-{number}')}",
        f"CSeq: {parts.get('cseq', number)} {method}",
        "Max-Forwards: 70",
        *lines,
        *([length] if length else []),
        "",
        "",
    ]
    text = parts.get("eol", "\r\n").join(head)
    return text.encode("utf-8", "surrogateescape") + body


def xml(root: str, command: str, *fields: str, sn: int = 1, device: str = WITNESS) -> str:
    lines = (f"<CmdType>{command}</CmdType>", f"<SN>{sn}</SN>", f"<DeviceID>{device}</DeviceID>")
    inner = "\r\n".join((*lines, *fields))
    return f'<?xml version="1.0" encoding="GB2312"?>\r\n<{root}>\r\n{inner}\r\n</{root}>\r\n'


def message(body: bytes | str, **parts) -> bytes:
    octets = body.encode("gb18030") if isinstance(body, str) else body
    return request("MESSAGE", "Content-Type: Application/MANSCDP+xml", body=octets, **parts)


def keepalive(device: str = WITNESS, **parts) -> bytes:
    return message(xml("Notify", "Keepalive", "<Status>OK</Status>", device=device), **parts)


def register(device: str, *lines: str, expires: int = 3600, **parts) -> bytes:
    own = (f"Contact: <sip:{device}@10.9.9.9:5060>", f"Expires: {expires}")
    return request("REGISTER", *own, *lines, sender=device, **parts)


def authorization(answer: bytes, device: str, **changes) -> str:
    """Answer a 401 (RFC 2617 §3.2.2, the form without qop); `qop=True` answers as if offered."""
    offer = dict(re.findall(rb'(\w+)="?([^",]+)', field(answer, "WWW-Authenticate")))
    realm, nonce = offer[b"realm"].decode(), offer[b"nonce"].decode()
    uri = changes.get("uri", f"sip:{SERVER_ID}@{DOMAIN}")
    username = changes.get("username", device)
    password = changes.get("password", PASSWORD)
    ha1, ha2 = md5(f"{username}:{realm}:{password}"), md5(f"REGISTER:{uri}")
    middle, more = "", ""
    if changes.get("qop"):
        middle, more = "00000001:ab:auth:", ', qop=auth, nc=00000001, cnonce="ab"'
    response = md5(f"{ha1}:{nonce}:{middle}{ha2}")
    return (
        f'Authorization: Digest username="{username}", realm="{realm}", nonce="{nonce}", '
        f'uri="{uri}", response="{response}", algorithm=MD5{more}'
    )


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # RFC 2617


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"SIP/2.0 ") else 0


def field(answer: bytes, name: str) -> bytes:
    found = re.search(rb"(?im)^" + name.encode() + rb":[ \t]*(.*?)\r$", answer)
    return found[1] if found else b""


def call_id(answer: bytes) -> bytes:
    return field(answer, "Call-ID")


def split(stream: bytes) -> list[bytes]:
    """Cut a stream of whole messages."""
    messages = []
    while stream.strip(b"\r\n"):
        stream = stream.lstrip(b"\r\n")
        head, _, rest = stream.partition(b"\r\n\r\n")
        length = int(field(head + b"\r\n", "Content-Length"))
        messages.append(head + b"\r\n\r\n" + rest[:length])
        stream = rest[length:]
    return messages


class UdpPeer(asyncio.DatagramProtocol):
    """One socket; what it receives waits in order."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        self.received.put_nowait(data)

    async def send(self, data: bytes) -> None:
        self.transport.sendto(data)

    async def next(self) -> bytes:
        async with asyncio.timeout(60):
            return await self.received.get()


class TcpPeer:
    """One connection; what it receives is cut into messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._stream = b""

    async def send(self, data: bytes) -> None:
        # The server may close while we still write; what it said before is still to be read.
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            async with asyncio.timeout(60):
                await self.writer.drain()

    async def next(self) -> bytes:
        async with asyncio.timeout(60):
            while True:
                stream = self._stream.lstrip(b"\r\n")
                head, end, rest = stream.partition(b"\r\n\r\n")
                length = int(field(head + b"\r\n", "Content-Length") or 0)
                if end and len(rest) >= length:
                    self._stream = rest[length:]
                    return head + end + rest[:length]
                more = await self.reader.read(65_536)
                if not more:
                    raise EOFError
                self._stream += more

    async def rest(self) -> list[bytes]:
        """Everything until the server closes the connection."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                self._stream += await self.reader.read()
        return split(self._stream)


@contextlib.asynccontextmanager
async def connected(server: SipServer, transport: str) -> AsyncIterator[UdpPeer | TcpPeer]:
    if transport == "udp":
        loop = asyncio.get_running_loop()
        sender, peer = await loop.create_datagram_endpoint(
            UdpPeer, remote_addr=(HOST, server.port), local_addr=(HOST, 0)
        )
        try:
            yield peer
        finally:
            sender.close()
        return
    reader, writer = await asyncio.open_connection(HOST, server.port)
    try:
        yield TcpPeer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def probe(peer: UdpPeer | TcpPeer, *packets: bytes) -> list[bytes]:
    """Send packets and then a marker; return what came before the marker's answer."""
    marker = request("OPTIONS")
    for packet in (*packets, marker):
        await peer.send(packet)
    answers = []
    while call_id(answer := await peer.next()) != call_id(marker):
        answers.append(answer)
    return answers


async def log_in(peer: UdpPeer | TcpPeer, device: str = WITNESS, **parts) -> bytes:
    """Register; return the last answer."""
    (challenge,) = await probe(peer, register(device, **parts))
    assert status(challenge) == 401
    (answer,) = await probe(peer, register(device, authorization(challenge, device), **parts))
    return answer


class Errors(logging.Handler):
    """Remembers whatever is logged at error level, by us or by the loop."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))


class Scene:
    """A server, a witness registered with it over UDP, and everything the server has told."""

    def __init__(self, server: SipServer, witness: UdpPeer) -> None:
        self.server = server
        self.witness = witness
        self.events: list[object] = []
        self._stream = server.events()

    async def heard(self, kind: type) -> list:
        """All events of a kind so far."""
        for _ in range(self.server.stats()["events.waiting"]):
            self.events.append(await anext(self._stream))
        return [event for event in self.events if isinstance(event, kind)]

    async def is_unharmed(self) -> bool:
        """Whether the witness is still registered and answered."""
        (answer,) = await probe(self.witness, keepalive())
        return self.server.is_registered(WITNESS) and status(answer) == 200

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the server work until something holds; the witness is served all the while."""
        async with asyncio.timeout(90):
            while not condition():
                # Paced, because what is waited for may be another program's doing.
                await asyncio.sleep(0.01)
                assert await self.is_unharmed()

    def counted(self, name: str) -> int:
        return self.server.stats().get(name, 0)

    def counted_misdeeds(self) -> int:
        """Whatever was held against anybody."""
        stats = self.server.stats()
        return sum(count for name, count in stats.items() if name.startswith("misbehaved."))
