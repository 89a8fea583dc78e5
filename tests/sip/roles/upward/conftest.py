"""Two platforms of ours on one network of numbers: a lower one, and the upper one it registers at."""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from sip.endpoint import Endpoint
from sip.roles.authentication import Credential
from sip.roles.config import SipConfig
from sip.roles.upward.terms import Uplink, UplinkChanged, UplinkState, UplinkStatus
from tests.sip.conftest import START, WALL, Network

UPPER_ID = "34000000002000000001"
UPPER_HOST = "198.51.100.5"
LOWER_ID = "34020000002000000001"
LOWER_HOST = "192.0.2.10"
PASSWORD = "go-up-12345"


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
        credentials = {LOWER_ID: Credential(PASSWORD)}
        below = make_platform(network, LOWER_ID, LOWER_HOST, {}, 5, **(lower or {}))
        above = make_platform(network, UPPER_ID, UPPER_HOST, credentials, 6, **(upper or {}))
        uplink = make_uplink(**changes)
        for kind in ("udp", "tcp"):
            network.attach(below, kind, LOWER_HOST, 5060)
            network.attach(above, kind, UPPER_HOST, 5060)
        if uplink.transport == "tcp":
            # Each sees the other over one connection.
            network.connections[(LOWER_HOST, 5060)] = 1
            network.connections[(UPPER_HOST, 5060)] = 2
        return Cascade(network, below, above, credentials, uplink)

    return make


@pytest.fixture
def cascade(make_cascade) -> Cascade:
    made = make_cascade()
    made.register()
    return made
