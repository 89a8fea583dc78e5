"""Both databases, with every table of the platform."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import Database

from channel_registry.database import close_database
from tests.postgres import postgres_server, postgres_url
from vms.storage.worker import open_storage

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'vms.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_storage(database_url)
    yield opened
    close_database(opened)
