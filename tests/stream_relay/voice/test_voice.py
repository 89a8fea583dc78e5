"""Voice from source to ear: what is heard is what was said."""

import asyncio
import io

import av
import numpy as np
import pytest

from stream_relay.errors import Overload, SourceLost, Unsupported
from stream_relay.formats.rtp import parse_packet
from stream_relay.sources.ports import PortPool
from stream_relay.voice.decode import MicrophoneDecoder, build_wav, decode_file
from stream_relay.voice.ear import VoiceEar, decode
from stream_relay.voice.level import Guard, Meter, level_out
from stream_relay.voice.packets import VoicePacketizer
from stream_relay.voice.sender import VoiceSender, VoiceTarget
from stream_relay.voice.sources import JITTER_S, TURN_SAMPLES, Live, Recorded
from stream_relay.voice.studio import Studio, encode
from tests.stream_relay.voice.tones import loudest_hz, melody, sine

LOCAL = "127.0.0.1"
SCALE = np.concatenate([sine(hz, 0.3) for hz in (440, 660, 880)])


def test_a_law_there_and_back_is_within_its_own_step():
    spoken = SCALE
    heard = decode(encode(spoken))
    step = np.maximum(np.abs(spoken.astype(int)) / 16, 16)
    assert np.all(np.abs(heard.astype(int) - spoken) <= step)


@pytest.mark.parametrize("packet_ms", [20, 40, 60, 100, 180])
def test_packets_have_the_asked_length_and_run_on(packet_ms):
    maker = VoicePacketizer(7, packet_ms=packet_ms, first_sequence=65530, first_timestamp=5)
    packets = [parse_packet(p) for _ in range(90) for p in maker.push(bytes(160))]
    assert len(packets) == 90 * 20 // packet_ms
    assert {len(packet.payload) for packet in packets} == {packet_ms * 8}
    assert [p.sequence for p in packets] == [(65530 + n) % 65536 for n in range(len(packets))]
    assert [p.timestamp for p in packets] == [5 + n * packet_ms * 8 for n in range(len(packets))]
    assert [p.marker for p in packets] == [True] + [False] * (len(packets) - 1)


@pytest.mark.parametrize(("asked", "bytes_"), [(1, 160), (1000, 1440)])
def test_packet_lengths_stay_within_the_standard(asked, bytes_):
    maker = VoicePacketizer(7, packet_ms=asked)
    packets = [p for _ in range(20) for p in maker.push(bytes(160))]
    assert len(parse_packet(packets[0]).payload) == bytes_


def test_the_rest_of_the_last_packet_is_sent():
    maker = VoicePacketizer(7, packet_ms=100)
    maker.push(bytes(160))
    assert [len(parse_packet(p).payload) for p in maker.finish()] == [160]
    assert maker.finish() == []


def test_a_microphone_that_sends_too_much_loses_the_oldest():
    live = Live()
    live.push(np.zeros(8000, np.int16))
    live.push(np.full(160, 5, np.int16))
    assert live.waiting_s == pytest.approx(JITTER_S)
    assert live.dropped_samples == 8160 - JITTER_S * 8000
    taken = []
    while live.waiting_s:
        taken.append(live.take())
    assert list(np.concatenate(taken)[-160:]) == [5] * 160


def test_a_microphone_that_pauses_gives_silence_and_goes_on():
    live = Live()
    assert not live.take().any()
    live.push(np.full(480, 9, np.int16))
    assert [bool(live.take().all()) for _ in range(3)] == [True] * 3
    assert not live.take().any()
    assert live.gaps == 1
    live.push(np.full(160, 9, np.int16))
    assert not live.take().any(), "gathered again before it goes on"
    live.finish()
    assert live.take().all()
    assert live.take() is None


def test_a_recording_is_repeated_with_pauses():
    recorded = Recorded(sine(440, 0.5), times=2, pause_s=0.5)
    pieces = []
    while (piece := recorded.take()) is not None:
        assert len(piece) == TURN_SAMPLES
        pieces.append(piece)
    assert recorded.length_s == recorded.position_s == pytest.approx(1.5)
    assert np.abs(np.concatenate(pieces)[4200:7800]).max() == 0


