"""Alarms: raised once while active, stepped by the transition table, listed newest first."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from peewee import Database, fn

from channel_registry.literal import fit
from channel_registry.records import Page
from channel_registry.statements import Row, fetch, fetch_one, page_of, run
from vms.storage.errors import UnknownRow, WrongState
from vms.storage.models import Alarm
from vms.storage.records import (
    ALARM_TRANSITIONS,
    AlarmBox,
    AlarmFilter,
    AlarmLevel,
    AlarmRecord,
    AlarmState,
    AlarmStep,
    NewAlarm,
)

NOTE_LIMIT = 2_000


def raise_alarm(database: Database, alarm: NewAlarm, *, at: datetime) -> tuple[AlarmRecord, bool]:
    """Raise an alarm, or count it once more while one with its key is active; true when new."""
    key = fit(alarm.dedupe_key, 255)[0]
    row = {
        "channel": fit(alarm.channel, 32)[0],
        "channel_name": fit(alarm.channel_name, 255)[0],
        "kind": fit(alarm.kind, 64)[0],
        "level": int(alarm.level),
        "state": AlarmState.RAISED.value,
        "dedupe_key": key,
        "active_key": key,
        "source": fit(alarm.source, 64)[0],
        "raised_at": at,
        "last_at": at,
        "count": 1,
        "note": "",
        "detail": alarm.detail,
        "boxes": _plain_boxes(alarm.boxes),
        "snapshot": fit(alarm.snapshot, 255)[0],
    }
    with database.atomic():
        Alarm.insert(row).on_conflict(
            conflict_target=[Alarm.active_key],
            update=_repeated(alarm, at),
        ).execute(database)
        found = fetch_one(Alarm.select().where(Alarm.active_key == key), database)
    if found is None:
        raise UnknownRow("alarm", key)
    record = _record(found)
    return record, record.count == 1


def _repeated(alarm: NewAlarm, at: datetime) -> dict[Any, Any]:
    """What a repetition changes; the platform's own alarms say how it is now."""
    changes: dict[Any, Any] = {Alarm.count: Alarm.count + 1, Alarm.last_at: at}
    if alarm.source == "system":
        changes[Alarm.detail] = alarm.detail
    return changes


def step_alarm(
    database: Database, alarm_id: int, step: AlarmStep, *, by: str, at: datetime, note: str = ""
) -> AlarmRecord:
    """Acknowledge or clear; raises `UnknownRow`, or `WrongState` and changes nothing."""
    with database.atomic():
        record = get_alarm(database, alarm_id)
        after = ALARM_TRANSITIONS.get((record.state, step))
        changes = _step_changes(step, by, at)
        if note:
            changes["note"] = fit(note, NOTE_LIMIT)[0]
        same = (Alarm.id == alarm_id) & (Alarm.state == record.state.value)
        if after is None or not run(Alarm.update(changes).where(same), database):
            raise WrongState("alarm", str(alarm_id), record.state.value, step.value)
    return get_alarm(database, alarm_id)


def _step_changes(step: AlarmStep, by: str, at: datetime) -> dict[str, Any]:
    who = fit(by, 64)[0]
    if step is AlarmStep.ACKNOWLEDGE:
        state = AlarmState.ACKNOWLEDGED.value
        return {"state": state, "acknowledged_at": at, "acknowledged_by": who}
    state = AlarmState.CLEARED.value
    return {"state": state, "cleared_at": at, "cleared_by": who, "active_key": None}


def get_alarm(database: Database, alarm_id: int) -> AlarmRecord:
    """One alarm; raises `UnknownRow`."""
    row = fetch_one(Alarm.select().where(Alarm.id == alarm_id), database)
    if row is None:
        raise UnknownRow("alarm", str(alarm_id))
    return _record(row)


def list_alarms(
    database: Database, wanted: AlarmFilter, *, page: int = 1, size: int = 50
) -> Page[AlarmRecord]:
    """Alarms that pass the filter, the newest first."""
    query = Alarm.select()
    for condition in _conditions(wanted):
        query = query.where(condition)
    order = (Alarm.raised_at.desc(), Alarm.id.desc())
    return page_of(query, order, _record, database, page=page, size=size)


def active_alarms(database: Database) -> tuple[AlarmRecord, ...]:
    """Every alarm that is not cleared, the oldest first."""
    query = Alarm.select().where(Alarm.active_key.is_null(False)).order_by(Alarm.id)
    return tuple(_record(row) for row in fetch(query, database))


def set_snapshot(
    database: Database, alarm_id: int, snapshot: str, boxes: tuple[AlarmBox, ...] | None = None
) -> AlarmRecord:
    """Add the picture that was not ready when the alarm was raised."""
    changes: dict[str, Any] = {"snapshot": fit(snapshot, 255)[0]}
    if boxes is not None:
        changes["boxes"] = _plain_boxes(boxes)
    if not run(Alarm.update(changes).where(Alarm.id == alarm_id), database):
        raise UnknownRow("alarm", str(alarm_id))
    return get_alarm(database, alarm_id)


def alarm_counts(database: Database) -> dict[AlarmState, int]:
    """How many alarms are in each state."""
    query = Alarm.select(Alarm.state, fn.COUNT(Alarm.id).alias("number")).group_by(Alarm.state)
    found = {AlarmState(row["state"]): int(row["number"]) for row in fetch(query, database)}
    return {state: found.get(state, 0) for state in AlarmState}


def _conditions(wanted: AlarmFilter) -> Iterable[Any]:
    if wanted.state is not None:
        yield Alarm.state == wanted.state.value
    if wanted.active is not None:
        yield Alarm.active_key.is_null(not wanted.active)
    if wanted.channel is not None:
        yield Alarm.channel == wanted.channel
    if wanted.level is not None:
        yield Alarm.level == int(wanted.level)
    if wanted.kind is not None:
        yield Alarm.kind == wanted.kind
    if wanted.start is not None:
        yield Alarm.raised_at >= wanted.start
    if wanted.end is not None:
        yield Alarm.raised_at < wanted.end


def _plain_boxes(boxes: Iterable[AlarmBox]) -> list[dict[str, Any]]:
    return [{"label": one.label, "score": one.score, "box": list(one.box)} for one in boxes]


def _box(plain: Mapping[str, Any]) -> AlarmBox:
    x1, y1, x2, y2 = plain["box"]
    return AlarmBox(plain["label"], plain["score"], (x1, y1, x2, y2))


def _record(row: Row) -> AlarmRecord:
    plain = {name: value for name, value in row.items() if name != "active_key"}
    typed = {
        "level": AlarmLevel(row["level"]),
        "state": AlarmState(row["state"]),
        "boxes": tuple(_box(one) for one in row["boxes"]),
    }
    return AlarmRecord(**(plain | typed))
