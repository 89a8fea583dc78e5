"""Signalling and media in memory, played by the test."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sip.message.sdp import MediaAnswer, MediaOffer
from sip.server import Invitation
from stream_relay.access_unit import Kind
from stream_relay.errors import Overload, RelayUnreachable
from stream_relay.events import EndReason, FirstKeyFrame, FirstPacket, StreamEvent
from stream_relay.evidence import SourceEvidence
from stream_relay.relay import Relay
from stream_relay.stream import Stream, StreamLimits
from stream_relay.viewer import Viewer, Wire
from tests.stream_relay.media import pictures
from tests.vms.bench import CHANNEL, DEVICE
from vms.config_values import Transport
from vms.errors import NotFound
from vms.services.live.ports import Target

WALL = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


class FakeReceiver:
    def __init__(self, media: "FakeMedia", stream: Stream, port: int) -> None:
        self.stream = stream
        self.port = port
        self.host = media.host
        self.answers: list[tuple[str, int, int | None]] = []
        self.is_closed = False
        self._media = media

    def answered(self, host: str, port: int, ssrc: int | None) -> None:
        self.answers.append((host, port, ssrc))

    def evidence(self) -> SourceEvidence:
        return self._media.evidence

    async def close(self) -> None:
        self.is_closed = True
        self._media.open.pop(self.stream.id, None)
        self.stream.close(EndReason.CLOSED)


class FakeMedia:
    """Ports that bring what the test says; viewers are the relay's own."""

    def __init__(self, relay: Relay) -> None:
        self.viewers: list[Viewer] = []
        self._relay = relay
        self.open: dict[str, FakeReceiver] = {}
        self.opened: list[str] = []
        self.transports: list[str] = []
        self.is_full = False
        self.is_gone = False
        self.host = ""
        self.evidence = SourceEvidence()
        self._events: asyncio.Queue[StreamEvent] = asyncio.Queue()

    async def open_receiver(
        self,
        stream_id: str,
        transport: str,
        ssrc: int,
        *,
        ssrc_check: bool,
        signalling_host: str | None,
    ) -> FakeReceiver:
        if self.is_gone:
            raise RelayUnreachable("http://10.1.2.9:8090: no answer")
        if self.is_full:
            raise Overload("no port is left")
        stream = Stream(
            stream_id,
            limits=StreamLimits(),
            wall=lambda: WALL,
            opened_at=0.0,
            on_event=lambda event: None,
        )
        receiver = FakeReceiver(self, stream, 30000 + 2 * len(self.opened))
        self.open[stream_id] = receiver
        self.opened.append(stream_id)
        self.transports.append(transport)
        return receiver

    def adopt(self, sock: socket.socket, wire: Wire) -> Viewer:
        self.viewers.append(self._relay.adopt(sock, wire))
        return self.viewers[-1]

    async def events(self) -> AsyncIterator[StreamEvent]:
        while True:
            yield await self._events.get()

    def say(self, event: StreamEvent) -> None:
        self._events.put_nowait(event)

    @property
    def running(self) -> FakeReceiver:
        """The one open receiver."""
        (receiver,) = self.open.values()
        return receiver

    def bring_picture(self) -> None:
        """The first packet and the first key frame arrive on the open port."""
        stream = self.running.stream
        self.say(FirstPacket(stream.id, ("127.0.0.1", 7000), 1))
        stream.publish(pictures(20), [Kind.VIDEO], 0.0)
        self.say(FirstKeyFrame(stream.id, 0.1))


@dataclass
class FakeSignalling:
    """A device that answers as the test says."""

    registered: set[str] = field(default_factory=lambda: {DEVICE})
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    """When set, INVITEs wait for it."""
    offers: list[MediaOffer] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    cancelled: int = 0

    def is_registered(self, device_id: str) -> bool:
        return device_id in self.registered

    def new_ssrc(self) -> int:
        return 100_000_000 + len(self.offers)

    async def invite(self, device_id: str, channel_id: str, offer: MediaOffer) -> Invitation:
        self.offers.append(offer)
        number = len(self.offers)
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if self.failure is not None:
            raise self.failure
        answer = MediaAnswer("127.0.0.1", 7000, offer.transport, offer.ssrc)
        return Invitation(
            f"invitation-{number}", f"call-{number}", device_id, channel_id, offer.ssrc, answer
        )

    async def bye(self, invitation_id: str, reason: str = "") -> None:
        self.ended.append(invitation_id)


@dataclass
class FakeRoutes:
    """One device with one channel."""

    transport: Transport = Transport.UDP
    proven: list[tuple[str, str, Transport]] = field(default_factory=list)

    async def find(self, code: str) -> Target:
        if code != CHANNEL:
            raise NotFound("channel", code)
        return Target(DEVICE, "127.0.0.1", "127.0.0.1", self.transport)

    async def prove(self, code: str, device_id: str, transport: Transport) -> None:
        self.proven.append((code, device_id, transport))
