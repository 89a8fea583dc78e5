"""RTP packets, plain and compiled (RFC 3550 §5.1, gb28181 §6.3)."""

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.errors import MalformedRtp
from tests.stream_relay.formats.clips import TWINS, module

HEADER = bytes.fromhex("80600001 00000E10 0BEBC201")


@pytest.fixture(params=TWINS)
def rtp(request: pytest.FixtureRequest) -> ModuleType:
    return module("rtp", request.param)


def test_header_of_the_standard_is_written_and_read(rtp: ModuleType) -> None:
    assert rtp.build_packet(96, False, 1, 3600, 200000001, b"") == HEADER
    marked = rtp.build_packet(96, True, 2, 3600, 200000001, b"x")
    assert marked == bytes.fromhex("80E00002 00000E10 0BEBC201") + b"x"
    packet = rtp.parse_packet(marked)
    assert (packet.payload_type, packet.marker, packet.sequence) == (96, True, 2)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (3600, 200000001, b"x")


@pytest.mark.parametrize("kind", TWINS)
@given(
    st.integers(0, 127), st.booleans(), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF), st.binary(max_size=40),
)  # fmt: skip
def test_what_is_built_is_read_back(
    kind: str, payload_type: int, marker: bool, sequence: int, stamp: int, ssrc: int, payload: bytes
) -> None:
    rtp = module("rtp", kind)
    packet = rtp.parse_packet(
        rtp.build_packet(payload_type, marker, sequence, stamp, ssrc, payload)
    )
    assert (packet.payload_type, packet.marker) == (payload_type, marker)
    assert (packet.sequence, packet.timestamp) == (sequence, stamp)
    assert (packet.ssrc, packet.payload) == (ssrc, payload)


def test_padding_csrc_and_extension_are_taken_off(rtp: ModuleType) -> None:
    head = bytearray(HEADER)
    head[0] = 0x80 | 0x20 | 0x10 | 2
    data = bytes(head) + b"CCCCcccc" + b"\xbe\xde\x00\x01EEEE" + b"payload" + b"\x00\x00\x03"
    assert rtp.parse_packet(data).payload == b"payload"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER[:11],
        b"\x40" + HEADER[1:],
        b"\x81" + HEADER[1:],
        b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x05EEEE",
        b"\xa0" + HEADER[1:] + b"x\x00",
        b"\xa0" + HEADER[1:] + b"x\xff",
    ],
    ids=["empty", "short", "version", "csrc", "extension", "padding 0", "padding too long"],
)
def test_a_broken_header_is_refused(rtp: ModuleType, data: bytes) -> None:
    with pytest.raises(MalformedRtp):
        rtp.parse_packet(data)


@pytest.mark.parametrize("kind", TWINS)
@given(st.binary(max_size=64))
def test_only_the_own_error_escapes(kind: str, data: bytes) -> None:
    rtp = module("rtp", kind)
    try:
        packet = rtp.parse_packet(data)
    except MalformedRtp as error:
        assert len(error.data) <= 32
    else:
        assert data.find(packet.payload) >= 0


def test_rtcp_is_told_apart(rtp: ModuleType) -> None:
    assert rtp.is_rtcp(b"\x80\xc8\x00\x06")
    assert not rtp.is_rtcp(HEADER)
    assert not rtp.is_rtcp(b"\x80")


def test_header_is_read_where_it_lies(rtp: ModuleType) -> None:
    header = rtp.RtpHeader()
    packet = rtp.parse_packet(bytes.fromhex("a0e0ffff fffffffe fedcba98") + b"load\x00\x02")
    assert (packet.timestamp, packet.ssrc, packet.payload) == (0xFFFFFFFE, 0xFEDCBA98, b"load")
    assert header.reason(0) == ""
    assert all(header.reason(number) for number in range(1, 7))


def test_packets_are_collected_for_python_callers(rtp: ModuleType) -> None:
    assert rtp.PacketList().take() == []
