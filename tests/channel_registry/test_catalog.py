from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel_registry import catalog as catalog_module
from channel_registry import places as places_module
from channel_registry.catalog import (
    CatalogTree,
    ChannelFacts,
    KnownChannel,
    merge,
    read_catalog,
)
from channel_registry.places import OrganisationFacts
from channel_registry.records import CatalogEntry, OrganisationKind
from tests.channel_registry.samples import BOX, camera, code, group, virtual


def facts_of(*entries: CatalogEntry) -> tuple[ChannelFacts, ...]:
    return read_catalog(BOX, entries).channels


def places(tree: CatalogTree) -> dict[str, str | None]:
    return {facts.code: facts.organisation_id for facts in tree.channels}


def parents(tree: CatalogTree) -> dict[str, str | None]:
    return {facts.code: facts.parent_id for facts in tree.organisations}


def identity(text: str) -> str:
    return f"{BOX}-{text}"


# --- reading -------------------------------------------------------------------------------------


def test_items_are_told_apart_by_length_and_type() -> None:
    nvr = CatalogEntry(code=code(1, 118), name="NVR")
    tree = read_catalog(
        BOX,
        [CatalogEntry(code="1404", name="长治"), group(1), virtual(1), nvr, camera(1)],
    )
    assert [facts.kind for facts in tree.organisations] == [
        OrganisationKind.REGION,
        OrganisationKind.GROUP,
        OrganisationKind.VIRTUAL,
        OrganisationKind.DEVICE,
    ]
    assert [facts.code for facts in tree.channels] == [code(1)]


def test_unknown_types_are_channels_and_users_are_not() -> None:
    tree = read_catalog(
        BOX,
        [
            CatalogEntry(code=code(1, 177)),
            CatalogEntry(code=code(1, 999)),
            CatalogEntry(code=code(1, 300)),
        ],
    )
    assert [facts.code for facts in tree.channels] == [code(1, 177), code(1, 999)]
    assert [one.reason for one in tree.rejected] == ["not_a_channel"]


def test_codes_of_the_withdrawn_rule_are_stored_as_they_are() -> None:
    assert facts_of(CatalogEntry(code="123456789012345678"))[0].code == "123456789012345678"


@pytest.mark.parametrize(
    "text", ["", "null", "123", "1404021112", "3402000000132000000x", "x" * 99]
)
def test_items_without_a_usable_code_are_rejected_and_named(text: str) -> None:
    tree = read_catalog(BOX, [CatalogEntry(code=text), camera(1)])
    assert [(one.code, one.reason) for one in tree.rejected] == [(text[:64], "bad_code")]
    assert len(tree.channels) == 1


def test_the_device_itself_is_not_its_own_organisation() -> None:
    tree = read_catalog(BOX, [CatalogEntry(code=BOX, name="box", manufacturer="SimVendor")])
    assert tree.own is not None
    assert tree.own.manufacturer == "SimVendor"
    assert not tree.organisations


def test_a_camera_that_registers_itself_is_its_own_channel() -> None:
    tree = read_catalog(code(1), [camera(1)])
    assert [facts.code for facts in tree.channels] == [code(1)]
    assert tree.own is None


def test_of_repeated_items_the_last_one_counts() -> None:
    (facts,) = facts_of(camera(1, "old"), camera(1, "new"))
    assert facts.name == "new"


def test_blanks_around_a_code_are_dropped() -> None:
    (facts,) = facts_of(CatalogEntry(code=f" {code(1)}\r\n"))
    assert facts.code == code(1)


def test_a_channel_without_a_name_is_called_by_its_code() -> None:
    assert facts_of(CatalogEntry(code=code(1), name="  "))[0].name == code(1)


def test_a_long_name_is_cut_with_a_note() -> None:
    (facts,) = facts_of(camera(1, "井" * 4096))
    assert facts.name == "井" * 255
    assert facts.note == "name cut from 4096 characters"


