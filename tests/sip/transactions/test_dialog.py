from typing import Any

import pytest

from sip.errors import LocalProtocolError, RemoteProtocolError
from sip.message import Peer, Request, build_response, parse_name_addr
from sip.transactions import Dialog, DialogState, DialogTable


def uac_dialog(kit: Any, status: int = 200, call_id: str = "c1", **headers: str) -> Dialog:
    invite = kit.request("INVITE", 20, call_id)
    invite.headers.insert_first("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa")
    extra = {"Contact": "<sip:34020000001320000001@10.0.0.5:5060>", **headers}
    response = build_response(invite, status, headers=extra.items(), to_tag="d1")
    return Dialog.create_uac(invite, response, kit.device)


def uas_dialog(kit: Any) -> tuple[Dialog, Request]:
    invite = kit.request("INVITE", 20)
    return Dialog.create_uas(invite, "mine", kit.platform), invite


def test_a_uac_dialog_sends_to_the_contact_with_tags_and_rising_numbers(kit: Any) -> None:
    dialog = uac_dialog(kit)
    assert dialog.state is DialogState.CONFIRMED
    bye = dialog.build_request("INFO", headers=[("X", "y")], body=b"b")
    assert str(bye.uri) == "sip:34020000001320000001@10.0.0.5:5060"
    assert (bye.from_.tag, bye.to.tag, bye.call_id) == ("f1", "d1", "c1")
    assert bye.cseq == (21, "INFO")
    assert dialog.build_request("BYE").cseq == (22, "BYE")


def test_the_ack_keeps_the_number_of_its_invite(kit: Any) -> None:
    dialog = uac_dialog(kit)
    dialog.build_request("INFO")
    ack = dialog.build_ack(kit.request("INVITE", 20))
    assert ack.cseq == (20, "ACK")
    assert ack.to.tag == "d1"


def test_a_uas_dialog_mirrors_addresses_and_counts_for_itself(kit: Any) -> None:
    dialog, _ = uas_dialog(kit)
    assert dialog.state is DialogState.EARLY
    dialog.confirm()
    bye = dialog.build_request("BYE")
    assert (bye.from_.tag, bye.to.tag) == ("mine", "f1")
    assert str(bye.uri) == "sip:34020000002000000001@192.0.2.1:5060"
    assert bye.cseq == (1, "BYE")


def test_routes_are_reversed_for_the_uac_and_loose(kit: Any) -> None:
    dialog = uac_dialog(kit, **{"Record-Route": "<sip:near;lr>, <sip:far;lr>"})
    bye = dialog.build_request("BYE")
    assert [str(route.uri) for route in bye.routes] == ["sip:far;lr", "sip:near;lr"]
    assert bye.uri.host == "10.0.0.5"


def test_a_strict_router_takes_the_request_uri(kit: Any) -> None:
    dialog = uac_dialog(kit)
    dialog.routes = (parse_name_addr("<sip:strict>"), parse_name_addr("<sip:loose;lr>"))
    bye = dialog.build_request("BYE")
    assert bye.uri.host == "strict"
    assert [route.uri.host for route in bye.routes] == ["loose", "10.0.0.5"]


def test_an_early_dialog_is_confirmed_by_2xx_which_sets_the_target(kit: Any) -> None:
    dialog = uac_dialog(kit, 183)
    assert dialog.state is DialogState.EARLY
    invite = kit.request("INVITE", 20)
    final = build_response(invite, 200, headers=[("Contact", "<sip:new@10.0.0.6>")], to_tag="d1")
    dialog.receive_response(final)
    assert dialog.state is DialogState.CONFIRMED
    assert dialog.target.host == "10.0.0.6"


def test_numbers_that_run_backwards_are_refused(kit: Any) -> None:
    dialog, _ = uas_dialog(kit)
    dialog.receive_request(kit.request("INFO", 22), kit.platform)
    with pytest.raises(RemoteProtocolError) as caught:
        dialog.receive_request(kit.request("BYE", 21), kit.platform)
    assert caught.value.status == 500
    dialog.receive_request(kit.request("ACK", 20), kit.platform)
    assert dialog.remote_cseq == 22


def test_a_re_invite_moves_the_target_and_a_packet_the_address(kit: Any) -> None:
    dialog, invite = uas_dialog(kit)
    again = kit.request("INVITE", 21)
    again.headers.set("Contact", "<sip:p@192.0.2.2>")
    moved = Peer("udp", "192.0.2.1", 7777)
    dialog.receive_request(again, moved)
    assert dialog.target.host == "192.0.2.2"
    assert dialog.peer == moved


def test_nothing_is_sent_in_a_dialog_that_ended(kit: Any) -> None:
    dialog = uac_dialog(kit)
    dialog.terminate()
    dialog.terminate()
    with pytest.raises(LocalProtocolError):
        dialog.build_request("BYE")
    with pytest.raises(LocalProtocolError):
        dialog.confirm()


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_have_no_number_of_their_own(kit: Any, method: str) -> None:
    with pytest.raises(LocalProtocolError):
        uac_dialog(kit).build_request(method)


# Finding


def bye(kit: Any, *, to_tag: str | None = "f1", from_tag: str | None = "d1") -> Request:
    request = kit.request("BYE", 1)
    for name, tag in (("To", to_tag), ("From", from_tag)):
        request.headers.set(name, f"<sip:x@y>;tag={tag}" if tag else "<sip:x@y>")
    return request


def test_a_dialog_is_found_by_its_tags_from_any_address(kit: Any) -> None:
    table, dialog = DialogTable(), uac_dialog(kit)
    table.add(dialog)
    assert table.find(bye(kit), Peer("udp", "198.51.100.7", 1)) is dialog


@pytest.mark.parametrize(
    ("to_tag", "from_tag"), [("d1", "f1"), (None, None), ("f1", "other"), (None, "d1")]
)
def test_wrong_tags_are_forgiven_to_the_dialogs_own_host_only(
    kit: Any, to_tag: str | None, from_tag: str | None
) -> None:
    table, dialog = DialogTable(), uac_dialog(kit)
    table.add(dialog)
    request = bye(kit, to_tag=to_tag, from_tag=from_tag)
    assert table.find(request, Peer("udp", kit.device.host, 9)) is dialog
    assert table.find(request, Peer("udp", "203.0.113.66", 5060)) is None


def test_a_foreign_call_id_finds_nothing(kit: Any) -> None:
    table = DialogTable()
    table.add(uac_dialog(kit, call_id="other"))
    assert table.find(bye(kit), kit.device) is None


def test_the_table_is_bounded_and_forgets(kit: Any) -> None:
    table = DialogTable(capacity=2)
    one, two = uac_dialog(kit), uac_dialog(kit)
    table.add(one)
    table.add(two)
    with pytest.raises(LocalProtocolError):
        table.add(uac_dialog(kit))
    assert list(table) == [one, two]
    table.remove(one)
    table.remove(one)
    assert len(table) == 1
    assert table.find(bye(kit), kit.device) is two
