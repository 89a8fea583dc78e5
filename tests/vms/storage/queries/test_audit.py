from datetime import timedelta

from peewee import Database

from tests.vms.storage.samples import T0, after
from vms.storage.queries.audit import add_audit, list_audit, prune_audit


def test_an_entry_says_who_did_what_from_where(database: Database) -> None:
    number = add_audit(
        database,
        at=T0,
        actor="li",
        action="device.add",
        target="14040000001180000001",
        source="10.0.0.9",
        detail={"name": "副井"},
    )
    (entry,) = list_audit(database).items
    assert entry.id == number
    assert (entry.at, entry.actor, entry.action, entry.result) == (T0, "li", "device.add", "ok")
    assert (entry.source, entry.detail) == ("10.0.0.9", {"name": "副井"})


def test_entries_are_found_by_person_kind_and_time(database: Database) -> None:
    for second, (actor, action) in enumerate(
        [("li", "session.login"), ("li", "device.add"), ("wang", "device.delete"), ("li", "d_x")]
    ):
        add_audit(database, at=after(second), actor=actor, action=action)

    def actions(**wanted: object) -> list[str]:
        return [one.action for one in list_audit(database, **wanted).items]  # type: ignore[arg-type]

    assert actions() == ["d_x", "device.delete", "device.add", "session.login"]
    assert actions(actor="wang") == ["device.delete"]
    assert actions(action="device.") == ["device.delete", "device.add"]
    assert actions(action="d_") == ["d_x"]
    assert actions(start=after(1), end=after(2)) == ["device.add"]


def test_nothing_younger_than_the_law_asks_is_pruned(database: Database) -> None:
    add_audit(database, at=T0, actor="li", action="a")
    assert prune_audit(database, at=T0 + timedelta(days=179), keep_days=1) == 0
    assert prune_audit(database, at=T0 + timedelta(days=181), keep_days=365) == 0
    assert prune_audit(database, at=T0 + timedelta(days=181), keep_days=1) == 1
