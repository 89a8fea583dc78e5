import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peewee import Database

from channel_registry.errors import UnknownDevice
from channel_registry.queries.catalog import apply_catalog, mark_missing, set_channel_statuses
from channel_registry.queries.channels import (
    channel_codes,
    get_channel,
    update_channel,
)
from channel_registry.queries.devices import get_device
from channel_registry.queries.organisations import (
    add_organisation,
    get_organisation,
    list_organisations,
)
from channel_registry.records import CatalogEntry, CategorySource, OrganisationKind
from tests.channel_registry.samples import BOX, T0, T1, T2, camera, code, group, virtual


def test_a_catalog_makes_channels_with_all_they_say(database: Database, box: str) -> None:
    entry = camera(
        1,
        "一号矿15101采煤工作面",
        manufacturer="SimVendor",
        model="X1",
        owner="mine",
        address="underground",
        civil_code="140402",
        parent_ids=(box, code(1, 216)),
        longitude=118.376451,
        latitude=31.326319,
        ptz_type=1,
        extra={"Info/Resolution": "1/2"},
    )
    summary = apply_catalog(database, box, [virtual(1, "东翼"), entry], complete=True, at=T0)
    assert (summary.added, summary.organisations) == ((code(1),), 1)
    channel = get_channel(database, code(1))
    assert (channel.name, channel.device_id, channel.device_name) == (entry.name, box, "一号矿")
    assert (channel.longitude, channel.latitude) == (118.376451, 31.326319)
    assert (channel.manufacturer, channel.ptz_type) == ("SimVendor", 1)
    assert channel.parent_id == f"{box}/{code(1, 216)}"
    assert channel.organisation_id == f"{box}-{code(1, 216)}"
    assert (channel.category, channel.category_source) == ("15", CategorySource.GUESSED)
    assert channel.extra == {"Info/Resolution": "1/2"}
    assert channel.first_seen_at == T0
    assert get_device(database, box).catalog_at == T0


def test_the_same_catalog_again_writes_nothing_new(database: Database, box: str) -> None:
    entries = [camera(n, longitude=112.863 + n / 7, extra={"a": "b"}) for n in range(5)]
    apply_catalog(database, box, entries, complete=True, at=T0)
    summary = apply_catalog(database, box, entries, complete=True, at=T1)
    assert summary.unchanged == 5
    assert not (summary.added or summary.updated or summary.missing)
    assert get_channel(database, code(1)).updated_at == T0


def test_a_missing_channel_is_kept_with_since_when_and_returns(
    database: Database, box: str
) -> None:
    apply_catalog(database, box, [camera(1), camera(2)], complete=True, at=T0)
    summary = apply_catalog(database, box, [camera(1)], complete=True, at=T1)
    assert summary.missing == (code(2),)
    gone = get_channel(database, code(2))
    assert (gone.missing_since, gone.online) == (T1, False)
    apply_catalog(database, box, [camera(1)], complete=True, at=T2)
    assert get_channel(database, code(2)).missing_since == T1
    summary = apply_catalog(database, box, [camera(1), camera(2)], complete=True, at=T2)
    assert summary.returned == (code(2),)
    back = get_channel(database, code(2))
    assert (back.missing_since, back.first_seen_at) == (None, T0)


@pytest.mark.parametrize("entries", [[], [camera(1)], [CatalogEntry(code="junk")]])
def test_a_broken_answer_removes_nothing(
    database: Database, box: str, entries: list[CatalogEntry]
) -> None:
    apply_catalog(database, box, [virtual(1), camera(1), camera(2)], complete=True, at=T0)
    summary = apply_catalog(database, box, entries, complete=False, at=T1)
    assert summary.missing == ()
    assert get_channel(database, code(2)).missing_since is None
    assert all(one.missing_since is None for one in list_organisations(database))
    assert not get_device(database, box).catalog_complete


def test_an_empty_complete_answer_marks_but_keeps_everything(database: Database, box: str) -> None:
    apply_catalog(database, box, [camera(1), camera(2)], complete=True, at=T0)
    apply_catalog(database, box, [], complete=True, at=T1)
    assert channel_codes(database) == (code(1), code(2))
    assert get_channel(database, code(1)).missing_since == T1


