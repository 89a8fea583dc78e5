"""Client transactions as the layer runs them: RFC 3261 §17.1, RFC 6026."""

from typing import Any

import pytest

from sip.errors import LocalProtocolError, TooManyTransactions
from sip.message import Request, Response, build_response
from sip.transactions import (
    ResponseReceived,
    State,
    TransactionLayer,
    TransactionTimedOut,
    TransportFailed,
)


def answer(sent: Request, status: int, tag: str = "d1") -> Response:
    headers = [("Contact", "<sip:34020000001320000001@192.0.2.101:5060>")]
    return build_response(sent, status, headers=headers, to_tag=None if status == 100 else tag)


def test_a_request_gets_a_via_with_our_address_branch_and_rport(
    kit: Any, layer: TransactionLayer
) -> None:
    layer.send_request(kit.request(), kit.device, 0.0)
    [sent] = kit.sent(layer)
    assert sent.via.sent_by == ("192.0.2.1", 5060)
    assert sent.via.transport == "UDP"
    assert sent.via.has_cookie
    assert "rport" in sent.via.params


def test_a_request_over_udp_is_repeated_at_t1_doubling_to_t2_until_timer_f(
    kit: Any, layer: TransactionLayer
) -> None:
    transaction = layer.send_request(kit.request(), kit.device, 0.0)
    times: list[float] = []
    events = kit.run_until(layer, 100.0, lambda now, data: times.append(now))
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert events == [TransactionTimedOut(transaction)]
    assert transaction.state is State.TERMINATED
    assert layer.sizes["clients"] == 0


def test_an_invite_over_udp_is_repeated_doubling_without_cap_until_timer_b(
    kit: Any, layer: TransactionLayer
) -> None:
    layer.send_request(kit.request("INVITE"), kit.device, 0.0)
    times: list[float] = []
    events = kit.run_until(layer, 100.0, lambda now, data: times.append(now))
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert [type(event) for event in events] == [TransactionTimedOut]


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE"])
def test_nothing_is_repeated_over_tcp(kit: Any, layer: TransactionLayer, method: str) -> None:
    layer.send_request(kit.request(method), kit.device_tcp, 0.0)
    times: list[float] = []
    events = kit.run_until(layer, 100.0, lambda now, data: times.append(now))
    assert times == []
    assert [type(event) for event in events] == [TransactionTimedOut]


def test_patience_can_be_shorter_than_the_standards(kit: Any, layer: TransactionLayer) -> None:
    layer.send_request(kit.request(), kit.device, 0.0, user="query", timeout_s=2.0)
    events = kit.run_until(layer, 2.0, lambda now, data: None)
    assert [event.transaction.user for event in events] == ["query"]


def test_a_provisional_slows_repetition_to_t2(kit: Any, layer: TransactionLayer) -> None:
    layer.send_request(kit.request(), kit.device, 0.0)
    [sent] = kit.sent(layer)
    events = layer.receive(answer(sent, 100), kit.device, 0.1)
    assert [type(event) for event in events] == [ResponseReceived]
    times: list[float] = []
    kit.run_until(layer, 9.0, lambda now, data: times.append(now))
    assert times == [0.5, 4.5, 8.5]


def test_a_final_response_is_passed_once_and_its_copies_absorbed_for_t4(
    kit: Any, layer: TransactionLayer
) -> None:
    transaction = layer.send_request(kit.request(), kit.device, 0.0, user="mine")
    [sent] = kit.sent(layer)
    [event] = layer.receive(answer(sent, 200), kit.device, 0.1)
    assert event.transaction is transaction
    assert event.transaction.user == "mine"
    assert layer.receive(answer(sent, 200), kit.device, 0.2) == []
    assert layer.next_timer() == pytest.approx(5.1)
    layer.handle_timer(5.1)
    assert layer.sizes["clients"] == 0


def test_a_response_that_spells_the_method_otherwise_is_matched(
    kit: Any, layer: TransactionLayer
) -> None:
    layer.send_request(kit.request(), kit.device, 0.0)
    [sent] = kit.sent(layer)
    response = answer(sent, 200)
    response.headers.set("CSeq", "1 Message")
    assert len(layer.receive(response, kit.device, 0.1)) == 1


def test_over_tcp_a_final_response_ends_the_transaction_at_once(
    kit: Any, layer: TransactionLayer
) -> None:
    layer.send_request(kit.request(), kit.device_tcp, 0.0)
    [sent] = kit.sent(layer)
    assert sent.via.transport == "TCP"
    assert len(layer.receive(answer(sent, 200), kit.device_tcp, 0.1)) == 1
    assert layer.sizes["clients"] == 0
    assert layer.next_timer() is None


def test_a_rejected_invite_is_acknowledged_each_time_the_rejection_comes(
    kit: Any, layer: TransactionLayer
) -> None:
    invite = kit.request("INVITE", Route="<sip:proxy;lr>")
    layer.send_request(invite, kit.device, 0.0)
    [sent] = kit.sent(layer)
    [event] = layer.receive(answer(sent, 486), kit.device, 0.1)
    assert event.response.status == 486
    [ack] = kit.sent(layer)
    assert ack.method == "ACK"
    assert ack.uri == sent.uri
    assert ack.via == sent.via
    assert len(ack.vias) == 1
    assert ack.to.tag == "d1"
    assert ack.from_ == sent.from_
    assert ack.cseq == (1, "ACK")
    assert ack.headers.get("Route") == "<sip:proxy;lr>"
    assert layer.receive(answer(sent, 486), kit.device, 0.2) == []
    assert [again.method for again in kit.sent(layer)] == ["ACK"]
    assert layer.next_timer() == pytest.approx(32.1)


