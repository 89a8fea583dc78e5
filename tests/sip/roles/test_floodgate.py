"""Budgets of messages per source: strangers share one per address, a device has its own."""

import pytest

from sip.events import KeepalivesMissed, PeerMisbehaved
from sip.message import Peer
from sip.roles import floodgate
from sip.roles.authentication import Credential
from sip.roles.floodgate import DEVICE_BURST_S, STRANGER_BURST_S, FloodGate
from tests.sip.conftest import DEVICE_ID, PASSWORD, Wire
from tests.sip.interop.peers import WITNESS, keepalive, register, xml

ATTACKER = "203.0.113.9"
FLEET = tuple(f"340200000011820{number:05d}" for number in range(200))
BODY = xml("Notify", "Keepalive", "<Status>OK</Status>").encode()


def gate(devices: dict[Peer, int] | None = None) -> FloodGate:
    known = devices or {}
    return FloodGate(10.0, 100.0, lambda peer: known.get(peer, 0))


def stranger(port: int = 5060, host: str = ATTACKER) -> Peer:
    return Peer("udp", host, port)


def admitted(one: FloodGate, peer: Peer, times: int, now: float) -> int:
    return sum(one.admits(peer, now) for _ in range(times))


def test_a_burst_is_let_in_then_the_steady_rate() -> None:
    one = gate()
    assert admitted(one, stranger(), 1000, 0.0) == 10 * STRANGER_BURST_S
    assert admitted(one, stranger(), 1000, 1.0) == 10
    assert one.refused == 2000 - 10 * STRANGER_BURST_S - 10
    assert admitted(one, stranger(), 1000, 1000.0) == 10 * STRANGER_BURST_S


def test_ports_of_one_stranger_share_his_budget_and_other_hosts_have_theirs() -> None:
    one = gate()
    for port in range(1000):
        one.admits(stranger(port), 0.0)
    assert not one.admits(stranger(2000), 0.0)
    assert one.admits(stranger(host="203.0.113.10"), 0.0)


def test_a_device_behind_the_flooders_address_has_its_own_budget() -> None:
    device = stranger(7000)
    one = gate({device: 1})
    admitted(one, stranger(), 1000, 0.0)
    assert admitted(one, device, 2000, 0.0) == 100 * DEVICE_BURST_S


def test_many_devices_on_one_route_have_more() -> None:
    route = stranger(7000)
    assert admitted(gate({route: 51}), route, 4000, 0.0) == 2 * 100 * DEVICE_BURST_S


def test_the_table_is_bounded_whatever_sources_are_forged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floodgate, "MOST_SOURCES", 100)
    one = gate()
    for number in range(1000):
        assert one.admits(stranger(host=f"10.0.{number // 250}.{number % 250}"), 0.0)
    assert len(one) == 100


def test_a_clock_that_stands_still_or_goes_back_gives_nothing_away() -> None:
    one = gate()
    admitted(one, stranger(), 1000, 50.0)
    assert not one.admits(stranger(), 50.0)
    assert not one.admits(stranger(), 49.0)


def test_a_flood_starves_nobody_and_is_told_once(make_wire) -> None:
    """Threat 11 in short: 2,000 REGISTERs a second among 200 devices that keep alive."""
    wire: Wire = make_wire()
    hosts = {device: f"192.0.2.{number}" for number, device in enumerate(FLEET)}
    for device, host in hosts.items():
        wire.credentials[device] = Credential(PASSWORD)
        assert wire.register(device=device, host=host).status == 200
    knock = register(WITNESS)
    for second in range(4):
        for number in range(2000):
            wire.send(knock.replace(b"call-", b"call-%d-%d-" % (second, number)), host=ATTACKER)
            if number % 10 == 0:
                device = FLEET[number // 10]
                answer = wire.message(BODY, device=device, host=hosts[device])
                assert answer.status == 200
        wire.tick(1.0)
    stats = wire.endpoint.stats()
    assert stats["flood.dropped"] > 2000
    assert stats["misbehaved.flood"] == stats["flood.dropped"]
    # The first of a host, then each tenfold.
    floods = [e.count for e in wire.heard(PeerMisbehaved) if e.reason == "flood"]
    assert floods == [1, 10, 100, 1000]
    assert wire.heard(KeepalivesMissed) == []
    assert all(wire.endpoint.is_registered(device) for device in FLEET)


def test_a_thousand_devices_behind_one_address_do_not_suffer(make_wire) -> None:
    wire: Wire = make_wire(registrations_per_s=100_000)
    devices = [f"340200000011830{number:05d}" for number in range(1000)]
    wire.credentials.update(dict.fromkeys(devices, Credential(PASSWORD)))
    for number, device in enumerate(devices):
        assert wire.register(device=device, host=ATTACKER, port=10_000 + number).status == 200
    for number, device in enumerate(devices):
        answer = wire.message(BODY, device=device, host=ATTACKER, port=10_000 + number)
        assert answer.status == 200
    assert wire.endpoint.stats()["flood.dropped"] == 0


def test_a_known_device_is_let_in_while_strangers_flood_its_address(make_wire) -> None:
    wire: Wire = make_wire(stranger_messages_per_s=1.0)
    assert wire.register(host=ATTACKER, port=7000).status == 200
    for _ in range(100):
        wire.send(register(WITNESS), host=ATTACKER)
    assert wire.send(register(WITNESS), host=ATTACKER) == []
    assert wire.send(keepalive(DEVICE_ID), host=ATTACKER, port=7000)[0].status == 200
    assert wire.register(host=ATTACKER, port=7000).status == 200
