from typing import Any

import pytest
from peewee import Database

from channel_registry.errors import InvalidFilter
from channel_registry.queries.catalog import apply_catalog
from channel_registry.queries.channels import update_channel
from channel_registry.queries.devices import update_device
from channel_registry.queries.organisations import add_organisation
from channel_registry.queries.presence import save_registration
from channel_registry.queries.tree import tree
from channel_registry.records import NodeKind, TreeBy, TreeNode
from tests.channel_registry.samples import (
    BOX,
    OTHER_BOX,
    T0,
    T1,
    binding,
    camera,
    code,
    group,
    virtual,
)

EAST = f"{BOX}-{code(1, 216)}"
GROUP = f"{BOX}-{code(1, 215)}"


@pytest.fixture(autouse=True)
def mine(database: Database, box: str, other_box: str) -> None:
    """city > mine > box > group > virtual > channels; another box without a place."""
    add_organisation(database, "city", name="长治市")
    add_organisation(database, "mine", name="一号矿", parent_id="local-city")
    update_device(database, box, organisation_id="local-mine")
    entries = [
        group(1, "井下"),
        virtual(1, "东翼", business_group_id=code(1, 215)),
        camera(1, "主井口", parent_ids=(code(1, 216),)),
        camera(2, "副井口", parent_ids=(code(1, 216),), status_on=False),
        camera(3, "调度室", business_group_id=code(1, 215)),
        camera(4, "东大门"),
    ]
    apply_catalog(database, box, entries, complete=True, at=T0)
    apply_catalog(database, other_box, [camera(5, "主井口")], complete=True, at=T0)
    save_registration(database, binding(box), at=T0, cause="registered")


def short(nodes: tuple[TreeNode, ...]) -> list[tuple[Any, ...]]:
    return [(n.id, n.kind.value, n.count, n.online_count, n.has_children) for n in nodes]


def children(database: Database, parent: str | None = None) -> list[tuple[Any, ...]]:
    return short(tree(database, TreeBy.ORGANISATION, parent))


def test_the_root_holds_our_organisations_and_devices_without_one(database: Database) -> None:
    assert children(database) == [
        ("local-city", "organisation", 4, 3, True),
        (OTHER_BOX, "device", 1, 0, True),
    ]


def test_each_level_counts_everything_below_it(database: Database) -> None:
    assert children(database, "local-city") == [("local-mine", "organisation", 4, 3, True)]
    assert children(database, "local-mine") == [(BOX, "device", 4, 3, True)]
    assert children(database, BOX) == [
        (GROUP, "organisation", 3, 2, True),
        (code(4), "channel", 1, 1, False),
    ]
    assert children(database, GROUP) == [
        (EAST, "organisation", 2, 1, True),
        (code(3), "channel", 1, 1, False),
    ]
    assert [row[0] for row in children(database, EAST)] == [code(1), code(2)]


def test_a_channel_node_carries_its_channel(database: Database) -> None:
    node = tree(database, TreeBy.ORGANISATION, EAST)[1]
    assert node.kind is NodeKind.CHANNEL
    assert node.parent == EAST
    assert node.channel is not None
    assert (node.channel.name, node.channel.online) == ("副井口", False)


def test_names_of_folders_are_those_of_organisations_and_devices(database: Database) -> None:
    assert [n.name for n in tree(database, TreeBy.ORGANISATION)] == ["长治市", "二号矿"]
    assert [n.name for n in tree(database, TreeBy.ORGANISATION, BOX)] == ["井下", "东大门"]


def test_a_channel_the_operator_placed_counts_where_it_was_placed(database: Database) -> None:
    update_channel(database, code(4), organisation_id="local-city")
    assert [row[:3] for row in children(database, "local-city")] == [
        ("local-mine", "organisation", 3),
        (code(4), "channel", 1),
    ]
    assert children(database)[0][2:4] == (4, 3)


def test_an_organisation_that_is_gone_and_empty_is_hidden(database: Database) -> None:
    flat = [camera(n) for n in (1, 2, 3, 4)]
    apply_catalog(database, BOX, flat, complete=True, at=T1)
    assert [row[1] for row in children(database, BOX)] == ["channel"] * 4


def test_an_empty_organisation_of_ours_is_shown(database: Database) -> None:
    add_organisation(database, "new", name="新矿")
    assert ("local-new", "organisation", 0, 0, False) in children(database)


@pytest.mark.parametrize("parent", ["nobody", code(1), "", "'; DROP TABLE device"])
def test_an_unknown_parent_has_no_children(database: Database, parent: str) -> None:
    assert children(database, parent) == []
    assert tree(database, TreeBy.CATEGORY, parent) == ()


def test_the_category_tree_shows_all_36_and_those_without(database: Database) -> None:
    nodes = tree(database, TreeBy.CATEGORY)
    assert len(nodes) == 37
    counted = {n.id: (n.count, n.online_count) for n in nodes if n.count}
    assert counted == {"02": (2, 1), "03": (1, 0), "05": (1, 1), "none": (1, 1)}
    assert {n.kind for n in nodes} == {NodeKind.CATEGORY}
    assert not nodes[0].has_children


def test_categories_hold_their_channels_by_serial_then_code(database: Database) -> None:
    update_channel(database, code(5), category_code="0201")
    nodes = tree(database, TreeBy.CATEGORY, "02")
    assert [n.id for n in nodes] == [code(5), code(1)]
    assert [n.id for n in tree(database, TreeBy.CATEGORY, "none")] == [code(4)]
    assert tree(database, TreeBy.CATEGORY, "36") == ()


def test_many_channels_come_in_parts(database: Database) -> None:
    apply_catalog(database, OTHER_BOX, [camera(n) for n in range(5, 10)], complete=True, at=T1)
    first = tree(database, TreeBy.ORGANISATION, OTHER_BOX, limit=3)
    rest = tree(database, TreeBy.ORGANISATION, OTHER_BOX, offset=3, limit=3)
    assert [n.id for n in (*first, *rest)] == [code(n) for n in range(5, 10)]
    with pytest.raises(InvalidFilter):
        tree(database, TreeBy.ORGANISATION, limit=0)


def test_the_number_of_statements_does_not_grow_with_the_channels(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_catalog(database, OTHER_BOX, [camera(n) for n in range(5, 400)], complete=True, at=T1)
    statements: list[str] = []
    execute = database.execute_sql

    def counting(sql: str, *more: Any) -> Any:
        statements.append(sql)
        return execute(sql, *more)

    monkeypatch.setattr(database, "execute_sql", counting)
    tree(database, TreeBy.ORGANISATION)
    tree(database, TreeBy.CATEGORY)
    assert len(statements) == 4
