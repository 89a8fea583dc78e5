"""What the live service needs of signalling and registry, as protocols: tests give their own.

What it needs of media is `stream_relay.control.MediaControl`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from sip.message.sdp import MediaOffer, MediaTransport, StreamChoice
from sip.server import Invitation
from vms.config_values import Transport

WAYS: dict[Transport, MediaTransport] = {
    Transport.UDP: "udp",
    Transport.TCP_PASSIVE: "tcp-passive",
    Transport.TCP_ACTIVE: "tcp-active",
}
"""The configured name of a way of media → the name that the planes use."""


WantKeyFrame = Callable[[str], Awaitable[None]]
"""Tells the device of a channel to send a key frame; raises VmsError."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a channel's picture is asked for."""

    device_id: str
    host: str
    """Where the device's signalling comes from; its media should too."""
    our_host: str
    """Our address as the device sees it."""
    transport: Transport
    """What is tried first: what worked for this device last, where anything did."""
    says_on: bool | None = None
    """What the device's catalogue says of the channel."""


class Inviter(Protocol):
    """The part of `sip.server.SipServer` that brings media, live or recorded."""

    def is_registered(self, device_id: str) -> bool:
        """Whether the device can be reached now."""

    async def invite(self, device_id: str, channel_id: str, offer: MediaOffer) -> Invitation:
        """Raises InvitationFailed, PeerUnreachable; cancelled, it takes the INVITE back."""

    async def bye(self, invitation_id: str, reason: str = "") -> None:
        """End an invitation; idempotent."""


class Signalling(Inviter, Protocol):
    """The part of `sip.server.SipServer` that brings live pictures."""

    def new_ssrc(self) -> int:
        """A number that no running stream of the domain has (GB/T 28181-2022 annex G, y=)."""


class Routes(Protocol):
    """Who knows which device brings a channel, and remembers what worked."""

    async def find(self, code: str) -> Target:
        """Raises NotFound(channel)."""

    async def prove(self, code: str, device_id: str, transport: Transport) -> None:
        """A key frame arrived over this transport."""


def session_key(code: str, choice: StreamChoice) -> str:
    """What names the session of a channel's main or sub stream; the main one is the channel."""
    return code if choice == "main" else f"{code}.{choice}"
