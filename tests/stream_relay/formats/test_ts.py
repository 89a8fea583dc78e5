"""Transport streams as ffmpeg writes them, damaged and cut."""

import io
import random
from fractions import Fraction
from functools import cache
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.formats import aac, split_nals
from stream_relay.formats.pes import build_pes_header
from stream_relay.formats.stream_map import crc32_mpeg
from tests.stream_relay.formats.clips import TWINS, Clip, encode, module

NAMES = {Codec.H264: "h264", Codec.H265: "hevc", Codec.MPEG4: "mpeg4"}
CONFIG = b"\x14\x08"


@pytest.fixture(params=TWINS)
def demuxer(request: pytest.FixtureRequest) -> Any:
    return module("ts", request.param).TsDemuxer()


def muxed(clip: Clip) -> bytes:
    """The clip in a transport stream, by FFmpeg's multiplexer."""
    target = io.BytesIO()
    with av.open(target, "w", format="mpegts") as container:
        stream = container.add_stream(NAMES[clip.codec], rate=clip.frame_rate)
        stream.width, stream.height = clip.width, clip.height
        stream.time_base = Fraction(1, 90_000)
        for unit in clip.units:
            packet = av.Packet(unit.data)
            packet.stream, packet.time_base = stream, Fraction(1, 90_000)
            packet.pts, packet.dts = unit.pts_ticks, unit.dts_ticks
            packet.is_keyframe = unit.is_key
            container.mux_one(packet)
    return target.getvalue()


def packets(pid: int, body: bytes, first: int = 0, with_pointer: bool = False) -> bytes:
    """`body` in packets of one PID, the last stuffed."""
    if with_pointer:
        body = b"\x00" + body
    out = b""
    for number, at in enumerate(range(0, len(body), 184)):
        piece = body[at : at + 184]
        stuffing = 184 - len(piece)
        head = bytes((0x47, (0x40 if at == 0 else 0) | pid >> 8, pid & 0xFF))
        count = first + number & 15
        if stuffing == 0:
            out += head + bytes((0x10 | count,)) + piece
        elif with_pointer:
            out += head + bytes((0x10 | count,)) + piece + b"\xff" * stuffing
        else:
            field = bytes((stuffing - 1,)) + (b"\x00" + b"\xff" * (stuffing - 2))[: stuffing - 1]
            out += head + bytes((0x30 | count,)) + field + piece
    return out


def section(table: int, body: bytes) -> bytes:
    head = bytes((table, 0xB0 | len(body) + 4 >> 8, len(body) + 4 & 0xFF)) + body
    return head + crc32_mpeg(head).to_bytes(4, "big")


def pat(programs: dict[int, int]) -> bytes:
    entries = b"".join(
        number.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big")
        for number, pid in programs.items()
    )
    return section(0, b"\x00\x01\xc1\x00\x00" + entries)


def pmt(streams: dict[int, int], descriptors: bytes = b"", program: int = 1) -> bytes:
    entries = b"".join(
        bytes((kind,)) + (0xE000 | pid).to_bytes(2, "big") + b"\xf0\x00"
        for pid, kind in streams.items()
    )
    head = program.to_bytes(2, "big") + b"\xc1\x00\x00\xe1\x00"
    return section(2, head + (0xF000 | len(descriptors)).to_bytes(2, "big") + descriptors + entries)


def nals(units: Any) -> list[list[bytes]]:
    return [
        [nal for nal in split_nals(unit.data) if nal not in (b"\x09\xf0", b"\x46\x01\x50")]
        for unit in units
    ]


