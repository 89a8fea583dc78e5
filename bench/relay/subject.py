"""The process under test: a relay in the product's own parts, driven line by line over stdin.

Everything that touches the relay's interface is one function per kind of work (`open_stream`,
`mux`, `forward`, `read_counters`): when the interface changes, this is the module to change, and
`subject_web` for how viewers come in. Works that the relay cannot do raise NotAvailable and their
rows say so.

Answers JSON lines: one when ready, one per command (`usage`, `snapshot`, `open N TRANSPORT`,
`close N`), one at the end.
"""

import argparse
import asyncio
import json
import logging
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from bench.relay.native import HOST
from stream_relay.forwarder import Content, Forwarder
from stream_relay.outputs.chunk import Format
from stream_relay.receiver import Receiver, Transport
from stream_relay.relay import Relay, RelayConfig
from stream_relay.stream import Stream

FIRST_SSRC = 200000001
FORWARDING: dict[str, Content] = {"forward": "source", "forward-mux": "all"}
WORKS = ("ingest", "mux", *FORWARDING, "serve", "idle")
QUARANTINE_S = 1.0
"""Ports come back soon: the soak opens more streams in a minute than a platform in a day."""
DISCARD_S = 0.5


class NotAvailable(Exception):
    """The relay of this version has no way to do this work."""


# --- what the relay is asked to do ----------------------------------------------------------------


def create_relay(ports: range, rest_us: int | None = None) -> Relay:
    """A relay as the platform makes it, on loopback; `rest_us` None: rests as in the product."""
    config = RelayConfig(host=HOST, ports=ports, port_quarantine_s=QUARANTINE_S)
    if rest_us is not None:
        config = replace(config, rest_us=rest_us)
    return Relay(config, lambda: datetime.now(UTC))


async def open_stream(relay: Relay, number: int, transport: Transport) -> Receiver:
    """Listen for stream `number`; its port is `receiver.port`."""
    return await relay.open_receiver(
        code_of(number), transport, FIRST_SSRC + number, ssrc_check=True, signalling_host=HOST
    )


async def mux(streams: list[Stream], form: Format = "flv") -> None:
    """One live mux behind each stream: every fragment is built, kept for who joins, and freed.

    What is thrown away twice a second has been handed to nobody; writing it is the business of
    other rows.
    """
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(each.open_reader(form)) for each in streams]
        while True:
            await asyncio.sleep(DISCARD_S)
            for reader in readers:
                reader.discard()


async def forward(
    relay: Relay, stream: Stream, port: int, ssrc: int, content: Content
) -> Forwarder:
    """Send the stream on to HOST:port with another SSRC, for as long as it lives."""
    return await relay.forward(stream, "udp", ssrc=ssrc, host=HOST, port=port, content=content)


def read_counters(relay: Relay) -> dict[str, int]:
    """Sums over all streams that are open."""
    figures = [stream.statistics for stream in relay.streams()]
    return {
        "streams": len(figures),
        "packets": sum(each.packets for each in figures),
        "lost": sum(each.lost for each in figures),
        "readers": sum(each.readers for each in figures),
        "dropped": sum(each.dropped_chunks for each in figures),
        "gop_cache_bytes": sum(each.gop_cache_bytes for each in figures),
    }


def code_of(number: int) -> str:
    """The channel that stream `number` carries: 20 digits."""
    return f"1404000000132{number:07d}"


# --- the process ----------------------------------------------------------------------------------


