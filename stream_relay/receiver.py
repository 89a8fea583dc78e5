"""One source, one stream: from `open_receiver` to `close`, with its timeouts."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from typing import Any, Literal

from stream_relay.engine._source import Inlet
from stream_relay.errors import SsrcTaken
from stream_relay.events import (
    EndReason,
    FirstPacket,
    SourceRejected,
    StreamEnded,
    StreamEvent,
    StreamResumed,
    StreamStalled,
)
from stream_relay.evidence import Observer, SourceEvidence, container_of, strangers
from stream_relay.sources.gb28181 import Source
from stream_relay.sources.peers import NO_PEER, host_key, peer_name
from stream_relay.statistics import SourceCounters
from stream_relay.stream import Stream

logger = logging.getLogger(__name__)

COUNTERS = (
    "packets",
    "bytes",
    "malformed",
    "rejected",
    "rtcp",
    "lost",
    "reordered",
    "duplicate",
    "late",
    "resets",
)
US = 1_000_000

Transport = Literal["udp", "tcp-passive", "tcp-active"]


class ReceiverState(Enum):
    """Where a receiver is.

    to WAITING: because it was opened.
    to LIVE: because packets of a locked source arrive.
    to STALLED: because they have not arrived for `stall_timeout_s`.
    to CLOSED: because its owner closed it, nothing came in time, or the source is lost.
    """

    WAITING = "waiting"
    LIVE = "live"
    STALLED = "stalled"
    CLOSED = "closed"


class Receiver:
    """Owns the sockets of one stream, or its part of the shared port.

    After `StreamEnded` its port, or its SSRC, is free again.
    """

    def __init__(
        self,
        stream: Stream,
        transport: Transport,
        inlet: Inlet,
        source: Source,
        *,
        host: str,
        timeouts: tuple[float, float],
        opened_at: float,
        on_event: Callable[[StreamEvent], None],
        on_close: Callable[["Receiver"], None],
        on_answer: Callable[["Receiver", str, int], None],
        observer: Observer | None = None,
    ) -> None:
        self.stream = stream
        self.transport = transport
        self.host = host
        """The address to write into the SDP; empty: the owner knows better."""
        self.state = ReceiverState.WAITING
        self.inlet = inlet
        self._intake = inlet.intake
        self.source = source
        self._first_packet_timeout_s, self._stall_timeout_s = timeouts
        self._opened_at = opened_at
        self._observer = observer or Observer()
        self._evidence: SourceEvidence | None = None
        self._first_packet_s: float | None = None
        self._packets_seen = 0
        self._last_packet_at = opened_at
        self._on_event = on_event
        self._on_close = on_close
        self._on_answer = on_answer
        stream.read_counters = self._read_counters

    @property
    def port(self) -> int:
        """The port to write into the SDP; 9 for `tcp-active`, where we connect (RFC 4145 §4.1)."""
        return self.source.port or 9

    def answered(self, host: str, port: int, ssrc: int | None) -> None:
        """Take what the device's SDP answer says; `tcp-active` begins to connect.

        `ssrc` is the answer's `y=` line, None when it has none. Raises nothing: a connection that
        fails is told as `StreamEnded`, and so is an SSRC of another stream at a shared port.
        """
        if self.state is ReceiverState.CLOSED:
            return
        latch = self._intake.latch
        policy = latch.policy
        agreed = policy.ssrc if ssrc is None else ssrc
        try:
            self.source.expect(agreed)
        except SsrcTaken as error:
            logger.warning(
                "an answer names another stream's SSRC",
                extra={"stream": self.stream.id, "peer": (host, port), "reason": str(error)},
            )
            self.end(EndReason.SSRC_TAKEN)
            return
        hosts = policy.hosts
        with suppress(ValueError):  # a name instead of an address says nothing about the source
            key = host_key(host)
            if hosts and key:
                hosts = hosts | {key}
            self.source.punch(host, port)
        self.inlet.locked(lambda: latch.agree(replace(policy, ssrc=agreed, hosts=hosts)))
        self._on_answer(self, host, port)

    def evidence(self) -> SourceEvidence:
        """What has come, for whoever has to say why there is no picture; also after the end."""
        if self._evidence is not None:
            return self._evidence
        looks_even = self._observer.is_even  # not while the engine waits
        return self.inlet.locked(lambda: self._gather(looks_even))

    def _gather(self, looks_even: bool) -> SourceEvidence:
        intake, source, seen = self._intake, self.source, self._observer
        reader = intake.depacketizer
        counts = reader.counters() if hasattr(reader, "counters") else {}
        refused: list[tuple[tuple[str, int], int | None, int]] = []
        refused += [(peer_name(peer), ssrc, n) for peer, ssrc, n in intake.refused()]
        refused += [(peer_name(peer), None, intake.malformed) for peer, _ in intake.faulty()[:1]]
        has_source = intake.source != NO_PEER
        return SourceEvidence(
            packets=intake.packets,
            source=peer_name(intake.source) if has_source else None,
            ssrc=intake.ssrc if has_source else None,
            first_packet_s=self._first_packet_s,
            malformed=intake.malformed,
            refused=strangers(refused),
            strays=strangers([(peer_name(p), ssrc, n) for p, ssrc, n in source.strays()]),
            container=container_of(reader),
            payload_type=seen.payload_type,
            is_even=looks_even,
            begins=seen.sample[:16].hex(" "),
            packs=counts.get("packs"),
            has_map=bool(reader.announced()),
            garbage_bytes=counts.get("garbage_bytes", 0),
            pictures=counts.get("pictures", 0),
            skipped_pictures=counts.get("skipped_pictures", 0),
            is_contradicted=counts.get("contradicted_codec", 0) > 0,
            connections=source.arrivals.connections,
            attempts=source.arrivals.attempts,
            connect_fault=source.arrivals.fault,
        )

    async def close(self) -> None:
        """Free the port, end the readers; idempotent."""
        self.end(EndReason.CLOSED)

    def end(self, reason: EndReason) -> None:
        """Close for a reason; the first one stays."""
        if self.state is ReceiverState.CLOSED:
            return
        self._evidence = self.evidence()
        self.state = ReceiverState.CLOSED
        self.source.close()
        try:
            self.inlet.close()
            self._refresh(self._last_packet_at)
        finally:
            self._release(reason)

    def fail(self) -> None:
        """Close after a fault of our own: what is still held is not worth a second one."""
        if self.state is ReceiverState.CLOSED:
            return
        self.state = ReceiverState.CLOSED
        self.source.close()
        try:
            self.inlet.close()
        finally:
            self._release(EndReason.SOURCE_LOST)

    def _release(self, reason: EndReason) -> None:
        self.stream.close(reason)
        self._on_close(self)
        self._on_event(StreamEnded(self.stream.id, reason))

    def tick(self, now: float) -> None:
        """Housekeeping, twice a second: reports, figures, timeouts."""
        self._refresh(now)
        self.source.tick(now)
        self.stream.tick(now)
        if self._intake.packets > self._packets_seen:
            self._heard(now)
        elif self.state is ReceiverState.WAITING:
            if now - self._opened_at >= self._first_packet_timeout_s:
                self.end(EndReason.NO_MEDIA)
        elif self.state is ReceiverState.LIVE:
            silent_s = now - self._last_packet_at
            if silent_s >= self._stall_timeout_s:
                self.state = ReceiverState.STALLED
                self._on_event(StreamStalled(self.stream.id, silent_s))

    def news(self) -> None:
        """The engine locked a source."""
        self._refresh(asyncio.get_running_loop().time())

    def _refresh(self, now: float) -> None:
        """Tell what has happened."""
        intake = self._intake
        if not intake.has_news:
            return
        for name, peer, *rest in self.inlet.locked(lambda: intake.take_events(round(now * US))):
            self._tell(name, peer_name(peer), *rest)

    def _read_counters(self, counters: SourceCounters) -> None:
        intake = self._intake
        for name in COUNTERS:
            setattr(counters, name, getattr(intake, name))
        if intake.source != NO_PEER:
            counters.source, counters.ssrc = peer_name(intake.source), intake.ssrc

    def _tell(self, name: str, peer: tuple[str, int], *rest: Any) -> None:
        stream_id = self.stream.id
        if name == "rejected":
            self._on_event(SourceRejected(stream_id, peer, rest[0]))
        elif name == "malformed":
            logger.warning(
                "malformed media packets are dropped",
                extra={"stream": stream_id, "peer": peer, "reason": rest[0]},
            )
        elif rest[1]:
            self._on_event(FirstPacket(stream_id, peer, rest[0]))
        else:
            logger.info(
                "another source took over",
                extra={"stream": stream_id, "peer": peer, "ssrc": rest[0]},
            )

    def _heard(self, now: float) -> None:
        if self._first_packet_s is None:
            self._first_packet_s = now - self._opened_at
        self._packets_seen = self._intake.packets
        silent_s, self._last_packet_at = now - self._last_packet_at, now
        was, self.state = self.state, ReceiverState.LIVE
        if was is ReceiverState.STALLED:
            self._on_event(StreamResumed(self.stream.id, silent_s))
