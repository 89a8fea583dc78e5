# cython: boundscheck=False, wraparound=False
"""Annex B byte streams: NAL units, pictures, key frames (H.264 and H.265 §B, ISO 14496-2 §6.2).

`NalScanner` does the work without Python objects; the functions below it are for Python callers.
Parameter sets are read in `sps.py`. Compiled as `_annexb` (types in `_annexb.pxd`).
"""

from typing import TYPE_CHECKING

from stream_relay.access_unit import Codec
from stream_relay.formats.twins import twin
from stream_relay.formats.units import CODECS

if TYPE_CHECKING:
    from stream_relay.formats.buffer import Buffer
else:
    Buffer = twin("buffer").Buffer

H264, H265, MPEG4 = 0, 1, 2
"""Codecs by their numbers in `units.py`."""

H264_IDR, H264_SEI, H264_SPS, H264_PPS, H264_AUD, H264_FILLER = 5, 6, 7, 8, 9, 12
H265_VPS, H265_SPS, H265_PPS, H265_AUD, H265_FILLER, H265_PREFIX_SEI = 32, 33, 34, 35, 38, 39
MPEG4_VOP = 0xB6

OTHER, SLICE, FIRST_SLICE, PARAMETERS, LEADING = 0, 1, 2, 3, 4
"""What a NAL unit is for finding pictures; LEADING can only stand before a picture's slices."""

SNIFFED_NALS = 4


