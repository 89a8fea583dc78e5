"""The chunks since the last key, bounded, so that a reader that joins has a picture at once."""

from collections.abc import Iterator

from stream_relay.outputs.chunk import Chunk


class GopCache:
    """Holds one group of pictures with its audio; gives up a group that outgrows its bounds.

    A group that was given up is not offered in part: whoever joins waits for the next key.
    """

    def __init__(self, max_bytes: int, max_chunks: int) -> None:
        self._max_bytes = max_bytes
        self._max_chunks = max_chunks
        self._chunks: list[Chunk] = []
        self._is_open = False
        self.bytes = 0
        self.given_up = 0

    def add(self, chunk: Chunk) -> None:
        """Append a media chunk; a key begins a new group."""
        if chunk.is_key:
            self.clear()
            self._is_open = True
        if not self._is_open:
            return
        self._chunks.append(chunk)
        self.bytes += len(chunk.data)
        if self.bytes > self._max_bytes or len(self._chunks) > self._max_chunks:
            self.clear()
            self.given_up += 1

    def clear(self) -> None:
        """Forget the group and wait for the next key."""
        self._chunks = []
        self._is_open = False
        self.bytes = 0

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)
