from typing import Any

from channel_registry.records import OrganisationKind
from channel_registry.upper_records import OWN_CODES, CatalogForm
from tests.vms.services.cascade.samples import (
    BOX,
    EVERYTHING,
    LOWER,
    OWN,
    camera,
    device,
    facts,
    organisation,
    upper,
)
from vms.records import PreviewNode
from vms.services.cascade.lint import lint
from vms.services.cascade.preview import PreviewIndex
from vms.services.cascade.share import build_tree

GROUP = "14040300412150000001"
VIRTUAL = "14040300412160000001"


def index(form: CatalogForm) -> PreviewIndex:
    virtual = f"{LOWER}-{VIRTUAL}"
    things: list[Any] = [
        device(),
        device(LOWER),
        organisation(OrganisationKind.GROUP, GROUP, LOWER),
        organisation(OrganisationKind.VIRTUAL, VIRTUAL, LOWER, f"{LOWER}-{GROUP}"),
        camera(1),
        camera(2, name=""),
        camera(3, LOWER, organisation_id=virtual, online=False),
    ]
    tree = build_tree(upper(form), EVERYTHING, OWN_CODES, facts(*things))
    return PreviewIndex(form, tree, lint(upper(form), tree))


def children(form: CatalogForm, node: str = "") -> list[tuple[str, str, int]]:
    page = index(form).page(node=node, size=100).page
    return [(each.code, each.kind, each.channels) for each in page.items]


def test_by_civil_code_cameras_are_in_their_regions_or_below_their_recorder() -> None:
    form = CatalogForm.CIVIL_CODE
    assert children(form) == [(OWN, "system", 0), ("14", "region", 3)]
    assert children(form, "14") == [("1404", "region", 3)]
    assert children(form, "1404") == [("140402", "region", 2), ("140403", "region", 1)]
    assert children(form, "140402") == [(BOX, "device", 2)]
    assert children(form, OWN) == [(LOWER, "system", 0)]
    assert children(form, "140403") == [(camera(3, LOWER).code, "channel", 1)]


def test_by_organisation_groups_hold_organisations_and_those_the_cameras() -> None:
    form = CatalogForm.ORGANISATION
    assert children(form) == [(OWN, "system", 3)]
    assert children(form, OWN) == [(LOWER, "system", 1), (BOX, "device", 2)]
    assert children(form, LOWER) == [(GROUP, "group", 1)]
    assert children(form, GROUP) == [(VIRTUAL, "virtual", 1)]
    assert children(form, VIRTUAL) == [(camera(3, LOWER).code, "channel", 1)]


def test_flat_is_one_level() -> None:
    assert children(CatalogForm.FLAT) == [(OWN, "system", 3)]
    assert len(children(CatalogForm.FLAT, OWN)) == 3


def test_pages_and_searches_are_cut_and_counted() -> None:
    flat = index(CatalogForm.FLAT)
    second = flat.page(node=OWN, page=2, size=2)
    assert (second.page.total, len(second.page.items)) == (3, 1)
    assert (second.items, second.channels) == (4, 3)
    found = flat.page(q="主井口").page
    assert [each.code for each in found.items] == [camera(1).code, camera(3, LOWER).code]
    assert [each.code for each in flat.page(q="1404 0300").page.items] == [camera(3, LOWER).code]
    assert flat.page(q="nothing").page.total == 0
    assert flat.page(node="nobody").page.total == 0


def test_a_node_carries_its_state_its_source_and_what_is_odd_about_it() -> None:
    nodes: dict[str, PreviewNode] = {
        each.code: each for each in index(CatalogForm.FLAT).page(node=OWN).page.items
    }
    odd = nodes[camera(2).code]
    assert [each.rule for each in odd.findings] == ["empty_name"]
    assert (odd.source, odd.parent, odd.parent_ids) == (camera(2).code, OWN, (OWN,))
    assert nodes[camera(3, LOWER).code].status_on is False
    assert nodes[camera(1).code].findings == ()
