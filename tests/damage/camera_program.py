"""The project's own media sender as a program of its own, until it gets a line or its input ends.

    python -m tests.damage.camera_program CLIP HOST PORT TRANSPORT SSRC

Prints its port, and at the end how much it sent. A camera whose TCP connection breaks connects
again after a moment, with sequence and time stamp that start anywhere.
"""

import asyncio
import json
import random
import sys
from pathlib import Path

from stream_relay.errors import SourceLost
from stream_relay.simulator import ClipSource, MediaSender, MediaTarget, Transport

REST_S = 0.2
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp-passive", "tcp-active")


async def send(path: str, target: MediaTarget) -> None:
    source, chance = ClipSource(Path(path)), random.Random(28181)
    loop, lines = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin.buffer)
    packets = connections = 0
    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(lines.readline())
        while not stopping.done():
            async with MediaSender(source, target, chance=chance) as sender:
                print(json.dumps({"port": sender.port}), flush=True)
                running = group.create_task(_run(sender))
                await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
                running.cancel()
                await asyncio.wait((running,))
            packets += sender.packets
            connections += 1
            await asyncio.wait((stopping,), timeout=REST_S)
    print(json.dumps({"packets": packets, "connections": connections}), flush=True)


async def _run(sender: MediaSender) -> None:
    try:
        await sender.run()
    except SourceLost as error:
        print(error, file=sys.stderr)


def main() -> None:
    path, host, port, transport, ssrc = sys.argv[1:]
    kind = TRANSPORTS[TRANSPORTS.index(transport)]
    target = MediaTarget(host, int(port), kind, int(ssrc))
    asyncio.run(send(path, target))


if __name__ == "__main__":
    main()
