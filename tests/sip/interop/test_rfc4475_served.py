"""RFC 4475 at the whole server: what its messages ask for, written by ourselves, and its own 49.

Each over UDP and TCP among honest devices: 4xx or silence, never 200 to a request that somebody
would have to prove, and nobody else notices (threat 1).
"""

import json
from pathlib import Path

import pytest

from tests.sip.interop.peers import (
    Scene,
    TcpPeer,
    UdpPeer,
    connected,
    field,
    probe,
    request,
    status,
)
from tests.sip.message.test_rfc4475 import NAMES

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
REFUSALS = {400, 401, 403, 405, 413, 415, 416, 420, 481, 483, 493, 501, 505}
VIA = "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK"
TWISTED = (
    "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
    "TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
    'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n'
    "MaX-fOrWaRdS: 0068\r\nCall-ID: twisted.1\r\nContent-Length   : 0\r\n"
    "cseq: 0009\r\n  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
    "NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\r\n"
)

OWN: dict[str, tuple[bytes | str, set[int]]] = {
    "twisted but valid": (TWISTED, {403}),
    "a method of odd signs": (request("!odd-Method0_*+`.%'~"), {405}),
    "an escaped method": (request("RE%47ISTER"), {405}),
    "an escaped NUL in the address": (request("REGISTER", to="null-%00-null"), {400}),
    "an unknown scheme": (request("OPTIONS", uri="nobodyKnows:this"), {416}),
    "a scheme that looks like SIP": (request("OPTIONS", uri="soap.beep://192.0.2.1:3002"), {416}),
    "an extension nobody has": (request("OPTIONS", "Require: noSuch, norThis"), {420}),
    "a header without end of its quotes": (
        request("INVITE", from_='"Mr. J. User <sip:j.user@example.com>;tag=1'),
        {400},
    ),
    "angles that do not close": (request("INVITE", 'Contact: <sip:a@b'), {400, 403}),
    "blanks in the request address": (request("INVITE", uri="sip:user@x; lr"), {400, 403}),
    "a version of the future": (
        request("OPTIONS").replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1),
        {505},
    ),
    "another method in CSeq": (
        request("OPTIONS").replace(b" OPTIONS\r\nMax", b" INVITE\r\nMax"),
        {400},
    ),
    "a number too large": (request("REGISTER", cseq=36893488147419103232), {400}),
    "two of what there is one": (request("OPTIONS", "Call-ID: second", "CSeq: 5 OPTIONS"), {400}),
    "nothing but a via": (f"OPTIONS sip:a@b SIP/2.0\r\n{VIA}1\r\nContent-Length: 0\r\n\r\n", set()),
    "no forwards left": (request("OPTIONS").replace(b"wards: 70", b"wards: 0"), {200, 483}),
    "a date that is none": (request("INVITE", "Date: Fri, 01 Jan 2010 16:00:00 EST"), {403}),
    "many transports": (
        request("OPTIONS", f"{VIA}2", "Via: SIP/2.0/SCTP x;branch=z9", "Via: SIP/2.0/UNKNOWN y"),
        {200},
    ),
    "a branch of nothing": (request("OPTIONS", via=VIA), {200}),
    "lines of three kilobytes": (request("INVITE", "X-Long: " + "a" * 3000), {403}),
    "contact of unknown parameters": (
        request("REGISTER", "Contact: sip:1@1.2.3.4;unknownparam", sender="34020000001180000009"),
        {401},
    ),
    "authorization of an unknown scheme": (
        request("REGISTER", "Authorization: NoOneKnows opaque=x", sender="34020000001180000009"),
        {401},
    ),
    "a body of an unknown kind": (
        request("INVITE", "Content-Type: application/unknown", body=b"<audio>x</audio>"),
        {403},
    ),
    "content from a language of none": (request("INVITE", "Accept: text/nobody"), {403}),
}  # fmt: skip


@TRANSPORTS
@pytest.mark.parametrize("name", OWN)
async def test_what_rfc_4475_is_about_has_a_defined_answer(scene: Scene, transport, name):
    data, expected = OWN[name]
    octets = data.encode() if isinstance(data, str) else data
    async with connected(scene.server, transport) as peer:
        answers = await probe(peer, octets)
    final = [status(answer) for answer in answers if status(answer) >= 200]
    assert [one in expected for one in final] == ([True] if expected else [])
    assert len(scene.server.registrations()) == 1


async def test_what_is_not_supported_is_named(scene: Scene):
    async with connected(scene.server, "udp") as peer:
        (answer,) = await probe(peer, request("OPTIONS", "Require: noSuch, norThis"))
    assert field(answer, "Unsupported") == b"noSuch, norThis"


@TRANSPORTS
@pytest.mark.parametrize("code", [100, 200, 486, 4294967301, -1])
async def test_a_response_nobody_asked_for_is_met_with_silence(scene: Scene, transport, code):
    answer = b"SIP/2.0 %d \r\n" % code + request("INVITE").partition(b"\r\n")[2]
    async with connected(scene.server, transport) as peer:
        assert await probe(peer, answer) == []


async def test_two_requests_in_one_datagram_are_one(scene: Scene):
    """RFC 4475 3.1.1.8: what follows the body by Content-Length is not another message."""
    first, second = request("OPTIONS"), request("OPTIONS")
    async with connected(scene.server, "udp") as peer:
        assert len(await probe(peer, first + second)) <= 1


async def all_answers(peer: UdpPeer | TcpPeer, data: bytes) -> list[bytes]:
    """What comes back until the marker's answer, or until the server closes the stream.

    A message that announces more than it has would wait for the rest: the sender then hangs up.
    """
    if isinstance(peer, UdpPeer):
        return await probe(peer, data)
    await peer.send(data + request("OPTIONS", call_id="marker"))
    peer.writer.write_eof()
    return [one for one in await peer.rest() if field(one, "Call-ID") != b"marker"]


@pytest.fixture(scope="session")
def torture(shared: Path) -> dict[str, tuple[dict, bytes]]:
    folder = shared / "testdata" / "rfc4475"
    index = json.loads((folder / "index.json").read_text())
    return {
        each["name"]: (each, (folder / each["file"]).read_bytes()) for each in index["messages"]
    }


@pytest.mark.field
@TRANSPORTS
@pytest.mark.parametrize("name", NAMES)
async def test_a_torture_message_harms_nobody(scene: Scene, transport, name, torture):
    entry, data = torture[name]
    async with connected(scene.server, transport) as peer:
        answers = [status(one) for one in await all_answers(peer, data) if status(one) >= 200]
    if entry["parser"] == "must_discard" or data.startswith(b"SIP/"):
        assert answers == []
    if data.startswith(b"OPTIONS "):
        allowed = set(entry["acceptable_status"]) or {200, 400}
        if entry["parser"] == "reject_or_liberal":
            allowed |= {200}
    else:
        allowed = REFUSALS
    assert set(answers) <= allowed
    if transport == "udp" and entry["parser"] == "must_accept" and not data.startswith(b"SIP/"):
        # `bcast` is a response; every request that is good has one answer.
        assert len(answers) == 1
    assert len(scene.server.registrations()) == 1
