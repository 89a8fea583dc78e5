"""Reordering, loss and restarts (RFC 3550 A.1, threats case 22), plain and compiled."""

import random
from dataclasses import astuple
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.formats.jitter import MAX_HELD_BYTES
from stream_relay.formats.rtp import RtpPacket
from tests.stream_relay.formats.clips import TWINS, module


@pytest.fixture(params=TWINS)
def jitter(request: pytest.FixtureRequest) -> ModuleType:
    return module("jitter", request.param)


def packet(sequence: int, ssrc: int = 1) -> RtpPacket:
    return RtpPacket(96, False, sequence & 0xFFFF, 0, ssrc, b"")


def feed(buffer: Any, sequences: list[int], now: float = 0.0) -> list[int]:
    return [p.sequence for s in sequences for p in buffer.push(packet(s), now)]


def test_packets_in_order_pass_at_once_over_the_wrap(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    assert feed(buffer, [65534, 65535, 0, 1]) == [65534, 65535, 0, 1]
    assert buffer.deadline() is None
    assert buffer.statistics.received == 4


def test_swapped_packets_come_out_in_order(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    assert feed(buffer, [10, 12, 13, 11, 14]) == [10, 11, 12, 13, 14]
    assert (buffer.statistics.reordered, buffer.statistics.lost) == (1, 0)


def test_a_gap_is_given_up_after_the_wait_and_marked(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer(max_wait_s=0.1)
    feed(buffer, [1])
    assert feed(buffer, [4], now=1.0) == []
    assert buffer.deadline() == pytest.approx(1.1)
    assert buffer.poll(1.05) == []
    [late] = buffer.poll(1.1)
    assert (late.sequence, late.lost_before) == (4, 2)
    assert buffer.statistics.lost == 2


def test_a_gap_is_given_up_when_the_window_is_full(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer(window=3)
    assert feed(buffer, [1, 3, 4, 5]) == [1]
    assert feed(buffer, [6]) == [3, 4, 5, 6]
    assert buffer.statistics.lost == 1


def test_duplicates_are_dropped(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    assert feed(buffer, [1, 1, 3, 3, 2, 2]) == [1, 2, 3]
    assert buffer.statistics.duplicate == 3


def test_a_packet_after_its_turn_is_late_not_lost(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer(window=1)
    feed(buffer, [1, 3, 4])
    assert buffer.statistics.lost == 1
    assert feed(buffer, [2]) == []
    assert (buffer.statistics.lost, buffer.statistics.late) == (0, 1)


def test_a_restart_needs_two_packets_and_marks_a_gap(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    feed(buffer, [1, 2])
    assert buffer.push(packet(40000), 0.0) == []
    first, second = buffer.push(packet(40001), 0.0)
    assert (first.sequence, first.lost_before, second.sequence) == (40000, 1, 40001)
    assert buffer.statistics.resets == 1
    assert feed(buffer, [40002]) == [40002]


def test_a_changed_ssrc_is_a_restart(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    feed(buffer, [1, 2])
    assert buffer.push(packet(3, ssrc=2), 0.0) == []
    assert [p.ssrc for p in buffer.push(packet(4, ssrc=2), 0.0)] == [2, 2]


def test_a_stray_packet_changes_nothing(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    assert feed(buffer, [1, 30000, 2, 3]) == [1, 2, 3]
    assert buffer.statistics.stray == 1


def test_loss_is_counted_as_injected(jitter: ModuleType) -> None:
    order = random.Random(7)
    buffer = jitter.ReorderBuffer()
    sent = list(range(60000, 60000 + 9000))
    kept = [s for s in sent[1:-1] if order.random() > 0.05]
    out: list[int] = []
    for index, sequence in enumerate([sent[0], *kept, sent[-1]]):
        now = index * 0.003
        out += [p.sequence for p in buffer.push(packet(sequence), now)]
        out += [p.sequence for p in buffer.poll(now)]
    out += [p.sequence for p in buffer.poll(1e9)]
    assert buffer.statistics.lost == len(sent) - 2 - len(kept)
    assert out == [s & 0xFFFF for s in [sent[0], *kept, sent[-1]]]


@pytest.mark.parametrize("kind", TWINS)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 8))
def test_output_rises_and_memory_is_bounded(kind: str, moves: list[int], window: int) -> None:
    buffer = module("jitter", kind).ReorderBuffer(window=window, max_wait_s=0.05)
    out: list[int] = []
    for index, offset in enumerate(moves):
        out += feed(buffer, [(65500 + index + offset) & 0xFFFF], now=index * 0.01)
    unwrapped = [(s - 65000) & 0xFFFF for s in out]
    assert unwrapped == sorted(set(unwrapped))
    assert buffer.statistics.received == len(moves)


def test_bytes_that_wait_are_bounded(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    large = [RtpPacket(96, False, number, 0, 1, bytes(60_000)) for number in range(40)]
    out = [buffer.push(packet, 0.0) for number, packet in enumerate(large) if number != 1]
    sizes = [len(packets) for packets in out if packets]
    assert sizes[:2] == [1, MAX_HELD_BYTES // 60_012 + 1]
    assert buffer.statistics.lost == 1


def test_packets_held_at_a_restart_come_out_with_their_gaps_marked(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    feed(buffer, [1, 3, 6, 40000])
    out = [(p.sequence, p.lost_before) for p in buffer.push(packet(40001), 0.0)]
    assert out == [(3, 1), (6, 2), (40000, 1), (40001, 0)]


def test_held_packets_come_out_as_they_went_in(jitter: ModuleType) -> None:
    buffer = jitter.ReorderBuffer()
    sizes = {1: 5, 3: 1400, 4: 9000, 5: 0, 2: 2036}
    out = [
        (p.sequence, p.timestamp, p.marker, p.payload)
        for number, size in sizes.items()
        for p in buffer.push(
            RtpPacket(96, number == 4, number, number, 1, bytes([number]) * size), 0.0
        )
    ]
    assert out == [(n, n, n == 4, bytes([n]) * sizes[n]) for n in range(1, 6)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from((1, 1, 1, 1, 0, 2, 3, -1, -5, 900, 1001, -999, 30000)),
            st.sampled_from((0.0, 0.001, 0.06, 0.2)),
            st.sampled_from((1, 1, 1, 1, 1, 2)),
        ),
        max_size=120,
    ),
    st.integers(1, 40),
)
def test_both_twins_put_the_same_order_into_anything(
    moves: list[tuple[int, float, int]], window: int
) -> None:
    seen = []
    for kind in TWINS:
        buffer = module("jitter", kind).ReorderBuffer(window=window)
        sequence, now, out = 65530, 0.0, []
        for step, pause, ssrc in moves:
            sequence, now = sequence + step, now + pause
            out += [
                (p.sequence, p.ssrc, p.lost_before)
                for p in buffer.push(packet(sequence, ssrc), now)
            ]
            out.append(buffer.deadline())
        out += [(p.sequence, p.lost_before) for p in buffer.poll(now + 1)]
        seen.append((out, astuple(buffer.statistics)))
    assert seen[0] == seen[1]
