"""A running cascade service above one device with two channels, one of them shared."""

from collections.abc import AsyncIterator

import pytest

from tests.vms.bench import HandClock
from tests.vms.services.cascade.stage import Stage, open_cascade
from vms.bus import Bus
from vms.services.store import Store


@pytest.fixture
async def stage(mine: Store, clock: HandClock, bus: Bus) -> AsyncIterator[Stage]:
    async with open_cascade(mine, clock, bus) as opened:
        yield opened
