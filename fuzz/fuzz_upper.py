"""Whole datagrams of an upper platform into an endpoint that is registered there, and back.

Nothing may escape from either endpoint, whatever either is told, and paths stay bounded.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from sip.endpoint import Endpoint
from sip.errors import SipError
from sip.gb28181.catalog import ask_catalog, build_catalog_notify, build_catalog_response
from sip.gb28181.query import ask_device_info
from sip.gb28181.route_path import LONGEST_PATH, parse_path
from sip.gb28181.subscription import Topic, Wish
from sip.message import Peer
from sip.message.sdp import MediaOffer
from sip.roles.authentication import Credential
from sip.roles.config import SipConfig
from sip.roles.upward.terms import Uplink, UpperInvited

UPPER_ID, LOWER_ID = "34000000002000000001", "34020000002000000001"
CAMERA = "34020000001320000001"
UPPER, LOWER = Peer("udp", "198.51.100.5", 5060), Peer("udp", "192.0.2.10", 5060)
CALLS_PER_RIG = 2_000
WALL = datetime(2026, 5, 1, tzinfo=UTC)


def _endpoint(server_id: str, host: str, known: dict[str, Credential], seed: int) -> Endpoint:
    config = SipConfig(server_id=server_id, domain=server_id[:10], advertised_host=host)
    return Endpoint(config, known.get, lambda: WALL, random.Random(seed).randbytes)


class Rig:
    """A lower platform that has registered, been asked, subscribed to and invited."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.cases = 0
        self.seen: list[bytes] = []
        self.upper = _endpoint(UPPER_ID, UPPER.host, {LOWER_ID: Credential("12345678")}, 1)
        self.lower = _endpoint(LOWER_ID, LOWER.host, {}, 2)
        self.lower.uppers.set(
            Uplink(
                platform_id=UPPER_ID,
                domain=UPPER_ID[:10],
                host=UPPER.host,
                port=UPPER.port,
                own_id=LOWER_ID,
                password="12345678",
            ),
            self.now,
        )
        self.talk()
        offer = MediaOffer("198.51.100.20", 30000, "udp", 200000001)
        steps: list[Callable[[], object]] = [
            lambda: self.upper.ask(LOWER_ID, ask_catalog(), self.now),
            lambda: self.upper.ask(LOWER_ID, ask_device_info(), self.now),
            lambda: self.upper.follow(LOWER_ID, Wish(Topic.CATALOG), self.now),
            lambda: self.upper.follow(LOWER_ID, Wish(Topic.ALARM), self.now),
            lambda: self.upper.invite(LOWER_ID, CAMERA, offer, self.now),
            lambda: self.lower.uppers.send(
                UPPER_ID, build_catalog_response(LOWER_ID, 1, [], 0), (LOWER_ID,), self.now
            ),
            lambda: self.lower.uppers.notify(
                UPPER_ID, Topic.CATALOG, build_catalog_notify(LOWER_ID, 1, []), self.now
            ),
        ]
        for step in steps:
            step()
            self.talk()

    def talk(self) -> None:
        """Carry packets to and fro until both are silent."""
        for _ in range(20):
            for data, _ in self.lower.data_to_send(self.now):
                self.seen.append(data)
                self.upper.receive(data, LOWER, self.now)
            for data, _ in self.upper.data_to_send(self.now):
                self.seen.append(data)
                self.lower.receive(data, UPPER, self.now)
            self.answer()

    def answer(self) -> None:
        """Accept what is asked for, and forget the news."""
        while (event := self.lower.next_event()) is not None:
            if isinstance(event, UpperInvited):
                calls = self.lower.uppers.calls
                calls.accept(event.call_id, "192.0.2.20", 30020, 200000001, self.now)
        while self.upper.next_event() is not None:
            pass


_rigs: list[Rig] = [Rig()]
SEEDS: list[bytes] = [*_rigs[0].seen, f"{LOWER_ID}-{UPPER_ID}".encode()]


def one_case(data: bytes) -> None:
    """Deliver the datagram to both, by UDP and over TCP; read it as a path too."""
    assert len(parse_path(data.decode("utf-8", "surrogateescape"))) <= LONGEST_PATH
    rig = _rigs[0]
    rig.cases += 1
    if rig.cases > CALLS_PER_RIG:
        rig = _rigs[0] = Rig()
    rig.now += 0.01
    rig.lower.receive(data, UPPER, rig.now)
    rig.lower.receive(data, Peer("tcp", UPPER.host, UPPER.port, 3), rig.now)
    rig.upper.receive(data, LOWER, rig.now)
    for party in (rig.lower, rig.upper):
        party.handle_timer(rig.now)
    rig.talk()
    try:
        rig.lower.uppers.send(UPPER_ID, b"<Notify/>", (), rig.now)
    except SipError:
        rig.cases = CALLS_PER_RIG  # the datagram ended the registration: begin anew
    rig.talk()
