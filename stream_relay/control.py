"""How an owner speaks to a relay, wherever the relay runs: plain calls down, events up.

`stream_relay.relay.Relay` is the one in this process; `RemoteRelay` in `stream_relay.remote` stands
for one in another process or on another machine, `RelayFleet` for several of them.
"""

import socket
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from stream_relay.events import StreamEvent
from stream_relay.evidence import SourceEvidence
from stream_relay.forwarder import Content, ForwarderStatistics
from stream_relay.outputs.chunk import Format
from stream_relay.receiver import Transport
from stream_relay.stream import Stream
from stream_relay.viewer import InitFacts, ViewerEnd, ViewerStatistics, Wire


class ReceiverControl(Protocol):
    """An open port of a relay and the stream that will come from it."""

    @property
    def stream(self) -> Stream:
        """The stream, empty at first."""

    @property
    def host(self) -> str:
        """The address to write into the offer; empty: the owner knows better."""

    @property
    def port(self) -> int:
        """The port to write into the offer; 9 where the relay connects (RFC 4145 §4.1)."""

    def answered(self, host: str, port: int, ssrc: int | None) -> None:
        """Take the device's answer; begins to connect when the device listens. Raises nothing."""

    def evidence(self) -> SourceEvidence:
        """What has come to the port so far, also after the end."""

    async def close(self) -> None:
        """End the stream, put the port into quarantine; idempotent."""


class ViewerControl(Protocol):
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


class ForwarderControl(Protocol):
    """One target that a stream is sent on to as RTP."""

    @property
    def host(self) -> str:
        """The address that the relay sends from; empty: the owner knows better."""

    @property
    def port(self) -> int:
        """Where the relay sends from or listens; 9 where it connects (RFC 4145 §4.1)."""

    @property
    def is_connected(self) -> bool:
        """Whether packets leave now."""

    @property
    def statistics(self) -> ForwarderStatistics:
        """The counters now."""

    async def start(self) -> None:
        """Begin to send what was held back; idempotent. Raises `RelayUnreachable`."""

    def close(self) -> None:
        """Stop sending and free the sockets; idempotent."""

    async def wait_closed(self) -> None:
        """Wait until it has ended, whoever ended it."""


class MediaControl(Protocol):
    """The part of a relay that brings pictures to viewers; what the live service needs."""

    async def open_receiver(
        self,
        stream_id: str,
        transport: Transport,
        ssrc: int,
        *,
        ssrc_check: bool,
        signalling_host: str | None,
    ) -> ReceiverControl:
        """Raises `Overload` when no port is free, `RelayUnreachable` when no relay answers."""

    def adopt(self, sock: socket.socket, wire: Wire) -> ViewerControl:
        """Take over an accepted connection whose answer has begun; the socket is the relay's."""

    def events(self) -> AsyncIterator[StreamEvent]:
        """What happens to the streams, in order; one consumer."""


class RelayControl(MediaControl, Protocol):
    """Everything that an owner may ask of a relay that is open."""

    async def forward(
        self,
        stream: Stream,
        transport: Transport,
        *,
        ssrc: int,
        host: str,
        port: int,
        content: Content = "source",
        is_held: bool = False,
    ) -> ForwarderControl:
        """Send a stream on as RTP with another SSRC, from the packets that come next.

        Any other `content` than the source's own is muxed, from the cached group of pictures on.
        With `is_held` the sockets are there and nothing is sent before `ForwarderControl.start`.
        Raises `StreamClosed`, `Overload` when no port is left, `RelayUnreachable`, `OSError` when
        the target cannot be reached.
        """

    def stream(self, stream_id: str) -> Stream | None:
        """The live stream of this id."""

    def streams(self) -> tuple[Stream, ...]:
        """All live streams."""
