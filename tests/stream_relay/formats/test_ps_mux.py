"""The program stream we write, read by an independent reader, by ours and byte by byte."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.errors import MalformedBitstream, Unsupported
from stream_relay.formats import PsDemuxer, aac
from stream_relay.formats.ps_mux import PsMuxer, build_system_header
from stream_relay.formats.stream_map import crc32_mpeg, parse_stream_map
from tests.stream_relay.formats.clips import (
    TWINS,
    Clip,
    frame_hashes,
    module,
    probe,
    program_stream,
    shifted,
)
from tests.stream_relay.formats.random_units import units_of
from tests.stream_relay.media import PPS, SPS_320X240, START, VIDEO

SYSTEM_HEADER = build_system_header(has_video=True, has_audio=True)


def test_a_key_frame_brings_system_header_and_map(h264: Clip) -> None:
    muxer = PsMuxer(Codec.H264, Codec.G711A)
    key, other = (muxer.mux(unit) for unit in h264.units[:2])
    assert key[14:32] == SYSTEM_HEADER
    assert key[32:56] == bytes.fromhex("000001BC0012E0FF000000081BE0000090C00000FEDFB1D7")
    assert SYSTEM_HEADER not in other
    assert key.endswith(h264.data[0])


@pytest.mark.parametrize("name", ["h264", "h265"])
def test_ffprobe_reads_what_is_muxed(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    clip: Clip = request.getfixturevalue(name)
    stream, raw = tmp_path / "a.ps", tmp_path / f"a.{name}"
    stream.write_bytes(program_stream([shifted(unit, 90_000) for unit in clip.units]))
    raw.write_bytes(b"".join(clip.data))
    [video] = probe(stream)["streams"]
    assert (video["width"], video["height"]) == (clip.width, clip.height)
    assert int(video["nb_read_frames"]) == len(clip.units)
    assert frame_hashes(stream) == frame_hashes(raw)


def test_a_codec_without_a_stream_type_is_refused() -> None:
    with pytest.raises(Unsupported):
        PsMuxer(Codec.OPUS)


def test_stamps_are_taken_modulo_33_bits() -> None:
    unit = AccessUnit(Kind.VIDEO, Codec.H264, (1 << 33) + 5, (1 << 33) + 5, False, b"\0\0\1\x41")
    assert PsMuxer().mux(unit)[-18:-4] == bytes.fromhex("000001E0000C808005210001000B")


CONFIG = b"\x14\x08"
"""AAC-LC, 16 kHz, mono."""
SOUNDS = {
    Codec.G711A: Track(Kind.AUDIO, Codec.G711A, sample_rate=8000, channels=1),
    Codec.G711U: Track(Kind.AUDIO, Codec.G711U, sample_rate=8000, channels=1),
    Codec.G722_1: Track(Kind.AUDIO, Codec.G722_1, sample_rate=16_000, channels=1),
    Codec.AAC: Track(Kind.AUDIO, Codec.AAC, sample_rate=16_000, channels=1, audio_config=CONFIG),
}
MAX_PAYLOAD = 65_535 - 13
SIZES = (1, 2, 1388, MAX_PAYLOAD - 50, MAX_PAYLOAD, 2 * MAX_PAYLOAD - 1, 200_001, 300_000)
twins = pytest.mark.parametrize("twin", TWINS)


def muxer_of(twin: str, *tracks: Track) -> Any:
    muxer = module("ps_mux", twin).PsMuxer(None)
    muxer.describe(tracks)
    return muxer


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes without zeros: in them no start code begins."""
    return random.Random(seed).randbytes(size).replace(b"\0", b"\x80")


def picture(size: int, ticks: int, *, is_key: bool) -> AccessUnit:
    body = noise(size, size)
    sets = START + SPS_320X240 + START + PPS + START + b"\x65\x88"
    data = (sets if is_key else START + b"\x41\x9a") + body
    return AccessUnit(Kind.VIDEO, Codec.H264, ticks, ticks, is_key, data, VIDEO)


def packets_of(stream: bytes) -> list[tuple[int, bytes]]:
    """(stream id, everything from the start code on) of a program stream without stray bytes."""
    packets, at = [], 0
    while at < len(stream):
        assert stream[at : at + 3] == b"\0\0\1"
        kind = stream[at + 3]
        size = 14 if kind == 0xBA else 6 + int.from_bytes(stream[at + 4 : at + 6], "big")
        packets.append((kind, stream[at : at + size]))
        at += size
    assert at == len(stream)
    return packets


