"""One invitation: its states, what may happen to it, and what is told of it."""

from dataclasses import dataclass
from enum import Enum

from sip.errors import LocalProtocolError, SipError
from sip.events import InvitationEnded
from sip.message.sdp import MediaAnswer, MediaOffer
from sip.transactions import ClientTransaction, Dialog


class InvitationFailed(SipError):
    """No media session came of an INVITE.

    `reason` is a constant word: `timeout`, `refused`, `no_sdp`, `bad_sdp`, `port_zero`,
    `transport_mismatch`, `cancelled`, `offline`, `no_answer`, `overload`.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str = "",
        *,
        invitation_id: str = "",
        has_provisional: bool = False,
    ) -> None:
        super().__init__(f"{reason} ({status}) {detail}".strip())
        self.status = status
        """SIP status of the refusal, or the one that fits our own reason (408, 488 …)."""
        self.reason = reason
        self.detail = detail
        """The device's own reason phrase, where it gave one."""
        self.invitation_id = invitation_id
        """Which invitation; empty where none was sent."""
        self.has_provisional = has_provisional
        """The device said that it is at it (1xx), whatever came of that."""


class CallState(Enum):
    """States of one invitation.

    to INVITING: INVITE sent
    to CANCELLING: given up before a final answer; late answers are cleaned away
    to ESTABLISHED: a fit 200 was acknowledged
    to ENDED: refused, BYE sent or received, or the device is gone
    """

    INVITING = "inviting"
    CANCELLING = "cancelling"
    ESTABLISHED = "established"
    ENDED = "ended"


class CallInput(Enum):
    """What can happen to an invitation."""

    ANSWER = "fit 200"
    UNFIT = "unfit 200"
    REFUSAL = "3xx-6xx"
    DEADLINE = "time is up"
    GIVE_UP = "our side wants no more"
    BYE = "BYE from the device"
    LOST = "the device or its answer is gone"


TRANSITIONS = {
    (CallState.INVITING, CallInput.ANSWER): CallState.ESTABLISHED,
    (CallState.INVITING, CallInput.UNFIT): CallState.ENDED,
    (CallState.INVITING, CallInput.REFUSAL): CallState.ENDED,
    (CallState.INVITING, CallInput.DEADLINE): CallState.CANCELLING,
    (CallState.INVITING, CallInput.GIVE_UP): CallState.CANCELLING,
    (CallState.INVITING, CallInput.LOST): CallState.ENDED,
    (CallState.CANCELLING, CallInput.UNFIT): CallState.ENDED,
    (CallState.CANCELLING, CallInput.REFUSAL): CallState.ENDED,
    (CallState.CANCELLING, CallInput.LOST): CallState.ENDED,
    (CallState.ESTABLISHED, CallInput.GIVE_UP): CallState.ENDED,
    (CallState.ESTABLISHED, CallInput.BYE): CallState.ENDED,
    (CallState.ESTABLISHED, CallInput.LOST): CallState.ENDED,
}
"""Every transition there is; anything else is a defect and changes nothing."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An answered invitation."""

    id: str
    call_id: str
    device_id: str
    channel_id: str
    ssrc: int
    """The one to expect: the answer's where it names one, else the offered."""
    remote: MediaAnswer


@dataclass(frozen=True, slots=True)
class InvitationAnswered:
    """The device will send; the ACK is out."""

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class InvitationRefused:
    """It came to nothing."""

    invitation_id: str
    error: InvitationFailed


@dataclass(slots=True, eq=False)
class Call:
    """One INVITE of ours."""

    id: str
    device_id: str
    channel_id: str
    offer: MediaOffer
    deadline: float
    state: CallState = CallState.INVITING
    transaction: ClientTransaction | None = None
    dialog: Dialog | None = None
    has_provisional: bool = False
    """A 1xx came."""
    is_misanswered: bool = False
    """Its transaction is over, by an answer under another Call-ID."""
    playback_cseq: int = 0
    """CSeq of the last MANSRTSP command; a count of its own (annex B)."""

    def step(self, event: CallInput) -> None:
        """Change the state; raise LocalProtocolError where the table has no such step."""
        following = TRANSITIONS.get((self.state, event))
        if following is None:
            raise LocalProtocolError(f"{event.value} is impossible while {self.state.value}")
        self.state = following


InvitationOutcome = InvitationAnswered | InvitationRefused | InvitationEnded
