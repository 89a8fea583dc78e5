import pytest
from peewee import Database

from channel_registry.errors import Conflict, InvalidCode, UnknownDevice, UnknownOrganisation
from channel_registry.queries.catalog import apply_catalog
from channel_registry.queries.channels import find_channel
from channel_registry.queries.devices import (
    add_device,
    delete_device,
    device_credential,
    device_credentials,
    find_device,
    get_device,
    known_devices,
    list_devices,
    set_device_info,
    set_device_secret,
    update_device,
)
from channel_registry.queries.organisations import add_organisation, list_organisations
from channel_registry.records import MediaTransport
from tests.channel_registry.samples import BOX, OTHER_BOX, T0, camera, code, virtual


def test_a_new_device_is_known_but_neither_registered_nor_online(database: Database) -> None:
    device = add_device(database, f" {BOX} ", name="一号矿", secret="token", at=T0)
    assert device == get_device(database, BOX)
    assert (device.id, device.name, device.password_set) == (BOX, "一号矿", True)
    assert (device.registered, device.online, device.state_since) == (False, False, None)
    assert (device.created_at, device.address, device.channel_count) == (T0, "", 0)


def test_an_id_that_is_no_code_is_refused(database: Database) -> None:
    with pytest.raises(InvalidCode):
        add_device(database, "box-1", at=T0)


def test_the_same_id_twice_is_a_conflict(database: Database, box: str) -> None:
    with pytest.raises(Conflict):
        add_device(database, box, at=T0)


def test_no_record_shows_the_secret(database: Database, box: str) -> None:
    assert "token" not in repr(get_device(database, box))
    assert "token" not in repr(device_credential(database, box))


def test_credentials_are_read_for_one_or_for_all(
    database: Database, box: str, other_box: str
) -> None:
    assert [one.device_id for one in device_credentials(database)] == [box, other_box]
    credential = device_credential(database, box)
    assert credential is not None
    assert credential.secret == "token"
    assert device_credential(database, "1" * 20) is None


def test_a_secret_is_replaced_or_taken_away(database: Database, box: str) -> None:
    set_device_secret(database, box, "other")
    credential = device_credential(database, box)
    assert credential is not None
    assert credential.secret == "other"
    set_device_secret(database, box, None)
    assert not get_device(database, box).password_set


@pytest.mark.parametrize("name", ["'; DROP TABLE device;--", "<script>", "\u202eabc", '"', "%_\\"])
def test_hostile_names_are_stored_literally_and_found(database: Database, name: str) -> None:
    add_device(database, BOX, name=name, at=T0)
    assert get_device(database, BOX).name == name
    assert [one.id for one in list_devices(database, q=name).items] == [BOX]


def test_wildcards_in_a_search_mean_themselves(database: Database, box: str) -> None:
    assert list_devices(database, q="%").total == 0
    assert list_devices(database, q="_号矿").total == 0
    assert list_devices(database, q="号矿").total == 1


def test_a_device_without_a_given_name_is_called_as_it_says(database: Database) -> None:
    add_device(database, BOX, at=T0)
    assert get_device(database, BOX).name == BOX
    assert set_device_info(database, BOX, name="NVR", model="X1").name == "NVR"
    assert update_device(database, BOX, name="副井").name == "副井"
    assert update_device(database, BOX, name="").name == "NVR"


def test_an_empty_answer_of_the_device_changes_nothing(database: Database, box: str) -> None:
    set_device_info(database, box, manufacturer="SimVendor", firmware="1.0")
    device = set_device_info(database, box, firmware="1.1")
    assert (device.manufacturer, device.firmware) == ("SimVendor", "1.1")


def test_the_operator_chooses_media_transport_and_place(database: Database, box: str) -> None:
    mine = add_organisation(database, "mine", name="一号矿")
    device = update_device(
        database,
        box,
        media_transport=MediaTransport.TCP_PASSIVE,
        organisation_id=mine.id,
        username="box",
    )
    assert device.media_transport is MediaTransport.TCP_PASSIVE
    assert device.organisation_id == mine.id
    assert update_device(database, box) == device
    assert update_device(database, box, organisation_id=None).organisation_id is None


def test_unknown_devices_and_places_are_refused(database: Database, box: str) -> None:
    with pytest.raises(UnknownDevice):
        update_device(database, "1" * 20, name="x")
    with pytest.raises(UnknownDevice):
        get_device(database, "1" * 20)
    with pytest.raises(UnknownOrganisation):
        update_device(database, box, organisation_id="local-none")
    assert find_device(database, "1" * 20) is None


def test_devices_are_listed_by_pages(database: Database) -> None:
    for serial in range(5):
        add_device(database, code(serial, 118), at=T0)
    page = list_devices(database, page=2, size=2)
    assert (page.total, page.page, page.size) == (5, 2, 2)
    assert [one.id for one in page.items] == [code(2, 118), code(3, 118)]
    assert list_devices(database, online=True).total == 0
    assert list_devices(database, online=False).total == 5


def test_devices_of_an_organisation_include_those_below(database: Database, box: str) -> None:
    add_organisation(database, "city", name="长治")
    mine = add_organisation(database, "mine", name="一号矿", parent_id="local-city")
    update_device(database, box, organisation_id=mine.id)
    assert list_devices(database, organisation="local-city").total == 1
    assert list_devices(database, organisation="local-none").total == 0


def test_deleting_a_device_takes_its_channels_and_organisations(
    database: Database, box: str, other_box: str
) -> None:
    apply_catalog(database, box, [virtual(1), camera(1), camera(2)], complete=True, at=T0)
    apply_catalog(database, other_box, [virtual(1), camera(3)], complete=True, at=T0)
    assert get_device(database, box).channel_count == 2
    assert delete_device(database, box) == (code(1), code(2))
    assert find_channel(database, code(1)) is None
    assert find_channel(database, code(3)) is not None
    assert [one.device_id for one in list_organisations(database)] == [other_box]
    with pytest.raises(UnknownDevice):
        delete_device(database, box)


def test_known_devices_are_told_from_strangers(database: Database, box: str) -> None:
    assert known_devices(database, [box, OTHER_BOX, "'"]) == frozenset({box})
    assert known_devices(database, []) == frozenset()
