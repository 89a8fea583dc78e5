from datetime import timedelta
from typing import Any

import pytest
from peewee import Database

from channel_registry.errors import (
    InvalidCode,
    InvalidFilter,
    UnknownChannel,
    UnknownOrganisation,
)
from channel_registry.queries.catalog import apply_catalog
from channel_registry.queries.channels import (
    channel_codes,
    channels_after,
    channels_by_code,
    counts,
    delete_channel,
    find_channel,
    get_channel,
    list_channels,
    prove_channels,
    search,
    update_channel,
)
from channel_registry.queries.devices import update_device
from channel_registry.queries.organisations import add_organisation
from channel_registry.queries.presence import save_registration, turn_devices
from channel_registry.records import CategorySource, ChannelFilter, RegistryCounts
from tests.channel_registry.samples import (
    BOX,
    OTHER_BOX,
    T0,
    T1,
    T2,
    binding,
    camera,
    code,
    virtual,
)


@pytest.fixture(autouse=True)
def mine(database: Database, box: str, other_box: str) -> None:
    """Four cameras of an online box, one of a box that is not."""
    entries = [
        virtual(1),
        virtual(2, parent_ids=(code(1, 216),)),
        camera(1, "一矿主井口", parent_ids=(code(2, 216),)),
        camera(2, "一矿副井口 East", status_on=False),
        camera(3, "一矿调度室"),
        camera(4, "一矿东大门"),
    ]
    apply_catalog(database, box, entries, complete=True, at=T0)
    apply_catalog(database, box, entries[:-1], complete=True, at=T1)
    apply_catalog(database, other_box, [camera(5, "二矿主井口")], complete=True, at=T0)
    save_registration(database, binding(box), at=T0, cause="registered")


def listed(database: Database, **wanted: Any) -> list[int]:
    found = list_channels(database, ChannelFilter(**wanted)).items
    return [int(one.code[-6:]) for one in found]


def test_channels_are_read_piece_by_piece_in_order(database: Database, box: str) -> None:
    apply_catalog(database, BOX, [camera(n) for n in (3, 1, 2)], complete=False, at=T0)
    whole = channel_codes(database)
    first = channels_after(database, "", 2)
    assert [each.code for each in first] == list(whole[:2])
    rest = channels_after(database, first[-1].code, len(whole))
    assert [each.code for each in (*first, *rest)] == list(whole)
    assert [each.code for each in channels_after(database, "")] == list(whole)


def test_three_facts_stay_apart(database: Database) -> None:
    prove_channels(database, {code(2): T2, "nobody": T2})
    off = get_channel(database, code(2))
    assert (off.registered, off.says_on, off.proven, off.proven_at) == (True, False, True, T2)
    assert not off.online
    unproven = get_channel(database, code(1))
    assert (unproven.registered, unproven.says_on, unproven.proven) == (True, True, False)
    assert unproven.online
    orphan = get_channel(database, code(5))
    assert (orphan.registered, orphan.says_on, orphan.online) == (False, True, False)


def test_channels_go_off_with_their_device(database: Database) -> None:
    assert listed(database, online=True) == [1, 3]
    turn_devices(database, [BOX], online=False, at=T2, cause="keepalive_lost")
    assert listed(database, online=True) == []
    assert get_channel(database, code(1)).registered


@pytest.mark.parametrize(
    ("wanted", "serials"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"device": BOX}, [1, 2, 3, 4]),
        ({"device": "nobody"}, []),
        ({"online": True}, [1, 3]),
        ({"online": False}, [2, 4, 5]),
        ({"missing": True}, [4]),
        ({"missing": False}, [1, 2, 3, 5]),
        ({"category": "02"}, [1, 5]),
        ({"category": "none"}, [4]),
        ({"category": "02", "device": OTHER_BOX}, [5]),
        ({"organisation": f"{BOX}-{code(1, 216)}"}, [1]),
        ({"organisation": "nobody"}, []),
        ({"q": "主井"}, [1, 5]),
        ({"q": "east"}, [2]),
        ({"q": "  "}, [1, 2, 3, 4, 5]),
        ({"q": "1330000"}, []),
        ({"q": "0000003"}, [3]),
        ({"q": "14040200 41 132 0 000003"}, [3]),
        ({"q": "%"}, []),
        ({"q": "' OR 1=1 --"}, []),
        ({"q": "\x00"}, []),
    ],
)
def test_filters_narrow_the_list(
    database: Database, wanted: dict[str, Any], serials: list[int]
) -> None:
    assert listed(database, **wanted) == serials


