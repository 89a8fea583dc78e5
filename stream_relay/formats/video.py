"""Gathers the bytes of one video frame out of the packets it was split into.

While bytes come in, notes where NAL units begin, so that nobody has to read them again. Compiled
as `_video`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import AccessUnit
from stream_relay.formats.timeline import StampSource, Timeline
from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats.annexb import find_start
    from stream_relay.formats.pictures import PictureReader
else:
    find_start = twin("annexb").find_start
    PictureReader = twin("pictures").PictureReader

PACK_CODE = 0xBA
MAX_PIECES = 4096
"""Pieces of a byte or so are joined at this number, so that they cost no more than large ones."""


class VideoAssembler:
    """The video track of a stream; `size` bytes of an unfinished frame are held."""

    def __init__(self, timeline: Timeline) -> None:
        self.reader = PictureReader(timeline)
        self._timeline = timeline
        self.size = 0
        self.has_pts = False
        self._stamps = StampSource()
        self._pieces: list[bytes] = []
        self._starts: list[int] = []
        self._tail = b""
        self._pts: int | None = None
        self._dts: int | None = None
        self._rtp: int | None = None
        self._declared: int | None = None
        self._hint = False

    def continues(self, pts: int | None) -> bool:
        """Whether a packet with this PTS belongs to the frame that is being gathered."""
        return self.size > 0 and (pts is None or pts == self._pts)

    def begin(
        self,
        pts: int | None,
        dts: int | None,
        *,
        rtp: int | None = None,
        declared: int | None = None,
        hint: bool = False,
    ) -> None:
        """A frame begins: its 33-bit stamps and the 32-bit RTP stamp, as far as they are known.

        `declared` and `hint` are those of `PictureReader.read`.
        """
        self._pts = pts
        self._dts = dts
        self._rtp = rtp
        self._declared = declared
        self._hint = hint
        self.has_pts = pts is not None
        if pts is not None:
            self._timeline.expect(pts if dts is None else dts)

    def add(self, piece: bytes, find_pack: bool) -> bytes:
        """Take more of the frame.

        No video contains a pack start code (its first bit is forbidden in H.264 and H.265): when
        `find_pack` is set and one is found, the packet was cut short by a loss that nobody told
        of. Then everything from there on is given back and the frame is not whole.
        """
        base = self.size
        self.size += len(piece)
        # A start code may lie across the cut: look at the bytes around it apart.
        joint = self._tail + piece[:3]
        width = len(self._tail)
        found = find_start(joint, 0)
        if 0 <= found < width and found + 3 < len(joint):
            if joint[found + 3] == PACK_CODE and find_pack:
                return joint[found:width] + piece
            self._starts.append(base - width + found + 3)
        last = len(piece) - 4
        found = find_start(piece, 0)
        while 0 <= found <= last:
            if piece[found + 3] == PACK_CODE and find_pack:
                return piece[found:]
            self._starts.append(base + found + 3)
            found = find_start(piece, found + 3)
        self._keep(piece)
        return b""

    def _keep(self, piece: bytes) -> None:
        self._tail = piece[-3:] if len(piece) > 2 else (self._tail + piece)[-3:]
        self._pieces.append(piece)
        if len(self._pieces) > MAX_PIECES:
            self._pieces = [b"".join(self._pieces)]

    def close(self) -> list[AccessUnit]:
        """The frame is complete: its access units."""
        if self.size == 0:
            return []
        frame, starts = b"".join(self._pieces), self._starts
        self._clear()
        return self.reader.read(
            frame,
            starts,
            self._stamps.stamp(self._pts, self._rtp),
            self._dts,
            declared=self._declared,
            hint=self._hint,
        )

    def drop(self) -> None:
        """Bytes are missing: forget the frame and wait for a key frame."""
        self._clear()
        self.reader.lost()

    def _clear(self) -> None:
        self._pieces = []
        self._starts = []
        self._tail = b""
        self.size = 0
