"""Datagrams of several peers: nothing may be raised, both twins use and refuse the same.

An input is a row of records: a control byte (peer, pause, whether time is polled), a length byte,
and so many bytes of a datagram.
"""

from types import ModuleType
from typing import Any

from stream_relay.formats import callbacks, rtp, units
from stream_relay.formats.rtp import build_packet
from stream_relay.formats.twins import twin
from stream_relay.sources import intake, latch
from stream_relay.sources.policy import LatchPolicy

SOURCES = "stream_relay.sources"
PLAIN = (intake, latch, callbacks, rtp, units)
COMPILED = (
    twin("intake", SOURCES),
    twin("latch", SOURCES),
    twin("callbacks"),
    twin("rtp"),
    twin("units"),
)
DEVICE_HOST = 0x0A000001
PAUSES_US = (0, 1_000, 30_000, 700_000)
SSRC = 7


def record(peer: int, pause: int, sequence: int, ssrc: int = SSRC, payload: bytes = b"x") -> bytes:
    """One packet of a peer (0 and 1: the device's host) after a pause (0 to 3)."""
    packet = build_packet(96, sequence % 3 == 0, sequence, sequence * 9, ssrc, payload)
    return bytes([peer | pause << 2, len(packet)]) + packet


SEEDS: list[bytes] = [
    b"".join(record(0, 1, number) for number in (65534, 65535, 0, 2, 1, 1, 3, 6, 7, 5)),
    b"".join(record(0, 2, number) for number in (1, 2, 5, 6, 9, 4, 40_000, 40_001, 40_002)),
    b"".join(record(2, 2, number) + record(0, 1, 900 + number) for number in range(12)),
    b"".join(record(2, 3, number) for number in range(6))
    + b"".join(record(1, 1, number, 8) for number in range(300, 312)),
    record(0, 0, 1) + record(0, 0, 2) + b"\x00\x04\x80\xc8\x00\x01" + record(3, 0, 3, 9),
]


def outcome(modules: tuple[ModuleType, ...], data: bytes, is_checked: bool) -> list[Any]:
    """Verdicts, what the depacketizer and a forward were told, events and counters."""
    intakes, latches, calls, packets, sinks = modules
    told: list[Any] = []
    policy = LatchPolicy(SSRC, is_checked, frozenset({DEVICE_HOST}))
    taken = intakes.Intake(
        sinks.UnitSink(),
        latches.SourceLatch(policy),
        reorder_window=8,
        choose=lambda *facts: calls.CallbackDepacketizer(lambda *call: told.append(call)),
    )
    forward = packets.PacketList()
    taken.add_forward(forward)
    now_us, position = 0, 0
    while position + 2 <= len(data):
        control, size = data[position], data[position + 1]
        now_us += PAUSES_US[control >> 2 & 3]
        peer = (DEVICE_HOST + (control >> 1 & 1)) << 16 | control & 1
        if control & 0x10:
            taken.tick(now_us)
        told.append(taken.push(data[position + 2 : position + 2 + size], peer, now_us))
        if control & 0x20:
            told += taken.take_events(now_us)
        position += 2 + size
    taken.flush()
    told += taken.take_events(now_us + 2_000_000)
    report = taken.reception(None, now_us)
    names = ("packets", "bytes", "lost", "reordered", "duplicate", "late", "resets", "malformed")
    told += [getattr(taken, name) for name in (*names, "rejected", "rtcp", "source", "ssrc")]
    return [*told, report, forward.take()]


def one_case(data: bytes) -> None:
    """With the SSRC checked and not."""
    for is_checked in (True, False):
        assert outcome(PLAIN, data, is_checked) == outcome(COMPILED, data, is_checked)
