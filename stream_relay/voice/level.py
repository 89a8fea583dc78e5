"""How loud sound is, and what keeps it from clipping: a meter, a guard, a loudness for files."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Samples = np.ndarray[Any, np.dtype[np.int16]]
"""Mono, 16 bit, 8 kHz where nothing else is said."""

FULL_SCALE = 32768.0
SILENT_DB = -90.0
CEILING = 0.89
"""-1 dBFS: A-law has steps of 1024 up there, so the last decibel is worth nothing."""
RELEASE = 0.03
"""Share of the way back to full gain in one turn of 20 ms: half a second after a shout."""

TARGET_DB = -20.0
"""Mean loudness of speech in a file once it is in the library."""
MOST_GAIN_DB = 24.0
"""A nearly silent recording is not blown up to noise."""
SPEECH_GATE_DB = -50.0
BLOCK = 400
"""50 ms at 8 kHz: pauses between words do not count into the loudness."""


def decibels(amplitude: float) -> float:
    """Of full scale; silence is -90."""
    return max(20 * math.log10(amplitude), SILENT_DB) if amplitude > 0 else SILENT_DB


@dataclass(slots=True)
class Meter:
    """What the last sound was like."""

    peak_db: float = SILENT_DB
    mean_db: float = SILENT_DB
    clipped: int = 0
    """Samples at full scale since the start: the microphone itself is set too high."""

    def hear(self, samples: Samples) -> None:
        """Take the next piece."""
        if not len(samples):
            return
        wide = np.abs(samples.astype(np.float64)) / FULL_SCALE
        self.peak_db = decibels(float(wide.max()))
        self.mean_db = decibels(float(np.sqrt(np.mean(wide * wide))))
        self.clipped += int(np.count_nonzero(wide >= 32767 / FULL_SCALE))


class Guard:
    """Turns the gain down at once when it gets too loud, and slowly up again."""

    def __init__(self) -> None:
        self._gain = 1.0

    def pass_on(self, samples: Samples) -> Samples:
        """The piece with its peak at most at the ceiling."""
        peak = float(np.abs(samples.astype(np.int32)).max(initial=0)) / FULL_SCALE
        before = self._gain
        self._gain += (1.0 - self._gain) * RELEASE
        if peak * self._gain > CEILING:
            self._gain = CEILING / peak
            before = min(before, self._gain)
        if self._gain > 0.999 and before > 0.999:
            return samples
        # From one turn to the next the gain glides, so that no step is heard.
        ramp = np.linspace(before, self._gain, len(samples))
        return (samples * ramp).astype(np.int16)


def level_out(samples: Samples) -> Samples:
    """A file at the loudness of speech, without clipping; silence stays as it is."""
    wide = samples.astype(np.float64) / FULL_SCALE
    whole = wide[: len(wide) // BLOCK * BLOCK].reshape(-1, BLOCK)
    power = np.mean(whole * whole, axis=1) if len(whole) else np.zeros(0)
    loud = power[power > 10 ** (SPEECH_GATE_DB / 10)]
    if not len(loud):
        return samples
    mean_db = 10 * math.log10(float(loud.mean()))
    gain = 10 ** (min(TARGET_DB - mean_db, MOST_GAIN_DB) / 20)
    raised = wide * gain
    over = np.abs(raised) > CEILING
    if over.any():
        # Above the ceiling's half the curve bends: peaks are rounded, not cut.
        knee = CEILING / 2
        head = CEILING - knee
        magnitude = np.abs(raised)
        bent = np.where(
            magnitude > knee, knee + head * np.tanh((magnitude - knee) / head), magnitude
        )
        raised = np.sign(raised) * bent
    return (raised * (FULL_SCALE - 1)).astype(np.int16)
