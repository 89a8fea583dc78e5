"""Offers of upper platforms: only the two errors may come out, and what is read can be answered."""

from sip.message.sdp import History, MalformedSdp, MediaOffer, build_offer, parse_sdp
from sip.roles.upward.offer import (
    UnfitOffer,
    build_upper_answer,
    no_offer,
    read_ack,
    read_upper_offer,
)

HOST = "198.51.100.5"
OWN_ID = "34020000002000000001"
CHANNEL = "34020000001320000001"

SEEDS: list[bytes] = [
    build_offer(MediaOffer("192.0.2.20", 30000, "udp", 200000001), owner_id=OWN_ID),
    build_offer(
        MediaOffer("192.0.2.20", 30002, "tcp-passive", 200000002, "sub"),
        owner_id=OWN_ID,
        stream_attribute="streamnumber:1",
    ),
    build_offer(
        MediaOffer(
            "192.0.2.20",
            30006,
            "tcp-active",
            1200000002,
            history=History("Download", 1714528800, 1714532400, 0, 4),
        ),
        owner_id=OWN_ID,
        channel_id=CHANNEL,
    ),
    b"v=0\r\ns=Talk\r\nt=0 0\r\nm=audio 16000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n",
    b"v=0\ns=Playback\nc=IN IP4 0.0.0.0\nt=1 2\nm=video 0 RTP/AVP 96\ny=01234567890123456789\n",
]


def one_case(data: bytes) -> None:
    """Read as an offer and as an answer to ours; answer what can be answered."""
    for read in (
        lambda: read_upper_offer(data, HOST),
        lambda: read_ack(data, no_offer(HOST), HOST),
    ):
        try:
            offer = read()
        except (MalformedSdp, UnfitOffer):
            continue
        answer = build_upper_answer(
            offer, "192.0.2.9", 30100, 7, owner_id=OWN_ID, channel_id=CHANNEL
        )
        assert parse_sdp(answer).ssrc == 7
        assert offer.history is None or 0 < offer.history.start < offer.history.stop
