"""Which event of signalling is written how: one function from event to a call of the database."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from peewee import Database

from channel_registry.queries.rules import set_clock_offset
from channel_registry.records import DeviceBinding
from sip import events as sip
from sip.server import RegistrationSnapshot
from vms.services.catalogs import entries_of
from vms.services.presence import (
    CatalogChange,
    PresenceChange,
    catalog_came,
    device_came,
    device_left,
    keepalive_came,
    statuses_came,
)
from vms.storage.queries.attempts import record_attempt
from vms.storage.records import SpanCause

Outcome = PresenceChange | CatalogChange | None
Write = Callable[[Database], Outcome]

DEPARTURES: dict[type, tuple[SpanCause, bool]] = {
    sip.DeviceUnregistered: (SpanCause.UNREGISTERED, False),
    sip.DeviceExpired: (SpanCause.EXPIRED, False),
    sip.DeviceDisconnected: (SpanCause.CONNECTION_LOST, False),
    sip.KeepalivesMissed: (SpanCause.KEEPALIVE_LOST, True),
}
"""Why a device is off, and whether its registration still runs."""

STATUS_EVENTS = {
    "ON": SpanCause.REPORTED_ON,
    "OFF": SpanCause.REPORTED_OFF,
    "VLOST": SpanCause.VIDEO_LOST,
    "DEFECT": SpanCause.DEFECT,
}
"""Events of a catalog notification that say how a channel is (GB/T 28181-2022 annex N)."""


def build_write(
    event: sip.Event, registrations: Mapping[str, RegistrationSnapshot | None]
) -> Write | None:
    """What to write; None when there is nothing."""
    match event:
        case sip.DeviceRegistered():
            binding = _binding(event, registrations, event.user_agent, event.gb_version)
            return lambda db: device_came(db, binding, event.at, SpanCause.REGISTERED)
        case sip.DeviceRefreshed():
            cause = SpanCause.RETURNED if event.is_returned else SpanCause.REGISTERED
            binding = _binding(event, registrations)
            return lambda db: device_came(db, binding, event.at, cause)
        case sip.KeepaliveReceived():
            return lambda db: keepalive_came(db, event.device_id, event.faulty, event.at)
        case sip.DeviceClockChecked():
            return lambda db: _clock(db, event)
        case sip.RegistrationAttempted():
            return lambda db: _attempted(db, event)
        case sip.CatalogReceived():
            return lambda db: _catalog(db, event)
        case (
            sip.DeviceUnregistered()
            | sip.DeviceExpired()
            | sip.DeviceDisconnected()
            | sip.KeepalivesMissed()
        ):
            cause, registered = DEPARTURES[type(event)]
            return lambda db: device_left(
                db, event.device_id, event.at, cause, registered=registered
            )
    return None


def _binding(
    event: sip.DeviceRegistered | sip.DeviceRefreshed,
    registrations: Mapping[str, RegistrationSnapshot | None],
    user_agent: str = "",
    gb_version: str = "",
) -> DeviceBinding:
    """The registration to keep: as the registrar has it, else as the event tells it."""
    now = registrations.get(event.device_id)
    return DeviceBinding(
        device_id=event.device_id,
        transport=event.peer.transport,
        host=event.peer.host,
        port=event.peer.port,
        contact=now.contact if now else "",
        user_agent=now.user_agent if now else user_agent,
        gb_version=now.gb_version if now else gb_version,
        registered_at=now.registered_at if now else event.at,
        expires_at=now.expires_at if now else event.at + timedelta(seconds=event.expires_s),
        last_seen_at=event.at,
        online=True,
    )


def _clock(database: Database, event: sip.DeviceClockChecked) -> None:
    offset_s = event.offset_s if event.is_wrong else None
    set_clock_offset(database, event.device_id, offset_s)


def _attempted(database: Database, event: sip.RegistrationAttempted) -> None:
    record_attempt(
        database,
        device_id=event.device_id,
        address=event.peer.host,
        transport=event.peer.transport,
        outcome=event.outcome.value,
        user_agent=event.user_agent,
        count=event.count,
        at=event.at,
    )


def _catalog(database: Database, event: sip.CatalogReceived) -> CatalogChange:
    """Items nobody asked for: they add and change, and only a named deletion marks as missing.

    Of several events of one channel the last one counts.
    """
    items = {item.device_id: item for item in event.items}.values()
    statuses = {
        item.device_id: STATUS_EVENTS[item.event] for item in items if item.event in STATUS_EVENTS
    }
    deleted = [item.device_id for item in items if item.event == "DEL"]
    if statuses or deleted:
        change = statuses_came(database, event.device_id, statuses, deleted, event.at)
    handled = {*statuses, *deleted}
    rest = [item for item in items if item.device_id not in handled]
    if not rest:
        return change if handled else CatalogChange(event.device_id, None, ())
    merged = catalog_came(
        database,
        event.device_id,
        entries_of(rest),
        event.at,
        complete=False,
        is_notification=event.is_notification,
    )
    if handled:
        merged = replace(merged, channels=(*change.channels, *merged.channels))
    return merged
