"""The transaction layer (RFC 3261 §17): all transactions of one endpoint behind five methods.

It answers repetitions, acknowledges rejections, keeps time and refuses what is no SIP. What a
request means is not known here.
"""

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b

from sip.errors import LocalProtocolError, MalformedMessage
from sip.message import (
    MAGIC_COOKIE,
    Peer,
    Request,
    Response,
    Via,
    build_response,
    is_keepalive,
    parse_message,
)
from sip.transactions.client import ClientTransaction, client_key
from sip.transactions.core import Transaction, Wire
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
from sip.transactions.refusal import refuse
from sip.transactions.server import ServerTransaction, server_key
from sip.transactions.store import TransactionStore
from sip.transactions.tables import Action, Input, State, TimerSettings

MAX_SERVER_TRANSACTIONS = 65_536
"""A storm of 20,000 devices makes 40,000 within timer J; above this the oldest is forgotten."""

MAX_SERVER_BYTES = 128 * 1024 * 1024
"""Of the answers kept for repetitions. An ordinary one has 500 octets, but it echoes the peer's Via
headers: strangers could make each as long as a datagram."""

MAX_CLIENT_TRANSACTIONS = 16_384

KNOWN_METHODS = frozenset(
    "ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE "
    "UPDATE".split()
)
"""Methods that get a counter of their own; the rest share one, so that labels stay bounded."""


