"""Server transactions as the layer runs them: RFC 3261 §17.2, RFC 6026."""

from typing import Any

import pytest

from sip.errors import LocalProtocolError
from sip.message import Peer, build_response, parse_message
from sip.transactions import (
    AckMissing,
    AckReceived,
    CancelReceived,
    MessageRejected,
    RequestReceived,
    RetransmissionAbsorbed,
    State,
    TransactionLayer,
)
from sip.transactions.server import server_key


def receive(kit: Any, layer: TransactionLayer, data: bytes, now: float = 0.0) -> RequestReceived:
    [event] = layer.receive_data(data, kit.device, now)
    assert isinstance(event, RequestReceived)
    return event


def test_an_answer_goes_to_the_packets_source_and_says_so(
    kit: Any, layer: TransactionLayer
) -> None:
    event = receive(kit, layer, kit.device_request())
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    [(data, peer)] = layer.data_to_send(0.0)
    assert peer == kit.device
    response = parse_message(data)
    assert response.via.params["received"] == "192.0.2.101"
    assert response.via.params["rport"] == "5060"
    assert response.to.tag


def test_without_rport_the_answer_still_goes_to_the_source(
    kit: Any, layer: TransactionLayer
) -> None:
    via = "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKx, SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKy"
    event = receive(kit, layer, kit.device_request(via=via))
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    [(data, peer)] = layer.data_to_send(0.0)
    assert peer == kit.device
    response = parse_message(data)
    assert "rport" not in response.via.params
    assert [v.host for v in response.vias] == ["10.0.0.5", "10.9.9.9"]


def test_a_repeated_request_is_answered_from_memory_and_proves_its_sender_alive(
    kit: Any, layer: TransactionLayer
) -> None:
    data = kit.device_request()
    event = receive(kit, layer, data)
    [absorbed] = layer.receive_data(data, kit.device, 0.1)
    assert isinstance(absorbed, RetransmissionAbsorbed)
    assert layer.data_to_send(0.1) == []
    layer.respond(event.transaction, build_response(event.request, 200), 0.2)
    first = layer.data_to_send(0.2)
    for spelling in (data, data.replace(b"Call-ID", b"i")):
        [absorbed] = layer.receive_data(spelling, kit.device, 0.3)
        assert absorbed.transaction.sender == "34020000002000000001"
        assert absorbed.transaction is event.transaction
        assert layer.data_to_send(0.3) == first
    assert layer.counters["retransmission"] == 3


def test_timer_j_forgets_after_32_s(kit: Any, layer: TransactionLayer) -> None:
    data = kit.device_request()
    event = receive(kit, layer, data)
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    layer.handle_timer(31.9)
    assert layer.sizes["servers"] == 1
    layer.handle_timer(32.0)
    assert layer.sizes["servers"] == 0
    assert isinstance(layer.receive_data(data, kit.device, 33.0)[0], RequestReceived)


def test_over_tcp_nothing_is_kept_after_the_answer(kit: Any, layer: TransactionLayer) -> None:
    [event] = layer.receive_data(kit.device_request(), kit.device_tcp, 0.0)
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    assert layer.data_to_send(0.0)[0][1] == kit.device_tcp
    assert layer.sizes["servers"] == 0
    assert layer.next_timer() is None


def test_a_second_final_answer_is_our_own_mistake_and_changes_nothing(
    kit: Any, layer: TransactionLayer
) -> None:
    event = receive(kit, layer, kit.device_request())
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    layer.data_to_send(0.0)
    with pytest.raises(LocalProtocolError):
        layer.respond(event.transaction, build_response(event.request, 404), 0.0)
    assert layer.data_to_send(0.0) == []
    assert event.transaction.state is State.COMPLETED


def test_a_challenge_may_be_forgotten_at_once(kit: Any, layer: TransactionLayer) -> None:
    data = kit.device_request("REGISTER")
    for now in (0.0, 0.1):
        event = receive(kit, layer, data, now)
        layer.respond(event.transaction, build_response(event.request, 401), now, forget=True)
        assert len(layer.data_to_send(now)) == 1
    assert layer.sizes["servers"] == 0
    assert layer.next_timer() is None


