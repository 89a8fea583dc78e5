"""Packets that have to wait, under a number and with the time they came.

The compiled `_packet_store` holds the bytes outside of Python's heap; this plain module is its
meaning.
"""

BLOCK_BYTES = 2048
"""Room for a packet of any usual size; such blocks are used again, larger ones are freed."""
SPARE_BLOCKS = 32
"""Kept for the next packets; memory beyond follows what is held."""


class PacketStore:
    """Holds at most `keys` packets under the numbers from 0 on; empty, it costs nothing."""

    def __init__(self, keys: int) -> None:
        self.count = 0
        self.bytes = 0
        self._keys = keys
        self._held: dict[int, tuple[int, bytes]] = {}

    def put(self, key: int, stamp: int, data: bytes | bytearray, start: int, end: int) -> bool:
        """Hold a copy of `data[start:end]` under a free number; false when memory is short."""
        self._held[key] = (stamp, bytes(data[start:end]))
        self.count += 1
        self.bytes += end - start
        return True

    def has(self, key: int) -> bool:
        """Whether a packet is held under this number."""
        return key in self._held

    def at(self, key: int) -> bytes:
        """The bytes of a packet that is held, until it is dropped."""
        return self._held[key][1]

    def length(self, key: int) -> int:
        """How many bytes a packet that is held has."""
        return len(self._held[key][1])

    def stamp(self, key: int) -> int:
        """What `put` was told."""
        return self._held[key][0]

    def drop(self, key: int) -> None:
        """Forget what is held under this number, if anything is."""
        entry = self._held.pop(key, None)
        if entry is not None:
            self.count -= 1
            self.bytes -= len(entry[1])

    def clear(self) -> None:
        """Forget everything and give the memory back."""
        self._held.clear()
        self.count = self.bytes = 0
