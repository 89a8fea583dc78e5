"""What real devices and attackers send, over real sockets: the broken-device probes."""

import pytest

from sip.events import DeviceMoved, KeepaliveReceived, PeerMisbehaved, RegistrationAttempted
from tests.sip.interop.peers import (
    DOMAIN,
    SERVER_ID,
    SUSPECT,
    Scene,
    authorization,
    call_id,
    connected,
    field,
    keepalive,
    log_in,
    message,
    probe,
    register,
    request,
    status,
    xml,
)

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
PLAIN = "Via: SIP/2.0/UDP 10.9.9.9:5060"


async def handshake(peer, first: dict, second: dict) -> list[int]:
    (challenge,) = await probe(peer, register(SUSPECT, **first))
    answers = await probe(peer, register(SUSPECT, authorization(challenge, SUSPECT), **second))
    return [status(challenge), *map(status, answers)]


@TRANSPORTS
@pytest.mark.parametrize(
    "via",
    [
        f"{PLAIN};rport;branch=z9hG4bKsame",
        f"{PLAIN};branch=z9hG4bKsame",
        f"{PLAIN};rport;branch=reused",
        f"{PLAIN};rport",
        PLAIN,
        "v: SIP / 2.0 / UDP 192.168.1.64:5060 ; branch=z9hG4bKsame",
    ],
)
async def test_a_reused_or_missing_branch_and_a_private_via_still_register(
    scene: Scene, transport, via
):
    async with connected(scene.server, transport) as peer:
        same = {"via": via, "call_id": "same"}
        assert await handshake(peer, same | {"cseq": 1}, same | {"cseq": 2}) == [401, 200]
        assert scene.server.is_registered(SUSPECT)


@TRANSPORTS
@pytest.mark.parametrize(
    "parts",
    [
        {"eol": "\n"},
        {"length": "l : {}"},
        {"length": "CONTENT-LENGTH\t:\t{}"},
        {"lines": ["User-Agent: \udcba\udca3\udcbf\udcb5"]},
        {"lines": ["Subject: folded", "\tand folded again"]},
        {"lines": [f"Route: <sip:{SERVER_ID}@10.9.9.9:5060;lr>"]},
        {"lines": ["Route: <sip:" + "x" * 300 + ">, <broken"]},
        {"uri": f"sip:{SERVER_ID}@{DOMAIN}:5060"},
        {"uri": f"sip:{SERVER_ID}@127.0.0.1"},
        {"from_": f'"海康 camera" <sip:{SUSPECT}@{DOMAIN}>'},
        {"from_": f"<sip:{SUSPECT}@{DOMAIN}:5060>;tag=1;x=\"a;b,c\""},
        {"lines": ["Contact: <not a uri", "Date: 1970-01-01T00:00:00.000"]},
        {"lines": ["X-GB-Ver: 3.0", "Note: Digest nonce=\"\", algorithm="]},
    ],
    ids=str,
)  # fmt: skip
async def test_unusual_heads_are_served(scene: Scene, transport, parts):
    body = xml("Notify", "Keepalive", "<Status>OK</Status>", device=SUSPECT).encode("gb18030")
    lines = parts.pop("lines", [])
    if "length" in parts:
        parts["length"] = parts["length"].format(len(body))
    async with connected(scene.server, transport) as peer:
        assert status(await log_in(peer, SUSPECT)) == 200
        data = request("MESSAGE", *lines, body=body, sender=SUSPECT, **parts)
        assert [status(answer) for answer in await probe(peer, data)] == [200]
    kept = await scene.heard(KeepaliveReceived)
    assert SUSPECT in {event.device_id for event in kept}


@pytest.mark.parametrize("lead", [b"\r\n", b"\r\n\r\n", b"\n\0\0", b"\0"])
async def test_line_ends_before_a_datagram_are_skipped(scene: Scene, lead):
    (answer,) = await probe(scene.witness, lead + keepalive())
    assert status(answer) == 200


@pytest.mark.parametrize(
    ("slip", "expected"), [(2, 200), (-2, 200), (None, 200), (3000, 400)], ids=str
)
async def test_content_length_on_udp_may_be_off_by_little(scene: Scene, slip, expected):
    body = xml("Notify", "Keepalive").encode()
    length = "" if slip is None else f"Content-Length: {len(body) + slip}"
    (answer,) = await probe(scene.witness, message(body, length=length))
    assert status(answer) == expected


@TRANSPORTS
async def test_a_registration_with_odd_headers_leaves_text_that_can_be_stored(
    scene: Scene, transport
):
    raw = "User-Agent: \udcba\udca3\udcbf\udcb5 \x01NVR\x00"
    async with connected(scene.server, transport) as peer:
        assert status((await probe(peer, register(SUSPECT, raw)))[0]) == 401
    (attempt,) = [e for e in await scene.heard(RegistrationAttempted) if e.device_id == SUSPECT]
    assert attempt.user_agent == "海康 NVR"


@TRANSPORTS
@pytest.mark.parametrize(
    "changes",
    [{"qop": True}, {"username": ""}, {"uri": f"sip:{SERVER_ID}@10.0.0.1:5060"}],
    ids=str,
)
async def test_digests_of_quirk_1_are_accepted(scene: Scene, transport, changes):
    async with connected(scene.server, transport) as peer:
        (challenge,) = await probe(peer, register(SUSPECT))
        data = register(SUSPECT, authorization(challenge, SUSPECT, **changes))
        assert [status(answer) for answer in await probe(peer, data)] == [200]


