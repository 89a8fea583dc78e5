"""Keeps per-peer work alive: what fails is logged and started again, later each time.

A TaskGroup dies with its first child; work that must survive any fault of its own runs under
`supervise`. Nothing else of the platform's own work may catch `Exception`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

STEADY_S = 60.0
"""Work that ran this long before it failed starts again with the first, short wait."""

restarts: Counter[str] = Counter()
"""How often each kind of work was started again, for the metrics; a name's first word counts."""


async def supervise(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    first_s: float = 1.0,
    max_s: float = 60.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Run `work` until it returns; when it raises, wait (doubling up to `max_s`) and run it again.

    Cancellation ends it at once. Names begin with the kind of work: `live 1404…`.
    """
    wait_s = first_s
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await work()
        except Exception:
            if asyncio.get_running_loop().time() - started >= STEADY_S:
                wait_s = first_s
            restarts[name.partition(" ")[0]] += 1
            logger.exception("Work failed and is started again", extra={"task": name})
        else:
            return
        await sleep(wait_s)
        wait_s = min(wait_s * 2, max_s)
