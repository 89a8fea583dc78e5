"""Both databases: every test that asks for `database` runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import Database

from channel_registry.database import close_database, migrate, open_database
from channel_registry.queries.devices import add_device
from tests.channel_registry.samples import BOX, OTHER_BOX, T0
from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'vms.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    migrate(opened)
    yield opened
    close_database(opened)


@pytest.fixture
def box(database: Database) -> str:
    """A mine's box that may register."""
    return add_device(database, BOX, name="一号矿", secret="token", at=T0).id


@pytest.fixture
def other_box(database: Database) -> str:
    return add_device(database, OTHER_BOX, name="二号矿", at=T0).id
