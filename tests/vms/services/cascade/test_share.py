from dataclasses import replace
from typing import Any

import pytest

from channel_registry.records import OrganisationKind
from channel_registry.upper_records import (
    OWN_CODES,
    CatalogForm,
    CodeMap,
    CodeRule,
    Share,
    national_subject,
)
from sip.events import CatalogItem
from tests.vms.bench import T0
from tests.vms.services.cascade.samples import (
    BOX,
    EVERYTHING,
    LOWER,
    OWN,
    UPPER,
    camera,
    device,
    facts,
    organisation,
    upper,
)
from vms.services.cascade.code_map import wanted_codes
from vms.services.cascade.share import EMPTY_TREE, SharedTree, build_tree, difference

CIVIL, ORGANISATION, FLAT = CatalogForm.CIVIL_CODE, CatalogForm.ORGANISATION, CatalogForm.FLAT
GROUP = "14040300412150000001"
VIRTUAL = "14040300412160000001"
INNER = "14040300412160000002"
SUB_SYSTEM = "14040301412000000001"
SUB_BOX = "14040301411180000001"


def tree(*things: Any, form: CatalogForm = CIVIL, share: Share = EVERYTHING, **more: Any) -> Any:
    codes = more.pop("codes", OWN_CODES)
    national = more.pop("national", None)
    return build_tree(upper(form, **more), share, codes, facts(*things, national=national))


def item(shared: SharedTree, code: str) -> CatalogItem:
    (found,) = [each for each in shared.items if each.device_id == code]
    return found


def codes(shared: SharedTree) -> list[str]:
    return [each.device_id for each in shared.items]


def grouped(*more: Any) -> list[Any]:
    """A lower platform with a group, an organisation in it and one in that."""
    virtual = f"{LOWER}-{VIRTUAL}"
    return [
        device(LOWER, name="县下煤业"),
        organisation(OrganisationKind.GROUP, GROUP, LOWER),
        organisation(OrganisationKind.VIRTUAL, VIRTUAL, LOWER, f"{LOWER}-{GROUP}"),
        organisation(OrganisationKind.VIRTUAL, INNER, LOWER, virtual),
        camera(1, LOWER, organisation_id=f"{LOWER}-{INNER}"),
        *more,
    ]


def test_our_own_system_comes_first_and_has_no_parent() -> None:
    for form in CatalogForm:
        first = tree(device(), camera(1), form=form).items[0]
        assert (first.device_id, first.name, first.parent_ids) == (OWN, "县平台", ())
        assert first.parental is True


def test_by_civil_code_regions_come_from_province_to_basic_unit() -> None:
    shared = tree(device(), camera(1, civil_code="14040201"))
    assert codes(shared)[1:5] == ["14", "1404", "140402", "14040201"]
    assert item(shared, "140402") == CatalogItem("140402", name="140402")
    assert [item(shared, code).name for code in ("14", "1404")] == ["山西省", "长治市"]


def test_a_region_has_the_name_that_a_catalogue_gave_it() -> None:
    region = organisation(OrganisationKind.REGION, "140402", BOX, name="上党区")
    shared = tree(device(), region, camera(1, organisation_id=region.id))
    assert item(shared, "140402").name == "上党区"


def test_empty_lower_levels_of_a_civil_code_are_not_sent() -> None:
    shared = tree(device(), camera(1, civil_code="140000"))
    assert "140000" not in codes(shared)
    assert item(shared, camera(1).code).civil_code == "14"


def test_a_recorder_is_a_device_below_us_and_its_cameras_below_it() -> None:
    shared = tree(device(), camera(1))
    box, channel = item(shared, BOX), item(shared, camera(1).code)
    assert (box.parent_ids, box.parental, channel.parent_ids) == ((OWN,), True, (BOX,))
    assert (channel.parental, channel.manufacturer) == (False, "Maker")


