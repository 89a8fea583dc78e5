"""FLV (Adobe FLV 10.1 annex E, Enhanced RTMP v1): one tag per access unit, for all readers.

H.264 as the specification says; H.265 by FourCC `hvc1` (what FFmpeg and VLC read), or under the
unofficial codec id 12 that older Chinese players expect. G.711 and AAC audio. Compiled as `_flv`.
"""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats.decoder_config import build_avcc, build_hvcc
from stream_relay.formats.twins import twin
from stream_relay.formats.units import CODECS

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
    from stream_relay.formats.length_prefix import LengthPrefixer
else:
    Buffer = twin("buffer").Buffer
    LengthPrefixer = twin("length_prefix").LengthPrefixer

H264, H265, G711A, G711U, AAC = 0, 1, 4, 5, 6
"""Codecs by their numbers in `units.py`."""

AUDIO_TAG, VIDEO_TAG, SCRIPT_TAG = 8, 9, 18
TAG_HEAD_BYTES, TAG_TAIL_BYTES = 11, 4
MAX_BODY_BYTES = 0xFFFFFF
"""The size field of a tag has 24 bits."""

H264_ID, H265_LEGACY_ID = 7, 12
H265_FOURCC = 0x68766331
SEQUENCE_START, CODED_FRAMES = 0, 1
KEY_FRAME, INTER_FRAME = 0x10, 0x20
VIDEO_HEAD_BYTES = 8
"""At most: flags, FourCC, composition time."""

TICKS_PER_MS = 90

G711A_SOUND, G711U_SOUND, AAC_SOUND = 0x72, 0x82, 0xAF
"""First byte of an audio tag: format, rate, 16 bit; G.711 is 8 kHz mono whatever the rate says."""

SOUND = {Codec.G711A: G711A_SOUND, Codec.G711U: G711U_SOUND, Codec.AAC: AAC_SOUND}

H265Flavour = Literal["enhanced", "legacy"]


