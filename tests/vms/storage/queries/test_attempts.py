from typing import Any

import pytest
from peewee import Database

from tests.vms.storage.samples import T0, after
from vms.storage.queries import attempts as attempts_module
from vms.storage.queries.attempts import list_attempts, record_attempt


def attempt(database: Database, second: int = 0, **more: Any) -> None:
    values: dict[str, Any] = {
        "device_id": "14040000001180000001",
        "address": "10.0.0.8",
        "transport": "udp",
        "outcome": "refused_password",
        "user_agent": "NVR/1",
    }
    record_attempt(database, at=after(second), **(values | more))


def test_repeats_are_added_up(database: Database) -> None:
    attempt(database)
    attempt(database, 5, count=10, transport="tcp", user_agent="NVR/2")
    (seen,) = list_attempts(database)
    assert (seen.count, seen.first_at, seen.last_at) == (11, T0, after(5))
    assert (seen.transport, seen.user_agent) == ("tcp", "NVR/2")


def test_device_address_and_outcome_tell_attempts_apart(database: Database) -> None:
    attempt(database, 1)
    attempt(database, 2, device_id="x")
    attempt(database, 3, address="10.0.0.9")
    attempt(database, 4, outcome="accepted")
    assert [one.last_at for one in list_attempts(database)] == [after(n) for n in (4, 3, 2, 1)]
    assert len(list_attempts(database, limit=2)) == 2


def test_an_address_that_invents_ids_does_not_push_out_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "MAX_ROWS_PER_ADDRESS", 4)
    attempt(database)
    for number in range(1, 12):
        attempt(database, number, device_id=f"id{number}", address="6.6.6.6")
    seen = list_attempts(database)
    assert sum(one.address == "6.6.6.6" for one in seen) == 4
    assert seen[-1].address == "10.0.0.8"


def test_all_attempts_together_are_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "MAX_ROWS", 5)
    for number in range(12):
        attempt(database, number, address=f"10.0.0.{number}")
    assert [one.address for one in list_attempts(database)] == [
        f"10.0.0.{n}" for n in range(11, 6, -1)
    ]


@pytest.mark.parametrize("text", ["'; DROP TABLE x;--", "\x00\ud800", "9" * 4000, "<script>"])
def test_hostile_values_are_stored_or_cut(database: Database, text: str) -> None:
    attempt(database, device_id=text, user_agent=text, outcome=text, address=text, transport=text)
    (seen,) = list_attempts(database)
    assert len(seen.device_id) <= 64
    assert len(seen.user_agent) <= 255
