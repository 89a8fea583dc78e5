"""Headers of packs and PES packets (ISO/IEC 13818-1 §2.4.3.6, §2.5.3.3), read and written.

Compiled as `_pes`, for its `PesReader`.
"""

NO_STAMP = -1
PES_FIXED_BYTES = 9
MAX_PES_BYTES = 0xFFFF
PACK_BYTES = 14


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
    return bytes(
        (
            tag << 4 | value >> 29 & 0x0E | 1,
            value >> 22 & 0xFF,
            value >> 14 & 0xFE | 1,
            value >> 7 & 0xFF,
            value << 1 & 0xFE | 1,
        )
    )


def build_pack(clock_ticks: int, mux_rate: int) -> bytes:
    """A pack header: SCR in 90 kHz ticks without extension, rate in units of 50 bytes a second."""
    scr = clock_ticks & (1 << 33) - 1
    marked = (
        1 << 46
        | (scr >> 30) << 43
        | 1 << 42
        | (scr >> 15 & 0x7FFF) << 27
        | 1 << 26
        | (scr & 0x7FFF) << 11
        | 1 << 10
        | 1
    )
    rate = mux_rate << 2 | 3
    return b"\x00\x00\x01\xba" + marked.to_bytes(6, "big") + rate.to_bytes(3, "big") + b"\xf8"


def build_pes_header(stream: int, size: int, pts: int | None, dts: int | None) -> bytes:
    """The header of a PES packet with `size` payload bytes."""
    stamps = b""
    flags = 0
    if pts is not None:
        flags = 0x80
        if dts is None:
            stamps = build_stamp(2, pts)
        else:
            flags = 0xC0
            stamps = build_stamp(3, pts) + build_stamp(1, dts)
    length = 3 + len(stamps) + size
    return (
        bytes((0, 0, 1, stream))
        + length.to_bytes(2, "big")
        + bytes((0x80, flags, len(stamps)))
        + stamps
    )
