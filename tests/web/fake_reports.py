"""What devices report, in memory."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from tests.web.records import CHANNEL, DEVICE, NOON
from vms.errors import Conflict, NotReady
from vms.records import Alarm, PositionView, SubscriptionTopic, SubscriptionView


def subscription(topic: SubscriptionTopic, **kinds: Any) -> SubscriptionView:
    made = SubscriptionView(topic, True, None, "active", NOON, 600, "", NOON, 3)
    return replace(made, **kinds)


class FakeSubscriptions:
    def __init__(self, directory: Any) -> None:
        self.directory = directory
        self.known = {topic: subscription(topic) for topic in SubscriptionTopic}

    async def of_device(self, device_id: str) -> tuple[SubscriptionView, ...]:
        await self.directory.device(device_id)
        return tuple(self.known.values())

    async def wish(
        self, device_id: str, topic: SubscriptionTopic, wanted: bool | None
    ) -> tuple[SubscriptionView, ...]:
        state = "none" if wanted is False else "subscribing"
        self.known[topic] = subscription(
            topic, given=wanted, wanted=wanted is not False, state=state, expires_s=0
        )
        return await self.of_device(device_id)


class FakePositions:
    def __init__(self) -> None:
        self.asked: tuple[datetime, datetime] | None = None
        self.place = PositionView(
            CHANNEL, DEVICE, NOON, "=1+1", 112.5, 36.25, 20.0, 90.0, None, None
        )

    async def last(self, channel: str) -> PositionView | None:
        return self.place if channel == CHANNEL else None

    async def track(
        self, channel: str, start: datetime, end: datetime, limit: int = 20_000
    ) -> tuple[PositionView, ...]:
        self.asked = (start, end)
        return (self.place, replace(self.place, longitude=112.75))


class FakeAlarmCommands:
    def __init__(self, alarms: Any) -> None:
        self.alarms = alarms
        self.reset_ids: list[int] = []
        self.queried: list[tuple[str, tuple[str, ...]]] = []

    async def reset(self, alarm_id: int) -> Alarm:
        alarm: Alarm = await self.alarms.alarm(alarm_id)
        if alarm.kind != "device_alarm":
            raise Conflict("not_a_device_alarm")
        self.reset_ids.append(alarm_id)
        return alarm

    async def query(self, device_id: str, methods: tuple[str, ...] = ()) -> None:
        if device_id != DEVICE:
            raise NotReady(code="device_offline")
        self.queried.append((device_id, methods))
