import pytest
from peewee import Database

from channel_registry.errors import Conflict
from channel_registry.queries import shared
from channel_registry.queries.catalog import apply_catalog
from channel_registry.queries.shared import directory_facts, make_national_codes, national_codes
from tests.channel_registry.samples import BOX, T0, camera, code, group

STEM = code(1)[:14]


def test_facts_hold_everything_in_order(database: Database, box: str, other_box: str) -> None:
    entries = [camera(2), camera(1), group(1)]
    apply_catalog(database, BOX, entries, complete=True, at=T0)
    found = directory_facts(database)
    assert [each.code for each in found.channels] == [code(1), code(2)]
    assert [each.id for each in found.devices] == [box, other_box]
    assert [each.code for each in found.organisations] == [code(1, 215)]
    assert found.national == {}


def test_made_codes_are_kept_and_never_given_twice(database: Database) -> None:
    first = make_national_codes(database, {"a": STEM, "b": STEM})
    assert first == {"a": f"{STEM}900001", "b": f"{STEM}900002"}
    again = make_national_codes(database, {"b": STEM, "c": STEM, "a": "9" * 14})
    assert again == {"a": first["a"], "b": first["b"], "c": f"{STEM}900003"}
    assert national_codes(database) == again
    assert directory_facts(database).national == again


def test_a_code_that_something_has_is_not_made(database: Database, box: str) -> None:
    apply_catalog(database, BOX, [camera(900_001), group(900_001)], complete=True, at=T0)
    made = make_national_codes(database, {"a": STEM, "g": f"{STEM[:10]}2150"})
    assert made == {"a": f"{STEM}900002", "g": f"{STEM[:10]}2150900002"}


def test_when_no_serial_is_left_nothing_is_made(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "FIRST_SERIAL", 2)
    monkeypatch.setattr(shared, "LAST_SERIAL", 3)
    assert make_national_codes(database, {"a": STEM, "b": STEM, "c": STEM}) == {
        "a": f"{STEM}000002",
        "b": f"{STEM}000003",
        "c": f"{STEM}000001",
    }
    with pytest.raises(Conflict):
        make_national_codes(database, {"d": STEM})
    assert len(national_codes(database)) == 3
