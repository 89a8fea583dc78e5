# cython: boundscheck=False, wraparound=False
"""Access units into an MPEG program stream (GB/T 28181-2022 annex C, F): one pack per unit.

Written strictly by the standard, so that other platforms take it. The simulator's cameras use it
and the output that goes to other platforms. Compiled as `_ps_mux`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import MalformedBitstream, Unsupported
from stream_relay.formats.aac import adts_head
from stream_relay.formats.stream_map import build_stream_map
from stream_relay.formats.twins import twin
from stream_relay.formats.units import CODECS, KINDS

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.pes import PesWriter
else:
    Buffer = twin("buffer").Buffer
    PesWriter = twin("pes").PesWriter

VIDEO, AUDIO = 0, 1
H264, H265, AAC, NO_CODEC = 0, 1, 6, -1
"""Kinds and codecs by their numbers in `units.py`."""
VIDEO_ID, AUDIO_ID = 0xE0, 0xC0
STREAM_TYPES = {
    Codec.MPEG4: 0x10,
    Codec.H264: 0x1B,
    Codec.H265: 0x24,
    Codec.SVAC: 0x80,
    Codec.G711A: 0x90,
    Codec.G711U: 0x91,
    Codec.G722_1: 0x92,
    Codec.AAC: 0x0F,
}
MUX_RATE = 999_999
STAMP_MASK = (1 << 33) - 1
NO_STAMP = -1
PACK_BYTES, PES_HEADER_BYTES = 14, 19
PES_HEADER_ROOM = 13
"""Bytes that count into the PES length besides the payload: 3 fixed, PTS and DTS."""
MAX_PES_BYTES = 0xFFFF
ADTS_BYTES, ADTS_LENGTH_SHIFT, MAX_ADTS_BYTES = 7, 13, 0x1FFF
MAP_EVERY_TICKS = 90_000
"""Without pictures there are no key frames to carry the map: who joins learns it in a second."""
START = b"\0\0\0\1"


def build_system_header(has_video: bool, has_audio: bool) -> bytes:
    """At most one video stream E0 and one audio stream C0, as gb28181 §6.3 shows it."""
    streams = (b"\xe0\xe0\x80" if has_video else b"") + (b"\xc0\xc0\x20" if has_audio else b"")
    bounds = bytes((has_audio << 2, 0xE0 | has_video, 0x7F))
    body = (1 << 23 | MUX_RATE << 1 | 1).to_bytes(3, "big") + bounds + streams
    return b"\x00\x00\x01\xbb" + len(body).to_bytes(2, "big") + body


class PsMuxer:
    """One program stream; `with_map` false leaves the stream map out, as some devices do."""

    def __init__(
        self,
        video: Codec | None = Codec.H264,
        audio: Codec | None = None,
        *,
        with_map: bool = True,
        max_pes_bytes: int = MAX_PES_BYTES,
    ) -> None:
        self._with_map = with_map
        self._max_payload = max_pes_bytes - PES_HEADER_ROOM
        self._version = 0
        self._is_map_due = True
        self._head = Buffer()
        self._sets = Buffer()
        self._scratch = Buffer()
        self._pes = PesWriter()
        kinds = ((Kind.VIDEO, video), (Kind.AUDIO, audio))
        self.describe([Track(kind, codec) for kind, codec in kinds if codec is not None])

    def describe(self, tracks: Sequence[Track]) -> None:
        """What follows has these tracks, one of a kind at most; the next pack brings a new map.

        Raises `Unsupported` when one of them has no place in a program stream.
        """
        for track in tracks:
            if not can_carry(track):
                raise Unsupported(f"{track.codec} in a program stream")
        ids = {VIDEO_ID if track.kind is Kind.VIDEO else AUDIO_ID: track for track in tracks}
        types = {stream: STREAM_TYPES[track.codec] for stream, track in ids.items()}
        if not self._is_map_due:  # somebody knows the one before
            self._version = self._version + 1 & 0x1F
        head = build_system_header(VIDEO_ID in ids, AUDIO_ID in ids)
        head += build_stream_map(types, self._version)
        self._video = self._audio = NO_CODEC
        self._adts = 0
        sets = b""
        for track in tracks:
            codec = CODECS.index(track.codec)
            if track.kind is Kind.VIDEO:
                self._video = codec
                has_units = codec in (H264, H265)
                sets = b"".join(START + unit for unit in track.parameter_sets) if has_units else b""
            else:
                self._audio = codec
                self._adts = adts_head(track.audio_config) if track.audio_config else 0
        self._head.clear()
        self._sets.clear()
        if not (self._head.append(head, 0, len(head)) and self._sets.append(sets, 0, len(sets))):
            raise MemoryError("the head of a program stream")
        self._is_map_due = True
        self._map_dts = 0

    # Without the GIL.

    def carries(self, kind: int, codec: int) -> bool:
        """Whether units of this kind and codec belong to the tracks described."""
        return codec == (self._video if kind == VIDEO else self._audio)

    def write(
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
    ) -> bool:
        """Add the pack of a unit; false, with nothing added, for an empty one or short memory.

        Stamps are taken modulo 33 bits. A key frame that brings no parameter sets gets those of
        its track, AAC its ADTS header.
        """
        count = (end - start + self._sets.size) // self._max_payload + 2
        room = PACK_BYTES + self._head.size + self._sets.size + ADTS_BYTES
        room += count * PES_HEADER_BYTES + end - start
        if end <= start or not out.reserve(out.size + room):
            return False
        place = -1
        if codec == AAC and kind != VIDEO:
            if self._adts == 0 or end - start + ADTS_BYTES > MAX_ADTS_BYTES:
                return False
            place = start
        elif kind == VIDEO and is_key and self._sets.size > 0:
            place = self._place_of_sets(codec, data, start, end)
        if place >= 0 and not self._complete(kind, data, start, end, place):
            return False
        self._write_head(kind, dts, is_key, out)
        stream = VIDEO_ID if kind == VIDEO else AUDIO_ID
        first = pts & STAMP_MASK
        second = NO_STAMP if dts == pts else dts & STAMP_MASK
        if place >= 0:
            size = self._scratch.size
            self._pes.put_packets(
                stream, first, second, self._scratch.data, 0, size, self._max_payload, out
            )
        else:
            self._pes.put_packets(stream, first, second, data, start, end, self._max_payload, out)
        return True

    def _write_head(self, kind: int, dts: int, is_key: bool, out: Buffer) -> None:
        """Pack header, and before what decoding can start with system header and map."""
        self._pes.put_pack(dts, MUX_RATE, out)
        since = dts - self._map_dts
        if self._video == NO_CODEC and (since < 0 or since >= MAP_EVERY_TICKS):
            self._is_map_due = True
        if self._with_map and (self._is_map_due or (kind == VIDEO and is_key)):
            out.append(self._head.data, 0, self._head.size)
            self._is_map_due = False
            self._map_dts = dts

    def _complete(
        self, kind: int, data: bytes | bytearray, start: int, end: int, place: int
    ) -> bool:
        """Put together in `_scratch` what is sent instead of the unit as it is."""
        self._scratch.clear()
        if not self._scratch.reserve(end - start + self._sets.size + ADTS_BYTES):
            return False
        self._scratch.append(data, start, place)
        if kind == VIDEO:
            self._scratch.append(self._sets.data, 0, self._sets.size)
        else:
            head = self._adts | (end - start + ADTS_BYTES) << ADTS_LENGTH_SHIFT
            self._scratch.put(head, ADTS_BYTES)
        return self._scratch.append(data, place, end)

    def _place_of_sets(self, codec: int, data: bytes | bytearray, start: int, end: int) -> int:
        """Where the parameter sets are missing, behind the delimiter; -1: the unit has its own."""
        place = start
        position = self._scratch.find_prefix(data, start, end)
        while position >= 0 and position + 3 < end:
            following = self._scratch.find_prefix(data, position + 3, end)
            first = data[position + 3]
            unit = first >> 1 & 0x3F if codec == H265 else first & 0x1F
            if unit == (33 if codec == H265 else 7):
                return -1
            if unit == (35 if codec == H265 else 9) and following > 0:
                place = following - 1 if data[following - 1] == 0 else following
            elif unit <= 31 if codec == H265 else 1 <= unit <= 5:
                return place
            position = following
        return place

    # For Python callers.

    def mux(self, unit: AccessUnit) -> bytes:
        """The pack of this unit; b"" for an empty one. Raises MemoryError."""
        kind, codec = KINDS.index(unit.track), CODECS.index(unit.codec)
        if unit.codec is Codec.AAC and unit.description is not None:
            self._adts = adts_head(unit.description.audio_config)
        out, data = Buffer(), unit.data
        self.write(
            kind, codec, unit.pts_ticks, unit.dts_ticks, unit.is_key, data, 0, len(data), out
        )
        return out.get()


def can_carry(track: Track) -> bool:
    """Whether a program stream has a place for this track."""
    if track.codec is Codec.AAC and track.audio_config:
        try:
            adts_head(track.audio_config)
        except MalformedBitstream:
            return False
    return track.codec in STREAM_TYPES
