"""What is remembered of whom, and what a flood cannot push out."""

from sip.message import Peer
from sip.trace.ring import (
    KEEPALIVES_KEPT,
    LARGEST_BYTES,
    MOST_ROUTES,
    MOST_STRANGERS,
    Trace,
)

DEVICE = "34020000001180000001"
OTHER = "34020000001180000002"
HOST = "192.0.2.9"
PEER = Peer("udp", HOST, 5060)
MIB = 1024 * 1024


def request(method: str = "MESSAGE", who: str = DEVICE, number: int = 1, body: str = "") -> bytes:
    return (
        f"{method} sip:34020000002000000001@3402000000 SIP/2.0\r\n"
        f"From: <sip:{who}@3402000000>;tag=1\r\nTo: <sip:{who}@3402000000>\r\n"
        f"Call-ID: {who}-{number}\r\nCSeq: {number} {method}\r\n\r\n{body}"
    ).encode()


def answer(method: str = "MESSAGE", who: str = DEVICE, number: int = 1, status: int = 200) -> bytes:
    return (
        f"SIP/2.0 {status} OK\r\nFrom: <sip:{who}@3402000000>;tag=1\r\n"
        f"Call-ID: {who}-{number}\r\nCSeq: {number} {method}\r\n\r\n"
    ).encode()


def register(trace: Trace, who: str = DEVICE, peer: Peer = PEER) -> None:
    trace.received(request("REGISTER", who), peer, 0.0)
    trace.sent([(answer("REGISTER", who), peer)], 0.0)


def keepalive(number: int) -> bytes:
    return request(number=number, body="<Notify><CmdType>Keepalive</CmdType></Notify>")


def texts(entries) -> list[bytes]:
    return [entry.data for entry in entries]


def test_both_ways_are_kept_in_their_order_with_their_time() -> None:
    trace = Trace(10, MIB, first=100)
    trace.received(request(), PEER, 5.0)
    trace.sent([(answer(), PEER)], 5.5)
    entries = trace.of(DEVICE)
    assert [(e.number, e.at, e.is_sent) for e in entries] == [(101, 5.0, False), (102, 5.5, True)]
    assert entries == trace.at(HOST) == trace.at(HOST, 5060)
    assert trace.at(HOST, 5061) == trace.at("192.0.2.8") == []


def test_the_last_messages_of_a_peer_are_kept() -> None:
    trace = Trace(1000, 16 * MIB)
    for number in range(1500):
        trace.received(request(number=number), PEER, number)
    assert texts(trace.of(DEVICE)) == [request(number=n) for n in range(500, 1500)]


def test_keepalives_do_not_push_out_the_rest() -> None:
    trace = Trace(20, MIB)
    register(trace)
    for number in range(100):
        trace.received(keepalive(number), PEER, number)
        trace.sent([(answer(number=number), PEER)], number)
    kept = texts(trace.of(DEVICE))
    assert kept[:2] == [request("REGISTER"), answer("REGISTER")]
    assert kept[2:] == [each for n in range(97, 100) for each in (keepalive(n), answer(number=n))]
    assert len(kept) == 2 + KEEPALIVES_KEPT


def test_a_noisy_peer_costs_its_own_past_only() -> None:
    trace = Trace(100_000, MIB)
    register(trace)
    noisy = Peer("udp", "192.0.2.66", 5060)
    register(trace, OTHER, noisy)
    for number in range(20_000):
        trace.received(request(who=OTHER, number=number), noisy, number)
    assert len(trace.of(DEVICE)) == 2
    assert trace.of(OTHER)[-1].data == request(who=OTHER, number=19_999)
    assert trace.sizes()["bytes"] <= MIB
    assert trace.sizes()["cut"] > 0


