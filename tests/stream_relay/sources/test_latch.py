"""Whose packets count (threats cases 19, 20), plain and compiled; the seconds here are exact."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from stream_relay.formats import build_packet, parse_packet
from stream_relay.sources.latch import (
    MAX_CANDIDATES,
    MAX_HELD_BYTES,
    MAX_HELD_PACKETS,
    PROBATION_US,
    SourceLatch,
)
from stream_relay.sources.peers import host_key, host_keys, peer_key
from stream_relay.sources.policy import MAX_HOSTS, LatchPolicy, LatchState
from tests.stream_relay.formats.clips import TWINS, module
from tests.stream_relay.media import SSRC

DEVICE = peer_key("10.0.0.1", 5000)
STRANGER = peer_key("10.0.0.66", 6000)
CHECKED = LatchPolicy(SSRC, ssrc_check=True, hosts=host_keys(["10.0.0.1"]))
LENIENT = replace(CHECKED, ssrc_check=False)
ANYWHERE = replace(LENIENT, hosts=frozenset())
PROBATION_S = PROBATION_US / 1e6
SILENCE_S = CHECKED.silence_us / 1e6

Make = Callable[[LatchPolicy], SourceLatch]


@pytest.fixture(params=TWINS)
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = module("latch", request.param, "stream_relay.sources").SourceLatch
    return made


def rtp(sequence: int, ssrc: int = SSRC, size: int = 0) -> bytes:
    return build_packet(96, False, sequence, 0, ssrc, bytes(size))


def admit(latch: SourceLatch, packet: bytes, peer: int, now: float) -> list[bytes] | None:
    return latch.offer(packet, peer, round(now * 1e6))


def feed(
    latch: SourceLatch,
    peer: int,
    count: int,
    *,
    now: float = 0.0,
    first: int = 1,
    ssrc: int = SSRC,
    step_s: float = 0.0,
) -> list[list[bytes] | None]:
    return [admit(latch, rtp(first + n, ssrc), peer, now + n * step_s) for n in range(count)]


def sequences(results: list[list[bytes] | None]) -> list[int]:
    return [parse_packet(packet).sequence for result in results if result for packet in result]


def test_device_is_locked_after_two_packets_and_loses_none(make: Make):
    latch = make(CHECKED)
    results = feed(latch, DEVICE, 4)
    assert results[0] == []
    assert sequences(results) == [1, 2, 3, 4]
    assert (latch.peer, latch.ssrc, latch.state) == (DEVICE, SSRC, LatchState.LOCKED)


def test_packet_with_another_ssrc_is_refused_when_it_is_checked(make: Make):
    latch = make(CHECKED)
    assert feed(latch, DEVICE, 3, ssrc=1) == [None, None, None]
    assert latch.peer == -1


def test_device_with_its_own_ssrc_is_taken_when_it_is_not_checked(make: Make):
    latch = make(LENIENT)
    assert sequences(feed(latch, DEVICE, 3, ssrc=77)) == [1, 2, 3]
    assert latch.ssrc == 77


def test_one_packet_of_a_port_sprayer_locks_nothing(make: Make):
    latch = make(ANYWHERE)
    assert feed(latch, STRANGER, 1) == [[]]
    assert latch.state is LatchState.OPEN


@pytest.mark.parametrize("policy", [CHECKED, LENIENT])
def test_stranger_who_is_first_loses_to_the_device_within_probation(make: Make, policy):
    latch = make(policy)
    assert sequences(feed(latch, STRANGER, 20)) == []
    assert sequences(feed(latch, DEVICE, 3, now=PROBATION_S - 0.1, first=500)) == [500, 501, 502]
    assert feed(latch, STRANGER, 1, now=PROBATION_S, first=21) == [None]


def test_device_behind_another_address_is_taken_after_probation_without_loss(make: Make):
    latch = make(CHECKED)
    results = feed(latch, STRANGER, 61, step_s=0.01)
    assert sequences(results) == list(range(1, 62))
    assert latch.peer == STRANGER


def test_stranger_who_was_locked_loses_to_the_device_that_comes_late(make: Make):
    latch = make(LENIENT)
    feed(latch, STRANGER, 61, step_s=0.01)
    results = feed(latch, DEVICE, 10, now=0.61, first=900)
    assert sequences(results) == list(range(900, 910))
    assert latch.peer == DEVICE


def test_locked_device_stays_against_a_stranger_with_the_right_ssrc(make: Make):
    latch = make(CHECKED)
    feed(latch, DEVICE, 5)
    for second in range(100):
        now = second * 0.5
        assert admit(latch, rtp(100 + second), DEVICE, now) is not None
        assert admit(latch, rtp(7000 + second), STRANGER, now) is None
    assert latch.peer == DEVICE


def test_locked_source_stays_when_nobody_knows_the_host(make: Make):
    latch = make(ANYWHERE)
    feed(latch, DEVICE, 3)
    assert sequences(feed(latch, STRANGER, 50, now=1.0)) == []


def test_other_source_with_valid_ssrc_is_taken_after_silence(make: Make):
    latch = make(CHECKED)
    moved = peer_key("10.0.0.1", 5999)
    feed(latch, DEVICE, 3)
    assert feed(latch, moved, 3, now=SILENCE_S - 0.1) == [None, None, None]
    results = feed(latch, moved, 3, now=SILENCE_S, first=50)
    assert sequences(results) == [50, 51, 52]


def test_other_source_without_valid_ssrc_is_not_taken_even_after_silence(make: Make):
    latch = make(CHECKED)
    feed(latch, DEVICE, 3)
    assert sequences(feed(latch, STRANGER, 50, now=1000.0, ssrc=1, step_s=0.1)) == []


def test_encoder_that_restarts_with_another_ssrc_goes_on_after_a_short_silence(make: Make):
    latch = make(LENIENT)
    feed(latch, DEVICE, 3, ssrc=5)
    assert feed(latch, DEVICE, 1, now=PROBATION_S / 2, ssrc=6) == [None]
    assert sequences(feed(latch, DEVICE, 2, now=PROBATION_S, ssrc=6)) == [1, 2]


def test_next_connection_needs_no_silence_once_the_locked_one_closed(make: Make):
    latch = make(CHECKED)
    feed(latch, DEVICE, 3)
    latch.release()
    assert sequences(feed(latch, peer_key("10.0.0.1", 5001), 2, now=0.1)) == [1, 2]


def test_sprayed_addresses_do_not_keep_the_device_out(make: Make):
    latch = make(LENIENT)
    for number in range(MAX_CANDIDATES * 5):
        feed(latch, STRANGER + number, 2, ssrc=number)
    assert sequences(feed(latch, DEVICE, 2, first=9)) == [9, 10]


def test_packets_held_on_probation_are_bounded(make: Make):
    latch = make(CHECKED)
    results = feed(latch, STRANGER, MAX_HELD_PACKETS * 2)
    assert sequences(results) == list(range(1, MAX_HELD_PACKETS * 2 + 1))
    assert max(len(result or ()) for result in results) == MAX_HELD_PACKETS


def test_answer_with_another_ssrc_is_taken_over(make: Make):
    latch = make(CHECKED)
    feed(latch, DEVICE, 3)
    latch.agree(replace(CHECKED, ssrc=42))
    assert latch.state is LatchState.OPEN
    assert feed(latch, DEVICE, 1) == [None]
    assert sequences(feed(latch, DEVICE, 2, ssrc=42)) == [1, 2]


def test_answer_that_agrees_disturbs_nothing(make: Make):
    latch = make(CHECKED)
    feed(latch, DEVICE, 3)
    latch.agree(replace(CHECKED, hosts=host_keys(["10.0.0.2"])))
    assert latch.peer == DEVICE


def test_bytes_held_on_probation_are_bounded(make: Make):
    latch = make(CHECKED)
    packets = [rtp(number, size=60_000) for number in range(MAX_HELD_PACKETS)]
    results = [admit(latch, packet, STRANGER, 0.0) for packet in packets]
    held = MAX_HELD_BYTES // len(packets[0]) + 1
    assert sequences(results)[: held + 1] == list(range(held + 1))
    assert max(len(result or ()) for result in results) == held


def test_packets_come_out_of_probation_as_they_went_in(make: Make):
    latch = make(CHECKED)
    first, second = rtp(1, size=1400), rtp(2, size=3000)
    assert admit(latch, first, DEVICE, 0.0) == []
    assert admit(latch, second, DEVICE, 0.0) == [first, second]


def test_all_hosts_of_the_policy_count_and_no_more_than_fit(make: Make):
    hosts = frozenset(host_key(f"10.0.1.{number}") for number in range(MAX_HOSTS))
    for host in hosts:
        latch = make(replace(CHECKED, hosts=hosts))
        assert sequences(feed(latch, host << 16 | 7, 2)) == [1, 2]
    with pytest.raises(ValueError, match="hosts"):
        make(replace(CHECKED, hosts=hosts | {1}))


def test_what_is_no_rtp_is_refused(make: Make):
    assert make(CHECKED).offer(b"GET / HTTP/1.1", DEVICE, 0) is None
