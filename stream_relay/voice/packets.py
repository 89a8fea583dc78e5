"""G.711A into RTP for one hearer: packets of 20 to 180 ms, plain or in a program stream.

Sans-IO. GB/T 28181-2022 annex C, RFC 3551 (payload type 8); quirk: some devices take only PS.
"""

from stream_relay.formats.g711 import duration_ticks
from stream_relay.formats.pes import MAX_PES_BYTES, build_pack, build_pes_header
from stream_relay.formats.rtp import build_packet
from stream_relay.formats.stream_map import build_stream_map

SHORTEST_MS, LONGEST_MS = 20, 180
"""What a packet may hold (9.12)."""
UDP_MS, TCP_MS = 40, 100
"""Over TCP some cameras crackle with short packets (quirk 46)."""
BYTES_PER_MS = 8
PES_HEAD_BYTES = 14
"""With one stamp, from the start code on."""

AUDIO_ID, G711A_TYPE = 0xC0, 0x90
MUX_RATE = 400
"""In units of 50 bytes a second: 64 kbit/s and what surrounds it."""
SYSTEM_HEADER = bytes.fromhex("000001BB00099E847F04E07FC0C020")
"""One audio stream C0, no video (ISO 13818-1 2.5.3.5)."""
MAP_EVERY = 25
"""Packets from one stream map to the next: a device that missed the first hears soon."""


class VoicePacketizer:
    """Gathers A-law of 20 ms each into the packets of one hearer."""

    def __init__(
        self,
        ssrc: int,
        *,
        payload_type: int = 8,
        packet_ms: int = UDP_MS,
        is_program_stream: bool = False,
        pes_bytes: int = MAX_PES_BYTES,
        first_sequence: int = 0,
        first_timestamp: int = 0,
    ) -> None:
        self._ssrc = ssrc
        self._payload_type = payload_type
        self._size = min(max(packet_ms, SHORTEST_MS), LONGEST_MS) * BYTES_PER_MS
        if is_program_stream:
            room = pes_bytes - PES_HEAD_BYTES
            self._size = max(min(self._size, room), SHORTEST_MS * BYTES_PER_MS)
        self._is_program_stream = is_program_stream
        self._sequence = first_sequence
        self._first_timestamp = first_timestamp
        self._sent = 0
        self._packets = 0
        self._waiting = bytearray()

    def push(self, a_law: bytes) -> list[bytes]:
        """Take sound; return the packets that are full."""
        self._waiting += a_law
        packets = []
        while len(self._waiting) >= self._size:
            packets.append(self._packet(bytes(self._waiting[: self._size])))
            del self._waiting[: self._size]
        return packets

    def finish(self) -> list[bytes]:
        """The rest, shorter than a packet."""
        rest = bytes(self._waiting)
        self._waiting.clear()
        return [self._packet(rest)] if rest else []

    def _packet(self, sound: bytes) -> bytes:
        # The marker says that a talkspurt begins (RFC 3551 §4.1); in PS that a frame ends.
        if self._is_program_stream:
            clock = duration_ticks(self._sent)
            payload, marker = self._pack(sound, clock), True
        else:
            clock = self._sent
            payload, marker = sound, self._packets == 0
        stamp = clock + self._first_timestamp
        packet = build_packet(
            self._payload_type, marker, self._sequence, stamp, self._ssrc, payload
        )
        self._sequence = self._sequence + 1 & 0xFFFF
        self._sent += len(sound)
        self._packets += 1
        return packet

    def _pack(self, sound: bytes, ticks: int) -> bytes:
        parts = [build_pack(ticks, MUX_RATE)]
        if self._packets % MAP_EVERY == 0:
            parts += [SYSTEM_HEADER, build_stream_map({AUDIO_ID: G711A_TYPE})]
        parts += [build_pes_header(AUDIO_ID, len(sound), ticks & (1 << 33) - 1, None), sound]
        return b"".join(parts)
