"""A video file as a camera would send it: access units with G.711A beside them, looped for ever.

Only the simulator decodes or encodes; the relay never does.
"""

import itertools
import logging
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from stream_relay.access_unit import TICKS_PER_SECOND, AccessUnit, Codec, Kind, Track
from stream_relay.errors import Unsupported
from stream_relay.formats import g711

logger = logging.getLogger(__name__)

CODECS = {"h264": Codec.H264, "hevc": Codec.H265, "mpeg4": Codec.MPEG4}
ANNEX_B_FILTERS = {Codec.H264: "h264_mp4toannexb", Codec.H265: "hevc_mp4toannexb"}
MAX_CLIP_BYTES = 256 * 1024 * 1024
"""What is kept of a file; a longer one loops over its beginning."""

AUDIO_SAMPLES = 320
"""40 ms a packet; a camera's usual choice."""
G711A_TRACK = Track(Kind.AUDIO, Codec.G711A, sample_rate=g711.SAMPLE_RATE, channels=1)
A_LAW = np.frombuffer(g711.A_LAW, np.uint8)
TONE_HZ, TONE_LEVEL, TONE_SAMPLES = 660, 1600, 800
"""A soft pip of 0.1 s each second, for clips and scenes without sound."""

ENCODERS = {Codec.H264: "libx264", Codec.H265: "libx265"}
ENCODER_OPTIONS = {
    Codec.H264: ("x264-params", "repeat-headers=1:scenecut=0:bframes=0"),
    Codec.H265: ("x265-params", "repeat-headers=1:scenecut=0:bframes=0:log-level=none"),
}
LIVE_OPTIONS = {Codec.H264: "", Codec.H265: ":pools=none"}