async def test_a_register_storm_with_fresh_call_ids_keeps_one_binding(scene: Scene):
    async with connected(scene.server, "udp") as peer:
        for _ in range(20):
            assert status(await log_in(peer, SUSPECT)) == 200
    assert len(scene.server.registrations()) == 2


async def test_every_register_sent_seven_times_is_answered_alike(scene: Scene):
    async with connected(scene.server, "udp") as peer:
        data = register(SUSPECT)
        challenges = await probe(peer, *[data] * 7)
        assert [status(answer) for answer in challenges] == [401] * 7
        proof = register(SUSPECT, authorization(challenges[0], SUSPECT))
        answers = await probe(peer, *[proof] * 7)
        assert [status(answer) for answer in answers] == [200] * 7
        assert len(set(answers)) == 1


async def test_keepalives_may_come_from_another_port_of_the_same_host(scene: Scene):
    async with connected(scene.server, "udp") as first, connected(scene.server, "udp") as second:
        assert status(await log_in(first, SUSPECT)) == 200
        assert status(await log_in(second, SUSPECT)) == 200
        (answer,) = await probe(first, keepalive(SUSPECT, sender=SUSPECT))
        assert status(answer) == 200
    assert await scene.heard(DeviceMoved) == []


async def test_a_keepalive_of_an_unregistered_device_is_refused_so_that_it_registers(scene: Scene):
    async with connected(scene.server, "udp") as peer:
        (answer,) = await probe(peer, keepalive(SUSPECT, sender=SUSPECT))
        assert status(answer) == 403
        assert not scene.server.is_registered(SUSPECT)


async def test_media_status_under_a_foreign_from_is_found_by_its_route(scene: Scene):
    async with connected(scene.server, "tcp") as peer:
        assert status(await log_in(peer, SUSPECT)) == 200
        body = xml("Notify", "MediaStatus", "<NotifyType>121</NotifyType>", device=SUSPECT)
        data = message(body, sender="34020000001320000001")
        assert [status(answer) for answer in await probe(peer, data)] == [200]


@TRANSPORTS
@pytest.mark.parametrize(
    ("method", "expected"),
    [("INVITE", 403), ("SUBSCRIBE", 489), ("BYE", 481), ("INFO", 481), ("CANCEL", 481),
     ("NOTIFY", 403), ("REFER", 405), ("UNHEARD-OF", 405), ("OPTIONS", 200)],
)  # fmt: skip
async def test_every_method_of_a_stranger_has_its_answer(scene: Scene, transport, method, expected):
    async with connected(scene.server, transport) as peer:
        answers = await probe(peer, request(method, sender="34020000001180000009"))
    # An INVITE may be answered by 100 first.
    assert [status(answer) for answer in answers if status(answer) >= 200] == [expected]


@TRANSPORTS
async def test_an_ack_and_stray_responses_are_met_with_silence(scene: Scene, transport):
    answer = b"SIP/2.0 200 OK\r\n" + request("INVITE").partition(b"\r\n")[2]
    async with connected(scene.server, transport) as peer:
        assert await probe(peer, request("ACK"), answer, answer.replace(b" 200 ", b" 999 ")) == []


JUNK = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "rtsp": b"OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 0\r\n\r\n",
    "no via": b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n",
    "no start line": b": x\r\nContent-Length: 0\r\n\r\n",
    "ones": b"\xff" * 1200,
    "stun": bytes.fromhex("000100002112a442") + bytes(12),
    "rtp": b"\x80\x60" + bytes(170),
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
async def test_junk_datagrams_are_silently_dropped_counted_and_told_once(scene: Scene, junk):
    async with connected(scene.server, "udp") as peer:
        assert await probe(peer, *[junk] * 9) == []
    malformed = {k: n for k, n in scene.server.stats().items() if k.startswith("malformed.")}
    assert sum(malformed.values()) == 9
    (told,) = await scene.heard(PeerMisbehaved)
    assert (told.count, len(told.sample) <= 32) == (1, True)


@pytest.mark.parametrize("ping", [b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"\0", b" \t "])
async def test_pings_are_no_misdeed(scene: Scene, ping):
    async with connected(scene.server, "udp") as peer:
        assert await probe(peer, ping, ping) == []
    assert await scene.heard(PeerMisbehaved) == []


@TRANSPORTS
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"),
        (b"CSeq: ", b"CSeq: 99999999999"),
        (b"CSeq: ", b"CSeq: -"),
        (b" OPTIONS\r\nMax", b" INVITE\r\nMax"),
        (b"Max-Forwards: 70", b"Max-Forwards: seventy"),
        (b"Max-Forwards: 70", b"From: <sip:a@b>;tag=2"),
        (b"From: <", b"From: <<"),
        (b"@3402000000 SIP", b"@3402000000?x=y SIP"),
        (b"Call-ID: ", b"Call-ID: a b"),
    ],
    ids=str,
)
async def test_a_malformed_request_is_refused_and_never_believed(scene: Scene, transport, old, new):
    data = request("OPTIONS")
    assert old in data
    async with connected(scene.server, transport) as peer:
        answers = await probe(peer, data.replace(old, new, 1))
    assert all(400 <= status(answer) < 600 for answer in answers)
    assert len(await scene.heard(PeerMisbehaved)) == 1


async def test_an_answer_never_names_another_call(scene: Scene):
    data = [keepalive() for _ in range(30)]
    answers = await probe(scene.witness, *data)
    assert [call_id(answer) for answer in answers] == [call_id(one) for one in data]
    assert all(field(answer, "Via").count(b"received=127.0.0.1") == 1 for answer in answers)
