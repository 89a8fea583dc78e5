"""What the voice service needs from the planes, as protocols: tests give their own."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from sip.server import VoiceEvent
from stream_relay.voice.sender import VoiceTarget


class Signalling(Protocol):
    """The part of `sip.server.SipServer` that lets devices hear."""

    def is_registered(self, device_id: str) -> bool:
        """Whether the device can be reached now."""

    def open_broadcast(self, device_id: str, target_id: str) -> str:
        """Notify a device; raises PeerUnreachable."""

    def accept_voice(self, call_id: str, host: str, port: int) -> int | None:
        """Answer a device's call; the SSRC to send with, None when it is gone."""

    def refuse_voice(self, call_id: str, status: int) -> None:
        """Refuse a device's call."""

    def end_broadcast(self, broadcast_id: str) -> None:
        """End a broadcast with all its calls; idempotent."""

    def voice_events(self) -> AsyncIterator[VoiceEvent]:
        """What happens to broadcasts."""


class Sender(Protocol):
    """One hearer's socket (`stream_relay.voice.sender.VoiceSender`)."""

    packets: int
    dropped: int
    port: int

    def open(self) -> None:
        """Raises Overload."""

    async def start(self, ssrc: int) -> None:
        """Raises SourceLost."""

    def push(self, a_law: bytes) -> None:
        """Send 20 ms of sound; never waits."""

    def finish(self) -> None:
        """Send the rest."""

    def close(self) -> None:
        """Idempotent."""


MakeSender = Callable[[VoiceTarget], Sender]


@dataclass(frozen=True, slots=True)
class Hearer:
    """A sound output, or a main device for all of its own."""

    code: str
    name: str
    device_id: str
    our_host: str
    """Our address as the device sees it."""
