"""Which devices are registered and online: written often, by the registrar's events."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from peewee import Database

from channel_registry.errors import UnknownDevice
from channel_registry.literal import fit
from channel_registry.models import Device
from channel_registry.queries.devices import known_devices
from channel_registry.records import DeviceBinding
from channel_registry.statements import chunks, count, fetch, run, update_each


def save_registration(
    database: Database, binding: DeviceBinding, *, at: datetime, cause: str
) -> bool:
    """Store a registration or its refresh; true when the device was not online before.

    Raises `UnknownDevice`. The binding's own `online` is not looked at: who registers is online.
    """
    with database.atomic():
        if not save_bindings(database, [binding]):
            raise UnknownDevice(binding.device_id)
        return _turn(database, binding.device_id, online=True, at=at, cause=cause)


def set_device_online(database: Database, device_id: str, *, at: datetime, cause: str) -> bool:
    """Heard again while still registered; true when it was offline. Raises `UnknownDevice`."""
    with database.atomic():
        _require(database, device_id)
        return _turn(database, device_id, online=True, at=at, cause=cause)


def save_bindings(database: Database, bindings: Iterable[DeviceBinding]) -> frozenset[str]:
    """Store many registrations; answers the devices that are known; nobody turns on."""
    columns = {binding.device_id: _columns(binding) for binding in bindings}
    with database.atomic():
        update_each(Device, columns, database)
        return known_devices(database, columns)


def set_registered(database: Database, ids: Iterable[str], *, registered: bool) -> frozenset[str]:
    """Note whether the registrations of many devices still run; answers the devices known."""
    known: list[str] = []
    with database.atomic():
        for chunk in chunks(ids):
            mine = Device.id.in_(chunk)
            known += [r["id"] for r in fetch(Device.select(Device.id).where(mine), database)]
            run(Device.update(registered=registered).where(mine), database)
    return frozenset(known)


def turn_devices(
    database: Database, ids: Iterable[str], *, online: bool, at: datetime, cause: str
) -> frozenset[str]:
    """Turn many devices on or off; answers those that were otherwise before."""
    turned: list[str] = []
    other = ~Device.online if online else Device.online
    with database.atomic():
        for chunk in chunks(ids):
            mine = Device.id.in_(chunk) & other
            turned += [r["id"] for r in fetch(Device.select(Device.id).where(mine), database)]
            change = Device.update(online=online, state_since=at, cause=cause)
            run(change.where(mine), database)
    return frozenset(turned)


def set_all_offline(database: Database, *, at: datetime, cause: str) -> tuple[str, ...]:
    """Nothing is known to be online any more (start without restored bindings); those that were."""
    with database.atomic():
        were = Device.select(Device.id).where(Device.online).order_by(Device.id)
        ids = tuple(row["id"] for row in fetch(were, database))
        change = {"online": False, "state_since": at, "cause": cause}
        run(Device.update(change).where(Device.online), database)
        run(Device.update(registered=False).where(Device.registered), database)
    return ids


def touch_devices(database: Database, seen: Mapping[str, datetime]) -> None:
    """Note when devices were heard last, many in one transaction; unknown ids are ignored."""
    with database.atomic():
        heard = {device_id: {"last_seen_at": at} for device_id, at in seen.items()}
        update_each(Device, heard, database)


def device_bindings(database: Database, at: datetime) -> tuple[DeviceBinding, ...]:
    """The registrations that still run at a moment, to be taken up again after a restart."""
    query = (
        Device.select()
        .where(Device.registered, Device.expires_at > at, Device.host.is_null(False))
        .order_by(Device.id)
    )
    names = (
        "transport",
        "host",
        "port",
        "contact",
        "user_agent",
        "gb_version",
        "registered_at",
        "expires_at",
        "last_seen_at",
        "online",
    )
    return tuple(
        DeviceBinding(device_id=row["id"], **{name: row[name] for name in names})
        for row in fetch(query, database)
    )


def devices_online(database: Database, ids: list[str]) -> dict[str, bool]:
    """Which of these devices are online; unknown ids are left out."""
    found: dict[str, bool] = {}
    for chunk in chunks(ids):
        query = Device.select(Device.id, Device.online).where(Device.id.in_(chunk))
        found.update({row["id"]: row["online"] for row in fetch(query, database)})
    return found


def _columns(binding: DeviceBinding) -> dict[str, Any]:
    return {
        "registered": True,
        "registered_at": binding.registered_at,
        "expires_at": binding.expires_at,
        "last_seen_at": binding.last_seen_at,
        "transport": fit(binding.transport, 8)[0],
        "host": fit(binding.host, 64)[0],
        "port": binding.port,
        "contact": fit(binding.contact, 255)[0],
        "user_agent": fit(binding.user_agent, 255)[0],
        "gb_version": fit(binding.gb_version, 16)[0],
    }


def _require(database: Database, device_id: str) -> None:
    if not count(Device.select().where(Device.id == device_id), database):
        raise UnknownDevice(device_id)


def _turn(database: Database, device_id: str, *, online: bool, at: datetime, cause: str) -> bool:
    """Change the state if it is another one; a state keeps the time and cause it began with."""
    change: dict[str, Any] = {"online": online, "state_since": at, "cause": cause}
    other = ~Device.online if online else Device.online
    return run(Device.update(change).where(Device.id == device_id, other), database) == 1
