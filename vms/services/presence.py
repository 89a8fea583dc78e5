"""Writes what signalling says about devices and channels: registry and on/off spans together.

Functions of the database, each one transaction; they answer what has really changed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from peewee import Database

from channel_registry.errors import UnknownDevice
from channel_registry.queries.catalog import (
    CatalogAnswer,
    apply_catalogs,
    mark_missing,
    set_channel_statuses,
)
from channel_registry.queries.channels import (
    channel_codes,
    channels_by_code,
    channels_of_devices,
)
from channel_registry.queries.devices import list_devices
from channel_registry.queries.presence import (
    device_bindings,
    save_bindings,
    set_device_online,
    set_registered,
    turn_devices,
)
from channel_registry.records import (
    CatalogEntry,
    CatalogSummary,
    ChannelRecord,
    DeviceBinding,
    DeviceRecord,
)
from vms.storage.queries.spans import change_states, explain_states, open_spans
from vms.storage.records import SpanCause, SpanState, StateChange, SubjectKind

PAGE = 500
VAGUE_CAUSES = frozenset({SpanCause.REPORTED_OFF, SpanCause.FAULTY})
EXACT_CAUSES = frozenset({SpanCause.VIDEO_LOST, SpanCause.DEFECT})
"""Why a channel is off, from a catalogue event: they take the place of the vague ones."""


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """What became of one device: on, off or neither, and its channels that turned with it."""

    device_id: str
    turned: bool | None
    """True: came on; False: went off; None: it was so before."""
    cause: SpanCause
    channels: tuple[ChannelRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A registration or its refresh, to be written."""

    binding: DeviceBinding
    at: datetime
    cause: SpanCause

    @property
    def device_id(self) -> str:
        """Whose it is."""
        return self.binding.device_id


@dataclass(frozen=True, slots=True)
class Departure:
    """A device that has gone, to be written."""

    device_id: str
    at: datetime
    cause: SpanCause
    registered: bool
    """Whether its registration still runs: only keepalives are missing."""


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """What a catalogue or a notification changed; channels whose presence turned."""

    device_id: str
    summary: CatalogSummary | None
    channels: tuple[tuple[ChannelRecord, SpanCause], ...]


def device_came(
    database: Database, binding: DeviceBinding, at: datetime, cause: SpanCause
) -> PresenceChange:
    """A registration or its refresh; raises UnknownDevice."""
    changes = devices_came(database, [Arrival(binding, at, cause)])
    if not changes:
        raise UnknownDevice(binding.device_id)
    return changes[binding.device_id]


def devices_came(database: Database, arrivals: Sequence[Arrival]) -> dict[str, PresenceChange]:
    """Registrations of many devices, each once, in few statements; unknown devices are left out.

    Those with one cause turn at the time of the last of them.
    """
    with database.atomic():
        known = save_bindings(database, [arrival.binding for arrival in arrivals])
        return _turned_by_cause(database, [a for a in arrivals if a.device_id in known], on=True)


def device_returned(
    database: Database, device_id: str, at: datetime, cause: SpanCause
) -> PresenceChange:
    """Heard while its registration still runs: after a restart of the platform."""
    with database.atomic():
        turned = set_device_online(database, device_id, at=at, cause=cause.value)
        news = frozenset([device_id] if turned else [])
        return _turned(database, [device_id], True, at, cause, news)[device_id]


def device_left(
    database: Database, device_id: str, at: datetime, cause: SpanCause, *, registered: bool
) -> PresenceChange:
    """Gone, with (unregistered, expired) or without (keepalives) the end of its registration.

    Raises UnknownDevice.
    """
    changes = devices_left(database, [Departure(device_id, at, cause, registered)])
    if not changes:
        raise UnknownDevice(device_id)
    return changes[device_id]


def devices_left(database: Database, departures: Sequence[Departure]) -> dict[str, PresenceChange]:
    """Goodbyes of many devices, as `devices_came`."""
    with database.atomic():
        known: frozenset[str] = frozenset()
        for registered in (True, False):
            ids = [each.device_id for each in departures if each.registered is registered]
            known |= set_registered(database, ids, registered=registered)
        return _turned_by_cause(database, [d for d in departures if d.device_id in known], on=False)


def catalog_came(
    database: Database,
    device_id: str,
    entries: Iterable[CatalogEntry],
    at: datetime,
    *,
    complete: bool,
    is_notification: bool = False,
) -> CatalogChange:
    """A catalogue, whole or in part; raises UnknownDevice."""
    answer = CatalogAnswer(device_id, tuple(entries), complete, is_notification)
    changes = catalogs_came(database, [answer], at)
    if not changes:
        raise UnknownDevice(device_id)
    return changes[device_id]


