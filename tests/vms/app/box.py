"""A box with two cameras on real sockets: the simulator's signalling, pictures made of bytes."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sip.message import Peer
from sip.simulator.device import SimulatedDevice
from sip.simulator.profile import (
    DeviceProfile,
    Faults,
    MediaRequested,
    MediaStarted,
    MediaStopped,
    SimulatedChannel,
)
from sip.transport import Driver, UdpTransport
from tests.stream_relay.media import Camera, pictures
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL

FRAMES = 400
SERVER_ID = "14040000002000000001"


class Box:
    """Registers, answers, and sends pictures to whoever invites it."""

    def __init__(self, password: str, sip_port: int, faults: Faults | None = None) -> None:
        profile = DeviceProfile(
            device_id=DEVICE,
            password=password,
            server_id=SERVER_ID,
            domain="1404000000",
            server=Peer("udp", "127.0.0.1", sip_port),
            channels=(
                SimulatedChannel(CHANNEL, "主井口"),
                SimulatedChannel(OTHER_CHANNEL, "副井口"),
            ),
            retry_interval_s=1.0,
        )
        self.device = SimulatedDevice(profile, random.Random(5).randbytes, faults)
        self.sends = True
        self.stopped = asyncio.Event()
        self._driver = Driver(self.device, self._progress)
        self._carrier = UdpTransport(self._driver, "127.0.0.1", 0)
        self._targets: dict[str, MediaRequested] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group, self._carrier:
            self._group = group
            self.device.start(asyncio.get_running_loop().time())
            self._driver.flush()
            try:
                yield
            finally:
                for sender in self._senders.values():
                    sender.cancel()
                self._driver.close()

    def _progress(self) -> None:
        now = asyncio.get_running_loop().time()
        while (event := self.device.next_event()) is not None:
            match event:
                case MediaRequested():
                    self._targets[event.call_id] = event
                    self.device.accept_media(event.call_id, "127.0.0.1", 15060, now)
                case MediaStarted() if self.sends and self._group is not None:
                    target = self._targets[event.call_id]
                    self._senders[event.call_id] = self._group.create_task(_send(target))
                case MediaStopped():
                    self.stopped.set()
                    if sender := self._senders.pop(event.call_id, None):
                        sender.cancel()


async def _send(target: MediaRequested) -> None:
    """25 pictures a second, a key each ten."""
    camera = Camera(ssrc=target.ssrc or 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for picture in pictures(FRAMES):
            for packet in camera.packets([picture]):
                sender.sendto(packet, (target.host, target.port))
            await asyncio.sleep(0.04)
