"""Subscriptions and positions on both databases."""

from datetime import timedelta

from peewee import Database

from channel_registry.queries.catalog import apply_catalog
from channel_registry.queries.channels import devices_with_mobile_channels
from channel_registry.queries.devices import add_device
from channel_registry.records import CatalogEntry
from tests.vms.storage.samples import T0, after
from vms.storage.device_records import PositionRecord
from vms.storage.queries.positions import add_positions, last_position, prune_tracks, track
from vms.storage.queries.subscriptions import (
    forget_subscriptions,
    note_subscription,
    subscriptions_of,
    wish_subscription,
)

DEVICE = "14040000001180000001"
CHANNEL = "14040000001320000001"


def place(second: int, longitude: float = 112.0) -> PositionRecord:
    return PositionRecord(
        CHANNEL, DEVICE, after(second), "", longitude, 36.0, None, None, None, None
    )


def test_a_wish_and_what_became_of_it_do_not_overwrite_each_other(database: Database) -> None:
    wish_subscription(database, DEVICE, "Catalog", True)
    note_subscription(database, DEVICE, "Catalog", state="refused", reason="489", at=T0)
    wish_subscription(database, DEVICE, "Catalog", None)
    (known,) = subscriptions_of(database, DEVICE).values()
    assert (known.is_wanted, known.state, known.reason, known.since) == (None, "refused", "489", T0)
    forget_subscriptions(database, DEVICE)
    assert subscriptions_of(database, DEVICE) == {}


def test_the_last_place_and_the_track(database: Database) -> None:
    assert last_position(database, CHANNEL) is None
    add_positions(database, [place(0), place(5, 113.0)])
    add_positions(database, [])
    assert last_position(database, CHANNEL) == place(5, 113.0)
    points = track(database, CHANNEL, start=T0, end=after(60), limit=1)
    assert points == (place(0),)
    assert prune_tracks(database, at=after(3) + timedelta(days=2), keep_days=2) == 1
    assert track(database, CHANNEL, start=T0, end=after(60), limit=9) == (place(5, 113.0),)


def test_a_device_is_mobile_by_its_type_or_by_what_a_channel_says(database: Database) -> None:
    add_device(database, DEVICE, at=T0, name="")
    entry = CatalogEntry(CHANNEL, extra={"Info/RoomType": "1"})
    apply_catalog(database, DEVICE, [entry], complete=True, at=T0)
    assert not devices_with_mobile_channels(database, [DEVICE])
    entry = CatalogEntry(CHANNEL, extra={"Info/MobileDeviceType": "2"})
    apply_catalog(database, DEVICE, [entry], complete=True, at=T0)
    assert devices_with_mobile_channels(database, [DEVICE])
    assert devices_with_mobile_channels(database, ["14040000001380000001"])
