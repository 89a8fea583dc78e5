"""Sequence parameter sets of H.264 (§7.3.2.1.1) and H.265 (§7.3.2.2): size, rate, profile."""

from dataclasses import dataclass

from stream_relay.access_unit import Codec
from stream_relay.errors import MalformedBitstream
from stream_relay.formats.bits import BitReader

MAX_DIMENSION = 16_384
H264_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
SUB_SAMPLING = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
"""chroma_format_idc to (SubWidthC, SubHeightC)."""


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """What a container must say about the video."""

    width: int
    height: int
    frame_rate: float | None
    profile: int
    level: int
    compatibility: int
    """H.264: constraint_set flags byte; H.265: general_profile_compatibility_flags, 32 bits."""
    chroma_format: int = 1
    bit_depth_luma: int = 8
    bit_depth_chroma: int = 8
    is_interlaced: bool = False
    """H.264: pictures may be fields."""
    profile_space: int = 0
    tier: int = 0
    constraints: int = 0
    """H.265: the 48 general constraint flags."""
    temporal_layers: int = 1
    temporal_nesting: bool = True


def parse_sps(nal: bytes, codec: Codec) -> SequenceParameters:
    """Read a sequence parameter set NAL unit; raises MalformedBitstream."""
    if codec == Codec.H264:
        return _parse_h264(nal)
    if codec == Codec.H265:
        return _parse_h265(nal)
    raise MalformedBitstream("an H.264 or H.265 parameter set", 0, nal)


def _checked(width: int, height: int, nal: bytes) -> tuple[int, int]:
    if not (0 < width <= MAX_DIMENSION and 0 < height <= MAX_DIMENSION):
        raise MalformedBitstream(f"a picture size up to {MAX_DIMENSION}", 0, nal)
    return width, height


def _rate(numerator: int, denominator: int) -> float | None:
    if numerator == 0 or denominator == 0:
        return None
    rate = numerator / denominator
    return rate if 0 < rate <= 1000 else None


# --- H.264 ---------------------------------------------------------------------------------------


