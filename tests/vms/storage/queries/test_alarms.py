from itertools import product

import pytest
from peewee import Database

from tests.vms.storage.samples import CHANNEL, OTHER, T0, after, alarm
from vms.storage.errors import UnknownRow, WrongState
from vms.storage.queries.alarms import (
    active_alarms,
    alarm_counts,
    get_alarm,
    list_alarms,
    raise_alarm,
    set_snapshot,
    step_alarm,
)
from vms.storage.records import (
    ALARM_TRANSITIONS,
    AlarmBox,
    AlarmFilter,
    AlarmLevel,
    AlarmRecord,
    AlarmState,
    AlarmStep,
)

BOX = AlarmBox("person", 0.87, (0.1, 0.2, 0.3, 0.4))


def in_state(database: Database, state: AlarmState) -> AlarmRecord:
    record, _ = raise_alarm(database, alarm(), at=T0)
    if state is AlarmState.ACKNOWLEDGED:
        return step_alarm(database, record.id, AlarmStep.ACKNOWLEDGE, by="a", at=after(1))
    if state is AlarmState.CLEARED:
        return step_alarm(database, record.id, AlarmStep.CLEAR, by="a", at=after(1))
    return record


def test_an_alarm_is_stored_with_all_it_says(database: Database) -> None:
    wanted = alarm(channel_name="主井口", detail={"n": 3}, boxes=(BOX,), snapshot="a/b.jpg")
    record, is_new = raise_alarm(database, wanted, at=T0)
    assert is_new
    assert record == get_alarm(database, record.id)
    assert (record.state, record.level, record.count) == (AlarmState.RAISED, AlarmLevel.ORANGE, 1)
    assert (record.boxes, record.detail) == ((BOX,), {"n": 3})
    assert (record.raised_at, record.last_at, record.snapshot) == (T0, T0, "a/b.jpg")


@pytest.mark.parametrize("state", [AlarmState.RAISED, AlarmState.ACKNOWLEDGED])
def test_the_same_cause_counts_while_the_alarm_is_active(
    database: Database, state: AlarmState
) -> None:
    first = in_state(database, state)
    again, is_new = raise_alarm(database, alarm(), at=after(9))
    assert not is_new
    assert (again.id, again.count, again.state) == (first.id, 2, state)
    assert (again.raised_at, again.last_at) == (T0, after(9))


def test_after_clearing_the_same_cause_is_a_new_alarm(database: Database) -> None:
    cleared = in_state(database, AlarmState.CLEARED)
    again, is_new = raise_alarm(database, alarm(), at=after(9))
    assert is_new
    assert again.id != cleared.id
    assert get_alarm(database, cleared.id).count == 1


def test_other_causes_are_other_alarms(database: Database) -> None:
    raise_alarm(database, alarm("a"), at=T0)
    _, is_new = raise_alarm(database, alarm("b"), at=T0)
    assert is_new
    assert [one.dedupe_key for one in active_alarms(database)] == ["a", "b"]


@pytest.mark.parametrize(("state", "step"), list(product(AlarmState, AlarmStep)))
def test_the_transition_table_decides(
    database: Database, state: AlarmState, step: AlarmStep
) -> None:
    before = in_state(database, state)
    after_step = ALARM_TRANSITIONS.get((state, step))
    if after_step is None:
        with pytest.raises(WrongState) as caught:
            step_alarm(database, before.id, step, by="b", at=after(5), note="no")
        assert caught.value.state == state.value
        assert get_alarm(database, before.id) == before
    else:
        assert step_alarm(database, before.id, step, by="b", at=after(5)).state is after_step


def test_who_and_when_and_why_are_kept(database: Database) -> None:
    record, _ = raise_alarm(database, alarm(), at=T0)
    step_alarm(database, record.id, AlarmStep.ACKNOWLEDGE, by="li", at=after(10))
    done = step_alarm(database, record.id, AlarmStep.CLEAR, by="wang", at=after(20), note="误报")
    assert (done.acknowledged_by, done.acknowledged_at) == ("li", after(10))
    assert (done.cleared_by, done.cleared_at, done.note) == ("wang", after(20), "误报")


def test_a_picture_may_come_later(database: Database) -> None:
    record, _ = raise_alarm(database, alarm(boxes=(BOX,)), at=T0)
    assert set_snapshot(database, record.id, "x.jpg").boxes == (BOX,)
    assert set_snapshot(database, record.id, "y.jpg", ()).boxes == ()


def test_an_unknown_alarm_is_refused(database: Database) -> None:
    for call in (
        lambda: get_alarm(database, 99),
        lambda: set_snapshot(database, 99, "x"),
        lambda: step_alarm(database, 99, AlarmStep.CLEAR, by="a", at=T0),
    ):
        with pytest.raises(UnknownRow) as caught:
            call()
        assert caught.value.code == "alarm_not_found"


def test_alarms_are_listed_newest_first_and_filtered(database: Database) -> None:
    for number in range(5):
        level = AlarmLevel.RED if number % 2 else AlarmLevel.BLUE
        channel = CHANNEL if number < 3 else OTHER
        wanted = alarm(str(number), level=level, channel=channel, kind=f"k{number % 2}")
        raise_alarm(database, wanted, at=after(number))
    step_alarm(database, active_alarms(database)[0].id, AlarmStep.CLEAR, by="a", at=after(9))

    def keys(**wanted: object) -> list[str]:
        return [one.dedupe_key for one in list_alarms(database, AlarmFilter(**wanted)).items]  # type: ignore[arg-type]

    assert keys() == ["4", "3", "2", "1", "0"]
    assert keys(active=True) == ["4", "3", "2", "1"]
    assert keys(active=False) == ["0"]
    assert keys(state=AlarmState.CLEARED) == ["0"]
    assert keys(channel=OTHER) == ["4", "3"]
    assert keys(level=AlarmLevel.RED) == ["3", "1"]
    assert keys(kind="k1") == ["3", "1"]
    assert keys(start=after(1), end=after(3)) == ["2", "1"]
    page = list_alarms(database, AlarmFilter(), page=2, size=2)
    assert ([one.dedupe_key for one in page.items], page.total) == (["2", "1"], 5)


def test_alarms_are_counted_by_state(database: Database) -> None:
    in_state(database, AlarmState.ACKNOWLEDGED)
    raise_alarm(database, alarm("b"), at=T0)
    assert alarm_counts(database) == {
        AlarmState.RAISED: 1,
        AlarmState.ACKNOWLEDGED: 1,
        AlarmState.CLEARED: 0,
    }


def test_hostile_text_is_stored_literally_or_cut(database: Database) -> None:
    nasty = alarm(channel_name="'; DROP TABLE alarm;--", kind="k" * 500, detail={"x": "\x00<b>"})
    record, _ = raise_alarm(database, nasty, at=T0)
    assert record.channel_name == "'; DROP TABLE alarm;--"
    assert len(record.kind) == 64
    assert record.detail == {"x": "\x00<b>"}
