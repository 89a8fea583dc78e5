from dataclasses import replace

import pytest

from stream_relay.formats import RtpPacket
from stream_relay.sources.latch import (
    MAX_CANDIDATES,
    MAX_HELD_PACKETS,
    PROBATION_S,
    LatchPolicy,
    LatchState,
    Peer,
    SourceLatch,
)
from tests.stream_relay.media import SSRC, rtp

DEVICE: Peer = ("10.0.0.1", 5000)
STRANGER: Peer = ("10.0.0.66", 6000)
CHECKED = LatchPolicy(SSRC, ssrc_check=True, hosts=frozenset({DEVICE[0]}))
LENIENT = replace(CHECKED, ssrc_check=False)
ANYWHERE = replace(LENIENT, hosts=frozenset())


def feed(
    latch: SourceLatch,
    peer: Peer,
    count: int,
    *,
    now: float = 0.0,
    first: int = 1,
    ssrc: int = SSRC,
    step_s: float = 0.0,
) -> list[list[RtpPacket] | None]:
    return [latch.admit(rtp(first + n, ssrc), peer, now + n * step_s) for n in range(count)]


def sequences(results: list[list[RtpPacket] | None]) -> list[int]:
    return [packet.sequence for result in results if result for packet in result]


def test_device_is_locked_after_two_packets_and_loses_none():
    latch = SourceLatch(CHECKED)
    results = feed(latch, DEVICE, 4)
    assert results[0] == []
    assert sequences(results) == [1, 2, 3, 4]
    assert (latch.peer, latch.ssrc, latch.state) == (DEVICE, SSRC, LatchState.LOCKED)


def test_packet_with_another_ssrc_is_refused_when_it_is_checked():
    latch = SourceLatch(CHECKED)
    assert feed(latch, DEVICE, 3, ssrc=1) == [None, None, None]
    assert latch.peer is None


def test_device_with_its_own_ssrc_is_taken_when_it_is_not_checked():
    latch = SourceLatch(LENIENT)
    assert sequences(feed(latch, DEVICE, 3, ssrc=77)) == [1, 2, 3]
    assert latch.ssrc == 77


def test_one_packet_of_a_port_sprayer_locks_nothing():
    latch = SourceLatch(ANYWHERE)
    assert feed(latch, STRANGER, 1) == [[]]
    assert latch.state is LatchState.OPEN


@pytest.mark.parametrize("policy", [CHECKED, LENIENT])
def test_stranger_who_is_first_loses_to_the_device_within_probation(policy):
    latch = SourceLatch(policy)
    assert sequences(feed(latch, STRANGER, 20)) == []
    assert sequences(feed(latch, DEVICE, 3, now=PROBATION_S - 0.1, first=500)) == [500, 501, 502]
    assert feed(latch, STRANGER, 1, now=PROBATION_S, first=21) == [None]


def test_device_behind_another_address_is_taken_after_probation_without_loss():
    latch = SourceLatch(CHECKED)
    results = feed(latch, STRANGER, 61, step_s=0.01)
    assert sequences(results) == list(range(1, 62))
    assert latch.peer == STRANGER


def test_stranger_who_was_locked_loses_to_the_device_that_comes_late():
    latch = SourceLatch(LENIENT)
    feed(latch, STRANGER, 61, step_s=0.01)
    results = feed(latch, DEVICE, 10, now=0.61, first=900)
    assert sequences(results) == list(range(900, 910))
    assert latch.peer == DEVICE


def test_locked_device_stays_against_a_stranger_with_the_right_ssrc():
    latch = SourceLatch(CHECKED)
    feed(latch, DEVICE, 5)
    for second in range(100):
        now = second * 0.5
        assert latch.admit(rtp(100 + second), DEVICE, now) is not None
        assert latch.admit(rtp(7000 + second), STRANGER, now) is None
    assert latch.peer == DEVICE


def test_locked_source_stays_when_nobody_knows_the_host():
    latch = SourceLatch(ANYWHERE)
    feed(latch, DEVICE, 3)
    assert sequences(feed(latch, STRANGER, 50, now=1.0)) == []


def test_other_source_with_valid_ssrc_is_taken_after_silence():
    latch = SourceLatch(CHECKED)
    moved = (DEVICE[0], 5999)
    feed(latch, DEVICE, 3)
    assert feed(latch, moved, 3, now=CHECKED.silence_s - 0.1) == [None, None, None]
    results = feed(latch, moved, 3, now=CHECKED.silence_s, first=50)
    assert sequences(results) == [50, 51, 52]


def test_other_source_without_valid_ssrc_is_not_taken_even_after_silence():
    latch = SourceLatch(CHECKED)
    feed(latch, DEVICE, 3)
    assert sequences(feed(latch, STRANGER, 50, now=1000.0, ssrc=1, step_s=0.1)) == []


def test_encoder_that_restarts_with_another_ssrc_goes_on_after_a_short_silence():
    latch = SourceLatch(LENIENT)
    feed(latch, DEVICE, 3, ssrc=5)
    assert feed(latch, DEVICE, 1, now=PROBATION_S / 2, ssrc=6) == [None]
    assert sequences(feed(latch, DEVICE, 2, now=PROBATION_S, ssrc=6)) == [1, 2]


def test_next_connection_needs_no_silence_once_the_locked_one_closed():
    latch = SourceLatch(CHECKED)
    feed(latch, DEVICE, 3)
    latch.release()
    assert sequences(feed(latch, (DEVICE[0], 5001), 2, now=0.1)) == [1, 2]


def test_sprayed_addresses_do_not_keep_the_device_out():
    latch = SourceLatch(LENIENT)
    for number in range(MAX_CANDIDATES * 5):
        feed(latch, ("10.0.0.66", 1000 + number), 2, ssrc=number)
    assert sequences(feed(latch, DEVICE, 2, first=9)) == [9, 10]


def test_packets_held_on_probation_are_bounded():
    latch = SourceLatch(CHECKED)
    results = feed(latch, STRANGER, MAX_HELD_PACKETS * 2)
    assert sequences(results) == list(range(1, MAX_HELD_PACKETS * 2 + 1))
    assert max(len(result or ()) for result in results) == MAX_HELD_PACKETS


def test_answer_with_another_ssrc_is_taken_over():
    latch = SourceLatch(CHECKED)
    feed(latch, DEVICE, 3)
    latch.agree(replace(CHECKED, ssrc=42))
    assert latch.state is LatchState.OPEN
    assert feed(latch, DEVICE, 1) == [None]
    assert sequences(feed(latch, DEVICE, 2, ssrc=42)) == [1, 2]


def test_answer_that_agrees_disturbs_nothing():
    latch = SourceLatch(CHECKED)
    feed(latch, DEVICE, 3)
    latch.agree(replace(CHECKED, hosts=frozenset({"10.0.0.2"})))
    assert latch.peer == DEVICE
