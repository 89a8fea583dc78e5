"""Decoder configuration records: avcC and hvcC (ISO/IEC 14496-15), their RFC 6381 codec strings."""

from stream_relay.access_unit import Codec, Track
from stream_relay.errors import Unsupported
from stream_relay.formats.annexb import H265_PPS, H265_SPS, H265_VPS
from stream_relay.formats.sps import H264_HIGH_PROFILES, SequenceParameters, parse_sps


def _sets(track: Track) -> dict[int, list[bytes]]:
    """Parameter sets by NAL unit type."""
    by_type: dict[int, list[bytes]] = {}
    for nal in track.parameter_sets:
        kind = nal[0] & 0x1F if track.codec is Codec.H264 else nal[0] >> 1 & 0x3F
        by_type.setdefault(kind, []).append(nal)
    return by_type


def _counted(nals: list[bytes]) -> bytes:
    return b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)


def sequence_parameters(track: Track) -> SequenceParameters:
    """The first SPS of a track; raises Unsupported without one, MalformedBitstream on a bad one."""
    kind = 7 if track.codec is Codec.H264 else H265_SPS
    nals = _sets(track).get(kind)
    if not nals:
        raise Unsupported(f"{track.codec} without a sequence parameter set")
    return parse_sps(nals[0], track.codec)


def build_avcc(track: Track) -> bytes:
    """AVCDecoderConfigurationRecord (14496-15 §5.3.3.1) with 4-byte lengths."""
    by_type = _sets(track)
    sps, pps = by_type.get(7, [])[:31], by_type.get(8, [])[:255]
    parameters = sequence_parameters(track)
    record = bytes((1, parameters.profile, parameters.compatibility, parameters.level, 0xFF))
    record += bytes((0xE0 | len(sps),)) + _counted(sps)
    record += bytes((len(pps),)) + _counted(pps)
    if parameters.profile in H264_HIGH_PROFILES:
        record += bytes(
            (
                0xFC | parameters.chroma_format,
                0xF8 | parameters.bit_depth_luma - 8,
                0xF8 | parameters.bit_depth_chroma - 8,
                0,
            )
        )
    return record


def build_hvcc(track: Track) -> bytes:
    """HEVCDecoderConfigurationRecord (14496-15 §8.3.3.1) with 4-byte lengths."""
    by_type = _sets(track)
    parameters = sequence_parameters(track)
    first = parameters.profile_space << 6 | parameters.tier << 5 | parameters.profile
    record = bytes((1, first))
    record += parameters.compatibility.to_bytes(4, "big")
    record += parameters.constraints.to_bytes(6, "big")
    record += bytes((parameters.level, 0xF0, 0, 0xFC, 0xFC | parameters.chroma_format))
    record += bytes((0xF8 | parameters.bit_depth_luma - 8, 0xF8 | parameters.bit_depth_chroma - 8))
    layers = parameters.temporal_layers << 3 | parameters.temporal_nesting << 2 | 3
    arrays = [(kind, by_type[kind]) for kind in (H265_VPS, H265_SPS, H265_PPS) if kind in by_type]
    record += bytes((0, 0, layers, len(arrays)))
    for kind, nals in arrays:
        record += bytes((0x80 | kind,)) + len(nals).to_bytes(2, "big") + _counted(nals)
    return record


def codec_string(track: Track) -> str:
    """RFC 6381 §3.3 and 14496-15 annex E: what a browser is asked about."""
    match track.codec:
        case Codec.H264:
            sps = _sets(track).get(7)
            if not sps or len(sps[0]) < 4:
                raise Unsupported("h264 without a sequence parameter set")
            return f"avc1.{sps[0][1:4].hex()}"
        case Codec.H265:
            return _hevc_string(sequence_parameters(track))
        case Codec.AAC:
            return f"mp4a.40.{track.audio_config[0] >> 3 if track.audio_config else 2}"
        case Codec.G711A:
            return "alaw"
        case Codec.G711U:
            return "ulaw"
        case _:
            raise Unsupported(f"{track.codec} in MP4")


def _hevc_string(parameters: SequenceParameters) -> str:
    space = ("", "A", "B", "C")[parameters.profile_space]
    reversed_flags = int(f"{parameters.compatibility:032b}"[::-1], 2)
    constraints = parameters.constraints.to_bytes(6, "big").rstrip(b"\x00")
    parts = [
        "hvc1",
        f"{space}{parameters.profile}",
        f"{reversed_flags:X}",
        f"{'H' if parameters.tier else 'L'}{parameters.level}",
        *(f"{byte:X}" for byte in constraints),
    ]
    return ".".join(parts)
