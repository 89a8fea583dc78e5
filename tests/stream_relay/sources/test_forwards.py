"""What an intake passes on, packet by packet, and the bytes of TCP in front of it; both twins."""

import random
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.errors import Overload
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.formats.rtp import build_packet
from stream_relay.sources.intake import HELD, MALFORMED, MAX_FORWARDS, REFUSED, RTCP, USED
from stream_relay.sources.peers import host_key, host_keys, peer_key
from stream_relay.sources.policy import LatchPolicy
from tests.stream_relay.formats.clips import TWINS, module

SOURCES = "stream_relay.sources"
SSRC = 7
DEVICE = peer_key("10.0.0.1", 5000)
STRANGER = peer_key("10.0.0.66", 6000)
Call = tuple[str, bytes, int, bool]


def rtp(sequence: int, ssrc: int = SSRC, kind: int = 96) -> bytes:
    payload = b"%05d" % (sequence & 0xFFFF)
    return build_packet(kind, sequence % 5 == 0, sequence, sequence * 9, ssrc, payload)


@dataclass(frozen=True)
class Choice:
    """What was asked of the chooser."""

    payload_type: int
    payload: bytes
    announced: dict[int, str]


class Bench:
    """An intake of one twin; what its depacketizer is told, by the number of the depacketizer."""

    def __init__(self, kind: str, *, ssrc_check: bool = True, **options: Any) -> None:
        self.rtp = module("rtp", kind)
        self.calls: list[tuple[int, Call]] = []
        self.choices: list[Choice] = []
        self._callbacks = module("callbacks", kind)
        policy = LatchPolicy(SSRC, ssrc_check, host_keys(["10.0.0.1"]))
        self.intake = module("intake", kind, SOURCES).Intake(
            module("units", kind).UnitSink(),
            module("latch", kind, SOURCES).SourceLatch(policy),
            choose=self._choose,
            **options,
        )
        self.framer = module("rfc4571", kind).TcpFramer()

    def _choose(
        self, payload_type: int, payload: bytes, announced: dict[int, str], sink: Any
    ) -> Any:
        number = len(self.choices)
        self.choices.append(Choice(payload_type, payload, announced))
        return self._callbacks.CallbackDepacketizer(
            lambda *call: self.calls.append((number, call)), sink
        )

    def send(self, *packets: bytes, peer: int = DEVICE, now_us: int = 0) -> list[int]:
        return [self.intake.push(packet, peer, now_us) for packet in packets]

    def fed(self) -> list[bytes]:
        return [call[1] for _, call in self.calls if call[0] == "feed"]

    def outcome(self) -> list[Any]:
        intake = self.intake
        names = ("packets", "bytes", "lost", "reordered", "duplicate", "late", "resets")
        names += ("malformed", "rejected", "rtcp", "highest_sequence", "source", "ssrc")
        framer = self.framer
        return [
            self.calls,
            self.choices,
            intake.take_events(10**9),
            [getattr(intake, name) for name in names],
            (framer.skipped_bytes, framer.resynchronised, framer.rtcp),
        ]


@pytest.fixture(params=TWINS)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def test_verdicts_tell_what_became_of_a_packet(bench: Bench) -> None:
    assert bench.send(rtp(1), rtp(2), rtp(3)) == [HELD, USED, USED]
    assert bench.send(b"\x80", bytes.fromhex("80c80001"), rtp(4, ssrc=8)) == [
        MALFORMED,
        RTCP,
        REFUSED,
    ]


def test_forwards_get_every_packet_of_the_source_in_order_with_its_header(bench: Bench) -> None:
    first, second = bench.rtp.PacketList(), bench.rtp.PacketList()
    bench.intake.add_forward(first)
    bench.send(rtp(1), rtp(2), rtp(4), rtp(3))
    bench.send(rtp(9), peer=STRANGER)
    bench.intake.add_forward(second)
    bench.send(rtp(5))
    bench.intake.remove_forward(first)
    bench.send(rtp(6))
    assert [packet for packet, _, _ in first.take()] == [rtp(n) for n in (1, 2, 3, 4, 5)]
    assert [packet for packet, _, _ in second.take()] == [rtp(5), rtp(6)]


def test_as_many_forwards_as_there_is_room_for(bench: Bench) -> None:
    forwards = [bench.rtp.PacketList() for _ in range(MAX_FORWARDS)]
    for count, forward in enumerate(forwards, 1):
        bench.intake.add_forward(forward)
        bench.send(rtp(2 * count), rtp(2 * count + 1))
    assert [len(forward.take()) for forward in forwards] == list(range(16, 0, -2))
    with pytest.raises(Overload):
        bench.intake.add_forward(bench.rtp.PacketList())


def test_a_gap_interrupts_the_depacketizer_before_the_packet_behind_it(bench: Bench) -> None:
    bench.send(rtp(1), rtp(2), rtp(4))
    bench.intake.tick(1_000_000)
    assert [call[0] for _, call in bench.calls] == ["feed", "feed", "interrupt", "feed"]
    assert bench.intake.lost == 1


def test_the_end_waits_for_no_gap(bench: Bench) -> None:
    bench.send(rtp(1), rtp(2), rtp(4))
    bench.intake.flush()
    assert [call[0] for _, call in bench.calls][-3:] == ["interrupt", "feed", "finish"]


