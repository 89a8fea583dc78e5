"""Dialogs (RFC 3261 §12): the state that BYE, INFO and re-INVITE need, and how they find it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from sip.errors import LocalProtocolError, RemoteProtocolError
from sip.message import NameAddr, Peer, Request, Response, SipUri, build_request

MAX_DIALOGS = 20_000
"""One per live stream, playback and subscription; far above what one server carries."""


class DialogState(Enum):
    """States of a dialog.

    to EARLY: a provisional response with a tag came or went
    to CONFIRMED: a 2xx came or went
    to TERMINATED: BYE, or the INVITE failed
    """

    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(slots=True, eq=False)
class Dialog:
    """One dialog; local is we, remote the peer."""

    call_id: str
    local: NameAddr
    """Our address with our tag."""
    remote: NameAddr
    """The peer's address with its tag; tagless peers of RFC 2543 exist."""
    target: SipUri
    """Request-URI of what we send: the peer's Contact."""
    routes: tuple[NameAddr, ...]
    peer: Peer
    """Where the peer's packets come from, which is where ours go (NAT)."""
    state: DialogState
    is_uac: bool
    local_cseq: int
    remote_cseq: int | None = None
    user: object = None
    """Whatever the transaction user wants to find again."""

    @classmethod
    def create_uac(cls, request: Request, response: Response, peer: Peer) -> "Dialog":
        """Return the dialog that a response to our request opens (§12.1.2)."""
        contact = response.contact
        return cls(
            call_id=request.call_id,
            local=request.from_,
            remote=response.to,
            target=contact.uri if contact is not None else request.uri,
            routes=tuple(reversed(response.record_routes)),
            peer=peer,
            state=DialogState.CONFIRMED if response.is_success else DialogState.EARLY,
            is_uac=True,
            local_cseq=request.cseq.number,
        )

    @classmethod
    def create_uas(cls, request: Request, local_tag: str, peer: Peer) -> "Dialog":
        """Return the dialog that our answer to a request opens (§12.1.1)."""
        contact = request.contact
        return cls(
            call_id=request.call_id,
            local=request.to if request.to.tag else request.to.with_tag(local_tag),
            remote=request.from_,
            target=contact.uri if contact is not None else request.from_.uri,
            routes=request.record_routes,
            peer=peer,
            state=DialogState.EARLY,
            is_uac=False,
            local_cseq=0,
            remote_cseq=request.cseq.number,
        )

    @property
    def local_tag(self) -> str | None:
        """Our tag."""
        return self.local.tag

    @property
    def remote_tag(self) -> str | None:
        """The peer's tag."""
        return self.remote.tag

    def build_request(
        self,
        method: str,
        *,
        contact: NameAddr | str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Request:
        """Return the dialog's next request (§12.2.1.1); raises LocalProtocolError once ended."""
        if self.state is DialogState.TERMINATED:
            raise LocalProtocolError("the dialog has ended")
        if method in ("ACK", "CANCEL"):
            raise LocalProtocolError("ACK and CANCEL take the number of their INVITE")
        self.local_cseq += 1
        return self._build(method, self.local_cseq, contact, headers, body)

    def build_ack(
        self, invite: Request, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Request:
        """Return the ACK for the 2xx to `invite` (§13.2.2.4)."""
        return self._build("ACK", invite.cseq.number, None, headers, body)

    def receive_request(self, request: Request, peer: Peer) -> None:
        """Take over what an in-dialog request changes (§12.2.2).

        Raises RemoteProtocolError (500) where its CSeq runs backwards.
        """
        number = request.cseq.number
        if request.method not in ("ACK", "CANCEL"):
            if self.remote_cseq is not None and number < self.remote_cseq:
                raise RemoteProtocolError("CSeq runs backwards", 500)
            self.remote_cseq = number
        if request.method in ("INVITE", "UPDATE") and request.contact is not None:
            self.target = request.contact.uri
        self.peer = peer

    def receive_response(self, response: Response) -> None:
        """Take over what a response inside or opening the dialog changes (§12.2.1.2, §13.2.2)."""
        if not response.is_success or response.cseq.method not in ("INVITE", "UPDATE"):
            return
        if self.state is DialogState.EARLY:
            self.state = DialogState.CONFIRMED
            self.routes = tuple(reversed(response.record_routes)) if self.is_uac else self.routes
        if response.contact is not None:
            self.target = response.contact.uri

    def confirm(self) -> None:
        """Note that our 2xx went out."""
        if self.state is DialogState.TERMINATED:
            raise LocalProtocolError("the dialog has ended")
        self.state = DialogState.CONFIRMED

    def terminate(self) -> None:
        """Note the end; more than once is fine."""
        self.state = DialogState.TERMINATED

    def _build(
        self,
        method: str,
        number: int,
        contact: NameAddr | str | None,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Request:
        uri, routes = self.target, self.routes
        if routes and "lr" not in routes[0].uri.params:
            # A strict router of RFC 2543 finds itself in the Request-URI (§12.2.1.1).
            uri, routes = routes[0].uri, (*routes[1:], NameAddr(self.target))
        return build_request(
            method,
            uri,
            from_=self.local,
            to=self.remote,
            call_id=self.call_id,
            cseq=number,
            contact=contact,
            headers=[*(("Route", str(route)) for route in routes), *headers],
            body=body,
        )


class DialogTable:
    """Dialogs by Call-ID and tags; by Call-ID alone where a device gets the tags wrong.

    RFC 3261 compares a Call-ID octet by octet; there are devices that write ours in capitals.
    """

    def __init__(self, capacity: int = MAX_DIALOGS) -> None:
        self._capacity = capacity
        self._dialogs: dict[str, list[Dialog]] = {}
        self._count = 0

    def add(self, dialog: Dialog) -> None:
        """Keep a dialog; raises LocalProtocolError where there is no room."""
        if self._count >= self._capacity:
            raise LocalProtocolError("too many dialogs")
        self._dialogs.setdefault(dialog.call_id.lower(), []).append(dialog)
        self._count += 1

    def remove(self, dialog: Dialog) -> None:
        """Forget a dialog; one that is not there is fine."""
        kept = self._dialogs.get(dialog.call_id.lower(), [])
        if dialog in kept:
            kept.remove(dialog)
            self._count -= 1
            if not kept:
                del self._dialogs[dialog.call_id.lower()]

    def find(self, request: Request, peer: Peer) -> Dialog | None:
        """Return the dialog a peer's request belongs to.

        Both tags right: from any address, for ports change behind NAT. Otherwise the Call-ID is
        enough only from the host the dialog is with, lest a guessed Call-ID end a call (devices
        swap tags, as the sample of GB/T 28181-2016 does, or drop them).
        """
        dialogs = self._dialogs.get(request.call_id.lower())
        if not dialogs:
            return None
        tags = request.to.tag, request.from_.tag
        for dialog in dialogs:
            if (dialog.local_tag, dialog.remote_tag) == tags and None not in tags:
                return dialog
        for dialog in dialogs:
            if (dialog.peer.transport, dialog.peer.host) == (peer.transport, peer.host):
                return dialog
        return None

    def __iter__(self) -> Iterator[Dialog]:
        # Over a copy, so that a loop may remove.
        return iter([dialog for dialogs in self._dialogs.values() for dialog in dialogs])

    def __len__(self) -> int:
        return self._count
