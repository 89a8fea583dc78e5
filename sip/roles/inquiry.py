"""Questions to devices: sent by MESSAGE, answered later by other MESSAGEs of the same SN.

An answer of many messages is complete when its collection says so; when messages stop coming it
ends as partial, which never deletes anything. What comes after the end is passed on as unsolicited.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sip.errors import SipError, TooManyTransactions
from sip.gb28181.manscdp import Envelope
from sip.gb28181.question import Collection, DeviceRefused, NoAnswer, QueryFailed, Question
from sip.message import Response
from sip.roles.bindings import Binding
from sip.roles.config import SipConfig
from sip.roles.messenger import Messenger

MOST_OPEN = 4096
PER_DEVICE = 16
LONGEST_S = 600.0
"""For all messages of one answer together: 20,000 of one item each take a good three minutes."""


class PeerUnreachable(SipError):
    """The device is not registered, has no way to it, or answers nothing at all."""


@dataclass(frozen=True, slots=True)
class InquiryEnded:
    """A question has its answer or its error."""

    key: int
    outcome: object
    """What the question's collection returned, None for an order, or a SipError."""


@dataclass(slots=True)
class Inquiry:
    """One open question; its key is its SN."""

    key: int
    device_id: str
    command: str
    deadline: float
    latest: float
    """When even an answer that keeps coming is cut off."""
    collection: Collection[Any] | None
    is_accepted: bool = False


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
        self,
        binding: Binding,
        question: Question[Any],
        now: float,
        timeout_s: float | None = None,
    ) -> int:
        """Send a question and return its key; raises PeerUnreachable, QueryFailed.

        `timeout_s` is the wait for the first message of the answer.
        """
        if not binding.is_reachable:
            raise PeerUnreachable("the device's connection is gone")
        asked = sum(1 for inquiry in self._open.values() if inquiry.device_id == binding.device_id)
        if len(self._open) >= MOST_OPEN or asked >= PER_DEVICE:
            raise QueryFailed("too many open questions")
        sn = self._messenger.next_sn()
        if timeout_s is None:
            config = self._config
            timeout_s = config.catalog_timeout_s if question.is_long else config.query_timeout_s
        inquiry = Inquiry(
            sn,
            binding.device_id,
            question.command,
            now + timeout_s,
            now + timeout_s + LONGEST_S,
            question.collect() if question.collect is not None else None,
        )
        body = question.build(binding.device_id, sn, self._config.charset)
        try:
            self._messenger.send_message(binding, body, now, user=inquiry)
        except TooManyTransactions as error:
            raise QueryFailed("too many open transactions") from error
        self._open[(binding.device_id, question.command, sn)] = inquiry
        return sn

    def receive_response(self, inquiry: Inquiry, response: Response) -> None:
        """Take the SIP answer to the question: that it arrived, and for an order all there is."""
        if response.is_success:
            inquiry.is_accepted = True
            if inquiry.collection is None:
                self._end(inquiry, None)
        elif response.is_final:
            self._end(inquiry, DeviceRefused(f"refused with {response.status}"))

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
            return True  # some devices answer orders that want no answer; the 200 decides
        try:
            inquiry.collection.add(envelope)
        except SipError as error:
            self._end(inquiry, error)
            return True
        if inquiry.collection.is_complete:
            self._end(inquiry, inquiry.collection.result())
        else:
            inquiry.deadline = min(now + self._config.catalog_pause_s, inquiry.latest)
        return True

    def next_timer(self) -> float | None:
        """Return the earliest deadline."""
        return min((inquiry.deadline for inquiry in self._open.values()), default=None)

    def handle_timer(self, now: float, has_unread: Callable[[str], bool]) -> None:
        """End what has waited long enough.

        A device of which something has come that is not read yet is not silent: it has more time.
        """
        for inquiry in [i for i in self._open.values() if i.deadline <= now]:
            if now < inquiry.latest and has_unread(inquiry.device_id):
                inquiry.deadline = min(now + self._config.catalog_pause_s, inquiry.latest)
            else:
                self._give_up(inquiry)

    def forget_device(self, device_id: str) -> None:
        """End every question to a device that is gone."""
        for inquiry in [i for i in self._open.values() if i.device_id == device_id]:
            self._give_up(inquiry)

    def _give_up(self, inquiry: Inquiry) -> None:
        if inquiry.collection is not None and inquiry.collection.packets:
            self._end(inquiry, inquiry.collection.result())
        elif inquiry.is_accepted:
            self._end(inquiry, NoAnswer("the device sent no answer"))
        else:
            self._end(inquiry, PeerUnreachable("no answer"))

    def _end(self, inquiry: Inquiry, outcome: object) -> None:
        if self._open.pop((inquiry.device_id, inquiry.command, inquiry.key), None) is not None:
            self._emit(InquiryEnded(inquiry.key, outcome))
