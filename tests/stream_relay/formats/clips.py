"""Small clips, encoded when a test session needs them, and the ways to cut and read them."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.formats.twins import PACKAGE, is_compiled

TWINS = ("plain", "compiled")
ENCODERS = {Codec.H264: "libx264", Codec.H265: "libx265", Codec.MPEG4: "mpeg4"}
OPTIONS = {
    Codec.H264: {"preset": "ultrafast", "x264-params": "sliced-threads=0:scenecut=0"},
    Codec.H265: {"preset": "ultrafast", "x265-params": "log-level=none:repeat-headers=1"},
    Codec.MPEG4: {},
}


def module(name: str, kind: str, package: str = PACKAGE) -> ModuleType:
    """The plain module or its compiled twin, which the build must have made."""
    if kind == "plain":
        return import_module(f"{package}.{name}")
    assert is_compiled(name, package), "run `python setup.py build_ext --inplace` first"
    return import_module(f"{package}._{name}")


@dataclass(frozen=True)
class Clip:
    """What an encoder made, one access unit per picture, stamps from 0."""

    units: tuple[AccessUnit, ...]
    codec: Codec
    width: int
    height: int
    frame_rate: int

    @property
    def data(self) -> list[bytes]:
        return [unit.data for unit in self.units]


def encode(
    codec: Codec = Codec.H264,
    width: int = 160,
    height: int = 120,
    frames: int = 30,
    *,
    gop: int = 10,
    b_frames: int = 0,
    frame_rate: int = 25,
    parameters: str = "",
) -> Clip:
    """A square that moves over noise."""
    context = av.CodecContext.create(ENCODERS[codec], "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.framerate, context.time_base = frame_rate, Fraction(1, frame_rate)
    context.gop_size, context.max_b_frames = gop, b_frames
    context.options = dict(OPTIONS[codec])
    if parameters:
        context.options |= {"x264-params": parameters}
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    packets = []
    for index in range(frames):
        picture = noise.copy()
        picture[20:60, index * 2 : index * 2 + 30] = 255
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    ticks = 90_000 // frame_rate
    first = packets[0].dts
    units = tuple(
        AccessUnit(
            Kind.VIDEO,
            codec,
            (packet.pts - first) * ticks,
            (packet.dts - first) * ticks,
            packet.is_keyframe,
            _with_headers(bytes(packet), packet.is_keyframe, context, codec),
        )
        for packet in packets
    )
    return Clip(units, codec, width, height, frame_rate)


def _with_headers(data: bytes, is_key: bool, context: Any, codec: Codec) -> bytes:
    """MPEG-4 encoders keep the headers apart when they can; a camera repeats them."""
    if codec is Codec.MPEG4 and is_key and context.extradata and not data.startswith(b"\0\0\1\xb0"):
        return bytes(context.extradata) + data
    return data


def program_stream(units: Sequence[AccessUnit], muxer: PsMuxer | None = None) -> bytes:
    """All units muxed as a camera would."""
    muxer = muxer or PsMuxer(units[0].codec)
    return b"".join(muxer.mux(unit) for unit in units)


def shifted(unit: AccessUnit, ticks: int) -> AccessUnit:
    """The unit with its stamps moved, modulo 33 bits as a device counts."""
    return AccessUnit(
        unit.track,
        unit.codec,
        (unit.pts_ticks + ticks) % (1 << 33),
        (unit.dts_ticks + ticks) % (1 << 33),
        unit.is_key,
        unit.data,
    )


def silence(ticks: int, size: int = 160, codec: Codec = Codec.G711A) -> AccessUnit:
    quiet = b"\xd5" if codec is Codec.G711A else b"\xff"
    track = Track(Kind.AUDIO, codec, sample_rate=8000, channels=1)
    return AccessUnit(Kind.AUDIO, codec, ticks, ticks, True, quiet * size, track)


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe says after reading every packet; anything it complains about fails."""
    done = subprocess.run(
        ["ffprobe", "-v", "warning", "-of", "json", "-count_packets", "-count_frames"]
        + ["-show_streams", "-show_format", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "", done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def frame_hashes(path: Path) -> list[str]:
    """MD5 of each decoded picture, by ffmpeg."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v", "-vsync", "passthrough"]
        + ["-f", "framemd5", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "", done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return [line.split(",")[-1].strip() for line in lines]
