"""A live H.264 picture for the front end's tests: a short fragmented MP4, looped without a seam.

The clip shows a bright square that moves along a known path, so that a test can tell whether a
detection box is drawn in step with the picture.
"""

import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT, FPS, LENGTH_S = 640, 360, 25, 6
TICKS = 90_000
SQUARE = 60
TOP = 150
SPEED = 90
START = 20
MIME = 'video/mp4; codecs="avc1.42c01e"'


def square_at(time_s: float) -> tuple[float, float, float, float]:
    """Where the square is at a time of the stream: x1, y1, x2, y2 as shares of the picture."""
    left = START + SPEED * (time_s % LENGTH_S)
    return (left / WIDTH, TOP / HEIGHT, (left + SQUARE) / WIDTH, (TOP + SQUARE) / HEIGHT)


def make_clip(path: Path, source: Path | None = None) -> "Clip":
    """Write the clip with ffmpeg and read it: one fragment per picture, a key frame each second.

    `source` is a video file to show instead of the moving square.
    """
    if source is None:
        inputs = ["-f", "lavfi", "-i", f"color=0x30363f:s={WIDTH}x{HEIGHT}:r={FPS}:d={LENGTH_S}"]
        inputs += ["-f", "lavfi", "-i", f"color=0xf0f0f0:s={SQUARE}x{SQUARE}:r={FPS}:d={LENGTH_S}"]
        picture = f"[0][1]overlay=x='{START}+{SPEED}*t':y={TOP},format=yuv420p"
    else:
        inputs = ["-stream_loop", "-1", "-i", str(source)]
        picture = f"[0]scale={WIDTH}:{HEIGHT},fps={FPS},format=yuv420p"
    encode = ["-c:v", "libx264", "-profile:v", "baseline", "-level", "3.0", "-g", str(FPS)]
    encode += ["-bf", "0", "-preset", "ultrafast", "-tune", "zerolatency", "-t", str(LENGTH_S)]
    pack = ["-video_track_timescale", str(TICKS), "-f", "mp4", "-movflags"]
    pack += ["frag_every_frame+empty_moov+default_base_moof"]
    command = ["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", picture]
    subprocess.run([*command, "-an", *encode, *pack, str(path)], check=True)
    minute = path.with_name(f"{path.stem}-minute.mp4")
    loop = ["-stream_loop", str(60 // LENGTH_S - 1), "-i", str(path), "-c", "copy"]
    command = ["ffmpeg", "-v", "error", "-y", *loop, "-movflags", "+faststart", str(minute)]
    subprocess.run(command, check=True)
    return Clip(path.read_bytes(), minute)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One picture: `moof` and `mdat` together, and its place in the clip."""

    data: bytes
    ticks: int
    time_offset: int
    """Where in `data` the decode time is written."""
    time_size: int


class Clip:
    """A fragmented MP4 that never ends."""

    def __init__(self, data: bytes, minute: Path) -> None:
        self.minute = minute
        """A file of one minute, as a recording is."""
        self.init = b""
        self.fragments: list[Fragment] = []
        head = b""
        for kind, box in top_boxes(data):
            if kind in {b"ftyp", b"moov"}:
                self.init += box
            elif kind == b"moof":
                head = box
            elif kind == b"mdat":
                self.fragments.append(parse_fragment(head + box))

    @property
    def length_ticks(self) -> int:
        """Length of one round."""
        return LENGTH_S * TICKS

    def fragment(self, number: int) -> tuple[int, bytes]:
        """The `number`th picture of the endless stream: its decode time and its boxes."""
        rounds, index = divmod(number, len(self.fragments))
        found = self.fragments[index]
        ticks = found.ticks + rounds * self.length_ticks
        written = ticks.to_bytes(found.time_size, "big")
        end = found.time_offset + found.time_size
        return ticks, found.data[: found.time_offset] + written + found.data[end:]


def top_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of the outermost level (ISO/IEC 14496-12 §4.2)."""
    position = 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position : position + size]
        position += size


def parse_fragment(data: bytes) -> Fragment:
    """Find the decode time in `tfdt` (ISO/IEC 14496-12 §8.8.12)."""
    kind_at = data.index(b"tfdt")
    size = 8 if data[kind_at + 4] == 1 else 4
    offset = kind_at + 8
    return Fragment(data, int.from_bytes(data[offset : offset + size], "big"), offset, size)
