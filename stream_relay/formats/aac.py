"""AAC frames with ADTS headers (ISO/IEC 13818-7 §6.2, 14496-3 §1.A.2.2).

Compiled as `_aac`, for its `AdtsHeader`.
"""

from stream_relay.errors import MalformedBitstream

SAMPLES_PER_FRAME = 1024
RATES = 13
"""Rate indices from here on are reserved."""
HEADER_BYTES = 7
EXTENDED = (5, 29)
"""Object types of HE-AAC: another one, that of the core, follows behind the higher rate."""
ADTS_LENGTH_SHIFT = 13
MAX_ADTS_BYTES = 0x1FFF
"""The frame length has 13 bits."""

READ, NO_HEADER, NO_RATE, TOO_SHORT = range(4)
"""What `AdtsHeader.read` says."""
FAULTS = ("", "an ADTS header", "an AAC sample rate", "an ADTS frame longer than its header")
"""What was expected where it says so."""


class AdtsHeader:
    """One ADTS frame header, as far as the last `read` got."""

    def __init__(self) -> None:
        self.object_type = self.rate_index = self.channels = 0
        self.frame_bytes = 0
        """Header included."""
        self.header_bytes = 0
        self.blocks = 0
        """Raw data blocks of 1024 samples."""
        self.sample_rate = 0
        """Samples per second."""

    @property
    def config(self) -> bytes:
        """AudioSpecificConfig that says the same (14496-3 §1.6.2.1)."""
        value = self.object_type << 11 | self.rate_index << 7 | self.channels << 3
        return value.to_bytes(2, "big")

    def read(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Read the header at `start`: READ, or what is wrong with it."""
        if end - start < HEADER_BYTES:
            return NO_HEADER
        if data[start] != 0xFF or data[start + 1] & 0xF6 != 0xF0:
            return NO_HEADER
        self.rate_index = data[start + 2] >> 2 & 0x0F
        if self.rate_index >= RATES:
            return NO_RATE
        self.header_bytes = HEADER_BYTES if data[start + 1] & 1 else HEADER_BYTES + 2
        self.frame_bytes = (data[start + 3] & 3) << 11 | data[start + 4] << 3 | data[start + 5] >> 5
        if self.frame_bytes <= self.header_bytes:
            return TOO_SHORT
        self.object_type = (data[start + 2] >> 6) + 1
        self.channels = (data[start + 2] & 1) << 2 | data[start + 3] >> 6
        self.blocks = (data[start + 6] & 3) + 1
        self.sample_rate = self._rate(self.rate_index)
        return READ

    def chains(self, data: bytes | bytearray, start: int, end: int) -> bool:
        """Whether headers chain through all of `data[start:end]` (the last may be cut off)."""
        position = start
        frames = 0
        while position + HEADER_BYTES <= end:
            if self.read(data, position, end) != READ:
                return False
            position += self.frame_bytes
            frames += 1
        return frames > 0 and (position == end or frames > 1)

    def _rate(self, index: int) -> int:
        """Samples per second: three rates that are halved again and again, and one more."""
        if index == RATES - 1:
            return 7350
        turn = index % 3
        rate = 96000 if turn == 0 else (88200 if turn == 1 else 64000)
        return rate >> index // 3


def parse_adts(data: bytes, position: int = 0) -> AdtsHeader:
    """Read the header at `position`; raises MalformedBitstream."""
    header = AdtsHeader()
    fault = header.read(data, position, len(data))
    if fault != READ:
        found = data[position : position + HEADER_BYTES]
        raise MalformedBitstream(FAULTS[fault], position, found)
    return header


def adts_head(config: bytes) -> int:
    """The 7 bytes of an ADTS header for an AudioSpecificConfig, its frame length being 0.

    Of HE-AAC it speaks of the core, as ADTS does. Raises MalformedBitstream when the configuration
    is no AAC that ADTS can name.
    """
    if len(config) < 2:
        raise MalformedBitstream("an AudioSpecificConfig of 2 bytes", 0, config)
    bits = int.from_bytes(config[:4].ljust(4, b"\0"), "big")
    object_type, rate_index, channels = bits >> 27, bits >> 23 & 0x0F, bits >> 19 & 0x0F
    if object_type in EXTENDED:
        object_type = bits >> 10 & 0x1F
    if not 1 <= object_type <= 4 or rate_index >= RATES or channels > 7:
        raise MalformedBitstream("an AudioSpecificConfig that ADTS can name", 0, config)
    fixed = 0xFFF1 << 14 | (object_type - 1) << 12 | rate_index << 8 | channels << 4
    return fixed << 26 | 0x7FF << 2


def build_adts(frame: bytes, config: bytes) -> bytes:
    """The raw frame behind an ADTS header made from its AudioSpecificConfig."""
    head = adts_head(config) | len(frame) + HEADER_BYTES << ADTS_LENGTH_SHIFT
    return head.to_bytes(HEADER_BYTES, "big") + frame


def is_adts(data: bytes) -> bool:
    """See `AdtsHeader.chains`."""
    return AdtsHeader().chains(data, 0, len(data))