def test_a_camera_that_registers_itself_is_a_channel_below_us_and_no_device() -> None:
    alone = "14040200411320000009"
    shared = tree(device(alone), camera(9, alone, code=alone))
    assert codes(shared).count(alone) == 1
    assert item(shared, alone).parent_ids == (OWN,)


def test_a_lower_platform_is_a_system_below_ours_and_its_levels_stay() -> None:
    system = organisation(OrganisationKind.PLATFORM, SUB_SYSTEM, LOWER)
    box = organisation(OrganisationKind.DEVICE, SUB_BOX, LOWER, system.id)
    deep = camera(1, LOWER, organisation_id=box.id, parent_id=SUB_BOX)
    for form in (CIVIL, ORGANISATION):
        shared = tree(device(LOWER), system, box, deep, form=form)
        assert item(shared, LOWER).parent_ids == (OWN,)
        assert item(shared, SUB_SYSTEM).parent_ids == (LOWER,)
        assert item(shared, SUB_BOX).parent_ids == (SUB_SYSTEM,)
        assert item(shared, deep.code).parent_ids == (SUB_BOX,)


@pytest.mark.parametrize("edition", ["2016", "2022"])
def test_groups_and_organisations_of_a_lower_platform_have_their_fixed_forms(edition: str) -> None:
    shared = tree(*grouped(), form=ORGANISATION, edition=edition)
    civil = "" if edition == "2016" else "140403"
    group = item(shared, GROUP)
    assert (group.parent_ids, group.civil_code, group.register_way) == ((LOWER,), civil, None)
    assert item(shared, VIRTUAL).parent_ids == ()
    assert item(shared, VIRTUAL).business_group_id == GROUP
    assert item(shared, INNER).parent_ids == (VIRTUAL,)
    assert item(shared, INNER).business_group_id == GROUP
    channel = item(shared, camera(1, LOWER).code)
    assert channel.parent_ids == (LOWER, INNER)
    inside = channel.extra.get("Info/BusinessGroupID", "")
    assert (channel.business_group_id, inside) == (("", GROUP) if civil == "" else (GROUP, ""))


def test_our_own_organisations_become_groups_and_organisations_with_made_codes() -> None:
    root = organisation(OrganisationKind.LOCAL, "mine", name="一号矿")
    shaft = organisation(OrganisationKind.LOCAL, "shaft", parent=root.id, name="主井")
    things = [root, shaft, device(organisation_id=root.id), camera(1, organisation_id=shaft.id)]
    wanted = wanted_codes(facts(*things), with_groups=True)
    assert set(wanted.values()) == {f"{OWN[:10]}2150", f"{OWN[:10]}2160"}
    national = {subject: f"{stem}900001" for subject, stem in wanted.items()}
    shared = tree(*things, form=ORGANISATION, national=national)
    group = national[national_subject(root.id, 215)]
    virtual = national[national_subject(shaft.id, 216)]
    assert item(shared, group).parent_ids == (OWN,)
    assert item(shared, virtual).parent_ids == ()
    assert item(shared, virtual).business_group_id == group
    assert item(shared, BOX).parent_ids == (OWN, group)
    assert item(shared, camera(1).code).parent_ids == (BOX, virtual)
    assert shared.code(shaft.id) == virtual
    assert shared.source(virtual) == shaft.id


def test_flat_has_our_system_and_the_channels_alone() -> None:
    shared = tree(*grouped(device(), camera(2)), form=FLAT)
    assert codes(shared) == [OWN, camera(2).code, camera(1, LOWER).code]
    assert {each.parent_ids for each in shared.items[1:]} == {(OWN,)}


def test_a_loudspeaker_names_its_camera_and_comes_after_it() -> None:
    speaker = camera(1, type_number=131, code="14040200411370000001", parent_id=camera(5).code)
    shared = tree(device(), speaker, camera(5))
    assert item(shared, speaker.code).parent_ids == (camera(5).code,)
    assert codes(shared)[-2:] == [camera(5).code, speaker.code]
    assert item(shared, camera(5).code).parental is True


