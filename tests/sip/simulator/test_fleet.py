"""Many devices behind one transaction layer, against the platform's own endpoint."""

import random

import pytest

from sip.events import DeviceRegistered, DeviceUnregistered, KeepaliveReceived
from sip.gb28181.catalog import ask_catalog
from sip.gb28181.query import ask_device_info
from sip.message import Peer
from sip.message.sdp import MediaOffer
from sip.roles.authentication import Credential
from sip.roles.call import InvitationRefused
from sip.roles.inquiry import InquiryEnded
from sip.simulator.fleet import Fleet, FleetPlan
from sip.simulator.profile import DeviceProfile, Faults, RegistrationState, SimulatedChannel
from tests.sip.conftest import DOMAIN, SERVER_HOST, SERVER_ID, Network, make_endpoint

HOST = "192.0.2.200"
REGISTERED = RegistrationState.REGISTERED


def device_id(number: int) -> str:
    return f"3402000000118{number:07d}"


def channels_of(owner: str) -> tuple[SimulatedChannel, ...]:
    number = int(owner[-7:])
    return tuple(SimulatedChannel(f"3402000000132{number * 10 + n:07d}", f"{n}号") for n in (1, 2))


class Harbour:
    """A platform and a fleet."""

    def __init__(self, size: int, faults: Faults | None = None, **config: object) -> None:
        self.network = Network()
        self.ids = [device_id(number) for number in range(1, size + 1)]
        self.passwords = {each: f"secret-{each[-4:]}" for each in self.ids}
        credentials = {each: Credential(word) for each, word in self.passwords.items()}
        self.endpoint = make_endpoint(self.network, credentials, **config)
        template = DeviceProfile(
            device_id="", password="", server_id=SERVER_ID, domain=DOMAIN,
            server=Peer("udp", SERVER_HOST, 5060), local_host=HOST,
        )  # fmt: skip
        plan = FleetPlan(template, self.passwords, channels_of, window=50)
        self.fleet = Fleet(plan, random.Random(3).randbytes, faults)
        self.network.attach(self.endpoint, "udp", SERVER_HOST, 5060)
        self.network.attach(self.fleet, "udp", HOST, 5060)

    @property
    def now(self) -> float:
        return self.network.now

    def heard(self, kind: type) -> list:
        return [e for e in self.network.events[self.endpoint] if isinstance(e, kind)]

    def register(self) -> None:
        self.fleet.start(self.now)
        self.network.run(300, lambda: self.fleet.states[REGISTERED] == len(self.fleet))
        assert self.fleet.states[REGISTERED] == len(self.fleet)


@pytest.fixture(scope="module")
def harbour() -> Harbour:
    harbour = Harbour(500)
    harbour.register()
    return harbour


def test_five_hundred_devices_register_with_their_own_passwords(harbour: Harbour) -> None:
    assert {event.device_id for event in harbour.heard(DeviceRegistered)} == set(harbour.ids)
    assert len({str(event.peer) for event in harbour.heard(DeviceRegistered)}) == 1


def test_keepalives_are_spread_over_the_interval(harbour: Harbour) -> None:
    before = len(harbour.heard(KeepaliveReceived))
    counts = []
    for _ in range(6):
        harbour.network.run(10)
        counts.append(len(harbour.heard(KeepaliveReceived)) - before - sum(counts))
    assert 490 <= sum(counts) <= 510, "each device one in a minute"
    assert max(counts) < 2 * 500 / 6


def test_a_catalogue_and_a_description_come_from_the_device_that_was_asked(
    harbour: Harbour,
) -> None:
    for number in (1, 250, 500):
        asked = device_id(number)
        keys = [
            harbour.endpoint.ask(asked, ask_catalog(), harbour.now),
            harbour.endpoint.ask(asked, ask_device_info(), harbour.now),
        ]

        def answers(wanted: list[int] = keys) -> list:
            return [e.outcome for e in harbour.heard(InquiryEnded) if e.key in wanted]

        harbour.network.run(60, lambda: len(answers()) == 2)
        info, catalog = sorted(answers(), key=lambda each: hasattr(each, "items"))
        assert info.device_id == asked
        assert [item.device_id for item in catalog.items] == [c.code for c in channels_of(asked)]


def test_an_invitation_is_refused(harbour: Harbour) -> None:
    offer = MediaOffer("192.0.2.20", 30000, "udp", harbour.endpoint.new_ssrc(harbour.now))
    harbour.endpoint.invite(device_id(7), channels_of(device_id(7))[0].code, offer, harbour.now)
    harbour.network.run(60, lambda: bool(harbour.heard(InvitationRefused)))
    assert [event.error.status for event in harbour.heard(InvitationRefused)] == [486]


def test_all_say_goodbye() -> None:
    harbour = Harbour(60)
    harbour.register()
    harbour.fleet.stop(harbour.now)
    harbour.network.run(60, lambda: harbour.fleet.is_over)
    assert harbour.fleet.is_over
    assert len(harbour.heard(DeviceUnregistered)) == 60


def test_those_that_are_put_off_come_again_when_they_were_told() -> None:
    harbour = Harbour(60, registrations_per_s=5)
    harbour.register()
    assert harbour.endpoint.stats()["registrations.put_off"] >= 10
    assert harbour.now - 1000 < 60, "nobody waited the minute of a plain refusal"


def test_it_lives_through_a_silent_platform() -> None:
    harbour = Harbour(30)
    harbour.register()
    platform = harbour.network.parties.pop(("udp", SERVER_HOST, 5060))
    harbour.network.run(400)
    assert harbour.fleet.states[REGISTERED] == 0
    harbour.network.attach(platform, "udp", SERVER_HOST, 5060)
    harbour.network.run(200, lambda: harbour.fleet.states[REGISTERED] == 30)
    assert harbour.fleet.states[REGISTERED] == 30
