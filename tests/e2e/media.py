"""What ffprobe says of a stream or a file."""

import json
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Probe:
    """The first picture track, the audio codec and how long the pictures last."""

    codec: str
    width: int
    height: int
    frame_rate: float
    frames: int
    duration_s: float
    audio: str | None
    errors: str


def probe(source: str, seconds: float | None = None) -> Probe:
    """Read a file whole, or a stream for some seconds; every frame is decoded."""
    limit = ["-read_intervals", f"%+{seconds}"] if seconds else []
    shown = subprocess.run(
        ["ffprobe", "-v", "error", *limit, "-show_streams", "-show_frames", "-of", "json", source],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    answer: dict[str, Any] = json.loads(shown.stdout or "{}")
    streams = answer.get("streams", [])
    pictures = next((s for s in streams if s["codec_type"] == "video"), None)
    assert pictures is not None, f"no pictures in {source}: {shown.stderr}"
    times = [
        float(frame["best_effort_timestamp_time"])
        for frame in answer.get("frames", [])
        if frame["media_type"] == "video"
    ]
    audio = next((s["codec_name"] for s in streams if s["codec_type"] == "audio"), None)
    lasted = max(times) - min(times) if times else 0.0
    return Probe(
        codec=pictures["codec_name"],
        width=pictures["width"],
        height=pictures["height"],
        frame_rate=(len(times) - 1) / lasted if lasted else float(Fraction(0)),
        frames=len(times),
        duration_s=lasted,
        audio=audio,
        errors=shown.stderr.strip(),
    )
