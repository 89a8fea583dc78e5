"""Questions to devices: sent by MESSAGE, answered later by other MESSAGEs of the same SN.

A catalog is complete when SumNum is reached; when packets stop coming it ends as partial, which
never deletes anything. What comes after the end is passed on as unsolicited.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sip.errors import SipError, TooManyTransactions
from sip.events import CatalogItem
from sip.gb28181 import catalog, query
from sip.gb28181.catalog import CatalogCollection
from sip.gb28181.manscdp import Envelope
from sip.gb28181.query import DeviceInfo, DeviceStatus
from sip.message import Response
from sip.roles.bindings import Binding
from sip.roles.config import SipConfig
from sip.roles.messenger import Messenger

MOST_OPEN = 4096
PER_DEVICE = 16
LONGEST_S = 600.0
"""For all packets of one catalog together: 20,000 of one item each take a good three minutes."""


class PeerUnreachable(SipError):
    """The device is not registered, has no way to it, or answers nothing at all."""


class QueryFailed(SipError):
    """The device took the question and refused it, or never sent the answer."""


@dataclass(frozen=True, slots=True)
class CatalogResult:
    """What a catalog query brought."""

    items: tuple[CatalogItem, ...]
    sum_num: int
    """As promised by the device; 0 when it never said."""
    complete: bool
    """False: a short answer, which must not delete anything."""


Answer = CatalogResult | DeviceInfo | DeviceStatus


@dataclass(frozen=True, slots=True)
class InquiryEnded:
    """A question has its answer or its error."""

    key: int
    outcome: Answer | SipError


@dataclass(slots=True)
class Inquiry:
    """One open question; its key is its SN."""

    key: int
    device_id: str
    command: str
    deadline: float
    latest: float
    """When even a catalog that keeps coming is cut off."""
    is_accepted: bool = False
    collection: CatalogCollection | None = None


class Inquiries:
    """All open questions."""

    def __init__(
        self, config: SipConfig, messenger: Messenger, emit: Callable[[InquiryEnded], None]
    ) -> None:
        self._config = config
        self._messenger = messenger
        self._emit = emit
        self._open: OrderedDict[tuple[str, str, int], Inquiry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def ask(
        self, binding: Binding, command: str, now: float, timeout_s: float | None = None
    ) -> int:
        """Send a question and return its key; raises PeerUnreachable, QueryFailed."""
        if not binding.is_reachable:
            raise PeerUnreachable("the device's connection is gone")
        asked = sum(1 for inquiry in self._open.values() if inquiry.device_id == binding.device_id)
        if len(self._open) >= MOST_OPEN or asked >= PER_DEVICE:
            raise QueryFailed("too many open questions")
        sn = self._messenger.next_sn()
        is_catalog = command == catalog.COMMAND
        if timeout_s is None:
            timeout_s = (
                self._config.catalog_timeout_s if is_catalog else self._config.query_timeout_s
            )
        inquiry = Inquiry(
            sn, binding.device_id, command, now + timeout_s, now + timeout_s + LONGEST_S
        )
        if is_catalog:
            inquiry.collection = CatalogCollection()
        body = query.build_query(command, binding.device_id, sn, charset=self._config.charset)
        try:
            self._messenger.send_message(binding, body, now, user=inquiry)
        except TooManyTransactions as error:
            raise QueryFailed("too many open transactions") from error
        self._open[(binding.device_id, command, sn)] = inquiry
        return sn

    def receive_response(self, inquiry: Inquiry, response: Response) -> None:
        """Take the SIP answer to the question, which only says that it arrived."""
        if response.is_success:
            inquiry.is_accepted = True
        elif response.is_final:
            self._end(inquiry, QueryFailed(f"refused with {response.status}"))

    def fail(self, inquiry: Inquiry) -> None:
        """Note that the question never arrived."""
        if inquiry.collection is None or not inquiry.collection.packets:
            self._end(inquiry, PeerUnreachable("no answer"))

    def receive_answer(self, device_id: str, envelope: Envelope, now: float) -> bool:
        """Take a Response of MANSCDP; False when nobody waits for it."""
        inquiry = self._open.get((device_id, envelope.command, envelope.sn))
        if inquiry is None:
            return False
        if inquiry.collection is None:
            if envelope.command == query.DEVICE_INFO:
                self._end(inquiry, query.parse_device_info(envelope))
            else:
                self._end(inquiry, query.parse_device_status(envelope))
            return True
        inquiry.collection.add(catalog.parse_catalog(envelope))
        if inquiry.collection.is_complete:
            self._end(inquiry, _result(inquiry.collection))
        else:
            inquiry.deadline = min(now + self._config.catalog_pause_s, inquiry.latest)
        return True

    def next_timer(self) -> float | None:
        """Return the earliest deadline."""
        return min((inquiry.deadline for inquiry in self._open.values()), default=None)

    def handle_timer(self, now: float) -> None:
        """End what has waited long enough."""
        for inquiry in [i for i in self._open.values() if i.deadline <= now]:
            self._give_up(inquiry)

    def forget_device(self, device_id: str) -> None:
        """End every question to a device that is gone."""
        for inquiry in [i for i in self._open.values() if i.device_id == device_id]:
            self._give_up(inquiry)

    def _give_up(self, inquiry: Inquiry) -> None:
        if inquiry.collection is not None and inquiry.collection.packets:
            self._end(inquiry, _result(inquiry.collection))
        elif inquiry.is_accepted:
            self._end(inquiry, QueryFailed("the device sent no answer"))
        else:
            self._end(inquiry, PeerUnreachable("no answer"))

    def _end(self, inquiry: Inquiry, outcome: Answer | SipError) -> None:
        if self._open.pop((inquiry.device_id, inquiry.command, inquiry.key), None) is not None:
            self._emit(InquiryEnded(inquiry.key, outcome))


def _result(collection: CatalogCollection) -> CatalogResult:
    return CatalogResult(collection.items, collection.sum_num or 0, collection.is_complete)
