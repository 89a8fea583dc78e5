"""A loop whose time passes only while nothing else is to be done: waits last exactly what they say.

For tests of what happens within a time, and without threads, sockets or other programs: however
busy the machine is, a wait of 10 ms ends before one of 20 ms that began with it.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")


class _Leap(selectors.DefaultSelector):
    """Instead of waiting for a file, lets the time pass."""

    leapt_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("nothing is going to happen any more")
        self.leapt_s += max(timeout, 0.0)
        return []


class HandLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.leapt_s


def hand_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Decorator: run a test in such a loop."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=HandLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
