"""The door to the database: runs queries beside the loop and speaks the services' own errors."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from peewee import Database

from channel_registry.errors import Conflict as RegistryConflict
from channel_registry.errors import (
    DatabaseUnavailable,
    InvalidCode,
    InvalidFilter,
    RegistryError,
    UnknownChannel,
    UnknownDevice,
    UnknownOrganisation,
    UnknownPlatform,
)
from vms.errors import Conflict, Invalid, NotFound, NotReady, VmsError
from vms.storage.errors import AlreadyExists, StorageError, UnknownRow, WrongState

logger = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0

UNKNOWN: Mapping[type, tuple[str, str]] = {
    UnknownDevice: ("device", "device_id"),
    UnknownChannel: ("channel", "channel"),
    UnknownOrganisation: ("organisation", "organisation_id"),
    UnknownPlatform: ("platform", "platform_id"),
}
"""What the registry does not have: its kind, and the field that names it."""

P = ParamSpec("P")
T = TypeVar("T")
Query = Callable[Concatenate[Database, P], T]


class Worker(Protocol):
    """Runs blocking queries; `vms.storage.worker.DatabaseWorker`."""

    async def run(self, function: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function(database, *args, **kwargs)` in a thread that may block."""


class Store:
    """What services call: `await store.run(query, …)` raises VmsError only."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def run(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query of the registry or of the storage."""
        try:
            return await self._worker.run(query, *args, **kwargs)
        except (RegistryError, StorageError) as error:
            raise translated(error) from error

    async def run_when_ready(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for what must not be lost: waits for a database that is busy or away."""
        while True:
            try:
                return await self.run(query, *args, **kwargs)
            except NotReady as error:
                logger.warning("database not ready", extra={"reason": error.code})
                await asyncio.sleep(ASK_AGAIN_S)


def translated(error: RegistryError | StorageError) -> VmsError:
    """The same refusal in the vocabulary of the services."""
    if type(error) in UNKNOWN:
        kind, field = UNKNOWN[type(error)]
        return NotFound(kind, getattr(error, field))
    match error:
        case UnknownRow():
            return NotFound(error.kind, error.name)
        case RegistryConflict() | AlreadyExists():
            return Conflict(_taken(error.kind), name=error.name)
        case WrongState():
            return Conflict("wrong_state", str(error), state=error.state, step=error.step)
        case InvalidCode():
            return Invalid("code", "bad_code", str(error))
        case InvalidFilter():
            return Invalid(error.field, error.reason)
        case DatabaseUnavailable():
            return NotReady(code="database_unavailable")
        case _:
            return NotReady(code=error.code)


def _taken(kind: str) -> str:
    return "username_taken" if kind == "user" else f"{kind}_exists"
