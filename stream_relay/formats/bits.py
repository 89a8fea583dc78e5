"""Reads bit fields and Exp-Golomb codes of a NAL unit (H.264 §7.2, §9.1)."""

from stream_relay.errors import MalformedBitstream


class BitReader:
    """Bits of a NAL unit's payload; emulation prevention bytes are taken out first."""

    def __init__(self, nal: bytes, skip_bytes: int) -> None:
        self._data = nal[skip_bytes:].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(self._data, "big")
        self._left = len(self._data) * 8

    def bits(self, count: int) -> int:
        """Unsigned number of `count` bits; raises MalformedBitstream past the end."""
        if count > self._left:
            raise MalformedBitstream("more bits in a parameter set", len(self._data), self._data)
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def flag(self) -> bool:
        """One bit."""
        return self.bits(1) == 1

    def skip(self, count: int) -> None:
        """Pass over bits."""
        self.bits(count)

    def unsigned(self) -> int:
        """ue(v)."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > 32:
                raise MalformedBitstream("an Exp-Golomb code", 0, self._data)
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        """se(v)."""
        value = self.unsigned()
        return (value + 1) // 2 if value & 1 else -(value // 2)

    def bounded(self, limit: int, what: str) -> int:
        """ue(v) that may not exceed `limit`; raises MalformedBitstream naming `what`."""
        value = self.unsigned()
        if value > limit:
            raise MalformedBitstream(f"{what} up to {limit}", 0, self._data)
        return value
