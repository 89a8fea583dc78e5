"""G.711: telling A-law from mu-law, and the tables to make or read it (ITU-T G.711)."""

from stream_relay.access_unit import TICKS_PER_SECOND, Codec

SAMPLE_RATE = 8000
QUIET_A = (0x55, 0xD5, 0x54, 0xD4, 0x57, 0xD7)
QUIET_U = (0x7F, 0xFF, 0x7E, 0xFE, 0x7D, 0xFD)
"""Codes of the smallest amplitudes: what silence looks like."""


def duration_ticks(size_bytes: int) -> int:
    """How long so many samples last, in 90 kHz ticks."""
    return size_bytes * TICKS_PER_SECOND // SAMPLE_RATE


def law_of_silence(data: bytes) -> Codec | None:
    """The law in which these bytes are silence; None when they are not silence in exactly one."""
    quiet_a = sum(data.count(code) for code in QUIET_A)
    quiet_u = sum(data.count(code) for code in QUIET_U)
    if quiet_u * 2 > len(data) and quiet_a * 10 < len(data):
        return Codec.G711U
    if quiet_a * 2 > len(data) and quiet_u * 10 < len(data):
        return Codec.G711A
    return None


def _encode_a(sample: int) -> int:
    """One 16-bit linear sample to A-law: sign, 3 bits of segment, 4 bits within it."""
    linear = sample >> 3
    mask = 0xD5 if linear >= 0 else 0x55
    magnitude = linear if linear >= 0 else -linear - 1
    segment = max(magnitude.bit_length() - 5, 0)
    return (segment << 4 | magnitude >> max(segment, 1) & 0x0F) ^ mask


A_LAW = bytes(_encode_a((value << 3) - 32768) for value in range(8192))
"""A-law code of the 16-bit sample s at index (s + 32768) >> 3."""


def encode_a_law(samples: list[int]) -> bytes:
    """16-bit linear samples to A-law."""
    return bytes(A_LAW[(sample + 32768) >> 3] for sample in samples)