def test_a_filter_of_an_organisation_holds_its_devices_channels(database: Database) -> None:
    add_organisation(database, "city", name="长治")
    add_organisation(database, "mine", name="二号矿", parent_id="local-city")
    update_device(database, OTHER_BOX, organisation_id="local-mine")
    update_channel(database, code(3), organisation_id="local-city")
    assert listed(database, organisation="local-city") == [3, 5]
    assert listed(database, organisation="local-mine") == [5]


@pytest.mark.parametrize("category", ["00", "37", "x", "150"])
def test_a_category_that_cannot_be_is_refused(database: Database, category: str) -> None:
    with pytest.raises(InvalidFilter):
        list_channels(database, ChannelFilter(category=category))


def test_pages_follow_one_another(database: Database) -> None:
    pages = [list_channels(database, ChannelFilter(), page=n, size=2) for n in (1, 2, 3, 4)]
    assert [[int(one.code[-6:]) for one in page.items] for page in pages] == [
        [1, 2],
        [3, 4],
        [5],
        [],
    ]
    assert {page.total for page in pages} == {5}


@pytest.mark.parametrize(("page", "size"), [(0, 10), (1, 0), (1, 1001), (-1, 5)])
def test_pages_that_cannot_be_are_refused(database: Database, page: int, size: int) -> None:
    with pytest.raises(InvalidFilter):
        list_channels(database, ChannelFilter(), page=page, size=size)


def test_search_finds_by_name_and_by_code(database: Database) -> None:
    assert [one.code for one in search(database, "主井口")] == [code(1), code(5)]
    assert [one.code for one in search(database, code(4))] == [code(4)]
    assert len(search(database, "口", limit=2)) == 2


def test_channels_are_fetched_by_code_in_bulk(database: Database) -> None:
    found = channels_by_code(database, [code(n) for n in range(1200)])
    assert sorted(found) == [code(n) for n in (1, 2, 3, 4, 5)]
    assert found[code(1)] == get_channel(database, code(1))


def test_codes_are_listed_by_device_and_state(database: Database) -> None:
    assert channel_codes(database, device_id=OTHER_BOX) == (code(5),)
    assert channel_codes(database, online=True) == (code(1), code(3))
    assert channel_codes(database, device_id=BOX, online=False) == (code(2), code(4))


def test_a_given_name_shows_and_can_be_taken_back(database: Database) -> None:
    channel = update_channel(database, code(4), name="一矿副井口")
    assert (channel.name, channel.category) == ("一矿副井口", "03")
    channel = update_channel(database, code(4), name=None)
    assert (channel.name, channel.category) == ("一矿东大门", None)


def test_an_assigned_category_wins_and_can_be_taken_back(database: Database) -> None:
    channel = update_channel(database, code(1), category_code="3401")
    assert (channel.category, channel.category_code) == ("34", "3401")
    assert channel.category_source is CategorySource.ASSIGNED
    assert listed(database, category="3401") == [1]
    channel = update_channel(database, code(1), category_code=None)
    assert (channel.category, channel.category_source) == ("02", CategorySource.GUESSED)


def test_a_wrong_change_changes_nothing(database: Database) -> None:
    before = get_channel(database, code(1))
    with pytest.raises(InvalidCode):
        update_channel(database, code(1), name="x", category_code="9901")
    with pytest.raises(UnknownOrganisation):
        update_channel(database, code(1), name="x", organisation_id="local-none")
    assert update_channel(database, code(1)) == before


def test_unknown_channels_are_refused(database: Database) -> None:
    for call in (get_channel, delete_channel, update_channel):
        with pytest.raises(UnknownChannel):
            call(database, code(99))
    assert find_channel(database, code(99)) is None


def test_a_deleted_channel_comes_back_when_it_is_listed_again(database: Database) -> None:
    delete_channel(database, code(3))
    assert find_channel(database, code(3)) is None
    later = T2 + timedelta(minutes=1)
    summary = apply_catalog(database, BOX, [camera(3)], complete=False, at=later)
    assert summary.added == (code(3),)


def test_the_status_line_counts(database: Database) -> None:
    prove_channels(database, {code(1): T1, code(2): T1})
    assert counts(database) == RegistryCounts(
        devices=2,
        devices_online=1,
        channels=5,
        channels_online=2,
        channels_proven=2,
        channels_missing=1,
    )


def test_the_code_is_shown_in_groups_and_types_tell_pictures(database: Database) -> None:
    channel = get_channel(database, code(1))
    assert channel.display_code == "14040200 41 132 0 000001"
    assert channel.has_picture
