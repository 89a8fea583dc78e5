"""A relay as a program of its own, driven by JSON lines: what a leak test can look at from outside.

Every stream has one viewer of access units, which are written to a file as they come: kind, key
or not, size, data. The relay is used only through its own interface.
"""

import asyncio
import ctypes
import gc
import json
import os
import struct
import sys
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from stream_relay.access_unit import Kind
from stream_relay.errors import RelayError
from stream_relay.receiver import Receiver
from stream_relay.relay import Relay, RelayConfig

RECORD = struct.Struct(">??I")
CONFIG = RelayConfig(
    host="0.0.0.0",
    ports=range(30_000, 30_100),
    # A loaded machine may hold a packet up for longer than a network would.
    reorder_wait_s=0.5,
    stall_timeout_s=2.0,
    connect_pause_s=0.2,
    port_quarantine_s=0.0,
)


class Desk:
    """The relay, what it said, and its viewers."""

    def __init__(self, relay: Relay, folder: Path, group: asyncio.TaskGroup) -> None:
        self.relay = relay
        self.events: defaultdict[str, list[str]] = defaultdict(list)
        self._folder = folder
        self._group = group
        self._receivers: dict[str, Receiver] = {}

    async def hear(self) -> None:
        async for event in self.relay.events():
            self.events[event.stream_id].append(type(event).__name__)

    async def open(self, stream: str, transport: Any, ssrc: int, host: str) -> dict[str, Any]:
        receiver = await self.relay.open_receiver(
            stream, transport, ssrc, ssrc_check=True, signalling_host=host
        )
        self._receivers[stream] = receiver
        file = (self._folder / stream).open("wb", buffering=0)
        self._group.create_task(self._view(receiver, file))
        return {"port": receiver.port}

    async def answered(self, stream: str, host: str, port: int, ssrc: int) -> dict[str, Any]:
        self._receivers[stream].answered(host, port, ssrc)
        return {}

    async def figures(self, stream: str) -> dict[str, Any]:
        receiver = self._receivers[stream]
        return {**asdict(receiver.stream.statistics), "events": self.events[stream]}

    async def close(self, stream: str) -> dict[str, Any]:
        receiver = self._receivers.pop(stream)
        await receiver.close()
        return {**asdict(receiver.stream.statistics), "events": self.events[stream]}

    async def resources(self) -> dict[str, Any]:
        """What may leak, after everything that can be given back was."""
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        status = _status()
        return {
            "descriptors": len(os.listdir("/proc/self/fd")),
            "tasks": len(asyncio.all_tasks()),
            "threads": int(status["Threads"]),
            "sockets": sum(_sockets(table) for table in ("udp", "tcp")),
            "memory_bytes": int(status["VmRSS"].split()[0]) * 1024,
        }

    async def _view(self, receiver: Receiver, file: BinaryIO) -> None:
        with file:
            async with receiver.stream.open_reader("access-units") as reader:
                try:
                    async for chunk in reader:
                        if chunk.unit is not None:
                            kind = chunk.unit.track is Kind.VIDEO
                            head = RECORD.pack(kind, chunk.is_key, len(chunk.data))
                            file.write(head + chunk.data)
                except RelayError as error:
                    print(f"the viewer's stream ended: {error}", file=sys.stderr)


def _status() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def _sockets(table: str) -> int:
    """Sockets of this namespace that are bound or connected, those that merely die away not."""
    lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    time_wait = "06"
    return sum(line.split()[3] != time_wait for line in lines)


async def serve(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    pipe, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin.buffer
    )
    async with Relay(CONFIG, lambda: datetime.now(UTC)) as relay, asyncio.TaskGroup() as group:
        desk = Desk(relay, folder, group)
        hearing = group.create_task(desk.hear())
        while line := await lines.readline():
            command = json.loads(line)
            answer = await getattr(desk, command.pop("do"))(**command)
            print(json.dumps(answer), flush=True)
        hearing.cancel()
        for stream in relay.streams():
            await desk.close(stream.id)
    pipe.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