def test_a_request_our_side_never_answers_is_forgotten(kit: Any, layer: TransactionLayer) -> None:
    receive(kit, layer, kit.device_request())
    assert kit.run_until(layer, 100.0, lambda now, data: None) == []
    assert layer.sizes["servers"] == 0


def test_a_full_table_forgets_its_oldest_and_still_answers_it(kit: Any) -> None:
    layer = kit.new_layer(max_server=2)
    events = [
        receive(kit, layer, kit.device_request(branch=f"z9hG4bK{n}", call_id=f"c{n}"))
        for n in range(3)
    ]
    assert layer.sizes["servers"] == 2
    assert layer.sizes["evicted"] == 1
    for event in events:
        layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    assert len(layer.data_to_send(0.0)) == 3
    layer.handle_timer(40.0)
    assert layer.sizes["servers"] == 0


# Broken devices: the probes of our survey of SIP stacks


def test_what_is_kept_for_repetitions_is_bounded_in_octets(kit: Any) -> None:
    layer = kit.new_layer(max_server_bytes=100_000)
    for number in range(50):
        long = f"SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK{number}{'x' * 7000}"
        taken = receive(kit, layer, kit.device_request(via=long, call_id=f"c{number}"))
        layer.respond(taken.transaction, build_response(taken.request, 200), 0.0)
    assert len(kit.sent(layer)) == 50
    assert 5 < layer.sizes["servers"] <= 100_000 / 7000
    assert layer.sizes["evicted"] == 50 - layer.sizes["servers"]
    # The newest are still known, the evicted simply asked anew.
    again = layer.receive_data(kit.device_request(via=long, call_id="c49"), kit.device, 1.0)
    assert [type(event) for event in again] == [RetransmissionAbsorbed]


def test_timers_do_not_keep_a_strangers_long_headers(kit: Any) -> None:
    text = "z9hG4bK" + "x" * 7000
    parsed = parse_message(kit.device_request(branch=text, call_id="c" * 7000))
    key = server_key(parsed, kit.device, "MESSAGE")
    assert len(str(key)) < 500
    other = parse_message(kit.device_request(branch=text + "y", call_id="c" * 7000))
    assert server_key(other, kit.device, "MESSAGE") != key


@pytest.mark.parametrize(
    "branch", ["z9hG4bKsame", "same", "z9hG4bK"], ids=["cookie", "no cookie", "bare cookie"]
)
def test_a_branch_reused_for_the_next_request_is_a_new_transaction(
    kit: Any, layer: TransactionLayer, branch: str
) -> None:
    first = receive(kit, layer, kit.device_request("REGISTER", branch=branch, cseq=1))
    layer.respond(first.transaction, build_response(first.request, 401), 0.0)
    second = receive(kit, layer, kit.device_request("REGISTER", branch=branch, cseq=2))
    layer.respond(second.transaction, build_response(second.request, 200), 0.0)
    assert [r.status for r in kit.sent(layer)] == [401, 200]


def test_without_any_branch_requests_are_answered_and_repetitions_absorbed(
    kit: Any, layer: TransactionLayer
) -> None:
    data = kit.device_request(via="SIP/2.0/UDP 10.0.0.5:5060")
    event = receive(kit, layer, data)
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    changed = data.replace(b"Max-Forwards: 70", b"Max-Forwards: 69")
    assert isinstance(layer.receive_data(changed, kit.device, 0.1)[0], RetransmissionAbsorbed)
    assert [r.status for r in kit.sent(layer)] == [200, 200]


