"""Opens the database, SQLite or PostgreSQL by its address, and brings the schema up to date.

SQLite runs in WAL mode with `synchronous=FULL`: measured under cut power, FULL lost no committed
row and NORMAL lost every one. Foreign keys are enforced. Writing transactions begin IMMEDIATE, so
two writers wait for each other (`busy_timeout`) instead of failing half way.

Migrations are numbered scripts in a package's `migrations/` folder, run by peewee's own
`playhouse.migrations` and recorded by name in a table of that package.
"""

import fcntl
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from peewee import Database, DatabaseError, InterfaceError, SqliteDatabase
from playhouse.migrations import MigrationError, Runner
from playhouse.pool import PooledPostgresqlDatabase

from channel_registry.errors import DatabaseUnavailable
from channel_registry.statements import run_sql

BUSY_TIMEOUT_S = 10
BUSY_PAUSE_S, BUSY_ATTEMPTS = 0.02, 500
POOL_CONNECTIONS = 8
MIGRATIONS = Path(__file__).with_name("migrations")
HISTORY_TABLE = "registry_migration"

_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "cache_size": -16_000,
}
_MIGRATION_LOCK = 0x46454E47
"""PostgreSQL advisory lock: only one process migrates at a time."""


def open_database(url: str) -> Database:
    """Connect to `sqlite:///file` or `postgresql://…`; raises `DatabaseUnavailable`.

    `sqlite:////abs/file` names an absolute path, as usual in such addresses. Each thread that uses
    the database gets its own connection, on first use.
    """
    database = _sqlite(url) if url.startswith("sqlite:") else _postgresql(url)
    attempts = BUSY_ATTEMPTS
    while True:
        try:
            database.connect()
            return database
        except (DatabaseError, InterfaceError, sqlite3.Error) as error:
            # SQLite does not wait by itself while another connection turns the WAL on.
            attempts -= 1
            if "locked" not in str(error) or not attempts:
                raise DatabaseUnavailable(f"cannot open {redacted(url)}: {error}") from error
            time.sleep(BUSY_PAUSE_S)


def close_database(database: Database) -> None:
    """Close what `open_database` opened: this thread's connection and every pooled one."""
    if isinstance(database, PooledPostgresqlDatabase):
        database.close_all()
    elif not database.is_closed():
        database.close()


def discard_connection(database: Database) -> None:
    """Close this thread's connection for good instead of giving it back to the pool."""
    if isinstance(database, PooledPostgresqlDatabase):
        database.manual_close()
    elif not database.is_closed():
        database.close()


def migrate(database: Database) -> tuple[str, ...]:
    """Bring the registry's tables up to date; answers the steps that were run."""
    return run_migrations(database, MIGRATIONS, HISTORY_TABLE)


def run_migrations(database: Database, folder: Path, history_table: str) -> tuple[str, ...]:
    """Run the steps of a folder that the history table does not list, each in a transaction.

    Two processes may start at once: the second waits, then finds nothing to do. Raises
    `DatabaseUnavailable` when a step fails; that step leaves nothing behind.
    """
    try:
        with _migration_lock(database):
            return tuple(Runner(database, str(folder), history_table).up())
    except (MigrationError, DatabaseError, InterfaceError) as error:
        raise DatabaseUnavailable(f"cannot bring the schema up to date: {error}") from error


def is_sqlite(database: Database) -> bool:
    """Whether this database takes only one writer at a time."""
    return isinstance(database, SqliteDatabase)


def redacted(url: str) -> str:
    """The address without its password, for messages."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)


def _sqlite(url: str) -> SqliteDatabase:
    path = unquote(url.removeprefix("sqlite:").removeprefix("//").removeprefix("/"))
    if not path:
        raise DatabaseUnavailable(f"{url} names no file; write sqlite:///data/vms.db")
    return SqliteDatabase(path, pragmas=_PRAGMAS, timeout=BUSY_TIMEOUT_S, lock_type="IMMEDIATE")


def _postgresql(url: str) -> Database:
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise DatabaseUnavailable(f"{redacted(url)}: use sqlite:///… or postgresql://…")
    address = url.replace("postgres://", "postgresql://", 1)
    pool: Database = PooledPostgresqlDatabase(
        address,
        prefer_psycopg3=True,
        max_connections=POOL_CONNECTIONS,
        timeout=BUSY_TIMEOUT_S,
    )
    return pool


@contextmanager
def _migration_lock(database: Database) -> Iterator[None]:
    """Keep other processes out while the steps run.

    SQLite: a lock file beside the database, because a step of SQLite must be able to switch
    foreign keys off, which only works outside of any transaction.
    """
    if isinstance(database, SqliteDatabase):
        with _file_lock(Path(f"{database.database}.migrating")):
            yield
        return
    run_sql(database, "SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
    try:
        yield
    finally:
        run_sql(database, "SELECT pg_advisory_unlock(%s)", (_MIGRATION_LOCK,))


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
