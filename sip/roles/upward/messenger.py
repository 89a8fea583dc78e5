"""Requests of ours to upper platforms: who they are from, where they go, what names they carry."""

from collections.abc import Callable, Iterable, Sequence

from sip.gb28181.manscdp import CONTENT_TYPE
from sip.gb28181.route_path import build_path
from sip.message import NameAddr, Request, SipUri, build_request
from sip.roles.config import SipConfig
from sip.roles.upward.link import Link, UpwardRequest
from sip.transactions import ClientTransaction, TransactionLayer


class UpperMessenger:
    """Builds and sends requests to upper platforms."""

    def __init__(self, config: SipConfig, layer: TransactionLayer, ids: Callable[[], str]) -> None:
        self._config = config
        self._layer = layer
        self._ids = ids

    @property
    def user_agent(self) -> str:
        """What we call ourselves."""
        return self._config.user_agent

    def new_id(self) -> str:
        """Return a token nobody can guess."""
        return self._ids()

    def new_call_id(self) -> str:
        """Return a Call-ID nobody can guess."""
        return f"{self._ids()}@{self._config.advertised_host}"

    def next_sn(self, link: Link) -> int:
        """Return the next SN for a platform; at least 1 (annex A), below 2**31."""
        link.last_sn = link.last_sn % 2_000_000_000 + 1
        return link.last_sn

    def contact(self, link: Link) -> str:
        """Our own address as this platform knows us."""
        host, port = self._layer.sent_by
        return f"<{SipUri(host, link.uplink.own_id, port)}>"

    def own_address(self, link: Link) -> NameAddr:
        """Who we are there: our code in our own domain, its first ten digits (2022 annex E)."""
        own_id = link.uplink.own_id
        is_usual = own_id == self._config.server_id
        return NameAddr(SipUri(self._config.domain if is_usual else own_id[:10], own_id))

    def build(
        self,
        method: str,
        link: Link,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Request:
        """Build a request outside dialogs, other than REGISTER."""
        place = link.place
        platform = SipUri(place.domain, place.server_id)
        return build_request(
            method,
            platform,
            from_=self.own_address(link).with_tag(self._ids()),
            to=NameAddr(platform),
            call_id=self.new_call_id(),
            cseq=1,
            headers=[("User-Agent", self.user_agent), *headers],
            body=body,
        )

    def route_headers(self, link: Link, routes: Sequence[str] = ()) -> list[tuple[str, str]]:
        """X-RoutePath with ourselves before those behind us (2022 annex H); 2016 has none."""
        if not link.is_2022:
            return []
        return [("X-RoutePath", build_path((link.uplink.own_id, *routes)))]

    def send_message(
        self,
        link: Link,
        body: bytes,
        now: float,
        user: UpwardRequest,
        *,
        headers: Iterable[tuple[str, str]] = (),
        timeout_s: float | None = None,
    ) -> ClientTransaction:
        """Send a MANSCDP body by MESSAGE; raises TooManyTransactions."""
        request = self.build("MESSAGE", link, [("Content-Type", CONTENT_TYPE), *headers], body)
        return self._layer.send_request(
            request, link.place.server, now, user=user, timeout_s=timeout_s
        )
