"""Control of a playback: INFO in the dialog of its INVITE, answered or refused.

GB/T 28181-2022 9.8, annex B. A device that refuses a command by 400 is asked again in its other
dialects (quirk 49), the one that the quirk table names first; what worked is remembered for it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sip.errors import LocalProtocolError, MalformedMessage, SipError, TooManyTransactions
from sip.gb28181.mansrtsp import (
    CONTENT_TYPE,
    Dialect,
    PlaybackCommand,
    PlaybackReply,
    build_command,
    in_dialect,
    parse_reply,
)
from sip.gb28181.quirks import DeviceQuirks, Quirk
from sip.message import Response
from sip.roles.call import Call
from sip.roles.inquiry import PeerUnreachable
from sip.roles.invitation import Inviter
from sip.roles.messenger import Messenger
from sip.transactions import TransactionLayer

MOST_DEVICES = 4096
DIALECTS = {
    "standard": Dialect.STANDARD,
    "one_decimal": Dialect.STANDARD,
    "mansrtsp": Dialect.MANSRTSP,
    "with_range": Dialect.RANGE_AND_SCALE,
}
"""Values of the quirk `playback_form`; one decimal is what we always write."""
MOST_OPEN = 4
"""Commands of one playback under way; a person drags faster than a recorder answers."""


class PlaybackRefused(SipError):
    """The device took the command and refused it; `status` is its own."""

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(f"{status} {reason}".strip())
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ControlEnded:
    """A command has its answer or its error."""

    key: str
    outcome: PlaybackReply | SipError


@dataclass(slots=True, eq=False)
class Control:
    """One command under way."""

    key: str
    call: Call
    command: PlaybackCommand
    dialects: list[Dialect]
    """Still to be tried, the one under way first."""


class PlaybackControls:
    """All commands to running playbacks."""

    def __init__(
        self,
        layer: TransactionLayer,
        messenger: Messenger,
        inviter: Inviter,
        emit: Callable[[ControlEnded], None],
        quirks: DeviceQuirks,
    ) -> None:
        self._quirks = quirks
        self._layer = layer
        self._messenger = messenger
        self._inviter = inviter
        self._emit = emit
        self._open: dict[str, Control] = {}
        self._learnt: OrderedDict[str, Dialect] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def control(self, invitation_id: str, command: PlaybackCommand, now: float) -> str:
        """Send a command and return its key; raises PeerUnreachable, PlaybackRefused (overload)."""
        found = self._inviter.established(invitation_id)
        if found is None:
            raise PeerUnreachable("the playback is over")
        call = found[0]
        if sum(each.call is call for each in self._open.values()) >= MOST_OPEN:
            raise PlaybackRefused(503, "too many commands under way")
        control = Control("", call, command, self._dialects(call, command))
        control.key = f"{call.id} {call.playback_cseq + 1}"
        self._send(control, now)
        self._open[control.key] = control
        return control.key

    def receive_response(self, control: Control, response: Response, now: float) -> None:
        """Take the answer to an INFO."""
        if not response.is_final or control.key not in self._open:
            return
        outcome = _outcome(response)
        if not isinstance(outcome, PlaybackRefused):
            self._learn(control)
        elif outcome.status == 400 and len(control.dialects) > 1:
            del control.dialects[0]
            try:
                self._send(control, now)
            except SipError as error:
                self._end(control, error)
            return
        self._end(control, outcome)

    def fail(self, control: Control) -> None:
        """Note that the INFO got no answer."""
        self._end(control, PeerUnreachable("no answer"))

    def _dialects(self, call: Call, command: PlaybackCommand) -> list[Dialect]:
        """What worked for the device first; no body is sent twice."""
        first = self._learnt.get(call.device_id) or self._first_dialect(call.device_id)
        found: list[Dialect] = []
        for dialect in sorted(Dialect, key=lambda each: each is not first):
            body = build_command(command, 0, dialect)
            if all(build_command(command, 0, other) != body for other in found):
                found.append(dialect)
        return found

    def _first_dialect(self, device_id: str) -> Dialect:
        return DIALECTS[self._quirks(device_id).text(Quirk.PLAYBACK_FORM)]

    def _send(self, control: Control, now: float) -> None:
        found = self._inviter.established(control.call.id)
        if found is None:
            raise PeerUnreachable("the playback is over")
        call, dialog, peer = found
        if peer.transport == "tcp" and peer.connection is None:
            raise PeerUnreachable("the device's connection is gone")
        call.playback_cseq += 1
        try:
            request = dialog.build_request(
                "INFO",
                contact=self._messenger.contact,
                headers=[("Content-Type", CONTENT_TYPE)],
                body=build_command(control.command, call.playback_cseq, control.dialects[0]),
            )
            self._layer.send_request(request, peer, now, user=control)
        except (TooManyTransactions, LocalProtocolError) as error:
            raise PlaybackRefused(503, "overload") from error

    def _learn(self, control: Control) -> None:
        """Remember a dialect that this command tells from the standard."""
        dialect, device_id = control.dialects[0], control.call.device_id
        is_first = dialect is self._first_dialect(device_id)
        if is_first and device_id not in self._learnt:
            return
        if dialect is Dialect.RANGE_AND_SCALE and in_dialect(control.command, dialect) == (
            control.command
        ):
            return
        self._learnt[device_id] = dialect
        self._learnt.move_to_end(device_id)
        if len(self._learnt) > MOST_DEVICES:
            self._learnt.popitem(last=False)

    def _end(self, control: Control, outcome: PlaybackReply | SipError) -> None:
        if self._open.pop(control.key, None) is not None:
            self._emit(ControlEnded(control.key, outcome))


def _outcome(response: Response) -> PlaybackReply | PlaybackRefused:
    """What an answer means; a body nobody can read is as good as none."""
    if not response.is_success:
        return PlaybackRefused(response.status, response.reason[:64])
    if not response.body.strip():
        return PlaybackReply()
    try:
        reply = parse_reply(response.body)
    except MalformedMessage:
        return PlaybackReply()
    return reply if reply.status < 400 else PlaybackRefused(reply.status, reply.reason)
