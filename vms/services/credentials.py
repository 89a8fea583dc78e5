"""The devices' passwords in memory, so that the registrar never waits for a database."""

import asyncio

from peewee import Database

from channel_registry.queries.devices import device_credentials
from channel_registry.records import DeviceCredential
from sip.server import Credential
from vms.secrets import Secrets
from vms.services.store import Store

RELOAD_GAP_S = 1.0
"""At most one reload in this time, however many knock that are not let in."""
RELOAD_EVERY_S = 5.0
"""Devices removed by `vms device` are seen after this time; added ones when they knock."""


class CredentialCache:
    """Answers the registrar; an id it does not know makes it read the registry again, soon."""

    def __init__(self, store: Store, secrets: Secrets) -> None:
        self._store = store
        self._secrets = secrets
        self._stored: dict[str, DeviceCredential] = {}
        self._credentials: dict[str, Credential] = {}
        self._missed = asyncio.Event()
        self._reading = asyncio.Lock()
        """Two readings at once could end in the wrong order: with several connections to the
        database the older one would take away a device that was just added."""

    def lookup(self, device_id: str) -> Credential | None:
        """The password of a device that may come in, else None."""
        found = self._credentials.get(device_id)
        if found is None:
            self.want()
        return found

    def want(self) -> None:
        """Ask for a reload: it begins at once, or RELOAD_GAP_S after the last."""
        self._missed.set()

    def is_known(self, device_id: str) -> bool:
        """Whether the registry has this device, with or without a password."""
        return device_id in self._stored

    async def reload(self) -> frozenset[str]:
        """Read the registry again; answers the devices that were removed from it."""
        async with self._reading:
            before = self._stored
            stored, fresh = await self._store.run(_read, self._secrets, before)
            kept = {key: self._credentials[key] for key in stored if key in self._credentials}
            self._stored = stored
            self._credentials = kept | fresh
            for key, credential in stored.items():
                if credential.secret is None:
                    self._credentials.pop(key, None)
            return frozenset(before) - frozenset(stored)

    async def wait(self) -> None:
        """Wait until a reload is due: at once for the first one who knocks."""
        await asyncio.sleep(RELOAD_GAP_S)
        try:
            async with asyncio.timeout(RELOAD_EVERY_S - RELOAD_GAP_S):
                await self._missed.wait()
        except TimeoutError:
            pass
        self._missed.clear()


def _read(
    database: Database, secrets: Secrets, before: dict[str, DeviceCredential]
) -> tuple[dict[str, DeviceCredential], dict[str, Credential]]:
    """Everything stored, and the decrypted form of what is new or changed."""
    stored = {each.device_id: each for each in device_credentials(database)}
    fresh = {
        key: Credential(secrets.decrypt(each.secret), each.username)
        for key, each in stored.items()
        if each.secret is not None and each != before.get(key)
    }
    return stored, fresh
