"""What the live service needs from the planes, as protocols: tests give their own."""

import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from sip.message.sdp import MediaOffer, MediaTransport
from sip.server import Invitation
from stream_relay.events import StreamEvent
from stream_relay.outputs.chunk import Format
from stream_relay.stream import Stream
from stream_relay.viewer import InitFacts, ViewerEnd, ViewerStatistics, Wire
from vms.config_sections import Transport

WAYS: dict[Transport, MediaTransport] = {
    Transport.UDP: "udp",
    Transport.TCP_PASSIVE: "tcp-passive",
    Transport.TCP_ACTIVE: "tcp-active",
}
"""The configured name of a way of media → the name that the planes use."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a channel's picture is asked for."""

    device_id: str
    host: str
    """Where the device's signalling comes from; its media should too."""
    our_host: str
    """Our address as the device sees it."""
    transport: Transport
    """What worked for this device last."""


class Signalling(Protocol):
    """The part of `sip.server.SipServer` that brings pictures."""

    def is_registered(self, device_id: str) -> bool:
        """Whether the device can be reached now."""

    def new_ssrc(self) -> int:
        """A number that no running stream of the domain has (GB/T 28181-2022 annex G, y=)."""

    async def invite(self, device_id: str, channel_id: str, offer: MediaOffer) -> Invitation:
        """Raises InvitationFailed, PeerUnreachable; cancelled, it takes the INVITE back."""

    async def bye(self, invitation_id: str, reason: str = "") -> None:
        """End an invitation; idempotent."""


class Receiver(Protocol):
    """An open port of the relay and the stream that will come from it."""

    @property
    def port(self) -> int:
        """The port to write into the offer."""

    stream: Stream
    """The stream, empty at first."""

    def answered(self, host: str, port: int, ssrc: int | None) -> None:
        """Take the device's answer; begins to connect when the device listens."""

    async def close(self) -> None:
        """End the stream, put the port into quarantine; idempotent."""


class Viewer(Protocol):
    """A client connection that the relay writes to until it ends (`stream_relay.viewer`).

    The end of a stream ends it on plain HTTP; a WebSocket outlives its streams, and one that the
    format cannot carry (`Stream.refusal`) writes nothing to it.
    """

    @property
    def statistics(self) -> ViewerStatistics:
        """The counters now."""

    def attach(
        self,
        stream: Stream,
        output_format: Format,
        describe_init: Callable[[InitFacts], str] | None = None,
    ) -> None:
        """Write this stream from its cached group of pictures on.

        `describe_init` (WebSocket) gives the text before each initialisation segment.
        """

    def detach(self) -> None:
        """The stream is over or another one follows; what is queued is written."""

    def send_text(self, text: str) -> None:
        """A text message (WebSocket) between fragments, in order with them."""

    def finish(self, text: str | None = None) -> None:
        """Write what is queued, a last text and the goodbye, then close; idempotent."""

    def abort(self) -> None:
        """Drop the connection; idempotent, also after the end."""

    async def wait_closed(self) -> ViewerEnd:
        """Wait for the end, whoever brings it."""


class Media(Protocol):
    """The part of `stream_relay.relay.Relay` that receives pictures and writes them out."""

    async def open_receiver(
        self,
        stream_id: str,
        transport: MediaTransport,
        ssrc: int,
        *,
        ssrc_check: bool,
        signalling_host: str | None,
    ) -> Receiver:
        """Raises Overload when no port is free."""

    def adopt(self, sock: socket.socket, wire: Wire) -> Viewer:
        """Take over an accepted connection whose answer has begun; the socket is the relay's."""

    def events(self) -> AsyncIterator[StreamEvent]:
        """What happens to the streams."""


class Routes(Protocol):
    """Who knows which device brings a channel, and remembers what worked."""

    async def find(self, code: str) -> Target:
        """Raises NotFound(channel)."""

    async def prove(self, code: str, device_id: str, transport: Transport) -> None:
        """A key frame arrived over this transport."""
