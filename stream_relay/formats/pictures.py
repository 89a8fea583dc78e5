"""A video elementary stream in pieces of a frame into access units and their Track.

Finds out what the codec really is, cuts several pictures of one piece apart, keeps parameter sets
that travel ahead, waits for a key frame after a loss. Compiled as `_pictures`.
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import MalformedBitstream
from stream_relay.formats.sps import SequenceParameters, parse_sps
from stream_relay.formats.timeline import Timeline
from stream_relay.formats.twins import twin

if TYPE_CHECKING:
    from stream_relay.formats import annexb
else:
    annexb = twin("annexb")

DECLARED = {0x10: Codec.MPEG4, 0x1B: Codec.H264, 0x24: Codec.H265, 0x80: Codec.SVAC}
"""stream_type of GB/T 28181 to codec."""

READABLE = (Codec.H264, Codec.H265, Codec.MPEG4)
"""Codecs whose pictures are told apart; others are passed on as they are cut."""

DEFAULT_STEP_TICKS = 3600
MAX_STEP_TICKS = 90_000
MAX_LEAD_BYTES = 64 * 1024
"""Parameter sets and SEI ahead of their picture; more than this is not that."""


class PictureReader:
    """Turns the frames of one video track into access units."""

    def __init__(self, timeline: Timeline) -> None:
        self.track: Track | None = None
        self.is_waiting_for_key = True
        self.pictures = 0
        self.skipped = 0
        """Pictures dropped while waiting for a key frame."""
        self.malformed = 0
        """Frames without any picture, and parameter sets that could not be read."""
        self.contradicted = 0
        """Times the bytes were another codec than the stream map said."""
        self._timeline = timeline
        self._codec: Codec | None = None
        self._declared: int | None = None
        self._lead = b""
        self._sets: dict[int, list[bytes]] = {}
        self._is_interlaced = False
        self._step_ticks = DEFAULT_STEP_TICKS
        self._last_dts = -1

    def lost(self) -> None:
        """Bytes are missing: what follows cannot be decoded before the next key frame."""
        self.is_waiting_for_key = True
        self._lead = b""

    def read(
        self,
        frame: bytes,
        starts: list[int] | None,
        pts: int | None,
        dts: int | None,
        *,
        declared: int | None = None,
        hint: bool = False,
    ) -> list[AccessUnit]:
        """The access units in these bytes.

        `starts` are the first bytes of the NAL units where they are known. Stamps are 33-bit or
        None (then the frame follows the last one at its pace); `declared` is the stream_type or
        None; `hint` tells that a stream map came with the frame, which is all that marks a key
        frame of a codec we cannot read.
        """
        data = frame
        if self._lead:
            data = self._lead + frame
            starts = None
            self._lead = b""
        codec = self._decide(data, declared)
        if codec is None:
            self.malformed += 1
            return []
        if codec not in READABLE:
            return self._pass_on(data, codec, pts, dts, hint)
        units: list[AccessUnit] = []
        pictures = annexb.split_pictures(data, codec, not self._is_interlaced, starts)
        if not pictures:
            self.malformed += 1
        for picture in pictures:
            whole = len(pictures) == 1
            part = data if whole else data[picture.start : picture.end]
            if picture.parameter_sets:
                self._learn(picture.parameter_sets, codec)
            if picture.has_slices:
                self._emit(units, part, codec, picture.is_key, pts, dts)
                pts = dts = None
            elif len(part) <= MAX_LEAD_BYTES:
                self._lead = part
        return units

    def _decide(self, data: bytes, declared: int | None) -> Codec | None:
        """The stream map first, the bytes where they say otherwise."""
        if declared != self._declared:
            self._declared = declared
            self._switch(DECLARED.get(declared, Codec.UNKNOWN) if declared is not None else None)
        seen = annexb.sniff_video(data)
        if seen is not None and seen is not self._codec:
            if self._codec is not None:
                self.contradicted += 1
            self._switch(seen)
        return self._codec

    def _switch(self, codec: Codec | None) -> None:
        if codec is not self._codec:
            self._codec = codec
            self._sets = {}
            self.is_waiting_for_key = True

    def _pass_on(
        self, data: bytes, codec: Codec, pts: int | None, dts: int | None, hint: bool
    ) -> list[AccessUnit]:
        if self.track is None or self.track.codec is not codec:
            self.track = Track(Kind.VIDEO, codec)
        units: list[AccessUnit] = []
        self._emit(units, data, codec, hint, pts, dts)
        return units

    def _emit(
        self,
        units: list[AccessUnit],
        data: bytes,
        codec: Codec,
        is_key: bool,
        pts: int | None,
        dts: int | None,
    ) -> None:
        if self.is_waiting_for_key:
            if not is_key or self.track is None:
                self.skipped += 1
                return
            self.is_waiting_for_key = False
        if pts is None:
            placed_pts, placed_dts = self._timeline.follow(Kind.VIDEO, self._step_ticks)
        else:
            placed_pts, placed_dts = self._timeline.place(Kind.VIDEO, pts, dts, self._step_ticks)
        step = placed_dts - self._last_dts
        if self._last_dts >= 0 and 1 < step <= MAX_STEP_TICKS:
            self._step_ticks = step
        self._last_dts = placed_dts
        self.pictures += 1
        units.append(
            AccessUnit(Kind.VIDEO, codec, placed_pts, placed_dts, is_key, data, self.track)
        )

    def _learn(self, sets: list[bytes], codec: Codec) -> None:
        """Keep the latest parameter sets of each type; a change makes a new Track."""
        fresh: dict[int, list[bytes]] = {}
        for nal in sets:
            known = fresh.setdefault(_set_order(nal[0], codec), [])
            if nal not in known:
                known.append(nal)
        if all(self._sets.get(order) == nals for order, nals in fresh.items()):
            return
        self._sets.update(fresh)
        flat = tuple(nal for _, nals in sorted(self._sets.items()) for nal in nals)
        parameters = self._read(flat, codec)
        if parameters is None:
            self.track = Track(Kind.VIDEO, codec, parameter_sets=flat)
            return
        self._is_interlaced = parameters.is_interlaced
        if parameters.frame_rate is not None and self._last_dts < 0:
            self._step_ticks = min(round(90_000 / parameters.frame_rate), MAX_STEP_TICKS)
        self.track = Track(
            Kind.VIDEO,
            codec,
            parameter_sets=flat,
            width=parameters.width,
            height=parameters.height,
            frame_rate=parameters.frame_rate,
        )

    def _read(self, sets: tuple[bytes, ...], codec: Codec) -> SequenceParameters | None:
        order = 1 if codec is Codec.H265 else 0
        for nal in sets:
            if codec is Codec.MPEG4 or _set_order(nal[0], codec) != order:
                continue
            try:
                return parse_sps(nal, codec)
            except MalformedBitstream:
                self.malformed += 1
        return None


def _set_order(first_byte: int, codec: Codec) -> int:
    """Where a parameter set stands in the order VPS, SPS, PPS (MPEG-4: as its start codes rise)."""
    if codec is Codec.H264:
        return (first_byte & 0x1F) - annexb.H264_SPS
    if codec is Codec.H265:
        return (first_byte >> 1 & 0x3F) - annexb.H265_VPS
    return {0xB0: 0, 0xB5: 1}.get(first_byte, 2 + first_byte)
