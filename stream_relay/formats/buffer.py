"""A growable run of bytes, and the searches that hot code makes in one.

The compiled `_buffer` holds the bytes outside of Python's heap, so that it works without the GIL;
this plain module is its meaning. Big-endian numbers, as every format here writes them.
"""

PREFIX = b"\x00\x00\x01"


class Buffer:
    """Bytes from 0 to `size`; `data` may be indexed below `size`. Keeps its room when cleared."""

    def __init__(self) -> None:
        self.data = bytearray()

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self.data)

    def reserve(self, room: int) -> bool:
        """Make room for `room` bytes in all; false when memory is short."""
        return True

    def append(self, data: bytes | bytearray, start: int, end: int) -> bool:
        """Add `data[start:end]`; false, with nothing added, when memory is short."""
        self.data += data[start:end]
        return True

    def put(self, value: int, size: int) -> bool:
        """Add the low `size` bytes (1 to 8) of a number; false when memory is short."""
        self.data += (value & (1 << 8 * size) - 1).to_bytes(size, "big")
        return True

    def set(self, position: int, value: int, size: int) -> None:
        """Overwrite `size` bytes that are there."""
        self.data[position : position + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "big")

    def drop(self, count: int) -> None:
        """Remove `count` bytes from the front."""
        del self.data[:count]

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes only."""
        del self.data[size:]

    def clear(self) -> None:
        """Remove all bytes."""
        self.data.clear()

    def is_same(self, position: int, data: bytes | bytearray, start: int, end: int) -> bool:
        """Whether the bytes held from `position` on begin with `data[start:end]`."""
        return self.data[position : position + end - start] == data[start:end]

    def find_prefix(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Where the first 00 00 01 that lies whole in `data[start:end]` begins; -1: nowhere.

        About any bytes, not those held: a method so that compiled callers reach it.
        """
        return data.find(PREFIX, start, end)

    def find_byte(self, value: int, data: bytes | bytearray, start: int, end: int) -> int:
        """Where this byte first stands in `data[start:end]`; -1: nowhere."""
        return data.find(value, start, end)

    def get(self) -> bytes:
        """A copy of all bytes, for Python callers."""
        return bytes(self.data)