def facts(units: Sequence[AccessUnit], first: int = 0) -> list[tuple[object, ...]]:
    """All of the units, stamps counted from `first` as a demuxer does."""

    def since(ticks: int) -> int:
        return (ticks - first + (1 << 32)) % (1 << 33) - (1 << 32)

    return [
        (u.track, u.codec, since(u.pts_ticks), since(u.dts_ticks), u.is_key, u.data) for u in units
    ]


@twins
def test_what_is_muxed_comes_back_bit_by_bit(twin: str, clip: Clip) -> None:
    sent = [shifted(unit, 90_000) for unit in clip.units]
    muxer, demuxer = muxer_of(twin, Track(Kind.VIDEO, clip.codec)), PsDemuxer()
    out = [got for unit in sent for got in demuxer.push(muxer.mux(unit), None, True)]
    assert facts(out + demuxer.flush()) == facts(sent, 90_000)


@twins
@pytest.mark.parametrize("codec", SOUNDS)
@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(SIZES), st.integers(1, 6000)), min_size=1, max_size=8),
    st.integers(0, (1 << 33) - 1),
)
@example([(200_001, 60), (300_000, 6000)], (1 << 33) - 1)
def test_pictures_and_sound_of_any_size_come_back(
    twin: str, codec: Codec, pieces: list[tuple[int, int]], first: int
) -> None:
    muxer, demuxer, sent, out = muxer_of(twin, VIDEO, SOUNDS[codec]), PsDemuxer(), [], []
    for number, (size, sound_bytes) in enumerate(pieces):
        ticks = first + number * 3600 & (1 << 33) - 1
        sound = noise(sound_bytes, sound_bytes)
        sent += [
            picture(size, ticks, is_key=number % 3 == 0),
            AccessUnit(Kind.AUDIO, codec, ticks, ticks, True, sound, SOUNDS[codec]),
        ]
    for unit in sent:
        pack = muxer.mux(unit)
        assert all(len(packet) <= 6 + 0xFFFF for _, packet in packets_of(pack))
        out += demuxer.push(pack, None, True)
    out += demuxer.flush()
    for kind in Kind:
        mine = [unit for unit in sent if unit.track is kind]
        assert facts([unit for unit in out if unit.track is kind]) == facts(mine, first)


@twins
def test_a_long_frame_has_one_stamp_and_packets_as_long_as_they_may_be(twin: str) -> None:
    unit = replace(picture(200_001, 7200, is_key=True), dts_ticks=3600)
    kinds, packets = zip(*packets_of(muxer_of(twin, VIDEO).mux(unit)), strict=True)
    assert kinds == (0xBA, 0xBB, 0xBC, 0xE0, 0xE0, 0xE0, 0xE0)
    assert [len(packet) for packet in packets[3:6]] == [6 + 0xFFFF, 9 + MAX_PAYLOAD] + [
        9 + MAX_PAYLOAD
    ]
    assert packets[3][6:19] == bytes.fromhex("80C00A31000138411100011C21")
    assert [packet[7:9] for packet in packets[4:]] == [b"\0\0"] * 3
    assert packets[0][4:10] == bytes.fromhex("440004708401")


@twins
@pytest.mark.parametrize("sound", SOUNDS.values())
def test_every_key_frame_has_header_and_map_of_the_tracks(twin: str, sound: Track) -> None:
    types = {Codec.G711A: 0x90, Codec.G711U: 0x91, Codec.G722_1: 0x92, Codec.AAC: 0x0F}
    muxer = muxer_of(twin, VIDEO, sound)
    for is_key in (True, False, True):
        packets = dict(packets_of(muxer.mux(picture(10, 0, is_key=is_key))))
        assert (0xBB in packets, 0xBC in packets) == (is_key, is_key)
        if is_key:
            assert packets[0xBB] == SYSTEM_HEADER
            assert parse_stream_map(packets[0xBC]) == {0xE0: 0x1B, 0xC0: types[sound.codec]}
            assert crc32_mpeg(packets[0xBC]) == 0


@twins
def test_a_change_of_tracks_is_told_at_once_and_has_a_version_of_its_own(twin: str) -> None:
    muxer = muxer_of(twin, VIDEO)
    first = dict(packets_of(muxer.mux(picture(10, 0, is_key=True))))
    assert first[0xBB] == build_system_header(has_video=True, has_audio=False)
    muxer.describe([VIDEO, SOUNDS[Codec.G711A]])
    second = dict(packets_of(muxer.mux(picture(10, 3600, is_key=False))))
    assert second[0xBB] == SYSTEM_HEADER
    assert second[0xBC][6] == 0xE0 | (first[0xBC][6] + 1 & 0x1F)
    assert 0xBC not in dict(packets_of(muxer.mux(picture(10, 7200, is_key=False))))


