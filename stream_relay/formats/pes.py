"""Headers of packs and PES packets (ISO/IEC 13818-1 §2.4.3.6, §2.5.3.3), read and written.

Compiled as `_pes`, for its `PesReader` and `PesWriter`.
"""

from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

NO_STAMP = -1
PES_FIXED_BYTES = 9
MAX_PES_BYTES = 0xFFFF
PACK_BYTES = 14
STAMP_MASK = (1 << 33) - 1
"""A stamp has 33 bits."""
PTS_AND_DTS_BYTES = 10


class PesReader:
    """Reads one header after the other; `pts` and `dts` are those of the last one, -1: none."""

    def __init__(self) -> None:
        self.pts = self.dts = NO_STAMP

    def pack_bytes(self, data: bytes | bytearray, position: int) -> int:
        """Length of the pack header at `position`, of which 14 bytes must be there."""
        marks = data[position + 4]
        if marks >> 6 == 1:
            return PACK_BYTES + (data[position + 13] & 7)
        return 12 if marks >> 4 == 2 else 4  # MPEG-1, or nothing known

    def read(self, data: bytes | bytearray, position: int) -> None:
        """Take the stamps of the PES header at `position`, which must be there whole."""
        flags = data[position + 7] >> 6
        header = data[position + 8]
        self.pts = self.dts = NO_STAMP
        if flags & 2 and header >= 5:
            self.pts = self.stamp(data, position + 9)
        if flags == 3 and header >= 10:
            self.dts = self.stamp(data, position + 14)

    def stamp(self, data: bytes | bytearray, position: int) -> int:
        """A 33-bit PTS or DTS; its marker bits are not checked."""
        high = data[position] >> 1 & 7
        low = data[position + 1] << 22 | data[position + 2] >> 1 << 15
        return high << 30 | low | data[position + 3] << 7 | data[position + 4] >> 1


class PesWriter:
    """Writes headers behind what a buffer holds, which must have the room (`Buffer.reserve`)."""

    def put_pack(self, clock_ticks: int, mux_rate: int, out: Buffer) -> None:
        """A pack header of 14 bytes, see `build_pack`."""
        scr = clock_ticks & STAMP_MASK
        out.put(0x1BA, 4)
        out.put(0x40 | scr >> 30 << 3 | 4 | scr >> 28 & 3, 1)
        out.put(scr >> 20 & 0xFF, 1)
        out.put(scr >> 15 << 3 & 0xF8 | 4 | scr >> 13 & 3, 1)
        out.put(scr >> 5 & 0xFF, 1)
        out.put(scr << 3 & 0xF8 | 4, 1)
        out.put(1, 1)
        out.put(mux_rate << 2 | 3, 3)
        out.put(0xF8, 1)

    def put_header(self, stream: int, size: int, pts: int, dts: int, out: Buffer) -> None:
        """The header of a PES packet with `size` payload bytes; a stamp of -1 is left out."""
        stamps = 0 if pts < 0 else (5 if dts < 0 else PTS_AND_DTS_BYTES)
        out.put(0x100 | stream, 4)
        out.put(3 + stamps + size, 2)
        out.put(0x80, 1)
        out.put(0 if stamps == 0 else (0x80 if stamps == 5 else 0xC0), 1)
        out.put(stamps, 1)
        if stamps == 5:
            self.put_stamp(2, pts, out)
        elif stamps:
            self.put_stamp(3, pts, out)
            self.put_stamp(1, dts, out)

    def put_stamp(self, tag: int, value: int, out: Buffer) -> None:
        """A PTS or DTS field, see `build_stamp`."""
        out.put(tag << 4 | value >> 29 & 0x0E | 1, 1)
        out.put(value >> 22 & 0xFF, 1)
        out.put(value >> 14 & 0xFE | 1, 1)
        out.put(value >> 7 & 0xFF, 1)
        out.put(value << 1 & 0xFE | 1, 1)

    def put_packets(
        self,
        stream: int,
        pts: int,
        dts: int,
        data: bytes | bytearray,
        start: int,
        end: int,
        max_payload: int,
        out: Buffer,
    ) -> None:
        """`data[start:end]` in as many packets as it takes; the first has the stamps."""
        while start < end:
            size = end - start if end - start < max_payload else max_payload
            self.put_header(stream, size, pts, dts, out)
            out.append(data, start, start + size)
            pts = dts = NO_STAMP
            start += size


def pack_bytes(data: bytes, position: int) -> int:
    """See `PesReader.pack_bytes`."""
    return PesReader().pack_bytes(data, position)


def read_stamp(data: bytes, position: int) -> int:
    """See `PesReader.stamp`."""
    return PesReader().stamp(data, position)


def read_stamps(data: bytes, position: int) -> tuple[int | None, int | None]:
    """(PTS, DTS) of the PES header at `position`, which must be there whole."""
    reader = PesReader()
    reader.read(data, position)
    return (
        None if reader.pts < 0 else reader.pts,
        None if reader.dts < 0 else reader.dts,
    )


def build_stamp(tag: int, value: int) -> bytes:
    """A PTS or DTS field: 4-bit tag and 33 bits between marker bits."""
    out, writer = Buffer(), PesWriter()
    writer.put_stamp(tag, value, out)
    return out.get()


def build_pack(clock_ticks: int, mux_rate: int) -> bytes:
    """A pack header: SCR in 90 kHz ticks without extension, rate in units of 50 bytes a second."""
    out, writer = Buffer(), PesWriter()
    writer.put_pack(clock_ticks, mux_rate, out)
    return out.get()


def build_pes_header(stream: int, size: int, pts: int | None, dts: int | None) -> bytes:
    """The header of a PES packet with `size` payload bytes."""
    out, writer = Buffer(), PesWriter()
    first = NO_STAMP if pts is None else pts
    writer.put_header(stream, size, first, NO_STAMP if dts is None else dts, out)
    return out.get()
