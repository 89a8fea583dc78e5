"""A bad network between a camera and the relay; knows exactly what it did.

    python -m tests.damage.proxy_program udp PORT HOST:PORT --duplicate 0.05 --delay 0.05:0.03 ...
    python -m tests.damage.proxy_program tcp PORT HOST:PORT --reset-bytes 100000 --resets 4

Does its damage until it is told `{"do": "clean"}` on its standard input, then forwards cleanly;
any line is answered with what it did so far. The first datagrams pass unharmed: how they come
decides where the far side begins to count.
`disordered` is counted by RTP sequence as packets leave: what the far side must see, however
chance and the machine's load placed them.
"""

import argparse
import asyncio
import heapq
import json
import random
import socket
import struct
import sys
from dataclasses import asdict, dataclass
from typing import Any

LISTEN_HOST = "127.0.0.1"
RTP_HEADER_BYTES = 12
READ_BYTES = 4096
UNHARMED = 50
SO_RCVBUFFORCE = 33
"""More than `net.core.rmem_max`, as root (socket(7)); Python has no name for it."""


@dataclass
class Done:
    """What the proxy did."""

    came: int = 0
    left: int = 0
    lost: int = 0
    duplicated: int = 0
    corrupted: int = 0
    disordered: int = 0
    """Left after a packet with a higher sequence; doubles not counted."""
    resets: int = 0
    stalls: int = 0


class DatagramPath(asyncio.DatagramProtocol):
    """Datagrams one way; each may be lost, doubled, held back, or have a bit of it turned."""

    def __init__(self, target: tuple[str, int], damage: argparse.Namespace, done: Done) -> None:
        self.is_clean = False
        self._damage = damage
        self._done = done
        self._chance = random.Random(damage.seed)
        self._loop = asyncio.get_running_loop()
        self._out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._out.connect(target)
        self._out.setblocking(False)
        self._held: list[tuple[float, int, bytes, bool]] = []
        self._highest: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Room for what comes while others have the processor."""
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)

    def datagram_received(self, data: bytes, address: Any) -> None:
        """Let it through, or do it some harm."""
        self._done.came += 1
        damage, chance, now = self._damage, self._chance, self._loop.time()
        if self.is_clean or self._done.came <= UNHARMED:
            self._hold(now, data, is_double=False)
            return
        if chance.random() < damage.loss:
            self._done.lost += 1
            return
        if chance.random() < damage.corrupt:
            data = self._corrupted(data)
        share, delay_s = damage.delay
        due = now + chance.random() * damage.jitter
        if chance.random() < share:
            due += delay_s
        self._hold(due, data, is_double=False)
        if chance.random() < damage.duplicate:
            self._hold(due, data, is_double=True)

    def _corrupted(self, data: bytes) -> bytes:
        """One bit behind the RTP header turned: what the checksum of UDP did not find."""
        damaged = bytearray(data)
        damaged[self._chance.randrange(RTP_HEADER_BYTES, len(data))] ^= 1 << self._chance.randrange(
            8
        )
        self._done.corrupted += 1
        return bytes(damaged)

    def _hold(self, due: float, data: bytes, *, is_double: bool) -> None:
        heapq.heappush(self._held, (due, self._done.came, data, is_double))
        self._release()

    def _release(self) -> None:
        now = self._loop.time()
        while self._held and self._held[0][0] <= now:
            _, _, data, is_double = heapq.heappop(self._held)
            self._send(data, is_double)
        if self._held:
            self._loop.call_at(self._held[0][0], self._release)

    def _send(self, data: bytes, is_double: bool) -> None:
        self._out.send(data)
        self._done.left += 1
        if is_double:
            self._done.duplicated += 1
            return
        sequence = int.from_bytes(data[2:4], "big")
        ahead = 0 if self._highest is None else sequence - self._highest & 0xFFFF
        if ahead < 0x8000:
            self._highest = sequence
        else:
            self._done.disordered += 1

    def clean(self) -> None:
        """From now on let everything through."""
        self.is_clean = True

    def close(self) -> None:
        """What is still held never leaves."""
        self._out.close()


class ConnectionPath:
    """TCP one way (a camera hears nothing): reset after so many bytes, or stall once."""

    def __init__(self, target: tuple[str, int], damage: argparse.Namespace, done: Done) -> None:
        self.is_clean = False
        self.is_going_on = asyncio.Event()
        self._target = target
        self._damage = damage
        self._done = done

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from end to end."""
        _, onward = await asyncio.open_connection(*self._target)
        carried = 0
        try:
            while data := await reader.read(READ_BYTES):
                onward.write(data)
                await onward.drain()
                carried += len(data)
                if self._is_due(carried, self._damage.reset_bytes):
                    self._done.resets += 1
                    _reset(writer)
                    _reset(onward)
                    return
                if self._is_due(carried, self._damage.stall_bytes) and not self._done.stalls:
                    self._done.stalls += 1
                    await self.is_going_on.wait()
        except ConnectionError as error:
            print(f"a connection broke: {error}", file=sys.stderr)
        finally:
            onward.close()
            writer.close()

    def clean(self) -> None:
        """From now on let everything through, also what stalls."""
        self.is_clean = True
        self.is_going_on.set()

    def close(self) -> None:
        """Connections end with the program."""

    def _is_due(self, carried: int, limit: int) -> bool:
        return not self.is_clean and 0 < limit <= carried


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def run(damage: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin.buffer)
    host, _, port = damage.target.rpartition(":")
    target, done = (host, int(port)), Done()
    here = (LISTEN_HOST, damage.port)
    path: DatagramPath | ConnectionPath
    if damage.kind == "udp":
        _, path = await loop.create_datagram_endpoint(
            lambda: DatagramPath(target, damage, done), local_addr=here
        )
    else:
        path = ConnectionPath(target, damage, done)
        await asyncio.start_server(path.carry, *here)
    print(json.dumps({"listens": damage.port}), flush=True)
    while line := await lines.readline():
        if json.loads(line)["do"] == "clean":
            path.clean()
        print(json.dumps(asdict(done)), flush=True)
    path.close()


def _share_and_time(text: str) -> tuple[float, float]:
    share, _, seconds = text.partition(":")
    return float(share), float(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("udp", "tcp"))
    parser.add_argument("port", type=int)
    parser.add_argument("target")
    parser.add_argument("--seed", type=int, default=22)
    for name in ("loss", "duplicate", "corrupt", "jitter"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--delay", type=_share_and_time, default=(0.0, 0.0), metavar="SHARE:S")
    for name in ("reset-bytes", "stall-bytes"):
        parser.add_argument(f"--{name}", type=int, default=0)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
