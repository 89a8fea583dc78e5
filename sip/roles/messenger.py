"""Requests of ours outside dialogs: who they are from, where they go, what names they carry."""

from collections.abc import Callable, Iterable

from sip.gb28181.manscdp import CONTENT_TYPE
from sip.message import NameAddr, Request, SipUri, build_request
from sip.roles.bindings import Binding
from sip.roles.config import SipConfig
from sip.transactions.client import ClientTransaction
from sip.transactions.layer import TransactionLayer


class Messenger:
    """Builds and sends requests to registered devices, always by the way they came."""

    def __init__(self, config: SipConfig, layer: TransactionLayer, ids: Callable[[], str]) -> None:
        self._config = config
        self._layer = layer
        self._ids = ids
        self._sn = 0

    def next_sn(self) -> int:
        """Return the next SN; at least 1 (annex A), below 2**31 for small devices."""
        self._sn = self._sn % 2_000_000_000 + 1
        return self._sn

    def new_call_id(self) -> str:
        """Return a Call-ID nobody can guess."""
        return f"{self._ids()}@{self._config.advertised_host}"

    @property
    def contact(self) -> str:
        """Our own address as devices can reach it."""
        host, port = self._layer.sent_by
        return f"<{SipUri(host, self._config.server_id, port)}>"

    def build(
        self,
        method: str,
        binding: Binding,
        target_id: str,
        call_id: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        *,
        contact: str | None = None,
    ) -> Request:
        """Build a request to a device or to a channel behind it."""
        uri = SipUri(binding.peer.host, target_id, binding.peer.port)
        own = SipUri(self._config.domain, self._config.server_id)
        return build_request(
            method,
            uri,
            from_=NameAddr(own).with_tag(self._ids()),
            to=NameAddr(uri),
            call_id=call_id,
            cseq=1,
            contact=contact,
            headers=[("User-Agent", self._config.user_agent), *headers],
            body=body,
        )

    def send_message(
        self, binding: Binding, body: bytes, now: float, user: object = None
    ) -> ClientTransaction:
        """Send a MANSCDP body by MESSAGE; `user` comes back with the response."""
        headers = [("Content-Type", CONTENT_TYPE)]
        request = self.build(
            "MESSAGE", binding, binding.device_id, self.new_call_id(), headers, body
        )
        return self._layer.send_request(request, binding.peer, now, user=user)
