"""Program streams of well-behaved and of real devices (gb28181 §6, field notes 36-45)."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.formats import aac
from stream_relay.formats.pes import build_pack, build_pes_header
from stream_relay.formats.ps_mux import PsMuxer, build_system_header
from stream_relay.formats.stream_map import build_stream_map
from tests.stream_relay.formats.clips import TWINS, Clip, module, program_stream, shifted, silence

SYSTEM_HEADER = build_system_header(has_video=True, has_audio=True)

START_TICKS = 90_000
PRIVATE = b"\x00\x00\x01\xbd\x00\x06HIKVIS"
PADDING = b"\x00\x00\x01\xbe\x00\x04\xff\xff\xff\xff"
UNKNOWN = b"\x00\x00\x01\xf2\x00\x03abc"


@pytest.fixture(params=TWINS)
def demuxer(request: pytest.FixtureRequest) -> Any:
    return module("ps", request.param).PsDemuxer()


def moved(clip: Clip, ticks: int = START_TICKS) -> list[AccessUnit]:
    return [shifted(unit, ticks) for unit in clip.units]


def video(units: Sequence[AccessUnit]) -> list[AccessUnit]:
    return [unit for unit in units if unit.track is Kind.VIDEO]


def payloads(units: Sequence[AccessUnit]) -> list[bytes]:
    return [unit.data for unit in units]


def send(demuxer: Any, frames: Sequence[bytes], size: int = 1388) -> list[AccessUnit]:
    """Each frame in RTP payloads with its own stamp and the marker on its last."""
    out: list[AccessUnit] = []
    for number, frame in enumerate(frames):
        for start in range(0, len(frame), size):
            is_last = start + size >= len(frame)
            out += demuxer.push(frame[start : start + size], 3600 * number, is_last)
    return out


# --- what a frame is -----------------------------------------------------------------------------


def test_elementary_streams_come_out_bit_exactly(demuxer: Any, clip: Clip) -> None:
    out = demuxer.push(program_stream(moved(clip))) + demuxer.flush()
    assert payloads(out) == clip.data
    assert [unit.is_key for unit in out] == [unit.is_key for unit in clip.units]
    assert [unit.pts_ticks for unit in out] == [unit.pts_ticks for unit in clip.units]
    assert [unit.dts_ticks for unit in out] == [unit.dts_ticks for unit in clip.units]


def test_the_track_tells_codec_size_and_rate(demuxer: Any, h264: Clip) -> None:
    out = demuxer.push(program_stream(moved(h264)))
    [track] = demuxer.tracks()
    assert (track.codec, track.width, track.height) == (Codec.H264, 160, 120)
    assert track.frame_rate == 25
    assert [nal[0] & 0x1F for nal in track.parameter_sets] == [7, 8]
    assert {unit.description for unit in out} == {track}


def test_a_frame_is_complete_at_its_marker(demuxer: Any, h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264)
    for number, unit in enumerate(moved(h264)):
        pack = muxer.mux(unit)
        assert demuxer.push(pack[:50], number, False) == []
        assert payloads(demuxer.push(pack[50:], number, True)) == [unit.data]


def test_a_frame_is_complete_at_the_next_time_stamp(demuxer: Any, h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264)
    first, second = (muxer.mux(unit) for unit in moved(h264)[:2])
    assert demuxer.push(first, 1000, False) == []
    assert payloads(demuxer.push(second[:1], 4600, False)) == h264.data[:1]


def test_a_frame_is_complete_when_the_next_begins(demuxer: Any, h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264)
    first, second = (muxer.mux(unit) for unit in moved(h264)[:2])
    assert demuxer.push(first) == []
    assert payloads(demuxer.push(second[:40])) == h264.data[:1]


def test_a_marker_on_each_packet_is_found_out(demuxer: Any, large: Clip) -> None:
    data = program_stream(moved(large))
    out = [
        u for at in range(0, len(data), 1388) for u in demuxer.push(data[at : at + 1388], 7, True)
    ]
    assert payloads(out + demuxer.flush()) == large.data


def test_a_time_stamp_that_rises_with_each_packet_is_found_out(demuxer: Any, large: Clip) -> None:
    data = program_stream(moved(large))
    out = [u for at in range(0, len(data), 1388) for u in demuxer.push(data[at : at + 1388], at)]
    assert payloads(out + demuxer.flush()) == large.data


def test_key_frames_beyond_one_pes_stay_whole(demuxer: Any, large: Clip) -> None:
    assert len(large.data[0]) > 65535
    out = send(demuxer, [PsMuxer(Codec.H264).mux(unit) for unit in moved(large)])
    assert payloads(out) == large.data


@pytest.mark.parametrize("size", [40, 100, 1400])
def test_frames_may_be_split_into_any_pes(demuxer: Any, h264: Clip, size: int) -> None:
    muxer = PsMuxer(Codec.H264, max_pes_bytes=size)
    out = demuxer.push(program_stream(moved(h264), muxer)) + demuxer.flush()
    assert payloads(out) == h264.data


def test_several_frames_may_share_a_pack(demuxer: Any, h264: Clip) -> None:
    parts = [build_pack(0, 1000)]
    for unit in moved(h264):
        parts += [build_pes_header(0xE0, len(unit.data), unit.pts_ticks, None), unit.data]
    out = demuxer.push(b"".join(parts)) + demuxer.flush()
    assert payloads(out) == h264.data


def test_several_frames_may_share_a_pes(demuxer: Any, h264: Clip) -> None:
    parts = []
    for index in range(0, 30, 2):
        pair = h264.data[index] + h264.data[index + 1]
        parts += [build_pack(0, 1000), build_pes_header(0xE0, len(pair), index * 3600, None), pair]
    out = demuxer.push(b"".join(parts)) + demuxer.flush()
    assert payloads(out) == h264.data
    assert [unit.pts_ticks for unit in out] == [unit.pts_ticks for unit in h264.units]


def test_a_frame_may_spread_over_many_packs(demuxer: Any, h264: Clip) -> None:
    parts = []
    for unit in moved(h264):
        pts: int | None = unit.pts_ticks
        for start in range(0, len(unit.data), 500):
            piece = unit.data[start : start + 500]
            parts += [build_pack(0, 1000), build_pes_header(0xE0, len(piece), pts, None), piece]
            pts = None
    out = demuxer.push(b"".join(parts)) + demuxer.flush()
    assert payloads(out) == h264.data


def test_parameter_sets_may_travel_ahead_in_a_pack_of_their_own(demuxer: Any, h264: Clip) -> None:
    key = h264.data[0]
    cut = key.find(b"\x00\x00\x01\x65")
    parts = []
    for pts, piece in ((0, key[:cut]), (10, key[cut:]), (3600, h264.data[1])):
        parts += [build_pack(0, 1000), build_pes_header(0xE0, len(piece), pts, None), piece]
    out = demuxer.push(b"".join(parts)) + demuxer.flush()
    assert payloads(out) == h264.data[:2]


# --- stream map ----------------------------------------------------------------------------------


def test_a_missing_map_is_made_up_from_the_bytes(demuxer: Any, clip: Clip) -> None:
    muxer = PsMuxer(clip.codec, with_map=False)
    out = demuxer.push(program_stream(moved(clip), muxer)) + demuxer.flush()
    assert payloads(out) == clip.data
    assert demuxer.tracks()[0].codec is clip.codec


@pytest.mark.parametrize("announced", [Codec.H264, Codec.H265, Codec.MPEG4])
def test_a_wrong_map_is_overruled_by_the_bytes(demuxer: Any, clip: Clip, announced: Codec) -> None:
    out = demuxer.push(program_stream(moved(clip), PsMuxer(announced))) + demuxer.flush()
    assert payloads(out) == clip.data
    assert demuxer.tracks()[0].codec is clip.codec


def test_a_map_with_a_wrong_checksum_is_accepted(demuxer: Any, h265: Clip) -> None:
    good = build_stream_map({0xE0: 0x24})
    data = program_stream(moved(h265)).replace(good, good[:-4] + b"\x00\x00\x00\x00")
    assert payloads(demuxer.push(data) + demuxer.flush()) == h265.data


def test_a_codec_nobody_reads_is_passed_on_by_its_map(demuxer: Any) -> None:
    parts = []
    for index in range(3):
        parts.append(build_pack(0, 1000))
        if index == 0:
            parts.append(build_stream_map({0xE0: 0x80}))
        piece = bytes([index]) * 90
        parts += [build_pes_header(0xE0, 90, index * 3600, None), piece]
    out = demuxer.push(b"".join(parts)) + demuxer.flush()
    assert [(unit.codec, unit.is_key) for unit in out] == [
        (Codec.SVAC, True), (Codec.SVAC, False), (Codec.SVAC, False),
    ]  # fmt: skip


# --- what else is in the stream ------------------------------------------------------------------


@pytest.mark.parametrize("alien", [PRIVATE, PADDING, UNKNOWN, b"\x00\x00\x01\xb9"])
def test_other_packets_are_skipped(demuxer: Any, h264: Clip, alien: bytes) -> None:
    muxer = PsMuxer(Codec.H264)
    data = b"".join(muxer.mux(unit) + alien for unit in moved(h264))
    assert payloads(demuxer.push(data) + demuxer.flush()) == h264.data


def test_a_second_video_stream_is_skipped(demuxer: Any, h264: Clip) -> None:
    other = build_pes_header(0xE1, 5, 77, None) + b"other"
    muxer = PsMuxer(Codec.H264)
    data = b"".join(muxer.mux(unit) + other for unit in moved(h264))
    assert payloads(demuxer.push(data) + demuxer.flush()) == h264.data


@pytest.mark.parametrize(
    "garbage", [b"\x00", b"\xff" * 20, b"\x00\x00", b"\x00\x00\x00\x00\x01", b"garbage"]
)
def test_garbage_between_packs_is_passed_over(demuxer: Any, h264: Clip, garbage: bytes) -> None:
    muxer = PsMuxer(Codec.H264)
    data = b"".join(muxer.mux(unit) + garbage for unit in moved(h264))
    assert payloads(demuxer.push(data) + demuxer.flush()) == h264.data
    assert demuxer.counters()["garbage_bytes"] >= len(garbage) * 29


def test_pack_stuffing_and_old_packs_are_read(demuxer: Any, h264: Clip) -> None:
    parts = []
    for index, unit in enumerate(moved(h264)):
        stuffed = build_pack(0, 1000)[:-1] + b"\xff" + b"\xff" * 7
        old = b"\x00\x00\x01\xba\x21" + bytes(7)
        parts += [stuffed if index % 2 else old, SYSTEM_HEADER]
        parts += [build_pes_header(0xE0, len(unit.data), unit.pts_ticks, None), unit.data]
    assert payloads(demuxer.push(b"".join(parts)) + demuxer.flush()) == h264.data


def test_pes_without_length_end_at_the_next_packet(demuxer: Any, clip: Clip) -> None:
    parts = []
    for unit in moved(clip):
        dts = unit.dts_ticks if unit.dts_ticks != unit.pts_ticks else None
        header = build_pes_header(0xE0, 0, unit.pts_ticks, dts)
        parts += [build_pack(0, 1000), header[:4] + b"\x00\x00" + header[6:], unit.data]
    out = demuxer.push(b"".join(parts)) + demuxer.flush()
    assert payloads(out) == clip.data


def test_pes_without_length_end_at_the_marker(demuxer: Any, h264: Clip) -> None:
    frames = []
    for unit in moved(h264):
        header = build_pes_header(0xE0, 0, unit.pts_ticks, None)
        frames.append(build_pack(0, 1000) + header[:4] + b"\x00\x00" + header[6:] + unit.data)
    out = send(demuxer, frames)
    assert payloads(out) == h264.data


# --- audio ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", [Codec.G711A, Codec.G711U])
def test_audio_comes_beside_video_on_one_time_line(demuxer: Any, h264: Clip, codec: Codec) -> None:
    muxer = PsMuxer(Codec.H264, codec)
    parts = []
    for unit in moved(h264):
        parts += [muxer.mux(unit), muxer.mux(silence(unit.dts_ticks + 900, 320, codec))]
    out = demuxer.push(b"".join(parts)) + demuxer.flush()
    audio = [unit for unit in out if unit.track is Kind.AUDIO]
    assert payloads(video(out)) == h264.data
    assert [unit.pts_ticks for unit in audio] == [900 + 3600 * n for n in range(30)]
    assert [track.codec for track in demuxer.tracks()] == [Codec.H264, codec]


def test_aac_loses_its_adts_headers(demuxer: Any) -> None:
    config = (2 << 11 | 8 << 7 | 1 << 3).to_bytes(2, "big")
    frames = [bytes([number]) * 50 for number in range(1, 4)]
    body = b"".join(aac.build_adts(frame, config) for frame in frames)
    data = build_pack(0, 1000) + build_stream_map({0xC0: 0x0F})
    out = demuxer.push(data + build_pes_header(0xC0, len(body), 9000, None) + body)
    assert payloads(out) == frames
    assert [unit.pts_ticks for unit in out] == [0, 5760, 11520]
    assert demuxer.tracks()[0].audio_config == config


def test_audio_without_stamps_counts_its_samples(demuxer: Any) -> None:
    parts = [build_pack(0, 1000), build_stream_map({0xC0: 0x90})]
    parts += [build_pes_header(0xC0, 160, None, None) + b"\xd5" * 160 for _ in range(3)]
    out = demuxer.push(b"".join(parts))
    assert [unit.pts_ticks for unit in out] == [0, 1800, 3600]


# --- stamps --------------------------------------------------------------------------------------


def test_stamps_that_wrap_go_on(demuxer: Any, h264: Clip) -> None:
    out = demuxer.push(program_stream(moved(h264, (1 << 33) - 36_000))) + demuxer.flush()
    assert [unit.pts_ticks for unit in out] == [unit.pts_ticks for unit in h264.units]


def test_stamps_that_jump_are_joined(demuxer: Any, h264: Clip) -> None:
    day = 26 * 3600 * 90_000
    units = moved(h264)[:10] + [shifted(u, day) for u in h264.units[10:20]] + moved(h264)[20:]
    out = demuxer.push(program_stream(units)) + demuxer.flush()
    assert [unit.pts_ticks for unit in out] == [unit.pts_ticks for unit in h264.units]
    assert demuxer.counters()["jumps"] == 2


def test_missing_stamps_are_taken_from_rtp(demuxer: Any, h264: Clip) -> None:
    frames = [
        build_pack(0, 1000) + build_pes_header(0xE0, len(data), None, None) + data
        for data in h264.data
    ]
    out = send(demuxer, frames)
    assert payloads(out) == h264.data
    assert [unit.pts_ticks for unit in out] == [unit.pts_ticks for unit in h264.units]


def test_without_any_stamp_the_headers_give_the_pace(demuxer: Any, h264: Clip) -> None:
    data = b"".join(
        build_pack(0, 1000) + build_pes_header(0xE0, len(data), None, None) + data
        for data in h264.data
    )
    out = demuxer.push(data) + demuxer.flush()
    assert payloads(out) == h264.data
    assert [unit.pts_ticks for unit in out] == [unit.pts_ticks for unit in h264.units]


# --- loss and lies -------------------------------------------------------------------------------


def test_after_a_loss_the_next_key_frame_is_waited_for(demuxer: Any, h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264)
    packs = [muxer.mux(unit) for unit in moved(h264)]
    out = send(demuxer, packs[:4]) + demuxer.push(packs[4][:60])
    demuxer.lost()
    out += demuxer.push(packs[4][90:], None, True) + send(demuxer, packs[5:])
    assert payloads(out) == h264.data[:4] + h264.data[10:]
    assert demuxer.counters()["skipped_pictures"] == 5


def test_audio_goes_on_while_video_waits(demuxer: Any, h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264, Codec.G711A)
    demuxer.push(muxer.mux(moved(h264)[0]), 1, True)
    demuxer.lost()
    out = demuxer.push(muxer.mux(moved(h264)[1]) + muxer.mux(silence(START_TICKS + 3600)), 2, True)
    assert [unit.track for unit in out] == [Kind.AUDIO]


def test_a_pes_cut_short_does_not_swallow_the_next_pack(demuxer: Any, h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264)
    packs = [muxer.mux(unit) for unit in moved(h264)]
    packs[5] = packs[5][:-200]
    out = demuxer.push(b"".join(packs)) + demuxer.flush()
    assert payloads(out) == h264.data[:5] + h264.data[10:]
    assert demuxer.counters()["truncated"] == 1


def test_a_pes_longer_than_it_says_is_not_shown_broken(demuxer: Any, h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264)
    packs = [muxer.mux(unit) for unit in moved(h264)]
    data = h264.data[5]
    orphan = b"\x00\x00\x00\x01\x41" + b"\x11" * 80
    packs[5] = build_pack(0, 1000) + build_pes_header(0xE0, 40, 108_000, None) + data[:40] + orphan
    out = demuxer.push(b"".join(packs)) + demuxer.flush()
    assert payloads(out) == h264.data[:5] + h264.data[10:]


def test_a_frame_without_end_is_given_up(h264: Clip) -> None:
    for kind in TWINS:
        demuxer = module("ps", kind).PsDemuxer(max_access_unit_bytes=60_000)
        header = build_pes_header(0xE0, 0, 0, None)
        demuxer.push(build_pack(0, 1000) + header[:4] + b"\x00\x00" + header[6:])
        for _ in range(20):
            assert demuxer.push(b"\x11" * 10_000) == []
        assert demuxer.counters()["oversize"] == 1
        assert payloads(send(demuxer, [PsMuxer().mux(u) for u in moved(h264)])) == h264.data


def test_changed_parameter_sets_make_a_new_track(demuxer: Any, h264: Clip, large: Clip) -> None:
    units = moved(h264)[:10] + [shifted(u, START_TICKS + 36_000) for u in large.units]
    out = demuxer.push(program_stream(units)) + demuxer.flush()
    sizes = [(u.description.width, u.description.height) for u in out if u.description]
    assert sizes == [(160, 120)] * 10 + [(640, 480)] * 6
    assert len({id(unit.description) for unit in out}) == 2
    assert out[10].is_key


def test_a_change_of_codec_in_mid_stream_is_followed(demuxer: Any, h264: Clip, h265: Clip) -> None:
    second = [shifted(unit, START_TICKS + 36_000) for unit in h265.units]
    data = program_stream(moved(h264)[:10]) + program_stream(second)
    out = demuxer.push(data) + demuxer.flush()
    assert payloads(out) == h264.data[:10] + h265.data
    assert demuxer.tracks()[0].codec is Codec.H265


def test_a_transport_stream_gives_nothing(demuxer: Any) -> None:
    assert demuxer.push((b"\x47\x40\x00\x10" + bytes(184)) * 50) == []
    assert demuxer.tracks() == ()
    assert demuxer.counters()["packs"] == 0


# --- any cut, any bytes --------------------------------------------------------------------------


def hostile_stream(h264: Clip) -> bytes:
    """A stream with most of the things above in it."""
    muxer = PsMuxer(Codec.H264, Codec.G711A, max_pes_bytes=700)
    parts = [b"\x00\x00\x01\xe0junk"]
    for index, unit in enumerate(moved(h264)):
        parts.append(muxer.mux(unit))
        if index % 3 == 0:
            parts.append(PRIVATE + PADDING)
        if index % 4 == 0:
            parts.append(b"\x00\x00\x00\x01\x41orphan\x00\x00")
        if index == 12:
            parts[-1] = parts[-1][:-33]
        parts.append(muxer.mux(silence(unit.dts_ticks + 900)))
    return b"".join(parts)


@pytest.mark.parametrize("kind", TWINS)
@given(cuts=st.lists(st.integers(1, 4000), min_size=1, max_size=80))
@settings(max_examples=60)
def test_where_the_stream_is_cut_does_not_matter(kind: str, h264: Clip, cuts: list[int]) -> None:
    data = hostile_stream(h264)
    whole, pieces = module("ps", kind).PsDemuxer(), module("ps", kind).PsDemuxer()
    expected = whole.push(data) + whole.flush()
    assert len(expected) > 30
    out: list[AccessUnit] = []
    position = 0
    for cut in cuts:
        out += pieces.push(data[position : position + cut])
        position += cut
    out += pieces.push(data[position:]) + pieces.flush()
    assert out == expected
    assert pieces.counters() == whole.counters()


@pytest.mark.parametrize("kind", TWINS)
def test_byte_by_byte_is_the_same(kind: str, h264: Clip) -> None:
    data = hostile_stream(h264)
    whole, bytewise = module("ps", kind).PsDemuxer(), module("ps", kind).PsDemuxer()
    expected = whole.push(data) + whole.flush()
    out = [unit for byte in data for unit in bytewise.push(bytes([byte]))] + bytewise.flush()
    assert out == expected


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.binary(max_size=60),
                st.sampled_from([PRIVATE, PADDING, UNKNOWN, SYSTEM_HEADER, build_pack(0, 9)]),
                st.binary(max_size=30).map(lambda b: build_pes_header(0xE0, len(b), 5, None) + b),
                st.binary(max_size=30).map(
                    lambda b: build_pes_header(0xC0, len(b), None, None) + b
                ),
            ),
            st.one_of(st.none(), st.integers(0, 0xFFFFFFFF)),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_both_twins_read_any_bytes_alike_and_raise_nothing(
    pushes: list[tuple[bytes, int | None, bool]],
) -> None:
    plain, compiled = (module("ps", kind).PsDemuxer() for kind in TWINS)
    for payload, stamp, marker in pushes:
        assert compiled.push(payload, stamp, marker) == plain.push(payload, stamp, marker)
    assert compiled.flush() == plain.flush()
    assert compiled.counters() == plain.counters()


def damage(packet: bytes, how: str, position: int, value: int) -> bytes:
    at = position % max(len(packet), 1)
    if how == "cut":
        return packet[:at]
    if how == "flip" and packet:
        return packet[:at] + bytes([packet[at] ^ value]) + packet[at + 1 :]
    return packet + packet if how == "twice" else b""


def unbounded_stream(clip: Clip) -> bytes:
    parts = []
    for unit in moved(clip):
        header = build_pes_header(0xE0, 0, unit.pts_ticks, None)
        parts += [build_pack(0, 9), header[:4] + b"\x00\x00" + header[6:], unit.data]
    return b"".join(parts)


@pytest.mark.parametrize("is_unbounded", [False, True])
@given(
    damages=st.lists(
        st.tuples(
            st.integers(0, 400),
            st.sampled_from(["cut", "flip", "drop", "twice", "lose"]),
            st.integers(0, 1400),
            st.integers(1, 255),
        ),
        max_size=12,
    ),
    size=st.integers(30, 1400),
    max_unit=st.sampled_from([3000, 8_000_000]),
)
@settings(max_examples=60)
def test_both_twins_agree_on_damaged_streams(
    h264: Clip,
    damages: list[tuple[int, str, int, int]],
    size: int,
    max_unit: int,
    is_unbounded: bool,
) -> None:
    data = unbounded_stream(h264) if is_unbounded else hostile_stream(h264)
    packets = [data[start : start + size] for start in range(0, len(data), size)]
    losses = {number % len(packets) for number, how, _, _ in damages if how == "lose"}
    for number, how, position, value in damages:
        index = number % len(packets)
        packets[index] = damage(packets[index], how, position, value)
    plain, compiled = (
        module("ps", kind).PsDemuxer(max_access_unit_bytes=max_unit) for kind in TWINS
    )
    for index, packet in enumerate(packets):
        if index in losses:
            plain.lost()
            compiled.lost()
        marker, stamp = index % 7 == 6, 3600 * (index // 7)
        assert compiled.push(packet, stamp, marker) == plain.push(packet, stamp, marker)
        assert compiled.tracks() == plain.tracks()
    assert compiled.flush() == plain.flush()
    assert compiled.counters() == plain.counters()


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_pack_code_may_begin_before_the_pes_that_was_cut_short(
    demuxer: Any, h264: Clip, first: int
) -> None:
    """The code's first bytes end one PES, the others begin the next: no header lies between."""
    packs = [PsMuxer(Codec.H264).mux(unit) for unit in moved(h264)]
    code, key = packs[10][:4], h264.data[0]
    begin = build_pack(0, 9) + build_pes_header(0xE0, 40 + first, 0, None) + key[:40] + code[:first]
    rest = build_pes_header(0xE0, 60_000, None, None)
    for cut in (len(begin), len(begin) + 5, len(begin) + len(rest), len(begin) + len(rest) + 1):
        data = begin + rest + code[first:] + packs[10][4:] + b"".join(packs[11:])
        out = demuxer.push(data[:cut]) + demuxer.push(data[cut:]) + demuxer.flush()
        assert payloads(out) == h264.data[10:]
        demuxer.begin_again()
    assert demuxer.counters()["truncated"] == 4


def test_another_source_may_carry_other_streams_on_another_clock(
    demuxer: Any, h264: Clip, h265: Clip
) -> None:
    out = demuxer.push(program_stream(moved(h264)[:10])) + demuxer.push(b"\x00\x00\x01\xe0\x40")
    demuxer.begin_again()
    assert demuxer.announced() == frozenset()
    units = [shifted(unit, 1 << 32) for unit in h265.units]
    muxed = program_stream(units, PsMuxer(Codec.H265, with_map=False))
    out += demuxer.push(muxed.replace(b"\x00\x00\x01\xe0", b"\x00\x00\x01\xe3"))
    out += demuxer.flush()
    assert payloads(out) == h264.data[:9] + h265.data
    stamps = [unit.dts_ticks for unit in out]
    assert stamps == sorted(set(stamps))
    assert demuxer.counters()["jumps"] == 0


def test_the_stream_map_tells_what_to_wait_for_before_it_comes(demuxer: Any) -> None:
    assert demuxer.announced() == frozenset()
    demuxer.push(build_pack(0, 5000) + build_stream_map({0xE0: 0x1B, 0xC0: 0x90}))
    assert demuxer.announced() == {Kind.VIDEO, Kind.AUDIO}
    assert demuxer.tracks() == ()