class NalScanner:
    """Where NAL units begin in a run of bytes that may still grow, and which pictures they make.

    All positions are those in the run; whoever calls holds its bytes and passes them each time.
    """

    def __init__(self) -> None:
        self.count = 0
        """NAL units noted; the last may have no byte yet."""
        self.start = 0
        """Of the picture that `next_picture` found last: its bytes are `start` to `end`."""
        self.end = 0
        self.is_key = False
        self.has_slices = False
        """False only of the last picture: it leads the next frame."""
        self.first_nal = 0
        """Its NAL units by number, from here to `end_nal`."""
        self.end_nal = 0
        self.sets = 0
        """Parameter sets among them."""
        self._starts = Buffer()

    def clear(self) -> None:
        """Forget all."""
        self._starts.clear()
        self.count = 0
        self.rewind(0)

    def scan(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Note the NAL units whose start code lies whole between `start` and `end`."""
        position = self._starts.find_prefix(data, start, end)
        while position >= 0:
            if not self._starts.put(position + 3, 4):
                return
            self.count += 1
            position = self._starts.find_prefix(data, position + 3, end)

    def first(self, index: int) -> int:
        """Where this NAL unit has its first byte."""
        at = index * 4
        return (
            self._starts.data[at] << 24
            | self._starts.data[at + 1] << 16
            | self._starts.data[at + 2] << 8
            | self._starts.data[at + 3]
        )

    def end_of(self, data: bytes | bytearray, index: int, end: int) -> int:
        """The end of this NAL unit without trailing zeros, in a run that ends at `end`."""
        first = self.first(index)
        if index + 1 < self.count:
            end = self.first(index + 1) - 3
        while end > first and data[end - 1] == 0:
            end -= 1
        return end

    def shift(self, count: int) -> None:
        """The run has lost `count` bytes from its front, and nothing but whole NAL units."""
        kept = 0
        for index in range(self.count):
            first = self.first(index)
            if first > count:
                self._starts.set(kept * 4, first - count, 4)
                kept += 1
        self._starts.cut(kept * 4)
        self.count = kept

    def rewind(self, start: int) -> None:
        """Begin with the pictures anew, in a run that begins at `start`."""
        self.start = self.end = start
        self.first_nal = self.end_nal = 0

    def next_picture(self, data: bytes | bytearray, end: int, codec: int, split: bool) -> bool:
        """Find the next picture of the run that ends at `end`; pictures leave no gaps.

        `split` false keeps all slices in one picture: the two fields of interlaced video belong
        together. False when there is none, or no NAL unit at all.
        """
        found = False
        self.start = self.end
        self.first_nal = self.end_nal
        self.is_key = False
        self.has_slices = False
        self.sets = 0
        while self.end_nal < self.count:
            first = self.first(self.end_nal)
            if self.end_of(data, self.end_nal, end) > first:
                role = classify(data, first, end, codec)
                if self.has_slices and split and role >= FIRST_SLICE:
                    # A zero before 00 00 01 is the zero_byte of a picture's first start code.
                    self.end = first - 4 if data[first - 4] == 0 else first - 3
                    return True
                found = True
                if role == PARAMETERS:
                    self.sets += 1
                elif role == FIRST_SLICE or role == SLICE:
                    if not self.is_key:
                        self.is_key = starts_key(data, first, end, codec, self.sets > 0)
                    self.has_slices = True
            self.end_nal += 1
        self.end = end
        return found

    def is_set(self, data: bytes | bytearray, index: int, end: int, codec: int) -> bool:
        """Whether this NAL unit is a parameter set."""
        first = self.first(index)
        return first < end and classify(data, first, end, codec) == PARAMETERS

    def sniff(self, data: bytes | bytearray, end: int) -> int:
        """The number of the codec that the first NAL units prove; -1 when they prove nothing."""
        index = 0
        while index < self.count and index < SNIFFED_NALS:
            at = self.first(index)
            index += 1
            if at + 2 > end:
                return -1
            first = data[at]
            second = data[at + 1]
            if (first == 0x40 or first == 0x42) and second == 0x01:
                return H265
            if first & 0x9F == H264_SPS and is_h264_profile(second):
                return H264
            # A video object layer is told from an H.264 slice of low priority by what follows.
            if first == 0xB0 or (0x20 <= first <= 0x2F and self._has_vop(data, index, end)):
                return MPEG4
        return -1

    def _has_vop(self, data: bytes | bytearray, index: int, end: int) -> bool:
        for later in range(index, self.count):
            first = self.first(later)
            if first < end and data[first] == MPEG4_VOP:
                return True
        return False


def is_h264_profile(profile: int) -> bool:
    """Whether H.264 annexes A, F and G know this profile_idc."""
    if profile < 100:
        return profile in (44, 66, 77, 83, 86, 88)
    return profile in (100, 110, 118, 122, 128, 134, 144, 244)


def classify(data: bytes | bytearray, first: int, end: int, codec: int) -> int:
    """The role of the NAL unit at `first` in bytes that end at `end`."""
    if codec == H264:
        return classify_h264(data, first, end)
    if codec == H265:
        return classify_h265(data, first, end)
    return classify_mpeg4(data, first)


def classify_h264(data: bytes | bytearray, first: int, end: int) -> int:
    """The role of the H.264 NAL unit at `first` (H.264 §7.4.1.2.3)."""
    kind = data[first] & 0x1F
    if kind == 1 or kind == H264_IDR or kind == 2:
        return FIRST_SLICE if first + 1 < end and data[first + 1] & 0x80 else SLICE
    if kind == 3 or kind == 4:
        return SLICE
    if kind == H264_SPS or kind == H264_PPS:
        return PARAMETERS
    if kind == H264_AUD or kind == H264_SEI or 14 <= kind <= 18:
        return LEADING
    return OTHER


def classify_h265(data: bytes | bytearray, first: int, end: int) -> int:
    """The role of the H.265 NAL unit at `first` (H.265 §7.4.2.4.4)."""
    kind = data[first] >> 1 & 0x3F
    if kind < 32:
        return FIRST_SLICE if first + 2 < end and data[first + 2] & 0x80 else SLICE
    if kind <= H265_PPS:
        return PARAMETERS
    if kind == H265_AUD or kind == H265_PREFIX_SEI or 41 <= kind <= 44 or 48 <= kind <= 55:
        return LEADING
    return OTHER


def classify_mpeg4(data: bytes | bytearray, first: int) -> int:
    """The role of the MPEG-4 visual start code at `first` (ISO 14496-2 §6.2.1)."""
    code = data[first]
    if code == MPEG4_VOP:
        return FIRST_SLICE
    if code <= 0x2F or code == 0xB0 or code == 0xB5:
        return PARAMETERS
    if code == 0xB2 or code == 0xB3:
        return LEADING
    return OTHER


def starts_key(
    data: bytes | bytearray, first: int, end: int, codec: int, has_parameters: bool
) -> bool:
    """Whether the slice at `first` belongs to a picture where decoding can start.

    H.264: IDR, or an I slice right behind its own SPS (open-GOP encoders send no further IDR).
    """
    if codec == H265:
        return 16 <= (data[first] >> 1 & 0x3F) <= 23
    following = data[first + 1] if first + 1 < end else 0xFF
    if codec == MPEG4:
        return following >> 6 == 0
    if data[first] & 0x1F == H264_IDR:
        return True
    return has_parameters and (following & 0xF0 == 0xB0 or following == 0x88)


# --- for Python callers --------------------------------------------------------------------------


class Picture:
    """Where one picture lies inside a frame's bytes, and what stands in it."""

    __slots__ = ("end", "has_slices", "is_key", "parameter_sets", "start")

    def __init__(
        self, start: int, end: int, is_key: bool, has_slices: bool, parameter_sets: list[bytes]
    ) -> None:
        self.start = start
        self.end = end
        self.is_key = is_key
        self.has_slices = has_slices
        self.parameter_sets = parameter_sets


def nal_starts(data: bytes) -> list[int]:
    """The first byte of each NAL unit."""
    scanner = NalScanner()
    scanner.scan(data, 0, len(data))
    return [scanner.first(index) for index in range(scanner.count)]


def nal_spans(data: bytes) -> list[tuple[int, int]]:
    """(first byte, end) of each NAL unit, without start codes and trailing zeros."""
    scanner = NalScanner()
    scanner.scan(data, 0, len(data))
    spans = []
    for index in range(scanner.count):
        first, end = scanner.first(index), scanner.end_of(data, index, len(data))
        if end > first:
            spans.append((first, end))
    return spans


def split_nals(data: bytes) -> list[bytes]:
    """The NAL units without start codes."""
    return [data[first:end] for first, end in nal_spans(data)]


def split_pictures(data: bytes, codec: Codec, split: bool = True) -> list[Picture]:
    """The pictures of a frame's bytes; see `NalScanner.next_picture`."""
    scanner = NalScanner()
    scanner.scan(data, 0, len(data))
    number, size = CODECS.index(codec), len(data)
    pictures = []
    while scanner.next_picture(data, size, number, split):
        sets = []
        for index in range(scanner.first_nal, scanner.end_nal):
            end = scanner.end_of(data, index, size)
            if end > scanner.first(index) and scanner.is_set(data, index, size, number):
                sets.append(data[scanner.first(index) : end])
        pictures.append(
            Picture(scanner.start, scanner.end, scanner.is_key, scanner.has_slices, sets)
        )
    return pictures


def is_key(data: bytes, codec: Codec) -> bool:
    """Whether decoding can start at this access unit."""
    scanner = NalScanner()
    scanner.scan(data, 0, len(data))
    scanner.next_picture(data, len(data), CODECS.index(codec), False)
    return scanner.is_key


def sniff_video(data: bytes) -> Codec | None:
    """The codec that the first NAL units prove, None when they prove nothing."""
    scanner = NalScanner()
    scanner.scan(data, 0, len(data))
    found = scanner.sniff(data, len(data))
    return CODECS[found] if found >= 0 else None


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
