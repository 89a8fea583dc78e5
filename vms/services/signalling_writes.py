"""Which event of signalling is written how, and many of them in one transaction.

What storms after a power cut, or when a fleet says goodbye, is written for many devices at once:
arrivals, departures, tries to register, ends of subscriptions. The rest is one call each, in the
order of coming.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from peewee import Database

from channel_registry.errors import RegistryError
from channel_registry.queries.rules import set_clock_offset
from channel_registry.records import DeviceBinding
from sip import events as sip
from sip.server import RegistrationSnapshot
from vms.services.catalogs import entries_of
from vms.services.presence import (
    Arrival,
    CatalogChange,
    Departure,
    PresenceChange,
    catalog_came,
    devices_came,
    devices_left,
    keepalive_came,
    statuses_came,
)
from vms.storage.queries.attempts import record_attempts
from vms.storage.queries.subscriptions import SubscriptionNote, note_subscriptions
from vms.storage.records import RegistrationAttempt, SpanCause

logger = logging.getLogger(__name__)

Outcome = PresenceChange | CatalogChange | None
Note = RegistrationAttempt | SubscriptionNote
Write = Callable[[Database], Outcome] | Arrival | Departure | Note

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
            return Arrival(binding, event.at, SpanCause.REGISTERED)
        case sip.DeviceRefreshed():
            cause = SpanCause.RETURNED if event.is_returned else SpanCause.REGISTERED
            binding = _binding(event, registrations)
            return Arrival(binding, event.at, cause)
        case sip.KeepaliveReceived():
            return lambda db: keepalive_came(db, event.device_id, event.faulty, event.at)
        case sip.DeviceClockChecked():
            return lambda db: _clock(db, event)
        case sip.RegistrationAttempted():
            return _attempt(event)
        case sip.SubscriptionChanged():
            return _note(event)
        case sip.CatalogReceived():
            return lambda db: _catalog(db, event)
        case (
            sip.DeviceUnregistered()
            | sip.DeviceExpired()
            | sip.DeviceDisconnected()
            | sip.KeepalivesMissed()
        ):
            cause, registered = DEPARTURES[type(event)]
            return Departure(event.device_id, event.at, cause, registered)
    return None


def write_all(database: Database, writes: Sequence[Write]) -> list[Outcome]:
    """Write in one transaction; answers what became of each. One refused does not stop others."""
    outcomes: list[Outcome] = [None] * len(writes)
    with database.atomic():
        moves: dict[str, int] = {}
        for index, write in enumerate(writes):
            if isinstance(write, Note):
                continue
            if not isinstance(write, Arrival | Departure):
                _write_moves(database, writes, moves, outcomes)
                outcomes[index] = _write_one(database, write)
                continue
            if moves and not _may_join(write, writes, moves):
                _write_moves(database, writes, moves, outcomes)
            moves[write.device_id] = index
        _write_moves(database, writes, moves, outcomes)
        attempts = [write for write in writes if isinstance(write, RegistrationAttempt)]
        if attempts:
            record_attempts(database, attempts)
        note_subscriptions(
            database, [write for write in writes if isinstance(write, SubscriptionNote)]
        )
    return outcomes


def _may_join(
    write: Arrival | Departure, writes: Sequence[Write], moves: Mapping[str, int]
) -> bool:
    """Of one kind together, and no device twice."""
    first = writes[next(iter(moves.values()))]
    return type(first) is type(write) and write.device_id not in moves


def _write_moves(
    database: Database, writes: Sequence[Write], moves: dict[str, int], outcomes: list[Outcome]
) -> None:
    """Write the devices that came, or those that left, together."""
    chosen = [writes[index] for index in moves.values()]
    arrivals = [write for write in chosen if isinstance(write, Arrival)]
    departures = [write for write in chosen if isinstance(write, Departure)]
    found = devices_came(database, arrivals) if arrivals else devices_left(database, departures)
    for device_id, index in moves.items():
        outcomes[index] = found.get(device_id)
        if device_id not in found:
            logger.info("signalling about something unknown", extra={"device": device_id})
    moves.clear()


def _write_one(database: Database, write: Callable[[Database], Outcome]) -> Outcome:
    try:
        with database.atomic():
            return write(database)
    except RegistryError as error:
        logger.info("signalling about something unknown", extra={"reason": str(error)})
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


def _attempt(event: sip.RegistrationAttempted) -> RegistrationAttempt:
    return RegistrationAttempt(
        device_id=event.device_id,
        address=event.peer.host,
        transport=event.peer.transport,
        outcome=event.outcome.value,
        user_agent=event.user_agent,
        count=event.count,
        first_at=event.at,
        last_at=event.at,
    )


def _note(event: sip.SubscriptionChanged) -> SubscriptionNote:
    return SubscriptionNote(event.device_id, event.topic, event.state, event.reason, event.at)


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