@pytest.mark.parametrize(
    "change",
    [
        (b"\r\n", b"\n"),
        (b"MESSAGE sip", b"\r\n\r\nMESSAGE sip"),
        (b"Content-Length: 0", b"Content-Length: 2"),
        (b"Content-Length: 0\r\n", b""),
        (b"Max-Forwards: 70", b"User-Agent: \xca\xd3\xc6\xb5"),
    ],
    ids=["lf only", "leading crlf", "length too large", "no length", "gbk header"],
)
def test_broken_datagrams_are_answered(
    kit: Any, layer: TransactionLayer, change: tuple[bytes, bytes]
) -> None:
    event = receive(kit, layer, kit.device_request().replace(*change))
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    assert [r.status for r in kit.sent(layer)] == [200]
    assert any(name.startswith("leniency.") for name in layer.counters)


def test_pings_are_ignored_silently(kit: Any, layer: TransactionLayer) -> None:
    for ping in (b"\r\n\r\n", b"\0\0\0\0", b""):
        assert layer.receive_data(ping, kit.device, 0.0) == []
    assert layer.data_to_send(0.0) == []
    assert layer.counters["keepalive"] == 3


def test_an_answer_is_never_replayed_to_another_source(kit: Any, layer: TransactionLayer) -> None:
    data = kit.device_request("REGISTER")
    event = receive(kit, layer, data)
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    layer.data_to_send(0.0)
    for thief in (Peer("udp", "203.0.113.9", 5060), Peer("udp", "192.0.2.101", 9)):
        assert isinstance(layer.receive_data(data, thief, 1.0)[0], RequestReceived)
        assert layer.data_to_send(1.0) == []


# What is no SIP


def test_a_malformed_request_is_refused_statelessly(kit: Any, layer: TransactionLayer) -> None:
    data = kit.device_request().replace(b"CSeq: 1 MESSAGE", b"CSeq: 99999999999 MESSAGE")
    [event] = layer.receive_data(data, kit.device, 0.0)
    assert isinstance(event, MessageRejected)
    assert (event.status, event.reason) == (400, "bad CSeq")
    [(packet, peer)] = layer.data_to_send(0.0)
    assert packet.startswith(b"SIP/2.0 400 Bad Request\r\n")
    assert peer == kit.device
    assert layer.sizes["servers"] == 0
    assert layer.counters["malformed.bad CSeq"] == 1


def test_another_version_is_answered_505(kit: Any, layer: TransactionLayer) -> None:
    layer.receive_data(
        kit.device_request().replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1), kit.device, 0
    )
    assert layer.data_to_send(0.0)[0][0].startswith(b"SIP/2.0 505 ")


@pytest.mark.parametrize(
    "data",
    [
        b"junk",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SIP/2.0 999 x\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 A\r\n\r\n",
        b"ACK sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 ACK\r\n\r\n",
        b"\xff\xfe" * 700,
    ],
)
def test_junk_is_counted_and_never_answered(kit: Any, layer: TransactionLayer, data: bytes) -> None:
    [event] = layer.receive_data(data, kit.device, 0.0)
    assert isinstance(event, MessageRejected)
    assert layer.data_to_send(0.0) == []


def test_unknown_methods_share_one_counter(kit: Any, layer: TransactionLayer) -> None:
    for number in range(5):
        receive(kit, layer, kit.device_request(f"X{number}", branch=f"z9hG4bK{number}"))
    assert layer.counters["request.other"] == 5


# INVITE


def test_an_unanswered_invite_gets_100_after_200_ms(kit: Any, layer: TransactionLayer) -> None:
    receive(kit, layer, kit.device_request("INVITE"))
    packets: list[tuple[float, bytes]] = []
    kit.run_until(layer, 1.0, lambda now, data: packets.append((now, data)))
    [(when, data)] = packets
    assert when == 0.2
    response = parse_message(data)
    assert response.status == 100
    assert response.to.tag is None
    layer.receive_data(kit.device_request("INVITE"), kit.device, 1.0)
    assert [r.status for r in kit.sent(layer)] == [100]