class TransactionLayer:
    """Transactions of one endpoint over all its transports.

    `ids` returns a fresh random token of letters and digits at each call. `sent_by` is the address
    our Via names: it must be one the peers can reach (some NVRs stay silent otherwise).
    """

    def __init__(
        self,
        ids: Callable[[], str],
        sent_by: tuple[str, int],
        settings: TimerSettings | None = None,
        *,
        max_server: int = MAX_SERVER_TRANSACTIONS,
        max_client: int = MAX_CLIENT_TRANSACTIONS,
        max_server_bytes: int = MAX_SERVER_BYTES,
    ) -> None:
        self.sent_by = sent_by
        self.counters: Counter[str] = Counter()
        """Received requests per method, leniencies, rejections per reason, repetitions."""
        self._ids = ids
        self._wire = Wire(settings or TimerSettings())
        self._store = TransactionStore(self._wire, max_server, max_client, max_server_bytes)

    # What comes in

    def receive_data(self, data: bytes, peer: Peer, now: float) -> list[Event]:
        """Take one datagram, or one message cut out of a stream; never raises over its content."""
        fingerprint = None
        if peer.transport == "udp":
            if is_keepalive(data):
                self.counters["keepalive"] += 1
                return []
            fingerprint = blake2b(data, digest_size=16).digest()
            known = self._store.find_by_fingerprint(peer, fingerprint)
            if known is not None:
                return self._absorb(known, now)
        try:
            message = parse_message(data, stream=peer.is_reliable)
        except MalformedMessage as error:
            return [self._reject(error, peer)]
        for leniency in message.leniencies:
            self.counters[f"leniency.{leniency.value}"] += 1
        return self.receive(message, peer, now, fingerprint)

    def receive(
        self,
        message: Request | Response,
        peer: Peer,
        now: float,
        fingerprint: bytes | None = None,
    ) -> list[Event]:
        """Take a parsed message; `fingerprint` is a hash of the datagram it came as."""
        if isinstance(message, Response):
            return self._receive_response(message, peer, now)
        method = message.method
        label = method if method in KNOWN_METHODS else "other"
        self.counters[f"request.{label}"] += 1
        if method == "ACK":
            return self._receive_ack(message, peer, now)
        key = server_key(message, peer, method)
        known = self._store.servers.get(key)
        if known is not None:
            return self._absorb(known, now)
        transaction = ServerTransaction(self._wire, key, message, peer, self._ids())
        transaction.fingerprint = fingerprint
        self._store.add_server(transaction)
        transaction.start(now)
        if method == "CANCEL":
            return self._receive_cancel(message, transaction, now)
        return [RequestReceived(message, peer, transaction)]

    def connection_lost(self, peer: Peer, now: float, reason: str = "") -> list[Event]:
        """Take the loss of a connection, or the failure of a datagram, to `peer`."""
        events: list[Event] = [TransportFailed(peer, reason)]
        for client in self._store.of_peer(peer):
            if Action.REPORT_FAILURE in self._step(client, Input.TRANSPORT_ERROR, now):
                events.append(TransportFailed(peer, reason, client))
        return events

    # What goes out

    def send_request(
        self,
        request: Request,
        peer: Peer,
        now: float,
        *,
        user: object = None,
        timeout_s: float | None = None,
    ) -> ClientTransaction:
        """Send a request; a Via is put on top where there is none.

        `timeout_s` shortens the patience of 64 T1 for a final response (INVITE: for any response).
        Raises TooManyTransactions.
        """
        if request.method in ("ACK", "CANCEL"):
            raise LocalProtocolError("ACK and CANCEL have methods of their own")
        self._store.require_room()
        branch = self._ensure_via(request, peer)
        transaction = ClientTransaction(self._wire, request, peer, branch)
        transaction.user = user
        self._store.add_client(transaction)
        transaction.start(now, timeout_s)
        return transaction

    def respond(
        self,
        transaction: ServerTransaction,
        response: Response,
        now: float,
        *,
        forget: bool = False,
    ) -> None:
        """Answer a request; received, rport and a To tag are filled in.

        `forget` drops the transaction at once: a challenge needs no memory (RFC 3261 §26.3.2.4).
        Raises LocalProtocolError where a final response was sent before.
        """
        transaction.respond(response, now)
        if forget and transaction.method != "INVITE":
            transaction.abandon()
        self._drop_if_over(transaction)
        self._store.weigh(transaction)

    def send_ack(
        self, invite: ClientTransaction, ack: Request, now: float, peer: Peer | None = None
    ) -> None:
        """Send the ACK for a 2xx; it is repeated by itself for each repetition of that 2xx."""
        target = peer or invite.peer
        self._ensure_via(ack, target)
        invite.keep_ack(ack, target)

    def send_stray_ack(self, ack: Request, peer: Peer) -> None:
        """Send an ACK for a 2xx whose INVITE is no longer known."""
        self._ensure_via(ack, peer)
        self._wire.send(ack.to_bytes(), peer)

    def cancel(self, invite: ClientTransaction, now: float) -> None:
        """Give up an INVITE: CANCEL goes out as soon as any response came (RFC 3261 §9.1).

        Ends in ResponseReceived (487, or a 2xx that was quicker) or TransactionTimedOut.
        """
        if invite.state is State.PROCEEDING and not invite.cancel_wanted:
            self._send_cancel(invite, now)
        invite.cancel_wanted = True

    def data_to_send(self, now: float) -> list[tuple[bytes, Peer]]:
        """Return and forget the packets that wait to be sent."""
        if not self._wire.outbox:
            return []
        packets, self._wire.outbox = self._wire.outbox, []
        return packets

    # Time

    def next_timer(self) -> float | None:
        """Return when `handle_timer` is to be called, None where nothing is waited for."""
        return self._wire.timers.next_time()

    def handle_timer(self, now: float) -> list[Event]:
        """Do what is due."""
        events: list[Event] = []
        for _, key, timer in self._wire.timers.due(now):
            transaction = self._wire.tables[key]
            events += _timer_events(transaction, self._step(transaction, timer, now))
        return events

    @property
    def sizes(self) -> dict[str, int]:
        """Entries per table, for metrics and for tests of growth."""
        return {
            "servers": len(self._store.servers),
            "clients": len(self._store.clients),
            "timers": len(self._wire.timers),
            "evicted": self._store.evicted,
        }

    # Inside

    def _receive_response(self, response: Response, peer: Peer, now: float) -> list[Event]:
        # Some devices write `Message` where the request said MESSAGE.
        branch, method = response.via.branch, response.cseq.method.upper()
        client = self._store.clients.get(client_key(branch, method)) if branch else None
        if client is not None and _is_afterthought(response, client):
            client = None
        if client is None:
            self.counters["response.stray"] += 1
            if response.is_success and method == "INVITE":
                return [ResponseReceived(response, peer, None)]
            return []
        was_calling = client.state is State.CALLING
        reports = client.receive(response, now)
        if was_calling and client.state is State.PROCEEDING and client.cancel_wanted:
            self._send_cancel(client, now)
        self._drop_if_over(client)
        if method == "CANCEL" or not reports:
            return []
        return [ResponseReceived(response, peer, client)]

    def _receive_ack(self, ack: Request, peer: Peer, now: float) -> list[Event]:
        invite = self._store.find_invite(ack, server_key(ack, peer, "INVITE"), peer)
        if invite is None:
            return [AckReceived(ack, peer, None)]
        if invite.state is State.PROCEEDING:
            return []
        passed = Action.PASS in self._step(invite, Input.ACK, now)
        return [AckReceived(ack, peer, invite)] if passed else []

    def _receive_cancel(
        self, cancel: Request, transaction: ServerTransaction, now: float
    ) -> list[Event]:
        peer = transaction.peer
        invite = self._store.servers.get(server_key(cancel, peer, "INVITE"))
        status = 481 if invite is None else 200
        to_tag = transaction.to_tag if invite is None else invite.to_tag
        self.respond(transaction, build_response(cancel, status, to_tag=to_tag), now)
        if invite is None or invite.state is not State.PROCEEDING:
            return []
        return [CancelReceived(cancel, peer, invite)]

    def _absorb(self, transaction: ServerTransaction, now: float) -> list[Event]:
        self.counters["retransmission"] += 1
        self._step(transaction, Input.REQUEST, now)
        return [RetransmissionAbsorbed(transaction.peer, transaction)]

    def _reject(self, error: MalformedMessage, peer: Peer) -> Event:
        self.counters[f"malformed.{error.reason}"] += 1
        answer = refuse(error, peer, self._ids())
        if answer is not None:
            self._wire.send(answer, peer)
        return MessageRejected(peer, error.reason, error.status, error.data)

    def _send_cancel(self, invite: ClientTransaction, now: float) -> None:
        cancel = invite.build_cancel()
        branch = self._ensure_via(cancel, invite.peer)
        transaction = ClientTransaction(self._wire, cancel, invite.peer, branch)
        self._store.add_client(transaction)
        transaction.start(now)
        invite.arm(Input.TIMER_CANCEL, self._wire.settings.patience_s, now)

    def _step(self, transaction: Transaction, event: Input, now: float) -> tuple[Action, ...]:
        reports = transaction.step(event, now)
        self._drop_if_over(transaction)
        return reports

    def _drop_if_over(self, transaction: Transaction) -> None:
        if transaction.is_terminated:
            self._store.drop(transaction)

    def _ensure_via(self, request: Request, peer: Peer) -> str:
        """Return the branch of the request's top Via, adding one where there is none."""
        if "via" in request.headers:
            branch = request.via.branch
            if branch is None:
                raise LocalProtocolError("a request of ours without branch")
            return branch
        branch = MAGIC_COOKIE + self._ids()
        host, port = self.sent_by
        params = {"rport": None, "branch": branch}
        request.headers.insert_first("Via", str(Via(peer.transport.upper(), host, port, params)))
        return branch


def _is_afterthought(response: Response, client: ClientTransaction) -> bool:
    """Whether a 200 follows a refusal, as some devices send it: a session that must be ended."""
    is_refused = client.method == "INVITE" and client.state is State.COMPLETED
    return is_refused and response.is_success


def _timer_events(transaction: Transaction, reports: tuple[Action, ...]) -> list[Event]:
    """Return what a timer's consequences mean to the user; a CANCEL's are the INVITE's matter."""
    if isinstance(transaction, ClientTransaction):
        told = Action.REPORT_TIMEOUT in reports and transaction.method != "CANCEL"
        return [TransactionTimedOut(transaction)] if told else []
    if isinstance(transaction, ServerTransaction) and Action.REPORT_NO_ACK in reports:
        return [AckMissing(transaction)]
    return []
