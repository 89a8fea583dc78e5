"""A private PostgreSQL for tests: own cluster in a temporary folder, reached by a unix socket only.

Runs unprivileged: as the current user, or, because PostgreSQL refuses root, as `postgres` or
`nobody` when the tests run as root. Nothing is written for durability; it dies with the session.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

_BINARIES = ("/usr/lib/postgresql/{version}/bin", "/usr/pgsql-{version}/bin")
_NEWEST, _OLDEST = 18, 13
_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=16MB")


@dataclass
class PostgresServer:
    """A running cluster; makes a fresh database for whoever asks."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={quote(str(self.folder), safe='')}"

    def new_database(self) -> str:
        name = f"test_{next(self.numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        return self.url(name)

    def terminate_connections(self) -> None:
        """Throw every client out, as a restart of the server would; wait until they are gone."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )


def find_binary(name: str) -> str:
    """The newest installed `name`; the test fails when there is none."""
    for version in range(_NEWEST, _OLDEST - 1, -1):
        for pattern in _BINARIES:
            path = Path(pattern.format(version=version)) / name
            if path.is_file():
                return str(path)
    path_found = shutil.which(name)
    if path_found is None:
        pytest.fail(f"{name} of PostgreSQL is not installed (Debian: postgresql)", pytrace=False)
    return path_found


def _unprivileged() -> str | None:
    """The user to become, none when this one will do."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Make, start and in the end remove a cluster."""
    folder = Path(tempfile.mkdtemp(prefix="vms-postgres-"))
    user = _unprivileged()
    if user is not None:
        shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"

    def call(*command: str) -> None:
        subprocess.run(
            command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=240
        )

    try:
        locale = ("--encoding=UTF8", "--locale=C")
        call(find_binary("initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-N", *locale)
        options = " ".join(f"-c {setting}" for setting in _FAST)
        options += f" -c listen_addresses='' -k {folder}"
        control = (find_binary("pg_ctl"), "-D", str(data), "-w", "-t", "240")
        call(*control, "-l", str(log), "-o", options, "start")
        try:
            yield PostgresServer(folder)
        finally:
            call(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One cluster for all tests of the session."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The address of an empty database of its own."""
    return postgres_server.new_database()
