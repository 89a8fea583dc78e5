"""How long a picture is wanted: the viewers, the hold of a start, the linger after the last."""

import asyncio
from collections.abc import Callable


class Demand:
    """Counts who wants one channel; one waiter at a time."""

    def __init__(self) -> None:
        self._viewers: dict[int, str] = {}
        self._numbers = 0
        self._is_held = False
        self._is_cut = False
        self._is_touched = False
        self._changed = asyncio.Event()

    @property
    def viewers(self) -> tuple[str, ...]:
        """The names of those who look now."""
        return tuple(self._viewers.values())

    @property
    def is_wanted(self) -> bool:
        """Somebody looks, or said that they are going to."""
        return bool(self._viewers) or self._is_held

    def enter(self, name: str) -> int:
        """Count a viewer in; answers the number to leave with."""
        self._numbers += 1
        self._viewers[self._numbers] = name
        self._is_cut = False
        self._changed.set()
        return self._numbers

    def leave(self, number: int) -> None:
        """Count a viewer out; idempotent."""
        self._viewers.pop(number, None)
        self._changed.set()

    def touch(self) -> None:
        """Somebody is about to look at what runs: the linger begins anew."""
        self._is_touched = True
        self._is_cut = False
        self._changed.set()

    def hold(self) -> None:
        """Want the picture before looking at it, until `release`."""
        self._is_held = True
        self._is_cut = False
        self._changed.set()

    def release(self) -> None:
        """The outcome of a start is known; who wants it has to look from now on."""
        self._is_held = False
        self._changed.set()

    def cut(self) -> None:
        """No linger: it ends now unless somebody looks."""
        self._is_held = False
        self._is_cut = True
        self._changed.set()

    async def until_unwanted(self, linger_s: float) -> None:
        """Return when nobody has wanted it for `linger_s`, or at a cut."""
        while True:
            await self._until(lambda: not self.is_wanted)
            self._is_touched = False
            if not await self._is_wanted_within(linger_s):
                return

    async def _is_wanted_within(self, linger_s: float) -> bool:
        try:
            async with asyncio.timeout(linger_s):
                await self._until(lambda: self.is_wanted or self._is_cut or self._is_touched)
        except TimeoutError:
            return self.is_wanted
        return self.is_wanted or self._is_touched

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._changed.clear()
            await self._changed.wait()
