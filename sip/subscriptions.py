"""Subscriptions as the services use them: what is wanted of which device, and how it stands."""

from collections.abc import Callable

from sip.endpoint import Endpoint
from sip.gb28181.alarm import AlarmWish
from sip.gb28181.mobile_position import DEFAULT_INTERVAL_S
from sip.gb28181.subscription import DEFAULT_EXPIRES_S, Topic, Wish
from sip.roles.subscription import SubscriptionPhase, SubscriptionStatus

__all__ = ["AlarmWish", "SubscriptionPhase", "SubscriptionStatus", "Subscriptions", "Topic", "Wish"]


class Subscriptions:
    """The part of a SIP server that keeps subscriptions at devices; errors are SipError.

    A wish stays until it is taken back: it outlives refusals, silence and restarts of the device.
    What becomes of it comes as the event SubscriptionChanged.
    """

    def __init__(
        self, endpoint: Endpoint, flush: Callable[[], None], now: Callable[[], float]
    ) -> None:
        self._endpoint = endpoint
        self._flush = flush
        self._now = now

    async def follow_catalog(self, device_id: str, expires_s: int = DEFAULT_EXPIRES_S) -> None:
        """Be told of channels that come, go and change (GB/T 28181-2022 9.11, annex N)."""
        self._follow(device_id, Wish(Topic.CATALOG, expires_s))

    async def follow_alarms(
        self,
        device_id: str,
        expires_s: int = DEFAULT_EXPIRES_S,
        *,
        wanted: AlarmWish | None = None,
    ) -> None:
        """Be told of alarms, all of them or those wanted (9.11.1)."""
        self._follow(device_id, Wish(Topic.ALARM, expires_s, alarms=wanted or AlarmWish()))

    async def follow_positions(
        self,
        device_id: str,
        expires_s: int = DEFAULT_EXPIRES_S,
        *,
        interval_s: int = DEFAULT_INTERVAL_S,
    ) -> None:
        """Be told where things are, so often (9.15)."""
        self._follow(device_id, Wish(Topic.POSITION, expires_s, interval_s))

    async def end(self, device_id: str, topic: Topic) -> None:
        """Want it no more; what nobody wants is fine."""
        self._endpoint.unfollow(device_id, topic, self._now())
        self._flush()

    def statuses(self, device_id: str) -> tuple[SubscriptionStatus, ...]:
        """Return what is wanted of a device, and what has become of it."""
        return self._endpoint.subscriptions(device_id)

    def _follow(self, device_id: str, wish: Wish) -> None:
        self._endpoint.follow(device_id, wish, self._now())
        self._flush()
