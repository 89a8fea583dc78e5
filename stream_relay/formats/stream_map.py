"""The program stream map (ISO/IEC 13818-1 §2.5.4): which stream id carries which codec.

Compiled as `_stream_map`, for its `StreamMap`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Kind
from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

PREFIX = b"\x00\x00\x01\xbc"
CRC_POLYNOMIAL = 0x04C11DB7
IDS, NO_TYPE = 256, -1


def crc32_mpeg(data: bytes) -> int:
    """CRC of ISO/IEC 13818-1 annex A: initial value all ones, not reflected, not inverted."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ CRC_POLYNOMIAL if value & 0x80000000 else value << 1
        value &= 0xFFFFFFFF
    return value


class StreamMap:
    """The streams of the last map that named any, by their stream ids."""

    def __init__(self) -> None:
        self.first_video = self.first_audio = 0
        """Stream ids of the first video and the first audio stream named; 0: none."""
        self._types = Buffer()  # the stream_type of each id, then whether there is one
        for _ in range(2 * IDS // 8):
            if not self._types.put(0, 8):
                raise MemoryError("a stream map")

    def read(self, data: bytes | bytearray, start: int, end: int) -> bool:
        """Whether the packet `data[start:end]`, from its start code on, names a stream.

        Its CRC is ignored. Entries that a wrong inner length hides are left out: the bytes of the
        streams will tell.
        """
        if end - start < 16:
            return False
        last = end - 4
        position = start + 10 + (data[start + 8] << 8 | data[start + 9])
        if position + 2 > last:
            return False
        last = min(last, position + 2 + (data[position] << 8 | data[position + 1]))
        position += 2
        if position + 4 > last:
            return False
        self.clear()
        while position + 4 <= last:
            self._add(data[position + 1], data[position])
            position += 4 + (data[position + 2] << 8 | data[position + 3])
        return True

    def clear(self) -> None:
        """Forget the map."""
        self.first_video = self.first_audio = 0
        for position in range(0, 2 * IDS, 8):
            self._types.set(position, 0, 8)

    def has(self, stream: int) -> bool:
        """Whether the map names this stream id."""
        return self._types.data[IDS + stream] != 0

    def type_of(self, stream: int) -> int:
        """The stream_type of this stream id; -1 when the map does not name it."""
        return self._types.data[stream] if self.has(stream) else NO_TYPE

    def _add(self, stream: int, stream_type: int) -> None:
        """The first entry of a stream id counts."""
        if self.has(stream):
            return
        self._types.set(stream, stream_type, 1)
        self._types.set(IDS + stream, 1, 1)
        if 0xE0 <= stream and stream <= 0xEF and self.first_video == 0:
            self.first_video = stream
        if 0xC0 <= stream and stream <= 0xDF and self.first_audio == 0:
            self.first_audio = stream

    # For Python callers

    def read_packet(self, packet: bytes) -> None:
        """See `read`."""
        self.read(packet, 0, len(packet))

    def announced(self) -> frozenset[Kind]:
        """What the map speaks of, by the ranges of its stream ids (§2.4.3.7, table 2-22)."""
        found = set()
        if self.first_video:
            found.add(Kind.VIDEO)
        if self.first_audio:
            found.add(Kind.AUDIO)
        return frozenset(found)

    def types(self) -> dict[int, int]:
        """stream_id to stream_type."""
        return {stream: self.type_of(stream) for stream in range(IDS) if self.has(stream)}


def parse_stream_map(packet: bytes) -> dict[int, int]:
    """stream_id to stream_type; `packet` begins at its start code. See `StreamMap.read`."""
    stream_map = StreamMap()
    stream_map.read_packet(packet)
    return stream_map.types()


def build_stream_map(types: dict[int, int], version: int = 0) -> bytes:
    """The map for these stream ids, without descriptors; `version` counts modulo 32."""
    entries = b"".join(bytes((kind, stream, 0, 0)) for stream, kind in types.items())
    head = bytes((0xE0 | version & 0x1F, 0xFF, 0, 0))
    body = head + len(entries).to_bytes(2, "big") + entries
    packet = PREFIX + (len(body) + 4).to_bytes(2, "big") + body
    return packet + crc32_mpeg(packet).to_bytes(4, "big")
