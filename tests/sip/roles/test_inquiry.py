from dataclasses import replace

import pytest

from sip.events import CatalogItem, CatalogReceived
from sip.gb28181.catalog import ask_catalog, build_catalog_response
from sip.gb28181.control import build_control_response
from sip.gb28181.manscdp import Root
from sip.gb28181.query import DeviceInfo, ask_device_info, build_device_info
from sip.gb28181.question import QueryFailed, ask_once, order, read_result
from sip.message import Request
from sip.roles.inquiry import LONGEST_S, PER_DEVICE, InquiryEnded, PeerUnreachable

DEVICE = "34020000001180000001"


def camera(number):
    return CatalogItem(f"3402000000132{number:07d}", f"camera {number}", register_way=1)


def packet(sn, *numbers, total):
    return build_catalog_response(DEVICE, sn, [camera(number) for number in numbers], total)


def ask(wire, question=None, **kinds):
    """Ask and let the device take the question."""
    question = ask_catalog() if question is None else question
    sn = wire.endpoint.ask(DEVICE, question, wire.now, **kinds)
    request = next(m for m, _ in wire.flush() if isinstance(m, Request))
    answer_200(wire, request)
    return sn


def answer_200(wire, request):
    lines = [f"{n}: {v}" for n, v in request.headers.items() if n in ("Via", "From", "To")]
    lines += [f"Call-ID: {request.call_id}", f"CSeq: {request.cseq}", "Content-Length: 0", "", ""]
    wire.send("\r\n".join(["SIP/2.0 200 OK", *lines]).encode())


def outcome(wire):
    ended = wire.heard(InquiryEnded)
    assert len(ended) <= 1
    return ended[0].outcome if ended else None


def test_packets_that_keep_coming_keep_the_question_open(wire):
    wire.register()
    sn = ask(wire, timeout_s=5.0)
    for number in range(1, 6):
        wire.message(packet(sn, number, total=5))
        wire.tick(0 if number == 5 else 8)
    assert outcome(wire).complete
    assert len(outcome(wire).items) == 5


def test_a_pause_ends_it_as_partial(wire):
    wire.register()
    sn = ask(wire)
    wire.message(packet(sn, 1, total=5))
    wire.tick(10.1)
    assert (outcome(wire).complete, outcome(wire).sum_num, len(outcome(wire).items)) == (
        False,
        5,
        1,
    )


def test_an_answer_that_is_still_being_read_is_no_pause(wire):
    """A busy server may need longer for each share of a long body than a device may pause."""
    wire.register()
    sn = ask(wire, timeout_s=5.0)
    items = [replace(camera(number), address="x" * 2000) for number in range(1, 101)]
    wire.send(wire.request("MESSAGE", body=build_catalog_response(DEVICE, sn, items, 100)))
    shares = 0
    while outcome(wire) is None:
        wire.now += 10.1
        wire.endpoint.handle_timer(wire.now)
        wire.flush()
        shares += 1
    assert shares > 2
    assert (outcome(wire).complete, len(outcome(wire).items)) == (True, 100)


def test_a_device_that_never_ends_is_cut_off(wire):
    wire.register()
    sn = ask(wire, timeout_s=5.0)
    for number in range(1, 200):
        wire.message(packet(sn, number, total=10**9))
        wire.tick(5)
        if outcome(wire) is not None:
            break
    assert not outcome(wire).complete
    assert number * 5 == pytest.approx(LONGEST_S, abs=10)


def test_what_comes_after_the_end_is_not_lost(wire):
    wire.register()
    sn = ask(wire)
    wire.message(packet(sn, 1, total=1))
    wire.message(packet(sn, 2, total=1))
    assert outcome(wire).complete
    late = wire.heard(CatalogReceived)
    assert [item.name for item in late[0].items] == ["camera 2"]
    assert not late[0].complete


def test_another_sn_or_device_does_not_answer(wire):
    wire.register()
    sn = ask(wire, ask_device_info())
    wire.message(build_device_info(DeviceInfo(DEVICE, "x"), sn + 1))
    assert outcome(wire) is None
    wire.message(build_device_info(DeviceInfo(DEVICE, "x"), sn))
    assert outcome(wire).name == "x"


def test_an_answer_under_a_channels_id_is_taken(wire):
    wire.register()
    sn = ask(wire, ask_device_info())
    wire.message(build_device_info(DeviceInfo("34020000001320000001", "x"), sn))
    assert outcome(wire).name == "x"


def test_a_question_never_taken_is_unreachable_and_one_never_answered_has_failed(wire):
    wire.register()
    wire.endpoint.ask(DEVICE, ask_device_info(), wire.now)
    wire.tick(40)
    assert isinstance(outcome(wire), PeerUnreachable)
    wire.events.clear()
    ask(wire, ask_device_info())
    wire.tick(20)
    assert isinstance(outcome(wire), QueryFailed)


def test_a_device_gone_offline_ends_its_questions_with_what_came(wire):
    wire.register()
    sn = ask(wire)
    wire.message(packet(sn, 1, total=5))
    wire.endpoint.forget(DEVICE, wire.now)
    wire.flush()
    assert [item.name for item in outcome(wire).items] == ["camera 1"]


def test_questions_to_one_device_are_bounded(wire):
    wire.register()
    for _ in range(PER_DEVICE):
        wire.endpoint.ask(DEVICE, ask_device_info(), wire.now)
    with pytest.raises(QueryFailed):
        wire.endpoint.ask(DEVICE, ask_device_info(), wire.now)


def test_an_order_is_done_when_the_device_has_taken_it(wire):
    wire.register()
    boot = order("DeviceControl", fields=(("TeleBoot", "Boot"),))
    sn = wire.endpoint.ask(DEVICE, boot, wire.now)
    request = next(m for m, _ in wire.flush() if isinstance(m, Request))
    assert f"<SN>{sn}</SN>\r\n<DeviceID>{DEVICE}</DeviceID>\r\n<TeleBoot>Boot".encode() in (
        request.body
    )
    assert not wire.heard(InquiryEnded)
    answer_200(wire, request)
    assert [ended.outcome for ended in wire.heard(InquiryEnded)] == [None]


def test_an_answer_that_says_error_is_a_failed_question(wire):
    wire.register()
    arm = ask_once("DeviceControl", read_result, root=Root.CONTROL, fields=(("GuardCmd", "Set"),))
    sn = ask(wire, arm)
    wire.message(build_control_response(DEVICE, sn, is_ok=False))
    assert isinstance(outcome(wire), QueryFailed)
    assert "ERROR" in str(outcome(wire))