def test_what_the_operator_decided_survives_every_catalog(database: Database, box: str) -> None:
    mine = add_organisation(database, "mine", name="矿")
    apply_catalog(database, box, [virtual(1), camera(1, "old")], complete=True, at=T0)
    update_channel(database, code(1), name="given", category_code="2101", organisation_id=mine.id)
    moved = camera(1, "采煤工作面", parent_ids=(code(1, 216),))
    apply_catalog(database, box, [virtual(1), moved], complete=True, at=T1)
    channel = get_channel(database, code(1))
    assert (channel.name, channel.reported_name) == ("given", "采煤工作面")
    assert (channel.category, channel.category_code) == ("21", "2101")
    assert (channel.organisation_id, channel.organisation_given) == (mine.id, True)


def test_a_renamed_channel_is_guessed_anew(database: Database, box: str) -> None:
    apply_catalog(database, box, [camera(1, "主井口")], complete=True, at=T0)
    apply_catalog(database, box, [camera(1, "副井口")], complete=True, at=T1)
    assert get_channel(database, code(1)).category == "03"


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE channel;--", "<script>alert(1)</script>", "\u202eabc", "../../x", "%s"]
)
def test_hostile_names_are_stored_literally(database: Database, box: str, name: str) -> None:
    apply_catalog(database, box, [camera(1, name), virtual(1, name)], complete=True, at=T0)
    assert get_channel(database, code(1)).name == name
    assert get_organisation(database, f"{box}-{code(1, 216)}").name == name


def test_a_name_of_4_kilobytes_is_cut_with_a_note(database: Database, box: str) -> None:
    apply_catalog(database, box, [camera(1, "x" * 4096)], complete=True, at=T0)
    channel = get_channel(database, code(1))
    assert len(channel.name) == 255
    assert "4096" in channel.note


def test_another_devices_channel_cannot_be_taken(
    database: Database, box: str, other_box: str
) -> None:
    apply_catalog(database, box, [camera(1, "mine")], complete=True, at=T0)
    stolen = [camera(1, "theirs"), camera(2)]
    summary = apply_catalog(database, other_box, stolen, complete=True, at=T1)
    assert [(one.code, one.reason) for one in summary.rejected] == [(code(1), "other_device")]
    assert summary.added == (code(2),)
    channel = get_channel(database, code(1))
    assert (channel.device_id, channel.name) == (box, "mine")


def test_a_camera_moves_once_its_old_device_no_longer_lists_it(
    database: Database, box: str, other_box: str
) -> None:
    apply_catalog(database, box, [camera(1)], complete=True, at=T0)
    update_channel(database, code(1), name="given", category_code="0501")
    apply_catalog(database, box, [], complete=True, at=T1)
    summary = apply_catalog(database, other_box, [camera(1)], complete=True, at=T2)
    assert summary.added == (code(1),)
    channel = get_channel(database, code(1))
    assert (channel.device_id, channel.missing_since) == (other_box, None)
    assert (channel.name, channel.category_code) == ("given", "0501")
    assert apply_catalog(database, box, [], complete=True, at=T2).missing == ()


def test_two_devices_may_list_the_same_region(database: Database, box: str, other_box: str) -> None:
    region = CatalogEntry(code="1404", name="长治")
    for device in (box, other_box):
        apply_catalog(database, device, [region], complete=True, at=T0)
    regions = list_organisations(database, kind=OrganisationKind.REGION)
    assert [one.device_id for one in regions] == [box, other_box]


def test_an_organisation_that_is_gone_is_marked_and_returns(database: Database, box: str) -> None:
    apply_catalog(database, box, [group(1, "旧")], complete=True, at=T0)
    apply_catalog(database, box, [camera(1)], complete=True, at=T1)
    identity = f"{box}-{code(1, 215)}"
    assert get_organisation(database, identity).missing_since == T1
    apply_catalog(database, box, [group(1, "新")], complete=False, at=T2)
    organisation = get_organisation(database, identity)
    assert (organisation.missing_since, organisation.name) == (None, "新")


def test_a_loop_of_organisations_is_stored_cut(database: Database, box: str) -> None:
    ring = [virtual(n, parent_ids=(code(n % 3 + 1, 216),)) for n in (1, 2, 3)]
    apply_catalog(database, box, ring, complete=True, at=T0)
    roots = [one for one in list_organisations(database) if one.parent_id is None]
    assert len(roots) == 1


