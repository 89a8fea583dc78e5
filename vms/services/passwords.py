"""Password hashes: argon2id (RFC 9106) in a few threads of their own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from vms.ids import new_password

THREADS = 2
"""Each hash takes 64 MiB and a core for some ten milliseconds: more of them wait."""


class PasswordHashes:
    """Makes and checks hashes without holding up the loop; `close` it."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._nobody = ""

    async def make(self, password: str) -> str:
        """The hash to store."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._hasher.hash, password)

    async def check(self, stored: str | None, password: str) -> bool:
        """Whether the password is right; costs one hash also where there is no such user."""
        loop = asyncio.get_running_loop()
        if not self._nobody:
            self._nobody = await self.make(new_password())
        is_right = await loop.run_in_executor(
            self._executor, self._verify, stored or self._nobody, password
        )
        return is_right and stored is not None

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown()

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
