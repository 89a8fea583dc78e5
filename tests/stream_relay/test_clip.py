"""Files as cameras: looped without a seam, with sound, in another codec when asked."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream_relay.access_unit import Codec, Kind
from stream_relay.clip import ClipSource, tone
from stream_relay.errors import Unsupported
from stream_relay.formats import PsDemuxer, is_key
from stream_relay.formats.g711 import law_of_silence
from stream_relay.formats.ps_mux import PsMuxer


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second, 25 fps, with B frames and a 16 kHz stereo sound."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.codec_context.max_b_frames = 2
        sound = container.add_stream("aac", rate=16000, layout="stereo")
        for index in range(25):
            picture = np.full((120, 160, 3), index * 9, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        wave = (8000 * np.sin(np.arange(16000) / 9)).astype(np.float32) / 32768
        for start in range(0, 16000, 1024):
            part = np.stack([wave[start : start + 1024]] * 2)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 16000, start
            container.mux(sound.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


def test_a_clip_is_copied_as_it_is(clip: Path) -> None:
    source = ClipSource(clip)
    units = source.one_pass()
    video = [unit for unit in units if unit.track is Kind.VIDEO]
    assert source.codec is Codec.H264
    assert len(video) == 25
    assert video[0].dts_ticks == 0
    assert is_key(video[0].data, Codec.H264)
    assert sorted(unit.dts_ticks for unit in units) == [unit.dts_ticks for unit in units]


def test_its_own_sound_becomes_g711(clip: Path) -> None:
    audio = [unit for unit in ClipSource(clip).one_pass() if unit.track is Kind.AUDIO]
    assert len(audio) == 25
    assert {len(unit.data) for unit in audio[:24]} == {320}
    assert law_of_silence(audio[10].data) is None


def test_the_loop_has_no_seam(clip: Path) -> None:
    source = ClipSource(clip)
    count = len(source.one_pass())
    units = list(itertools.islice(source.units(), count * 3))
    stamps = [unit.dts_ticks for unit in units if unit.track is Kind.VIDEO]
    assert {b - a for a, b in itertools.pairwise(stamps)} == {3600}
    muxer, demuxer = PsMuxer(Codec.H264, Codec.G711A), PsDemuxer()
    out = [u for unit in units for u in demuxer.push(muxer.mux(unit))] + demuxer.flush()
    assert len(out) == len(units)
    assert demuxer.counters()["jumps"] == 0


def test_another_codec_is_encoded_when_asked_for(clip: Path) -> None:
    source = ClipSource(clip, Codec.H265)
    video = [unit for unit in source.one_pass() if unit.track is Kind.VIDEO]
    assert (source.codec, len(video)) == (Codec.H265, 25)
    assert is_key(video[0].data, Codec.H265)
    assert [unit.dts_ticks for unit in video] == [3600 * index for index in range(25)]


def test_sound_may_be_left_out(clip: Path) -> None:
    source = ClipSource(clip, with_audio=False)
    assert source.audio is None
    assert {unit.track for unit in source.one_pass()} == {Kind.VIDEO}


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no video")
    with pytest.raises(Unsupported):
        ClipSource(tmp_path / "a.txt").prepare()
    with pytest.raises(Unsupported):
        ClipSource(tmp_path / "missing.mp4").prepare()


def test_the_tone_is_a_pip_each_second() -> None:
    assert law_of_silence(tone(0)) is None
    assert law_of_silence(tone(1600)) is Codec.G711A
    assert tone(8000) == tone(0)
