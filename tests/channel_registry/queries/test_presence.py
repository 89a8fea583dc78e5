from datetime import datetime, timedelta

import pytest
from peewee import Database

from channel_registry.errors import UnknownDevice
from channel_registry.queries.devices import get_device
from channel_registry.queries.presence import (
    device_bindings,
    devices_online,
    save_registration,
    set_all_offline,
    set_device_online,
    set_registered,
    touch_devices,
    turn_devices,
)
from tests.channel_registry.samples import OTHER_BOX, T0, T1, T2, binding


def test_a_registration_brings_the_device_online_once(database: Database, box: str) -> None:
    assert save_registration(database, binding(), at=T0, cause="registered")
    device = get_device(database, box)
    assert (device.registered, device.online, device.cause) == (True, True, "registered")
    assert (device.online_since, device.offline_since) == (T0, None)
    assert (device.address, device.transport) == ("10.0.0.8:5060", "udp")


def test_a_refresh_keeps_since_when_it_is_online(database: Database, box: str) -> None:
    save_registration(database, binding(), at=T0, cause="registered")
    refreshed = binding(expires_at=T1 + timedelta(hours=1), port=6060)
    assert not save_registration(database, refreshed, at=T1, cause="registered")
    device = get_device(database, box)
    assert (device.state_since, device.port) == (T0, 6060)
    assert device.expires_at == T1 + timedelta(hours=1)


def goes_off(
    database: Database, device_id: str, *, at: datetime, cause: str, registered: bool
) -> bool:
    """Whether the device was on; as `vms.services.presence` writes departures."""
    set_registered(database, [device_id], registered=registered)
    return bool(turn_devices(database, [device_id], online=False, at=at, cause=cause))


def test_missed_keepalives_leave_the_registration(database: Database, box: str) -> None:
    save_registration(database, binding(), at=T0, cause="registered")
    assert goes_off(database, box, at=T1, cause="keepalive_lost", registered=True)
    device = get_device(database, box)
    assert (device.registered, device.online, device.offline_since) == (True, False, T1)
    assert set_device_online(database, box, at=T2, cause="returned")
    assert get_device(database, box).online_since == T2


def test_going_off_twice_counts_once_and_keeps_the_first_cause(
    database: Database, box: str
) -> None:
    save_registration(database, binding(), at=T0, cause="registered")
    assert goes_off(database, box, at=T1, cause="keepalive_lost", registered=True)
    assert not goes_off(database, box, at=T2, cause="expired", registered=False)
    device = get_device(database, box)
    assert (device.cause, device.state_since, device.registered) == ("keepalive_lost", T1, False)


def test_strangers_cannot_be_present(database: Database, box: str) -> None:
    with pytest.raises(UnknownDevice):
        save_registration(database, binding(OTHER_BOX), at=T0, cause="registered")
    assert not goes_off(database, OTHER_BOX, at=T0, cause="expired", registered=False)


def test_running_registrations_survive_a_restart(
    database: Database, box: str, other_box: str
) -> None:
    kept = binding(box)
    save_registration(database, kept, at=T0, cause="registered")
    over = binding(other_box, expires_at=T1)
    save_registration(database, over, at=T0, cause="registered")
    assert device_bindings(database, T1) == (kept,)
    assert device_bindings(database, T0) == (kept, over)


def test_after_a_cold_start_nobody_is_online(database: Database, box: str, other_box: str) -> None:
    save_registration(database, binding(box), at=T0, cause="registered")
    assert set_all_offline(database, at=T1, cause="platform_down") == (box,)
    assert set_all_offline(database, at=T2, cause="platform_down") == ()
    assert device_bindings(database, T0) == ()
    assert devices_online(database, [box, other_box, "x"]) == {box: False, other_box: False}


def test_keepalives_are_noted_in_bulk(database: Database, box: str) -> None:
    touch_devices(database, {box: T2, OTHER_BOX: T2})
    assert get_device(database, box).last_seen_at == T2


def test_hostile_registration_values_are_cut_to_fit(database: Database, box: str) -> None:
    nasty = binding(contact="sip:" + "x" * 4000, user_agent="a\x00" * 4000, gb_version="9" * 99)
    assert save_registration(database, nasty, at=T0, cause="registered")
    assert len(get_device(database, box).user_agent) == 255
