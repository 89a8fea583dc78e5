"""Whatever the registry holds: items are readable, parents exist, every code leads back."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from channel_registry.codes import ChannelCode, civil_parents, is_civil_code
from channel_registry.records import OrganisationKind
from channel_registry.upper_records import CatalogForm, CodeMap, CodeRule, Share
from sip.gb28181.catalog import build_catalog_response, parse_catalog
from sip.gb28181.manscdp import parse_envelope
from tests.vms.services.cascade.samples import (
    BOX,
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
from vms.services.cascade.items import group_of
from vms.services.cascade.lint import lint
from vms.services.cascade.preview import PreviewIndex
from vms.services.cascade.share import SharedTree, build_tree, difference

SECOND = "14040400412000000001"
DEVICES = (BOX, LOWER, SECOND, UPPER, "14040200411320000777")
KINDS = {
    OrganisationKind.REGION: ("14", "1404", "140402", "14040201"),
    OrganisationKind.GROUP: ("14040200002150000001", "14040200002150000002"),
    OrganisationKind.VIRTUAL: ("14040200002160000001", "14040200002160000002"),
    OrganisationKind.PLATFORM: ("14040200002000000077", "14040200002000000078", OWN, UPPER),
    OrganisationKind.DEVICE: ("14040200001180000001", "14040200001180000002"),
}
NAMES = st.text(st.characters(codec="gb18030", exclude_categories=["Cc", "Cs"]), max_size=12)


@st.composite
def registries(draw: st.DrawFn) -> Any:
    """Devices, a forest of organisations in each, our own organisations, cameras anywhere."""
    things: list[Any] = []
    local: list[str] = []
    for number in range(draw(st.integers(0, 3))):
        parent = draw(st.sampled_from([None, *local]))
        things.append(organisation(OrganisationKind.LOCAL, str(number), parent=parent))
        local.append(things[-1].id)
    used: set[str] = set()
    for device_id in draw(st.lists(st.sampled_from(DEVICES), unique=True, min_size=1)):
        place = draw(st.sampled_from([None, *local]))
        things.append(device(device_id, organisation_id=place, online=draw(st.booleans())))
        listed: list[str] = []
        for kind, codes in KINDS.items():
            for code in draw(st.lists(st.sampled_from(codes), unique=True)):
                parent = draw(st.sampled_from([None, *listed]))
                things.append(organisation(kind, code, device_id, parent, name=draw(NAMES)))
                listed.append(things[-1].id)
        for serial in draw(st.lists(st.integers(0, 6), unique=True, max_size=6)):
            number = draw(st.sampled_from([131, 132, 134, 137, 600]))
            one = camera(
                serial,
                device_id,
                type_number=number,
                name=draw(NAMES),
                online=draw(st.booleans()),
                organisation_id=draw(st.sampled_from([None, *listed, *local])),
                parent_id=draw(
                    st.sampled_from(["", device_id, f"{OWN}/{device_id}", "null", *sorted(used)])
                ),
                civil_code=draw(st.sampled_from(["", "140402", "340000", "14040201"])),
                category=draw(st.sampled_from([None, "01", "02"])),
            )
            if draw(st.booleans()) and serial > 3:
                one = camera(serial, device_id, code=f"14040200410000{serial:02d}")
            if one.code not in used:
                used.add(one.code)
                things.append(one)
    return things


SHARES = st.one_of(
    st.just(Share(everything=True)),
    st.builds(
        Share,
        organisations=st.frozensets(st.sampled_from([*DEVICES, "local-0", f"{LOWER}-1404"])),
        categories=st.frozensets(st.sampled_from(["01", "02"])),
    ),
)
MAPS = st.sampled_from(
    [
        CodeMap(),
        CodeMap(rules=(CodeRule("1404", "1499"),)),
        CodeMap(rules=(CodeRule("14040200411320000", "14040200411320001"),)),
        CodeMap(codes={camera(1).code: "14990000001320000001", camera(2).code: BOX}),
    ]
)


def tree_of(things: Any, form: CatalogForm, edition: str, share: Share, codes: CodeMap) -> Any:
    wanted = wanted_codes(facts(*things), with_groups=True)
    ordered = enumerate(sorted(wanted.items()))
    national = {subject: f"{stem}{900_001 + n:06d}" for n, (subject, stem) in ordered}
    return build_tree(upper(form, edition=edition), share, codes, facts(*things, national=national))


@given(registries(), st.sampled_from(CatalogForm), st.sampled_from(["2016", "2022"]), SHARES, MAPS)
def test_every_tree_is_sound(
    things: Any, form: CatalogForm, edition: str, share: Share, codes: CodeMap
) -> None:
    shared = tree_of(things, form, edition, share, codes)
    listed = [each.device_id for each in shared.items]
    assert listed[0] == OWN and shared.items[0].parent_ids == ()
    assert len(set(listed)) == len(listed)
    assert UPPER not in listed
    for item in shared.items:
        assert is_civil_code(item.device_id) or ChannelCode(item.device_id)
        assert set(item.parent_ids) <= set(listed) - {item.device_id}
        assert group_of(item) in ("", *listed)
        if form is CatalogForm.CIVIL_CODE and item.civil_code:
            assert {item.civil_code, *civil_parents(item.civil_code)} <= set(listed)
    _nothing_is_above_itself(shared)
    _codes_lead_back(shared)
    _parsed_is_what_was_built(shared)


def _nothing_is_above_itself(shared: SharedTree) -> None:
    above = {each.device_id: each.parent_ids for each in shared.items}
    for code in above:
        waiting = list(above[code])
        for parent in waiting:
            assert parent != code
            waiting += [each for each in above[parent] if each not in waiting]


def _codes_lead_back(shared: SharedTree) -> None:
    for code, channel in shared.channels.items():
        assert shared.code(channel.code) == code
        assert shared.channel(code) == channel
        assert channel.device_id != UPPER
    for ours, theirs in shared.codes.items():
        source = shared.source(theirs)
        assert source == ours or shared.code(str(source)) == theirs


def _parsed_is_what_was_built(shared: SharedTree) -> None:
    body = build_catalog_response(OWN, 1, shared.items, len(shared.items), charset="GB18030")
    packet = parse_catalog(parse_envelope(body))
    assert packet.dropped == 0
    for sent, read in zip(shared.items, packet.items, strict=True):
        assert read.device_id == sent.device_id
        assert read.parent_ids == sent.parent_ids
        assert read.status_on is (sent.status_on or sent.register_way is None)
        assert read.civil_code == sent.civil_code
        assert read.business_group_id == group_of(sent)


@given(registries(), st.sampled_from(CatalogForm), SHARES, SHARES)
def test_an_upper_that_follows_the_differences_has_the_new_tree(
    things: Any, form: CatalogForm, first: Share, second: Share
) -> None:
    old = tree_of(things, form, "2022", first, CodeMap())
    new = tree_of(things[::-1], form, "2022", second, CodeMap())
    known = {each.device_id for each in old.items}
    for item in difference(old, new):
        assert (item.event == "ADD") is (item.device_id not in known)
        if item.event == "DEL":
            known.remove(item.device_id)
        known |= {item.device_id} if item.event == "ADD" else set()
    assert known == {each.device_id for each in new.items}


@given(registries(), st.sampled_from(CatalogForm), SHARES, MAPS)
def test_preview_shows_every_item_once_and_lint_has_an_opinion_on_anything(
    things: Any, form: CatalogForm, share: Share, codes: CodeMap
) -> None:
    shared = tree_of(things, form, "2022", share, codes)
    findings = lint(upper(form), shared)
    assert "parent_not_shared" not in {each.rule for each in findings}
    index = PreviewIndex(form, shared, findings)
    seen: list[str] = []
    waiting = [""]
    for parent in waiting:
        for node in index.page(node=parent, size=1000).page.items:
            seen.append(node.code)
            waiting.append(node.code)
            assert node.has_children is bool(index.page(node=node.code).page.total)
    assert sorted(seen) == sorted(each.device_id for each in shared.items)
    roots = index.page(size=1000).page.items
    assert sum(node.channels for node in roots) == len(shared.channels)