class FlvMuxer:
    """Writes the tags of one stream; what FLV cannot carry gives no bytes."""

    def __init__(self, h265: H265Flavour = "enhanced") -> None:
        self._is_legacy = h265 == "legacy"
        self._pictures = LengthPrefixer()
        self._scratch = Buffer()

    def write_tag(
        self,
        codec: int,
        pts: int,
        dts: int,
        is_key: bool,
        data: bytes | bytearray,
        start: int,
        end: int,
        out: Buffer,
    ) -> bool:
        """Add one access unit, stamps in 90 kHz ticks, as a tag to `out`.

        False, with nothing added, for a codec or a size that FLV cannot carry, or when memory is
        short.
        """
        sound = self._sound(codec)
        if not sound and codec != H264 and codec != H265:
            return False
        begin = out.size
        room = TAG_HEAD_BYTES + VIDEO_HEAD_BYTES + TAG_TAIL_BYTES
        if not out.reserve(begin + room + self._pictures.room(start, end)):
            return False
        if sound:
            self._begin_tag(AUDIO_TAG, dts, out)
            out.put(sound, 1)
            if codec == AAC:
                out.put(1, 1)
            out.append(data, start, end)
        else:
            self._begin_tag(VIDEO_TAG, dts, out)
            self._write_video_head(codec, pts, dts, is_key, out)
            self._pictures.write(codec, data, start, end, out)
        return self._end_tag(begin, out)

    def _sound(self, codec: int) -> int:
        """The first byte of this codec's audio tags, 0 if it is no sound for FLV."""
        if codec == G711A:
            return G711A_SOUND
        if codec == G711U:
            return G711U_SOUND
        return AAC_SOUND if codec == AAC else 0

    def _write_video_head(self, codec: int, pts: int, dts: int, is_key: bool, out: Buffer) -> None:
        frame = KEY_FRAME if is_key else INTER_FRAME
        if codec == H264:
            out.put((frame | H264_ID) << 8 | 1, 2)
        elif self._is_legacy:
            out.put((frame | H265_LEGACY_ID) << 8 | 1, 2)
        else:
            out.put(0x80 | frame | CODED_FRAMES, 1)
            out.put(H265_FOURCC, 4)
        out.put(pts // TICKS_PER_MS - dts // TICKS_PER_MS, 3)

    def _begin_tag(self, kind: int, dts: int, out: Buffer) -> None:
        """The head of a tag whose size follows; the stamp is 32-bit milliseconds and wraps."""
        stamp = dts // TICKS_PER_MS
        out.put(kind, 1)
        out.put(0, 3)
        out.put(stamp, 3)
        out.put(stamp >> 24, 1)
        out.put(0, 3)

    def _end_tag(self, begin: int, out: Buffer) -> bool:
        """Close the tag that began there with its PreviousTagSize; false takes it back."""
        size = out.size - begin - TAG_HEAD_BYTES
        if size > MAX_BODY_BYTES:
            out.cut(begin)
            return False
        out.set(begin + 1, size, 3)
        out.put(size + TAG_HEAD_BYTES, TAG_TAIL_BYTES)
        return True

    # With Python objects, once per reader or change of tracks.

    def header(self, tracks: Sequence[Track], dts_ticks: int = 0) -> bytes:
        """What a reader needs before its first tag, which will be at about `dts_ticks`.

        Raises Unsupported when FLV can carry none of the tracks.
        """
        carried = [track for track in tracks if self.carries(track.codec)]
        if not carried:
            raise Unsupported("/".join(track.codec for track in tracks) + " in FLV")
        flags = 0
        for track in carried:
            flags |= 1 if track.kind is Kind.VIDEO else 4
        head = b"FLV\x01" + bytes((flags,)) + (9).to_bytes(4, "big") + bytes(4)
        script = self._tag(SCRIPT_TAG, dts_ticks, self._metadata(carried))
        return head + script + self.configuration(carried, dts_ticks)

    def carries(self, codec: Codec) -> bool:
        """Whether FLV has a place for this codec."""
        return codec in (Codec.H264, Codec.H265) or codec in SOUND

    def configuration(self, tracks: Sequence[Track], dts_ticks: int) -> bytes:
        """The sequence headers of these tracks, also for a track that changed in mid-stream."""
        parts = []
        for track in tracks:
            if track.codec is Codec.H264:
                body = bytes((KEY_FRAME | H264_ID, 0, 0, 0, 0)) + build_avcc(track)
                parts.append(self._tag(VIDEO_TAG, dts_ticks, body))
            elif track.codec is Codec.H265:
                if self._is_legacy:
                    body = bytes((KEY_FRAME | H265_LEGACY_ID, 0, 0, 0, 0)) + build_hvcc(track)
                else:
                    body = bytes((0x80 | KEY_FRAME | SEQUENCE_START,)) + H265_FOURCC.to_bytes(
                        4, "big"
                    )
                    body += build_hvcc(track)
                parts.append(self._tag(VIDEO_TAG, dts_ticks, body))
            elif track.codec is Codec.AAC:
                body = bytes((SOUND[Codec.AAC], 0)) + track.audio_config
                parts.append(self._tag(AUDIO_TAG, dts_ticks, body))
        return b"".join(parts)

    def tag(self, unit: AccessUnit) -> bytes:
        """One access unit as a tag; b"" for a codec that FLV cannot carry."""
        codec, data = CODECS.index(unit.codec), unit.data
        self._scratch.clear()
        self.write_tag(
            codec, unit.pts_ticks, unit.dts_ticks, unit.is_key, data, 0, len(data), self._scratch
        )
        return self._scratch.get()

    def _tag(self, kind: int, dts_ticks: int, body: bytes) -> bytes:
        self._scratch.clear()
        self._begin_tag(kind, dts_ticks, self._scratch)
        self._scratch.append(body, 0, len(body))
        self._end_tag(0, self._scratch)
        return self._scratch.get()

    def _metadata(self, tracks: Sequence[Track]) -> bytes:
        """An onMetaData script with what players show before they decode."""
        values: dict[str, float] = {}
        for track in tracks:
            if track.kind is Kind.VIDEO:
                values["width"] = track.width
                values["height"] = track.height
                if track.frame_rate is not None:
                    values["framerate"] = track.frame_rate
                values["videocodecid"] = self._video_id(track.codec)
            else:
                values["audiocodecid"] = SOUND[track.codec] >> 4
                values["audiosamplerate"] = track.sample_rate
        body = b"\x02" + _text("onMetaData") + b"\x08" + len(values).to_bytes(4, "big")
        for name, value in values.items():
            body += _text(name) + b"\x00" + struct.pack(">d", value)
        return body + b"\x00\x00\x09"

    def _video_id(self, codec: Codec) -> int:
        if codec is Codec.H264:
            return H264_ID
        return H265_LEGACY_ID if self._is_legacy else H265_FOURCC


def _text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()