def test_the_guard_takes_the_top_off_and_lets_quiet_sound_alone():
    guard = Guard()
    quiet = sine(440, 0.02, 0.3)
    assert np.array_equal(guard.pass_on(quiet), quiet)
    loud = [guard.pass_on(sine(440, 0.02, 1.0)) for _ in range(5)]
    assert max(np.abs(piece.astype(int)).max() for piece in loud) <= 0.9 * 32768
    for _ in range(200):
        last = guard.pass_on(quiet)
    assert np.abs(last.astype(int) - quiet).max() < 300


def test_the_meter_reads_full_scale_and_counts_clipping():
    meter = Meter()
    meter.hear(np.full(160, 32767, np.int16))
    assert meter.peak_db == pytest.approx(0, abs=0.01)
    assert meter.clipped == 160
    meter.hear(np.zeros(160, np.int16))
    assert meter.mean_db == -90


@pytest.mark.parametrize("level", [0.01, 0.1, 0.9])
def test_files_come_out_equally_loud(level):
    made = level_out(sine(440, 1, level)).astype(float)
    loudness = 20 * np.log10(np.sqrt(np.mean(made * made)) / 32768)
    assert -21 < loudness < -19
    assert np.abs(made).max() <= 0.9 * 32768


def test_silence_is_not_made_loud():
    silence = np.zeros(8000, np.int16)
    assert np.array_equal(level_out(silence), silence)


