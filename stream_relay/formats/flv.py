"""FLV (Adobe FLV 10.1 annex E, Enhanced RTMP v1): one tag per access unit, for all readers.

H.264 as the specification says; H.265 by FourCC `hvc1` (what FFmpeg and VLC read), or under the
unofficial codec id 12 that older Chinese players expect. G.711 and AAC audio.
"""

import struct
from collections.abc import Sequence
from typing import Literal

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats import to_length_prefixed
from stream_relay.formats.decoder_config import build_avcc, build_hvcc

AUDIO_TAG, VIDEO_TAG, SCRIPT_TAG = 8, 9, 18
H264_ID, H265_LEGACY_ID = 7, 12
H265_FOURCC = b"hvc1"
SEQUENCE_START, CODED_FRAMES = 0, 1
KEY_FRAME, INTER_FRAME = 0x10, 0x20
TICKS_PER_MS = 90

SOUND = {Codec.G711A: 0x72, Codec.G711U: 0x82, Codec.AAC: 0xAF}
"""First byte of an audio tag: format, rate, 16 bit; G.711 is 8 kHz mono whatever the rate says."""

H265Flavour = Literal["enhanced", "legacy"]


class FlvMuxer:
    """Writes the tags of one stream; what FLV cannot carry gives no bytes."""

    def __init__(self, h265: H265Flavour = "enhanced") -> None:
        self._is_legacy = h265 == "legacy"

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
        script = _tag(SCRIPT_TAG, dts_ticks, self._metadata(carried))
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
                parts.append(_tag(VIDEO_TAG, dts_ticks, body))
            elif track.codec is Codec.H265:
                if self._is_legacy:
                    body = bytes((KEY_FRAME | H265_LEGACY_ID, 0, 0, 0, 0)) + build_hvcc(track)
                else:
                    body = bytes((0x80 | KEY_FRAME | SEQUENCE_START,)) + H265_FOURCC
                    body += build_hvcc(track)
                parts.append(_tag(VIDEO_TAG, dts_ticks, body))
            elif track.codec is Codec.AAC:
                body = bytes((SOUND[Codec.AAC], 0)) + track.audio_config
                parts.append(_tag(AUDIO_TAG, dts_ticks, body))
        return b"".join(parts)

    def tag(self, unit: AccessUnit) -> bytes:
        """One access unit as a tag; b"" for a codec that FLV cannot carry."""
        if unit.codec in SOUND:
            head = bytes((SOUND[unit.codec],))
            if unit.codec is Codec.AAC:
                head += b"\x01"
            return _tag(AUDIO_TAG, unit.dts_ticks, head + unit.data)
        if unit.codec not in (Codec.H264, Codec.H265):
            return b""
        frame = KEY_FRAME if unit.is_key else INTER_FRAME
        delay = unit.pts_ticks // TICKS_PER_MS - unit.dts_ticks // TICKS_PER_MS
        if unit.codec is Codec.H264:
            head = bytes((frame | H264_ID, 1))
        elif self._is_legacy:
            head = bytes((frame | H265_LEGACY_ID, 1))
        else:
            head = bytes((0x80 | frame | CODED_FRAMES,)) + H265_FOURCC
        head += (delay & 0xFFFFFF).to_bytes(3, "big")
        return _tag(VIDEO_TAG, unit.dts_ticks, head + to_length_prefixed(unit.data, unit.codec))

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
        return H265_LEGACY_ID if self._is_legacy else int.from_bytes(H265_FOURCC, "big")


def _text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def _tag(kind: int, dts_ticks: int, body: bytes) -> bytes:
    """A tag and its PreviousTagSize; the time stamp is 32-bit milliseconds and wraps."""
    stamp = dts_ticks // TICKS_PER_MS & 0xFFFFFFFF
    head = bytes((kind,)) + len(body).to_bytes(3, "big")
    head += (stamp & 0xFFFFFF).to_bytes(3, "big") + bytes((stamp >> 24, 0, 0, 0))
    return head + body + (len(head) + len(body)).to_bytes(4, "big")
