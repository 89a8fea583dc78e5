"""MANSRTSP bodies: only MalformedMansrtsp may come out, and what is read can be written again."""

from sip.gb28181 import mansrtsp
from sip.gb28181.mansrtsp import (
    Dialect,
    MalformedMansrtsp,
    PlaybackReply,
    Range,
    build_command,
    build_reply,
    parse_command,
    parse_reply,
)

SEEDS: list[bytes] = [
    build_command(mansrtsp.pause(), 1),
    build_command(mansrtsp.seek(100.5), 2),
    build_command(mansrtsp.set_speed(0.25), 3, Dialect.MANSRTSP),
    build_command(mansrtsp.reverse(600), 4),
    build_reply(PlaybackReply(200, "OK", 4, -1.0, Range(600, 0), 3119600838)),
    b"PLAY RTSP/1.0\nRange: clock=20240501T020000Z-20240501T030000Z",
]


def one_case(data: bytes) -> None:
    """Read as both; what was understood must mean the same after a round trip."""
    try:
        command, cseq = parse_command(data)
    except MalformedMansrtsp:
        pass
    else:
        again, number = parse_command(build_command(command, cseq))
        assert (again.method, number) == (command.method, cseq)
    try:
        reply = parse_reply(data)
    except MalformedMansrtsp:
        return
    assert 100 <= reply.status < 600
