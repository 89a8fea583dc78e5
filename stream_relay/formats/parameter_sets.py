# cython: boundscheck=False, wraparound=False
"""The parameter sets in force, and whether a picture brings others.

Compared byte for byte without Python objects; only a change is handed out. Compiled as
`_parameter_sets`.
"""

from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

MAX_SETS = 64
"""A picture brings two or three; comparing hundreds with each other is work for an attacker."""
MAX_SET_BYTES = 65_535
"""What a decoder configuration record can hold (ISO/IEC 14496-15 §5.3.3.1)."""
HEAD_BYTES = 3


class ParameterSets:
    """Keeps the latest sets of each kind; a kind is a number below 256, its place in the order.

    Sets lie one behind the other: kind, size in two bytes, the bytes.
    """

    def __init__(self) -> None:
        self._known = Buffer()
        self._fresh = Buffer()
        self._count = 0

    def clear(self) -> None:
        """Nothing is known."""
        self._known.clear()
        self.begin()

    def begin(self) -> None:
        """A picture with parameter sets begins."""
        self._fresh.clear()
        self._count = 0

    def add(self, kind: int, data: bytes | bytearray, start: int, end: int) -> bool:
        """One of its sets; false when it cannot be one, or there are too many."""
        size = end - start
        if self._count >= MAX_SETS or size <= 0 or size > MAX_SET_BYTES:
            return False
        at = 0
        while at < self._fresh.size:
            held = self._fresh.data[at + 1] << 8 | self._fresh.data[at + 2]
            if (
                self._fresh.data[at] == kind
                and held == size
                and self._fresh.is_same(at + HEAD_BYTES, data, start, end)
            ):
                return True
            at += HEAD_BYTES + held
        if not self._fresh.reserve(self._fresh.size + HEAD_BYTES + size):
            return False
        self._fresh.put(kind, 1)
        self._fresh.put(size, 2)
        self._fresh.append(data, start, end)
        self._count += 1
        return True

    def is_news(self) -> bool:
        """Whether the sets of any kind that the picture brought are others than those known."""
        at = 0
        while at < self._fresh.size:
            if not self._is_kind_known(self._fresh.data[at]):
                return True
            at += HEAD_BYTES + (self._fresh.data[at + 1] << 8 | self._fresh.data[at + 2])
        return False

    def _is_kind_known(self, kind: int) -> bool:
        known = self._known_from(0, kind)
        fresh = self._fresh_from(0, kind)
        while known >= 0 and fresh >= 0:
            size = HEAD_BYTES + (self._fresh.data[fresh + 1] << 8 | self._fresh.data[fresh + 2])
            if not self._known.is_same(known, self._fresh.data, fresh, fresh + size):
                return False
            known = self._known_from(known + size, kind)
            fresh = self._fresh_from(fresh + size, kind)
        return known < 0 and fresh < 0

    def _known_from(self, at: int, kind: int) -> int:
        """Where the next known set of this kind lies, -1: there is none."""
        while at < self._known.size:
            if self._known.data[at] == kind:
                return at
            at += HEAD_BYTES + (self._known.data[at + 1] << 8 | self._known.data[at + 2])
        return -1

    def _fresh_from(self, at: int, kind: int) -> int:
        while at < self._fresh.size:
            if self._fresh.data[at] == kind:
                return at
            at += HEAD_BYTES + (self._fresh.data[at + 1] << 8 | self._fresh.data[at + 2])
        return -1

    def learn(self) -> tuple[bytes, ...]:
        """Take over what the picture brought; all sets now known, by kind."""
        known = self._split(self._known.get())
        known.update(self._split(self._fresh.get()))
        self._known.clear()
        learned = []
        for kind, sets in sorted(known.items()):
            for data in sets:
                self._known.put(kind, 1)
                self._known.put(len(data), 2)
                self._known.append(data, 0, len(data))
                learned.append(data)
        return tuple(learned)

    def _split(self, held: bytes) -> dict[int, list[bytes]]:
        sets: dict[int, list[bytes]] = {}
        at = 0
        while at < len(held):
            end = at + HEAD_BYTES + (held[at + 1] << 8 | held[at + 2])
            sets.setdefault(held[at], []).append(held[at + HEAD_BYTES : end])
            at = end
        return sets
