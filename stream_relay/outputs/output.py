# cython: boundscheck=False, wraparound=False
"""What makes the pieces that viewers share: one subclass and one file per format.

The engine's thread calls `convert` without the GIL, once per unit however many viewers there are;
the rest is called from Python when tracks change or a viewer comes. All calls to one output are
made by one thread at a time. Compiled as `_output`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import AccessUnit, Track
from stream_relay.errors import Unsupported
from stream_relay.formats.twins import twin
from stream_relay.formats.units import CODECS, KINDS
from stream_relay.outputs.chunk import Change

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

NOTHING, MEDIA, KEY = 0, 1, 3
"""What `convert` has added: nothing, a chunk, a chunk where decoding can start."""


class Output:
    """Turns placed access units into chunks; this one carries nothing.

    The formats differ in their subclass only: a new one is one file here and one line in
    `outputs/__init__.py`.
    """

    def __init__(self) -> None:
        self.tracks: tuple[Track, ...] = ()
        """The tracks this format carries, of those it was started with."""
        self.codec_string = ""
        """RFC 6381 codecs of all tracks carried, e.g. `avc1.64001f,mp4a.40.2`; empty if unknown."""
        self.keeps_units = False
        """Whether a chunk's bytes are those of its unit, unchanged."""
        self.chunk_pts = 0
        """Of the chunk made last: presentation time of the picture (of the first unit without
        one) on the stream's time line, 90 kHz."""
        self.chunk_dts = 0
        self._scratch = Buffer()

    # Without the GIL.

    def convert(
        self,
        kind: int,
        codec: int,
        pts: int,
        dts: int,
        is_key: bool,
        data: bytes | bytearray,
        start: int,
        end: int,
        out: Buffer,
    ) -> int:
        """Take one unit; if it completes a chunk, add that to `out`: MEDIA or KEY.

        NOTHING leaves `out` as it was: the unit waits, is not carried, or memory is short. Kind
        and codec are numbers of `units.py`, stamps are ticks of the stream's time line. The bytes
        are the caller's.
        """
        return NOTHING

    def reset(self) -> None:
        """Forget what waits for a later unit: what follows begins anew."""

    def complete(self, pts: int, dts: int, is_key: bool) -> int:
        """Note the times of the chunk that was made; returns what `convert` does then."""
        self.chunk_pts = pts
        self.chunk_dts = dts
        return KEY if is_key else MEDIA

    # With Python objects, when tracks change or a viewer comes.

    def start(self, tracks: tuple[Track, ...]) -> Change:
        """Take the tracks and tell what they change; the first time this is `RESTART`.

        Raises `Unsupported` when the format cannot carry the video codec.
        """
        raise Unsupported("/".join(track.codec for track in tracks))

    def opening(self, dts_ticks: int) -> bytes:
        """What comes first for a viewer whose next chunk is about `dts_ticks`."""
        raise Unsupported("a stream before its tracks are known")

    def reopening(self, dts_ticks: int) -> bytes:
        """What comes before a change for a viewer that had an opening before."""
        return self.opening(dts_ticks)

    def take(self, unit: AccessUnit) -> tuple[int, bytes]:
        """`convert` for Python callers: what it returned and what it added."""
        kind, codec, data = KINDS.index(unit.track), CODECS.index(unit.codec), unit.data
        pts, dts, is_key = unit.pts_ticks, unit.dts_ticks, unit.is_key
        self._scratch.clear()
        made = self.convert(kind, codec, pts, dts, is_key, data, 0, len(data), self._scratch)
        return made, self._scratch.get()

    def forget(self) -> None:
        """`reset` for Python callers."""
        self.reset()
