import pytest
from peewee import Database

from tests.vms.storage.samples import CHANNEL, OTHER, T0, after, scene
from vms.storage.errors import AlreadyExists, UnknownRow
from vms.storage.queries.scenes import (
    add_scene,
    delete_scene,
    get_scene,
    list_scenes,
    update_scene,
)
from vms.storage.queries.switches import recording_switch, recording_switches, set_recording
from vms.storage.records import AlarmLevel

REGION = ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))


def test_a_scene_comes_back_as_it_was_drawn(database: Database) -> None:
    draft = scene(region=REGION, params={"k": 3, "n": 5}, sample_fps=2.5, level=AlarmLevel.RED)
    made = add_scene(database, draft, at=T0)
    assert made == get_scene(database, made.id)
    assert (made.region, made.params) == (REGION, {"k": 3, "n": 5})
    assert (made.sample_fps, made.level, made.enabled) == (2.5, AlarmLevel.RED, True)


def test_a_second_scene_of_the_name_on_the_channel_is_refused(database: Database) -> None:
    first = add_scene(database, scene("a"), at=T0)
    with pytest.raises(AlreadyExists):
        add_scene(database, scene("a"), at=T0)
    add_scene(database, scene("a", channel=OTHER), at=T0)
    add_scene(database, scene("b"), at=T0)
    with pytest.raises(AlreadyExists):
        update_scene(database, first.id, scene("b"), at=T0)
    assert get_scene(database, first.id) == first


def test_a_scene_is_replaced_and_removed(database: Database) -> None:
    made = add_scene(database, scene(), at=T0)
    changed = update_scene(database, made.id, scene(enabled=False), at=after(5))
    assert (changed.enabled, changed.created_at, changed.updated_at) == (False, T0, after(5))
    delete_scene(database, made.id)
    for call in (
        lambda: get_scene(database, made.id),
        lambda: delete_scene(database, made.id),
        lambda: update_scene(database, made.id, scene(), at=T0),
    ):
        with pytest.raises(UnknownRow):
            call()


def test_scenes_are_listed_by_channel_plugin_and_state(database: Database) -> None:
    add_scene(database, scene("b"), at=T0)
    add_scene(database, scene("a", enabled=False), at=T0)
    add_scene(database, scene("c", channel=OTHER), at=T0)
    assert [one.name for one in list_scenes(database)] == ["a", "b", "c"]
    assert [one.name for one in list_scenes(database, channel=CHANNEL)] == ["a", "b"]
    assert [one.name for one in list_scenes(database, enabled=True)] == ["b", "c"]
    assert list_scenes(database, plugin="other") == ()


def test_recording_is_switched_per_channel(database: Database) -> None:
    assert recording_switch(database, CHANNEL) is None
    made = set_recording(database, CHANNEL, on=True, at=T0, by="admin")
    assert recording_switch(database, CHANNEL) == made
    set_recording(database, OTHER, on=True, at=T0, by="admin")
    off = set_recording(database, CHANNEL, on=False, at=after(1), by="li")
    assert recording_switch(database, CHANNEL) == off
    assert [one.channel for one in recording_switches(database, on=True)] == [OTHER]
    assert [one.channel for one in recording_switches(database)] == [CHANNEL, OTHER]
