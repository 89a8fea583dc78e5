import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gb28181 import mansrtsp
from sip.gb28181.mansrtsp import (
    Dialect,
    MalformedMansrtsp,
    Method,
    PlaybackCommand,
    PlaybackReply,
    Range,
    build_command,
    build_reply,
    parse_command,
    parse_reply,
)


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (mansrtsp.pause(), ["PAUSE RTSP/1.0", "CSeq: 7", "PauseTime: now"]),
        (mansrtsp.resume(), ["PLAY RTSP/1.0", "CSeq: 7", "Range: npt=now-"]),
        (mansrtsp.set_speed(2), ["PLAY RTSP/1.0", "CSeq: 7", "Scale: 2.0"]),
        (mansrtsp.set_speed(0.25), ["PLAY RTSP/1.0", "CSeq: 7", "Scale: 0.25"]),
        (mansrtsp.seek(100), ["PLAY RTSP/1.0", "CSeq: 7", "Range: npt=100-"]),
        (
            mansrtsp.reverse(600),
            ["PLAY RTSP/1.0", "CSeq: 7", "Scale: -1.0", "Range: npt=600-0"],
        ),
        (mansrtsp.teardown(), ["TEARDOWN RTSP/1.0", "CSeq: 7"]),
    ],
)
def test_the_bodies_are_those_of_annex_b(command, lines):
    body = build_command(command, 7)
    assert body == ("\r\n".join(lines) + "\r\n\r\n").encode()
    assert parse_command(body) == (command, 7)


def test_the_dialects_differ_where_devices_do():
    speed = mansrtsp.set_speed(4)
    assert build_command(speed, 1, Dialect.MANSRTSP).startswith(b"PLAY MANSRTSP/1.0\r\n")
    assert b"Scale: 4.0\r\nRange: npt=now-\r\n" in build_command(speed, 1, Dialect.RANGE_AND_SCALE)
    assert b"Scale" not in build_command(mansrtsp.pause(), 1, Dialect.RANGE_AND_SCALE)


def test_samples_of_2016_are_read():
    body = b"PLAY MANSRTSP/1.0\nCSeq:2\nScale: 2\nRange: npt = 10 - 20"
    assert parse_command(body) == (PlaybackCommand(Method.PLAY, 2.0, Range(10.0, 20.0)), 2)


def test_a_range_of_the_clock_is_read():
    body = b"PLAY RTSP/1.0\r\nCSeq: 2\r\nRange: clock=20240501T020000Z-\r\n\r\n"
    command, _ = parse_command(body)
    assert command.range == Range(clock=("20240501T020000Z", ""))
    assert build_command(command, 2) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"JUMP RTSP/1.0\r\nCSeq: 1",
        b"PLAY HTTP/1.1\r\nCSeq: 1",
        b"PLAY RTSP/1.0\r\nScale: fast",
        b"PLAY RTSP/1.0\r\nScale: 0",
        b"PLAY RTSP/1.0\r\nScale: nan",
        b"PLAY RTSP/1.0\r\nRange: npt=-",
        b"PLAY RTSP/1.0\r\nRange: npt=x-",
        b"PLAY RTSP/1.0\r\nRange: smpte=10:00-",
        b"PLAY RTSP/1.0\r\n" + b"A: b\r\n" * 64,
        b"PLAY RTSP/1.0\r\nX: " + b"x" * 5000,
    ],
)
def test_what_is_no_command_is_refused(body):
    with pytest.raises(MalformedMansrtsp) as error:
        parse_command(body)
    assert error.value.status == 400


def test_a_reply_with_everything_is_read():
    body = (
        b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nRange: npt=100-\r\n"
        b"RTP-Info: seq=18139;rtptime=3119600838\r\n\r\n"
    )
    reply = PlaybackReply(200, "OK", 4, None, Range(100.0), 3119600838)
    assert parse_reply(body) == reply


def test_a_reply_with_nonsense_keeps_its_status():
    reply = parse_reply(b"MANSRTSP/1.0 455\r\nCSeq: x\r\nScale: quick\r\nRange: all")
    assert reply == PlaybackReply(455, "")


@pytest.mark.parametrize("scale", [0, 257, -300, float("nan")])
def test_a_speed_that_is_none_is_an_error_of_the_caller(scale):
    with pytest.raises(ValueError):
        mansrtsp.set_speed(scale)


seconds = st.integers(0, 10_000_000).map(lambda n: n / 1000)
ranges = st.builds(Range, st.none() | seconds, st.none() | seconds)
scales = st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, -0.5, -1.0, -4.0])


@given(st.sampled_from(Method), st.none() | scales, st.none() | ranges, st.integers(0, 2**31))
def test_every_command_survives_a_round_trip(method, scale, place, cseq):
    command = PlaybackCommand(method, scale, place)
    assert parse_command(build_command(command, cseq)) == (command, cseq)


@given(st.none() | scales, st.none() | ranges, st.integers(100, 599))
def test_every_reply_survives_a_round_trip(scale, place, status):
    reply = PlaybackReply(status, "Word", 3, scale, place, 77)
    assert parse_reply(build_reply(reply)) == reply


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda b: b"PLAY RTSP/1.0\r\n" + b))
def test_nothing_but_its_own_error_escapes(data):
    for read in (parse_command, parse_reply):
        try:
            read(data)
        except MalformedMansrtsp:
            continue
