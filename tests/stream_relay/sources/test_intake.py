"""From packets of anybody to pictures of one source (threats cases 18 to 22), both twins."""

import logging
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Kind
from stream_relay.events import FirstPacket, SourceRejected, StreamEvent
from stream_relay.sources.intake import MAX_PEERS, RTCP
from stream_relay.sources.peers import host_keys
from stream_relay.sources.policy import LatchPolicy
from stream_relay.stream import Stream, StreamLimits
from tests.stream_relay.formats.clips import TWINS, module
from tests.stream_relay.media import SSRC, Camera, Clock, pictures
from tests.stream_relay.sources import stream_intake
from tests.stream_relay.sources.stream_intake import Peer, StreamIntake

SOURCES = "stream_relay.sources"
DEVICE: Peer = ("10.0.0.1", 5000)
STRANGER: Peer = ("10.0.0.66", 6000)


@pytest.fixture(params=TWINS, autouse=True)
def twins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `StreamIntake` is made of in this run."""
    kind: str = request.param
    ps = module("ps", kind)
    intake = module("intake", kind, SOURCES)

    def made(*args: Any, **options: Any) -> Any:
        return intake.Intake(*args, **options, choose=lambda *facts: ps.PsDemuxer(facts[-1]))

    monkeypatch.setattr(stream_intake, "Intake", made)
    latch = module("latch", kind, SOURCES).SourceLatch
    monkeypatch.setattr(stream_intake, "SourceLatch", latch)
    monkeypatch.setattr(stream_intake, "UnitList", module("units", kind).UnitList)
    return kind


class Desk:
    """An intake, its stream, and a reader that keeps the pictures."""

    def __init__(self, *, ssrc_check: bool = False, hosts: tuple[str, ...] = (DEVICE[0],)) -> None:
        self.clock = Clock()
        self.events: list[StreamEvent] = []
        self.stream = Stream(
            "s",
            limits=StreamLimits(),
            wall=self.clock.wall,
            opened_at=self.clock.now,
            on_event=self.events.append,
        )
        policy = LatchPolicy(SSRC, ssrc_check, host_keys(hosts))
        self.intake = StreamIntake(self.stream, policy, on_event=self.events.append)
        self.reader = self.stream.open_reader("access-units", limit=100_000)

    def send(self, packets: list[bytes], peer: Peer = DEVICE, gap_s: float = 0.001) -> None:
        for packet in packets:
            self.intake.receive(packet, peer, self.clock.now)
            self.clock.now += gap_s

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.now += 0.1
            self.intake.poll(self.clock.now)

    def shown(self) -> list[AccessUnit]:
        return [chunk.unit for chunk in self.reader.take_all() if chunk.unit is not None]


def same_pictures(got: list[AccessUnit], sent: list[AccessUnit]) -> bool:
    return [unit.data for unit in got] == [unit.data for unit in sent]


def test_pictures_arrive_as_they_were_sent():
    desk, sent = Desk(), pictures(30)
    desk.send(Camera().packets(sent))
    assert same_pictures(desk.shown(), sent)
    assert desk.stream.counters.source == DEVICE
    assert [event for event in desk.events if isinstance(event, FirstPacket)] == [
        FirstPacket("s", DEVICE, SSRC)
    ]


def test_reordered_and_doubled_packets_cost_nothing_and_are_counted():
    desk, sent = Desk(), pictures(30)
    packets = Camera().packets(sent)
    for index in range(5, len(packets) - 1, 10):
        packets[index], packets[index + 1] = packets[index + 1], packets[index]
    packets.insert(20, packets[18])
    desk.send(packets)
    desk.wait(0.3)
    assert same_pictures(desk.shown(), sent)
    counters = desk.stream.counters
    assert counters.lost == 0
    assert counters.reordered == len(range(5, len(packets) - 2, 10))
    assert counters.duplicate == 1


def test_lost_packets_are_counted_and_only_whole_pictures_shown():
    desk, sent = Desk(), pictures(300)
    packets = Camera().packets(sent)
    rolls = random.Random(5)
    kept = [
        p for n, p in enumerate(packets) if n < 10 or n > len(packets) - 10 or rolls.random() > 0.05
    ]
    desk.send(kept)
    desk.wait(0.3)
    assert desk.stream.counters.lost == len(packets) - len(kept) > 10
    whole = {unit.data for unit in sent}
    shown = desk.shown()
    assert len(shown) > 30
    assert all(unit.data in whole for unit in shown)


def test_attacker_with_the_right_ssrc_changes_no_picture():
    desk, sent = Desk(ssrc_check=True), pictures(50)
    forged = Camera(sequence=4000).packets(pictures(50, start=900_000))
    for mine, his in zip(Camera().packets(sent), forged, strict=False):
        desk.send([mine])
        desk.send([his], STRANGER)
    assert same_pictures(desk.shown(), sent)
    assert desk.stream.counters.rejected >= 90
    told = [event for event in desk.events if isinstance(event, SourceRejected)]
    assert told[0] == SourceRejected("s", STRANGER, 1)


@pytest.mark.parametrize("ssrc_check", [True, False])
def test_attacker_who_is_first_is_never_shown(ssrc_check):
    desk, sent = Desk(ssrc_check=ssrc_check), pictures(50)
    attack = Camera(ssrc=SSRC if not ssrc_check else 7).packets(pictures(20, start=900_000))
    desk.send(attack, STRANGER)
    desk.send(Camera().packets(sent))
    desk.send(attack, STRANGER)
    assert same_pictures(desk.shown(), sent)


def test_rejected_peer_is_told_once_a_second_and_memory_of_peers_is_bounded():
    desk = Desk(ssrc_check=True)
    wrong = Camera(ssrc=1).packets(pictures(1)) * 300
    desk.send(wrong, STRANGER, gap_s=0.01)
    told = [event.count for event in desk.events if isinstance(event, SourceRejected)]
    assert told[:3] == [1, 101, 201]
    for number in range(MAX_PEERS * 2):
        desk.send(wrong[:1], ("10.1.0.1", number))
    peers = {event.peer for event in desk.events if isinstance(event, SourceRejected)}
    assert len(peers) == MAX_PEERS
    assert desk.stream.counters.rejected == len(wrong) + MAX_PEERS * 2


def test_malformed_packets_are_counted_logged_once_per_peer_and_dropped(caplog):
    desk, sent = Desk(), pictures(10)
    packets = Camera().packets(sent)
    with caplog.at_level(logging.WARNING):
        for number, packet in enumerate(packets):
            desk.send([packet, b"", b"\x80", b"GET / HTTP/1.1\r\n\r\n", bytes([0xBF, 96]) * 6])
            if number == 0:
                desk.send([b"\0"], STRANGER)
    assert same_pictures(desk.shown(), sent)
    assert desk.stream.counters.malformed == 4 * len(packets) + 1
    assert len(caplog.records) == 2


def test_rtcp_on_the_media_port_is_dropped():
    desk = Desk()
    report = bytes([0x80, 200, 0, 6]) + bytes(24)
    goodbye = bytes([0x80, 203, 0, 0])
    assert desk.intake.receive(report, DEVICE, 0.0) == RTCP
    assert desk.intake.receive(goodbye, DEVICE, 0.0) == RTCP
    assert desk.stream.counters.rtcp == 2


def test_source_that_moves_goes_on_with_rising_times_and_counters_add_up():
    desk, sent = Desk(), pictures(20)
    packets = Camera().packets(sent)
    del packets[30]
    desk.send(packets)
    desk.wait(4.0)
    moved = Camera(sequence=50_000).packets(pictures(20))
    del moved[30]
    desk.send(moved, (DEVICE[0], 7000))
    desk.wait(0.3)
    shown = desk.shown()
    times = [unit.dts_ticks for unit in shown]
    assert times == sorted(set(times))
    assert times[-1] > 4 * 90_000
    assert (desk.stream.counters.lost, desk.stream.counters.resets) == (2, 1)
    assert desk.stream.counters.source == (DEVICE[0], 7000)


def test_report_tells_loss_since_the_one_before_and_extended_sequence():
    desk = Desk()
    packets = Camera(sequence=65_500).packets(pictures(60))
    del packets[20:30]
    desk.send(packets)
    desk.wait(0.3)
    report = desk.intake.reception((7, desk.clock.now - 2), desk.clock.now)
    assert report is not None
    assert (report.ssrc, report.lost, report.last_sender_report) == (SSRC, 10, 7)
    assert report.fraction_lost == pytest.approx(10 / (len(packets) + 10))
    assert report.highest_sequence == 65_500 + len(packets) + 10 - 1
    assert round(report.delay_s, 3) == 2
    again = desk.intake.reception(None, desk.clock.now)
    assert again is not None
    assert again.fraction_lost == 0


def test_no_report_before_the_first_packet():
    assert Desk().intake.reception(None, 0.0) is None


def test_last_picture_is_shown_when_the_stream_is_closed():
    desk, sent = Desk(), pictures(3)
    packets = Camera().packets(sent)
    unmarked = [bytes([p[0], p[1] & 0x7F]) + p[2:] for p in packets]
    desk.send(unmarked)
    desk.intake.finish(desk.clock.now)
    assert same_pictures([u for u in desk.shown() if u.track is Kind.VIDEO], sent)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=60), st.booleans()), max_size=30))
def test_damaged_packets_raise_nothing(damages):
    desk, packets = Desk(), Camera().packets(pictures(20))
    for index, data, is_stranger in damages:
        packets[index % len(packets)] = packets[index % len(packets)][: len(data)] + data
        desk.send([data], STRANGER if is_stranger else DEVICE)
    desk.send(packets)
    desk.wait(0.3)
    desk.intake.finish(desk.clock.now)
    times = [unit.dts_ticks for unit in desk.shown()]
    assert times == sorted(set(times))
