import re
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from peewee import Database, SqliteDatabase
from playhouse.schema_diff import diff_models

from channel_registry.database import (
    close_database,
    migrate,
    open_database,
    redacted,
    run_migrations,
)
from channel_registry.errors import DatabaseUnavailable
from channel_registry.models import TABLES
from channel_registry.queries.catalog import apply_catalog
from channel_registry.queries.channels import channel_codes, get_channel
from channel_registry.queries.devices import add_device, get_device
from tests.channel_registry.samples import BOX, T0, T1, camera, code

ROOT = Path(__file__).resolve().parents[2]
STEPS = tuple(
    sorted(path.stem for path in (ROOT / "channel_registry" / "migrations").glob("[0-9]*.py"))
)

# Begins the merge of a second catalog, says so in the middle of the writing, and waits.
DYING_WRITER = """
import sys
from channel_registry.database import open_database
from channel_registry.queries import catalog
from tests.channel_registry.samples import BOX, T1, camera

def stop_here(*arguments):
    print("half way", flush=True)
    sys.stdin.read()

catalog._mark_missing = stop_here
database = open_database(sys.argv[1])
changed = [camera(n, "changed", status_on=False) for n in range(300)]
catalog.apply_catalog(database, BOX, changed, complete=True, at=T1)
"""


def test_a_second_migration_finds_nothing_to_do(database: Database) -> None:
    assert migrate(database) == ()


def test_the_steps_make_what_the_models_say(database: Database) -> None:
    difference = diff_models(database, TABLES)
    assert not difference, repr(difference)


def test_every_step_that_ran_is_recorded(database: Database) -> None:
    names = [row[0] for row in database.execute_sql("SELECT name FROM registry_migration")]
    assert names[0] == "0001_initial"
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+", name) for name in names)


def test_a_step_that_fails_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    (tmp_path / "0001_good.py").write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE good (x INTEGER)')\n"
    )
    (tmp_path / "0002_bad.py").write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE bad (x INTEGER)')\n"
        "    db.execute_sql('SELECT * FROM nowhere')\n"
    )
    with pytest.raises(DatabaseUnavailable, match="nowhere"):
        run_migrations(database, tmp_path, "test_migration")
    tables = database.get_tables()
    assert "good" in tables
    assert "bad" not in tables
    (tmp_path / "0002_bad.py").write_text("def up(migrator, db):\n    pass\n")
    assert run_migrations(database, tmp_path, "test_migration") == ("0002_bad",)


def migrate_once(url: str) -> tuple[str, ...]:
    database = open_database(url)
    try:
        return migrate(database)
    finally:
        close_database(database)


def test_two_processes_may_start_at_once(database_url: str) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        done = sorted(pool.map(migrate_once, [database_url] * 2))
    assert done == [(), STEPS]


def test_sqlite_keeps_what_was_committed_and_checks_references(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'vms.db'}")
    assert isinstance(database, SqliteDatabase)
    assert database.journal_mode == "wal"
    assert database.synchronous == 2  # FULL
    assert database.foreign_keys == 1
    assert database.pragma("busy_timeout") == 10_000
    close_database(database)


def test_an_sqlite_address_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    close_database(open_database("sqlite:///vms.db"))
    assert (tmp_path / "vms.db").is_file()


@pytest.mark.parametrize(
    "url", ["sqlite:///", "mysql://u:p@h/d", "", "vms.db", "sqlite:////nowhere/at/all/vms.db"]
)
def test_an_address_that_cannot_be_opened_says_why(url: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        open_database(url)


def test_a_server_that_is_not_there_is_unavailable_and_its_password_unsaid(tmp_path: Path) -> None:
    host = str(tmp_path).replace("/", "%2F")
    with pytest.raises(DatabaseUnavailable) as caught:
        open_database(f"postgresql://vms:secret@/vms?host={host}")
    assert "secret" not in str(caught.value)
    assert redacted("postgresql://vms:secret@db/vms") == "postgresql://vms:***@db/vms"


def test_a_writer_killed_in_the_middle_leaves_the_database_as_it_was(database_url: str) -> None:
    database = open_database(database_url)
    migrate(database)
    add_device(database, BOX, at=T0)
    entries = [camera(n) for n in range(400)]
    apply_catalog(database, BOX, entries, complete=True, at=T0)
    command = [sys.executable, "-c", DYING_WRITER, database_url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half way\n"
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(10) == -signal.SIGKILL
    close_database(database)
    again = open_database(database_url)
    assert len(channel_codes(again)) == 400
    channel = get_channel(again, code(1))
    assert (channel.name, channel.says_on, channel.missing_since) == ("camera 1", True, None)
    assert get_device(again, BOX).catalog_at == T0
    if isinstance(again, SqliteDatabase):
        assert again.pragma("integrity_check") == "ok"
        assert again.execute_sql("PRAGMA foreign_key_check").fetchall() == []
    summary = apply_catalog(again, BOX, entries[:300], complete=True, at=T1)
    assert len(summary.missing) == 100
    close_database(again)
