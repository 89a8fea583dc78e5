"""One call of an upper platform: states, what may happen to it, what its INVITE says."""

import re
from dataclasses import dataclass
from enum import Enum

from sip.errors import LocalProtocolError, RemoteProtocolError
from sip.gb28181.route_path import consume_path
from sip.gb28181.subject import Subject
from sip.message import Peer, Request
from sip.roles.upward.link import Link
from sip.roles.upward.offer import UpperOffer, no_offer, read_upper_offer
from sip.roles.upward.terms import Uplink, UpperAcked, UpperInvited
from sip.transactions import Dialog, ServerTransaction


class UpperCallState(Enum):
    """States of one call of an upper platform.

    to RINGING: the INVITE came, the service is looking for media
    to ANSWERED: our 200 is out
    to HELD: the ACK came, but nobody has told yet where to send
    to SENDING: the ACK came and the place is known
    to ENDED: refusal, CANCEL, BYE of either side, or the uplink is down
    """

    RINGING = "ringing"
    ANSWERED = "answered"
    HELD = "held"
    SENDING = "sending"
    ENDED = "ended"


class UpperCallInput(Enum):
    """What can happen to such a call."""

    ACCEPT = "we answer 200"
    ACK = "ACK, and the place is known"
    ACK_WITHOUT_PLACE = "ACK, and port 0 is all we know"
    END = "refusal, CANCEL, BYE or loss"


TRANSITIONS = {
    (UpperCallState.RINGING, UpperCallInput.ACCEPT): UpperCallState.ANSWERED,
    (UpperCallState.RINGING, UpperCallInput.END): UpperCallState.ENDED,
    (UpperCallState.ANSWERED, UpperCallInput.ACK): UpperCallState.SENDING,
    (UpperCallState.ANSWERED, UpperCallInput.ACK_WITHOUT_PLACE): UpperCallState.HELD,
    (UpperCallState.ANSWERED, UpperCallInput.END): UpperCallState.ENDED,
    (UpperCallState.HELD, UpperCallInput.ACK): UpperCallState.SENDING,
    (UpperCallState.HELD, UpperCallInput.END): UpperCallState.ENDED,
    (UpperCallState.SENDING, UpperCallInput.END): UpperCallState.ENDED,
}
"""Every transition there is; anything else is a defect and changes nothing."""

_CODE = re.compile(r"[0-9A-Za-z_.\-]{1,64}")

SourceKey = tuple[str, str, str, bool]
"""Platform, sender and serial of the Subject, and whether it is history."""


@dataclass(slots=True, eq=False)
class UpperCall:
    """One INVITE of an upper platform."""

    id: str
    link: Link
    channel_id: str
    request: Request
    transaction: ServerTransaction
    dialog: Dialog
    offer: UpperOffer
    has_offer: bool
    source: SourceKey | None
    state: UpperCallState = UpperCallState.RINGING
    ssrc: int = 0
    """The agreed one; 0 before our 200."""
    is_own_ssrc: bool = False
    """Whether the number is held in our pool."""
    answer: bytes = b""
    """SDP of our 200."""
    controlled: int = 0
    """Commands that ever came."""

    @property
    def platform_id(self) -> str:
        """Whose call it is."""
        return self.link.platform_id

    def step(self, event: UpperCallInput) -> None:
        """Change the state; raise LocalProtocolError where the table has no such step."""
        following = TRANSITIONS.get((self.state, event))
        if following is None:
            raise LocalProtocolError(f"{event.value} is impossible while {self.state.value}")
        self.state = following


def read_offer(request: Request, peer: Peer) -> UpperOffer:
    """What an INVITE asks for; without SDP we are to make the offer (number 82)."""
    if not request.body.strip():
        return no_offer(peer.host)
    return read_upper_offer(request.body, peer.host)


def channel_of(request: Request, subject: Subject | None, uplink: Uplink) -> str:
    """The code that is called: the Request-URI, or the Subject where that names only ourselves.

    Raises RemoteProtocolError (404) for what can be no code: it would be written into our SDP.
    """
    called = request.uri.user or ""
    if called in ("", uplink.own_id) and subject is not None:
        called = subject.sender_id
    if not _CODE.fullmatch(called):
        raise RemoteProtocolError("no_channel", 404)
    return called


def source_of(link: Link, subject: Subject | None, offer: UpperOffer) -> SourceKey | None:
    """What is replaced by another INVITE of its kind; live and history never replace each other."""
    if subject is None or not subject.sender_serial:
        return None
    return link.platform_id, *subject.sender_pair, offer.history is not None


def invited(call: UpperCall) -> UpperInvited:
    """What the service is told of a new call."""
    offer = call.offer
    return UpperInvited(
        platform_id=call.platform_id,
        call_id=call.id,
        channel_id=call.channel_id,
        kind=offer.kind,
        host=offer.host,
        port=offer.port,
        transport=offer.transport,
        ssrc=offer.ssrc,
        stream=offer.stream,
        history=offer.history,
        has_offer=call.has_offer and offer.is_placeable,
        path=consume_path(call.request.headers.get("x-preferredpath"), (call.link.uplink.own_id,)),
    )


def acked(call: UpperCall) -> UpperAcked:
    """What the service is told when media may flow."""
    offer = call.offer
    return UpperAcked(call.platform_id, call.id, offer.host, offer.port, offer.transport, call.ssrc)
