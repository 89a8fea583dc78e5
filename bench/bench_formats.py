"""Parsers: CPU per second of a 4 Mbit/s stream, compiled twin against plain, in one run.

Input: 25 fps, 20 kB a picture, PS in RTP packets of 1400 bytes, as many as a camera sends in 20 s.
Each figure is the median of three runs of CPU time; the ratio is what to compare between machines.
"""

import statistics
import time
from collections.abc import Callable
from types import ModuleType

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.formats import annexb, jitter, ps, rtp
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.formats.twins import is_compiled, twin
from stream_relay.outputs import flv, fmp4
from stream_relay.outputs.output import Output

SECONDS = 20
FRAME_RATE = 25
FRAME_BYTES = 20_000
PAYLOAD_BYTES = 1388
REPEATS = 3
SPS = bytes.fromhex("674d400dda0507ec0440000003004000000ca3c50aa8")
PPS = bytes.fromhex("68ef0fc8")


def noise(size: int, seed: int) -> bytes:
    """Bytes without start codes that look compressed."""
    value = seed * 2_654_435_761 % (1 << 32) or 1
    out = bytearray()
    while len(out) < size:
        value ^= value << 13 & 0xFFFFFFFF
        value ^= value >> 17
        value ^= value << 5 & 0xFFFFFFFF
        out += value.to_bytes(4, "big")
    return bytes(out[:size]).replace(b"\x00\x00", b"\x00\x5a")


def packets() -> list[bytes]:
    """What a camera sends in SECONDS."""
    muxer, sequence, sent = PsMuxer(Codec.H264), 0, []
    bodies = [noise(FRAME_BYTES, seed) for seed in range(1, 26)]
    for index in range(SECONDS * FRAME_RATE):
        is_key = index % 50 == 0
        head = (
            b"\0\0\0\1" + SPS + b"\0\0\0\1" + PPS + b"\0\0\0\1\x65\x88"
            if is_key
            else b"\0\0\0\1\x41\x9a"
        )
        stamp = 90_000 + index * 3600
        unit = AccessUnit(Kind.VIDEO, Codec.H264, stamp, stamp, is_key, head + bodies[index % 25])
        pack = muxer.mux(unit)
        for start in range(0, len(pack), PAYLOAD_BYTES):
            last = start + PAYLOAD_BYTES >= len(pack)
            payload = pack[start : start + PAYLOAD_BYTES]
            sent.append(rtp.build_packet(96, last, sequence, stamp, 200000001, payload))
            sequence += 1
    return sent


def parse(module: ModuleType, data: list[bytes]) -> list[rtp.RtpPacket]:
    return [module.parse_packet(packet) for packet in data]


def reorder(module: ModuleType, data: list[rtp.RtpPacket]) -> int:
    buffer = module.ReorderBuffer()
    return sum(len(buffer.push(packet, 0.0)) for packet in data)


def demux(module: ModuleType, data: list[rtp.RtpPacket]) -> list[AccessUnit]:
    demuxer = module.PsDemuxer()
    units: list[AccessUnit] = []
    for packet in data:
        units += demuxer.push(packet.payload, packet.timestamp, packet.marker)
    assert len(units) == SECONDS * FRAME_RATE
    return units


def scan(module: ModuleType, units: list[AccessUnit]) -> int:
    return sum(len(module.nal_spans(unit.data)) for unit in units)


def mux(output: Output, units: list[AccessUnit]) -> int:
    """One format for all its viewers; what each chunk costs to reach Python is in the figure."""
    output.start(tuple(unit.description for unit in units[:1] if unit.description is not None))
    return sum(len(output.take(unit)[1]) for unit in units)


def milliseconds(work: Callable[[], object]) -> float:
    """Median CPU milliseconds per stream-second."""
    taken = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken) * 1000 / SECONDS


def compare(name: str, plain: ModuleType, run: Callable[[ModuleType], object]) -> None:
    package, _, leaf = plain.__name__.rpartition(".")
    compiled = twin(leaf, package)
    slow, fast = milliseconds(lambda: run(plain)), milliseconds(lambda: run(compiled))
    print(f"{name:<28}{fast:8.3f}{slow:8.3f}{fast / slow:8.2f}")


def main() -> None:
    if not is_compiled("ps"):
        print("not compiled: both columns are the plain module")
    sent = packets()
    parsed = parse(rtp, sent)
    units = demux(ps, parsed)
    print(f"ms of CPU per second of a {len(b''.join(sent)) * 8 / SECONDS / 1e6:.1f} Mbit/s stream")
    print(f"{'':<28}{'twin':>8}{'plain':>8}{'ratio':>8}")
    compare("RTP parse", rtp, lambda module: parse(module, sent))
    compare("reorder buffer", jitter, lambda module: reorder(module, parsed))
    compare("PS demux", ps, lambda module: demux(module, parsed))
    compare("NAL scan", annexb, lambda module: scan(module, units))
    compare("FLV mux", flv, lambda module: mux(module.FlvOutput(), units))
    compare("fMP4 mux", fmp4, lambda module: mux(module.Fmp4Output(), units))


if __name__ == "__main__":
    main()
