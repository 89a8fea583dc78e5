"""Access units into the RTP packets of a camera, and the faults a network or a camera adds.

Sans-IO: the simulator's sender moves the bytes.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.content_faults import (
    H264_NUMBER,
    H265_NUMBER,
    ContentFaults,
    TsWriter,
    bare_payloads,
    faulty_map,
    faulty_unit,
    spoilt,
)
from stream_relay.formats.twins import twin
from stream_relay.media_quirks import RESTART_AFTER, odd_pack, odd_unit, rtp_packet

if TYPE_CHECKING:
    from stream_relay.formats.ps_mux import PsMuxer
else:
    PsMuxer = twin("ps_mux").PsMuxer

PAYLOAD_TYPE = 96
PAYLOAD_BYTES = 1388
"""Over UDP: 1400 with the RTP header, as cameras do."""
REORDER_DISTANCE = 3
RESTART_STEP = 20_000
"""How far a sequence that begins anew is from the one before."""


@dataclass(frozen=True, slots=True)
class MediaFaults(ContentFaults):
    """What goes wrong with the media of a pretend camera; everything off by default."""

    loss: float = 0.0
    """Share of packets that are never sent, 0 to 1 (UDP)."""
    reorder: float = 0.0
    """Share of packets that are sent three packets later (UDP)."""
    duplicate: float = 0.0
    """Share of packets that are sent twice (UDP)."""
    not_rtp: bool = False
    """What is sent is no RTP (UDP)."""
    other_address: bool = False
    """Media leave from another address of this machine than signalling (UDP, loopback)."""
    not_listening: bool = False
    """Nobody listens at the port that the answer names (TCP where the platform connects)."""
    wrong_ssrc: bool = False
    """Another SSRC than was asked for."""
    silence_after_s: float | None = None
    """Sends nothing from this second of the stream on, and says nothing about it."""
    silence_s: float | None = None
    """How long the silence lasts; None: for ever."""
    die_after_s: float | None = None
    """Closes its socket at this second of the stream and never comes back."""

    def is_silent(self, stream_s: float) -> bool:
        """Whether the camera is silent at this second of the stream."""
        if self.silence_after_s is None or stream_s < self.silence_after_s:
            return False
        return self.silence_s is None or stream_s < self.silence_after_s + self.silence_s


class Packetizer:
    """One stream's packs and packets; sequence and time stamp start anywhere."""

    def __init__(
        self,
        ssrc: int,
        video: Codec,
        audio: Codec | None,
        *,
        payload_type: int = PAYLOAD_TYPE,
        payload_bytes: int = PAYLOAD_BYTES,
        first_sequence: int = 0,
        first_ticks: int = 0,
        quirks: ContentFaults = ContentFaults(),  # noqa: B008  # a value that never changes
    ) -> None:
        self._quirks = quirks
        self._units = 0
        self._codec = video
        self._muxer = PsMuxer(video, audio)
        self._ts = TsWriter(video) if quirks.as_ts else None
        self._noise = random.Random(ssrc)
        self._ssrc = ssrc
        number = H265_NUMBER if video is Codec.H265 else H264_NUMBER
        self._payload_type = number if quirks.as_es else payload_type
        self._payload_bytes = payload_bytes
        self._sequence = first_sequence
        self._first_ticks = first_ticks

    def packets(self, unit: AccessUnit) -> list[bytes]:
        """The packets of one access unit; all carry its time, the last the marker."""
        wanted = faulty_unit(unit, self._quirks)
        odd = odd_unit(wanted, self._quirks) if wanted is not None else None
        if odd is None:
            return []
        moved = replace(
            odd,
            pts_ticks=odd.pts_ticks + self._first_ticks,
            dts_ticks=odd.dts_ticks + self._first_ticks,
        )
        self._units += 1
        if self._units == RESTART_AFTER:
            self._restart(moved)
        packets = []
        payloads = self._payloads(moved)
        for number, payload in enumerate(payloads, 1):
            packets.append(
                rtp_packet(
                    self._payload_type,
                    is_last=number == len(payloads),
                    place=(self._sequence, moved.dts_ticks, self._ssrc),
                    payload=spoilt(payload, self._quirks, self._noise),
                    quirks=self._quirks,
                )
            )
            self._sequence = self._sequence + 1 & 0xFFFF
        return packets

    def _payloads(self, unit: AccessUnit) -> list[bytes]:
        """The payloads of one unit: pieces of a pack, unless the camera sends something else."""
        quirks, size = self._quirks, self._payload_bytes
        if self._ts is not None:
            return list(self._ts.payloads(unit))
        if quirks.as_es:
            is_video = unit.track is Kind.VIDEO
            return list(bare_payloads(unit, self._codec, size)) if is_video else []
        pack = faulty_map(odd_pack(self._muxer.mux(unit), quirks), quirks)
        return [pack[start : start + size] for start in range(0, len(pack), size)]

    def _restart(self, unit: AccessUnit) -> None:
        """Count anew from the next unit on, where the camera does so."""
        if self._quirks.sequence_restarts:
            self._sequence = self._sequence + RESTART_STEP & 0xFFFF
        if self._quirks.stamps_restart:
            self._first_ticks -= unit.dts_ticks


class FaultyPath:
    """Loses, delays and doubles packets by chance."""

    def __init__(self, faults: MediaFaults, chance: random.Random) -> None:
        self._faults = faults
        self._chance = chance
        self._delayed: list[tuple[int, bytes]] = []
        self.lost = 0

    def passed(self, packets: Iterable[bytes]) -> Iterator[bytes]:
        """What leaves of these packets, in the order in which it leaves."""
        faults, chance = self._faults, self._chance
        for packet in packets:
            self._delayed = [(left - 1, held) for left, held in self._delayed]
            if faults.loss and chance.random() < faults.loss:
                self.lost += 1
            elif faults.reorder and chance.random() < faults.reorder:
                self._delayed.append((REORDER_DISTANCE, packet))
            else:
                yield packet
                if faults.duplicate and chance.random() < faults.duplicate:
                    yield packet
            while self._delayed and self._delayed[0][0] <= 0:
                yield self._delayed.pop(0)[1]
