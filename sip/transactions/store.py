"""Where transactions are found again: bounded tables with the indices that matching needs."""

from collections import OrderedDict
from collections.abc import Hashable

from sip.errors import TooManyTransactions
from sip.message import Peer, Request
from sip.transactions.client import ClientTransaction
from sip.transactions.core import Transaction, Wire
from sip.transactions.server import ServerTransaction


class TransactionStore:
    """All transactions of one layer.

    A table of servers that is full, by number or by octets, forgets its oldest entry, whose peer
    would at worst be answered anew; a full table of clients refuses, because its entries are our
    own promises.
    """

    def __init__(self, wire: Wire, max_server: int, max_client: int, max_server_bytes: int) -> None:
        self._tables = wire.tables
        self._max_server = max_server
        self._max_client = max_client
        self._max_server_bytes = max_server_bytes
        self._server_bytes = 0
        self.servers: OrderedDict[Hashable, ServerTransaction] = OrderedDict()
        self.clients: dict[Hashable, ClientTransaction] = {}
        self._by_fingerprint: dict[tuple[Peer, bytes], ServerTransaction] = {}
        self._invites: dict[tuple[str, int, str], ServerTransaction] = {}
        self._by_peer: dict[Peer, dict[Hashable, ClientTransaction]] = {}
        self.evicted = 0
        """Server transactions forgotten for lack of room."""

    def find_by_fingerprint(self, peer: Peer, fingerprint: bytes) -> ServerTransaction | None:
        """Return the transaction that exactly this datagram from this peer began."""
        return self._by_fingerprint.get((peer, fingerprint))

    def find_invite(self, ack: Request, key: Hashable, peer: Peer) -> ServerTransaction | None:
        """Return the INVITE an ACK means: by key, else by Call-ID and number from the same host.

        The ACK for a 2xx has a branch of its own, and devices give one to other ACKs too.
        """
        return self.servers.get(key) or self._invites.get((ack.call_id, ack.cseq.number, peer.host))

    def of_peer(self, peer: Peer) -> list[ClientTransaction]:
        """Return our transactions with one peer."""
        return list(self._by_peer.get(peer, {}).values())

    def add_server(self, transaction: ServerTransaction) -> None:
        """Keep a server transaction, at the cost of the oldest where the table is full."""
        if len(self.servers) >= self._max_server:
            self._evict()
        self.servers[transaction.key] = transaction
        self._tables[transaction.key] = transaction
        if transaction.fingerprint is not None:
            self._by_fingerprint[transaction.peer, transaction.fingerprint] = transaction
        if transaction.method == "INVITE":
            self._invites[_invite_key(transaction)] = transaction

    def weigh(self, transaction: ServerTransaction) -> None:
        """Count what a server transaction keeps, after each answer; see the class for the bound."""
        if self.servers.get(transaction.key) is not transaction:
            return
        self._server_bytes += transaction.kept_bytes - transaction.weight
        transaction.weight = transaction.kept_bytes
        while self._server_bytes > self._max_server_bytes and len(self.servers) > 1:
            self._evict()

    def require_room(self) -> None:
        """Raise TooManyTransactions where no client transaction fits in any more."""
        if len(self.clients) >= self._max_client:
            raise TooManyTransactions("too many client transactions")

    def add_client(self, transaction: ClientTransaction) -> None:
        """Keep a client transaction."""
        self.clients[transaction.key] = transaction
        self._tables[transaction.key] = transaction
        self._by_peer.setdefault(transaction.peer, {})[transaction.key] = transaction

    def drop(self, transaction: Transaction) -> None:
        """Forget a transaction; one that is gone already is fine."""
        if self._tables.get(transaction.key) is not transaction:
            return
        del self._tables[transaction.key]
        if isinstance(transaction, ServerTransaction):
            self._drop_server(transaction)
        elif isinstance(transaction, ClientTransaction):
            del self.clients[transaction.key]
            with_peer = self._by_peer[transaction.peer]
            del with_peer[transaction.key]
            if not with_peer:
                del self._by_peer[transaction.peer]

    def _evict(self) -> None:
        self.evicted += 1
        oldest = next(iter(self.servers.values()))
        oldest.abandon()
        self.drop(oldest)

    def _drop_server(self, transaction: ServerTransaction) -> None:
        del self.servers[transaction.key]
        self._server_bytes -= transaction.weight
        if transaction.fingerprint is not None:
            self._by_fingerprint.pop((transaction.peer, transaction.fingerprint), None)
        if self._invites.get(_invite_key(transaction)) is transaction:
            del self._invites[_invite_key(transaction)]


def _invite_key(transaction: ServerTransaction) -> tuple[str, int, str]:
    return transaction.call_id, transaction.cseq, transaction.peer.host
