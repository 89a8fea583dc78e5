"""AAC frames with ADTS headers (ISO/IEC 13818-7 §6.2, 14496-3 §1.A.2.2)."""

from dataclasses import dataclass

from stream_relay.errors import MalformedBitstream

SAMPLES_PER_FRAME = 1024
SAMPLE_RATES = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
HEADER_BYTES = 7


@dataclass(frozen=True, slots=True)
class AdtsHeader:
    """One ADTS frame header."""

    object_type: int
    rate_index: int
    channels: int
    frame_bytes: int
    """Header included."""
    header_bytes: int
    blocks: int
    """Raw data blocks of 1024 samples."""

    @property
    def sample_rate(self) -> int:
        """Samples per second."""
        return SAMPLE_RATES[self.rate_index]

    @property
    def config(self) -> bytes:
        """AudioSpecificConfig that says the same (14496-3 §1.6.2.1)."""
        value = self.object_type << 11 | self.rate_index << 7 | self.channels << 3
        return value.to_bytes(2, "big")


def parse_adts(data: bytes, position: int = 0) -> AdtsHeader:
    """Read the header at `position`; raises MalformedBitstream."""
    head = data[position : position + HEADER_BYTES]
    if len(head) < HEADER_BYTES or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        raise MalformedBitstream("an ADTS header", position, head)
    rate_index = head[2] >> 2 & 0x0F
    if rate_index >= len(SAMPLE_RATES):
        raise MalformedBitstream("an AAC sample rate", position, head)
    header_bytes = HEADER_BYTES if head[1] & 1 else HEADER_BYTES + 2
    frame_bytes = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if frame_bytes <= header_bytes:
        raise MalformedBitstream("an ADTS frame longer than its header", position, head)
    return AdtsHeader(
        object_type=(head[2] >> 6) + 1,
        rate_index=rate_index,
        channels=(head[2] & 1) << 2 | head[3] >> 6,
        frame_bytes=frame_bytes,
        header_bytes=header_bytes,
        blocks=(head[6] & 3) + 1,
    )


def build_adts(frame: bytes, config: bytes) -> bytes:
    """The raw frame behind an ADTS header made from its AudioSpecificConfig."""
    if len(config) < 2:
        raise MalformedBitstream("an AudioSpecificConfig of 2 bytes", 0, config)
    value = config[0] << 8 | config[1]
    object_type, rate_index, channels = value >> 11, value >> 7 & 0x0F, value >> 3 & 0x0F
    size = len(frame) + HEADER_BYTES
    head = bytes(
        (
            0xFF,
            0xF1,
            (object_type - 1 & 3) << 6 | rate_index << 2 | channels >> 2,
            (channels & 3) << 6 | size >> 11,
            size >> 3 & 0xFF,
            (size & 7) << 5 | 0x1F,
            0xFC,
        )
    )
    return head + frame


def is_adts(data: bytes) -> bool:
    """Whether ADTS headers chain through all of `data` (the last frame may be cut off)."""
    position = frames = 0
    while position + HEADER_BYTES <= len(data):
        try:
            position += parse_adts(data, position).frame_bytes
        except MalformedBitstream:
            return False
        frames += 1
    return frames > 0 and (position == len(data) or frames > 1)
