"""Two platforms of ours on a network of numbers: a lower one and the upper one it registers at."""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from sip.endpoint import Endpoint
from sip.message import Peer, Response, build_response, parse_message
from sip.roles.authentication import Credential
from sip.roles.config import SipConfig
from sip.roles.upward.terms import Uplink, UplinkChanged, UplinkState, UplinkStatus, UpperInvited
from tests.sip.conftest import START, WALL, Network

UPPER_ID = "34000000002000000001"
UPPER_HOST = "198.51.100.5"
LOWER_ID = "34020000002000000001"
LOWER_HOST = "192.0.2.10"
PASSWORD = "go-up-12345"
CAMERA = "34020000001320000001"


def make_uplink(**changes) -> Uplink:
    values = {
        "platform_id": UPPER_ID,
        "domain": UPPER_ID[:10],
        "host": UPPER_HOST,
        "port": 5060,
        "own_id": LOWER_ID,
        "password": PASSWORD,
        "expires_s": 3600,
    } | changes
    return Uplink(**values)


def make_platform(network, server_id, host, credentials, seed=7, **changes) -> Endpoint:
    config = SipConfig(server_id=server_id, domain=server_id[:10], advertised_host=host)
    return Endpoint(
        replace(config, **changes),
        credentials.get,
        lambda: WALL + timedelta(seconds=network.now - START),
        random.Random(seed).randbytes,
    )


@dataclass
class Cascade:
    """The lower platform and its upper one."""

    network: Network
    lower: Endpoint
    upper: Endpoint
    credentials: dict
    """What the upper platform lets in; the other one's are `lower_credentials`."""
    lower_credentials: dict
    uplink: Uplink = field(default_factory=make_uplink)

    @property
    def now(self) -> float:
        return self.network.now

    def run(self, seconds, until=lambda: False) -> None:
        self.network.run(seconds, until)

    @property
    def status(self) -> UplinkStatus | None:
        return self.lower.uppers.status(self.uplink.platform_id)

    @property
    def state(self) -> UplinkState | None:
        return self.status.state if self.status is not None else None

    def set(self, uplink: Uplink | None = None) -> None:
        self.uplink = uplink or self.uplink
        self.lower.uppers.set(self.uplink, self.now)

    def register(self) -> None:
        self.set()
        self.run(60, lambda: self.state is UplinkState.REGISTERED)
        assert self.state is UplinkState.REGISTERED

    def heard(self, kind, party=None):
        events = self.network.events[party or self.lower]
        return [event for event in events if isinstance(event, kind)]

    def states(self):
        return [(event.status.state, event.status.failure) for event in self.heard(UplinkChanged)]

    def packets(self, start: bytes) -> list[bytes]:
        """Those of the lower platform."""
        return [
            data
            for (_, host, _), data in self.network.sent
            if host == LOWER_HOST and data.startswith(start)
        ]

    def restart_upper(self, **config) -> None:
        """The upper platform forgets everything."""
        fresh = make_platform(
            self.network, UPPER_ID, UPPER_HOST, self.credentials, seed=9, **config
        )
        for kind in ("udp", "tcp"):
            self.network.attach(fresh, kind, UPPER_HOST, 5060)
        self.upper = fresh


@pytest.fixture
def make_cascade():
    """Build both; keyword arguments change the uplink, `upper` and `lower` their settings."""

    def make(*, upper=None, lower=None, quality=None, **changes) -> Cascade:
        network = Network(1, quality) if quality is not None else Network()
        credentials, of_lower = {LOWER_ID: Credential(PASSWORD)}, {}
        below = make_platform(network, LOWER_ID, LOWER_HOST, of_lower, 5, **(lower or {}))
        above = make_platform(network, UPPER_ID, UPPER_HOST, credentials, 6, **(upper or {}))
        uplink = make_uplink(**changes)
        for kind in ("udp", "tcp"):
            network.attach(below, kind, LOWER_HOST, 5060)
            network.attach(above, kind, UPPER_HOST, 5060)
        if uplink.transport == "tcp":
            # Each sees the other over one connection.
            network.connections[(LOWER_HOST, 5060)] = 1
            network.connections[(UPPER_HOST, 5060)] = 2
        return Cascade(network, below, above, credentials, of_lower, uplink)

    return make


@pytest.fixture
def cascade(make_cascade) -> Cascade:
    made = make_cascade()
    made.register()
    return made


