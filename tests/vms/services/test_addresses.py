import socket

import pytest

from vms.services import addresses
from vms.services.addresses import address_towards, own_addresses


def test_address_towards_ourselves_is_loopback() -> None:
    assert address_towards("127.0.0.1") == "127.0.0.1"


def test_name_is_not_an_address_and_is_refused_without_a_lookup() -> None:
    for name in ("localhost", "256.1.1.1", ""):
        with pytest.raises(ValueError, match="address"):
            address_towards(name)


def test_own_addresses_are_addresses_and_never_repeat() -> None:
    found = own_addresses()
    assert found
    assert len(set(found)) == len(found)
    for each in found:
        socket.inet_aton(each)


def test_loopback_is_told_only_when_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_default_route", lambda: ["127.0.0.1"])
    monkeypatch.setattr(addresses, "_of_cards", lambda: ["127.0.0.1", "10.1.2.3"])
    assert own_addresses() == ("10.1.2.3",)
    monkeypatch.setattr(addresses, "_of_cards", lambda: ["127.0.0.1"])
    assert own_addresses() == ("127.0.0.1",)
