# cython: boundscheck=False, wraparound=False
"""A video elementary stream in pieces of a frame into access units and their Track.

Finds out what the codec really is, cuts several pictures of one piece apart, keeps parameter sets
that travel ahead, waits for a key frame after a loss. Compiled as `_pictures`; only a change of
parameter sets needs Python.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Codec, Kind, Track
from stream_relay.errors import MalformedBitstream
from stream_relay.formats.sps import SequenceParameters, parse_sps
from stream_relay.formats.twins import twin
from stream_relay.formats.units import CODECS

if TYPE_CHECKING:
    from stream_relay.formats.annexb import NalScanner
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.parameter_sets import ParameterSets
    from stream_relay.formats.timeline import Timeline
    from stream_relay.formats.units import UnitSink
else:
    ParameterSets = twin("parameter_sets").ParameterSets

VIDEO = 0
H264, H265, MPEG4, SVAC, UNKNOWN = 0, 1, 2, 3, 9
"""Codecs by their numbers in `units.py`; those to MPEG-4 have pictures that are told apart."""
NO_CODEC = -1

DEFAULT_STEP_TICKS = 3600
MAX_STEP_TICKS = 90_000
MAX_LEAD_BYTES = 64 * 1024
"""Parameter sets and SEI ahead of their picture; more than this is not that."""


class PictureReader:
    """Turns the frames of one video track into access units."""

    def __init__(self, timeline: "Timeline", sink: "UnitSink", nals: "NalScanner") -> None:
        """`nals` knows where the NAL units begin in the frames that are read."""
        self.track: Track | None = None
        self.version = 0
        """Rises whenever `track` becomes another."""
        self.is_waiting_for_key = True
        self.pictures = 0
        self.skipped = 0
        """Pictures dropped while waiting for a key frame."""
        self.malformed = 0
        """Frames without any picture, and parameter sets that could not be read."""
        self.contradicted = 0
        """Times the bytes were another codec than the stream map said."""
        self._timeline = timeline
        self._sink = sink
        self._nals = nals
        self._sets = ParameterSets()
        self._codec = NO_CODEC
        self._track_codec = NO_CODEC
        self._declared = -1
        self._is_interlaced = False
        self._step_ticks = DEFAULT_STEP_TICKS
        self._last_dts = self._last_pts = -1
        self._last_step = 0

    def lost(self) -> None:
        """Bytes are missing: what follows cannot be decoded before the next key frame."""
        self.is_waiting_for_key = True

    def read(self, frame: "Buffer", pts: int, dts: int, declared: int, hint: bool) -> int:
        """Hand the pictures in these bytes to the sink, which may take the last with its memory.

        Stamps are 33-bit or -1 (then the frame follows the last one at its pace); `declared` is
        the stream_type or -1; `hint` tells that a stream map came with the frame, which is all
        that marks a key frame of a codec we cannot read. Returns where the bytes begin that lead
        the next frame: their number when none do.
        """
        size = frame.size
        self._decide(frame.data, size, declared)
        if self._codec == NO_CODEC:
            self.malformed += 1
            return size
        if self._codec > MPEG4:
            if self._track_codec != self._codec:
                self._describe_unread()
            self._emit(frame, 0, size, hint, pts, dts)
            return size
        split = not self._is_interlaced
        self._nals.rewind(0)
        if not self._nals.next_picture(frame.data, size, self._codec, split):
            self.malformed += 1
            return size
        while True:
            if self._nals.sets:
                self._learn(frame.data, size)
            if self._nals.has_slices:
                self._emit(frame, self._nals.start, self._nals.end, self._nals.is_key, pts, dts)
                pts = dts = -1
            elif size - self._nals.start <= MAX_LEAD_BYTES:
                return self._nals.start
            # Behind the last picture nothing is looked at: its bytes may be the sink's now.
            if self._nals.end == size or not self._nals.next_picture(
                frame.data, size, self._codec, split
            ):
                return size

    def _decide(self, data: bytes | bytearray, size: int, declared: int) -> None:
        """The stream map first, the bytes where they say otherwise."""
        if declared != self._declared:
            self._declared = declared
            self._switch(codec_of(declared))
        seen = self._nals.sniff(data, size)
        if seen >= 0 and seen != self._codec:
            if self._codec != NO_CODEC:
                self.contradicted += 1
            self._switch(seen)

    def _switch(self, codec: int) -> None:
        if codec != self._codec:
            self._codec = codec
            self._sets.clear()
            self.is_waiting_for_key = True

    def _emit(
        self, frame: "Buffer", start: int, end: int, is_key: bool, pts: int, dts: int
    ) -> None:
        if self.is_waiting_for_key:
            if not is_key or self._track_codec != self._codec:
                self.skipped += 1
                return
            self.is_waiting_for_key = False
        if pts < 0:
            self._timeline.follow(VIDEO, self._step_ticks)
        else:
            self._timeline.place(VIDEO, pts, dts, self._step_ticks)
        step = self._timeline.dts - self._last_dts
        if pts >= 0 and dts < 0:
            step = self._agreed(self._timeline.pts - self._last_pts)
        if self._last_dts >= 0 and 1 < step <= MAX_STEP_TICKS:
            self._step_ticks = step
        self._last_pts = self._timeline.pts
        self._last_dts = self._timeline.dts
        self.pictures += 1
        pts, dts = self._timeline.pts, self._timeline.dts
        if end == frame.size:
            self._sink.adopt(VIDEO, self._codec, self.version, pts, dts, is_key, frame, start)
            return
        data = frame.data
        self._sink.add(VIDEO, self._codec, self.version, pts, dts, is_key, data, start, end)

    def _agreed(self, step: int) -> int:
        """The step between two presentation times when it is about that before it, else 0.

        Without decode times B pictures make the stamps leap and fall back, which is no pace.
        """
        difference = step - self._last_step
        self._last_step = step
        return step if -step <= difference * 8 <= step else 0

    def _learn(self, data: bytes | bytearray, size: int) -> None:
        """Keep the latest parameter sets of each type; a change makes a new Track."""
        self._sets.begin()
        for index in range(self._nals.first_nal, self._nals.end_nal):
            first = self._nals.first(index)
            end = self._nals.end_of(data, index, size)
            if end <= first or not self._nals.is_set(data, index, end, self._codec):
                continue
            if not self._sets.add(set_order(data[first], self._codec), data, first, end):
                self.malformed += 1
        if self._sets.is_news():
            self._describe()

    # --- with Python -----------------------------------------------------------------------------

    def _describe(self) -> None:
        sets = self._sets.learn()
        codec = CODECS[self._codec]
        parameters = self._read_sps(sets, codec)
        self.version += 1
        self._track_codec = self._codec
        if parameters is None:
            self.track = Track(Kind.VIDEO, codec, parameter_sets=sets)
            return
        self._is_interlaced = parameters.is_interlaced
        if parameters.frame_rate is not None and self._last_dts < 0:
            self._step_ticks = min(round(90_000 / parameters.frame_rate), MAX_STEP_TICKS)
        self.track = Track(
            Kind.VIDEO,
            codec,
            parameter_sets=sets,
            width=parameters.width,
            height=parameters.height,
            frame_rate=parameters.frame_rate,
        )

    def _read_sps(self, sets: tuple[bytes, ...], codec: Codec) -> SequenceParameters | None:
        order = 1 if self._codec == H265 else 0
        for nal in sets:
            if self._codec == MPEG4 or set_order(nal[0], self._codec) != order:
                continue
            try:
                return parse_sps(nal, codec)
            except MalformedBitstream:
                self.malformed += 1
        return None

    def _describe_unread(self) -> None:
        self.version += 1
        self._track_codec = self._codec
        self.track = Track(Kind.VIDEO, CODECS[self._codec])


def codec_of(stream_type: int) -> int:
    """The codec number for a stream_type of GB/T 28181; -1 for -1."""
    if stream_type == 0x1B:
        return H264
    if stream_type == 0x24:
        return H265
    if stream_type == 0x10:
        return MPEG4
    if stream_type == 0x80:
        return SVAC
    return NO_CODEC if stream_type < 0 else UNKNOWN


def set_order(first_byte: int, codec: int) -> int:
    """Where a parameter set stands in the order VPS, SPS, PPS (MPEG-4: as its start codes rise)."""
    if codec == H264:
        return (first_byte & 0x1F) - 7
    if codec == H265:
        return (first_byte >> 1 & 0x3F) - 32
    if first_byte == 0xB0:
        return 0
    return 1 if first_byte == 0xB5 else 2 + first_byte
