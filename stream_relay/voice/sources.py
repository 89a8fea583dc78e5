"""Where voice comes from: a microphone that is open now, or samples that are all there."""

from typing import Protocol

import numpy as np

from stream_relay.formats.g711 import SAMPLE_RATE
from stream_relay.voice.level import Samples

TURN_S = 0.02
TURN_SAMPLES = SAMPLE_RATE // 50
"""What is taken at a time: 20 ms, the shortest packet the standard allows for voice."""
JITTER_S = 0.2
"""Most sound of a microphone that waits: more delay than this is worse than a lost syllable."""
FIRST_WAIT_S = 0.06
"""Gathered before the first sound, and again after a gap, so that a late message is no click."""


class VoiceSource(Protocol):
    """Sound at the pace of the clock."""

    def take(self) -> Samples | None:
        """The next 20 ms; None at the end."""


class Recorded:
    """Samples of a file or of a speech engine, played `times` times with a pause between."""

    def __init__(self, samples: Samples, times: int = 1, pause_s: float = 1.0) -> None:
        pause = np.zeros(round(pause_s * SAMPLE_RATE), np.int16)
        pieces = [samples, pause] * (times - 1) + [samples]
        whole = np.concatenate(pieces)
        rest = -len(whole) % TURN_SAMPLES
        self._samples: Samples = np.concatenate([whole, np.zeros(rest, np.int16)])
        self._position = 0

    @property
    def length_s(self) -> float:
        """All of it, repetitions and pauses included."""
        return len(self._samples) / SAMPLE_RATE

    @property
    def position_s(self) -> float:
        """How much was taken."""
        return self._position / SAMPLE_RATE

    def take(self) -> Samples | None:
        """See VoiceSource."""
        if self._position >= len(self._samples):
            return None
        piece = self._samples[self._position : self._position + TURN_SAMPLES]
        self._position += TURN_SAMPLES
        return piece


class Live:
    """A microphone: what arrives is bounded, the oldest goes first; a gap is silence."""

    def __init__(self) -> None:
        self._waiting: Samples = np.zeros(0, np.int16)
        self._is_gathering = True
        self._is_over = False
        self.dropped_samples = 0
        """Came too fast or waited too long."""
        self.gaps = 0
        """Times that the sound ran dry while somebody spoke."""

    @property
    def waiting_s(self) -> float:
        """How much sound waits, hence how late the hearer is."""
        return len(self._waiting) / SAMPLE_RATE

    def push(self, samples: Samples) -> None:
        """Take sound at 8 kHz as it comes."""
        self._waiting = np.concatenate([self._waiting, samples])
        surplus = len(self._waiting) - round(JITTER_S * SAMPLE_RATE)
        if surplus > 0:
            self._waiting = self._waiting[surplus:]
            self.dropped_samples += surplus

    def finish(self) -> None:
        """No more will come: the rest is played."""
        self._is_over = True

    def take(self) -> Samples | None:
        """See VoiceSource."""
        if self._is_over and not len(self._waiting):
            return None
        if self._is_gathering and not self._is_over:
            if self.waiting_s < FIRST_WAIT_S:
                return np.zeros(TURN_SAMPLES, np.int16)
            self._is_gathering = False
        piece, self._waiting = self._waiting[:TURN_SAMPLES], self._waiting[TURN_SAMPLES:]
        if len(piece) < TURN_SAMPLES:
            self._is_gathering = True
            if not self._is_over:
                self.gaps += 1
            piece = np.concatenate([piece, np.zeros(TURN_SAMPLES - len(piece), np.int16)])
        return piece
