"""Sound of real encoders: over RTP as FFmpeg sends it, and inside a program stream."""

import json
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from stream_relay.access_unit import AccessUnit, Codec, Kind, Track
from stream_relay.formats import PsDemuxer, parse_packet
from stream_relay.formats.detect import choose_depacketizer
from tests.stream_relay.formats.clips import TWINS, Clip, module
from tests.stream_relay.media import udp_socket

HOST = "127.0.0.1"
ENCODED = {
    "aac": (Codec.AAC, "mp4", ["-c:a", "aac", "-ar", "48000", "-ac", "2"]),
    "aac-mono": (Codec.AAC, "mp4", ["-c:a", "aac", "-ar", "16000", "-ac", "1"]),
    "opus": (Codec.OPUS, "mka", ["-c:a", "libopus", "-ar", "48000", "-ac", "2"]),
    "opus-60-ms": (Codec.OPUS, "mka", ["-c:a", "libopus", "-frame_duration", "60", "-ac", "1"]),
    "g711a": (Codec.G711A, "wav", ["-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"]),
    "g711u": (Codec.G711U, "wav", ["-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"]),
}


@dataclass(frozen=True)
class Sound:
    """A second and a half of a tone that rises."""

    path: Path
    codec: Codec
    frames: tuple[bytes, ...]
    config: bytes
    sample_rate: int
    channels: int


@pytest.fixture(scope="module", params=ENCODED)
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    codec, ending, options = ENCODED[request.param]
    path: Path = tmp_path_factory.mktemp("sound") / f"tone.{ending}"
    tone = ["-f", "lavfi", "-i", "aevalsrc=sin(2*PI*t*(300+400*t)):d=1.5"]
    subprocess.run(["ffmpeg", "-v", "error", *tone, *options, str(path)], check=True)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        config = bytes(stream.codec_context.extradata or b"")
        frames = tuple(bytes(packet) for packet in container.demux(stream) if packet.size)
        facts = stream.codec_context.sample_rate, stream.codec_context.channels
    return Sound(path, codec, frames, config, *facts)


def sent_by_ffmpeg(path: Path, folder: Path) -> tuple[list[bytes], dict[int, str]]:
    """The packets, and what the session description says of their payload types."""
    with udp_socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        target = f"rtp://{HOST}:{sock.getsockname()[1]}?localrtcpport=0"
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-c", "copy", "-f", "rtp"]
        command += ["-sdp_file", str(folder / "sdp"), target]
        subprocess.run(command, check=True, capture_output=True)
        sock.setblocking(False)
        packets = []
        while True:
            try:
                packets.append(sock.recv(2048))
            except BlockingIOError:
                break
    text = (folder / "sdp").read_text()
    maps = {int(kind): name for kind, name in re.findall(r"a=rtpmap:(\d+) (\S+)", text)}
    for kind, parameters in re.findall(r"a=fmtp:(\d+) (.+)", text):
        maps[int(kind)] += f" {parameters.strip()}"
    return packets, maps


def test_what_ffmpeg_sends_comes_out_frame_by_frame(sound: Sound, tmp_path: Path) -> None:
    packets, announced = sent_by_ffmpeg(sound.path, tmp_path)
    parsed = [parse_packet(packet) for packet in packets]
    reader = choose_depacketizer(parsed[0].payload_type, parsed[0].payload, announced)
    units: list[AccessUnit] = []
    for packet in parsed:
        units += reader.push(packet.payload, packet.timestamp, packet.marker)
    units += reader.flush()
    got, made = b"".join(unit.data for unit in units), b"".join(sound.frames)
    assert made.startswith(got)
    # FFmpeg never sends the AAC frames that do not fill a packet at the end.
    assert len(got) >= len(made) * (0.75 if sound.codec is Codec.AAC else 1)
    if sound.codec in (Codec.AAC, Codec.OPUS):
        assert [unit.data for unit in units] == list(sound.frames[: len(units)])
    assert {(unit.track, unit.codec) for unit in units} == {(Kind.AUDIO, sound.codec)}
    [track] = reader.tracks()
    assert track.sample_rate == sound.sample_rate
    if sound.codec is Codec.AAC:
        assert track.audio_config[:2] == sound.config[:2]
    stamps = [unit.pts_ticks for unit in units]
    assert stamps == sorted(set(stamps))
    lasted_s = (stamps[-1] - stamps[0]) / 90_000
    assert 1.0 <= lasted_s <= 1.6
    assert decoded_samples(units, track) >= (lasted_s - 0.1) * sound.sample_rate


def decoded_samples(units: list[AccessUnit], track: Track) -> int:
    """What a decoder makes of them, with nothing but our track to go by."""
    names = {Codec.AAC: "aac", Codec.OPUS: "libopus"}
    names |= {Codec.G711A: "pcm_alaw", Codec.G711U: "pcm_mulaw"}
    decoder = av.CodecContext.create(names[track.codec], "r")
    decoder.sample_rate = track.sample_rate
    if track.codec is Codec.AAC:
        decoder.extradata = track.audio_config
    else:
        decoder.layout = "stereo" if track.channels == 2 else "mono"
    return sum(frame.samples for unit in units for frame in decoder.decode(av.Packet(unit.data)))


@pytest.mark.parametrize("twin", TWINS)
def test_a_program_stream_carries_it_beside_pictures(
    twin: str, sound: Sound, h264: Clip, tmp_path: Path
) -> None:
    """Opus has no place in one; FFmpeg reads the AAC back, and takes G.711 for something else."""
    track = Track(Kind.AUDIO, sound.codec, audio_config=sound.config[:2])
    video = Track(Kind.VIDEO, Codec.H264)
    muxer = module("ps_mux", twin).PsMuxer(None)
    if sound.codec is Codec.OPUS:
        assert not module("ps_mux", twin).can_carry(track)
        return
    muxer.describe([video, track])
    frames = [frame[at : at + 320] for frame in sound.frames for at in range(0, len(frame), 320)]
    frames = list(sound.frames) if sound.codec is Codec.AAC else frames
    step = 1024 * 90_000 // sound.sample_rate if sound.codec is Codec.AAC else 3600
    units = [
        AccessUnit(Kind.AUDIO, sound.codec, at * step, at * step, True, frame, track)
        for at, frame in enumerate(frames)
    ]
    units = sorted([*h264.units, *units], key=lambda unit: unit.dts_ticks)
    packs = [muxer.mux(unit) for unit in units]
    demuxer, out = PsDemuxer(), []
    for pack in packs:
        out += demuxer.push(pack, None, True)
    out += demuxer.flush()
    assert [unit.data for unit in out if unit.track is Kind.AUDIO] == frames
    assert [unit.data for unit in out if unit.track is Kind.VIDEO] == h264.data
    if sound.codec is Codec.AAC:
        (tmp_path / "a.ps").write_bytes(b"".join(packs))
        ask = ["ffprobe", "-v", "error", "-count_frames", "-of", "json", "-show_streams"]
        answer = subprocess.run([*ask, str(tmp_path / "a.ps")], check=True, capture_output=True)
        found = {s["codec_type"]: s for s in json.loads(answer.stdout)["streams"]}
        assert (found["audio"]["codec_name"], found["video"]["codec_name"]) == ("aac", "h264")
        assert int(found["audio"]["nb_read_frames"]) == len(frames)
        assert int(found["audio"]["sample_rate"]) == sound.sample_rate
