"""The one door to the database from the event loop: a bounded executor beside it.

Opens the database, brings the tables of `channel_registry` and of `vms.storage` up to date, and
runs blocking query functions on its own threads: one for SQLite (one writer, so calls queue in
order), several for PostgreSQL. It knows no query.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from peewee import (
    Database,
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)

from channel_registry.database import (
    POOL_CONNECTIONS,
    close_database,
    discard_connection,
    is_sqlite,
    migrate,
    open_database,
    run_migrations,
)
from channel_registry.errors import DatabaseUnavailable
from channel_registry.statements import run_sql
from vms.storage.errors import DatabaseBusy

P = ParamSpec("P")
T = TypeVar("T")

MIGRATIONS = Path(__file__).with_name("migrations")
HISTORY_TABLE = "storage_migration"
POSTGRESQL_THREADS = 4
MAX_PENDING = 1_000


def open_storage(url: str) -> Database:
    """Open the platform's database and bring every table up to date; for tools without a loop.

    Raises `DatabaseUnavailable`. Close it with `channel_registry.database.close_database`.
    """
    database = open_database(url)
    try:
        migrate(database)
        run_migrations(database, MIGRATIONS, HISTORY_TABLE)
    except DatabaseUnavailable:
        close_database(database)
        raise
    return database


class DatabaseWorker:
    """Runs query functions beside the loop; `async with` opens and closes it.

    At most `max_pending` calls wait; the next is refused with `DatabaseBusy` and does nothing. A
    caller that is cancelled stops waiting: its call runs to its end all the same and is committed,
    so that a shutdown loses no write.
    """

    def __init__(self, url: str, *, max_pending: int = MAX_PENDING) -> None:
        self._url = url
        self._max_pending = max_pending
        self._pending = 0
        self._lock = threading.Lock()
        self._refused = 0
        self._executor: ThreadPoolExecutor | None = None
        self._database: Database | None = None

    @property
    def pending(self) -> int:
        """Calls that wait or run."""
        return self._pending

    @property
    def refused(self) -> int:
        """Calls that were refused since the start."""
        return self._refused

    async def __aenter__(self) -> Self:
        """Open and migrate; raises `DatabaseUnavailable`."""
        threads = 1 if self._url.startswith("sqlite:") else POSTGRESQL_THREADS
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="database")
        loop = asyncio.get_running_loop()
        try:
            self._database = await loop.run_in_executor(self._executor, open_storage, self._url)
        except DatabaseUnavailable:
            self._executor.shutdown(wait=False)
            self._executor = None
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let what waits finish, then close."""
        executor, database = self._executor, self._database
        self._executor = self._database = None
        if executor is None or database is None:
            return
        if is_sqlite(database):  # its connection belongs to its thread; this is the last call
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(executor, close_database, database)
        await asyncio.to_thread(executor.shutdown)
        if not is_sqlite(database):
            await asyncio.to_thread(close_database, database)

    async def run(
        self, function: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(database, *args, **kwargs)` on a database thread.

        Raises what the function raises, `DatabaseUnavailable` when the database failed beneath
        it, `DatabaseBusy` when too many calls wait or the worker is closed.
        """
        executor, database = self._executor, self._database
        if executor is None or database is None:
            raise DatabaseBusy("the database is closed")
        if self._pending >= self._max_pending:
            self._refused += 1
            raise DatabaseBusy("too many calls wait for the database")
        with self._lock:
            self._pending += 1
        future = executor.submit(lambda: _call(function, database, *args, **kwargs))
        future.add_done_callback(self._done)
        return await asyncio.shield(asyncio.wrap_future(future))

    def _done(self, _: object) -> None:
        """On a database thread."""
        with self._lock:
            self._pending -= 1


def _call(
    function: Callable[Concatenate[Database, P], T],
    database: Database,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    try:
        if is_sqlite(database):
            return function(database, *args, **kwargs)
        return _on_a_live_connection(database, lambda: function(database, *args, **kwargs))
    except (IntegrityError, ProgrammingError, DataError):
        raise  # the statement's fault, not the database's
    except (DatabaseError, InterfaceError) as error:
        raise DatabaseUnavailable(f"the database failed: {error}") from error


def _on_a_live_connection(database: Database, call: Callable[[], T]) -> T:
    # Not `connection_context`: it counts its users in the connection's state, which a renewal
    # starts afresh, and then fails on leaving.
    database.connect(reuse_if_open=True)
    try:
        _renew_if_lost(database)
        return call()
    finally:
        database.close()


def _renew_if_lost(database: Database) -> None:
    """Throw away connections that died while they were idle (the server was restarted)."""
    for _ in range(POOL_CONNECTIONS):
        try:
            run_sql(database, "SELECT 1")
            return
        except (OperationalError, InterfaceError):
            discard_connection(database)
            database.connect()
