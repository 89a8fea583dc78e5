"""Commands of upper platforms to playbacks: INFO with MANSRTSP (2022 9.8, annex B).

Each INFO is answered: by what the recorder says, by 504 where that does not come in time, by 481
where the call ends before.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sip.errors import MalformedMessage, RemoteProtocolError
from sip.gb28181.mansrtsp import CONTENT_TYPE, PlaybackReply, build_reply, parse_command
from sip.message import Peer, Request, Response, build_response
from sip.roles.upward.call import UpperCall, UpperCallState
from sip.roles.upward.terms import UpperControlled
from sip.roles.upward.waits import Waits
from sip.transactions import ServerTransaction, TransactionLayer

MOST_CONTROLS_OF_ONE = 8
"""Commands of one playback under way; a person drags faster than a recorder answers."""
CONTROL_WAIT_S = 10.0
"""For the recorder's answer to a command."""


@dataclass(slots=True, eq=False)
class UpperControl:
    """An INFO that waits for what the recorder says."""

    id: str
    call: UpperCall
    cseq: int
    """Of the MANSRTSP body, repeated in its answer."""
    request: Request
    transaction: ServerTransaction


class UpperControls:
    """All commands under way, of all calls."""

    def __init__(
        self,
        layer: TransactionLayer,
        emit: Callable[[UpperControlled], None],
        counters: Counter[str],
    ) -> None:
        self._layer = layer
        self._emit = emit
        self._counters = counters
        self._open: dict[str, UpperControl] = {}
        self._waits: Waits[UpperControl] = Waits()

    def __len__(self) -> int:
        return len(self._open)

    def take(
        self,
        call: UpperCall,
        request: Request,
        transaction: ServerTransaction,
        peer: Peer,
        now: float,
    ) -> Response | None:
        """The answer to an INFO, or None when UpperControlled was told."""
        try:
            call.dialog.receive_request(request, peer)
            if not request.body.strip():
                return build_response(request, 200)
            command, cseq = parse_command(request.body)
        except RemoteProtocolError as error:
            return refuse(self._counters, request, error)
        if call.offer.history is None or call.state is UpperCallState.RINGING:
            return refuse(self._counters, request, RemoteProtocolError("no_playback", 400))
        if sum(each.call is call for each in self._open.values()) >= MOST_CONTROLS_OF_ONE:
            return refuse(self._counters, request, RemoteProtocolError("too_many_controls", 503))
        call.controlled += 1
        control = UpperControl(f"{call.id}.{call.controlled}", call, cseq, request, transaction)
        self._open[control.id] = control
        self._waits.begin(control, CONTROL_WAIT_S, now)
        self._emit(UpperControlled(call.platform_id, call.id, control.id, command))
        return None

    def reply(self, call_id: str, control_id: str, reply: PlaybackReply, now: float) -> None:
        """Answer a command; a refusal of MANSRTSP is one of SIP too, which every caller reads."""
        control = self._open.get(control_id)
        if control is None or control.call.id != call_id:
            return
        status = reply.status if 400 <= reply.status <= 599 else 200
        own = PlaybackReply(
            reply.status, reply.reason, control.cseq, reply.scale, reply.range, reply.rtp_time
        )
        response = build_response(
            control.request, status, headers=[("Content-Type", CONTENT_TYPE)], body=build_reply(own)
        )
        self._end(control, response, now)

    def end_of(self, call: UpperCall, now: float) -> None:
        """Answer what is under way in a call that ends."""
        for control in [each for each in self._open.values() if each.call is call]:
            self._end(control, build_response(control.request, 481), now)

    def next_timer(self) -> float | None:
        """Return when the next wait is over."""
        return self._waits.next_time()

    def handle_timer(self, now: float) -> None:
        """Answer for recorders that took too long."""
        for late in self._waits.due(now):
            self._counters["controls.unanswered"] += 1
            self._end(late, build_response(late.request, 504), now)

    def _end(self, control: UpperControl, response: Response, now: float) -> None:
        self._waits.end(control)
        del self._open[control.id]
        self._layer.respond(control.transaction, response, now)


def refuse(counters: Counter[str], request: Request, error: RemoteProtocolError) -> Response:
    """Count and refuse; what is no SDP or MANSRTSP at all is a bad request (8.14)."""
    is_malformed = isinstance(error, MalformedMessage)
    reason = "malformed" if is_malformed else error.reason.lower().replace(" ", "_")
    counters[f"refused.{reason}"] += 1
    return build_response(request, 400 if is_malformed else error.status)
