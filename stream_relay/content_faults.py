"""What a camera may send instead of a proper program stream, as switches of the pretend camera.

Sans-IO: an access unit or a pack goes in, the payloads of its packets come out. Beside the quirks
(`media_quirks`), with which pictures come all the same, these are what the stream doctor tells
apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.formats import split_nals
from stream_relay.formats.pes import build_pes_header
from stream_relay.formats.stream_map import crc32_mpeg
from stream_relay.media_quirks import MediaQuirks

H264_NUMBER, H265_NUMBER = 98, 100
"""RTP payload types of elementary streams (GB/T 28181-2022 C.2.4)."""
FU_A, FU_265 = 28, 49
VIDEO_STREAM = 0xE0
TS_BYTES, TS_BODY = 188, 184
PMT_PID, VIDEO_PID = 0x100, 0x101
PER_PACKET = 7
"""Transport stream packets in one RTP packet."""
TYPES = {Codec.H264: 0x1B, Codec.H265: 0x24}
SVAC_TYPE, MAP_ENTRY = 0x80, 12


@dataclass(frozen=True, slots=True)
class ContentFaults(MediaQuirks):
    """One switch for each; all off is what was agreed."""

    as_ts: bool = False
    """A transport stream instead of a program stream."""
    as_es: bool = False
    """The bare video stream (RFC 6184, RFC 7798) instead of a program stream."""
    garbage: bool = False
    """Every payload is filled with 0xFF."""
    encrypted: bool = False
    """Every payload is as good as noise."""
    no_key_frames: bool = False
    """Every picture needs one that never comes."""
    svac: bool = False
    """The stream map says SVAC, and the pictures are no H.264 or H.265."""


def faulty_unit(unit: AccessUnit, faults: ContentFaults) -> AccessUnit | None:
    """What is muxed instead of a unit; None: nothing."""
    if unit.track is not Kind.VIDEO:
        return unit
    if faults.no_key_frames and unit.is_key:
        return None
    if faults.svac:
        return replace(unit, data=b"SVAC" + b"\xa5" * max(len(unit.data) - 4, 1))
    return unit


def faulty_map(pack: bytes, faults: ContentFaults) -> bytes:
    """A pack whose stream map names SVAC."""
    start = pack.find(b"\0\0\1\xbc") if faults.svac else -1
    if start < 0:
        return pack
    place = start + MAP_ENTRY
    return pack[:place] + bytes((SVAC_TYPE,)) + pack[place + 1 :]


def spoilt(payload: bytes, faults: ContentFaults, chance: Random) -> bytes:
    """One payload as it leaves."""
    if faults.garbage:
        return b"\xff" * len(payload)
    return chance.randbytes(len(payload)) if faults.encrypted else payload


def bare_payloads(unit: AccessUnit, codec: Codec, size: int) -> Iterator[bytes]:
    """A picture as payloads of an elementary stream: each NAL unit whole, or in fragments."""
    for nal in split_nals(unit.data):
        if len(nal) <= size:
            yield nal
        elif codec is Codec.H265:
            kind = nal[0] >> 1 & 0x3F
            head = bytes((nal[0] & 0x81 | FU_265 << 1, nal[1]))
            yield from _fragments(head, kind, nal[2:], size - 3)
        else:
            head = bytes((nal[0] & 0xE0 | FU_A,))
            yield from _fragments(head, nal[0] & 0x1F, nal[1:], size - 2)


def _fragments(head: bytes, kind: int, body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        first, last = start == 0, start + size >= len(body)
        yield head + bytes((first << 7 | last << 6 | kind,)) + body[start : start + size]


class TsWriter:
    """One video track as a transport stream, its tables before each unit."""

    def __init__(self, codec: Codec) -> None:
        self._counts = {0: 0, PMT_PID: 0, VIDEO_PID: 0}
        pat = b"\0\1\xc1\0\0" + b"\0\1" + (0xE000 | PMT_PID).to_bytes(2, "big")
        entry = bytes((TYPES[codec],)) + (0xE000 | VIDEO_PID).to_bytes(2, "big") + b"\xf0\0"
        clock = (0xE000 | VIDEO_PID).to_bytes(2, "big")
        self._tables = (
            (0, _section(0, pat)),
            (PMT_PID, _section(2, b"\0\1\xc1\0\0" + clock + b"\xf0\0" + entry)),
        )

    def payloads(self, unit: AccessUnit) -> Iterator[bytes]:
        """A unit as payloads of RTP packets; sound is left out."""
        if unit.track is not Kind.VIDEO:
            return
        head = bytearray(build_pes_header(VIDEO_STREAM, 0, unit.pts_ticks, unit.dts_ticks))
        head[4:6] = b"\0\0"  # the length of a picture is open
        packets = [piece for pid, body in self._tables for piece in self._cut(pid, b"\0" + body)]
        packets += self._cut(VIDEO_PID, bytes(head) + unit.data)
        for start in range(0, len(packets), PER_PACKET):
            yield b"".join(packets[start : start + PER_PACKET])

    def _cut(self, pid: int, body: bytes) -> Iterator[bytes]:
        for start in range(0, len(body), TS_BODY):
            piece = body[start : start + TS_BODY]
            count = self._counts[pid]
            self._counts[pid] = count + 1 & 15
            head = bytes((0x47, (0x40 if start == 0 else 0) | pid >> 8, pid & 0xFF))
            stuffing = TS_BODY - len(piece)
            if stuffing == 0:
                yield head + bytes((0x10 | count,)) + piece
            elif pid != VIDEO_PID:
                yield head + bytes((0x10 | count,)) + piece + b"\xff" * stuffing
            else:
                field = (bytes((stuffing - 1, 0)) + b"\xff" * stuffing)[:stuffing]
                yield head + bytes((0x30 | count,)) + field + piece


def _section(table: int, body: bytes) -> bytes:
    head = bytes((table, 0xB0 | len(body) + 4 >> 8, len(body) + 4 & 0xFF)) + body
    return head + crc32_mpeg(head).to_bytes(4, "big")
