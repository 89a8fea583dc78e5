"""Pretend mines: real codes, names that say their category, organisations that hold together."""

import pytest

from channel_registry.categories import CATEGORIES, category_of
from channel_registry.codes import ChannelCode
from vms.simulation.mine import FULL_MINE, build_mines
from vms.simulation.places import VIEWPOINTS


def test_m2_a_full_mine_has_every_category_as_often_as_it_must() -> None:
    [mine] = build_mines(1)
    found = [category_of(channel.name, None)[0] for channel in mine.channels]
    for category in CATEGORIES:
        assert found.count(category.prefix) >= category.min_cameras, category.name


def test_m3_every_name_is_the_mine_and_a_place_that_is_recognised() -> None:
    [mine] = build_mines(1)
    for camera in mine.cameras:
        assert camera.channel.name == f"福安矿{camera.viewpoint.name}"
        assert category_of(camera.channel.name, None)[0] == camera.viewpoint.category


def test_m3_channel_numbers_ascend_without_gaps() -> None:
    for mine in build_mines(2):
        serials = [ChannelCode.parse(channel.code).serial for channel in mine.channels]
        assert [int(serial) for serial in serials] == list(range(1, FULL_MINE + 1))


def test_codes_are_those_of_boxes_and_cameras_in_mining() -> None:
    [mine] = build_mines(1)
    box, camera = ChannelCode.parse(mine.device_id), ChannelCode.parse(mine.channels[0].code)
    assert (box.type, box.industry, box.civil_code) == (118, "41", "140421")
    assert (camera.type, camera.industry, camera.civil_code) == (132, "41", "140421")


@pytest.mark.parametrize(("boxes", "channels"), [(1, 0), (1, 1), (3, 5), (25, 39), (2, 500)])
def test_any_number_of_boxes_and_cameras_has_codes_names_and_pictures_of_its_own(
    boxes: int, channels: int
) -> None:
    mines = build_mines(boxes, channels)
    assert len({mine.device_id for mine in mines}) == boxes
    cameras = [camera for mine in mines for camera in mine.cameras]
    assert len(cameras) == boxes * channels
    assert len({camera.channel.code for camera in cameras}) == len(cameras)
    assert len({camera.channel.name for camera in cameras}) == len(cameras)
    assert len({camera.seed for camera in cameras}) == len(cameras)


def test_every_camera_hangs_in_the_tree_of_its_mine() -> None:
    for mine in build_mines(12):
        group, *areas = mine.organisations
        assert group.parent_id == mine.device_id
        assert {area.business_group_id for area in areas} == {group.code}
        assert {channel.organisation_id for channel in mine.channels} <= {a.code for a in areas}
    codes = [each.code for mine in build_mines(12) for each in mine.organisations]
    assert len(set(codes)) == len(codes)


def test_a_small_mine_still_shows_different_places() -> None:
    [mine] = build_mines(1, 9)
    assert len({camera.viewpoint.place for camera in mine.cameras}) >= 5


def test_the_same_arguments_give_the_same_mines() -> None:
    assert build_mines(3, 40) == build_mines(3, 40)
    assert {viewpoint.category for viewpoint in VIEWPOINTS} == {c.prefix for c in CATEGORIES}
