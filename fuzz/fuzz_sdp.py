"""SDP bodies: only MalformedSdp may come out, and what is read can be written again."""

from sip.message.sdp import (
    History,
    MalformedSdp,
    MediaAnswer,
    MediaOffer,
    build_answer,
    build_offer,
    parse_sdp,
)

SEEDS: list[bytes] = [
    build_offer(MediaOffer("192.0.2.20", 30000, "udp", 200000001), owner_id="34020000002000000001"),
    build_offer(
        MediaOffer("192.0.2.20", 30002, "tcp-passive", 200000002, "sub"),
        owner_id="34020000002000000001",
        stream_attribute="streamnumber:1",
    ),
    build_offer(
        MediaOffer(
            "192.0.2.20",
            30006,
            "tcp-passive",
            1200000002,
            history=History("Download", 1714528800, 1714532400, 0, 4),
        ),
        owner_id="34020000002000000001",
        channel_id="34020000001320000001",
    ),
    build_answer(
        MediaAnswer("192.0.2.101", 15060, "tcp-active", 200000002, {96: "PS"}),
        owner_id="34020000001320000001",
        media_format="v/2/6/25/1/4096a/1/8/1",
    ),
    b"v=0\ns=x\nu=1:0\nt=1714528800 1714532400\nm=audio 16000 RTP/AVP 8\n"
    b"a=recvonlya=rtpmap:8 PCMA/8000",
]


def one_case(data: bytes) -> None:
    """Parse; touch everything a caller would touch."""
    try:
        parsed = parse_sdp(data)
    except MalformedSdp:
        return
    for media in parsed.media:
        assert 0 <= media.port < 65536
        assert all(0 <= number < 128 for number in media.payloads)
    assert parsed.ssrc is None or 0 < parsed.ssrc < 2**32
    assert parsed.main_media in parsed.media
    history = parsed.history
    assert history is None or history.kind in ("Playback", "Download")
