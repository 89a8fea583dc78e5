"""The services of the cascade, joined."""

from vms.bus import Bus
from vms.clock import Clock
from vms.config import Config
from vms.events import RegistryChanged
from vms.secrets import Secrets
from vms.services.cascade.platforms import PlatformService
from vms.services.store import Store


def build_platforms(
    config: Config, store: Store, secrets: Secrets, bus: Bus, clock: Clock
) -> PlatformService:
    """Who is above us, and what they see."""
    sip = config.sip
    return PlatformService(store, secrets, bus, clock, server_id=sip.server_id, own_name=sip.name)


class RegistryNews:
    """Tells the bus that people changed the registry."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    def __call__(self) -> None:
        """Something was named, placed or removed."""
        self._bus.publish(RegistryChanged(at=self._clock.wall()))
