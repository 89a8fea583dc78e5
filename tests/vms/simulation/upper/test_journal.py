"""What a pretend upper platform tells, for people and for programs."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sip.events import CatalogItem
from vms.errors import ConfigError
from vms.simulation.upper.journal import Journal, tree_lines

NOW = datetime(2026, 5, 1, 2, 3, 4, tzinfo=UTC)


def test_lines_for_people_and_the_same_as_json(tmp_path: Path):
    lines: list[str] = []
    path = tmp_path / "upper.jsonl"
    with Journal(lines.append, lambda: NOW, path) as journal:
        journal.tell("media", "▶ 首包", code="1")
        journal.tell("keepalive", "", device="2")
    assert lines == ["02:03:04 ▶ 首包"]
    read = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(line["event"], line.get("code")) for line in read] == [
        ("media", "1"),
        ("keepalive", None),
    ]


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path):
    with pytest.raises(ConfigError) as raised:
        Journal(print, lambda: NOW, tmp_path / "no" / "folder.jsonl")
    assert raised.value.key == "--log"


def test_a_catalog_is_a_tree_whatever_its_parents_are():
    items = [
        CatalogItem("system", "局"),
        CatalogItem("mine", "一矿", parent_ids=("system",)),
        CatalogItem("camera", "井口", parent_ids=("mine", "elsewhere"), status_on=False),
        CatalogItem("lost", "孤儿", parent_ids=("unknown",)),
        CatalogItem("one", "环一", parent_ids=("two",)),
        CatalogItem("two", "环二", parent_ids=("one",)),
    ]
    lines = tree_lines(items)
    assert lines[:4] == [
        "system  局",
        "  mine  一矿",
        "    camera  井口  OFF",
        "lost  孤儿",
    ]
    assert {line.split()[0] for line in lines} == {item.device_id for item in items}


def test_a_group_stands_below_its_business_group_and_only_there():
    business, group = "34020000002150000001", "34020000002160000001"
    inner = "34020000002160000002"
    items = [
        CatalogItem(business, "业务分组"),
        CatalogItem(group, "组", business_group_id=business),
        CatalogItem(inner, "内组", parent_ids=(group,), business_group_id=business),
    ]
    assert tree_lines(items) == [
        f"{business}  业务分组",
        f"  {group}  组",
        f"    {inner}  内组",
    ]


def test_regions_stand_below_each_other_by_their_digits():
    items = [CatalogItem("140421"), CatalogItem("14"), CatalogItem("1404")]
    assert [line.rstrip() for line in tree_lines(items)] == ["14", "  1404", "    140421"]
