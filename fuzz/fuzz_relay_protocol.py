"""What controller and relay node read from each other: only their own errors may come out."""

from datetime import UTC, datetime

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import RelayError
from stream_relay.events import EndReason, FirstPacket, StreamEnded
from stream_relay.frames_protocol import FrameUnit, Tracks, build_message
from stream_relay.remote import protocol
from stream_relay.remote.facts import RelayProtocolError
from stream_relay.remote.signing import NotAuthentic, Signer, build_header, parse_header
from stream_relay.remote.units import UnitStream
from stream_relay.statistics import SourceCounters

UNIT = AccessUnit(Kind.VIDEO, Codec.H264, 3600, 3600, True, b"\0\0\0\1\x65abc")
TRACK = Track(Kind.VIDEO, Codec.H264, parameter_sets=(b"\x67abc", b"\x68d"), width=320, height=240)
HEADER = Signer("0123456789abcdef-relay-node-secret").header("GET", "/", b"", 1, "0" * 32).encode()
PARSERS = (
    protocol.parse_session_opened,
    protocol.parse_open_receiver,
    protocol.parse_open_forward,
    protocol.parse_opened,
    protocol.parse_answered,
    protocol.parse_alive,
    protocol.parse_line,
)

SEEDS: list[bytes] = [
    HEADER,
    protocol.build(protocol.SessionOpened("ab" * 16, 15.0)),
    protocol.build(protocol.OpenReceiver(3, "c#1", "udp", 5, True, "10.1.2.3")),
    protocol.build(protocol.OpenForward(4, 3, "tcp-passive", 7, "", 0)),
    protocol.build(protocol.Answered("10.1.2.3", 6000, 5)),
    protocol.build(protocol.Alive(frozenset({1, 5, 9}), 9)),
    protocol.build_line(protocol.Hello(frozenset({1, 2}), 2, 0)),
    protocol.build_line(protocol.Happened(1, 7, FirstPacket("", ("10.1.2.3", 5000), 12))),
    protocol.build_line(protocol.Happened(2, 7, StreamEnded("", EndReason.CLOSED))),
    protocol.build_line(protocol.Counted(7, SourceCounters(ssrc=4, source=("10.1.2.3", 5000)))),
    build_message(Tracks((TRACK,)))
    + build_message(FrameUnit(UNIT, datetime(2026, 3, 1, tzinfo=UTC), 0)),
]


def one_case(data: bytes) -> None:
    """Everything that is read from the other side reads it."""
    try:
        proof = parse_header(data.decode("latin-1"))
    except NotAuthentic:
        pass
    else:
        assert parse_header(build_header(proof)) == proof
    for parse in PARSERS:
        try:
            message = parse(data)
        except RelayProtocolError:
            continue
        if parse is protocol.parse_line:
            assert protocol.parse_line(protocol.build_line(message)) == message
    units = UnitStream()
    try:
        got = units.receive(data)
    except RelayError:
        return
    stamps = [unit.dts_ticks for unit in got if unit.track is Kind.VIDEO]
    assert stamps == sorted(set(stamps))