def test_junk_numbers_are_dropped() -> None:
    (facts,) = facts_of(camera(1, ptz_type=10**12, longitude=float("nan"), latitude=91.0))
    assert (facts.ptz_type, facts.longitude, facts.latitude) == (None, None, None)


@pytest.mark.parametrize("text", ["null", "140402111213", "abc"])
def test_a_civil_code_that_is_none_is_empty(text: str) -> None:
    assert facts_of(camera(1, civil_code=text))[0].civil_code == ""


def test_a_catalog_beyond_the_limit_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "MAX_ITEMS", 3)
    tree = read_catalog(BOX, [camera(serial) for serial in range(9)])
    assert len(tree.channels) == 3
    assert [one.reason for one in tree.rejected] == ["too_many"]


# --- places --------------------------------------------------------------------------------------


def test_a_virtual_organisation_wins_over_the_device_behind() -> None:
    nvr = CatalogEntry(code=code(1, 118))
    entry = camera(1, parent_ids=(f"{code(1, 118)}/{code(1, 216)}",))
    tree = read_catalog(BOX, [nvr, virtual(1), entry])
    assert places(tree) == {code(1): identity(code(1, 216))}


def test_parents_may_be_joined_or_split() -> None:
    joined = camera(1, parent_ids=(f"{BOX}/{code(1, 216)}",))
    split = camera(2, parent_ids=(BOX, code(1, 216)))
    tree = read_catalog(BOX, [virtual(1), joined, split])
    assert set(places(tree).values()) == {identity(code(1, 216))}


def test_the_business_group_places_a_channel_that_names_no_organisation() -> None:
    entry = camera(1, parent_ids=(BOX,), business_group_id=code(1, 215))
    assert places(read_catalog(BOX, [group(1), entry])) == {code(1): identity(code(1, 215))}


def test_a_region_places_a_channel_by_its_civil_code_or_the_nearest_above() -> None:
    regions = [CatalogEntry(code="14", name="山西"), CatalogEntry(code="1404", name="长治")]
    entries = [camera(1, civil_code="140402"), camera(2, civil_code="14"), camera(3)]
    assert places(read_catalog(BOX, [*regions, *entries])) == {
        code(1): identity("1404"),
        code(2): identity("14"),
        code(3): None,
    }


def test_a_loudspeaker_stands_where_its_camera_stands() -> None:
    eye = camera(1, parent_ids=(code(1, 216),))
    speaker = CatalogEntry(code=code(1, 137), parent_ids=(code(1),))
    tree = read_catalog(BOX, [virtual(1), eye, speaker])
    assert places(tree)[code(1, 137)] == identity(code(1, 216))


@pytest.mark.parametrize("parent", ["null", "", "12345", BOX, code(1), code(9, 216), "///"])
def test_a_parent_that_is_nobody_leaves_the_channel_under_its_device(parent: str) -> None:
    tree = read_catalog(BOX, [virtual(1), camera(1, parent_ids=(parent,))])
    assert places(tree) == {code(1): None}


def test_regions_nest_by_their_digits_and_virtual_organisations_by_parent() -> None:
    tree = read_catalog(
        BOX,
        [
            virtual(2, parent_ids=(code(1, 216),), business_group_id=code(1, 215)),
            virtual(1, business_group_id=code(1, 215)),
            CatalogEntry(code="140402"),
            CatalogEntry(code="14"),
            group(1, parent_ids=(BOX,)),
        ],
    )
    assert parents(tree) == {
        "14": None,
        "140402": identity("14"),
        code(1, 215): None,
        code(1, 216): identity(code(1, 215)),
        code(2, 216): identity(code(1, 216)),
    }
    order = [facts.code for facts in tree.organisations]
    assert order.index("14") < order.index("140402")
    assert order.index(code(1, 216)) < order.index(code(2, 216))


def test_a_loop_of_parents_is_cut_once() -> None:
    ring = [virtual(n, parent_ids=(code(n % 3 + 1, 216),)) for n in (1, 2, 3)]
    tree = read_catalog(BOX, ring)
    assert sorted(parent is None for parent in parents(tree).values()) == [False, False, True]