def test_the_depacketizer_is_chosen_by_the_first_packet_of_a_source() -> None:
    for kind in TWINS:
        bench = Bench(kind, announced={96: "PS"}, ssrc_check=False)
        bench.send(rtp(1), rtp(2), rtp(3))
        assert bench.choices == [Choice(96, b"00001", {96: "PS"})]
        bench.send(rtp(50, 9), rtp(51, 9), now_us=5_000_000)
        bench.send(rtp(60, 10, 98), rtp(61, 10, 98), now_us=10_000_000)
        assert [choice.payload_type for choice in bench.choices] == [96, 96, 98]
        # The first one stayed while it fitted.
        calls = [(number, call[0]) for number, call in bench.calls]
        assert (
            calls[3:]
            == [(0, "restart"), (0, "feed"), (0, "feed"), (0, "restart")] + [(2, "feed")] * 2
        )
        assert bench.intake.source_changes == 3
        assert bench.intake.resets == 2


def test_a_packet_without_payload_tells_nothing_about_the_format(bench: Bench) -> None:
    empty = build_packet(96, False, 1, 0, SSRC, b"")
    bench.send(empty, rtp(2), rtp(3))
    assert [choice.payload for choice in bench.choices] == [b"00002"]


def test_counters_stay_when_an_intake_is_closed(bench: Bench) -> None:
    forward = bench.rtp.PacketList()
    bench.intake.add_forward(forward)
    bench.send(rtp(1), rtp(2), rtp(4))
    bench.intake.tick(1_000_000)
    bench.intake.close()
    assert (bench.intake.packets, bench.intake.lost) == (3, 1)
    bench.send(rtp(5))
    assert len(forward.take()) == 3


def damaged(rolls: random.Random) -> list[tuple[bytes, int, int]]:
    """Datagrams with all that networks and strangers do: packet, peer, microseconds."""
    sequence, ssrc, now_us, rows = rolls.randrange(0x10000), SSRC, 0, []
    for _ in range(rolls.randrange(5, 150)):
        now_us += rolls.choice((0, 100, 20_000, 150_000, 700_000 * (rolls.random() < 0.05)))
        if rolls.random() < 0.02:
            ssrc = rolls.choice((SSRC, 8, 9))
        if rolls.random() < 0.03:
            sequence += rolls.choice((2000, 40_000, -300, 999, 1001))
        sequence = sequence + 1 & 0xFFFF
        packet = rtp(sequence, ssrc, rolls.choice((96, 96, 98)))
        if rolls.random() < 0.05:
            packet = packet[: rolls.randrange(len(packet))] + rolls.randbytes(rolls.randrange(9))
        peer = rolls.choice((DEVICE, DEVICE, DEVICE, DEVICE + 1, STRANGER))
        rows.append((packet, peer, now_us))
        if rolls.random() < 0.1:
            rows.append((packet, peer, now_us))
        if len(rows) > 4 and rolls.random() < 0.15:
            other = rolls.randrange(1, 5)
            rows[-1], rows[-other] = (
                (*rows[-other][:2], now_us),
                (*rows[-1][:2], rows[-other][2]),
            )
        if rolls.random() < 0.05:
            rows.pop()
    return rows


@given(st.integers(0, 2**32), st.booleans(), st.integers(1, 40))
def test_both_twins_see_the_same_in_damaged_datagrams(
    seed: int, ssrc_check: bool, window: int
) -> None:
    rows = damaged(random.Random(seed))
    seen = []
    for kind in TWINS:
        bench = Bench(kind, ssrc_check=ssrc_check, reorder_window=window)
        forward = bench.rtp.PacketList()
        bench.intake.add_forward(forward)
        verdicts = [bench.intake.push(*row) for row in rows]
        bench.intake.flush()
        report = bench.intake.reception((5, 0), 10**9)
        seen.append([verdicts, bench.outcome(), forward.take(), report])
    assert seen[0] == seen[1]


@given(st.integers(0, 2**32), st.integers(1, 400))
def test_both_twins_see_the_same_in_damaged_tcp(seed: int, cut: int) -> None:
    rolls = random.Random(seed)
    stream = bytearray()
    for packet, _, _ in damaged(rolls):
        stream += (b"$\x00" if rolls.random() < 0.1 else b"") + build_frame(packet)
        if rolls.random() < 0.05:
            stream += rolls.choice((b"\xff" * 40, bytes(30), rolls.randbytes(20)))
    for _ in range(rolls.randrange(3)):
        at = rolls.randrange(len(stream) + 1)
        del stream[at : at + rolls.randrange(60)]
    seen = []
    for kind in TWINS:
        bench = Bench(kind, ssrc_check=False)
        for start in range(0, len(stream), cut):
            packets = bench.framer.push(bytes(stream[start : start + cut]))
            bench.send(*packets, now_us=start)
        bench.intake.flush()
        seen.append(bench.outcome())
    assert seen[0] == seen[1]


def test_hosts_are_the_upper_part_of_peers() -> None:
    assert DEVICE >> 16 == host_key("10.0.0.1")
