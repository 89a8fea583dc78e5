"""Real footage through PS, FLV and fMP4, compared picture by picture."""

import subprocess
from pathlib import Path

import pytest

from stream_relay.access_unit import Codec
from stream_relay.formats import PsDemuxer
from stream_relay.formats.flv import FlvMuxer
from stream_relay.formats.fmp4 import Fmp4Muxer
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.simulator import ClipSource
from tests.stream_relay.formats.clips import Clip, frame_hashes, probe

pytestmark = pytest.mark.field
CLIPS = [
    "one_by_one_person_768x432.mp4",
    "vtest_pedestrians_480x360.mp4",
    "store_aisle_480x270.mp4",
]


@pytest.mark.parametrize("name", CLIPS)
def test_footage_survives_every_format(shared: Path, tmp_path: Path, name: str) -> None:
    original = shared / "footage" / name
    source = ClipSource(original, with_audio=False)
    units = list(source.one_pass())
    muxer, demuxer = PsMuxer(source.codec), PsDemuxer()
    out = [unit for sent in units for unit in demuxer.push(muxer.mux(sent))] + demuxer.flush()
    tracks = demuxer.tracks()
    assert [unit.data for unit in out] == [unit.data for unit in units]
    flv, fmp4 = FlvMuxer(), Fmp4Muxer(tracks)
    files = {
        tmp_path / "a.flv": flv.header(tracks) + b"".join(flv.tag(unit) for unit in out),
        tmp_path / "a.mp4": fmp4.init_segment() + b"".join(fmp4.fragment([u]) for u in out),
    }
    wanted, hashes = probe(original), frame_hashes(original)
    for path, data in files.items():
        path.write_bytes(data)
        answer = probe(path)
        for key in ("width", "height", "r_frame_rate", "nb_read_frames"):
            assert answer["streams"][0][key] == wanted["streams"][0][key]
        duration = float(answer["format"]["duration"])
        assert duration == pytest.approx(float(wanted["format"]["duration"]), abs=0.25)
        assert frame_hashes(path) == hashes


def test_footage_as_h265_survives_fmp4(shared: Path, tmp_path: Path) -> None:
    source = ClipSource(shared / "footage" / CLIPS[2], Codec.H265, with_audio=False)
    units = source.one_pass()
    muxer, demuxer = PsMuxer(Codec.H265), PsDemuxer()
    out = [unit for sent in units for unit in demuxer.push(muxer.mux(sent))] + demuxer.flush()
    fmp4 = Fmp4Muxer(demuxer.tracks())
    path, raw = tmp_path / "a.mp4", tmp_path / "a.h265"
    path.write_bytes(fmp4.init_segment() + b"".join(fmp4.fragment([unit]) for unit in out))
    raw.write_bytes(b"".join(unit.data for unit in units))
    [video] = probe(path)["streams"]
    assert (video["codec_name"], video["width"], video["height"]) == ("hevc", 480, 270)
    assert int(video["nb_read_frames"]) == len(units)
    assert frame_hashes(path) == frame_hashes(raw)


@pytest.mark.parametrize("name", ["h264", "h265", "large"])
def test_a_program_stream_that_others_muxed_is_read(
    shared: Path, tmp_path: Path, name: str, request: pytest.FixtureRequest
) -> None:
    clip: Clip = request.getfixturevalue(name)
    raw, muxed, blast = tmp_path / "in.es", tmp_path / "out.ps", tmp_path / "psblast"
    raw.write_bytes(b"".join(clip.data))
    source = shared / "rig" / "psblast.c"
    subprocess.run(["gcc", "-O1", "-w", "-o", str(blast), str(source), "-lm"], check=True)
    options = ["-5"] if clip.codec is Codec.H265 else []
    command = [str(blast), "-i", str(raw), "-o", str(muxed), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    demuxer = PsDemuxer()
    out = demuxer.push(muxed.read_bytes()) + demuxer.flush()
    assert [unit.data for unit in out] == clip.data
    assert [unit.pts_ticks for unit in out] == [3600 * index for index in range(len(clip.units))]


def test_a_program_stream_of_ffmpeg_is_read(tmp_path: Path, h264: Clip) -> None:
    """No stream map, packs of 2 KiB, stream id E0 to EF, padding: not GB/T 28181, readable."""
    raw, muxed = tmp_path / "in.h264", tmp_path / "out.mpg"
    raw.write_bytes(b"".join(h264.data))
    command = ["ffmpeg", "-v", "error", "-i", str(raw), "-c", "copy", "-f", "vob", str(muxed)]
    subprocess.run(command, check=True)
    demuxer = PsDemuxer()
    out = demuxer.push(muxed.read_bytes()) + demuxer.flush()
    assert b"".join(unit.data for unit in out) == raw.read_bytes()
