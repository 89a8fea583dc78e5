"""Access units into an MPEG program stream as cameras send it (GB/T 28181-2022 annex C, F).

One frame is one pack; a key frame's pack carries system header and stream map. Used by the
simulator; written strictly by the standard so that other platforms take it too.
"""

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.errors import Unsupported
from stream_relay.formats import aac
from stream_relay.formats.pes import MAX_PES_BYTES, build_pack, build_pes_header
from stream_relay.formats.stream_map import build_stream_map

VIDEO_ID, AUDIO_ID = 0xE0, 0xC0
STREAM_TYPES = {
    Codec.MPEG4: 0x10,
    Codec.H264: 0x1B,
    Codec.H265: 0x24,
    Codec.SVAC: 0x80,
    Codec.G711A: 0x90,
    Codec.G711U: 0x91,
    Codec.AAC: 0x0F,
}
SYSTEM_HEADER = bytes.fromhex("000001BB000C9E847F04E17FE0E080C0C020")
"""One video stream E0 and one audio stream C0, as gb28181 §6.3 shows it."""
MUX_RATE = 999_999
PES_HEADER_ROOM = 13
"""Bytes that count into the PES length besides the payload: 3 fixed, PTS and DTS."""


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
        self._types: dict[int, int] = {}
        for stream, codec in ((VIDEO_ID, video), (AUDIO_ID, audio)):
            if codec is None:
                continue
            if codec not in STREAM_TYPES:
                raise Unsupported(f"{codec} in a program stream")
            self._types[stream] = STREAM_TYPES[codec]
        self._with_map = with_map
        self._max_payload = max_pes_bytes - PES_HEADER_ROOM

    def mux(self, unit: AccessUnit) -> bytes:
        """The pack of this unit; times are taken as they are, modulo 33 bits."""
        is_video = unit.track is Kind.VIDEO
        parts = [build_pack(unit.dts_ticks, MUX_RATE)]
        if is_video and unit.is_key and self._with_map:
            parts += [SYSTEM_HEADER, build_stream_map(self._types)]
        data = unit.data
        if unit.codec is Codec.AAC and unit.description is not None:
            data = aac.build_adts(data, unit.description.audio_config)
        pts: int | None = unit.pts_ticks & (1 << 33) - 1
        dts = unit.dts_ticks & (1 << 33) - 1 if unit.dts_ticks != unit.pts_ticks else None
        stream = VIDEO_ID if is_video else AUDIO_ID
        for start in range(0, len(data), self._max_payload):
            piece = data[start : start + self._max_payload]
            parts += [build_pes_header(stream, len(piece), pts, dts), piece]
            pts = dts = None
        return b"".join(parts)
