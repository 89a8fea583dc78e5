"""One subscription at a device: its states, what may happen to it, and what is shown of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sip.errors import LocalProtocolError, MalformedMessage
from sip.gb28181.subscription import Topic, Wish
from sip.message import Peer, Request, Response
from sip.transactions import ClientTransaction, Dialog, DialogState

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 3600.0
REFUSED_PAUSE_S = 86_400.0
"""A device that cannot is asked again after a day: its firmware may be a newer one."""

CANNOT = frozenset({405, 415, 420, 489, 501, 403, 404, 603})
"""Answers of devices that do not do this at all (8.3: poll instead)."""

FINAL_REASONS = frozenset({"rejected", "noresource", "invariant"})
"""Ends after which RFC 6665 4.2.2 forbids another try soon."""


class SubscriptionPhase(StrEnum):
    """States of one subscription.

    to SUBSCRIBING: the first SUBSCRIBE of a dialog is sent
    to ACTIVE: the device granted it, or notifies already
    to WAITING: it failed or was ended by the device; another try follows
    to REFUSED: the device cannot; asked again only after a long time
    to RELEASED: the device is offline; asked again when it is heard
    to ENDING: Expires 0 is sent
    to ENDED: nobody wants it, and the device has been told
    """

    SUBSCRIBING = "subscribing"
    ACTIVE = "active"
    WAITING = "waiting"
    REFUSED = "refused"
    RELEASED = "released"
    ENDING = "ending"
    ENDED = "ended"


class SubscriptionInput(StrEnum):
    """What can happen to a subscription."""

    SEND = "a SUBSCRIBE goes out"
    GRANT = "200, or a NOTIFY before it"
    FAIL = "refused for now, unanswered, or terminated"
    REFUSE = "489, 405 and their like"
    LEAVE = "the device went offline"
    CANCEL = "nobody wants it"
    DONE = "the end is acknowledged"


_P, _I = SubscriptionPhase, SubscriptionInput
_RESTING = (_P.WAITING, _P.REFUSED, _P.RELEASED)
TRANSITIONS = {
    **{(phase, _I.SEND): _P.SUBSCRIBING for phase in _RESTING},
    (_P.SUBSCRIBING, _I.GRANT): _P.ACTIVE,
    (_P.SUBSCRIBING, _I.FAIL): _P.WAITING,
    (_P.SUBSCRIBING, _I.REFUSE): _P.REFUSED,
    (_P.ACTIVE, _I.GRANT): _P.ACTIVE,
    (_P.ACTIVE, _I.FAIL): _P.WAITING,
    (_P.ACTIVE, _I.REFUSE): _P.REFUSED,
    **{(phase, _I.LEAVE): _P.RELEASED for phase in (*_RESTING, _P.SUBSCRIBING, _P.ACTIVE)},
    (_P.SUBSCRIBING, _I.CANCEL): _P.ENDING,
    (_P.ACTIVE, _I.CANCEL): _P.ENDING,
    **{(phase, _I.CANCEL): _P.ENDED for phase in _RESTING},
    (_P.ENDING, _I.DONE): _P.ENDED,
    (_P.ENDING, _I.LEAVE): _P.ENDED,
}
"""Every transition there is; anything else is a defect and changes nothing."""


@dataclass(frozen=True, slots=True)
class SubscriptionStatus:
    """A subscription as people may see it."""

    device_id: str
    topic: Topic
    phase: SubscriptionPhase
    since: datetime
    """When it entered the phase."""
    expires_s: int
    """As granted; 0 while nothing is."""
    reason: str
    """Why it is not active."""
    notified_at: datetime | None
    """When the device last notified."""
    notifications: int
    """Since it is wanted."""


@dataclass(slots=True, eq=False)
class Subscription:
    """One wish and what has become of it."""

    device_id: str
    wish: Wish
    since: datetime
    phase: SubscriptionPhase = SubscriptionPhase.RELEASED
    due: float | None = None
    """When something is to be done: another try, a refresh, the end of lingering."""
    call_id: str = ""
    event: str = ""
    transaction: ClientTransaction | None = None
    """The newest SUBSCRIBE; answers to others come too late to matter."""
    dialog: Dialog | None = None
    granted_s: int = 0
    least_s: int = 0
    """Min-Expires of a 423."""
    failures: int = 0
    """In a row, for the pause before the next try."""
    granted_at: float = 0.0
    reason: str = ""
    notified_at: datetime | None = None
    notifications: int = 0

    @property
    def topic(self) -> Topic:
        """What it is about."""
        return self.wish.topic

    @property
    def expires_s(self) -> int:
        """What to ask for."""
        return max(self.wish.expires_s, self.least_s)

    def step(self, event: SubscriptionInput) -> bool:
        """Change the phase; True when it is another one. Raises LocalProtocolError."""
        following = TRANSITIONS.get((self.phase, event))
        if following is None:
            raise LocalProtocolError(f"{event} is impossible while {self.phase}")
        changed = following is not self.phase
        self.phase = following
        return changed

    def status(self) -> SubscriptionStatus:
        """Return what people may see."""
        return SubscriptionStatus(
            device_id=self.device_id,
            topic=self.topic,
            phase=self.phase,
            since=self.since,
            expires_s=self.granted_s if self.phase is SubscriptionPhase.ACTIVE else 0,
            reason=self.reason,
            notified_at=self.notified_at,
            notifications=self.notifications,
        )


def open_dialog(request: Request, response: Response, peer: Peer) -> Dialog:
    """Open the dialog of a 200; a Record-Route that is none is as good as absent."""
    try:
        return Dialog.create_uac(request, response, peer)
    except MalformedMessage:
        response.headers.remove("record-route")
        return Dialog.create_uac(request, response, peer)


def open_dialog_by_notify(sent: Request, notify: Request, peer: Peer) -> Dialog:
    """Open the dialog of a SUBSCRIBE whose 200 is late or lost (RFC 6665 4.1.2.4)."""
    contact = notify.contact
    return Dialog(
        call_id=sent.call_id,
        local=sent.from_,
        remote=notify.from_,
        target=contact.uri if contact is not None else sent.uri,
        routes=(),
        peer=peer,
        state=DialogState.CONFIRMED,
        is_uac=True,
        local_cseq=sent.cseq.number,
    )


def pause_after(failures: int) -> float:
    """Return the wait in seconds before the next try, after so many failures before this one."""
    return min(FIRST_PAUSE_S * (1 << min(failures, 16)), LONGEST_PAUSE_S)