def test_a_2xx_is_repeated_until_ack_which_is_passed_once(
    kit: Any, layer: TransactionLayer
) -> None:
    event = receive(kit, layer, kit.device_request("INVITE"))
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    times: list[float] = []
    kit.run_until(layer, 8.0, lambda now, data: times.append(now))
    assert times == [0.5, 1.5, 3.5, 7.5]
    ack = kit.device_request("ACK", branch="z9hG4bKack")
    [passed] = layer.receive_data(ack, kit.device, 8.0)
    assert isinstance(passed, AckReceived)
    assert passed.transaction is event.transaction
    assert layer.receive_data(ack, kit.device, 8.1) == []
    layer.data_to_send(8.1)
    assert kit.run_until(layer, 100.0, lambda now, data: pytest.fail("repeated")) == []
    assert layer.sizes["servers"] == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_2xx_without_ack_is_reported_after_64_t1(
    kit: Any, layer: TransactionLayer, transport: str
) -> None:
    peer = kit.device if transport == "udp" else kit.device_tcp
    [event] = layer.receive_data(kit.device_request("INVITE"), peer, 0.0)
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    events = kit.run_until(layer, 100.0, lambda now, data: None)
    assert events == [AckMissing(event.transaction)]


def test_a_rejection_is_repeated_until_ack_and_the_ack_is_not_passed(
    kit: Any, layer: TransactionLayer
) -> None:
    event = receive(kit, layer, kit.device_request("INVITE"))
    layer.respond(event.transaction, build_response(event.request, 486), 0.0)
    times: list[float] = []
    kit.run_until(layer, 12.0, lambda now, data: times.append(now))
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5]
    assert layer.receive_data(kit.device_request("ACK"), kit.device, 12.0) == []
    assert event.transaction.state is State.CONFIRMED
    layer.receive_data(kit.device_request("INVITE"), kit.device, 12.5)
    assert layer.data_to_send(12.5) == []
    layer.handle_timer(17.0)
    assert layer.sizes["servers"] == 0


def test_an_ack_for_nothing_is_told_without_a_transaction(
    kit: Any, layer: TransactionLayer
) -> None:
    [event] = layer.receive_data(kit.device_request("ACK"), kit.device, 0.0)
    assert isinstance(event, AckReceived)
    assert event.transaction is None


def test_an_early_ack_is_ignored(kit: Any, layer: TransactionLayer) -> None:
    receive(kit, layer, kit.device_request("INVITE"))
    assert layer.receive_data(kit.device_request("ACK"), kit.device, 0.0) == []


def test_cancel_is_answered_and_told(kit: Any, layer: TransactionLayer) -> None:
    event = receive(kit, layer, kit.device_request("INVITE"))
    [told] = layer.receive_data(kit.device_request("CANCEL"), kit.device, 0.1)
    assert isinstance(told, CancelReceived)
    assert told.transaction is event.transaction
    layer.respond(event.transaction, build_response(event.request, 487), 0.1)
    ok, rejected = kit.sent(layer)
    assert (ok.status, ok.cseq.method) == (200, "CANCEL")
    assert (rejected.status, rejected.cseq.method) == (487, "INVITE")
    assert ok.to.tag == rejected.to.tag


def test_cancel_of_nothing_is_answered_481_and_too_late_is_answered_200(
    kit: Any, layer: TransactionLayer
) -> None:
    assert layer.receive_data(kit.device_request("CANCEL"), kit.device, 0.0) == []
    assert [r.status for r in kit.sent(layer)] == [481]
    event = receive(kit, layer, kit.device_request("INVITE", call_id="c2"))
    layer.respond(event.transaction, build_response(event.request, 200), 0.0)
    assert layer.receive_data(kit.device_request("CANCEL", call_id="c2"), kit.device, 0.0) == []
    assert [r.status for r in kit.sent(layer)] == [200, 200]


@pytest.mark.parametrize("line", [b"X[Odd]: 1", b"no colon at all"])
def test_a_request_with_one_broken_line_is_still_refused(
    kit: Any, layer: TransactionLayer, line: bytes
) -> None:
    data = kit.device_request().replace(b"Max-Forwards: 70", line)
    [event] = layer.receive_data(data, kit.device, 0.0)
    assert isinstance(event, MessageRejected)
    assert [answer.status for answer in kit.sent(layer)] == [400]