def file_of(form: str, codec: str, rate: int) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "stereo"
        tones = np.concatenate([sine(hz, 0.5, 0.4, rate) for hz in (440, 660, 880)])
        both = np.repeat(tones, 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(both, "s16", "stereo")
        frame.sample_rate = rate
        convert = av.AudioResampler(stream.format, "stereo", rate, frame_size=stream.frame_size)
        for piece in [*convert.resample(frame), *convert.resample(None)]:
            for packet in stream.encode(piece):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return target.getvalue()


@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [("wav", "pcm_s16le", 44100), ("adts", "aac", 48000), ("mp3", "libmp3lame", 16000)],
)
def test_files_of_any_kind_keep_their_melody(form, codec, rate):
    samples = decode_file(file_of(form, codec, rate))
    assert len(samples) == pytest.approx(12000, abs=1200)
    assert melody(samples[: len(samples) // 800 * 800], piece_s=0.25) == [440, 660, 880]


@pytest.mark.parametrize("data", [b"", b"no sound at all", b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_no_sound_is_refused(data):
    with pytest.raises(Unsupported):
        decode_file(data)


def test_a_picture_without_sound_and_too_long_a_file_are_refused():
    with pytest.raises(Unsupported, match="longer"):
        decode_file(build_wav(sine(440, 3)), longest_s=2)


def test_a_wav_of_ours_is_read_back():
    assert loudest_hz(decode_file(build_wav(sine(440, 1)))) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_a_browsers_samples_come_out_at_8_khz(rate):
    microphone = MicrophoneDecoder("s16", rate)
    spoken = sine(440, 1, 0.5, rate)
    pieces = [spoken[n : n + rate // 50] for n in range(0, rate, rate // 50)]
    heard = np.concatenate([microphone.decode(piece.tobytes()) for piece in pieces])
    assert len(heard) == pytest.approx(8000, abs=200)
    assert loudest_hz(heard) == pytest.approx(440, abs=2)
    assert microphone.malformed == 0


def test_a_browsers_opus_is_decoded():
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48000, "mono", "s16"
    microphone = MicrophoneDecoder("opus", 48000)
    pieces = []
    for start in range(0, 48000, 960):
        frame = av.AudioFrame.from_ndarray(
            sine(440, 1, 0.5, 48000)[start : start + 960].reshape(1, -1), "s16", "mono"
        )
        frame.sample_rate, frame.pts = 48000, start
        pieces += [microphone.decode(bytes(packet)) for packet in encoder.encode(frame)]
    assert loudest_hz(np.concatenate(pieces)[2000:]) == pytest.approx(440, abs=4)


@pytest.mark.parametrize("data", [b"", b"\x01", bytes(100_000)])
def test_malformed_microphone_messages_are_counted(data):
    microphone = MicrophoneDecoder("s16", 8000)
    assert len(microphone.decode(data)) == 0
    assert microphone.malformed == 1
    assert len(microphone.decode(bytes(640))) > 0


@pytest.mark.parametrize("data", [b"\xff" * 10, bytes(3)])
def test_malformed_opus_never_raises(data):
    microphone = MicrophoneDecoder("opus", 48000)
    microphone.decode(data)


@pytest.mark.parametrize("rate", [0, 7999, 1_000_000])
def test_senseless_rates_are_refused(rate):
    with pytest.raises(Unsupported):
        MicrophoneDecoder("s16", rate)


async def all_heard(ears, senders):
    async with asyncio.timeout(60):
        while True:
            if all(e.packets >= s.packets for e, s in zip(ears, senders, strict=True)):
                return
            await asyncio.sleep(0.01)


async def said_and_heard(transport, *, is_program_stream=False, hearers=1):
    """Run the whole way once: studio, senders, sockets, ears."""
    ports = PortPool(range(0), 0)
    studio = Studio(Recorded(SCALE))
    ears, senders = [], []
    async with asyncio.TaskGroup() as group:
        tasks = []
        for number in range(hearers):
            ear = VoiceEar(transport, LOCAL)
            ear.open()
            payload_type = 96 if is_program_stream else 8
            target = VoiceTarget(LOCAL, ear.port, transport, LOCAL, payload_type, is_program_stream)
            sender = VoiceSender(target, ports, LOCAL)
            sender.open()
            tasks.append(group.create_task(ear.listen(LOCAL, sender.port)))
            await sender.start(100 + number)
            studio.admit(sender)
            ears.append(ear)
            senders.append(sender)
        await studio.run()
        await all_heard(ears, senders)
        for task in tasks:
            task.cancel()
    for each in [*ears, *senders]:
        each.close()
    return ears, senders


@pytest.mark.parametrize("transport", ["udp", "tcp-passive", "tcp-active"])
async def test_the_ear_hears_what_was_said(transport):
    [ear], [sender] = await said_and_heard(transport)
    assert sender.dropped == ear.malformed == 0
    assert melody(ear.heard) == [440, 660, 880]
    assert ear.ssrcs == {100}
    assert ear.payload_types == {8}
    assert max(ear.packet_sizes) == (320 if transport == "udp" else 800)
    assert np.array_equal(ear.heard[: len(SCALE)], decode(encode(SCALE)))


async def test_a_group_hears_the_same_each_with_its_own_ssrc():
    ears, _ = await said_and_heard("udp", hearers=5)
    assert all(np.array_equal(ear.heard, ears[0].heard) for ear in ears)
    assert [ear.ssrcs for ear in ears] == [{100 + n} for n in range(5)]


async def test_voice_in_a_program_stream_is_heard_too():
    [ear], _ = await said_and_heard("udp", is_program_stream=True)
    assert ear.payload_types == {96}
    assert melody(ear.heard) == [440, 660, 880]


async def test_a_device_that_does_not_listen_fails_cleanly(monkeypatch):
    monkeypatch.setattr("stream_relay.voice.sender.CONNECT_REST_S", 0.0)
    silent = VoiceEar("tcp-passive", LOCAL)
    silent.open()
    silent.close()
    target = VoiceTarget(LOCAL, silent.port, "tcp-passive", LOCAL)
    sender = VoiceSender(target, PortPool(range(0), 0), LOCAL)
    sender.open()
    with pytest.raises(SourceLost):
        await sender.start(1)
    sender.close()


async def test_no_port_left_is_told():
    pool = PortPool(range(40000, 40002), 60)
    pool.take(0)
    sender = VoiceSender(VoiceTarget(LOCAL, 9, "udp", LOCAL), pool, LOCAL)
    with pytest.raises(Overload):
        sender.open()


async def test_a_stranger_does_not_turn_the_voice_his_way():
    ear = VoiceEar("udp", LOCAL)
    ear.open()
    sender = VoiceSender(
        VoiceTarget(LOCAL, ear.port, "udp", "192.0.2.1"), PortPool(range(0), 0), LOCAL
    )
    sender.open()
    await sender.start(1)
    stranger = VoiceEar("udp", LOCAL)
    stranger.open()
    await asyncio.get_running_loop().sock_sendto(stranger._socket, b"hello", (LOCAL, sender.port))
    await asyncio.sleep(0)
    sender.push(bytes(320))
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        assert len(await loop.sock_recv(ear._socket, 2048)) == 332
    for each in (ear, stranger, sender):
        each.close()