@twins
def test_sound_alone_repeats_the_map_each_second(twin: str) -> None:
    muxer = muxer_of(twin, SOUNDS[Codec.G711A])
    packs = [
        AccessUnit(Kind.AUDIO, Codec.G711A, at, at, True, bytes(160))
        for at in range(0, 270_000, 1800)
    ]
    with_map = [number for number, unit in enumerate(packs) if b"\0\0\1\xbc" in muxer.mux(unit)]
    assert with_map == [0, 50, 100]


H265_SETS = (b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps")


@twins
@pytest.mark.parametrize(
    ("track", "delimiter", "rest"),
    [
        (VIDEO, b"", START + b"\x65\x88idr"),
        (VIDEO, START + b"\x09\xf0", START + b"\x65\x88idr"),
        (VIDEO, b"\0\0\1\x09\xf0", b"\0\0\1\x06sei" + START + b"\x65\x88idr"),
        (Track(Kind.VIDEO, Codec.H265, parameter_sets=H265_SETS), b"", START + b"\x26\x01idr"),
        (
            Track(Kind.VIDEO, Codec.H265, parameter_sets=H265_SETS),
            START + b"\x46\x01\x50",
            START + b"\x26\x01idr",
        ),
    ],
)
def test_parameter_sets_stand_before_every_key_frame(
    twin: str, track: Track, delimiter: bytes, rest: bytes
) -> None:
    """GB/T 28181-2022 annex F: others may have been told in the SDP, or once."""
    sets = b"".join(START + item for item in track.parameter_sets)
    muxer = muxer_of(twin, track)
    for data, wanted in (
        (delimiter + rest, delimiter + sets + rest),
        (delimiter + sets + rest, delimiter + sets + rest),
    ):
        unit = AccessUnit(Kind.VIDEO, track.codec, 0, 0, True, data)
        assert packets_of(muxer.mux(unit))[-1][1][14:] == wanted
        other = replace(unit, is_key=False)
        assert packets_of(muxer.mux(other))[-1][1][14:] == data


@twins
def test_sound_gets_its_adts_header_and_what_is_too_long_for_one_is_left_out(twin: str) -> None:
    muxer = muxer_of(twin, SOUNDS[Codec.AAC])
    unit = AccessUnit(Kind.AUDIO, Codec.AAC, 0, 0, True, b"frame" * 20)
    assert muxer.mux(unit).endswith(aac.build_adts(b"frame" * 20, CONFIG))
    longest = replace(unit, data=bytes(0x1FFF - 7))
    assert len(packets_of(muxer.mux(longest))[-1][1]) == 14 + 0x1FFF
    assert muxer.mux(replace(unit, data=bytes(0x1FFF - 6))) == b""
    assert muxer.mux(replace(unit, data=b"")) == b""


@pytest.mark.parametrize(
    ("config", "same_as"),
    [
        ("2B8A0800", "1388"),  # HE-AAC, 24 kHz core in front of 48 kHz, mono
        ("EB8A0800", "1388"),  # HE-AAC v2
    ],
)
def test_adts_of_high_efficiency_names_the_core(config: str, same_as: str) -> None:
    frame = b"frame"
    assert aac.build_adts(frame, bytes.fromhex(config)) == aac.build_adts(
        frame, bytes.fromhex(same_as)
    )


@pytest.mark.parametrize("config", ["", "14", "F808", "1788", "0008", "2808"])
def test_a_configuration_that_adts_cannot_name_is_refused(config: str) -> None:
    track = replace(SOUNDS[Codec.AAC], audio_config=bytes.fromhex(config))
    with pytest.raises(MalformedBitstream):
        aac.adts_head(track.audio_config)
    if config:
        with pytest.raises(Unsupported):
            PsMuxer(None).describe([track])


@settings(deadline=None)
@given(
    units_of(Codec.H264, Codec.H265, Codec.AAC, Codec.G711A),
    st.sampled_from([Codec.H264, Codec.H265]),
    st.lists(st.binary(max_size=30), max_size=3).map(tuple),
)
def test_both_twins_write_the_same(
    units: list[AccessUnit], codec: Codec, sets: tuple[bytes, ...]
) -> None:
    video = Track(Kind.VIDEO, codec, parameter_sets=sets)
    plain, compiled = (muxer_of(twin, video, SOUNDS[Codec.AAC]) for twin in TWINS)
    for unit in units:
        assert plain.mux(unit) == compiled.mux(unit)
