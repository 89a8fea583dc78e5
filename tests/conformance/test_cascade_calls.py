"""Numbers 82, 106 and 107 of the checklist: calls of upper platforms, on the wire."""

import pytest

from sip.message.sdp import parse_sdp
from sip.roles.upward.terms import UpperAcked, UpperInvited
from tests.sip.roles.upward.conftest import CAMERA, LOWER_ID, UpperWire

MEDIA = ("192.0.2.20", 30100)
HISTORY = (f"s=Playback\r\nu={CAMERA}:0", "t=1714528800 1714532400")


@pytest.fixture
def upper_wire() -> UpperWire:
    return UpperWire()


def test_c082_an_invite_without_sdp_gets_an_offer_and_its_answer_is_in_the_ack(upper_wire):
    [trying] = upper_wire.invite(body=b"")
    [invited] = upper_wire.heard(UpperInvited)
    [answer] = upper_wire.accept(invited)
    assert (trying.status, answer.status) == (100, 200)
    offered = parse_sdp(answer.body)
    assert (offered.main_media.host, offered.main_media.port) == MEDIA
    assert offered.main_media.payloads == {96: "PS"}
    assert ("sendonly", "") in offered.main_media.attributes
    assert upper_wire.heard(UpperAcked) == []
    upper_wire.ack("call-1", answer.to.tag, 1, upper_wire.sdp())
    [acked] = upper_wire.heard(UpperAcked)
    assert (acked.host, acked.port, acked.ssrc) == ("198.51.100.20", 40000, offered.ssrc)


def test_c106_100_at_once_and_200_only_when_media_is_at_hand(upper_wire):
    [trying] = upper_wire.invite()
    assert trying.status == 100
    assert [each for each, _ in upper_wire.tick(5) if getattr(each, "status", 0) >= 200] == []
    [invited] = upper_wire.heard(UpperInvited)
    [answer] = upper_wire.accept(invited)
    assert (answer.status, parse_sdp(answer.body).ssrc) == (200, 200000042)


@pytest.mark.parametrize(("lines", "leading"), [(("s=Play", "t=0 0"), "0"), (HISTORY, "1")])
def test_c106_without_y_the_called_domain_makes_the_number(upper_wire, lines, leading):
    upper_wire.invite(lines, y="")
    [invited] = upper_wire.heard(UpperInvited)
    [answer] = upper_wire.accept(invited)
    [line] = [each for each in answer.body.splitlines() if each.startswith(b"y=")]
    digits = line[2:].decode()
    assert len(digits) == 10
    assert digits[0] == leading
    assert digits[1:6] == LOWER_ID[3:8]


def test_c107_a_channel_that_is_not_shared_gets_404(upper_wire):
    upper_wire.invite(uri="sip:34020000001320009999@192.0.2.10:5060")
    [invited] = upper_wire.heard(UpperInvited)
    upper_wire.calls.refuse(invited.call_id, 404, upper_wire.now)
    assert [answer.status for answer, _ in upper_wire.flush()] == [404]


@pytest.mark.parametrize("body", [b"junk", b"v=0\r\ns=Play\r\n", b"v=0\r\ns=Play\r\nm=video x\r\n"])
def test_c107_sdp_that_is_none_gets_400(upper_wire, body):
    assert [answer.status for answer in upper_wire.invite(body=body)] == [400]
    assert upper_wire.heard(UpperInvited) == []
