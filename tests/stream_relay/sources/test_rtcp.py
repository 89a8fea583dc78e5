import struct

from stream_relay.sources.rtcp import (
    ReceptionReport,
    build_receiver_report,
    parse_sender_report,
)


def test_receiver_report_is_a_compound_of_report_and_description():
    data = build_receiver_report(7, ReceptionReport(9, 0.25, 12, 0x10005, 0xAABBCCDD, 1.5))
    first, kind, words, own = struct.unpack_from("!BBHI", data)
    assert (first, kind, own) == (0x81, 201, 7)
    size = (words + 1) * 4
    ssrc, lost, highest, _, last, delay = struct.unpack_from("!IIIIII", data, 8)
    assert (ssrc, lost >> 24, lost & 0xFFFFFF, highest) == (9, 64, 12, 0x10005)
    assert (last, delay) == (0xAABBCCDD, 98_304)
    assert data[size + 1] == 202
    assert len(data) == size + 4 * (struct.unpack_from("!H", data, size + 2)[0] + 1)


def test_sender_report_gives_the_middle_of_its_time():
    data = struct.pack("!BBHIIIIII", 0x80, 200, 6, 9, 0x11112222, 0x33334444, 0, 0, 0)
    assert parse_sender_report(data) == (9, 0x22223333)


def test_anything_else_is_no_sender_report():
    assert parse_sender_report(b"") is None
    assert parse_sender_report(build_receiver_report(1, ReceptionReport(2, 0, 0, 0))) is None