def test_states_come_from_presence() -> None:
    shared = tree(device(online=False), camera(1, online=False), camera(2))
    assert [item(shared, code).status_on for code in (BOX, camera(1).code, camera(2).code)] == [
        False,
        False,
        True,
    ]


def test_editions_differ_in_owner_and_in_required_details() -> None:
    extra = {
        "Info/PositionType": "2",
        "Info/PointType": "1",
        "Block": "B7",
        "IPAddress": "10.0.0.1",
    }
    seen = {}
    for edition in ("2016", "2022"):
        one = camera(1, extra=extra, ptz_type=5, owner="矿")
        seen[edition] = item(tree(device(), one, edition=edition), one.code)
    old, new = seen["2016"], seen["2022"]
    assert (old.owner, old.ptz_type, dict(old.extra)) == ("矿", 2, {"Info/PositionType": "2"})
    assert (new.owner, new.ptz_type, new.block) == ("", 5, "B7")
    assert dict(new.extra) == {"Info/GrassrootsCode": "000000", "Info/PointType": "1"}
    assert old.ip_address == new.ip_address == ""


# What is shared


def test_parts_add_up_and_exclusions_win() -> None:
    root = organisation(OrganisationKind.LOCAL, "mine")
    things = [
        root,
        device(organisation_id=root.id),
        device(LOWER),
        camera(1),
        camera(2),
        camera(3, LOWER, category="05"),
        camera(4, LOWER, category_code="0712", category="07"),
        camera(5, LOWER),
        camera(6, LOWER),
    ]
    share = Share(
        organisations=frozenset({root.id}),
        categories=frozenset({"05", "0712"}),
        channels=frozenset({camera(5, LOWER).code}),
        excluded=frozenset({camera(2).code}),
    )
    shared = tree(*things, share=share)
    expected = [camera(1)] + [camera(n, LOWER) for n in (3, 4, 5)]
    assert set(shared.channels) == {each.code for each in expected}


def test_a_device_may_be_shared_with_all_below_it() -> None:
    share = Share(organisations=frozenset({LOWER}))
    shared = tree(*grouped(device(), camera(2)), share=share)
    assert set(shared.channels) == {camera(1, LOWER).code}
    assert BOX not in codes(shared)


def test_a_single_channel_brings_what_is_above_it_and_the_recorder_that_it_names() -> None:
    box = organisation(OrganisationKind.DEVICE, SUB_BOX, LOWER)
    one = camera(7, LOWER, organisation_id=f"{LOWER}-{INNER}", parent_id=f"{SUB_BOX}/{INNER}")
    share = Share(channels=frozenset({one.code}))
    shared = tree(*grouped(box, one, device()), form=ORGANISATION, share=share)
    assert set(codes(shared)) == {OWN, LOWER, GROUP, VIRTUAL, INNER, SUB_BOX, one.code}
    assert item(shared, one.code).parent_ids == (SUB_BOX, INNER)


def test_nothing_is_shared_by_itself() -> None:
    shared = tree(device(), camera(1), share=Share())
    assert codes(shared)[0] == OWN
    assert not shared.channels
    assert BOX not in codes(shared)


def test_a_channel_that_its_device_no_longer_lists_is_left_out() -> None:
    shared = tree(device(), camera(1, missing_since=T0), camera(2))
    assert set(shared.channels) == {camera(2).code}
    assert [(each.channel.code, each.reason) for each in shared.left_out] == [
        (camera(1).code, "missing")
    ]


# Loops


def test_what_came_from_the_upper_is_never_given_back() -> None:
    for form in CatalogForm:
        shared = tree(device(UPPER), camera(1, UPPER), device(), camera(2), form=form)
        assert set(shared.channels) == {camera(2).code}
        assert UPPER not in codes(shared)
        assert [each.reason for each in shared.left_out] == ["loop"]


