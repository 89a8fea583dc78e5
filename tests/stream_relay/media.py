"""A camera made of bytes for the tests of this folder: pictures, packets, and a set clock."""

import io
import json
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import av

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.formats import PsDemuxer, RtpPacket, build_packet
from stream_relay.formats.ps_mux import PsMuxer

START = b"\0\0\0\1"
SPS_320X240 = bytes.fromhex("674d400dda0507ec0440000003004000000ca3c50aa8")
SPS_640X480 = bytes.fromhex("674d401eda0280f6c0440000030004000003 00ca3c58ba80".replace(" ", ""))
PPS = bytes.fromhex("68ef0fc8")
VIDEO = Track(Kind.VIDEO, Codec.H264, parameter_sets=(SPS_320X240, PPS), width=320, height=240)
WIDER = Track(Kind.VIDEO, Codec.H264, parameter_sets=(SPS_640X480, PPS), width=640, height=480)
G711 = Track(Kind.AUDIO, Codec.G711A, sample_rate=8000, channels=1)
SVAC = Track(Kind.VIDEO, Codec.SVAC)
FRAME_TICKS = 3600
EPOCH = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SSRC = 200000001


def picture(
    index: int, *, is_key: bool = False, track: Track = VIDEO, size: int = 400
) -> AccessUnit:
    """Picture `index` of a 25 fps stream; its data tell the index."""
    filler = (b"%06d" % index) * (size // 6 + 1)
    if is_key:
        sets = b"".join(START + item for item in track.parameter_sets)
        data = sets + START + b"\x65\x88" + filler
    else:
        data = START + b"\x41\x9a" + filler
    ticks = index * FRAME_TICKS
    return AccessUnit(Kind.VIDEO, track.codec, ticks, ticks, is_key, data, track)


def sound(index: int, ticks: int | None = None) -> AccessUnit:
    """40 ms of G.711 that belong to picture `index`."""
    ticks = index * FRAME_TICKS if ticks is None else ticks
    return AccessUnit(Kind.AUDIO, Codec.G711A, ticks, ticks, True, b"\xd5" * 320, G711)


def pictures(count: int, gop: int = 10, start: int = 0, track: Track = VIDEO) -> list[AccessUnit]:
    """A run of pictures, a key each `gop`."""
    return [
        picture(index, is_key=(index - start) % gop == 0, track=track)
        for index in range(start, start + count)
    ]


@dataclass
class Camera:
    """Cuts pictures into RTP packets like a device: PS, 90 kHz, marker at the end of a frame."""

    ssrc: int = SSRC
    sequence: int = 100
    payload_bytes: int = 300
    muxer: PsMuxer = field(default_factory=PsMuxer)

    def packets(self, units: Sequence[AccessUnit]) -> list[bytes]:
        """The packets of these units in order."""
        return [packet for unit in units for packet in self._of(unit)]

    def _of(self, unit: AccessUnit) -> Iterator[bytes]:
        pack = self.muxer.mux(unit)
        pieces = [
            pack[start : start + self.payload_bytes]
            for start in range(0, len(pack), self.payload_bytes)
        ]
        for number, piece in enumerate(pieces):
            is_last = number == len(pieces) - 1
            yield build_packet(96, is_last, self.sequence, unit.pts_ticks, self.ssrc, piece)
            self.sequence = (self.sequence + 1) & 0xFFFF


@dataclass
class Clock:
    """Wall and monotonic time that only move when told."""

    now: float = 1000.0

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now - 1000.0)


def rtp(sequence: int, ssrc: int = SSRC, payload: bytes = b"") -> RtpPacket:
    """A packet already read."""
    return RtpPacket(96, False, sequence & 0xFFFF, 0, ssrc, payload)


def udp_socket(host: str = "127.0.0.1") -> socket.socket:
    """A sender at a port of its own; other addresses of 127/8 stand for other hosts."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock


@cache
def clip(seconds: int = 6, gop: int = 25, size: str = "160x120") -> tuple[AccessUnit, ...]:
    """A real H.264 clip of 25 fps as a device's access units."""
    source = f"testsrc2=size={size}:rate=25"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-t", str(seconds)]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", str(gop)]
    command += ["-pix_fmt", "yuv420p", "-f", "h264", "pipe:1"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    muxer, demuxer, units = PsMuxer(), PsDemuxer(), []
    with av.open(io.BytesIO(data), format="h264") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for index, packet in enumerate(packets):
        ticks = index * FRAME_TICKS
        unit = AccessUnit(Kind.VIDEO, Codec.H264, ticks, ticks, packet.is_keyframe, bytes(packet))
        units += demuxer.push(muxer.mux(unit), ticks, True)
    return tuple(units)


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe says of the video, every picture decoded; any complaint of it fails."""
    entries = "stream=codec_name,width,height,avg_frame_rate,nb_read_frames,start_time"
    command = ["ffprobe", "-v", "warning", "-count_frames", "-select_streams", "v:0"]
    command += ["-show_entries", f"{entries}:format=duration,start_time", "-of", "json", str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stderr == "", result.stderr
    answer = json.loads(result.stdout)
    return {**answer["format"], **answer["streams"][0]}
