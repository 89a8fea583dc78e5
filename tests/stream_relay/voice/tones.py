"""Sounds that can be told apart, and the ear that tells them."""

import numpy as np

RATE = 8000


def sine(hz: float, seconds: float, level: float = 0.5, rate: int = RATE) -> np.ndarray:
    """A pure tone, 16 bit."""
    index = np.arange(round(seconds * rate))
    return (level * 32767 * np.sin(2 * np.pi * hz * index / rate)).astype(np.int16)


def loudest_hz(samples: np.ndarray, rate: int = RATE) -> float:
    """The frequency with most energy in it."""
    if len(samples) < 64:
        return 0.0
    window = np.hanning(len(samples))
    energy = np.abs(np.fft.rfft(samples * window))
    return float(np.fft.rfftfreq(len(samples), 1 / rate)[int(energy.argmax())])


def melody(samples: np.ndarray, rate: int = RATE, piece_s: float = 0.1) -> list[int]:
    """The loud tones in order, each once, rounded to 20 Hz."""
    size = round(piece_s * rate)
    heard: list[int] = []
    for start in range(0, len(samples) - size + 1, size):
        piece = samples[start : start + size].astype(float)
        if np.sqrt(np.mean(piece * piece)) < 1000:
            continue
        hz = round(loudest_hz(piece, rate) / 20) * 20
        if not heard or heard[-1] != hz:
            heard.append(hz)
    return heard
