"""We as the lower platform of several upper ones (GB/T 28181-2022 clause 9, annex H).

Keeps signalling told which upper platforms there are, takes what they do one by one, and hands it
to who serves it: questions and commands, calls, subscriptions. Nothing here waits for a device: one
platform's trouble is not another's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable

from sip.errors import SipError
from sip.roles.upward.terms import (
    UplinkChanged,
    UplinkEvent,
    UplinkState,
    UpperAcked,
    UpperAsked,
    UpperCallEnded,
    UpperControlled,
    UpperInvited,
    UpperSubscribed,
    UpperUnsubscribed,
)
from vms.bus import Bus
from vms.errors import NotReady
from vms.events import PlatformsChanged, PlatformStateChanged
from vms.metrics import Sample
from vms.records.platforms import Scorecard
from vms.services.cascade.calls import CallDesk
from vms.services.cascade.controls import ControlDesk
from vms.services.cascade.lanes import Lanes
from vms.services.cascade.notices import NoticeDesk
from vms.services.cascade.ports import Platforms, UplinkControl
from vms.services.cascade.queries import QueryDesk
from vms.services.cascade.scorecard import ScoreBook
from vms.supervise import supervise

logger = logging.getLogger(__name__)


class CascadeService:
    """Joins the upward signalling with our services; `run` must be running."""

    def __init__(
        self,
        uplinks: UplinkControl,
        platforms: Platforms,
        *,
        lanes: Lanes,
        queries: QueryDesk,
        controls: ControlDesk,
        calls: CallDesk,
        notices: NoticeDesk,
        score: ScoreBook,
        bus: Bus,
    ) -> None:
        self._uplinks = uplinks
        self._platforms = platforms
        self._lanes = lanes
        self._queries = queries
        self._controls = controls
        self._calls = calls
        self._notices = notices
        self._score = score
        self._bus = bus
        self._known: set[str] = set()
        self._is_running = False

    async def run(self) -> None:
        """Serve until cancelled; then every call is ended."""
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(supervise("cascade-jobs", self._lanes.run))
                group.create_task(supervise("cascade-calls", self._calls.run))
                group.create_task(supervise("cascade-notices", self._notices.run))
                group.create_task(supervise("cascade-events", self._take_events))
                group.create_task(supervise("cascade-uplinks", self._keep_uplinks))
        finally:
            self._is_running = False

    # For people

    def scorecard(self, platform_id: str) -> Scorecard:
        """How it goes with one upper platform."""
        return self._score.scorecard(platform_id)

    def is_registered(self, platform_id: str) -> bool:
        """Whether we are registered there now."""
        status = self._uplinks.status(platform_id)
        return status is not None and status.state is UplinkState.REGISTERED

    def samples(self) -> Iterable[Sample]:
        """The figures for machines."""
        return self._score.samples()

    async def register_now(self, platform_id: str) -> None:
        """Do not wait for the next attempt; raises NotReady(cascade_off)."""
        if not self._is_running:
            raise NotReady(code="cascade_off")
        self._uplinks.try_now(platform_id)

    # Which upper platforms there are

    async def _keep_uplinks(self) -> None:
        with self._bus.subscribe(PlatformsChanged, name="cascade-uplinks") as events:
            await self._set_uplinks()
            async for _ in events:
                await self._set_uplinks()
                self._calls.review()

    async def _set_uplinks(self) -> None:
        wanted = {uplink.platform_id: uplink for uplink in await self._platforms.uplinks()}
        for platform_id in self._known - wanted.keys():
            self._uplinks.remove(platform_id)
        self._known = set(wanted)
        self._score.keep_only(wanted)
        for uplink in wanted.values():
            try:
                self._uplinks.set(uplink)
            except SipError as error:
                logger.warning(
                    "upper platform refused",
                    extra={"platform": uplink.platform_id, "reason": str(error)},
                )

    # What they do

    async def _take_events(self) -> None:
        events: AsyncIterator[UplinkEvent] = self._uplinks.events()
        async for event in events:
            self._take(event)

    def _take(self, event: UplinkEvent) -> None:
        match event:
            case UplinkChanged(status=status):
                self._score.changed(status)
                self._bus.publish(
                    PlatformStateChanged(at=status.since, platform_ids=(status.platform_id,))
                )
                if status.state is not UplinkState.REGISTERED:
                    self._lanes.put(
                        status.platform_id,
                        "release",
                        lambda: self._controls.release(status.platform_id),
                    )
            case UpperAsked():
                self._queries.take(event)
            case UpperSubscribed():
                self._notices.subscribed(event)
            case UpperUnsubscribed():
                self._notices.unsubscribed(event)
            case UpperInvited():
                self._calls.invited(event)
            case UpperAcked():
                self._calls.acked(event)
            case UpperControlled():
                self._calls.controlled(event)
            case UpperCallEnded():
                self._calls.ended(event)
