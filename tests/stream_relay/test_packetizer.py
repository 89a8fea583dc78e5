"""A pretend camera's packets and faults."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.access_unit import Codec
from stream_relay.formats import PsDemuxer, ReorderBuffer, parse_packet
from stream_relay.packetizer import FaultyPath, MediaFaults, Packetizer
from tests.stream_relay.media import pictures, sound

NUMBERED = [b"%03d" % number for number in range(300)]


def test_packets_carry_the_frames_time_and_the_marker_at_its_end() -> None:
    packetizer = Packetizer(7, Codec.H264, None, payload_bytes=150, first_sequence=65534)
    unit = pictures(2)[1]
    packets = [parse_packet(data) for data in packetizer.packets(unit)]
    assert len(packets) > 2
    assert {packet.timestamp for packet in packets} == {unit.dts_ticks}
    assert [packet.marker for packet in packets] == [False] * (len(packets) - 1) + [True]
    assert [packet.sequence for packet in packets[:3]] == [65534, 65535, 0]
    assert {packet.ssrc for packet in packets} == {7}


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(20, 1388))
def test_a_receiver_gets_back_what_was_sent(first: int, ticks: int, size: int) -> None:
    packetizer = Packetizer(
        7, Codec.H264, Codec.G711A, payload_bytes=size, first_sequence=first, first_ticks=ticks
    )
    sent = [u for unit in pictures(12) for u in (unit, sound(unit.dts_ticks // 3600))]
    order, demuxer = ReorderBuffer(), PsDemuxer()
    out = [
        unit
        for item in sent
        for data in packetizer.packets(item)
        for packet in order.push(parse_packet(data), 0.0)
        for unit in demuxer.push(packet.payload, packet.timestamp, packet.marker)
    ]
    assert [unit.data for unit in out] == [unit.data for unit in sent]
    assert [unit.dts_ticks for unit in out] == [unit.dts_ticks for unit in sent]


def test_without_faults_every_packet_passes_in_order() -> None:
    assert list(FaultyPath(MediaFaults(), random.Random(1)).passed(NUMBERED)) == NUMBERED


def test_loss_is_about_as_asked_and_counted() -> None:
    path = FaultyPath(MediaFaults(loss=0.1), random.Random(1))
    out = list(path.passed(NUMBERED))
    assert len(out) + path.lost == 300
    assert 15 < path.lost < 45


def test_reordered_packets_come_three_later_and_none_is_lost() -> None:
    out = list(FaultyPath(MediaFaults(reorder=0.1), random.Random(1)).passed(NUMBERED))
    assert out != NUMBERED
    moved = [at - NUMBERED.index(packet) for at, packet in enumerate(out)]
    assert max(moved) == 3
    assert len(set(out)) >= 297


def test_duplicates_follow_their_packet() -> None:
    out = list(FaultyPath(MediaFaults(duplicate=0.1), random.Random(1)).passed(NUMBERED))
    assert len(out) > 310
    assert sorted(out) == out


@pytest.mark.parametrize(
    ("faults", "silent"),
    [
        (MediaFaults(), []),
        (MediaFaults(silence_after_s=2), [2, 3, 100]),
        (MediaFaults(silence_after_s=2, silence_s=1), [2]),
    ],
)
def test_silence_begins_and_may_end(faults: MediaFaults, silent: list[int]) -> None:
    assert [second for second in (0, 1, 2, 3, 100) if faults.is_silent(second)] == silent