def test_the_devices_own_item_fills_what_nothing_else_told(database: Database, box: str) -> None:
    own = CatalogEntry(code=BOX, name="its own", manufacturer="SimVendor")
    apply_catalog(database, box, [own], complete=True, at=T0)
    device = get_device(database, box)
    assert (device.name, device.manufacturer) == ("一号矿", "SimVendor")
    apply_catalog(database, box, [CatalogEntry(code=BOX, manufacturer="X")], complete=True, at=T1)
    assert get_device(database, box).manufacturer == "SimVendor"


def test_a_stranger_has_no_catalog(database: Database) -> None:
    with pytest.raises(UnknownDevice):
        apply_catalog(database, BOX, [camera(1)], complete=True, at=T0)


def test_notifications_change_the_status_of_own_channels_only(
    database: Database, box: str, other_box: str
) -> None:
    apply_catalog(database, box, [camera(1), camera(2, status_on=False)], complete=True, at=T0)
    apply_catalog(database, other_box, [camera(3)], complete=True, at=T0)
    said = {code(1): False, code(2): True, code(3): False, "nobody": False}
    assert set_channel_statuses(database, box, said, at=T1) == ((code(2),), (code(1),))
    assert set_channel_statuses(database, box, said, at=T2) == ((), ())
    assert get_channel(database, code(3)).says_on
    assert get_channel(database, code(1)).updated_at == T1


def test_a_notification_of_deletion_marks_and_keeps(
    database: Database, box: str, other_box: str
) -> None:
    apply_catalog(database, box, [camera(1)], complete=True, at=T0)
    assert mark_missing(database, other_box, [code(1)], at=T1) == ()
    assert mark_missing(database, box, [code(1), "nobody"], at=T1) == (code(1),)
    assert mark_missing(database, box, [code(1)], at=T2) == ()
    assert get_channel(database, code(1)).missing_since == T1


def test_20000_items_cost_ten_times_as_much_as_2000(
    database: Database, box: str, other_box: str
) -> None:
    few, many = merge_and_turn_off(database, other_box, 2_000), merge_and_turn_off(database, box)
    # About 6 s on an idle core; work that grew with the square would be a hundred times as much.
    assert many.statements <= 15 * few.statements
    assert many.own_s < 40 * few.own_s


class Cost(NamedTuple):
    """Statements and this process's own time, which no other program makes longer."""

    statements: int
    own_s: float


def merge_and_turn_off(database: Database, device: str, count: int = 20_000) -> Cost:
    first = 0 if count == 20_000 else 500_000
    numbers = range(first, first + count)
    entries = [
        camera(n, f"一号矿{n}号采煤工作面", parent_ids=(code(n % 20, 216),), civil_code="140402")
        for n in numbers
    ]
    off = [camera(n, f"一号矿{n}号采煤工作面", status_on=False) for n in numbers]
    groups = [virtual(n, f"东翼{n}") for n in range(20)]
    with counted_statements() as statements:
        begin = time.process_time()
        added = apply_catalog(database, device, [*groups, *entries], complete=True, at=T0)
        updated = apply_catalog(database, device, [*groups, *off], complete=True, at=T1)
        own_s = time.process_time() - begin
    assert (len(added.added), len(updated.updated)) == (count, count)
    assert len(updated.turned_off) == count
    return Cost(len(statements), own_s)


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """What peewee sends, which it logs before."""
    sent: list[str] = []
    log = logging.getLogger("peewee")
    before, log.propagate = (log.level, log.propagate), False
    handler = logging.Handler()
    handler.emit = lambda record: sent.append(record.name)  # type: ignore[method-assign]
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield sent
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]


ANSWER = st.tuples(
    st.lists(st.integers(1, 6), max_size=6, unique=True), st.booleans(), st.sampled_from("ab")
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(ANSWER, min_size=1, max_size=6))
def test_no_sequence_of_stored_answers_deletes_a_channel(
    database: Database, box: str, other_box: str, answers: list[tuple[list[int], bool, str]]
) -> None:
    at = T0
    ever = set(channel_codes(database))
    for serials, complete, who in answers:
        at += timedelta(seconds=1)
        device = box if who == "a" else other_box
        entries = [camera(serial) for serial in serials]
        summary = apply_catalog(database, device, entries, complete=complete, at=at)
        ever |= {code(serial) for serial in serials}
        assert set(channel_codes(database)) == ever
        refused = {one.code for one in summary.rejected}
        for serial in serials:
            channel = get_channel(database, code(serial))
            assert (channel.device_id == device) == (code(serial) not in refused)
            assert channel.device_id != device or channel.missing_since is None
