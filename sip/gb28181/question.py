"""A question to a device as a value: what is sent, and how its answers are read.

Every query, control and configuration of GB/T 28181 annex A is one function that returns a
Question; the role that sends it (`sip.roles.inquiry`) knows none of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sip.errors import SipError
from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope

AnswerT = TypeVar("AnswerT")
AnswerT_co = TypeVar("AnswerT_co", covariant=True)


class QueryFailed(SipError):
    """The device took the question and refused it, or never sent the answer."""


class DeviceRefused(QueryFailed):
    """The device said no: a refusing status, or a Result that is not OK."""


class NoAnswer(QueryFailed):
    """The device took the question and never sent the answer."""


class Collection(Protocol[AnswerT_co]):
    """Gathers an answer that may come in several messages (2022 annex M, 2016 annex N)."""

    @property
    def packets(self) -> int:
        """Messages taken so far; a collection without any is no answer."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to be waited for."""

    def add(self, envelope: Envelope) -> None:
        """Take one message; raises SipError when it says that the question failed."""

    def result(self) -> AnswerT_co:
        """Return what came, complete or not."""


class OneMessage(Generic[AnswerT]):
    """The collection of an answer that comes in a single message."""

    def __init__(self, read: Callable[[Envelope], AnswerT]) -> None:
        self._read = read
        self._found: list[AnswerT] = []

    @property
    def packets(self) -> int:
        """0, then 1."""
        return len(self._found)

    @property
    def is_complete(self) -> bool:
        """Whether the message has come."""
        return bool(self._found)

    def add(self, envelope: Envelope) -> None:
        """Read the message; later ones change nothing."""
        if not self._found:
            self._found.append(self._read(envelope))

    def result(self) -> AnswerT:
        """Return what was read."""
        return self._found[0]


@dataclass(frozen=True, slots=True)
class Question(Generic[AnswerT]):
    """What to send in a MESSAGE, and what to make of what comes back."""

    command: str
    """CmdType, of the question and of its answers."""
    collect: Callable[[], Collection[AnswerT]] | None
    """None: the 200 of the MESSAGE is all the answer there is (2022 A.2.6.1)."""
    root: Root = Root.QUERY
    target_id: str = ""
    """Channel, region or group the question is about; empty: the device itself."""
    fields: tuple[Field, ...] = field(default=())
    is_long: bool = False
    """The answer comes in many messages: wait for a pause, not for an end."""

    def build(self, device_id: str, sn: int, charset: str) -> bytes:
        """Write the body of the MESSAGE."""
        target = self.target_id or device_id
        return build_envelope(
            self.root, self.command, sn, target, list(self.fields), charset=charset
        )


def ask_once(
    command: str,
    read: Callable[[Envelope], AnswerT],
    *,
    root: Root = Root.QUERY,
    target_id: str = "",
    fields: tuple[Field, ...] = (),
) -> Question[AnswerT]:
    """Make a question whose answer is one message."""
    return Question(command, lambda: OneMessage(read), root, target_id, fields)


def order(
    command: str, *, root: Root = Root.CONTROL, target_id: str = "", fields: tuple[Field, ...] = ()
) -> Question[None]:
    """Make a command that gets no Response: done when the device has taken it."""
    return Question(command, None, root, target_id, fields)


def read_result(envelope: Envelope) -> None:
    """Read a Response that only says OK; raises DeviceRefused when it says ERROR."""
    result = envelope.body.value("Result", "OK").upper()
    if result != "OK":
        reason = envelope.body.value("Reason")[:256]
        words = f"the device answered {result[:16]}"
        raise DeviceRefused(f"{words}: {reason}" if reason else words)
