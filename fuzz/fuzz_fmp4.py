"""Recordings read back: only MalformedMp4 may come out, any cut gives the same fragments."""

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import MalformedMp4
from stream_relay.formats.fmp4 import Fmp4Muxer
from stream_relay.formats.fmp4_reader import Fmp4Reader, FragmentRecord

SETS = (bytes.fromhex("674d400dda0507ec0440000003004000000ca3c50aa8"), bytes.fromhex("68ef0fc8"))
VIDEO = Track(Kind.VIDEO, Codec.H264, parameter_sets=SETS, width=320, height=240)
SOUND = Track(Kind.AUDIO, Codec.G711A, sample_rate=8000, channels=1)


def file() -> bytes:
    """Two pictures and a piece of sound."""
    muxer = Fmp4Muxer([VIDEO, SOUND], "any")
    units = [
        AccessUnit(Kind.VIDEO, Codec.H264, 3600, 0, True, b"\0\0\1\x65\x88key"),
        AccessUnit(Kind.AUDIO, Codec.G711A, 0, 0, True, b"\xd5" * 40),
        AccessUnit(Kind.VIDEO, Codec.H264, 3600, 3600, False, b"\0\0\1\x41\x9ainter"),
    ]
    return muxer.init_segment() + b"".join(muxer.fragment([unit]) for unit in units)


SEEDS: list[bytes] = [file(), file()[: len(Fmp4Muxer([VIDEO, SOUND], "any").init_segment()) + 90]]


def read(data: bytes, cut: int) -> tuple[list[FragmentRecord], int] | None:
    """The fragments and the valid length; None where the file is refused."""
    reader = Fmp4Reader()
    records: list[FragmentRecord] = []
    try:
        for start in range(0, len(data), cut):
            records += reader.receive(data[start : start + cut])
    except MalformedMp4:
        return None
    return records, reader.valid_bytes


def one_case(data: bytes) -> None:
    """Whole and in pieces."""
    assert read(data, len(data) or 1) == read(data, 13)
