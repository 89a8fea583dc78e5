"""Whole datagrams into an endpoint with a registered device and a running session, and back.

Nothing may escape from the platform's endpoint nor from the simulated device, and the honest
device must go on being answered.
"""

import random
from datetime import UTC, datetime

from sip.endpoint import Endpoint
from sip.gb28181.catalog import ask_catalog
from sip.gb28181.keepalive import build_keepalive
from sip.gb28181.query import ask_device_info
from sip.message import Peer
from sip.message.sdp import MediaOffer
from sip.roles.authentication import Credential
from sip.roles.config import SipConfig
from sip.simulator.device import SimulatedDevice
from sip.simulator.profile import DeviceProfile, MediaRequested, SimulatedChannel

DEVICE = "34020000001180000001"
CAMERA = "34020000001320000001"
SERVER = Peer("udp", "192.0.2.10", 5060)
HOME = Peer("udp", "192.0.2.101", 5060)
STRANGER = Peer("udp", "203.0.113.9", 5060)
CALLS_PER_RIG = 2_000
WALL = datetime(2026, 5, 1, tzinfo=UTC)


class Rig:
    """An endpoint and a device that has registered, answered a catalog and an invitation."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.seen: list[bytes] = []
        self.cases = 0
        self.serial = 0
        config = SipConfig(
            server_id="34020000002000000001", domain="3402000000", advertised_host="192.0.2.10"
        )
        self.endpoint = Endpoint(
            config, {DEVICE: Credential("12345678")}.get, lambda: WALL, random.Random(1).randbytes
        )
        profile = DeviceProfile(
            device_id=DEVICE,
            password="12345678",
            server_id=config.server_id,
            domain=config.domain,
            server=SERVER,
            local_host=HOME.host,
            channels=(SimulatedChannel(CAMERA, "1号皮带"),),
        )
        self.device = SimulatedDevice(profile, random.Random(2).randbytes)
        self.device.start(self.now)
        self.talk()
        self.endpoint.ask(DEVICE, ask_catalog(), self.now)
        self.endpoint.ask(DEVICE, ask_device_info(), self.now)
        offer = MediaOffer("192.0.2.20", 30000, "udp", 200000001)
        self.call_id = self.endpoint.invite(DEVICE, CAMERA, offer, self.now)
        self.talk()
        self.device.raise_alarm(CAMERA, self.now, method="5", alarm_type="6")
        self.talk()
        # Left open on purpose: mutated answers shall meet something that waits.
        self.endpoint.ask(DEVICE, ask_catalog(), self.now)
        self.endpoint.invite(DEVICE, CAMERA, offer, self.now)
        self.endpoint.data_to_send(self.now)

    def talk(self) -> None:
        """Carry packets to and fro until both are silent."""
        for _ in range(20):
            for data, _ in self.device.data_to_send(self.now):
                self.seen.append(data)
                self.endpoint.receive(data, HOME, self.now)
            for data, _ in self.endpoint.data_to_send(self.now):
                self.seen.append(data)
                self.device.receive(data, SERVER, self.now)
            while (event := self.device.next_event()) is not None:
                if isinstance(event, MediaRequested):
                    self.device.accept_media(event.call_id, HOME.host, 15060, self.now)

    def keepalive(self) -> bytes:
        """Write a keepalive that is certainly well formed and new."""
        self.serial += 1
        body = build_keepalive(DEVICE, self.serial)
        head = (
            "MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 192.0.2.101:5060;rport;branch=z9hG4bKhonest{self.serial}\r\n"
            f"From: <sip:{DEVICE}@3402000000>;tag=h{self.serial}\r\n"
            "To: <sip:34020000002000000001@3402000000>\r\n"
            f"Call-ID: honest-{self.serial}\r\nCSeq: {self.serial} MESSAGE\r\nMax-Forwards: 70\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


_rigs: list[Rig] = [Rig()]
SEEDS: list[bytes] = [*_rigs[0].seen, _rigs[0].keepalive()]


def one_case(data: bytes) -> None:
    """Deliver the datagram from the device, as TCP and from a stranger; the device lives on."""
    rig = _rigs[0]
    rig.cases += 1
    if rig.cases > CALLS_PER_RIG:
        rig = _rigs[0] = Rig()
    rig.now += 0.01
    for peer in (HOME, Peer("tcp", HOME.host, 5061, 7), STRANGER):
        rig.endpoint.receive(data, peer, rig.now)
    rig.device.receive(data, SERVER, rig.now)
    for party in (rig.endpoint, rig.device):
        party.handle_timer(rig.now)
        party.data_to_send(rig.now)
        while party.next_event() is not None:
            pass
    rig.endpoint.receive(rig.keepalive(), HOME, rig.now)
    answers = [packet for packet, peer in rig.endpoint.data_to_send(rig.now) if peer == HOME]
    honest = f"Call-ID: honest-{rig.serial}".encode()
    assert any(a.startswith(b"SIP/2.0 200") and honest in a for a in answers), "device not served"
