"""RTP over TCP (RFC 4571, gb28181 §6.5 and field notes 43, 44; threats case 23)."""

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.errors import MalformedFraming
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.formats.rtp import build_packet, parse_packet
from tests.stream_relay.formats.clips import TWINS, module

SSRC = 200000001
PACK = b"\x00\x00\x01\xba" + bytes(10)


@pytest.fixture(params=TWINS)
def rfc4571(request: pytest.FixtureRequest) -> ModuleType:
    return module("rfc4571", request.param)


def packets(count: int, size: int = 50, ssrc: int = SSRC) -> list[bytes]:
    return [
        build_packet(96, False, number, 0, ssrc, (PACK + bytes([number]) * size)[: size + 14])
        for number in range(count)
    ]


def framed(parts: list[bytes]) -> bytes:
    return b"".join(build_frame(part) for part in parts)


def test_the_length_prefix_of_the_standard() -> None:
    assert build_frame(bytes(1412))[:2] == bytes.fromhex("0584")


@pytest.mark.parametrize("kind", TWINS)
@given(st.lists(st.integers(1, 40), max_size=30))
def test_where_tcp_cuts_does_not_matter(kind: str, cuts: list[int]) -> None:
    rfc4571 = module("rfc4571", kind)
    sent = packets(5)
    data = framed(sent)
    framer = rfc4571.TcpFramer()
    received: list[bytes] = []
    for cut in cuts:
        received += framer.push(data[:cut])
        data = data[cut:]
    received += framer.push(data)
    assert received == sent


def test_rtcp_between_packets_is_dropped(rfc4571: ModuleType) -> None:
    report = bytes.fromhex("80c80006") + bytes(24)
    sent = packets(2)
    framer = rfc4571.TcpFramer()
    assert framer.push(framed([report, sent[0], report, sent[1]])) == sent
    assert framer.rtcp == 2


def test_interleaved_framing_is_taken(rfc4571: ModuleType) -> None:
    sent = packets(3)
    data = b"".join(b"$\x00" + build_frame(part) for part in sent)
    framer = rfc4571.TcpFramer()
    assert [p for byte in data for p in framer.push(bytes([byte]))] == sent


def test_a_packet_longer_than_a_dollar_sign_is_no_interleaving(rfc4571: ModuleType) -> None:
    sent = [build_packet(96, False, 1, 0, SSRC, bytes(0x2401 - 12))]
    assert rfc4571.TcpFramer().push(framed(sent)) == sent


def test_packets_of_any_size_up_to_the_limit(rfc4571: ModuleType) -> None:
    sent = [
        build_packet(96, True, 1, 0, SSRC, b""),
        build_packet(96, True, 2, 0, SSRC, bytes(65523)),
    ]
    assert rfc4571.TcpFramer().push(framed(sent)) == sent


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\x02\x80", b"\xff" * 70, b"\x05\x84" + b"\x80\x60" + b"\x11" * 90, bytes(301)],
    ids=["length 2", "no version", "foreign ssrc", "odd zeros"],
)
def test_the_next_packet_is_found_behind_garbage(rfc4571: ModuleType, garbage: bytes) -> None:
    sent = packets(40)
    data = framed(sent[:2]) + garbage + framed(sent[2:])
    whole = rfc4571.TcpFramer()
    assert whole.push(data) == sent
    assert whole.resynchronised == 1
    bytewise = rfc4571.TcpFramer()
    assert [p for byte in data for p in bytewise.push(bytes([byte]))] == sent


@pytest.mark.parametrize("kind", TWINS)
@given(st.lists(st.integers(0, 60), min_size=5, max_size=5), st.integers(1, 90))
def test_any_number_of_null_packets_before_a_frame(kind: str, nulls: list[int], cut: int) -> None:
    sent = packets(3) + packets(2, ssrc=SSRC + 1)
    data = b"".join(
        bytes(2 * count) + build_frame(part) for count, part in zip(nulls, sent, strict=True)
    )
    data += bytes(2 * nulls[0]) + build_frame(sent[-1])
    framer = module("rfc4571", kind).TcpFramer()
    received = [
        part for at in range(0, len(data), cut) for part in framer.push(data[at : at + cut])
    ]
    assert received == [*sent, sent[-1]]
    assert framer.null_packets == sum(nulls) + nulls[0]
    assert (framer.skipped_bytes, framer.resynchronised) == (0, 0)


