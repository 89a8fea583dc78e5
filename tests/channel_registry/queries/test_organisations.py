import pytest
from peewee import Database

from channel_registry.errors import Conflict, UnknownOrganisation
from channel_registry.queries.catalog import apply_catalog
from channel_registry.queries.channels import get_channel, update_channel
from channel_registry.queries.organisations import (
    add_organisation,
    delete_organisation,
    get_organisation,
    list_organisations,
    move_organisation,
    rename_organisation,
    subtree_ids,
)
from channel_registry.records import OrganisationKind
from tests.channel_registry.samples import T0, camera, code, virtual


@pytest.fixture(autouse=True)
def places(database: Database) -> None:
    add_organisation(database, "city", name="长治市")
    add_organisation(database, "mine", name="一号矿", parent_id="local-city")
    add_organisation(database, "shaft", name="副井", parent_id="local-mine")


def test_our_own_organisations_nest(database: Database) -> None:
    mine = get_organisation(database, "local-mine")
    assert (mine.kind, mine.parent_id, mine.device_id) == (
        OrganisationKind.LOCAL,
        "local-city",
        None,
    )
    assert subtree_ids(database, "local-city") == ["local-city", "local-mine", "local-shaft"]


def test_a_taken_key_is_a_conflict(database: Database) -> None:
    with pytest.raises(Conflict):
        add_organisation(database, "mine", name="x")


def test_an_unknown_parent_is_refused(database: Database) -> None:
    with pytest.raises(UnknownOrganisation):
        add_organisation(database, "x", name="x", parent_id="local-none")
    with pytest.raises(UnknownOrganisation):
        get_organisation(database, "local-x")


def test_moving_never_closes_a_loop(database: Database) -> None:
    with pytest.raises(Conflict):
        move_organisation(database, "local-city", "local-shaft")
    with pytest.raises(Conflict):
        move_organisation(database, "local-city", "local-city")
    assert move_organisation(database, "local-shaft", "local-city").parent_id == "local-city"
    assert move_organisation(database, "local-shaft", None).parent_id is None


def test_renaming_shows_the_new_name(database: Database) -> None:
    assert rename_organisation(database, "local-mine", "<b>").name == "<b>"


def test_what_was_in_a_deleted_organisation_moves_up(database: Database, box: str) -> None:
    apply_catalog(database, box, [camera(1)], complete=True, at=T0)
    update_channel(database, code(1), organisation_id="local-mine")
    delete_organisation(database, "local-mine")
    assert get_channel(database, code(1)).organisation_id is None
    assert get_organisation(database, "local-shaft").parent_id is None


def test_a_devices_organisations_are_its_own_affair(database: Database, box: str) -> None:
    apply_catalog(database, box, [virtual(1, "东翼")], complete=True, at=T0)
    identity = f"{box}-{code(1, 216)}"
    for change in (
        lambda: rename_organisation(database, identity, "x"),
        lambda: delete_organisation(database, identity),
        lambda: move_organisation(database, identity, None),
        lambda: add_organisation(database, "x", name="x", parent_id=identity),
    ):
        with pytest.raises(Conflict):
            change()
    assert [one.id for one in list_organisations(database, device_id=box)] == [identity]
    assert len(list_organisations(database, kind=OrganisationKind.LOCAL)) == 3