def test_what_ffmpeg_multiplexes_comes_out(demuxer: Any, clip: Clip) -> None:
    out = demuxer.push(muxed(clip)) + demuxer.flush()
    assert nals(out) == nals(clip.units)
    assert [unit.is_key for unit in out] == [unit.is_key for unit in clip.units]
    base = clip.units[0].dts_ticks
    assert [unit.pts_ticks - unit.dts_ticks for unit in out] == [
        unit.pts_ticks - unit.dts_ticks for unit in clip.units
    ]
    assert [unit.dts_ticks for unit in out] == [unit.dts_ticks - base for unit in clip.units]
    assert demuxer.tracks()[0].codec is clip.codec
    assert demuxer.announced() == {Kind.VIDEO}
    assert demuxer.counters()["gaps"] == demuxer.counters()["garbage_bytes"] == 0


@pytest.mark.parametrize("size", [1, 100, 188, 1316])
def test_where_the_stream_is_cut_does_not_matter(demuxer: Any, h264: Clip, size: int) -> None:
    data = muxed(h264)
    out = [u for at in range(0, len(data), size) for u in demuxer.push(data[at : at + size])]
    assert nals(out + demuxer.flush()) == nals(h264.units)


@pytest.mark.parametrize(("kind", "codec"), [(0x90, Codec.G711A), (0x91, Codec.G711U)])
def test_audio_comes_beside_video(demuxer: Any, h264: Clip, kind: int, codec: Codec) -> None:
    quiet = (b"\xd5" if codec is Codec.G711A else b"\xff") * 320
    data = packets(0, pat({1: 0x100}), with_pointer=True)
    data += packets(0x100, pmt({0x101: 0x1B, 0x102: kind}), with_pointer=True)
    counts = {0x101: 0, 0x102: 0}
    for unit in h264.units:
        for pid, stream, body in ((0x101, 0xE0, unit.data), (0x102, 0xC0, quiet)):
            pes = packets(pid, build_pes_header(stream, len(body), unit.pts_ticks, None) + body,
                          counts[pid])  # fmt: skip
            counts[pid] += len(pes) // 188
            data += pes
    out = demuxer.push(data) + demuxer.flush()
    audio = [unit for unit in out if unit.track is Kind.AUDIO]
    assert nals([unit for unit in out if unit.track is Kind.VIDEO]) == nals(h264.units)
    assert [unit.pts_ticks for unit in audio] == [3600 * number for number in range(30)]
    assert {unit.data for unit in audio} == {quiet}
    assert [track.codec for track in demuxer.tracks()] == [Codec.H264, codec]


def test_aac_loses_its_adts_headers(demuxer: Any) -> None:
    frames = [bytes([number]) * 50 for number in range(1, 4)]
    body = b"".join(aac.build_adts(frame, CONFIG) for frame in frames)
    data = packets(0, pat({0: 0x10, 7: 0x30}), with_pointer=True)
    data += packets(0x30, pmt({0x44: 0x0F}, program=7), with_pointer=True)
    out = demuxer.push(data + packets(0x44, build_pes_header(0xC0, len(body), 9000, None) + body))
    assert [unit.data for unit in out] == frames
    assert demuxer.announced() == {Kind.AUDIO}


def test_tables_may_be_spread_over_packets_and_share_them(demuxer: Any, h264: Clip) -> None:
    large = pmt({0x101: 0x1B}, descriptors=bytes((0x52, 98)) * 3 + bytes(290))
    assert len(large) > 300
    other = pmt({0x111: 0x24}, program=9)
    data = packets(0, pat({1: 0x100, 9: 0x100}), with_pointer=True)
    data += packets(0x100, other + large, with_pointer=True)
    pes = build_pes_header(0xE0, 0, 0, None)
    pes = pes[:4] + b"\x00\x00" + pes[6:]
    out = demuxer.push(data + packets(0x101, pes + h264.data[0])) + demuxer.flush()
    assert nals(out) == nals(h264.units[:1])


def test_a_wrong_checksum_changes_nothing_that_is_known(demuxer: Any, h264: Clip) -> None:
    good = pmt({0x101: 0x1B})
    wrong = pmt({0x155: 0x1B})[:-1] + b"\x00"
    pes = packets(0x101, build_pes_header(0xE0, len(h264.data[0]), 0, None) + h264.data[0])
    data = packets(0, pat({1: 0x100}), with_pointer=True)
    data += packets(0x100, good, with_pointer=True)
    data += packets(0x100, wrong, 1, with_pointer=True) + pes
    assert nals(demuxer.push(data) + demuxer.flush()) == nals(h264.units[:1])
    assert demuxer.counters()["malformed_tables"] == 1


