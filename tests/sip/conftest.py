"""Two sans-IO parties on a network that loses, doubles and reorders, with time as a number."""

import hashlib
import heapq
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from sip.endpoint import Endpoint
from sip.message import Peer, Response, parse_message
from sip.message.sdp import MediaOffer
from sip.roles.authentication import Credential
from sip.roles.config import SipConfig
from sip.simulator.device import SimulatedDevice
from sip.simulator.profile import (
    DeviceProfile,
    Faults,
    MediaRequested,
    SimulatedChannel,
    SimulatedOrganisation,
)
from tests.sip.capture import Parcel

SERVER_ID = "34020000002000000001"
DOMAIN = "3402000000"
DEVICE_ID = "34020000001180000001"
PASSWORD = "12345678"
SERVER_HOST = "192.0.2.10"
DEVICE_HOST = "192.0.2.101"
START = 1000.0
WALL = datetime(2026, 5, 1, 2, 0, 0, 123000, tzinfo=UTC)


def camera(number: int, **kinds) -> SimulatedChannel:
    return SimulatedChannel(f"3402000000132{number:07d}", f"{number}号摄像机", **kinds)


@dataclass
class Quality:
    """How bad the network is; only datagrams suffer."""

    loss: float = 0.0
    doubling: float = 0.0
    delay_s: float = 0.01
    jitter_s: float = 0.0


