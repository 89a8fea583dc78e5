"""An upper platform that errs: our own endpoint, with what it sends and hears spoilt on the way.

The platform itself needs no simulation: ours is one. What the field's platforms do differently is
switched on here, for trying how a lower platform bears it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sip.endpoint import Endpoint
from sip.errors import MalformedMessage
from sip.message import Peer, Request, parse_message

WRONG_REALM = "another-realm.example"
MOST_KEEPALIVES = 1024
"""Of which it is remembered that their answers are to be lost."""
_SENSELESS_SSRC = b"y=01234567890123456789"


@dataclass(frozen=True, slots=True)
class UpperFaults:
    """Every misbehaviour is a switch; the default is good behaviour."""

    wrong_realm: bool = False
    """Challenges name a realm that has nothing to do with the domain."""
    no_ack: bool = False
    """A 200 to an INVITE is never acknowledged."""
    lost_keepalives: int = 0
    """So many answers to keepalives get lost, the first ones."""
    drop_bye: bool = False
    """Our BYE gets lost, each time."""
    unshared: bool = False
    """Asks for channels that nobody has shared instead of those it was told to ask for."""
    omit_ssrc: bool = False
    """Offers without y=."""
    long_ssrc: bool = False
    """Offers with a y= of twenty digits."""
    port_zero: bool = False
    """Offers with port 0, as some platforms make them."""


class FaultyUpper(Endpoint):
    """An endpoint whose packets pass through its faults."""

    def __init__(self, faults: UpperFaults, *parts: Any) -> None:
        super().__init__(*parts)
        self._faults = faults
        self._lost = 0
        self._keepalives: OrderedDict[str, None] = OrderedDict()
        """Call-IDs of keepalives whose answers get lost, repeated ones too."""

    def receive(self, data: bytes, peer: Peer, now: float) -> None:
        """Take a packet; note which ones are not to be answered."""
        if self._lost < self._faults.lost_keepalives and b">Keepalive<" in data:
            self._lose_answer(data)
        super().receive(data, peer, now)

    def data_to_send(self, now: float) -> list[tuple[bytes, Peer]]:
        """Return what is sent, less what gets lost."""
        return [
            (self._spoil(data), peer)
            for data, peer in super().data_to_send(now)
            if not self._is_lost(data)
        ]

    def _lose_answer(self, data: bytes) -> None:
        try:
            call_id = parse_message(data).call_id
        except MalformedMessage:
            return
        if call_id not in self._keepalives:
            self._lost += 1
            self._keepalives[call_id] = None
        if len(self._keepalives) > MOST_KEEPALIVES:
            self._keepalives.popitem(last=False)

    def _is_lost(self, data: bytes) -> bool:
        if self._faults.no_ack and data.startswith(b"ACK "):
            return True
        if self._faults.drop_bye and data.startswith(b"BYE "):
            return True
        if not self._keepalives or not data.startswith(b"SIP/2.0 200"):
            return False
        return parse_message(data).call_id in self._keepalives

    def _spoil(self, data: bytes) -> bytes:
        faults = self._faults
        if not (faults.omit_ssrc or faults.long_ssrc or faults.port_zero):
            return data
        if not data.startswith(b"INVITE "):
            return data
        request = parse_message(data)
        if not isinstance(request, Request) or not request.body:
            return data
        request.body = b"\r\n".join(_spoilt_lines(request.body, faults)) + b"\r\n"
        return request.to_bytes()


def _spoilt_lines(body: bytes, faults: UpperFaults) -> Iterator[bytes]:
    for line in body.splitlines():
        if line.startswith(b"y=") and faults.omit_ssrc:
            continue
        if line.startswith(b"y=") and faults.long_ssrc:
            yield _SENSELESS_SSRC
        elif line.startswith(b"m=") and faults.port_zero:
            kind, _, *rest = line.split(b" ")
            yield b" ".join((kind, b"0", *rest))
        else:
            yield line
