"""What the cascade services need of others, as protocols: tests give their own.

`UplinkControl` is the signalling plane (`sip.uplinks.Uplinks`), `Platforms` is who the upper
platforms are and what they see (`PlatformService`).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from channel_registry.upper_records import UpperPlatform
from sip.gb28181.mansrtsp import PlaybackReply
from sip.gb28181.subscription import Topic
from sip.message.sdp import HistoryKind
from sip.roles.upward.terms import Uplink, UplinkEvent, UplinkStatus
from stream_relay.control import ForwarderControl
from stream_relay.forwarder import Content
from stream_relay.outputs.chunk import Format
from stream_relay.receiver import Transport
from stream_relay.stream import Stream
from vms.records import RecordingSearch
from vms.services.cascade.share import SharedTree
from vms.services.live import Watch
from vms.services.playback_session import PlaybackSession


class UplinkControl(Protocol):
    """The upper platforms at which we register, and what passes between them and us."""

    def set(self, uplink: Uplink) -> None:
        """Register there from now on; one of the same `platform_id` with other settings begins
        anew. Changes nothing where nothing is different.

        Raises UplinkRefused where it would lead to ourselves, or where there are too many.
        """

    def try_now(self, platform_id: str) -> None:
        """Do not wait for the next attempt; where none is waited for nothing changes."""

    def remove(self, platform_id: str) -> None:
        """End its calls and subscriptions, unregister, forget; unknown is fine."""

    def statuses(self) -> tuple[UplinkStatus, ...]:
        """How each uplink stands."""

    def status(self, platform_id: str) -> UplinkStatus | None:
        """How one stands."""

    def events(self) -> AsyncIterator[UplinkEvent]:
        """What happens, in order; one consumer."""

    def next_sn(self, platform_id: str) -> int:
        """A fresh SN for a message of our own to this platform."""

    async def send(self, platform_id: str, body: bytes, *, routes: Sequence[str] = ()) -> None:
        """Send a MESSAGE after those sent before and wait for its end.

        `routes` are the ids for X-RoutePath without our own, which is prepended. Raises
        PeerUnreachable where the uplink is not registered or no answer comes, QueryFailed for a
        refusal.
        """

    def notify(self, platform_id: str, topic: Topic, body: bytes) -> bool:
        """Queue a NOTIFY in the subscription; False where the upper has not subscribed."""

    def end_subscription(self, platform_id: str, topic: Topic, reason: str = "rejected") -> None:
        """End a subscription that the upper may not have, by a last NOTIFY; unknown is fine."""

    def accept(self, call_id: str, host: str, port: int, ssrc: int, *, size_bytes: int = 0) -> None:
        """Answer an INVITE by 200 with SDP: where we send from, and with which SSRC."""

    def refuse(self, call_id: str, status: int, reason: str = "") -> None:
        """Answer an INVITE by a refusal (404 not shared, 480 offline, 486 busy, 403, 488)."""

    def end_call(self, call_id: str) -> None:
        """BYE; again and again is fine."""

    def file_ended(self, call_id: str) -> None:
        """Tell by MediaStatus 121 that a recording was sent to its end; the upper's BYE follows."""

    def reply_control(self, call_id: str, control_id: str, reply: PlaybackReply) -> None:
        """Answer an UpperControlled."""


class Platforms(Protocol):
    """The upper platforms as the operator described them, and their trees."""

    async def uplinks(self) -> Sequence[Uplink]:
        """The enabled ones as signalling wants them."""

    def platform(self, platform_id: str) -> UpperPlatform:
        """One platform; raises NotFound(platform)."""

    def tree(self, platform_id: str) -> SharedTree:
        """What it sees now; never waits."""


class RecordingSearcher(Protocol):
    """The part of `DeviceRecordingService` that searches."""

    async def search(
        self,
        code: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        wait_s: float = 0.0,
        anew: bool = False,
    ) -> RecordingSearch:
        """Raises NotFound(channel), Invalid, NotReady."""


class LivePictures(Protocol):
    """The part of `LiveService` that brings pictures."""

    def watch(
        self, code: str, output_format: Format, viewer: str
    ) -> AbstractAsyncContextManager[Watch]:
        """Want a channel's picture for the length of the block."""


class DeviceRecordings(Protocol):
    """The part of `PlaybackService` that opens sessions."""

    async def open_session(
        self, code: str, kind: HistoryKind, start: datetime, end: datetime, speed: int = 0
    ) -> PlaybackSession:
        """Raises NotFound(channel), Conflict(playback_limit)."""

    def close_session(self, session: PlaybackSession) -> None:
        """Forget a session whose `run` is over."""


class Forwards(Protocol):
    """The part of a relay that sends streams on."""

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
        """Raises `StreamClosed`, `Overload`, `RelayUnreachable`, `OSError`."""
