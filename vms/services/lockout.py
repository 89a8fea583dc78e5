"""Locks after wrong passwords: an account as seen from one address, and an address as such.

Whether the account exists plays no part, so a lock tells nothing about it; the owner of an account
at another address is never locked out by a stranger's failures.
"""

import asyncio
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from peewee import Database

from vms.clock import Clock
from vms.config_sections import UsersSection
from vms.errors import LockedOut
from vms.services.store import Store
from vms.storage.queries.sessions import clear_failures, failures, record_failure


class Lockout:
    """Counts failures in the database, so that a restart forgives nothing."""

    def __init__(self, store: Store, settings: UsersSection, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, source: str) -> asyncio.Lock:
        """Hold it from `check` to the outcome: passwords sent all at once are tried one by one,
        else every one of them would be tried before the first failure counts.
        """
        lock = self._turns.get(source)
        if lock is None:
            lock = self._turns[source] = asyncio.Lock()
        return lock

    async def check(self, username: str, source: str) -> None:
        """Raise LockedOut while the account from this address, or the address, is locked."""
        at = self._clock.wall()
        reached = await self._store.run(_last_reached, self._limits(username, source))
        if reached is None:
            return
        left_s = (reached + timedelta(seconds=self._settings.lock_s) - at).total_seconds()
        if left_s > 0:
            raise LockedOut(left_s)

    async def failed(self, username: str, source: str) -> bool:
        """Count a wrong password; true when this one locks the account or the address."""
        limits = self._limits(username, source)
        window_s = float(self._settings.failure_window_s)
        return await self._store.run(_count, limits, self._clock.wall(), window_s)

    async def succeeded(self, username: str, source: str) -> None:
        """Forget the failures of the account at this address; those of the address stay."""
        await self._store.run(clear_failures, _account_key(username, source))

    def _limits(self, username: str, source: str) -> dict[str, int]:
        return {
            _account_key(username, source): self._settings.account_failures,
            f"source|{source}": self._settings.source_failures,
        }


def _account_key(username: str, source: str) -> str:
    return f"account|{username.casefold()[:64]}|{source}"


def _last_reached(database: Database, limits: dict[str, int]) -> datetime | None:
    """The latest failure among the keys that have reached their limit."""
    found = [(failures(database, key), limit) for key, limit in limits.items()]
    reached = [each.last_at for each, limit in found if each and each.count >= limit]
    return max(reached, default=None)


def _count(database: Database, limits: dict[str, int], at: datetime, window_s: float) -> bool:
    counted = {key: record_failure(database, key, at=at, window_s=window_s) for key in limits}
    return any(counted[key].count >= limit for key, limit in limits.items())
