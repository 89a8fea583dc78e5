"""A running live service between planes that the test plays."""

from collections.abc import AsyncIterator

import pytest

from tests.vms.bench import HandClock
from tests.vms.services.live.stage import FAST, Stage, open_stage
from vms.bus import Bus
from vms.config_sections import MediaSection


@pytest.fixture
def settings() -> MediaSection:
    return FAST


@pytest.fixture
async def stage(settings: MediaSection, clock: HandClock, bus: Bus) -> AsyncIterator[Stage]:
    async with open_stage(settings, clock, bus) as opened:
        yield opened
