"""An intake that publishes to a Python `Stream`: names for keys, seconds for microseconds.

So that a test can send packets and look at the pictures that a reader gets, without a socket.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from stream_relay.events import FirstPacket, SourceRejected, StreamEvent
from stream_relay.formats.twins import twin
from stream_relay.sources.peers import peer_key, peer_name
from stream_relay.sources.policy import LatchPolicy
from stream_relay.sources.rtcp import ReceptionReport
from stream_relay.stream import Stream

if TYPE_CHECKING:
    from stream_relay.formats.units import UnitList
    from stream_relay.sources.intake import Intake
    from stream_relay.sources.latch import SourceLatch
else:
    UnitList = twin("units").UnitList
    Intake = twin("intake", "stream_relay.sources").Intake
    SourceLatch = twin("latch", "stream_relay.sources").SourceLatch

logger = logging.getLogger(__name__)

Peer = tuple[str, int]
US = 1_000_000
_ORDER_COUNTERS = ("lost", "reordered", "duplicate", "late", "resets")
_COUNTERS = ("packets", "bytes", "malformed", "rejected", "rtcp")


def _key(peer: Peer) -> int:
    """A connection that was closed before we looked has no name."""
    return peer_key(*peer) if peer[0] else 0


class StreamIntake:
    """Feeds a stream from one latched source at a time."""

    def __init__(
        self,
        stream: Stream,
        policy: LatchPolicy,
        *,
        reorder_window: int = 256,
        reorder_wait_s: float = 0.1,
        on_event: Callable[[StreamEvent], None],
    ) -> None:
        self.latch = SourceLatch(policy)
        self._stream = stream
        self._on_event = on_event
        self._units = UnitList()
        self._intake = Intake(
            self._units,
            self.latch,
            reorder_window=reorder_window,
            reorder_wait_us=round(reorder_wait_s * US),
        )

    @property
    def peer(self) -> Peer | None:
        """Where the locked source is."""
        return peer_name(self.latch.peer) if self.latch.is_locked else None

    def receive(self, data: bytes, peer: Peer, now: float) -> int:
        """Take one packet as it came from the network; what became of it, see `intake`."""
        changes = self._intake.source_changes
        verdict = self._intake.push(data, _key(peer), round(now * US))
        if self._intake.has_news:
            self._tell(now)
        if 0 < changes < self._intake.source_changes:
            self._stream.restart_clock()
        self._publish(now)
        self._count(_COUNTERS)
        return verdict

    def poll(self, now: float) -> None:
        """Give up on gaps that have waited long enough, and bring the counters up to date."""
        self._intake.tick(round(now * US))
        self._publish(now)
        self._tell(now)
        self._count(_ORDER_COUNTERS)

    def malformed(self, fault: int, peer: Peer) -> None:
        """Count broken bytes; `fault` is a number of `rtp.EXPECTATIONS`."""
        self._intake.blame(_key(peer), fault)
        self._count(_COUNTERS)

    def finish(self, now: float) -> None:
        """Publish what is complete, at the end of the stream."""
        self._intake.flush()
        self._publish(now)

    def close(self) -> None:
        """Let go of what is held; nothing may come any more."""
        self._intake.close()

    def reception(
        self, sender_report: tuple[int, float] | None, now: float
    ) -> ReceptionReport | None:
        """See `Intake.reception`."""
        report = None
        if sender_report is not None:
            report = (sender_report[0], round(sender_report[1] * US))
        return self._intake.reception(report, round(now * US))

    def _count(self, names: tuple[str, ...]) -> None:
        for name in names:
            setattr(self._stream.counters, name, getattr(self._intake, name))

    def _publish(self, now: float) -> None:
        units = self._units.take()
        if units:
            self._stream.publish(units, self._intake.depacketizer.announced(), now)

    def _tell(self, now: float) -> None:
        counters, stream_id = self._stream.counters, self._stream.id
        for name, key, *facts in self._intake.take_events(round(now * US)):
            peer = peer_name(key)
            if name == "source":
                counters.source, counters.ssrc = peer, int(facts[0])
                self._tell_source(peer, int(facts[0]), bool(facts[1]))
            elif name == "rejected":
                self._on_event(SourceRejected(stream_id, peer, int(facts[0])))
            else:
                logger.warning(
                    "malformed media packets are dropped",
                    extra={"stream": stream_id, "peer": peer, "reason": facts[0]},
                )

    def _tell_source(self, peer: Peer, ssrc: int, is_first: bool) -> None:
        if is_first:
            self._on_event(FirstPacket(self._stream.id, peer, ssrc))
            return
        logger.info(
            "another source took over",
            extra={"stream": self._stream.id, "peer": peer, "ssrc": ssrc},
        )