class UpperWire:
    """Speaks to a lower platform in raw text, as the upper one at which it is registered."""

    def __init__(self) -> None:
        self.network = Network()
        self.endpoint = make_platform(self.network, LOWER_ID, LOWER_HOST, {}, 5)
        self.events = []
        self._count = 0
        self.endpoint.uppers.set(make_uplink(), self.now)
        [(register, _)] = self.flush()
        answer = build_response(
            register,
            200,
            headers=[("Expires", "3600"), ("Contact", register.headers.get("contact"))],
        )
        self.send(answer.to_bytes())
        assert self.endpoint.uppers.status(UPPER_ID).state is UplinkState.REGISTERED
        self.flush()

    @property
    def now(self) -> float:
        return self.network.now

    @property
    def calls(self):
        return self.endpoint.uppers.calls

    def send(self, data: bytes, host=UPPER_HOST, port=5060):
        """Deliver octets; return the responses that go back to exactly that address."""
        peer = Peer("udp", host, port)
        self.endpoint.receive(data, peer, self.now)
        sent = self.flush()
        return [each for each, target in sent if isinstance(each, Response) and target == peer]

    def flush(self):
        while (event := self.endpoint.next_event()) is not None:
            self.events.append(event)
        return [(parse_message(d), p) for d, p in self.endpoint.data_to_send(self.now)]

    def tick(self, seconds: float):
        """Let time pass, all timers in order; keepalives are answered."""
        end = self.now + seconds
        sent = []
        while (timer := self.endpoint.next_timer()) is not None and timer <= end:
            self.network.now = max(self.now, timer)
            self.endpoint.handle_timer(self.now)
            for message, peer in self.flush():
                sent.append((message, peer))
                if b"Keepalive" in message.body:
                    self.send(build_response(message, 200).to_bytes())
        self.network.now = end
        return sent

    def heard(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def sdp(self, lines=("s=Play", "t=0 0"), media=None, y="y=0200000042") -> bytes:
        media = media or ("m=video 40000 RTP/AVP 96", "a=rtpmap:96 PS/90000", "a=recvonly")
        text = ["v=0", f"o={UPPER_ID} 0 0 IN IP4 198.51.100.20", lines[0]]
        text += ["c=IN IP4 198.51.100.20", lines[1], *media, y]
        return ("\r\n".join(line for line in text if line) + "\r\n").encode()

    def build(self, method: str, *lines: str, body: bytes = b"", **kinds) -> bytes:
        """Write a request; keyword arguments: call_id, cseq, from_tag, to_tag, uri."""
        self._count += 1
        tag = f";tag={kinds['to_tag']}" if kinds.get("to_tag") else ""
        head = [
            f"{method} {kinds.get('uri', f'sip:{CAMERA}@{LOWER_HOST}:5060')} SIP/2.0",
            f"Via: SIP/2.0/UDP 10.9.9.9:5060;rport;branch=z9hG4bKup{self._count}",
            f"From: <sip:{UPPER_ID}@{UPPER_ID[:10]}>;tag={kinds.get('from_tag', 'u1')}",
            f"To: <sip:{CAMERA}@{LOWER_HOST}:5060>{tag}",
            f"Call-ID: {kinds.get('call_id', f'call-{self._count}')}",
            f"CSeq: {kinds.get('cseq', 1)} {method}",
            f"Contact: <sip:{UPPER_ID}@{UPPER_HOST}:5060>",
            "Max-Forwards: 70",
            *lines,
            f"Content-Length: {len(body)}",
            "",
            "",
        ]
        return "\r\n".join(head).encode() + body

    def build_invite(self, offer=("s=Play", "t=0 0"), *, body=None, **kinds) -> bytes:
        named = {name: kinds.pop(name) for name in ("media", "y") if name in kinds}
        body = self.sdp(offer, **named) if body is None else body
        subject = kinds.pop("subject", f"{CAMERA}:{self._count},{UPPER_ID}:0")
        lines = [*kinds.pop("lines", ()), *([f"Subject: {subject}"] if subject else [])]
        return self.build("INVITE", *lines, "Content-Type: application/sdp", body=body, **kinds)

    def invite(self, offer=("s=Play", "t=0 0"), **kinds):
        return self.send(self.build_invite(offer, **kinds))

    def accept(self, invited):
        """Let the service say yes; return the 200."""
        self.calls.accept(invited.call_id, "192.0.2.20", 30100, 0, self.now)
        return [message for message, _ in self.flush()]

    def ack(self, call_id, tag, cseq, body=b"") -> None:
        self.send(self.build("ACK", call_id=call_id, to_tag=tag, cseq=cseq, body=body))

    def establish(self, call_id="call", *, lines=("s=Play", "t=0 0"), **kinds):
        """A call that is answered and acknowledged; returns Call-ID and our tag."""
        self.invite(lines, call_id=call_id, **kinds)
        [answer] = self.accept(self.heard(UpperInvited)[-1])
        self.ack(call_id, answer.to.tag, 1)
        return call_id, answer.to.tag


@pytest.fixture
def upper_wire() -> UpperWire:
    return UpperWire()
