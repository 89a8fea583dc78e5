"""Signalling and senders in memory: devices call, refuse or stay away as the test says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sip.server import (
    BroadcastFailed,
    BroadcastFault,
    PeerUnreachable,
    VoiceEnded,
    VoiceEvent,
    VoiceOffer,
    VoiceRequested,
    VoiceStarted,
)
from stream_relay.errors import Overload, SourceLost
from stream_relay.voice.sender import VoiceTarget


@dataclass(eq=False)
class FakeSender:
    target: VoiceTarget
    stage: "FakeSignalling"
    packets: int = 0
    dropped: int = 0
    port: int = 30000
    is_closed: bool = False
    sound: bytearray = field(default_factory=bytearray)

    def open(self) -> None:
        if self.stage.no_ports:
            raise Overload("none left")

    async def start(self, ssrc: int) -> None:
        self.ssrc = ssrc
        if self.stage.unreachable:
            raise SourceLost("nobody listens")

    def push(self, a_law: bytes) -> None:
        self.packets += 1
        self.sound += a_law

    def finish(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self.is_closed = True


class FakeSignalling:
    """Devices that call at once, unless the test has other plans for a target."""

    def __init__(self) -> None:
        self.plans: dict[str, BroadcastFault | None] = {}
        """By target: how it fails; None: it never answers."""
        self.offline = False
        self.unreachable = False
        self.no_ports = False
        self.senders: list[FakeSender] = []
        self.opened: list[str] = []
        self.ended: list[str] = []
        self.refused: list[tuple[str, int]] = []
        self.targets: dict[str, str] = {}
        self._events: asyncio.Queue[VoiceEvent] = asyncio.Queue()

    def make_sender(self, target: VoiceTarget) -> FakeSender:
        sender = FakeSender(target, self)
        self.senders.append(sender)
        return sender

    def is_registered(self, device_id: str) -> bool:
        return not self.offline

    def open_broadcast(self, device_id: str, target_id: str) -> str:
        broadcast_id = f"voice-{len(self.opened) + 1}"
        self.opened.append(target_id)
        self.targets[broadcast_id] = target_id
        if target_id not in self.plans:
            self.call(broadcast_id)
        elif (fault := self.plans[target_id]) is BroadcastFault.OFFLINE:
            raise PeerUnreachable("gone")
        elif fault is not None:
            self._events.put_nowait(BroadcastFailed(broadcast_id, fault, "ERROR"))
        return broadcast_id

    def call(self, broadcast_id: str) -> None:
        offer = VoiceOffer("127.0.0.1", 16000, "udp", 7)
        target = self.targets[broadcast_id]
        self._events.put_nowait(
            VoiceRequested(broadcast_id, f"{broadcast_id}.1", "device", target, offer, "127.0.0.1")
        )

    def hang_up(self, target: str, reason: str = "bye") -> None:
        broadcast_id = next(k for k, v in self.targets.items() if v == target)
        self._events.put_nowait(VoiceEnded(broadcast_id, f"{broadcast_id}.1", reason))

    def accept_voice(self, call_id: str, host: str, port: int) -> int | None:
        self._events.put_nowait(VoiceStarted(call_id.partition(".")[0], call_id))
        return 7

    def refuse_voice(self, call_id: str, status: int) -> None:
        self.refused.append((call_id, status))
        self._events.put_nowait(VoiceEnded(call_id.partition(".")[0], call_id, "local"))

    def end_broadcast(self, broadcast_id: str) -> None:
        self.ended.append(broadcast_id)

    async def voice_events(self) -> AsyncIterator[VoiceEvent]:
        while True:
            yield await self._events.get()