def open_encoder(
    codec: Codec, width: int, height: int, rate: Fraction, *, is_live: bool, crf: int = 26
) -> Any:
    """A PyAV encoder that repeats its headers.

    Live, it delays nothing and uses one thread, since there are many cameras; otherwise it may
    look ahead and uses every core.
    """
    if codec not in ENCODERS:
        raise Unsupported(f"encoding {codec}")
    encoder: Any = av.CodecContext.create(ENCODERS[codec], "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = rate, 1 / rate
    encoder.gop_size = round(rate * 2)
    encoder.thread_count = 1 if is_live else 0
    name, parameters = ENCODER_OPTIONS[codec]
    encoder.options = {"preset": "ultrafast", "crf": str(crf), name: parameters}
    if is_live:
        parameters += LIVE_OPTIONS[codec]
        live = {"tune": "zerolatency", "forced-idr": "1"}
        encoder.options = {**encoder.options, **live, name: parameters}
    return encoder


def a_law(samples: np.ndarray[Any, np.dtype[np.int16]]) -> bytes:
    """16-bit samples to G.711A."""
    return bytes(A_LAW[(samples.astype(np.int32) + 32768) >> 3])


def tone(start_sample: int, count: int = AUDIO_SAMPLES) -> bytes:
    """The pip track from this sample on, G.711A."""
    index = np.arange(start_sample, start_sample + count)
    wave = TONE_LEVEL * np.sin(2 * np.pi * TONE_HZ * index / g711.SAMPLE_RATE)
    wave[index % g711.SAMPLE_RATE >= TONE_SAMPLES] = 0
    return a_law(wave.astype(np.int16))


def tone_units(end_ticks: int, start_sample: int = 0) -> Iterator[AccessUnit]:
    """Pips up to `end_ticks`."""
    for sample in itertools.count(start_sample, AUDIO_SAMPLES):
        ticks = g711.duration_ticks(sample)
        if ticks >= end_ticks:
            return
        yield AccessUnit(Kind.AUDIO, Codec.G711A, ticks, ticks, True, tone(sample), G711A_TRACK)


class ClipSource:
    """One file; read when it is first used, then kept. May be shared by any number of senders."""

    def __init__(self, path: Path, codec: Codec | None = None, *, with_audio: bool = True) -> None:
        """`codec` other than the file's own means: encode anew. Reading blocks."""
        self.path = path
        self.codec = codec or Codec.UNKNOWN
        self.audio = Codec.G711A if with_audio else None
        self._wanted = codec
        self._with_audio = with_audio
        self._units: tuple[AccessUnit, ...] = ()
        self._duration = 0
        # Senders of several channels may ask for the same file at once, each in its own thread.
        self._reading = threading.Lock()

    def prepare(self) -> None:
        """Read the file unless that was done; then `codec` is known. Blocks; raises Unsupported."""
        with self._reading:
            if not self._units:
                self._load()

    def one_pass(self) -> tuple[AccessUnit, ...]:
        """The file once, in decode order, stamps from 0; raises Unsupported without video."""
        self.prepare()
        return self._units

    def units(self) -> Iterator[AccessUnit]:
        """The file for ever, stamps going on over the seam."""
        units = self.one_pass()
        for start in itertools.count(0, self._duration):
            for unit in units:
                yield AccessUnit(
                    unit.track,
                    unit.codec,
                    unit.pts_ticks + start,
                    unit.dts_ticks + start,
                    unit.is_key,
                    unit.data,
                    unit.description,
                )

    def _load(self) -> None:
        try:
            with av.open(str(self.path)) as container:
                if not container.streams.video:
                    raise Unsupported(f"{self.path.name} without video")
                stream = container.streams.video[0]
                own = CODECS.get(stream.codec_context.name)
                if own is not None and self._wanted in (None, own):
                    self.codec, video = own, list(self._copied(container, stream, own))
                else:
                    self.codec = self._wanted or Codec.H264
                    video = list(self._encoded(container, stream, self.codec))
        except (av.error.FFmpegError, OSError) as error:
            raise Unsupported(f"{self.path.name}: {error}") from error
        if not video:
            raise Unsupported(f"{self.path.name} without pictures")
        self._duration = self._length(video)
        audio = self._sound() if self._with_audio else []
        self._units = tuple(sorted([*video, *audio], key=lambda unit: unit.dts_ticks))

    def _length(self, video: list[AccessUnit]) -> int:
        """Ticks after which the clip begins again, one usual step behind its last picture."""
        step = (video[-1].dts_ticks - video[0].dts_ticks) // max(len(video) - 1, 1)
        return video[-1].dts_ticks + (step or TICKS_PER_SECOND // 25)

    def _copied(self, container: Any, stream: Any, codec: Codec) -> Iterator[AccessUnit]:
        name = ANNEX_B_FILTERS.get(codec)
        bitstream = av.BitStreamFilterContext(name, stream) if name else None
        first: int | None = None
        kept = 0
        for packet in container.demux(stream):
            done = packet.size == 0
            filtered = [packet] if bitstream is None else bitstream.filter(None if done else packet)
            for out in filtered:
                if out.size == 0 or kept > MAX_CLIP_BYTES:
                    continue
                kept += out.size
                dts = _ticks(out.dts, stream.time_base)
                first = dts if first is None else first
                pts = _ticks(out.pts, stream.time_base) - first
                yield AccessUnit(Kind.VIDEO, codec, pts, dts - first, out.is_keyframe, bytes(out))

    def _encoded(self, container: Any, stream: Any, codec: Codec) -> Iterator[AccessUnit]:
        rate = Fraction(stream.average_rate or 25)
        context = stream.codec_context
        logger.info(
            "clip is encoded anew, which takes a while",
            extra={"path": str(self.path), "codec": codec.value},
        )
        width, height = context.width & ~1, context.height & ~1
        encoder = open_encoder(codec, width, height, rate, is_live=False)
        step = TICKS_PER_SECOND / rate
        index = kept = 0
        for frame in itertools.chain(container.decode(stream), (None,)):
            if frame is not None:
                frame.pts, frame.time_base = index, 1 / rate
                frame.pict_type = 0
                index += 1
            for packet in encoder.encode(frame):
                kept += packet.size
                if kept > MAX_CLIP_BYTES:
                    return
                ticks = int(packet.pts * step)
                data = bytes(packet)
                yield AccessUnit(Kind.VIDEO, codec, ticks, ticks, packet.is_keyframe, data)

    def _sound(self) -> list[AccessUnit]:
        """The file's own sound as G.711A, else pips, as long as the pictures last."""
        with av.open(str(self.path)) as container:
            if not container.streams.audio:
                return list(tone_units(self._duration))
            resampler = av.AudioResampler("s16", "mono", g711.SAMPLE_RATE)
            frames = itertools.chain(container.decode(container.streams.audio[0]), (None,))
            parts = [a_law(out.to_ndarray()[0]) for f in frames for out in resampler.resample(f)]
        data = b"".join(parts)
        units = []
        for start in range(0, len(data), AUDIO_SAMPLES):
            ticks = g711.duration_ticks(start)
            if ticks >= self._duration:
                break
            piece = data[start : start + AUDIO_SAMPLES]
            units.append(
                AccessUnit(Kind.AUDIO, Codec.G711A, ticks, ticks, True, piece, G711A_TRACK)
            )
        return units


def _ticks(stamp: int | None, time_base: Fraction) -> int:
    return round((stamp or 0) * time_base * TICKS_PER_SECOND)
