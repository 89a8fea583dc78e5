"""Numbers 20, 22, 30, 35, 39 and 48 to the end: what the platform then says of the channels."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from channel_registry.database import close_database
from channel_registry.queries.channels import channel_codes
from channel_registry.queries.devices import add_device, get_device
from sip.gb28181.catalog import CatalogResult, ask_catalog
from sip.gb28181.subscription import Topic, Wish
from sip.roles.inquiry import InquiryEnded
from tests.sip.conftest import DEVICE_ID, WALL, Rig, camera
from vms.services.catalogs import entries_of
from vms.services.presence import catalog_came
from vms.services.signalling_writes import build_write, write_all
from vms.storage.queries.spans import open_spans
from vms.storage.records import SubjectKind
from vms.storage.worker import open_storage

CODES = tuple(camera(number).code for number in (1, 2, 3))


@dataclass
class Platform:
    """A rig and the database that the platform keeps of what it hears."""

    rig: Rig
    database: object
    read: int = 0

    def write(self) -> None:
        """Take in what signalling has told since."""
        events = self.rig.network.events[self.rig.endpoint]
        found = [build_write(event, {}) for event in events[self.read :]]
        write_all(self.database, [write for write in found if write is not None])
        self.read = len(events)

    def fetch_catalog(self) -> CatalogResult:
        """Ask the device, and take in the answer."""
        self.rig.endpoint.ask(DEVICE_ID, ask_catalog(), self.rig.now)
        before = len(self.rig.heard(InquiryEnded))
        self.rig.run(60, lambda: len(self.rig.heard(InquiryEnded)) > before)
        found = self.rig.heard(InquiryEnded)[-1].outcome
        entries = entries_of(found.items)
        catalog_came(self.database, DEVICE_ID, entries, WALL, complete=found.complete)
        return found

    def online(self) -> tuple[str, ...]:
        self.write()
        return channel_codes(self.database, device_id=DEVICE_ID, online=True)

    def causes(self) -> dict[str, str]:
        """Why each channel is as it is."""
        self.write()
        spans = open_spans(self.database, SubjectKind.CHANNEL)
        return {code: span.cause.value for code, span in spans.items()}


@pytest.fixture
def make_platform(make_rig, tmp_path) -> Iterator:
    opened = []

    def make(**kinds) -> Platform:
        database = open_storage(f"sqlite:///{tmp_path / f'{len(opened)}.sqlite3'}")
        opened.append(database)
        add_device(database, DEVICE_ID, at=WALL)
        platform = Platform(make_rig(**kinds), database)
        platform.rig.register()
        platform.write()
        platform.fetch_catalog()
        return platform

    yield make
    for database in opened:
        close_database(database)


def test_c020_who_says_goodbye_takes_its_channels_off(make_platform) -> None:
    platform = make_platform()
    assert platform.online() == CODES
    platform.rig.device.stop(platform.rig.now)
    platform.rig.run(5)
    assert platform.online() == ()
    assert set(platform.causes().values()) == {"device_offline"}
    device = get_device(platform.database, DEVICE_ID)
    assert (device.online, device.registered, device.cause) == (False, False, "unregistered")


def test_c022_channels_go_off_when_the_registration_runs_out(make_platform) -> None:
    platform = make_platform(expires_s=120)
    del platform.rig.network.parties["udp", "192.0.2.101", 5060]
    platform.rig.run(300)
    assert platform.online() == ()
    assert get_device(platform.database, DEVICE_ID).registered is False


def test_c030_channels_go_off_with_the_connection(make_platform) -> None:
    platform = make_platform(transport="tcp")
    rig = platform.rig
    [peer] = {
        binding.peer for binding in [rig.endpoint._registrar.bindings.get(DEVICE_ID)] if binding
    }
    rig.endpoint.connection_lost(peer, rig.now)
    rig.run(0.1)
    assert platform.online() == ()
    assert get_device(platform.database, DEVICE_ID).cause == "connection_lost"


def test_c035_the_children_it_names_are_marked_and_recover(make_platform) -> None:
    channels = (camera(1), camera(2), camera(3))
    platform = make_platform(channels=channels)
    device, rig = platform.rig.device, platform.rig
    device.reports.turn(CODES[1], "OFF", rig.now)
    rig.run(70)
    assert platform.online() == (CODES[0], CODES[2])
    assert platform.causes()[CODES[1]] == "faulty"
    device.reports.turn(CODES[1], "ON", rig.now)
    rig.run(70)
    assert platform.online() == CODES
    assert platform.causes()[CODES[1]] == "repaired"


def test_c039_a_known_channel_stays_when_the_answer_is_cut_short(make_platform) -> None:
    platform = make_platform()
    platform.rig.device.faults.catalog_short_by = 1
    assert not platform.fetch_catalog().complete
    assert platform.online() == CODES


def test_c048_what_is_notified_is_kept(make_platform) -> None:
    platform = make_platform()
    rig, reports = platform.rig, platform.rig.device.reports
    rig.endpoint.follow(DEVICE_ID, Wish(Topic.CATALOG), rig.now)
    rig.run(5)
    expected = {"OFF": "reported_off", "VLOST": "video_lost", "DEFECT": "defect"}
    for event, cause in expected.items():
        reports.turn(CODES[0], event, rig.now)
        rig.run(2)
        assert platform.causes()[CODES[0]] == cause
        assert platform.online() == CODES[1:]
        reports.turn(CODES[0], "ON", rig.now)
        rig.run(2)
        assert platform.online() == CODES
    reports.add(camera(7), rig.now)
    reports.remove(CODES[1], rig.now)
    rig.run(2)
    assert platform.online() == (CODES[0], CODES[2], camera(7).code)