def read_usage() -> dict[str, float]:
    """CPU of all threads, and when; itself it costs next to nothing."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"now_ns": time.monotonic_ns(), "cpu_s": used.ru_utime + used.ru_stime}


def read_process() -> dict[str, float]:
    """CPU of all threads and what the process holds now."""
    status = Path("/proc/self/status").read_text()
    facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {
        **read_usage(),
        "rss_bytes": int(facts["VmRSS"].split()[0]) * 1024,
        "threads": int(facts["Threads"]),
        "fds": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "python_blocks": sys.getallocatedblocks(),
    }


class Subject:
    """The relay with its streams, and the answers to what the bench asks."""

    def __init__(self, relay: Relay, group: asyncio.TaskGroup) -> None:
        self.relay = relay
        self.receivers: dict[int, Receiver] = {}
        self.forwarders: list[Forwarder] = []
        self.on_close: Callable[[str], None] = lambda code: None
        self.muxer: asyncio.Task[None] | None = None
        self._group = group

    async def begin(self, options: argparse.Namespace) -> None:
        """Open the streams and the work of the row."""
        for number in range(options.streams):
            receiver = await open_stream(self.relay, number, options.transport)
            self.receivers[number] = receiver
        # Forwards take ports as well: the streams must have the first ones.
        for number, receiver in self.receivers.items():
            if options.work in FORWARDING:
                port, ssrc = options.target + 2 * number, FIRST_SSRC + 100_000 + number
                content = FORWARDING[options.work]
                self.forwarders.append(
                    await forward(self.relay, receiver.stream, port, ssrc, content)
                )
        if options.work == "mux":
            muxed = mux([receiver.stream for receiver in self.receivers.values()])
            self.muxer = self._group.create_task(muxed)

    def snapshot(self) -> dict[str, Any]:
        forwarded = sum(each.statistics.packets for each in self.forwarders)
        return {**read_process(), **read_counters(self.relay), "forwarded": forwarded}

    async def obey(self, line: str) -> dict[str, Any]:
        """One command of the bench."""
        match line.split():
            case ["open", number, transport]:
                receiver = await open_stream(self.relay, int(number), cast(Transport, transport))
                self.receivers[int(number)] = receiver
                return {"port": receiver.port}
            case ["close", number]:
                await self.receivers.pop(int(number)).close()
                self.on_close(code_of(int(number)))
                return {}
            case ["usage"]:
                return read_usage()
            case _:
                return self.snapshot()

    async def drain_events(self) -> None:
        """Somebody takes the relay's events, as the platform does."""
        async for _ in self.relay.events():
            pass


async def read_lines() -> AsyncIterator[str]:
    """The lines of stdin, without a thread that would count."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        yield line.decode().strip()


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def run(options: argparse.Namespace) -> None:
    count = max(options.streams, options.spare_streams, 2) * (1 + (options.work in FORWARDING))
    ports = range(options.port, options.port + 2 * count)
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(create_relay(ports, options.rest_us))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        subject = Subject(relay, group)
        events = group.create_task(subject.drain_events())
        facts: dict[str, Any] = {}
        if options.work == "serve":
            from bench.relay.subject_web import serve  # costs a second of imports: only here

            subject.on_close, facts = await serve(relay, stack, is_tls=options.tls)
        before = read_process()
        try:
            await subject.begin(options)
        except NotAvailable as reason:
            say({"ready": False, "reason": str(reason)})
            events.cancel()
            return
        opened = [subject.receivers[number].port for number in range(options.streams)]
        say({"ready": True, "ports": opened, "rss_before": before["rss_bytes"], **facts})
        async for line in read_lines():
            say(await subject.obey(line))
        say(subject.snapshot())
        events.cancel()
        if subject.muxer is not None:
            subject.muxer.cancel()
        for receiver in list(subject.receivers.values()):
            await receiver.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", choices=WORKS, default="ingest")
    parser.add_argument("--streams", type=int, default=0)
    parser.add_argument("--spare-streams", type=int, default=0, help="may be opened later")
    parser.add_argument("--transport", choices=["udp", "tcp-passive"], default="udp")
    parser.add_argument("--port", type=int, required=True, help="first media port")
    parser.add_argument("--target", type=int, default=0, help="first port to forward to")
    parser.add_argument("--tls", action="store_true", help="serve by HTTPS")
    parser.add_argument("--rest-us", type=int, help="another rest than the product's")
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