@dataclass
class Network:
    """Moves packets between parties and turns their clocks."""

    seed: int = 1
    quality: Quality = field(default_factory=Quality)
    now: float = START

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.parties = {}
        self.connections = {}
        self.events = defaultdict(list)
        self.sent = []
        self.parcels = []
        self.react: Callable[[object, object], None] = lambda party, event: None
        self._queue = []
        self._count = 0

    def attach(self, party, transport: str, host: str, port: int, connection=None) -> None:
        self.parties[(transport, host, port)] = party
        if connection is not None:
            self.connections[(host, port)] = connection

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, or stop as soon as a condition holds."""
        end = self.now + seconds
        self._flush()
        while not until():
            when = self._next()
            if when is None or when > end:
                self.now = end
                return
            self.now = max(self.now, when)
            self._step()
            self._flush()

    def _next(self):
        times = [party.next_timer() for party in set(self.parties.values())]
        times.append(self._queue[0][0] if self._queue else None)
        return min((time for time in times if time is not None), default=None)

    def _step(self) -> None:
        while self._queue and self._queue[0][0] <= self.now:
            _, _, target, data, peer = heapq.heappop(self._queue)
            target.receive(data, peer, self.now)
        for party in set(self.parties.values()):
            timer = party.next_timer()
            if timer is not None and timer <= self.now:
                party.handle_timer(self.now)

    def _flush(self) -> None:
        busy = True
        while busy:
            busy = False
            for address, party in list(self.parties.items()):
                for data, peer in party.data_to_send(self.now):
                    self._carry(self._address_of(party, peer.transport, address), data, peer)
                    busy = True
                while (event := party.next_event()) is not None:
                    self.events[party].append(event)
                    self.react(party, event)
                    busy = True

    def _address_of(self, party, transport, address):
        own = [a for a, p in self.parties.items() if p is party and a[0] == transport]
        return own[-1] if own else address

    def _carry(self, source, data: bytes, peer: Peer) -> None:
        self.sent.append((source, data))
        self.parcels.append(
            Parcel(self.now, peer.transport, source[1:], (peer.host, peer.port), data)
        )
        target = self.parties.get((peer.transport, peer.host, peer.port))
        if target is None:
            return
        copies = 1
        if peer.transport == "udp":
            if self.random.random() < self.quality.loss:
                return
            copies += self.random.random() < self.quality.doubling
        transport, host, port = source
        seen_as = Peer(transport, host, port, self.connections.get((host, port)))
        for _ in range(copies):
            self._count += 1
            jitter = self.random.random() * self.quality.jitter_s if transport == "udp" else 0
            when = self.now + self.quality.delay_s + jitter
            heapq.heappush(self._queue, (when, self._count, target, data, seen_as))


@dataclass
class Rig:
    """A platform endpoint and one simulated device."""

    network: Network
    endpoint: Endpoint
    device: SimulatedDevice
    credentials: dict

    @property
    def now(self) -> float:
        return self.network.now

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        self.network.run(seconds, until)

    def heard(self, kind):
        return [e for e in self.network.events[self.endpoint] if isinstance(e, kind)]

    def told(self, kind):
        return [e for e in self.network.events[self.device] if isinstance(e, kind)]

    def register(self) -> None:
        self.device.start(self.now)
        self.run(60, lambda: self.endpoint.is_registered(self.device.profile.device_id))
        assert self.endpoint.is_registered(self.device.profile.device_id)

    def offer(self, transport="udp", **kinds) -> MediaOffer:
        ssrc = kinds.pop("ssrc", None) or self.endpoint.new_ssrc(self.now)
        return MediaOffer("192.0.2.20", 30000, transport, ssrc, **kinds)

    def invite(self, number: int = 1, transport="udp", **kinds) -> str:
        offer = self.offer(transport, **kinds)
        return self.endpoint.invite(DEVICE_ID, camera(number).code, offer, self.now)

    def accept_media(self) -> None:
        def react(party, event):
            if party is self.device and isinstance(event, MediaRequested):
                self.device.accept_media(event.call_id, DEVICE_HOST, 15060, self.now)

        self.network.react = react

    def packets(self, start: bytes) -> list[bytes]:
        return [data for _, data in self.network.sent if data.startswith(start)]


def make_endpoint(network, credentials, **changes) -> Endpoint:
    config = SipConfig(server_id=SERVER_ID, domain=DOMAIN, advertised_host=SERVER_HOST, port=5060)
    return Endpoint(
        replace(config, **changes),
        credentials.get,
        lambda: WALL + timedelta(seconds=network.now - START),
        random.Random(7).randbytes,
    )


@pytest.fixture
def make_rig():
    """Build a rig; keyword arguments go to the profile, except those named here."""

    def make(
        *,
        faults: Faults | None = None,
        quality: Quality | None = None,
        transport: str = "udp",
        config: dict | None = None,
        seed: int = 1,
        **profile,
    ) -> Rig:
        network = Network(seed, quality or Quality())
        credentials = {DEVICE_ID: Credential(PASSWORD)}
        endpoint = make_endpoint(network, credentials, **(config or {}))
        server = Peer(transport, SERVER_HOST, 5060)
        values = {
            "device_id": DEVICE_ID,
            "password": PASSWORD,
            "server_id": SERVER_ID,
            "domain": DOMAIN,
            "server": server,
            "local_host": DEVICE_HOST,
            "channels": (camera(1), camera(2), camera(3)),
        } | profile
        device = SimulatedDevice(
            DeviceProfile(**values),
            random.Random(seed).randbytes,
            faults,
            lambda: WALL + timedelta(seconds=network.now - START),
        )
        for kind in ("udp", "tcp"):
            network.attach(endpoint, kind, SERVER_HOST, 5060)
        connection = 1 if transport == "tcp" else None
        network.attach(device, transport, DEVICE_HOST, 5060, connection)
        return Rig(network, endpoint, device, credentials)

    return make


def organisations():
    return (
        SimulatedOrganisation("340200", "芜湖"),
        SimulatedOrganisation("34020000002150000001", "矿", SERVER_ID),
        SimulatedOrganisation(
            "34020000002160000001", "井下", business_group_id="34020000002150000001"
        ),
        SimulatedOrganisation(
            "34020000002160000002", "皮带", "34020000002160000001", "34020000002150000001"
        ),
    )


class Wire:
    """Speaks to an endpoint in raw text from any address, as an honest or dishonest peer."""

    def __init__(self, **config) -> None:
        self.network = Network()
        self.credentials = {DEVICE_ID: Credential(PASSWORD)}
        self.endpoint = make_endpoint(self.network, self.credentials, **config)
        self.events = []
        self._count = 0

    @property
    def now(self) -> float:
        return self.network.now

    @now.setter
    def now(self, value: float) -> None:
        self.network.now = value

    def send(self, data: bytes, host=DEVICE_HOST, port=5060, transport="udp", connection=None):
        """Deliver octets; return the parsed answers that go back to exactly that address."""
        peer = Peer(transport, host, port, connection)
        self.endpoint.receive(data, peer, self.now)
        return [message for message, target in self.flush() if target == peer]

    def flush(self):
        while (event := self.endpoint.next_event()) is not None:
            self.events.append(event)
        return [(parse_message(d), p) for d, p in self.endpoint.data_to_send(self.now)]

    def tick(self, seconds: float):
        """Let time pass, all timers in order."""
        end = self.now + seconds
        sent = []
        while (timer := self.endpoint.next_timer()) is not None and timer <= end:
            self.now = max(self.now, timer)
            self.endpoint.handle_timer(self.now)
            sent += self.flush()
        self.now = end
        return sent

    def request(self, method: str, *lines: str, body: bytes = b"", **kinds) -> bytes:
        """Write a request; keyword arguments: device, call_id, cseq, branch, uri."""
        self._count += 1
        device = kinds.get("device", DEVICE_ID)
        aor = device if method == "REGISTER" else SERVER_ID
        branch = kinds.get("branch", f"z9hG4bK{self._count}")
        head = [
            f"{method} {kinds.get('uri', f'sip:{SERVER_ID}@{DOMAIN}')} SIP/2.0",
            f"Via: SIP/2.0/UDP 10.9.9.9:5060;rport;branch={branch}",
            f"From: <sip:{device}@{DOMAIN}>;tag=d1",
            f"To: {kinds.get('to', f'<sip:{aor}@{DOMAIN}>')}",
            f"Call-ID: {kinds.get('call_id', f'call-{self._count}')}",
            f"CSeq: {kinds.get('cseq', self._count)} {method}",
            "Max-Forwards: 70",
            *lines,
            f"Content-Length: {len(body)}",
            "",
            "",
        ]
        return "\r\n".join(head).encode("utf-8", "surrogateescape") + body

    def register_lines(self, expires="3600", contact_expires=""):
        lines = [f"Contact: <sip:{DEVICE_ID}@10.9.9.9:5060>{contact_expires}"]
        return lines + ([f"Expires: {expires}"] if expires is not None else [])

    def challenge(self, device=DEVICE_ID, **kinds) -> str:
        """Provoke a 401 and return its nonce."""
        data = self.request("REGISTER", *self.register_lines(), device=device)
        answer = self.send(data, **kinds)[0]
        assert answer.status == 401
        return answer.headers.get("www-authenticate").split('nonce="')[1].split('"')[0]

    def authorization(self, nonce: str, device=DEVICE_ID, password=PASSWORD, **changes) -> str:
        values = {
            "username": device,
            "realm": DOMAIN,
            "nonce": nonce,
            "uri": f"sip:{SERVER_ID}@{DOMAIN}",
        } | changes
        extra = values.pop("extra", "")
        qop = values.pop("qop", None)

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()  # RFC 2617

        ha1 = md5(f"{values['username']}:{values['realm']}:{password}")
        ha2 = md5(f"REGISTER:{values['uri']}")
        middle = f"{nonce}:00000001:0a4f113b:auth:" if qop else f"{nonce}:"
        response = values.pop("response", None) or md5(f"{ha1}:{middle}{ha2}")
        if qop:
            extra += ', qop=auth, nc=00000001, cnonce="0a4f113b"'
        listed = ", ".join(f'{name}="{value}"' for name, value in values.items())
        return f'Authorization: Digest {listed}, response="{response}", algorithm=MD5{extra}'

    def register(
        self, *, device=DEVICE_ID, password=PASSWORD, expires="3600", lines=(), **kinds
    ) -> Response:
        """Run the whole handshake and return the last answer."""
        nonce = self.challenge(device, **kinds)
        authorization = self.authorization(nonce, device, password)
        data = self.request(
            "REGISTER", *self.register_lines(expires), authorization, *lines, device=device
        )
        return self.send(data, **kinds)[0]

    def message(self, body: bytes, *, device=DEVICE_ID, **kinds) -> Response:
        lines = ["Content-Type: Application/MANSCDP+xml"]
        return self.send(self.request("MESSAGE", *lines, body=body, device=device), **kinds)[0]

    def heard(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def make_wire():
    return Wire


@pytest.fixture
def parts():
    """Names that tests build their own parties from."""

    class Parts:
        pass

    for name, value in {
        "Quality": Quality, "camera": camera, "organisations": organisations,
        "DEVICE_ID": DEVICE_ID, "DEVICE_HOST": DEVICE_HOST, "SERVER_ID": SERVER_ID,
        "SERVER_HOST": SERVER_HOST, "DOMAIN": DOMAIN, "PASSWORD": PASSWORD, "WALL": WALL,
    }.items():  # fmt: skip
        setattr(Parts, name, value)
    return Parts
