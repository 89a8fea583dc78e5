"""What the transaction layer tells its user."""

from dataclasses import dataclass

from sip.message import Peer, Request, Response
from sip.transactions.client import ClientTransaction
from sip.transactions.server import ServerTransaction


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A new request; answer it by `TransactionLayer.respond`."""

    request: Request
    peer: Peer
    """Where the packet came from, which is where the answer goes."""
    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A response to one of our requests, each once."""

    response: Response
    peer: Peer
    transaction: ClientTransaction | None
    """None for a 2xx to an INVITE that was given up already: it wants ACK and BYE (§13.2.2.4).

    `transaction.user` is whatever was handed to `send_request`.
    """


@dataclass(frozen=True, slots=True)
class AckReceived:
    """The ACK for a 2xx, once per 2xx sent; may carry SDP."""

    request: Request
    peer: Peer
    transaction: ServerTransaction | None
    """The INVITE's; None where it is gone or was never seen."""


@dataclass(frozen=True, slots=True)
class CancelReceived:
    """The peer cancelled an INVITE that has no final response yet; the CANCEL is answered.

    The user answers the INVITE, by 487.
    """

    request: Request
    peer: Peer
    transaction: ServerTransaction
    """The INVITE's."""


@dataclass(frozen=True, slots=True)
class RetransmissionAbsorbed:
    """A request came again and was answered from memory; its sender is alive."""

    peer: Peer
    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class TransactionTimedOut:
    """No final response came in time; `transaction.user` tells whose."""

    transaction: ClientTransaction


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """A packet or connection could not reach its peer."""

    peer: Peer
    reason: str
    transaction: ClientTransaction | None = None
    """What failed with it; None for the connection itself."""


@dataclass(frozen=True, slots=True)
class AckMissing:
    """A 2xx to INVITE was never acknowledged: the call is to be ended (RFC 3261 §13.3.1.4)."""

    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class MessageRejected:
    """Octets that were no usable SIP message; answered where the standard lets us."""

    peer: Peer
    reason: str
    """Constant text, fit for a counter's label."""
    status: int
    """What it was or would have been answered with."""
    data: bytes
    """At most 32 offending octets."""


Event = (
    RequestReceived
    | ResponseReceived
    | AckReceived
    | CancelReceived
    | RetransmissionAbsorbed
    | TransactionTimedOut
    | TransportFailed
    | AckMissing
    | MessageRejected
)
