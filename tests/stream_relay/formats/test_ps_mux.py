"""The simulator's program stream, read by an independent reader."""

from pathlib import Path

import pytest

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.errors import Unsupported
from stream_relay.formats.ps_mux import PsMuxer, build_system_header
from tests.stream_relay.formats.clips import Clip, frame_hashes, probe, program_stream, shifted

SYSTEM_HEADER = build_system_header(has_video=True, has_audio=True)


def test_a_key_frame_brings_system_header_and_map(h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264, Codec.G711A)
    key, other = (muxer.mux(unit) for unit in h264.units[:2])
    assert key[14:32] == SYSTEM_HEADER
    assert key[32:56] == bytes.fromhex("000001BC0012E0FF000000081BE0000090C00000FEDFB1D7")
    assert SYSTEM_HEADER not in other
    assert key.endswith(h264.data[0])


@pytest.mark.parametrize("name", ["h264", "h265"])
def test_ffprobe_reads_what_is_muxed(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    clip: Clip = request.getfixturevalue(name)
    stream, raw = tmp_path / "a.ps", tmp_path / f"a.{name}"
    stream.write_bytes(program_stream([shifted(unit, 90_000) for unit in clip.units]))
    raw.write_bytes(b"".join(clip.data))
    [video] = probe(stream)["streams"]
    assert (video["width"], video["height"]) == (clip.width, clip.height)
    assert int(video["nb_read_frames"]) == len(clip.units)
    assert frame_hashes(stream) == frame_hashes(raw)


def test_a_codec_without_a_stream_type_is_refused() -> None:
    with pytest.raises(Unsupported):
        PsMuxer(Codec.OPUS)


def test_stamps_are_taken_modulo_33_bits() -> None:
    unit = AccessUnit(Kind.VIDEO, Codec.H264, (1 << 33) + 5, (1 << 33) + 5, False, b"\0\0\1\x41")
    assert PsMuxer().mux(unit)[-18:-4] == bytes.fromhex("000001E0000C808005210001000B")