def test_the_ack_of_a_2xx_is_repeated_with_each_repeated_2xx(
    kit: Any, layer: TransactionLayer
) -> None:
    transaction = layer.send_request(kit.request("INVITE"), kit.device, 0.0)
    [sent] = kit.sent(layer)
    assert len(layer.receive(answer(sent, 200), kit.device, 0.1)) == 1
    assert transaction.state is State.ACCEPTED
    assert layer.receive(answer(sent, 200), kit.device, 0.15) == []
    assert kit.sent(layer) == []
    ack = kit.request("ACK")
    ack.headers.set("To", "<sip:34020000001320000001@3402000000>;tag=d1")
    layer.send_ack(transaction, ack, 0.2)
    [first] = kit.sent(layer)
    assert first.via.branch != sent.via.branch
    assert layer.receive(answer(sent, 200), kit.device, 0.6) == []
    [second] = kit.sent(layer)
    assert second == first


def test_a_2xx_with_another_tag_is_a_fork_and_passed(kit: Any, layer: TransactionLayer) -> None:
    layer.send_request(kit.request("INVITE"), kit.device, 0.0)
    [sent] = kit.sent(layer)
    layer.receive(answer(sent, 200, "one"), kit.device, 0.1)
    assert len(layer.receive(answer(sent, 200, "two"), kit.device, 0.2)) == 1
    for number in range(20):
        layer.receive(answer(sent, 200, f"t{number}"), kit.device, 0.3)
    layer.handle_timer(40.0)
    assert layer.sizes["clients"] == 0


def test_a_2xx_after_the_invite_was_given_up_is_still_passed(
    kit: Any, layer: TransactionLayer
) -> None:
    layer.send_request(kit.request("INVITE"), kit.device, 0.0)
    [sent] = kit.sent(layer)
    kit.run_until(layer, 40.0, lambda now, data: None)
    [event] = layer.receive(answer(sent, 200), kit.device, 41.0)
    assert event.transaction is None
    assert layer.receive(answer(sent, 486), kit.device, 41.0) == []


def test_cancel_waits_for_a_provisional_and_shares_branch_and_number(
    kit: Any, layer: TransactionLayer
) -> None:
    transaction = layer.send_request(kit.request("INVITE", 5), kit.device, 0.0)
    [sent] = kit.sent(layer)
    layer.cancel(transaction, 0.1)
    assert kit.sent(layer) == []
    layer.receive(answer(sent, 101), kit.device, 0.2)
    [cancel] = kit.sent(layer)
    assert cancel.method == "CANCEL"
    assert cancel.cseq == (5, "CANCEL")
    assert cancel.via == sent.via
    assert cancel.to.tag is None
    layer.cancel(transaction, 0.3)
    assert kit.sent(layer) == []
    assert layer.receive(answer(cancel, 200), kit.device, 0.3) == []
    [event] = layer.receive(answer(sent, 487), kit.device, 0.4)
    assert event.response.status == 487
    assert [ack.method for ack in kit.sent(layer)] == ["ACK"]


def test_an_invite_that_answers_nothing_final_to_cancel_times_out(
    kit: Any, layer: TransactionLayer
) -> None:
    transaction = layer.send_request(kit.request("INVITE"), kit.device, 0.0)
    [sent] = kit.sent(layer)
    layer.receive(answer(sent, 180), kit.device, 0.1)
    layer.cancel(transaction, 1.0)
    events = kit.run_until(layer, 100.0, lambda now, data: None)
    assert events == [TransactionTimedOut(transaction)]
    assert layer.sizes["clients"] == 0


def test_ringing_without_cancel_lasts_as_long_as_the_user_wants(
    kit: Any, layer: TransactionLayer
) -> None:
    layer.send_request(kit.request("INVITE"), kit.device, 0.0)
    [sent] = kit.sent(layer)
    layer.receive(answer(sent, 100), kit.device, 0.1)
    assert layer.next_timer() is None
    assert layer.sizes["clients"] == 1


def test_a_response_nobody_asked_for_is_counted_and_dropped(
    kit: Any, layer: TransactionLayer
) -> None:
    stray = kit.request("OPTIONS")
    stray.headers.insert_first("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother")
    assert layer.receive(answer(stray, 200), kit.device, 0.0) == []
    assert layer.counters["response.stray"] == 1


def test_a_lost_connection_fails_what_waits_on_it(kit: Any, layer: TransactionLayer) -> None:
    waiting = layer.send_request(kit.request(), kit.device_tcp, 0.0)
    layer.send_request(kit.request(call_id="c2"), kit.device, 0.0)
    events = layer.connection_lost(kit.device_tcp, 0.1, "reset")
    assert events == [
        TransportFailed(kit.device_tcp, "reset"),
        TransportFailed(kit.device_tcp, "reset", waiting),
    ]
    assert layer.sizes["clients"] == 1


def test_a_full_table_refuses_and_leaves_the_others_alone(kit: Any) -> None:
    layer = kit.new_layer(max_client=2)
    for number in range(2):
        layer.send_request(kit.request(call_id=str(number)), kit.device, 0.0)
    with pytest.raises(TooManyTransactions):
        layer.send_request(kit.request(), kit.device, 0.0)
    assert layer.sizes["clients"] == 2


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_are_not_sent_as_requests(
    kit: Any, layer: TransactionLayer, method: str
) -> None:
    with pytest.raises(LocalProtocolError):
        layer.send_request(kit.request(method), kit.device, 0.0)
