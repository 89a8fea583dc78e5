"""Streams and viewers that come and go at random while packets flow: nothing may be left over."""

import asyncio
import contextlib
import gc
import os
import random
import socket
import threading

import pytest

from stream_relay.access_unit import AccessUnit
from stream_relay.errors import RelayError
from stream_relay.reader import QueueLimit, Reader
from stream_relay.receiver import Receiver
from stream_relay.relay import Relay
from stream_relay.viewer import InitFacts, Viewer
from tests.stream_relay.media import SSRC, VIDEO, WIDER, Camera, Clock, picture, udp_socket
from tests.stream_relay.test_relay import HOST, config, until

STEPS = 400
STREAMS, VIEWERS, READERS, FORWARDERS = 4, 12, 6, 6
FORMATS = ("flv", "fmp4", "fmp4-any-audio", "access-units")


class Chaos:
    """Does one random thing per step; the seed says which."""

    def __init__(self, relay: Relay, rng: random.Random, stack: contextlib.ExitStack) -> None:
        self.relay = relay
        self.rng = rng
        self.stack = stack
        self.device = stack.enter_context(udp_socket())
        self.target = stack.enter_context(udp_socket())
        self.receivers: list[tuple[Receiver, Camera]] = []
        self.viewers: list[tuple[Viewer, socket.socket]] = []
        self.readers: list[Reader] = []
        self.pictures = 0

    async def step(self) -> None:
        deed = self.rng.choice(
            (
                self.send,
                self.send,
                self.send,
                self.send,
                self.open,
                self.close,
                self.view,
                self.view,
                self.attach,
                self.attach,
                self.detach,
                self.drain,
                self.speak,
                self.leave,
                self.abort,
                self.finish,
                self.read,
                self.take,
                self.forward,
                self.stop_forward,
            )
        )
        await deed()
        if self.rng.random() < 0.3:
            await asyncio.sleep(0)
        if self.rng.random() < 0.05:
            await asyncio.sleep(0.01)

    async def open(self) -> None:
        name = f"s{self.rng.randrange(STREAMS)}"
        receiver = await self.relay.open_receiver(
            name, "udp", SSRC, ssrc_check=True, signalling_host=HOST
        )
        self.receivers = [each for each in self.receivers if each[0].stream.id != name]
        self.receivers.append((receiver, Camera(payload_bytes=self.rng.choice((200, 1300)))))

    async def close(self) -> None:
        if self.receivers and self.rng.random() < 0.5:
            receiver, _ = self.receivers.pop(self.rng.randrange(len(self.receivers)))
            await receiver.close()

    async def send(self) -> None:
        if not self.receivers:
            return await self.open()
        receiver, camera = self.rng.choice(self.receivers)
        for packet in camera.packets([self.unit() for _ in range(self.rng.randrange(1, 20))]):
            if self.rng.random() < 0.99:
                self.device.sendto(packet, (HOST, receiver.port))
        return None

    def unit(self) -> AccessUnit:
        self.pictures += 1
        track = WIDER if self.pictures // 40 % 2 else VIDEO
        size = self.rng.choice((50, 400, 3000))
        is_key = self.pictures % 8 == 0
        return picture(self.pictures, is_key=is_key, track=track, size=size)

    async def view(self) -> None:
        if len(self.viewers) >= VIEWERS:
            return
        near, far = socket.socketpair()
        far.setblocking(False)
        self.stack.callback(far.close)
        limit = QueueLimit(self.rng.choice((5, 100)), self.rng.choice((20_000, 1 << 20)))
        viewer = self.relay.adopt(near, self.rng.choice(("http", "websocket")), limit=limit)
        self.viewers.append((viewer, far))

    def viewer(self) -> tuple[Viewer, socket.socket] | None:
        return self.rng.choice(self.viewers) if self.viewers else None

    async def attach(self) -> None:
        chosen = self.viewer()
        if chosen and self.receivers:
            receiver, _ = self.rng.choice(self.receivers)
            describe = self.rng.choice((None, self.describe))
            chosen[0].attach(receiver.stream, self.rng.choice(FORMATS[:3]), describe)

    def describe(self, facts: InitFacts) -> str:
        if self.rng.random() < 0.1:
            gc.collect()  # in the engine's thread, with its lock
        return facts.codec_string * 10

    async def detach(self) -> None:
        if chosen := self.viewer():
            chosen[0].detach()

    async def drain(self) -> None:
        for _, far in self.rng.sample(self.viewers, len(self.viewers) // 2):
            with contextlib.suppress(OSError):
                far.recv(1 << 16)

    async def speak(self) -> None:
        if chosen := self.viewer():
            chosen[0].send_text("text" * 100)
            with contextlib.suppress(OSError):
                chosen[1].send(self.rng.randbytes(self.rng.randrange(1, 40)))

    async def leave(self) -> None:
        if self.viewers and self.rng.random() < 0.5:
            self.viewers.pop(self.rng.randrange(len(self.viewers)))[1].close()

    async def abort(self) -> None:
        if self.viewers and self.rng.random() < 0.5:
            self.viewers.pop(self.rng.randrange(len(self.viewers)))[0].abort()

    async def finish(self) -> None:
        if self.viewers and self.rng.random() < 0.5:
            viewer, far = self.viewers.pop(self.rng.randrange(len(self.viewers)))
            viewer.finish("over")
            far.close()

    async def read(self) -> None:
        if self.readers and (len(self.readers) == READERS or self.rng.random() < 0.3):
            reader = self.readers.pop(self.rng.randrange(len(self.readers)))
            if self.rng.random() < 0.5:
                reader.close()  # else it is left to the collector
        elif self.receivers:
            stream = self.rng.choice(self.receivers)[0].stream
            self.readers.append(stream.open_reader(self.rng.choice(FORMATS), 20))

    async def take(self) -> None:
        for reader in self.readers:
            reader.take_all()

    async def forward(self) -> None:
        if len(self.relay._forwarders) < FORWARDERS and self.receivers:
            stream = self.rng.choice(self.receivers)[0].stream
            port = self.target.getsockname()[1]
            with contextlib.suppress(RelayError):
                await self.relay.forward(stream, "udp", ssrc=9, host=HOST, port=port)

    async def stop_forward(self) -> None:
        for forwarder in list(self.relay._forwarders)[:1]:
            forwarder.close()

    async def end(self) -> None:
        for viewer in list(self.relay._viewers):
            viewer.abort()
            async with asyncio.timeout(30):
                await viewer.wait_closed()
        for reader in self.readers:
            reader.close()
        for receiver in list(self.relay._receivers.values()):
            await receiver.close()


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


async def run(seed: int) -> None:
    """A relay from its start to its end, with everything looked at in between."""
    with contextlib.ExitStack() as stack:
        async with Relay(config(rest_us=0), Clock().wall) as relay:
            chaos = Chaos(relay, random.Random(seed), stack)
            for _ in range(STEPS):
                await chaos.step()
            streams = relay.streams()
            await chaos.end()
            assert not relay._viewers and not relay._forwarders
            assert relay._board._listeners == {}
            assert relay._board._readers == {}
            del chaos
            gc.collect()
            relay._board.deliver()  # closes what the engine's thread has collected
            assert [stream.reader_count for stream in streams] == [0] * len(streams)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_left_when_everything_comes_and_goes(seed: int) -> None:
    gc.collect()
    before, threads = descriptors(), threading.active_count()
    await run(seed)
    assert "relay-engine" not in [thread.name for thread in threading.enumerate()]
    assert threading.active_count() <= threads + 1, "the pool that waits for the engine may stay"

    def is_clean() -> bool:
        gc.collect()
        return descriptors() <= before

    await until(is_clean)  # the thread that waited for the engine's lets go of it last
