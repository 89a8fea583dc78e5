"""One voice broadcast and the calls that devices make because of it: states and what is told."""

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from sip.errors import LocalProtocolError
from sip.gb28181.voice import VoiceOffer
from sip.message import Request
from sip.transactions import Dialog
from sip.transactions.server import ServerTransaction


class BroadcastFault(StrEnum):
    """Why nobody hears a broadcast."""

    REFUSED = "refused"
    """The device refused the notification, or answered ERROR."""
    NO_ANSWER = "no_answer"
    """No Response came, or the notification never arrived."""
    NO_INVITE = "no_invite"
    """The device said OK and did not call within ten seconds."""
    OFFLINE = "offline"


class VoiceState(Enum):
    """States of one call of a device.

    to RINGING: INVITE came; to ANSWERED: our 200 is out; to TALKING: ACK came;
    to ENDED: BYE, CANCEL, refusal, or the device is gone.
    """

    RINGING = "ringing"
    ANSWERED = "answered"
    TALKING = "talking"
    ENDED = "ended"


class VoiceInput(Enum):
    """What can happen to a call."""

    ACCEPT = "we answer 200"
    ACK = "ACK"
    END = "BYE, CANCEL, refusal or loss"


TRANSITIONS = {
    (VoiceState.RINGING, VoiceInput.ACCEPT): VoiceState.ANSWERED,
    (VoiceState.RINGING, VoiceInput.END): VoiceState.ENDED,
    (VoiceState.ANSWERED, VoiceInput.ACK): VoiceState.TALKING,
    (VoiceState.ANSWERED, VoiceInput.END): VoiceState.ENDED,
    (VoiceState.TALKING, VoiceInput.END): VoiceState.ENDED,
}
"""Every transition there is; anything else is a defect and changes nothing."""


@dataclass(frozen=True, slots=True)
class BroadcastFailed:
    """A broadcast ended without any call."""

    broadcast_id: str
    fault: BroadcastFault
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VoiceRequested:
    """A device calls because of a broadcast: answer by accept_voice or refuse_voice."""

    broadcast_id: str
    call_id: str
    device_id: str
    target_id: str
    """The sound output that calls."""
    offer: VoiceOffer
    signalling_host: str


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """The ACK came: send."""

    broadcast_id: str
    call_id: str


@dataclass(frozen=True, slots=True)
class VoiceEnded:
    """A call is over."""

    broadcast_id: str
    call_id: str
    reason: str
    """`bye` (the device), `local` (we), `cancelled`, `no_ack`, `offline`."""


VoiceEvent = BroadcastFailed | VoiceRequested | VoiceStarted | VoiceEnded


@dataclass(slots=True, eq=False)
class VoiceCall:
    """One INVITE of a device."""

    id: str
    target_id: str
    request: Request
    transaction: ServerTransaction
    dialog: Dialog
    offer: VoiceOffer
    broadcast: "OpenBroadcast"
    state: VoiceState = VoiceState.RINGING
    answer: bytes = b""

    def step(self, event: VoiceInput) -> None:
        """Change the state; raise LocalProtocolError where the table has no such step."""
        following = TRANSITIONS.get((self.state, event))
        if following is None:
            raise LocalProtocolError(f"{event.value} is impossible while {self.state.value}")
        self.state = following


@dataclass(slots=True, eq=False)
class OpenBroadcast:
    """One notification of ours that devices may still answer by calling."""

    id: str
    sn: int
    device_id: str
    target_id: str
    deadline: float
    """Until when a Response, later a call, is waited for."""
    is_granted: bool = False
    """The Response said OK."""
    is_closing: bool = False
    """We want no more calls."""
    calls: dict[str, VoiceCall] = field(default_factory=dict)
    called: int = 0
    """Calls that ever came."""

    @property
    def is_for_all(self) -> bool:
        """Whether the main device is addressed, hence all its outputs (9.12.1)."""
        return self.target_id == self.device_id
