"""G.711: telling A-law from mu-law, and the tables to make or read it (ITU-T G.711).

Compiled as `_g711`, for its `Ear`.
"""

from stream_relay.access_unit import TICKS_PER_SECOND, Codec
from stream_relay.formats.units import CODECS, G711A, G711U

SAMPLE_RATE = 8000
QUIET_A_FIRST, QUIET_A_LAST, NOISE_A = 0x54, 0x57, 0x56
QUIET_U_FIRST = 0x7D
"""Codes of the three smallest amplitudes, without their sign: what silence looks like."""
UNHEARD = -1


def duration_ticks(size_bytes: int) -> int:
    """How long so many samples last, in 90 kHz ticks."""
    return size_bytes * TICKS_PER_SECOND // SAMPLE_RATE


class Ear:
    """Tells the two laws apart where a device is silent."""

    def law_of_silence(self, data: bytes | bytearray, start: int, end: int) -> int:
        """G711A or G711U when the bytes are silence in exactly that law, else UNHEARD."""
        quiet_a = 0
        quiet_u = 0
        for position in range(start, end):
            magnitude = data[position] & 0x7F
            if QUIET_A_FIRST <= magnitude and magnitude <= QUIET_A_LAST and magnitude != NOISE_A:
                quiet_a += 1
            elif magnitude >= QUIET_U_FIRST:
                quiet_u += 1
        size = end - start
        if quiet_u * 2 > size and quiet_a * 10 < size:
            return G711U
        if quiet_a * 2 > size and quiet_u * 10 < size:
            return G711A
        return UNHEARD


def law_of_silence(data: bytes) -> Codec | None:
    """The law in which these bytes are silence; None when they are not silence in exactly one."""
    law = Ear().law_of_silence(data, 0, len(data))
    return None if law == UNHEARD else CODECS[law]


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
