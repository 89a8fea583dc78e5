# cython: boundscheck=False, wraparound=False
"""Annex B byte streams: NAL units, pictures, key frames (H.264 and H.265 §B, ISO 14496-2 §6.2).

Works on whole frames; never copies a byte that it does not hand out. Parameter sets are read in
`sps.py`. Compiled as `_annexb` (types in `_annexb.pxd`).
"""

from stream_relay.access_unit import Codec

IS_COMPILED = __name__.endswith("._annexb")
START = b"\x00\x00\x01"
LONG_START = b"\x00\x00\x00\x01"

H264_IDR, H264_SEI, H264_SPS, H264_PPS, H264_AUD, H264_FILLER = 5, 6, 7, 8, 9, 12
H265_VPS, H265_SPS, H265_PPS, H265_AUD, H265_FILLER, H265_PREFIX_SEI = 32, 33, 34, 35, 38, 39

OTHER, SLICE, FIRST_SLICE, PARAMETERS, LEADING = 0, 1, 2, 3, 4
"""What a NAL unit is for finding pictures; LEADING can only stand before a picture's slices."""

SNIFFED_NALS = 4
H264_PROFILES = frozenset((44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 134, 144, 244))


class Picture:
    """Where one picture lies inside a frame's bytes, and what stands in it."""

    __slots__ = ("end", "has_slices", "is_key", "parameter_sets", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self.is_key = False
        self.has_slices = False
        self.parameter_sets: list[bytes] = []


def find_start(data: bytes, position: int) -> int:
    """Where the next 00 00 01 begins, -1 when there is none.

    Compiled, a loop that looks at every third byte is twice as fast as the library's search;
    interpreted, the library's search is.
    """
    if not IS_COMPILED:
        return data.find(START, position)
    last = len(data) - 3
    while position <= last:
        byte = data[position + 2]
        if byte > 1:
            position += 3
        elif byte == 0:
            position += 1
        elif data[position] == 0 and data[position + 1] == 0:
            return position
        else:
            position += 3
    return -1


def nal_starts(data: bytes) -> list[int]:
    """The first byte of each NAL unit."""
    starts = []
    position = find_start(data, 0)
    while position >= 0:
        starts.append(position + 3)
        position = find_start(data, position + 3)
    return starts


def nal_spans(data: bytes, starts: list[int] | None = None) -> list[tuple[int, int]]:
    """(first byte, end) of each NAL unit, without start codes and trailing zeros."""
    if starts is None:
        starts = nal_starts(data)
    spans = []
    end = len(data)
    for first in reversed(starts):
        following = first - 3
        while end > first and data[end - 1] == 0:
            end -= 1
        if end > first:
            spans.append((first, end))
        end = following
    spans.reverse()
    return spans


def split_nals(data: bytes) -> list[bytes]:
    """The NAL units without start codes."""
    return [data[first:end] for first, end in nal_spans(data)]


def classify_h264(data: bytes, first: int) -> int:
    """The role of the H.264 NAL unit at `first` (H.264 §7.4.1.2.3)."""
    kind = data[first] & 0x1F
    if kind == 1 or kind == H264_IDR or kind == 2:
        starts = first + 1 < len(data) and data[first + 1] & 0x80
        return FIRST_SLICE if starts else SLICE
    if kind == 3 or kind == 4:
        return SLICE
    if kind == H264_SPS or kind == H264_PPS:
        return PARAMETERS
    if kind == H264_AUD or kind == H264_SEI or 14 <= kind <= 18:
        return LEADING
    return OTHER


def classify_h265(data: bytes, first: int) -> int:
    """The role of the H.265 NAL unit at `first` (H.265 §7.4.2.4.4)."""
    kind = data[first] >> 1 & 0x3F
    if kind < 32:
        starts = first + 2 < len(data) and data[first + 2] & 0x80
        return FIRST_SLICE if starts else SLICE
    if kind <= H265_PPS:
        return PARAMETERS
    if kind == H265_AUD or kind == H265_PREFIX_SEI or 41 <= kind <= 44 or 48 <= kind <= 55:
        return LEADING
    return OTHER


def classify_mpeg4(data: bytes, first: int) -> int:
    """The role of the MPEG-4 visual start code at `first` (ISO 14496-2 §6.2.1)."""
    code = data[first]
    if code == 0xB6:
        return FIRST_SLICE
    if code <= 0x2F or code == 0xB0 or code == 0xB5:
        return PARAMETERS
    if code == 0xB2 or code == 0xB3:
        return LEADING
    return OTHER


def starts_key(data: bytes, first: int, codec: Codec, has_parameters: bool) -> bool:
    """Whether the slice at `first` belongs to a picture where decoding can start.

    H.264: IDR, or an I slice right behind its own SPS (open-GOP encoders send no further IDR).
    """
    if codec == Codec.H265:
        return 16 <= (data[first] >> 1 & 0x3F) <= 23
    following = data[first + 1] if first + 1 < len(data) else 0xFF
    if codec == Codec.MPEG4:
        return following >> 6 == 0
    if data[first] & 0x1F == H264_IDR:
        return True
    return has_parameters and (following & 0xF0 == 0xB0 or following == 0x88)


def split_pictures(
    data: bytes, codec: Codec, split: bool = True, starts: list[int] | None = None
) -> list[Picture]:
    """The pictures of a frame's bytes, in order and without gaps; `starts` as of `nal_starts`.

    `split` false keeps all slices in one picture: the two fields of interlaced video belong
    together. The last picture may hold no slices: it leads the next frame.
    """
    pictures: list[Picture] = []
    picture = Picture(0)
    spans = nal_spans(data, starts)
    for first, end in spans:
        if codec == Codec.H264:
            role = classify_h264(data, first)
        elif codec == Codec.H265:
            role = classify_h265(data, first)
        else:
            role = classify_mpeg4(data, first)
        if picture.has_slices and split and role >= FIRST_SLICE:
            # The byte before 00 00 01 is the zero_byte of a picture's first start code.
            boundary = first - 4 if data[first - 4] == 0 else first - 3
            picture.end = boundary
            pictures.append(picture)
            picture = Picture(boundary)
        if role == PARAMETERS:
            picture.parameter_sets.append(data[first:end])
        elif role == FIRST_SLICE or role == SLICE:
            if not picture.has_slices or not picture.is_key:
                has_parameters = len(picture.parameter_sets) > 0
                picture.is_key = starts_key(data, first, codec, has_parameters)
            picture.has_slices = True
    if spans:
        picture.end = len(data)
        pictures.append(picture)
    return pictures


def is_key(data: bytes, codec: Codec) -> bool:
    """Whether decoding can start at this access unit."""
    return any(picture.is_key for picture in split_pictures(data, codec, False))


def sniff_video(data: bytes) -> Codec | None:
    """The codec that the first NAL units prove, None when they prove nothing."""
    position = find_start(data, 0)
    for _ in range(SNIFFED_NALS):
        if position < 0 or position + 5 > len(data):
            return None
        first, second = data[position + 3], data[position + 4]
        if (first == 0x40 or first == 0x42) and second == 0x01:
            return Codec.H265
        if first & 0x9F == H264_SPS and second in H264_PROFILES:
            return Codec.H264
        if first == 0xB0 or 0x20 <= first <= 0x2F and data[position + 3 :].find(b"\x01\xb6") > 0:
            return Codec.MPEG4
        position = find_start(data, position + 3)
    return None


def is_carried_outside(nal_first_byte: int, codec: Codec) -> bool:
    """NAL units that containers keep in their header or do without: parameter sets, AUD, filler."""
    if codec == Codec.H264:
        kind = nal_first_byte & 0x1F
        return H264_SPS <= kind <= H264_AUD or kind == H264_FILLER
    kind = nal_first_byte >> 1 & 0x3F
    return H265_VPS <= kind <= H265_AUD or kind == H265_FILLER


def to_length_prefixed(data: bytes, codec: Codec) -> bytes:
    """The picture as ISO 14496-15 wants it: 4-byte lengths, parameter sets left out."""
    parts = []
    for first, end in nal_spans(data):
        if not is_carried_outside(data[first], codec):
            parts.append((end - first).to_bytes(4, "big"))
            parts.append(data[first:end])
    return b"".join(parts)
