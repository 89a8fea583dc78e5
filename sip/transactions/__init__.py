"""Transactions and dialogs of RFC 3261 §17 and §12, without any I/O."""

from sip.message import Peer
from sip.transactions.client import ClientTransaction
from sip.transactions.dialog import Dialog, DialogState, DialogTable
from sip.transactions.events import (
    AckMissing,
    AckReceived,
    CancelReceived,
    Event,
    MessageRejected,
    RequestReceived,
    ResponseReceived,
    RetransmissionAbsorbed,
    TransactionTimedOut,
    TransportFailed,
)
from sip.transactions.layer import TransactionLayer
from sip.transactions.server import ServerTransaction
from sip.transactions.tables import State, TimerSettings

__all__ = [
    "AckMissing",
    "AckReceived",
    "CancelReceived",
    "ClientTransaction",
    "Dialog",
    "DialogState",
    "DialogTable",
    "Event",
    "MessageRejected",
    "Peer",
    "RequestReceived",
    "ResponseReceived",
    "RetransmissionAbsorbed",
    "ServerTransaction",
    "State",
    "TimerSettings",
    "TransactionLayer",
    "TransactionTimedOut",
    "TransportFailed",
]
