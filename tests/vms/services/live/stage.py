"""A running live service between planes that the test plays."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from stream_relay.relay import Relay, RelayConfig
from tests.vms.bench import CHANNEL, HandClock, eventually
from tests.vms.services.live.planes import FakeMedia, FakeRoutes, FakeSignalling
from vms.bus import Bus, Subscription
from vms.config_sections import MediaSection
from vms.events import LiveStatusChanged
from vms.records import LiveState, LiveStatus
from vms.services.live import LiveService

FAST = MediaSection(
    linger_s=0.05,
    retry_first_s=0.02,
    retry_max_s=0.1,
    first_packet_timeout_s=5,
    invite_timeout_s=0.1,
)


@dataclass
class Stage:
    """Everything a test of the live service touches."""

    service: LiveService
    signalling: FakeSignalling
    media: FakeMedia
    routes: FakeRoutes
    news: Subscription
    bus: Bus
    clock: HandClock
    end: Callable[[], object]
    """The platform goes down."""

    async def until(self, wanted: Callable[[LiveStatus], bool]) -> LiveStatus:
        """Wait for a status that the bus tells."""
        async with asyncio.timeout(60):
            while True:
                event = await self.news.next()
                if isinstance(event, LiveStatusChanged) and wanted(event.status):
                    return event.status

    async def until_state(self, state: LiveState) -> LiveStatus:
        return await self.until(lambda status: status.state is state)

    async def until_step(self, step: str) -> LiveStatus:
        return await self.until(lambda status: status.step == step and not status.reason)

    async def until_picture(self) -> LiveStatus:
        """Play a device that sends."""
        await self.until_step("media")
        # What is told may be old news, of a stream that has ended since.
        while self.status.step != "media":
            await self.until_step("media")
        self.media.bring_picture()
        return await self.until_state(LiveState.LIVE)

    async def until_gone(self) -> None:
        """Wait until nothing of the channel runs any more."""
        await eventually(lambda: not self.service.statuses())

    @property
    def status(self) -> LiveStatus:
        return self.service.status(CHANNEL)


@asynccontextmanager
async def open_stage(settings: MediaSection, clock: HandClock, bus: Bus) -> AsyncIterator[Stage]:
    """Run a live service for the length of the block; at its end nothing may be left open."""
    async with Relay(RelayConfig(host="127.0.0.1", ports=range(0)), clock.wall) as relay:
        async with _open_stage(FakeMedia(relay), settings, clock, bus) as stage:
            yield stage


@asynccontextmanager
async def _open_stage(
    media: FakeMedia, settings: MediaSection, clock: HandClock, bus: Bus
) -> AsyncIterator[Stage]:
    signalling, routes = FakeSignalling(), FakeRoutes()
    service = LiveService(signalling, media, routes, settings, clock, bus)
    with bus.subscribe(LiveStatusChanged, limit=10_000) as news:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(service.run())
            await asyncio.sleep(0)
            yield Stage(service, signalling, media, routes, news, bus, clock, running.cancel)
            running.cancel()
    assert media.open == {}, "a port stayed open"
    assert len(signalling.ended) == len(set(signalling.ended)), "BYE sent twice"
