"""The state machines of RFC 3261 §17 with the Accepted states of RFC 6026, as tables.

A step that is not in its table raises LocalProtocolError and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from sip.errors import LocalProtocolError


class State(Enum):
    """States of all four machines.

    to TRYING: a request that is no INVITE was sent or received
    to CALLING: an INVITE was sent
    to PROCEEDING: a provisional response exists, or an INVITE was received
    to ACCEPTED: a 2xx to INVITE exists (RFC 6026)
    to COMPLETED: another final response exists
    to CONFIRMED: the ACK for it came
    to TERMINATED: nothing of it can be on the wire any more, or nobody is there
    """

    TRYING = "trying"
    CALLING = "calling"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(Enum):
    """What can happen to a transaction; the letters are the timers of RFC 3261 table 4."""

    TIMER_A = "A"
    """INVITE again."""
    TIMER_B = "B"
    """INVITE unanswered."""
    TIMER_D = "D"
    """Repeated rejections of an INVITE have died out."""
    TIMER_E = "E"
    """Request again."""
    TIMER_F = "F"
    """Request unanswered."""
    TIMER_G = "G"
    """Final response to INVITE again; for 2xx this is the work of RFC 3261 §13.3.1.4."""
    TIMER_H = "H"
    """No ACK for a rejection."""
    TIMER_I = "I"
    """Repeated ACKs have died out."""
    TIMER_J = "J"
    """Repeated requests have died out."""
    TIMER_K = "K"
    """Repeated responses have died out."""
    TIMER_L = "L"
    """Repeated INVITEs after a 2xx have died out, RFC 6026."""
    TIMER_M = "M"
    """Repeated 2xx have died out, RFC 6026."""
    TIMER_100 = "100"
    """The user of an INVITE took more than 200 ms, RFC 3261 §17.2.1."""
    TIMER_CANCEL = "CANCEL"
    """Nothing final came after CANCEL, RFC 3261 §9.1."""
    TIMER_UNANSWERED = "unanswered"
    """Our own side never answered; the peer has given up."""
    PROVISIONAL = "1xx"
    """A response, received by a client or sent by a server."""
    SUCCESS = "2xx"
    REJECTION = "3xx-6xx"
    REQUEST = "request"
    """The same request once more."""
    ACK = "ACK"
    TRANSPORT_ERROR = "transport error"


class Action(Enum):
    """What a step makes the transaction do, in this order."""

    PASS = "pass to the user"
    SEND = "send the response"
    RESEND = "send the last message again"
    BACK_OFF = "next retransmission after twice the time"
    ACK = "acknowledge the rejection"
    ACK_AGAIN = "acknowledge the repeated 2xx"
    SEND_TRYING = "send 100 Trying"
    STOP_REPEATING = "no retransmissions any more"
    LINGER = "absorb what still comes"
    AWAIT_ACK = "repeat until ACK"
    REPORT_TIMEOUT = "report the missing answer"
    REPORT_FAILURE = "report the transport's failure"
    REPORT_NO_ACK = "report the missing ACK"


class Step(NamedTuple):
    """Where a transition leads and what it does."""

    state: State
    actions: tuple[Action, ...] = ()


Table = Mapping[tuple[State, Input], Step]

_FAILED = Step(State.TERMINATED, (Action.REPORT_FAILURE,))

INVITE_CLIENT: Table = {
    (State.CALLING, Input.TIMER_A): Step(State.CALLING, (Action.RESEND, Action.BACK_OFF)),
    (State.CALLING, Input.TIMER_B): Step(State.TERMINATED, (Action.REPORT_TIMEOUT,)),
    (State.CALLING, Input.PROVISIONAL): Step(
        State.PROCEEDING, (Action.STOP_REPEATING, Action.PASS)
    ),
    (State.CALLING, Input.SUCCESS): Step(State.ACCEPTED, (Action.LINGER, Action.PASS)),
    (State.CALLING, Input.REJECTION): Step(
        State.COMPLETED, (Action.ACK, Action.LINGER, Action.PASS)
    ),
    (State.CALLING, Input.TIMER_CANCEL): Step(State.TERMINATED, (Action.REPORT_TIMEOUT,)),
    (State.CALLING, Input.TRANSPORT_ERROR): _FAILED,
    (State.PROCEEDING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.PASS,)),
    (State.PROCEEDING, Input.SUCCESS): Step(State.ACCEPTED, (Action.LINGER, Action.PASS)),
    (State.PROCEEDING, Input.REJECTION): Step(
        State.COMPLETED, (Action.ACK, Action.LINGER, Action.PASS)
    ),
    (State.PROCEEDING, Input.TIMER_CANCEL): Step(State.TERMINATED, (Action.REPORT_TIMEOUT,)),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): _FAILED,
    (State.ACCEPTED, Input.PROVISIONAL): Step(State.ACCEPTED),
    (State.ACCEPTED, Input.SUCCESS): Step(State.ACCEPTED, (Action.ACK_AGAIN,)),
    (State.ACCEPTED, Input.REJECTION): Step(State.ACCEPTED),
    (State.ACCEPTED, Input.TIMER_M): Step(State.TERMINATED),
    (State.ACCEPTED, Input.TRANSPORT_ERROR): Step(State.ACCEPTED),
    (State.COMPLETED, Input.PROVISIONAL): Step(State.COMPLETED),
    (State.COMPLETED, Input.SUCCESS): Step(State.COMPLETED),
    (State.COMPLETED, Input.REJECTION): Step(State.COMPLETED, (Action.ACK,)),
    (State.COMPLETED, Input.TIMER_D): Step(State.TERMINATED),
    (State.COMPLETED, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
}
"""RFC 3261 figure 5 as changed by RFC 6026 §8.4."""

_ANSWERED = Step(State.COMPLETED, (Action.LINGER, Action.PASS))
_ASK_AGAIN = (Action.RESEND, Action.BACK_OFF)

NON_INVITE_CLIENT: Table = {
    (State.TRYING, Input.TIMER_E): Step(State.TRYING, _ASK_AGAIN),
    (State.TRYING, Input.TIMER_F): Step(State.TERMINATED, (Action.REPORT_TIMEOUT,)),
    (State.TRYING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.PASS,)),
    (State.TRYING, Input.SUCCESS): _ANSWERED,
    (State.TRYING, Input.REJECTION): _ANSWERED,
    (State.TRYING, Input.TRANSPORT_ERROR): _FAILED,
    (State.PROCEEDING, Input.TIMER_E): Step(State.PROCEEDING, _ASK_AGAIN),
    (State.PROCEEDING, Input.TIMER_F): Step(State.TERMINATED, (Action.REPORT_TIMEOUT,)),
    (State.PROCEEDING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.PASS,)),
    (State.PROCEEDING, Input.SUCCESS): _ANSWERED,
    (State.PROCEEDING, Input.REJECTION): _ANSWERED,
    (State.PROCEEDING, Input.TRANSPORT_ERROR): _FAILED,
    (State.COMPLETED, Input.PROVISIONAL): Step(State.COMPLETED),
    (State.COMPLETED, Input.SUCCESS): Step(State.COMPLETED),
    (State.COMPLETED, Input.REJECTION): Step(State.COMPLETED),
    (State.COMPLETED, Input.TIMER_K): Step(State.TERMINATED),
    (State.COMPLETED, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
}
"""RFC 3261 figure 6."""

INVITE_SERVER: Table = {
    (State.PROCEEDING, Input.REQUEST): Step(State.PROCEEDING, (Action.RESEND,)),
    (State.PROCEEDING, Input.TIMER_100): Step(State.PROCEEDING, (Action.SEND_TRYING,)),
    (State.PROCEEDING, Input.TIMER_UNANSWERED): Step(State.TERMINATED),
    (State.PROCEEDING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): Step(
        State.ACCEPTED, (Action.SEND, Action.LINGER, Action.AWAIT_ACK)
    ),
    (State.PROCEEDING, Input.REJECTION): Step(
        State.COMPLETED, (Action.SEND, Action.LINGER, Action.AWAIT_ACK)
    ),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
    (State.ACCEPTED, Input.REQUEST): Step(State.ACCEPTED),
    (State.ACCEPTED, Input.SUCCESS): Step(State.ACCEPTED, (Action.SEND,)),
    (State.ACCEPTED, Input.TIMER_G): Step(State.ACCEPTED, (Action.RESEND, Action.BACK_OFF)),
    (State.ACCEPTED, Input.ACK): Step(State.ACCEPTED, (Action.STOP_REPEATING, Action.PASS)),
    (State.ACCEPTED, Input.TIMER_L): Step(State.TERMINATED, (Action.REPORT_NO_ACK,)),
    (State.ACCEPTED, Input.TRANSPORT_ERROR): Step(State.TERMINATED, (Action.REPORT_NO_ACK,)),
    (State.COMPLETED, Input.REQUEST): Step(State.COMPLETED, (Action.RESEND,)),
    (State.COMPLETED, Input.TIMER_G): Step(State.COMPLETED, (Action.RESEND, Action.BACK_OFF)),
    (State.COMPLETED, Input.TIMER_H): Step(State.TERMINATED),
    (State.COMPLETED, Input.ACK): Step(State.CONFIRMED, (Action.STOP_REPEATING, Action.LINGER)),
    (State.COMPLETED, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
    (State.CONFIRMED, Input.REQUEST): Step(State.CONFIRMED),
    (State.CONFIRMED, Input.ACK): Step(State.CONFIRMED),
    (State.CONFIRMED, Input.TIMER_I): Step(State.TERMINATED),
    (State.CONFIRMED, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
}
"""RFC 3261 figure 7 as changed by RFC 6026 §8.5.