@pytest.mark.parametrize("banned", [UPPER, OWN])
def test_what_came_round_through_another_platform_is_never_given_back(banned: str) -> None:
    system = organisation(OrganisationKind.PLATFORM, banned, LOWER)
    virtual = organisation(OrganisationKind.VIRTUAL, VIRTUAL, LOWER)
    things = [
        device(LOWER),
        system,
        virtual,
        camera(1, LOWER, organisation_id=system.id),
        camera(2, LOWER, organisation_id=virtual.id, parent_id=f"{banned}/{VIRTUAL}"),
        camera(3, LOWER),
    ]
    shared = tree(*things)
    assert set(shared.channels) == {camera(3, LOWER).code}
    assert codes(shared).count(banned) == (banned == OWN)


def test_a_recorder_that_lists_its_upper_as_a_system_is_no_loop() -> None:
    system = organisation(OrganisationKind.PLATFORM, OWN, BOX)
    shared = tree(device(), system, camera(1, organisation_id=system.id, parent_id=OWN))
    assert set(shared.channels) == {camera(1).code}
    assert codes(shared).count(OWN) == 1


def test_a_channel_with_a_platforms_own_code_is_left_out() -> None:
    shared = tree(device(), camera(1), codes=CodeMap(codes={camera(1).code: UPPER}))
    assert [(each.reason, each.code) for each in shared.left_out] == [("own_code", UPPER)]


# Codes


def test_codes_are_given_then_ruled_and_lead_back() -> None:
    given = CodeMap(
        codes={camera(1).code: "14990000001320000077"},
        rules=(CodeRule("1404", "1499"), CodeRule("14040200411180", "14980200411180")),
    )
    shared = tree(device(), camera(1), camera(2), codes=given)
    assert shared.code(camera(1).code) == "14990000001320000077"
    assert shared.code(camera(2).code) == f"1499{camera(2).code[4:]}"
    assert shared.code(BOX) == f"1498{BOX[4:]}"
    for ours in (camera(1), camera(2)):
        theirs = shared.code(ours.code)
        assert theirs is not None
        assert shared.channel(theirs) == ours
        assert item(shared, theirs).parent_ids == (f"1498{BOX[4:]}",)
    assert item(shared, f"1499{camera(2).code[4:]}").civil_code == "149902"
    assert shared.channel(camera(1).code) is None


def test_systems_keep_their_codes_under_any_rule() -> None:
    shared = tree(*grouped(), codes=CodeMap(rules=(CodeRule("1404", "1499"),)))
    assert LOWER in codes(shared)


def test_two_things_of_one_code_are_told_and_the_first_is_shared() -> None:
    clash = CodeMap(codes={camera(2).code: camera(1).code})
    shared = tree(device(), camera(1), camera(2), codes=clash)
    assert shared.channel(camera(1).code) == camera(1)
    assert [(each.channel.code, each.reason) for each in shared.left_out] == [
        (camera(2).code, "same_code")
    ]
    shared = tree(device(), camera(1), codes=CodeMap(codes={camera(1).code: BOX}))
    assert [(each.reason, each.code) for each in shared.left_out] == [("same_code", BOX)]
    boxes = CodeMap(codes={"14040200411180000002": BOX})
    shared = tree(device(), device("14040200411180000002"), camera(1), codes=boxes)
    assert [each[:2] for each in shared.clashes] == [(BOX, "14040200411180000002")]


def test_a_camera_without_a_national_code_gets_one_of_its_region() -> None:
    old = camera(1, code="1404020041000001", civil_code="140402")
    assert wanted_codes(facts(device(), old), with_groups=False) == {
        national_subject(old.code, 132): "14040200411320"
    }
    assert [each.reason for each in tree(device(), old).left_out] == ["no_code"]
    national = {national_subject(old.code, 132): "14040200411320900001"}
    shared = tree(device(), old, national=national)
    assert shared.code(old.code) == "14040200411320900001"
    assert shared.channel("14040200411320900001") == old


