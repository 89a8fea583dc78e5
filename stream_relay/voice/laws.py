"""G.711A into G.711U, for the few devices that know only mu-law (ITU-T G.711)."""

from stream_relay.voice.ear import LINEAR

_BIAS, _CLIP = 0x84, 32_635


def _encode_mu(sample: int) -> int:
    """One 16-bit linear sample to mu-law: sign, 3 bits of segment, 4 bits within it, inverted."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | magnitude >> (segment + 3) & 0x0F) & 0xFF


MU_OF_A = bytes(_encode_mu(int(LINEAR[code])) for code in range(256))
"""The mu-law code that sounds like an A-law code."""


def mu_law(a_law: bytes) -> bytes:
    """The same sound in the other law."""
    return a_law.translate(MU_OF_A)