def test_an_organisation_is_not_its_own_parent() -> None:
    tree = read_catalog(BOX, [virtual(1, parent_ids=(code(1, 216),))])
    assert parents(tree) == {code(1, 216): None}


def test_a_partial_answer_uses_organisations_of_earlier_ones() -> None:
    known = {
        code(1, 216): OrganisationFacts(
            identity(code(1, 216)), OrganisationKind.VIRTUAL, code(1, 216), "east", None
        )
    }
    tree = read_catalog(BOX, [camera(1, parent_ids=(code(1, 216),))], known)
    assert places(tree) == {code(1): identity(code(1, 216))}
    assert tree.organisations == ()


def test_a_loop_closed_over_two_answers_is_cut() -> None:
    first = read_catalog(BOX, [virtual(1, parent_ids=(code(2, 216),)), virtual(2)])
    known = {facts.code: facts for facts in first.organisations}
    second = read_catalog(BOX, [virtual(2, parent_ids=(code(1, 216),))], known)
    links = {facts.code: facts.parent_id for facts in first.organisations} | parents(second)
    assert links[code(1, 216)] is None or links[code(2, 216)] is None


def test_a_chain_deeper_than_any_real_tree_is_cut_into_trees() -> None:
    chain = [virtual(n, parent_ids=(code(n + 1, 216),)) for n in range(5_000)]
    tree = read_catalog(BOX, chain)
    by_id = parents(tree)
    assert len(by_id) == 5_000
    depths: dict[str, int] = {}
    for facts in tree.organisations:  # parents come before children
        depths[facts.id] = 1 + (depths[facts.parent_id] if facts.parent_id else 0)
    assert max(depths.values()) <= places_module.MAX_DEPTH


def test_more_organisations_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "MAX_ORGANISATIONS", 2)
    tree = read_catalog(BOX, [virtual(1), virtual(2), virtual(3), virtual(1, "again")])
    assert [facts.code for facts in tree.organisations] == [code(1, 216), code(2, 216)]
    assert [(one.code, one.reason) for one in tree.rejected] == [(code(3, 216), "too_many")]


SERIALS = st.integers(1, 6)
NODES = st.builds(
    lambda serial, above, is_group: CatalogEntry(
        code=code(serial, 215 if is_group else 216),
        parent_ids=tuple(code(one, 216) for one in above),
        business_group_id=code(above[0], 215) if above else "",
    ),
    SERIALS,
    st.lists(SERIALS, max_size=3),
    st.booleans(),
)


@given(st.lists(NODES, max_size=14), st.lists(NODES, max_size=14))
def test_no_set_of_answers_makes_a_loop(
    first: list[CatalogEntry], second: list[CatalogEntry]
) -> None:
    known: dict[str, OrganisationFacts] = {}
    for entries in (first, second):
        tree = read_catalog(BOX, entries, known)
        known |= {facts.code: facts for facts in tree.organisations}
        by_id = {facts.id: facts.parent_id for facts in known.values()}
        for start in by_id:
            node, steps = by_id[start], 0
            while node is not None:
                assert node in by_id
                node, steps = by_id[node], steps + 1
                assert steps <= len(by_id)


JUNK = st.one_of(st.text(max_size=25), st.sampled_from([code(1), code(2, 216), BOX, "1404"]))
ANY_ENTRY = st.builds(
    CatalogEntry,
    code=JUNK,
    name=st.text(max_size=300),
    civil_code=JUNK,
    parent_ids=st.lists(JUNK, max_size=3).map(tuple),
    business_group_id=JUNK,
    longitude=st.one_of(st.none(), st.floats()),
    ptz_type=st.one_of(st.none(), st.integers()),
    extra=st.dictionaries(st.text(max_size=80), st.text(max_size=20), max_size=3),
)


