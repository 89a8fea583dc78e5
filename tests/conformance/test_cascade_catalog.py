"""Number 46 and the catalogue half of 112: what we share upward, and that it does not go round."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from peewee import Database

from channel_registry.database import close_database
from channel_registry.queries.channels import channel_codes
from channel_registry.queries.devices import add_device
from channel_registry.queries.shared import directory_facts, make_national_codes
from channel_registry.records import CatalogEntry
from channel_registry.upper_records import OWN_CODES, CatalogForm, Share, UpperPlatform
from sip.gb28181.catalog import build_catalog_response, parse_catalog
from sip.gb28181.manscdp import parse_envelope
from sip.gb28181.xml import Element
from tests.sip.conftest import WALL
from vms.services.cascade.code_map import wanted_codes
from vms.services.cascade.share import SharedTree, build_tree
from vms.services.catalogs import entries_of
from vms.services.presence import catalog_came
from vms.storage.worker import open_storage

PROVINCE, CITY, COUNTY = (
    "14000000002000000001",
    "14040000002000000001",
    "14040200002000000001",
)
LOWER, RECORDER = "14040200412000000001", "14040200411180000001"
GROUP, VIRTUAL, INNER = (
    "14040200412150000001",
    "14040200412160000001",
    "14040200412160000002",
)
EDITIONS = ("2016", "2022")
EVERYTHING = Share(everything=True)

OF_A_SYSTEM = ["DeviceID", "Name", "Manufacturer", "Model", "CivilCode", "Address"]
OF_A_SYSTEM += ["Parental", "ParentID", "RegisterWay", "Secrecy", "Status"]
FORMS = {
    "2016": {
        "region": ["DeviceID", "Name"],
        "system": [*OF_A_SYSTEM[:4], "Owner", *OF_A_SYSTEM[4:]],
        "group": ["DeviceID", "Name", "ParentID"],
        "virtual": ["DeviceID", "Name", "BusinessGroupID"],
        "inner": ["DeviceID", "Name", "ParentID", "BusinessGroupID"],
    },
    "2022": {
        "region": ["DeviceID", "Name"],
        "system": OF_A_SYSTEM,
        "group": ["DeviceID", "Name", "CivilCode", "ParentID"],
        "virtual": ["DeviceID", "Name", "BusinessGroupID"],
        "inner": ["DeviceID", "Name", "ParentID", "BusinessGroupID"],
    },
}


@dataclass
class Platform:
    """One of our platforms: its registry, and what it shares with another."""

    id: str
    database: Database

    def tree(
        self, upper: str, form: CatalogForm = CatalogForm.ORGANISATION, edition: str = "2022"
    ) -> SharedTree:
        """What an upper platform sees of everything we have."""
        platform = UpperPlatform(
            id=upper,
            name="upper",
            domain=upper[:10],
            host="10.0.0.1",
            own_id=self.id,
            edition="2016" if edition == "2016" else "2022",
            catalog_form=form,
            created_at=WALL,
            updated_at=WALL,
        )
        facts = directory_facts(self.database)
        facts = replace(facts, server_id=self.id, own_ids=frozenset({self.id}))
        made = make_national_codes(self.database, wanted_codes(facts, with_groups=True))
        facts = replace(facts, national={**facts.national, **made})
        return build_tree(platform, EVERYTHING, OWN_CODES, facts)

    def take(self, lower: str, tree: SharedTree) -> None:
        """Take in the whole catalogue of a lower platform, as it comes over the line."""
        body = build_catalog_response(lower, 1, tree.items, len(tree.items), charset="GB18030")
        items = parse_catalog(parse_envelope(body)).items
        catalog_came(self.database, lower, entries_of(items), WALL, complete=True)

    def codes(self, device_id: str | None = None) -> set[str]:
        return set(channel_codes(self.database, device_id=device_id))


@pytest.fixture
def platforms(tmp_path: Path) -> Iterator[dict[str, Platform]]:
    """A province, a city and a county, each with one camera of its own behind a recorder."""
    with ExitStack() as stack:
        made: dict[str, Platform] = {}
        for number, identity in enumerate((PROVINCE, CITY, COUNTY), 1):
            database = open_storage(f"sqlite:///{tmp_path / f'{number}.db'}")
            stack.callback(close_database, database)
            recorder = f"{identity[:8]}411180000001"
            camera = CatalogEntry(
                f"{identity[:8]}411320000001", name="主井口", parent_ids=(recorder,)
            )
            add_device(database, recorder, at=WALL)
            catalog_came(database, recorder, [camera], WALL, complete=True)
            made[identity] = Platform(identity, database)
        yield made


def join(lower: Platform, upper: Platform) -> None:
    """Let a lower platform register at an upper one."""
    add_device(upper.database, lower.id, at=WALL)


@pytest.fixture
def county(platforms: dict[str, Platform]) -> Platform:
    """A county whose lower platform lists a group, two organisations and a loudspeaker."""
    county = platforms[COUNTY]
    entries = [
        CatalogEntry(LOWER, name="矿区平台", manufacturer="Maker", model="P1"),
        CatalogEntry(GROUP, name="一矿", parent_ids=(LOWER,)),
        CatalogEntry(VIRTUAL, name="地面", business_group_id=GROUP),
        CatalogEntry(INNER, name="主井", parent_ids=(VIRTUAL,), business_group_id=GROUP),
        CatalogEntry(
            "14040200411320000021",
            name="皮带机头",
            manufacturer="Maker",
            model="C1",
            civil_code="140402",
            parent_ids=(LOWER, INNER),
            business_group_id=GROUP,
            ptz_type=1,
            longitude=113.05,
            latitude=36.19,
        ),
        CatalogEntry("14040200411370000021", name="扬声器", parent_ids=("14040200411320000021",)),
    ]
    add_device(county.database, LOWER, at=WALL)
    catalog_came(county.database, LOWER, entries, WALL, complete=True)
    return county


def on_the_line(tree: SharedTree) -> dict[str, Element]:
    """The items as elements, as the upper platform gets them."""
    body = build_catalog_response(COUNTY, 7, tree.items, len(tree.items), charset="GB18030")
    listed = parse_envelope(body).body.child("DeviceList")
    assert listed is not None
    assert listed.attributes["Num"] == str(len(tree.items))
    return {str(each.value("DeviceID")): each for each in listed.children}


def names(element: Element) -> list[str]:
    return [child.name for child in element.children]


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("form", CatalogForm)
def test_c046_our_own_system_is_the_first_item_and_has_no_parent(
    county: Platform, form: CatalogForm, edition: str
) -> None:
    items = on_the_line(county.tree(CITY, form, edition))
    first = next(iter(items.values()))
    assert first.value("DeviceID") == COUNTY
    wanted = [each for each in FORMS[edition]["system"] if each != "ParentID"]
    assert names(first) == wanted
    assert (first.value("Parental"), first.value("Status")) == ("1", "ON")


@pytest.mark.parametrize("edition", EDITIONS)
def test_c046_groups_and_organisations_have_their_fixed_forms(
    county: Platform, edition: str
) -> None:
    items = on_the_line(county.tree(CITY, CatalogForm.ORGANISATION, edition))
    forms = FORMS[edition]
    assert names(items[GROUP]) == forms["group"]
    assert items[GROUP].value("ParentID") == LOWER
    assert names(items[VIRTUAL]) == forms["virtual"]
    assert names(items[INNER]) == forms["inner"]
    assert items[INNER].value("ParentID") == VIRTUAL
    assert {items[each].value("BusinessGroupID") for each in (VIRTUAL, INNER)} == {GROUP}


@pytest.mark.parametrize("edition", EDITIONS)
def test_c046_a_channel_names_its_system_its_organisation_and_its_group(
    county: Platform, edition: str
) -> None:
    items = on_the_line(county.tree(CITY, CatalogForm.ORGANISATION, edition))
    camera = items["14040200411320000021"]
    assert camera.value("ParentID") == f"{LOWER}/{INNER}"
    info = camera.child("Info")
    assert info is not None
    outside, inside = camera.value("BusinessGroupID"), info.value("BusinessGroupID")
    assert (outside or "", inside or "") == (("", GROUP) if edition == "2016" else (GROUP, ""))
    required = {*OF_A_SYSTEM, "Longitude", "Latitude"}
    assert required <= set(names(camera))
    assert ("Owner" in names(camera)) is (edition == "2016")
    assert (info.value("GrassrootsCode") == "000000") is (edition == "2022")
    assert items["14040200411370000021"].value("ParentID") == (f"14040200411320000021/{INNER}")


@pytest.mark.parametrize("edition", EDITIONS)
def test_c046_regions_are_code_and_name_and_lower_systems_name_their_parent(
    county: Platform, edition: str
) -> None:
    items = on_the_line(county.tree(CITY, CatalogForm.CIVIL_CODE, edition))
    for region in ("14", "1404", "140402"):
        assert names(items[region]) == FORMS[edition]["region"]
    assert names(items[LOWER]) == FORMS[edition]["system"]
    assert items[LOWER].value("ParentID") == COUNTY
    assert items[RECORDER].value("ParentID") == COUNTY
    assert items["14040200411320000001"].value("ParentID") == RECORDER


@pytest.mark.parametrize("form", CatalogForm)
def test_c046_an_upper_platform_of_ours_takes_in_every_channel(
    county: Platform, platforms: dict[str, Platform], form: CatalogForm
) -> None:
    city = platforms[CITY]
    join(county, city)
    city.take(COUNTY, county.tree(CITY, form))
    assert city.codes(COUNTY) == county.codes()


@pytest.mark.parametrize("form", CatalogForm)
def test_c112_what_two_platforms_share_with_each_other_never_comes_back(
    platforms: dict[str, Platform], form: CatalogForm
) -> None:
    county, city = platforms[COUNTY], platforms[CITY]
    own = {each.id: each.codes() for each in (county, city)}
    join(county, city)
    join(city, county)
    for _ in range(3):
        city.take(COUNTY, county.tree(CITY, form))
        county.take(CITY, city.tree(COUNTY, form))
        assert set(county.tree(CITY, form).channels) == own[COUNTY]
        assert set(city.tree(COUNTY, form).channels) == own[CITY]
    for platform in (county, city):
        assert platform.codes() == own[COUNTY] | own[CITY]
    shown = [each.device_id for each in county.tree(CITY, form).items]
    assert CITY not in shown
    assert shown.count(COUNTY) == 1


@pytest.mark.parametrize("form", [CatalogForm.CIVIL_CODE, CatalogForm.ORGANISATION])
def test_c112_a_circle_of_three_stands_still(
    platforms: dict[str, Platform], form: CatalogForm
) -> None:
    ring = [platforms[each] for each in (COUNTY, CITY, PROVINCE)]
    pairs = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    for lower, upper in pairs:
        join(lower, upper)
    everything = {code for each in ring for code in each.codes()}
    sizes: list[list[int]] = []
    for _ in range(5):
        for lower, upper in pairs:
            tree = lower.tree(upper.id, form)
            assert not set(tree.channels) & own_codes(upper)
            upper.take(lower.id, tree)
        sizes.append([len(lower.tree(upper.id, form).items) for lower, upper in pairs])
    assert all(each.codes() == everything for each in ring)
    assert sizes[-1] == sizes[-2] == sizes[-3]


def own_codes(platform: Platform) -> set[str]:
    return platform.codes(f"{platform.id[:8]}411180000001")


def test_c112_three_levels_keep_the_lowest_one(platforms: dict[str, Platform]) -> None:
    county, city, province = (platforms[each] for each in (COUNTY, CITY, PROVINCE))
    join(county, city)
    join(city, province)
    city.take(COUNTY, county.tree(CITY))
    province.take(CITY, city.tree(PROVINCE))
    assert province.codes(CITY) == city.codes() == city.codes() | county.codes()
    shown = {each.device_id: each for each in city.tree(PROVINCE).items}
    assert shown[COUNTY].parent_ids == (CITY,)
    assert shown[RECORDER].parent_ids == (COUNTY,)
    (camera,) = own_codes(county)
    assert shown[camera].parent_ids == (RECORDER,)
