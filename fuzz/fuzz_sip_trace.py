"""Traced messages: whatever came, it is read, masked and captured without an error or a secret."""

from datetime import UTC, datetime

from sip.message import Peer
from sip.trace.capture import capture
from sip.trace.mask import mask
from sip.trace.ring import Trace
from sip.trace.view import build_views, wall_of

SECRET = b"Ab3xY9zQ7kLm2"
SEEDS: list[bytes] = [
    b"REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK1\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=1\r\n"
    b"To: <sip:34020000001180000001@3402000000>\r\nCall-ID: a\r\nCSeq: 2 REGISTER\r\n"
    b'Authorization: Digest username="34020000001180000001", realm="3402000000", nonce="n0",'
    b' uri="sip:x@y", response="' + SECRET + b'", cnonce="' + SECRET + b'", nc=00000001\r\n'
    b"Expires: 3600\r\nContent-Length: 0\r\n\r\n",
    b"MESSAGE sip:34020000001180000001@192.0.2.9 SIP/2.0\r\nCSeq: 1 MESSAGE\r\n"
    b"Content-Type: Application/MANSCDP+xml\r\nContent-Length: 200\r\n\r\n"
    b"<?xml version='1.0'?><Control><CmdType>DeviceConfig</CmdType><SN>1</SN>"
    b"<Password>" + SECRET + b"</Password><UploadURL>http://h/up/" + SECRET + b"?t=1</UploadURL>"
    b"</Control>",
    b"INVITE sip:34020000001320000001@192.0.2.9 SIP/2.0\r\nCSeq: 1 INVITE\r\n"
    b"Subject: 34020000001320000001:0,34020000002000000001:0\r\n\r\n"
    b"v=0\r\ns=Play\r\nk=clear:" + SECRET + b"\r\na=crypto:1 x inline:" + SECRET + b"\r\n",
    b"SIP/2.0 401 Unauthorized\r\nCSeq: 1 REGISTER\r\n"
    b'WWW-Authenticate: Digest realm="r", nonce="' + SECRET + b'"\r\n\r\n',
]
PEERS = (Peer("udp", "192.0.2.9", 5060), Peer("tcp", "2001:db8::9", 5060, 1))


def one_case(data: bytes) -> None:
    """Pass it both ways over both transports, and look at everything that people may see."""
    assert mask(mask(data)) is not None
    trace = Trace(10, 1_000_000)
    for peer in PEERS:
        trace.received(data, peer, 1.0)
        trace.sent([(data, peer)], 2.0)
    for peer in PEERS:
        at = wall_of(2.0, datetime(2026, 5, 1, tzinfo=UTC))
        messages = list(build_views(trace.at(peer.host), at))
        assert all(message.octets == mask(data) for message in messages)
        assert all(message.text is not None for message in messages)
        assert capture(messages, ("192.0.2.10", 5060))[:4] == b"\xd4\xc3\xb2\xa1"
