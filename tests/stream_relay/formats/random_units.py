"""Access units that no camera would send, for property tests of what writes them."""

from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec, Kind

VIDEO_CODECS = (Codec.H264, Codec.H265, Codec.MPEG4, Codec.SVAC)
BYTES = st.sampled_from((0, 0, 0, 1, 0x03, 0x09, 0x26, 0x40, 0x41, 0x65, 0x67, 0x68, 0x88, 0xFF))
BROKEN = st.lists(BYTES, max_size=60).map(bytes)
WHOLE = st.lists(st.binary(min_size=1, max_size=20), max_size=4).map(
    lambda nals: b"".join(b"\0\0\0\1" + nal for nal in nals)
)


def units_of(*codecs: Codec) -> st.SearchStrategy[list[AccessUnit]]:
    """Units in the order of their decode times, each as long as its track says."""
    pieces = st.tuples(
        st.sampled_from(codecs), st.integers(1, 9000), st.integers(-9000, 9000), st.booleans()
    )
    return st.lists(st.tuples(pieces, BROKEN | WHOLE), max_size=40).map(_placed)


def _placed(pieces: list[tuple[tuple[Codec, int, int, bool], bytes]]) -> list[AccessUnit]:
    units = []
    dts = 0
    for (codec, step, delay, is_key), data in pieces:
        dts += step
        kind = Kind.VIDEO if codec in VIDEO_CODECS else Kind.AUDIO
        units.append(AccessUnit(kind, codec, dts + delay, dts, is_key, data))
    return units
