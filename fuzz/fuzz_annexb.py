"""NAL units, parameter sets and ADTS: only MalformedBitstream may come out, twins agree."""

from stream_relay.access_unit import Codec, Kind, Track
from stream_relay.errors import MalformedBitstream, Unsupported
from stream_relay.formats import aac, annexb
from stream_relay.formats.decoder_config import build_avcc, build_hvcc, codec_string
from stream_relay.formats.sps import parse_sps
from stream_relay.formats.twins import twin

COMPILED = twin("annexb")
START = b"\x00\x00\x00\x01"
H264_SPS = bytes.fromhex("67640028ad84056230104ff7f7f7f7f7f7f7f7f7f4c040")
H265_SPS = bytes.fromhex(
    "420101016000000300900000030000030078a003c08010e596566924caf010100000030010000003019080"
)

SEEDS: list[bytes] = [
    START + H264_SPS + START + b"\x68\xee\x3c\x80" + START + b"\x65\x88\x84" + b"slice",
    START + H265_SPS + START + b"\x44\x01\xc1" + START + b"\x26\x01\xaf" + b"slice",
    b"\x00\x00\x01\xb0\x01\x00\x00\x01\x20\x00\x00\x00\x01\xb6\x10vop",
    aac.build_adts(b"frame" * 9, b"\x14\x08") * 3,
]


def shapes(module: object, data: bytes) -> list[object]:
    """What a twin makes of the bytes under each codec."""
    found: list[object] = []
    for codec in (Codec.H264, Codec.H265, Codec.MPEG4):
        pictures = module.split_pictures(data, codec)  # type: ignore[attr-defined]  # twins
        found += [(p.start, p.end, p.is_key, p.has_slices, p.parameter_sets) for p in pictures]
        found.append(module.to_length_prefixed(data, codec))  # type: ignore[attr-defined]  # twins
    return found


def one_case(data: bytes) -> None:
    """All readers of elementary streams on the same bytes."""
    assert shapes(annexb, data) == shapes(COMPILED, data)
    nals = tuple(annexb.split_nals(data))
    for codec, build in ((Codec.H264, build_avcc), (Codec.H265, build_hvcc)):
        track = Track(Kind.VIDEO, codec, parameter_sets=nals)
        try:
            build(track)
            codec_string(track)
        except (MalformedBitstream, Unsupported):
            pass
        for nal in nals:
            try:
                parse_sps(nal, codec)
            except MalformedBitstream:
                continue
    aac.is_adts(data)