def test_garbage_between_packets_is_passed_over(demuxer: Any, h264: Clip) -> None:
    data = muxed(h264)
    third = len(data) // 188 // 3 * 188
    data = b"junk\x47" + data[:third] + b"more\x47junk" + data[third:]
    assert nals(demuxer.push(data) + demuxer.flush()) == nals(h264.units)
    assert demuxer.counters()["garbage_bytes"] == 14


def test_a_packet_sent_twice_is_taken_once(demuxer: Any, h264: Clip) -> None:
    data = muxed(h264)
    pieces = [data[at : at + 188] for at in range(0, len(data), 188)]
    data = b"".join(piece + piece if number % 3 == 0 else piece
                    for number, piece in enumerate(pieces))  # fmt: skip
    assert nals(demuxer.push(data) + demuxer.flush()) == nals(h264.units)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("name", ["h264", "h265", "large"])
def test_after_a_loss_only_whole_pictures_come_and_first_a_key(
    demuxer: Any, told: bool, name: str, request: pytest.FixtureRequest
) -> None:
    clip: Clip = request.getfixturevalue(name)
    data, rng = muxed(clip), random.Random(3)
    sent, out = nals(clip.units), []
    for at in range(0, len(data), 1316):
        if rng.random() < 0.05:
            if told:
                demuxer.lost()
            continue
        out += demuxer.push(data[at : at + 1316])
    out += demuxer.flush()
    positions = [sent.index(units) for units in nals(out)]
    for before, after, unit in zip([-1, *positions], positions, out, strict=False):
        assert after == before + 1 or (after > before and unit.is_key)


def test_a_frame_without_end_is_given_up(h264: Clip) -> None:
    for kind in TWINS:
        demuxer = module("ts", kind).TsDemuxer(max_access_unit_bytes=50_000)
        data = packets(0, pat({1: 0x100}), with_pointer=True)
        data += packets(0x100, pmt({0x101: 0x1B}), with_pointer=True)
        pes = build_pes_header(0xE0, 0, 0, None)[:4] + b"\x00\x00\x80\x00\x00" + b"\x11" * 300_000
        assert demuxer.push(data + packets(0x101, pes)) + demuxer.flush() == []
        assert demuxer.counters()["oversize"] == 1


def test_scrambled_packets_are_counted(demuxer: Any, h264: Clip) -> None:
    data = bytearray(muxed(h264))
    for at in range(0, len(data), 188):
        data[at + 3] |= 0x80
    assert demuxer.push(bytes(data)) + demuxer.flush() == []
    assert demuxer.counters()["scrambled_packets"] > 0


@cache
def short() -> bytes:
    """Some pictures, multiplexed once for all examples."""
    return muxed(encode(Codec.H264, frames=8, gop=4))[:12_000]


@given(
    st.lists(st.tuples(st.integers(0, 12_000), st.binary(max_size=4)), max_size=30),
    st.integers(50, 3000),
)
@settings(max_examples=40)
def test_both_twins_read_damaged_streams_alike_and_raise_nothing(
    damages: list[tuple[int, bytes]], size: int
) -> None:
    data = bytearray(short())
    for at, noise in damages:
        data[at : at + len(noise)] = noise
    results: list[tuple[list[AccessUnit], dict[str, int]]] = []
    for kind in TWINS:
        demuxer = module("ts", kind).TsDemuxer()
        out: list[AccessUnit] = []
        for at in range(0, len(data), size):
            out += demuxer.push(bytes(data[at : at + size]))
        results.append((out + demuxer.flush(), demuxer.counters()))
    assert results[0] == results[1]
