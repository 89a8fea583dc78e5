"""Upper platforms as the services use them: where we register, and what passes between them and us.

Fulfils `UplinkControl` of the cascade services; every rule is in `sip.roles.upward`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from sip.endpoint import Endpoint
from sip.gb28181.mansrtsp import PlaybackReply
from sip.gb28181.subscription import Topic
from sip.message import Peer
from sip.roles.inquiry import PeerUnreachable
from sip.roles.upward.terms import Uplink, UplinkEvent, UplinkStatus, UpperSent

__all__ = ["Uplink", "UplinkEvent", "UplinkStatus", "Uplinks", "UpperSent"]

logger = logging.getLogger(__name__)

EVENTS_LENGTH = 16_384
"""Events that wait for the service; above it the newest is dropped and counted."""

GOODBYE_S = 2.0
"""Longest wait for upper platforms to answer that we leave."""


class Uplinks:
    """The part of a SIP server that is a lower platform; errors are SipError."""

    def __init__(
        self,
        endpoint: Endpoint,
        flush: Callable[[], None],
        now: Callable[[], float],
        disconnect: Callable[[Peer], None],
    ) -> None:
        self._uppers = endpoint.uppers
        self._flush = flush
        self._now = now
        self._disconnect = disconnect
        self._events: asyncio.Queue[UplinkEvent] = asyncio.Queue(EVENTS_LENGTH)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._left = asyncio.Event()
        self.dropped_events = 0

    def set(self, uplink: Uplink) -> None:
        """Register there from now on; other settings of the same platform begin anew.

        Raises UplinkRefused where it would be ourselves.
        """
        self._uppers.set(uplink, self._now())
        self._flush()

    def try_now(self, platform_id: str) -> None:
        """Do not wait for the next attempt; where none is waited for nothing changes."""
        self._uppers.try_now(platform_id, self._now())
        self._flush()

    def remove(self, platform_id: str) -> None:
        """End its calls and subscriptions, unregister, forget; unknown is fine."""
        self._uppers.remove(platform_id, self._now())
        self._flush()

    def statuses(self) -> tuple[UplinkStatus, ...]:
        """Return how each uplink stands."""
        return self._uppers.statuses()

    def status(self, platform_id: str) -> UplinkStatus | None:
        """Return how one stands."""
        return self._uppers.status(platform_id)

    async def events(self) -> AsyncIterator[UplinkEvent]:
        """Yield what happens, in order, to the one consumer there may be."""
        while True:
            yield await self._events.get()

    def next_sn(self, platform_id: str) -> int:
        """Return a fresh SN for a message of our own to this platform."""
        return self._uppers.next_sn(platform_id)

    async def send(self, platform_id: str, body: bytes, *, routes: Sequence[str] = ()) -> None:
        """Send a MESSAGE after those sent before and wait for its end.

        `routes` are the ids for X-RoutePath behind our own. Raises PeerUnreachable, QueryFailed.
        """
        key = self._uppers.send(platform_id, body, routes, self._now())
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            self._flush()
            await future
        finally:
            del self._waiting[key]

    def notify(self, platform_id: str, topic: Topic, body: bytes) -> bool:
        """Queue a NOTIFY; False where the upper has not subscribed, or too many wait."""
        queued = self._uppers.notify(platform_id, topic, body, self._now())
        self._flush()
        return queued

    def end_subscription(self, platform_id: str, topic: Topic, reason: str = "rejected") -> None:
        """End a subscription that it may not have; one that is not there is fine."""
        self._uppers.subscriptions.end(platform_id, topic, reason, self._now())
        self._flush()

    def accept(self, call_id: str, host: str, port: int, ssrc: int, *, size_bytes: int = 0) -> None:
        """Answer an INVITE by 200 with SDP: where we send from, and with which SSRC."""
        now = self._now()
        self._uppers.calls.accept(call_id, host, port, ssrc, now, size_bytes=size_bytes)
        self._flush()

    def refuse(self, call_id: str, status: int, reason: str = "") -> None:
        """Answer an INVITE by a refusal."""
        self._uppers.calls.refuse(call_id, status, self._now(), reason)
        self._flush()

    def end_call(self, call_id: str) -> None:
        """Say BYE; again and again is fine."""
        self._uppers.calls.end(call_id, self._now())
        self._flush()

    def file_ended(self, call_id: str) -> None:
        """Tell by MediaStatus 121 that a recording was sent to its end."""
        self._uppers.calls.file_ended(call_id, self._now())
        self._flush()

    def reply_control(self, call_id: str, control_id: str, reply: PlaybackReply) -> None:
        """Answer an UpperControlled."""
        self._uppers.calls.reply_control(call_id, control_id, reply, self._now())
        self._flush()

    # What the server does with it

    def take(self, notice: UplinkEvent | UpperSent) -> None:
        """Hand on what the endpoint tells."""
        if isinstance(notice, UpperSent):
            self._resolve(notice)
            return
        for peer in self._uppers.dead_connections():
            self._disconnect(peer)
        if not len(self._uppers):
            self._left.set()
        try:
            self._events.put_nowait(notice)
        except asyncio.QueueFull:
            self.dropped_events += 1
            if self.dropped_events == 1:
                logger.warning("uplink events dropped", extra={"event": type(notice).__name__})

    async def leave(self) -> None:
        """Unregister everywhere and wait a moment for the answers: the server stops."""
        self._left.clear()
        self._uppers.remove_all(self._now())
        self._flush()
        if len(self._uppers):
            try:
                async with asyncio.timeout(GOODBYE_S):
                    await self._left.wait()
            except TimeoutError:
                logger.info("left upper platforms without their answer")
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(PeerUnreachable("the server stops"))

    def _resolve(self, notice: UpperSent) -> None:
        future = self._waiting.get(notice.key)
        if future is None or future.done():
            return
        if notice.error is not None:
            future.set_exception(notice.error)
        else:
            future.set_result(None)