@given(st.lists(ANY_ENTRY, max_size=12))
def test_any_items_can_be_read(entries: list[CatalogEntry]) -> None:
    tree = read_catalog(BOX, entries)
    assert len(tree.channels) + len(tree.organisations) + len(tree.rejected) <= len(entries)
    ids = {facts.id for facts in tree.organisations}
    assert all(facts.organisation_id in {None, *ids} for facts in tree.channels)
    assert all(len(facts.name) <= 255 for facts in tree.channels)


# --- merging -------------------------------------------------------------------------------------


def known_of(*entries: CatalogEntry, missing: bool = False) -> dict[str, KnownChannel]:
    return {facts.code: KnownChannel(facts, missing) for facts in facts_of(*entries)}


def test_the_first_catalog_adds_everything() -> None:
    difference = merge({}, facts_of(camera(1), camera(2, status_on=False)), complete=True)
    assert [facts.code for facts in difference.added] == [code(1), code(2)]
    assert difference.turned_on == (code(1),)
    assert difference.turned_off == (code(2),)


def test_the_same_catalog_again_changes_nothing() -> None:
    entries = (camera(1, extra={"Owner": "x"}), camera(2))
    difference = merge(known_of(*entries), facts_of(*entries), complete=True)
    assert difference.unchanged == 2
    assert not (difference.added or difference.updated or difference.missing)


def test_a_complete_answer_marks_what_it_does_not_list() -> None:
    difference = merge(known_of(camera(1), camera(2)), facts_of(camera(1)), complete=True)
    assert difference.missing == (code(2),)


def test_a_broken_answer_marks_nothing() -> None:
    known = known_of(camera(1), camera(2))
    assert merge(known, facts_of(camera(1)), complete=False).missing == ()
    assert merge(known, (), complete=False).missing == ()


def test_what_is_missing_already_is_not_marked_again() -> None:
    assert merge(known_of(camera(1), missing=True), (), complete=True).missing == ()


def test_a_missing_channel_that_is_listed_again_has_returned() -> None:
    known = known_of(camera(1), missing=True)
    difference = merge(known, facts_of(camera(1)), complete=False)
    assert difference.returned == (code(1),)
    assert [facts.code for facts in difference.updated] == [code(1)]
    assert difference.turned_on == ()


def test_a_changed_status_is_told_both_ways() -> None:
    known = known_of(camera(1), camera(2, status_on=False))
    difference = merge(known, facts_of(camera(1, status_on=False), camera(2)), complete=True)
    assert difference.turned_off == (code(1),)
    assert difference.turned_on == (code(2),)


def test_a_place_given_by_the_operator_is_kept() -> None:
    (facts,) = facts_of(camera(1))
    placed = replace(facts, organisation_id="local-mine")
    known = {facts.code: KnownChannel(placed, is_missing=False, organisation_given=True)}
    assert merge(known, (facts,), complete=True).unchanged == 1
    renamed = replace(facts, name="new")
    (updated,) = merge(known, (renamed,), complete=True).updated
    assert (updated.name, updated.organisation_id) == ("new", "local-mine")


CAMERAS = st.lists(
    st.builds(camera, st.integers(1, 8), st.sampled_from(["a", "b"]), status_on=st.booleans()),
    max_size=10,
)


@given(st.lists(st.tuples(CAMERAS, st.booleans()), max_size=8))
def test_no_sequence_of_answers_ever_deletes_a_channel(
    answers: list[tuple[list[CatalogEntry], bool]],
) -> None:
    known: dict[str, KnownChannel] = {}
    for entries, complete in answers:
        listed = facts_of(*entries)
        before = dict(known)
        difference = merge(known, listed, complete=complete)
        for facts in (*difference.added, *difference.updated):
            known[facts.code] = KnownChannel(facts, is_missing=False)
        for missing in difference.missing:
            known[missing] = replace(known[missing], is_missing=True)
        assert set(before) <= set(known)
        codes = {facts.code for facts in listed}
        assert all(not known[one].is_missing for one in codes)
        if complete:
            assert {one for one in known if not known[one].is_missing} == codes
        else:
            assert difference.missing == ()
