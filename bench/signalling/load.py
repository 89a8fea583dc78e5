"""Devices in text: requests put together by hand, so many in flight, in a process of their own."""

import hashlib
import re
import select
import socket
from dataclasses import dataclass

HOST = "127.0.0.1"
SERVER_ID = "14040000002000000001"
DOMAIN = SERVER_ID[:10]
PASSWORD = "12345678"
IN_FLIGHT = 64
PATIENCE_S = 0.5
"""After so long without an answer what is missing is sent again: a datagram was lost."""

_NONCE = re.compile(rb'nonce="([^"]+)"')
_NUMBER = re.compile(rb"\r\nCSeq: (\d+) ", re.IGNORECASE)


def device_ids(count: int) -> list[str]:
    """So many devices, always the same ones."""
    return [f"14040000001189{number:06d}" for number in range(count)]


def build(method: str, device: str, number: int, lines: str = "", body: str = "") -> bytes:
    """Write a request; its CSeq is its number."""
    to = device if method == "REGISTER" else SERVER_ID
    return (
        f"{method} sip:{SERVER_ID}@{DOMAIN} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 10.9.9.9:5060;rport;branch=z9hG4bK{number}{method}\r\n"
        f"From: <sip:{device}@{DOMAIN}>;tag={number}\r\nTo: <sip:{to}@{DOMAIN}>\r\n"
        f"Call-ID: {number // 2 if method == 'REGISTER' else number}-{device}\r\n"
        f"CSeq: {number} {method}\r\nMax-Forwards: 70\r\nUser-Agent: bench\r\n{lines}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def keepalive(device: str, number: int) -> bytes:
    """A keepalive as every device sends it."""
    body = (
        '<?xml version="1.0" encoding="GB2312"?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType>\r\n'
        f"<SN>{number}</SN>\r\n<DeviceID>{device}</DeviceID>\r\n<Status>OK</Status>\r\n</Notify>\r\n"
    )
    return build("MESSAGE", device, number, "Content-Type: Application/MANSCDP+xml\r\n", body)


def register(device: str, number: int, nonce: str = "") -> bytes:
    """A REGISTER, with an answer to the challenge where there was one."""
    lines = f"Contact: <sip:{device}@10.9.9.9:5060>\r\nExpires: 3600\r\n"
    if nonce:
        uri = f"sip:{SERVER_ID}@{DOMAIN}"
        ha1, ha2 = _md5(f"{device}:{DOMAIN}:{PASSWORD}"), _md5(f"REGISTER:{uri}")
        lines += (
            f'Authorization: Digest username="{device}", realm="{DOMAIN}", nonce="{nonce}", '
            f'uri="{uri}", response="{_md5(f"{ha1}:{nonce}:{ha2}")}", algorithm=MD5\r\n'
        )
    return build("REGISTER", device, number, lines)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # RFC 2617


@dataclass
class Blaster:
    """One socket that sends for many devices and waits for their answers, a window at a time."""

    port: int
    devices: list[str]

    def __post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((HOST, self.port))
        self._socket.setblocking(False)
        self._number = 0
        self.repeated = 0

    def keep_alive(self, count: int) -> int:
        """Send so many keepalives; answers how many were answered 200."""
        return self._run([("MESSAGE", n) for n in range(count)])

    def register(self, count: int) -> int:
        """Register so many times, each with its challenge; answers how many came to 200."""
        return self._run([("REGISTER", n) for n in range(count)])

    def _run(self, orders: list[tuple[str, int]]) -> int:
        waiting = orders[::-1]
        open_: dict[int, tuple[str, bytes]] = {}
        done = 0
        while waiting or open_:
            while waiting and len(open_) < IN_FLIGHT:
                method, n = waiting.pop()
                device = self.devices[n % len(self.devices)]
                self._number += 2
                make = keepalive if method == "MESSAGE" else register
                self._send(open_, self._number, device, make(device, self._number))
            if not select.select([self._socket], [], [], PATIENCE_S)[0]:
                for _, data in open_.values():
                    self.repeated += 1
                    self._socket.send(data)
                continue
            done += self._take(open_)
        return done

    def _take(self, open_: dict[int, tuple[str, bytes]]) -> int:
        done = 0
        while True:
            try:
                answer = self._socket.recv(4096)
            except BlockingIOError:
                return done
            found = _NUMBER.search(answer)
            number = int(found[1]) if found else -1
            if number not in open_ or answer.startswith(b"SIP/2.0 1"):
                continue
            device, _ = open_.pop(number)
            nonce = _NONCE.search(answer)
            if answer.startswith(b"SIP/2.0 401") and nonce:
                data = register(device, number + 1, nonce[1].decode())
                self._send(open_, number + 1, device, data)
            else:
                done += answer.startswith(b"SIP/2.0 200")

    def _send(
        self, open_: dict[int, tuple[str, bytes]], number: int, device: str, data: bytes
    ) -> None:
        open_[number] = (device, data)
        self._socket.send(data)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
