"""The torture messages of RFC 4475, all 49 that its text describes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sip.errors import MalformedMessage
from sip.message import Message, Peer, Request, Response, parse_message
from sip.transactions import MessageRejected, TransactionLayer

pytestmark = pytest.mark.field

NAMES = """
    badaspec badbranch baddate baddn badinv01 badvers bcast bext01 bigcode clerr cparam01 cparam02
    dblreq esc01 esc02 escnull escruri insuf intmeth inv2543 invut longreq ltgtruri lwsdisp lwsruri
    lwsstart mcl01 mismatch01 mismatch02 mpart01 multi01 ncl noreason novelsc quotbal regaut01
    regbadct regescrt scalar02 scalarlg sdp01 semiuri transports trws unkscm unksm2 unreason wsinv
    zeromf
""".split()

REJECTED = {"should_reject", "must_reject", "must_discard"}


@pytest.fixture(scope="session")
def torture(shared: Path) -> dict[str, tuple[dict[str, Any], bytes]]:
    folder = shared / "testdata" / "rfc4475"
    index = json.loads((folder / "index.json").read_text())
    return {m["name"]: (m, (folder / m["file"]).read_bytes()) for m in index["messages"]}


def test_every_message_of_the_index_is_tried(
    torture: dict[str, tuple[dict[str, Any], bytes]],
) -> None:
    assert sorted(torture) == sorted(NAMES)
    assert all(hashlib.sha256(data).hexdigest() == m["sha256"] for m, data in torture.values())


@pytest.mark.parametrize("name", NAMES)
def test_torture_message(name: str, torture: dict[str, tuple[dict[str, Any], bytes]]) -> None:
    entry, data = torture[name]
    try:
        message = parse_message(data)
    except MalformedMessage as error:
        assert entry["parser"] != "must_accept", error
        if entry["parser"] == "must_reject":
            assert error.status_hint in entry["acceptable_status"]
        return
    assert entry["parser"] not in REJECTED
    for fact, value in entry["facts"].items():
        if fact in FACTS:
            assert FACTS[fact](message) == value, fact
    again = parse_message(message.to_bytes(), stream=True)
    for one in (message, again):
        one.headers.remove("content-length")
    assert again == message


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_request_is_answered_and_a_response_never(
    name: str, torture: dict[str, tuple[dict[str, Any], bytes]]
) -> None:
    entry, data = torture[name]
    peer = Peer("udp", "192.0.2.101", 5060)
    layer = TransactionLayer(lambda: "0123456789abcdef", ("192.0.2.1", 5060))
    events = layer.receive_data(data, peer, 0.0)
    packets = layer.data_to_send(0.0)
    if not any(isinstance(event, MessageRejected) for event in events):
        return
    if entry["parser"] == "must_discard" or data.startswith(b"SIP/"):
        assert packets == []
    for packet, target in packets:
        assert target == peer
        status = int(packet.split(b" ", 2)[1])
        assert status in (entry["acceptable_status"] or [400])


def _number(message: Message, name: str) -> int:
    return int(message.headers.get(name) or "-1")


def _method(message: Message) -> str:
    assert isinstance(message, Request)
    return message.method


def _uri(message: Message) -> Any:
    assert isinstance(message, Request)
    return message.uri


def _status(message: Message) -> Response:
    assert isinstance(message, Response)
    return message


def _listed(message: Message, name: str) -> list[str]:
    return [part.strip() for part in (message.headers.get(name) or "").split(",")]


def _contact(message: Message) -> Any:
    return message.contacts[0]


FACTS: dict[str, Any] = {
    "kind": lambda m: type(m).__name__.lower(),
    "method": _method,
    "via_count": lambda m: len(m.vias),
    "via_transports": lambda m: [via.transport for via in m.vias],
    "via_branches": lambda m: [via.branch for via in m.vias],
    "top_via_host": lambda m: m.via.host,
    "top_via_branch": lambda m: m.via.branch,
    "max_forwards": lambda m: _number(m, "max-forwards"),
    "cseq": lambda m: m.cseq.number,
    "cseq_method": lambda m: m.cseq.method,
    "call_id": lambda m: m.call_id,
    "from_tag": lambda m: m.from_.tag,
    "to_tag": lambda m: m.to.tag,
    "from_user": lambda m: m.from_.uri.user,
    "to_user": lambda m: m.to.uri.user,
    "from_display": lambda m: m.from_.display,
    "to_display": lambda m: m.to.display,
    "from_uri": lambda m: str(m.from_.uri),
    "to_uri": lambda m: str(m.to.uri),
    "ruri": lambda m: str(_uri(m)),
    "ruri_user": lambda m: _uri(m).user,
    "ruri_host": lambda m: _uri(m).host,
    "contact_count": lambda m: len(m.contacts),
    "contact_users": lambda m: [contact.uri.user for contact in m.contacts],
    "contact_user": lambda m: _contact(m).uri.user,
    "contact_uri": lambda m: str(_contact(m).uri),
    "contact_uri_params": lambda m: dict(_contact(m).uri.params),
    "contact_params": lambda m: dict(_contact(m).params),
    "status_code": lambda m: _status(m).status,
    "reason": lambda m: _status(m).reason,
    "body_len": lambda m: len(m.body),
    "subject": lambda m: m.headers.get("subject"),
    "require": lambda m: _listed(m, "require"),
    "proxy_require": lambda m: _listed(m, "proxy-require"),
    "accept": lambda m: _listed(m, "accept"),
    "content_type": lambda m: m.content_type,
}
