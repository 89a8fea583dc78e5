from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_registry.categories import (
    BY_PREFIX,
    CATEGORIES,
    category_of,
    guess_category,
    parse_category_code,
)
from channel_registry.errors import InvalidCode
from channel_registry.records import Category, CategorySource


def test_there_are_36_in_official_order() -> None:
    assert [one.prefix for one in CATEGORIES] == [f"{number:02d}" for number in range(1, 37)]
    assert [one.order for one in CATEGORIES] == list(range(1, 37))


def test_the_coal_face_needs_four_cameras() -> None:
    face = BY_PREFIX["15"]
    assert (face.name, face.min_cameras, face.location) == ("采煤工作面", 4, "underground")
    assert "audible_visual_alarm" in face.capabilities


@pytest.mark.field
def test_package_data_is_the_reference_list(shared: Path) -> None:
    reference = (shared / "reference" / "mine-categories.csv").read_text(encoding="utf-8")
    packaged = files("channel_registry").joinpath("categories.csv").read_text(encoding="utf-8")
    assert packaged == reference


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda one: one.prefix)
def test_every_official_name_inside_a_channel_name_is_recognised(category: Category) -> None:
    assert guess_category(f"阳泉一矿 {category.name} 1号") == category.prefix


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("一矿15101采煤工作面", "15"),
        ("一矿15101采煤工作面超前支护", "14"),
        ("一矿15101采煤工作面回风隅角", "13"),
        ("采煤工作面出入口", "12"),
        ("掘进工作面回风流Ｔ２处", "18"),
        ("主运皮带机头", "19"),
        ("强力胶带机机尾2", "19"),
        ("井下中央变电所（东）", "21"),
        ("二采区水泵房", "22"),
        ("地面煤仓口", "32"),
        ("地面煤仓卸煤口", "33"),
        ("1号煤仓 下口", "23"),
        ("主斜井口", "02"),
        ("空压机房", "31"),
    ],
)
def test_names_as_mines_write_them(name: str, prefix: str) -> None:
    assert guess_category(name) == prefix


@pytest.mark.parametrize("name", ["", "东大门", "camera 12", "Channel-01", "'; DROP TABLE--", "煤"])
def test_a_name_without_a_place_has_no_category(name: str) -> None:
    assert guess_category(name) is None


def test_of_equally_long_spellings_the_last_one_wins() -> None:
    assert guess_category("主井口副井口") == "03"
    assert guess_category("副井口主井口") == "02"


def test_an_assigned_code_wins_over_the_name() -> None:
    assert category_of("一矿采煤工作面", "2103") == ("21", CategorySource.ASSIGNED)
    assert category_of("一矿采煤工作面", None) == ("15", CategorySource.GUESSED)
    assert category_of("东大门", None) == (None, CategorySource.NONE)


@pytest.mark.parametrize("text", ["0101", " 3699\n", "1500"])
def test_category_codes_are_prefix_and_serial(text: str) -> None:
    assert parse_category_code(text) == text.strip()


@pytest.mark.parametrize("text", ["", "15", "0001", "3701", "15011", "15a1", "１５０１"])
def test_a_category_code_outside_the_36_is_refused(text: str) -> None:
    with pytest.raises(InvalidCode):
        parse_category_code(text)


@given(st.text(max_size=300))
def test_any_name_may_be_guessed_from(name: str) -> None:
    assert guess_category(name) in {None, *BY_PREFIX}
