"""A clock, a key, a database of SQLite and the door to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channel_registry.queries.devices import add_device
from tests.vms.bench import CHANNEL, DEVICE, OTHER_CHANNEL, T0, HandClock, binding, camera
from vms.bus import Bus
from vms.secrets import Secrets
from vms.services.presence import catalog_came, device_came
from vms.services.store import Store
from vms.storage.records import SpanCause
from vms.storage.worker import DatabaseWorker


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def secrets(data: Path) -> Secrets:
    return Secrets(data)


@pytest.fixture
async def worker(data: Path) -> AsyncIterator[DatabaseWorker]:
    async with DatabaseWorker(f"sqlite:///{data / 'vms.sqlite3'}") as opened:
        yield opened


@pytest.fixture
def store(worker: DatabaseWorker) -> Store:
    return Store(worker)


@pytest.fixture
async def mine(store: Store, secrets: Secrets) -> Store:
    """A registered device with two channels that say ON."""
    await store.run(add_device, DEVICE, at=T0, name="矿", secret=secrets.encrypt("right"))
    await store.run(device_came, binding(), T0, SpanCause.REGISTERED)
    entries = [camera(CHANNEL), camera(OTHER_CHANNEL, "副井口")]
    await store.run(catalog_came, DEVICE, entries, T0, complete=True)
    return store