def catalogs_came(
    database: Database, answers: Sequence[CatalogAnswer], at: datetime
) -> dict[str, CatalogChange]:
    """Catalogues of many devices, each once, in few statements; unknown devices are left out."""
    with database.atomic():
        summaries = apply_catalogs(database, answers, at=at)
        causes: dict[str, SpanCause] = {}
        for summary in summaries.values():
            causes.update(dict.fromkeys(summary.turned_on, SpanCause.REPORTED_ON))
            causes.update(dict.fromkeys(summary.turned_off, SpanCause.REPORTED_OFF))
            causes.update(dict.fromkeys(summary.added, SpanCause.ADDED))
            causes.update(dict.fromkeys(summary.returned, SpanCause.RETURNED))
            causes.update(dict.fromkeys(summary.missing, SpanCause.MISSING))
        changed: dict[str, list[tuple[ChannelRecord, SpanCause]]] = {}
        for record, cause in _record_channels(database, causes, at):
            changed.setdefault(record.device_id, []).append((record, cause))
        return {
            device_id: CatalogChange(device_id, summary, tuple(changed.get(device_id, ())))
            for device_id, summary in summaries.items()
        }


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
        explained = _explained(database, device_id, statuses, already=causes)
        causes.update(dict.fromkeys(missing, SpanCause.MISSING))
        turned = _record_channels(database, causes, at)
        return CatalogChange(device_id, None, (*turned, *explained))


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


def _turned_by_cause(
    database: Database, moves: Sequence[Arrival] | Sequence[Departure], *, on: bool
) -> dict[str, PresenceChange]:
    found: dict[str, PresenceChange] = {}
    for cause in dict.fromkeys(move.cause for move in moves):
        group = [move for move in moves if move.cause is cause]
        ids, at = [move.device_id for move in group], group[-1].at
        news = turn_devices(database, ids, online=on, at=at, cause=cause.value)
        found |= _turned(database, ids, on, at, cause, news)
    return found


def _turned(
    database: Database,
    ids: Sequence[str],
    on: bool,
    at: datetime,
    cause: SpanCause,
    news: frozenset[str],
) -> dict[str, PresenceChange]:
    """Write the spans; `news` are those that the registry had otherwise."""
    state = SpanState.ON if on else SpanState.OFF
    changes = [StateChange(device_id, state, cause) for device_id in ids]
    turned = news.union(change_states(database, SubjectKind.DEVICE, changes, at=at))
    records = channels_of_devices(database, turned)
    channel_cause = cause if on else SpanCause.DEVICE_OFFLINE
    changed = _write_spans(database, records, dict.fromkeys(records, channel_cause), at)
    channels: dict[str, list[ChannelRecord]] = {device_id: [] for device_id in ids}
    for record, _ in changed:
        channels[record.device_id].append(record)
    return {
        device_id: PresenceChange(
            device_id, on if device_id in turned else None, cause, tuple(channels[device_id])
        )
        for device_id in ids
    }


def _explained(
    database: Database,
    device_id: str,
    statuses: Mapping[str, SpanCause],
    *,
    already: Collection[str],
) -> list[tuple[ChannelRecord, SpanCause]]:
    """Channels that are off and now say more exactly why."""
    exact = {
        code: cause
        for code, cause in statuses.items()
        if cause in EXACT_CAUSES and code not in already
    }
    own = {
        code: record
        for code, record in channels_by_code(database, exact).items()
        if record.device_id == device_id
    }
    causes = {code: exact[code] for code in own}
    vague = (*VAGUE_CAUSES, *EXACT_CAUSES)
    explained = explain_states(database, SubjectKind.CHANNEL, causes, instead_of=vague)
    return [(own[code], causes[code]) for code in explained]


def _record_channels(
    database: Database, causes: Mapping[str, SpanCause], at: datetime
) -> tuple[tuple[ChannelRecord, SpanCause], ...]:
    """Write the spans of channels as the registry has them now; answers those that turned."""
    return _write_spans(database, channels_by_code(database, causes), causes, at)


def _write_spans(
    database: Database,
    records: Mapping[str, ChannelRecord],
    causes: Mapping[str, SpanCause],
    at: datetime,
) -> tuple[tuple[ChannelRecord, SpanCause], ...]:
    changes = [
        StateChange(code, SpanState.ON if record.online else SpanState.OFF, causes[code])
        for code, record in records.items()
    ]
    changed = change_states(database, SubjectKind.CHANNEL, changes, at=at)
    return tuple((records[code], causes[code]) for code in changed)