def test_the_same_item_of_two_lowers_is_one_with_both_parents() -> None:
    second = "14040400412000000001"
    things: list[Any] = []
    for lower, online in ((LOWER, False), (second, True)):
        system = organisation(OrganisationKind.PLATFORM, SUB_SYSTEM, lower)
        things += [device(lower, online=online), system]
        things.append(camera(int(online), lower, organisation_id=system.id))
    shared = tree(*things)
    merged = item(shared, SUB_SYSTEM)
    assert merged.parent_ids == (LOWER, second)
    assert merged.status_on is True
    assert codes(shared).count(SUB_SYSTEM) == 1


def test_opposite_stories_of_two_lowers_make_no_circle() -> None:
    second, other = "14040400412000000001", "14040302412000000001"
    things: list[Any] = []
    for lower, outer, inner in ((LOWER, SUB_SYSTEM, other), (second, other, SUB_SYSTEM)):
        top = organisation(OrganisationKind.PLATFORM, outer, lower)
        low = organisation(OrganisationKind.PLATFORM, inner, lower, top.id)
        things += [device(lower), top, low, camera(1, lower, organisation_id=low.id)]
    shared = tree(*things)
    above = {each.device_id: set(each.parent_ids) for each in shared.items}
    assert (other in above[SUB_SYSTEM]) != (SUB_SYSTEM in above[other])


# Queries


def test_a_query_answers_what_annex_j_says() -> None:
    things = grouped(device(), camera(2, civil_code="14040201"))
    lower_camera = camera(1, LOWER).code
    shared = tree(*things, form=ORGANISATION)
    assert shared.under(OWN) == shared.under("") == shared.items
    assert [each.device_id for each in shared.under(BOX)] == [BOX, camera(2).code]
    assert {each.device_id for each in shared.under(GROUP)} == {
        GROUP,
        VIRTUAL,
        INNER,
        lower_camera,
    }
    assert [each.device_id for each in shared.under(INNER)] == [INNER, lower_camera]
    assert {each.device_id for each in shared.under(LOWER)} >= {LOWER, GROUP, lower_camera}
    assert BOX not in {each.device_id for each in shared.under(LOWER)}
    assert shared.under(UPPER) == ()
    regions = tree(*things)
    assert {each.device_id for each in regions.under("140403")} == {
        "140403",
        LOWER,
        lower_camera,
    }
    assert regions.under("99") == ()
    assert [each.device_id for each in shared.under(lower_camera)] == [lower_camera]


# Changes


def test_a_difference_names_what_was_added_changed_and_removed() -> None:
    old = tree(device(), camera(1), camera(2), camera(3))
    new = tree(device(), camera(2, online=False), camera(3, name="副井"), camera(4))
    told = difference(old, new)
    assert [(each.device_id, each.event) for each in told] == [
        (camera(1).code, "DEL"),
        (camera(4).code, "ADD"),
        (camera(3).code, "UPDATE"),
        (camera(2).code, "OFF"),
    ]
    assert difference(new, new) == ()
    back = difference(new, tree(device(), camera(2), camera(3, name="副井"), camera(4)))
    assert [(each.device_id, each.event) for each in back] == [(camera(2).code, "ON")]


def test_a_whole_tree_comes_parents_first_and_goes_children_first() -> None:
    shared = tree(*grouped(), form=ORGANISATION)
    come, go = difference(EMPTY_TREE, shared), difference(shared, EMPTY_TREE)
    assert [each.device_id for each in come] == codes(shared)
    assert [each.device_id for each in go] == codes(shared)[::-1]
    assert {each.event for each in come} == {"ADD"}
    assert {each.event for each in go} == {"DEL"}


def test_a_change_of_state_and_name_is_one_update() -> None:
    old = tree(device(), camera(1))
    new = tree(device(), camera(1, online=False, name="副井"))
    (told,) = difference(old, new)
    assert told == replace(item(new, camera(1).code), event="UPDATE")
