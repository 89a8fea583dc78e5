"""The database for subcommands that work with or without a running platform."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from vms.clock import SystemClock
from vms.config import Config
from vms.secrets import Secrets
from vms.services.passwords import PasswordHashes
from vms.services.store import Store
from vms.services.users import UserService
from vms.storage.worker import DatabaseWorker


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a subcommand needs of the platform."""

    store: Store
    secrets: Secrets
    users: UserService
    clock: SystemClock


@asynccontextmanager
async def open_workbench(config: Config) -> AsyncIterator[Workbench]:
    """Open database and key; a running platform notices changes within seconds."""
    secrets = Secrets(config.data)
    clock = SystemClock()
    hashes = PasswordHashes()
    try:
        async with DatabaseWorker(config.database) as worker:
            store = Store(worker)
            users = UserService(store, secrets, hashes, config.users, clock)
            yield Workbench(store, secrets, users, clock)
    finally:
        hashes.close()