def test_a_flood_of_strangers_pushes_out_strangers_only() -> None:
    trace = Trace(100, MIB)
    register(trace)
    for number in range(3 * MOST_STRANGERS):
        peer = Peer("udp", f"198.51.{number // 250}.{number % 250}", 5060)
        trace.received(request("REGISTER", f"{number:020d}"), peer, number)
        trace.sent([(answer("REGISTER", f"{number:020d}", status=401), peer)], number)
    assert len(trace.of(DEVICE)) == 2
    assert trace.sizes()["peers"] <= MOST_STRANGERS + 1
    assert trace.sizes()["forgotten_peers"] > 0
    assert trace.sizes()["bytes"] <= MIB
    assert trace.of(f"{0:020d}") == []
    assert len(trace.of(f"{3 * MOST_STRANGERS - 1:020d}")) == 2


def test_a_stranger_is_found_by_its_address_and_by_the_id_it_tries() -> None:
    trace = Trace(100, MIB)
    for port in (40_001, 40_002):
        peer = Peer("tcp", HOST, port, port)
        trace.received(request("REGISTER", OTHER), peer, 0.0)
        trace.sent([(answer("REGISTER", OTHER, status=403), peer)], 0.0)
    assert len(trace.at(HOST)) == len(trace.of(OTHER)) == 4


def test_a_device_that_comes_from_another_address_keeps_its_past() -> None:
    trace = Trace(100, MIB)
    register(trace)
    register(trace, peer=Peer("tcp", HOST, 40_000, 3))
    assert len(trace.of(DEVICE)) == 4
    for port in range(50_000, 50_000 + 3 * MOST_ROUTES):
        register(trace, peer=Peer("tcp", HOST, port, port))
    assert len(trace.of(DEVICE)) == 2 * MOST_ROUTES


def test_the_connections_of_one_address_follow_each_other() -> None:
    trace = Trace(100, MIB)
    trace.received(request("REGISTER"), Peer("tcp", HOST, 5060, 1), 0.0)
    trace.sent([(answer("REGISTER"), Peer("tcp", HOST, 5060, None))], 0.0)
    assert len(trace.of(DEVICE)) == 2


def test_devices_behind_one_address_are_told_apart() -> None:
    trace = Trace(100, MIB)
    register(trace)
    register(trace, OTHER)
    trace.sent([(b"MESSAGE sip:34020000001320000009@h SIP/2.0\r\n\r\n", PEER)], 0.0)
    mine, others = trace.of(DEVICE), trace.of(OTHER)
    assert [OTHER.encode() in e.data for e in mine] == [False, False, False]
    assert [DEVICE.encode() in e.data for e in others] == [False, False, False]


def test_a_platform_at_which_we_register_is_found_by_its_id() -> None:
    upper = "33000000002000000001"
    trace = Trace(100, MIB)
    ours = (
        f"REGISTER sip:{upper}@3300000000 SIP/2.0\r\nFrom: <sip:{DEVICE}@x>\r\n"
        "CSeq: 1 REGISTER\r\n\r\n"
    )
    trace.sent([(ours.encode(), PEER)], 0.0)
    trace.received(answer("REGISTER"), PEER, 0.1)
    assert len(trace.of(upper)) == 2
    assert trace.of(DEVICE) == []
    assert len(trace.of("nobody", [("udp", HOST, 5060)])) == 2


def test_of_a_giant_the_beginning_is_kept() -> None:
    trace = Trace(100, MIB)
    giant = request(body="x" * 200_000)
    trace.received(giant, PEER, 0.0)
    (entry,) = trace.of(DEVICE)
    assert entry.data == giant[:LARGEST_BYTES]
    assert entry.size_bytes == len(giant)


def test_pings_are_no_messages_and_nothing_may_be_wanted() -> None:
    trace = Trace(100, MIB)
    trace.received(b"\r\n\r\n", PEER, 0.0)
    assert trace.at(HOST) == []
    off = Trace(0, MIB)
    register(off)
    assert off.of(DEVICE) == []
    assert off.sizes()["peers"] == 0


def test_garbage_is_kept_too() -> None:
    trace = Trace(100, MIB)
    trace.received(b"\xff\xfegarbage", PEER, 0.0)
    assert texts(trace.at(HOST)) == [b"\xff\xfegarbage"]