def _parse_h264(nal: bytes) -> SequenceParameters:
    if len(nal) < 4 or nal[0] & 0x1F != 7:
        raise MalformedBitstream("an H.264 SPS", 0, nal)
    profile, compatibility, level = nal[1], nal[2], nal[3]
    bits = BitReader(nal, 4)
    bits.bounded(31, "seq_parameter_set_id")
    chroma, luma_depth, chroma_depth, planes = 1, 8, 8, False
    if profile in H264_HIGH_PROFILES:
        chroma, luma_depth, chroma_depth, planes = _h264_chroma(bits)
    _h264_order(bits)
    bits.unsigned()  # max_num_ref_frames
    bits.flag()
    width = (bits.bounded(MAX_DIMENSION // 16, "width in macroblocks") + 1) * 16
    map_units = bits.bounded(MAX_DIMENSION // 16, "height in macroblocks") + 1
    frames_only = bits.flag()
    height = map_units * 16 * (1 if frames_only else 2)
    if not frames_only:
        bits.flag()
    bits.flag()  # direct_8x8_inference
    if bits.flag():
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        sub_width, sub_height = SUB_SAMPLING[0 if planes else chroma]
        width -= (left + right) * sub_width
        height -= (top + bottom) * sub_height * (1 if frames_only else 2)
    width, height = _checked(width, height, nal)
    return SequenceParameters(
        width=width,
        height=height,
        frame_rate=_h264_vui_rate(bits) if bits.flag() else None,
        profile=profile,
        level=level,
        compatibility=compatibility,
        chroma_format=chroma,
        bit_depth_luma=luma_depth,
        bit_depth_chroma=chroma_depth,
        is_interlaced=not frames_only,
    )


def _h264_chroma(bits: BitReader) -> tuple[int, int, int, bool]:
    chroma = bits.bounded(3, "chroma_format_idc")
    planes = bits.flag() if chroma == 3 else False
    luma_depth = 8 + bits.bounded(6, "bit_depth_luma_minus8")
    chroma_depth = 8 + bits.bounded(6, "bit_depth_chroma_minus8")
    bits.flag()
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma, luma_depth, chroma_depth, planes


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) & 0xFF
        last = following or last


def _h264_order(bits: BitReader) -> None:
    bits.unsigned()  # log2_max_frame_num_minus4
    kind = bits.bounded(2, "pic_order_cnt_type")
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.flag()
        bits.signed()
        bits.signed()
        for _ in range(bits.bounded(255, "num_ref_frames_in_pic_order_cnt_cycle")):
            bits.signed()


def _skip_vui_picture(bits: BitReader) -> None:
    """The VUI fields that both standards begin with (E.2.1): aspect, overscan, colours, chroma."""
    if bits.flag() and bits.bits(8) == 255:
        bits.skip(32)
    if bits.flag():
        bits.flag()
    if bits.flag():
        bits.skip(4)
        if bits.flag():
            bits.skip(24)
    if bits.flag():
        bits.unsigned()
        bits.unsigned()


def _h264_vui_rate(bits: BitReader) -> float | None:
    """Frame rate of the VUI; one that is cut short is taken as silent (seen from real cameras)."""
    try:
        _skip_vui_picture(bits)
        if not bits.flag():
            return None
        units, scale = bits.bits(32), bits.bits(32)
    except MalformedBitstream:
        return None
    return _rate(scale, 2 * units)


# --- H.265 ---------------------------------------------------------------------------------------


def _parse_h265(nal: bytes) -> SequenceParameters:
    if len(nal) < 3 or nal[0] >> 1 & 0x3F != 33:
        raise MalformedBitstream("an H.265 SPS", 0, nal)
    bits = BitReader(nal, 2)
    bits.skip(4)
    sub_layers = bits.bits(3)
    nesting = bits.flag()
    space, tier, profile = bits.bits(2), bits.bits(1), bits.bits(5)
    compatibility, constraints, level = bits.bits(32), bits.bits(48), bits.bits(8)
    _skip_sub_layers(bits, sub_layers)
    bits.bounded(15, "sps_seq_parameter_set_id")
    chroma = bits.bounded(3, "chroma_format_idc")
    planes = bits.flag() if chroma == 3 else False
    width = bits.bounded(MAX_DIMENSION, "width")
    height = bits.bounded(MAX_DIMENSION, "height")
    if bits.flag():
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        sub_width, sub_height = SUB_SAMPLING[0 if planes else chroma]
        width -= (left + right) * sub_width
        height -= (top + bottom) * sub_height
    width, height = _checked(width, height, nal)
    luma_depth = 8 + bits.bounded(8, "bit_depth_luma_minus8")
    chroma_depth = 8 + bits.bounded(8, "bit_depth_chroma_minus8")
    return SequenceParameters(
        width=width,
        height=height,
        frame_rate=_h265_rate(bits, sub_layers),
        profile=profile,
        level=level,
        compatibility=compatibility,
        chroma_format=chroma,
        bit_depth_luma=luma_depth,
        bit_depth_chroma=chroma_depth,
        profile_space=space,
        tier=tier,
        constraints=constraints,
        temporal_layers=sub_layers + 1,
        temporal_nesting=nesting,
    )


def _skip_sub_layers(bits: BitReader, sub_layers: int) -> None:
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers)]
    if sub_layers:
        bits.skip(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        bits.skip(88 * has_profile + 8 * has_level)


def _h265_rate(bits: BitReader, sub_layers: int) -> float | None:
    """Frame rate of the VUI; anything unreadable on the way there means: it does not say."""
    try:
        order_bits = bits.bounded(12, "log2_max_pic_order_cnt_lsb_minus4") + 4
        for _ in range(sub_layers + 1 if bits.flag() else 1):
            bits.unsigned()
            bits.unsigned()
            bits.unsigned()
        for _ in range(6):
            bits.unsigned()  # coding block and transform block sizes and depths
        if bits.flag() and bits.flag():
            _skip_h265_scaling_lists(bits)
        bits.skip(2)
        if bits.flag():
            bits.skip(8)
            bits.unsigned()
            bits.unsigned()
            bits.flag()
        _skip_reference_sets(bits)
        if bits.flag():
            for _ in range(bits.bounded(32, "num_long_term_ref_pics_sps")):
                bits.skip(order_bits + 1)
        bits.skip(2)
        return _h265_vui_rate(bits) if bits.flag() else None
    except MalformedBitstream:
        return None


def _skip_h265_scaling_lists(bits: BitReader) -> None:
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.flag():
                bits.unsigned()
                continue
            if size > 1:
                bits.signed()
            for _ in range(min(64, 1 << (4 + (size << 1)))):
                bits.signed()


def _skip_reference_sets(bits: BitReader) -> None:
    """st_ref_pic_set (§7.3.7): only the number of pictures of each set matters for the next."""
    pictures = 0
    for index in range(bits.bounded(64, "num_short_term_ref_pic_sets")):
        if index and bits.flag():
            bits.flag()
            bits.unsigned()
            kept = 0
            for _ in range(pictures + 1):
                used = bits.flag()
                if used or bits.flag():
                    kept += 1
            pictures = kept
            continue
        negative = bits.bounded(16, "num_negative_pics")
        positive = bits.bounded(16, "num_positive_pics")
        pictures = negative + positive
        for _ in range(pictures):
            bits.unsigned()
            bits.flag()


def _h265_vui_rate(bits: BitReader) -> float | None:
    _skip_vui_picture(bits)
    bits.skip(3)
    if bits.flag():
        for _ in range(4):
            bits.unsigned()
    if not bits.flag():
        return None
    units, scale = bits.bits(32), bits.bits(32)
    return _rate(scale, units)
