"""Sound of any kind to 8 kHz mono: files whole, a browser's microphone piece by piece.

PyAV decodes and resamples. What cannot be read is Unsupported, in words that a person can act on.
"""

from fractions import Fraction
from io import BytesIO
from typing import Any, Literal

import av
import numpy as np

from stream_relay.errors import Unsupported
from stream_relay.formats.g711 import SAMPLE_RATE
from stream_relay.voice.level import Samples, level_out

LiveForm = Literal["s16", "opus"]
LOWEST_RATE, HIGHEST_RATE = 8_000, 96_000
LONGEST_S = 600.0
"""Of an announcement; ten minutes are 10 MB in memory."""
LARGEST_PIECE = 96_000
"""Bytes of one message of a microphone: half a second at the highest rate."""


class MicrophoneDecoder:
    """One microphone's messages to 8 kHz; `rate` is that of 16-bit mono, Opus has its own."""

    def __init__(self, form: LiveForm, rate: int) -> None:
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise Unsupported(f"a sample rate of {rate}")
        self._rate = rate
        self._form = form
        self._position = 0
        self._resampler = _resampler()
        self._opus: Any = av.CodecContext.create("opus", "r") if form == "opus" else None
        self.malformed = 0
        """Messages that could not be decoded; the sound goes on with the next."""

    def decode(self, data: bytes) -> Samples:
        """One message to samples; what is malformed gives none and is counted."""
        if not data or len(data) > LARGEST_PIECE:
            self.malformed += 1
            return np.zeros(0, np.int16)
        try:
            return _join(
                [piece for frame in self._frames(data) for piece in self._resampler.resample(frame)]
            )
        except (av.FFmpegError, ValueError):
            self.malformed += 1
            return np.zeros(0, np.int16)

    def _frames(self, data: bytes) -> list[Any]:
        if self._form == "opus":
            return list(self._opus.decode(av.Packet(data)))
        samples = np.frombuffer(data, "<i2", len(data) // 2)
        frame: Any = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._position
        self._position += len(samples)
        return [frame]


def decode_file(data: bytes, *, longest_s: float = LONGEST_S) -> Samples:
    """A sound or video file's first sound track at speech loudness; blocks.

    Raises Unsupported when there is no sound in it, or too much.
    """
    resampler = _resampler()
    pieces: list[Any] = []
    room = round(longest_s * SAMPLE_RATE)
    try:
        opened: Any = av.open(BytesIO(data))
        with opened as container:
            if not container.streams.audio:
                raise Unsupported("a file without sound")
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    room -= piece.samples
                    pieces.append(piece)
                if room < 0:
                    raise Unsupported(f"sound longer than {longest_s:.0f} s")
        pieces += resampler.resample(None)
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise Unsupported("a file that is no sound we can read") from error
    samples = _join(pieces)
    if not len(samples):
        raise Unsupported("a file without sound")
    return level_out(samples)


def build_wav(samples: Samples) -> bytes:
    """Samples as a WAV file: mono, 16 bit, 8 kHz."""
    body = samples.astype("<i2").tobytes()
    form = b"fmt " + (16).to_bytes(4, "little") + (1).to_bytes(2, "little")
    form += (1).to_bytes(2, "little") + SAMPLE_RATE.to_bytes(4, "little")
    form += (SAMPLE_RATE * 2).to_bytes(4, "little") + bytes((2, 0, 16, 0))
    inner = b"WAVE" + form + b"data" + len(body).to_bytes(4, "little") + body
    return b"RIFF" + len(inner).to_bytes(4, "little") + inner


def _resampler() -> Any:
    return av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)


def _join(frames: list[Any]) -> Samples:
    pieces = [frame.to_ndarray().reshape(-1) for frame in frames]
    return np.concatenate(pieces).astype(np.int16) if pieces else np.zeros(0, np.int16)
