"""Writes what signalling says about devices and channels: registry and on/off spans together.

Functions of the database, each one transaction; they answer what has really changed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from peewee import Database

from channel_registry.queries.catalog import apply_catalog, mark_missing, set_channel_statuses
from channel_registry.queries.channels import channel_codes, channels_by_code
from channel_registry.queries.devices import list_devices
from channel_registry.queries.presence import (
    device_bindings,
    save_registration,
    set_device_offline,
    set_device_online,
)
from channel_registry.records import (
    CatalogEntry,
    CatalogSummary,
    ChannelRecord,
    DeviceBinding,
    DeviceRecord,
)
from vms.storage.queries.spans import change_states, open_spans
from vms.storage.records import SpanCause, SpanState, StateChange, SubjectKind

PAGE = 500


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """What became of one device: on, off or neither, and its channels that turned with it."""

    device_id: str
    turned: bool | None
    """True: came on; False: went off; None: it was so before."""
    cause: SpanCause
    channels: tuple[ChannelRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """What a catalogue or a notification changed; channels whose presence turned."""

    device_id: str
    summary: CatalogSummary | None
    channels: tuple[tuple[ChannelRecord, SpanCause], ...]


def device_came(
    database: Database, binding: DeviceBinding, at: datetime, cause: SpanCause
) -> PresenceChange:
    """A registration or its refresh."""
    with database.atomic():
        turned = save_registration(database, binding, at=at, cause=cause.value)
        return _turned(database, binding.device_id, True, at, cause, is_new=turned)


def device_returned(
    database: Database, device_id: str, at: datetime, cause: SpanCause
) -> PresenceChange:
    """Heard while its registration still runs: after a restart of the platform."""
    with database.atomic():
        turned = set_device_online(database, device_id, at=at, cause=cause.value)
        return _turned(database, device_id, True, at, cause, is_new=turned)


def device_left(
    database: Database, device_id: str, at: datetime, cause: SpanCause, *, registered: bool
) -> PresenceChange:
    """Gone, with (unregistered, expired) or without (keepalives) the end of its registration."""
    with database.atomic():
        turned = set_device_offline(
            database, device_id, at=at, cause=cause.value, registered=registered
        )
        return _turned(database, device_id, False, at, cause, is_new=turned)


def catalog_came(
    database: Database,
    device_id: str,
    entries: Iterable[CatalogEntry],
    at: datetime,
    *,
    complete: bool,
    is_notification: bool = False,
) -> CatalogChange:
    """A catalogue, whole or in part."""
    with database.atomic():
        summary = apply_catalog(
            database,
            device_id,
            entries,
            complete=complete,
            at=at,
            is_notification=is_notification,
        )
        causes: dict[str, SpanCause] = {}
        causes.update(dict.fromkeys(summary.turned_on, SpanCause.REPORTED_ON))
        causes.update(dict.fromkeys(summary.turned_off, SpanCause.REPORTED_OFF))
        causes.update(dict.fromkeys(summary.added, SpanCause.ADDED))
        causes.update(dict.fromkeys(summary.returned, SpanCause.RETURNED))
        causes.update(dict.fromkeys(summary.missing, SpanCause.MISSING))
        changed = _record_channels(database, causes, at)
        return CatalogChange(device_id, summary, changed)


def statuses_came(
    database: Database,
    device_id: str,
    statuses: Mapping[str, SpanCause],
    deleted: Iterable[str],
    at: datetime,
) -> CatalogChange:
    """A notification: channels that turned on or off and why, channels that it removed."""
    with database.atomic():
        is_on = {code: cause is SpanCause.REPORTED_ON for code, cause in statuses.items()}
        on, off = set_channel_statuses(database, device_id, is_on, at=at)
        missing = mark_missing(database, device_id, deleted, at=at)
        causes = {code: statuses[code] for code in (*on, *off)}
        causes.update(dict.fromkeys(missing, SpanCause.MISSING))
        return CatalogChange(device_id, None, _record_channels(database, causes, at))


def faults_came(
    database: Database, device_id: str, faulty: Iterable[str], at: datetime
) -> CatalogChange:
    """A keepalive with the children it calls faulty (9.6); those it calls so no more recover.

    Only what went off by such a keepalive comes back by one: a channel that the catalogue says is
    off stays off.
    """
    with database.atomic():
        codes = set(channel_codes(database, device_id=device_id))
        now_faulty = codes & set(faulty)
        spans = open_spans(database, SubjectKind.CHANNEL, codes)
        was_faulty = {code for code, span in spans.items() if span.cause is SpanCause.FAULTY}
        statuses = dict.fromkeys(now_faulty - was_faulty, False)
        statuses |= dict.fromkeys(was_faulty - now_faulty, True)
        on, off = set_channel_statuses(database, device_id, statuses, at=at)
        causes = dict.fromkeys(on, SpanCause.REPAIRED) | dict.fromkeys(off, SpanCause.FAULTY)
        return CatalogChange(device_id, None, _record_channels(database, causes, at))


def keepalive_came(
    database: Database, device_id: str, faulty: Iterable[str], at: datetime
) -> PresenceChange | CatalogChange:
    """A keepalive that may change something: the first one after a start, or one with faults."""
    with database.atomic():
        presence = device_returned(database, device_id, at, SpanCause.RETURNED)
        faults = faults_came(database, device_id, faulty, at)
    if presence.turned is None:
        return faults
    told = tuple(record for record, _ in faults.channels)
    return replace(presence, channels=(*presence.channels, *told))


def settle(database: Database, at: datetime) -> tuple[DeviceBinding, ...]:
    """At the start: the registrations that still run; those that ran out meanwhile are ended."""
    with database.atomic():
        running = device_bindings(database, at)
        kept = {binding.device_id for binding in running}
        for device in _all_devices(database):
            if device.id not in kept and (device.registered or device.online):
                device_left(database, device.id, at, SpanCause.EXPIRED, registered=False)
    return running


def _all_devices(database: Database) -> Iterator[DeviceRecord]:
    for page in count(1):
        found = list_devices(database, page=page, size=PAGE)
        yield from found.items
        if page * PAGE >= found.total:
            return


def _turned(
    database: Database, device_id: str, on: bool, at: datetime, cause: SpanCause, *, is_new: bool
) -> PresenceChange:
    """Write the spans; `is_new` tells whether the registry had it otherwise."""
    state = SpanState.ON if on else SpanState.OFF
    change = StateChange(device_id, state, cause)
    began = change_states(database, SubjectKind.DEVICE, [change], at=at)
    if not (is_new or began):
        return PresenceChange(device_id, None, cause)
    codes = channel_codes(database, device_id=device_id)
    channel_cause = cause if on else SpanCause.DEVICE_OFFLINE
    changed = _record_channels(database, dict.fromkeys(codes, channel_cause), at)
    return PresenceChange(device_id, on, cause, tuple(record for record, _ in changed))


def _record_channels(
    database: Database, causes: Mapping[str, SpanCause], at: datetime
) -> tuple[tuple[ChannelRecord, SpanCause], ...]:
    """Write the spans of channels as the registry has them now; answers those that turned."""
    records = channels_by_code(database, causes)
    changes = [
        StateChange(code, SpanState.ON if record.online else SpanState.OFF, causes[code])
        for code, record in records.items()
    ]
    changed = change_states(database, SubjectKind.CHANNEL, changes, at=at)
    return tuple((records[code], causes[code]) for code in changed)
