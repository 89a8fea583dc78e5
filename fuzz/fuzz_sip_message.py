"""Whatever a datagram holds: parser and transaction layer raise only their own error."""

import hashlib

from sip.errors import MalformedMessage
from sip.message import (
    Message,
    Peer,
    Request,
    Response,
    build_response,
    find_credentials,
    parse_challenge,
    parse_message,
)
from sip.transactions import DialogTable, RequestReceived, TransactionLayer

_HEAD = (
    b"Via: SIP/2.0/UDP 192.0.2.101:5060;rport;branch=z9hG4bK1002\r\n"
    b"From: <sip:34020000001180000001@3402000000>;tag=d1a7\r\n"
    b"To: <sip:34020000001180000001@3402000000>\r\n"
    b"Call-ID: 9b1f0c2e-reg@192.0.2.101\r\n"
)

SEEDS: list[bytes] = [
    b"REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n" + _HEAD + b"CSeq: 2 REGISTER\r\n"
    b"Contact: <sip:34020000001180000001@192.0.2.101:5060>;expires=3600\r\n"
    b'Authorization: Digest username="34020000001180000001", realm="3402000000", '
    b'nonce="b5e7a0c1d2f34a5b9c8d7e6f5a4b3c2d", uri="sip:34020000002000000001@3402000000", '
    b'response="0918392507fa2c52f8dfe13591077751", algorithm=MD5, qop=auth, nc=00000001, '
    b'cnonce="0a4f113b"\r\n'
    b"Max-Forwards: 70\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
    b"MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n" + _HEAD + b"CSeq: 20 MESSAGE\r\n"
    b"User-Agent: \xca\xd3\xc6\xb5\r\nContent-Type: Application/MANSCDP+xml\r\n"
    b"Content-Length: 45\r\n\r\n<?xml version='1.0'?><Notify><SN>1</SN></Notify>",
    b"SIP/2.0 401 Unauthorized\r\n" + _HEAD + b"CSeq: 1 REGISTER\r\n"
    b'WWW-Authenticate: Digest realm="3402000000", nonce="b5e7", algorithm=MD5, stale=true\r\n'
    b"Content-Length: 0\r\n\r\n",
    b"INVITE sip:34020000001320000001@192.0.2.7:5060;transport=udp SIP/2.0\r\n"
    b"v: SIP/2.0/UDP a.example.com;branch=z9hG4bKa , SIP / 2.0 / TCP [2001:db8::1]:5061;x=y\r\n"
    b'f: "J \\" R" <sips:us%65r:pw@example.com;lr;a=b?x=y> ; tag = 98asjd8\r\n'
    b"t: sip:user@example.com\r\ni: abc\r\nCSeq : 8\r\n INVITE\r\nm: <sip:a@b>;q=0.1, *\r\n"
    b"Route: <sip:r.example.com;lr>\r\nRecord-Route: <sip:s.example.com>\r\nl: 5\r\n\r\nv=0\r\n",
    b"\r\n\r\nOPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: sip:a@b\nTo: sip:c@d\n"
    b"Call-ID: 1\nCSeq: 1 Options\n\n",
    b"\r\n\r\n",
    b"ACK sip:a@b SIP/2.0\r\n" + _HEAD + b"CSeq: 7 ACK\r\n\r\n",
    b"CANCEL sip:a@b SIP/2.0\r\n" + _HEAD + b"CSeq: 7 CANCEL\r\n\r\n",
]


def one_case(data: bytes) -> None:
    """Raise only over a defect of ours."""
    for stream in (False, True):
        try:
            message = parse_message(data, stream=stream)
        except MalformedMessage as error:
            assert len(error.data) <= 32
            assert 400 <= error.status_hint < 700
        else:
            _read_everything(message)
            _write_and_read_again(message)
    _drive_layer(data)


def _read_everything(message: Request | Response) -> None:
    """What the parser has proven must be readable; the rest may raise MalformedMessage."""
    assert message.vias[0] == message.via
    assert message.from_.uri.scheme
    assert message.to.uri.scheme
    assert 0 <= message.cseq.number < 2**32
    assert message.call_id
    assert message.contacts is not None
    assert message.expires is None or message.expires >= 0
    _ = message.contact_expires, message.content_type, message.user_agent, str(message.via)
    for address in (message.from_, message.to, *message.contacts):
        assert str(address.uri)
    _read_optional(message)


def _read_optional(message: Message) -> None:
    try:
        _ = message.routes, message.record_routes
        find_credentials(message.headers.get_all("authorization"), "3402000000")
        for value in message.headers.get_all("www-authenticate"):
            parse_challenge(value)
    except MalformedMessage:
        pass


def _write_and_read_again(message: Request | Response) -> None:
    again = parse_message(message.to_bytes(), stream=True)
    for one in (message, again):
        one.headers.remove("content-length")
    assert again == message, (again, message)


def _drive_layer(data: bytes) -> None:
    peer = Peer("udp", "192.0.2.101", 5060)
    token = hashlib.blake2b(data, digest_size=8).hexdigest()
    layer = TransactionLayer(lambda: token, ("192.0.2.1", 5060))
    dialogs = DialogTable()
    for now in (0.0, 0.1):
        for event in layer.receive_data(data, peer, now):
            if isinstance(event, RequestReceived):
                dialogs.find(event.request, peer)
                layer.respond(event.transaction, build_response(event.request, 200), now)
        for packet, _ in layer.data_to_send(now):
            assert packet
    for now in (1.0, 40.0, 400.0):
        layer.handle_timer(now)
    assert layer.sizes["servers"] == 0
