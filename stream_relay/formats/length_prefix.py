# cython: boundscheck=False, wraparound=False
"""Annex B pictures as ISO/IEC 14496-15 stores them: each NAL unit behind its length.

One copy, from the unit's bytes to the container's. Compiled as `_length_prefix`.
"""

from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

H264 = 0
"""The codec's number in `units.py`; every other codec here is H.265."""
LENGTH_BYTES = 4
PREFIX_BYTES = 3
H264_SPS, H264_AUD, H264_FILLER = 7, 9, 12
H265_VPS, H265_AUD, H265_FILLER = 32, 35, 38


class LengthPrefixer:
    """Writes pictures with 4-byte lengths; what the container's header says is left out."""

    def __init__(self) -> None:
        self._search = Buffer()

    def room(self, start: int, end: int) -> int:
        """The most bytes that `write` adds for so many: a NAL unit is at least one byte long."""
        return end - start + (end - start) // (PREFIX_BYTES + 1) + 1

    def write(self, codec: int, data: bytes | bytearray, start: int, end: int, out: Buffer) -> bool:
        """Add the picture `data[start:end]`; false, with nothing added, when memory is short."""
        if not out.reserve(out.size + self.room(start, end)):
            return False
        following = self._search.find_prefix(data, start, end)
        while following >= 0:
            first = following + PREFIX_BYTES
            following = self._search.find_prefix(data, first, end)
            last = following if following >= 0 else end
            while last > first and data[last - 1] == 0:
                last -= 1
            if last > first and not self._is_carried_outside(codec, data[first]):
                out.put(last - first, LENGTH_BYTES)
                out.append(data, first, last)
        return True

    def _is_carried_outside(self, codec: int, head: int) -> bool:
        """Parameter sets, access unit delimiters and filler, by a NAL unit's first byte."""
        if codec == H264:
            kind = head & 0x1F
            return H264_SPS <= kind <= H264_AUD or kind == H264_FILLER
        kind = head >> 1 & 0x3F
        return H265_VPS <= kind <= H265_AUD or kind == H265_FILLER

    # For Python callers.

    def convert(self, codec: int, data: bytes) -> bytes:
        """The picture with lengths."""
        out = Buffer()
        self.write(codec, data, 0, len(data), out)
        return out.get()