One departure: the 2xx is repeated here until ACK and not by the transaction user (§13.3.1.4), so
that no user has to own a timer for it.
"""

_FINAL = Step(State.COMPLETED, (Action.SEND, Action.LINGER))

NON_INVITE_SERVER: Table = {
    (State.TRYING, Input.REQUEST): Step(State.TRYING),
    (State.TRYING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.SEND,)),
    (State.TRYING, Input.SUCCESS): _FINAL,
    (State.TRYING, Input.REJECTION): _FINAL,
    (State.TRYING, Input.TIMER_UNANSWERED): Step(State.TERMINATED),
    (State.TRYING, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
    (State.PROCEEDING, Input.REQUEST): Step(State.PROCEEDING, (Action.RESEND,)),
    (State.PROCEEDING, Input.PROVISIONAL): Step(State.PROCEEDING, (Action.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): _FINAL,
    (State.PROCEEDING, Input.REJECTION): _FINAL,
    (State.PROCEEDING, Input.TIMER_UNANSWERED): Step(State.TERMINATED),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
    (State.COMPLETED, Input.REQUEST): Step(State.COMPLETED, (Action.RESEND,)),
    (State.COMPLETED, Input.TIMER_J): Step(State.TERMINATED),
    (State.COMPLETED, Input.TRANSPORT_ERROR): Step(State.TERMINATED),
}
"""RFC 3261 figure 8."""


def take_step(table: Table, state: State, event: Input) -> Step:
    """Return the transition; raises LocalProtocolError where there is none."""
    step = table.get((state, event))
    if step is None:
        raise LocalProtocolError(f"{event.value} is impossible while {state.value}")
    return step


def input_of_status(status: int) -> Input:
    """Return what a response's status means to the machines."""
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.REJECTION


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """T1, T2 and T4 of RFC 3261 §17.1.1.1 and what follows from them, in seconds.

    The wire timers are the standard's; a shorter patience is the business of whoever waits.
    """

    t1_s: float = 0.5
    """Estimate of the round trip."""
    t2_s: float = 4.0
    """Longest pause between repetitions of a request that is no INVITE and of responses."""
    t4_s: float = 5.0
    """How long a message can stay in the network."""
    trying_s: float = 0.2
    """After this an unanswered INVITE gets its 100."""
    unanswered_invite_s: float = 300.0
    """How long an INVITE may ring before the server side forgets it."""

    @property
    def patience_s(self) -> float:
        """64 T1: timers B, F, H, J, L, M and, being no less than 32 s, D."""
        return 64 * self.t1_s