def test_a_frame_is_found_behind_zeros_that_are_no_null_packets(rfc4571: ModuleType) -> None:
    sent = packets(4)
    for zeros in (1, 3, 5):
        framer = rfc4571.TcpFramer()
        assert framer.push(framed(sent[:2]) + bytes(zeros) + framed(sent[2:])) == sent
        bytewise = rfc4571.TcpFramer()
        data = framed(sent[:2]) + bytes(zeros) + framed(sent[2:])
        assert [part for byte in data for part in bytewise.push(bytes([byte]))] == sent


def test_a_connection_of_null_packets_alone_ends(rfc4571: ModuleType) -> None:
    framer = rfc4571.TcpFramer(max_garbage_bytes=1000)
    framer.push(framed(packets(1)) + bytes(1000))
    with pytest.raises(MalformedFraming):
        framer.push(bytes(4))


def test_a_header_before_the_first_packet_is_passed_over(rfc4571: ModuleType) -> None:
    sent = packets(4)
    assert rfc4571.TcpFramer().push(b"EHOME".ljust(256, b"\x01") + framed(sent)) == sent


def test_an_overwritten_buffer_costs_only_the_packets_it_hit(rfc4571: ModuleType) -> None:
    sent = packets(8, size=400)
    data = bytearray(framed(sent))
    del data[600:900]
    received = rfc4571.TcpFramer().push(bytes(data))
    assert received[-5:] == sent[-5:]


def test_a_sender_may_change_its_ssrc(rfc4571: ModuleType) -> None:
    before, after = packets(2), packets(3, ssrc=7)
    received = rfc4571.TcpFramer().push(framed(before) + framed(after))
    assert [parse_packet(p).ssrc for p in received] == [SSRC, SSRC, 7, 7, 7][: len(received)]
    assert len(received) >= 4


def test_endless_garbage_ends_the_connection(rfc4571: ModuleType) -> None:
    framer = rfc4571.TcpFramer(max_garbage_bytes=1000)
    framer.push(framed(packets(1)))
    with pytest.raises(MalformedFraming):
        for _ in range(20):
            framer.push(b"\xff" * 100)


@pytest.mark.parametrize("kind", TWINS)
@given(st.binary(max_size=300), st.integers(1, 50))
def test_only_the_own_error_escapes_and_cuts_do_not_matter(
    kind: str, data: bytes, cut: int
) -> None:
    rfc4571 = module("rfc4571", kind)
    prefix = framed(packets(2))
    whole, pieces = rfc4571.TcpFramer(100), rfc4571.TcpFramer(100)
    expected: list[bytes] = []
    received: list[bytes] = []
    try:
        expected = whole.push(prefix + data)
        for start in range(0, len(prefix + data), cut):
            received += pieces.push((prefix + data)[start : start + cut])
    except MalformedFraming:
        return
    assert received == expected


@given(st.binary(max_size=300), st.integers(1, 50))
def test_both_twins_find_the_same_packets_in_anything(data: bytes, cut: int) -> None:
    stream = framed(packets(2)) + data + framed(packets(3))
    seen = []
    for kind in TWINS:
        framer = module("rfc4571", kind).TcpFramer()
        found = [
            packet
            for start in range(0, len(stream), cut)
            for packet in framer.push(stream[start : start + cut])
        ]
        seen.append((found, framer.skipped_bytes, framer.resynchronised, framer.rtcp))
    assert seen[0] == seen[1]


def test_a_search_through_the_known_ssrc_costs_no_more_than_its_length(rfc4571: ModuleType) -> None:
    framer = rfc4571.TcpFramer()
    framer.push(framed(packets(1)))
    framer.push(b"\xff" * 8 + SSRC.to_bytes(4, "big") * 16_000)
    assert framer.skipped_bytes > 60_000
