"""The services of the cascade, joined: who is above us, what they see, and who serves them."""

from vms.app.planes import Planes
from vms.bus import Bus
from vms.clock import Clock
from vms.config import Config
from vms.events import RegistryChanged
from vms.secrets import Secrets
from vms.services.addresses import address_towards
from vms.services.cascade.calls import CallDesk
from vms.services.cascade.controls import ControlDesk
from vms.services.cascade.lanes import Lanes
from vms.services.cascade.notices import NoticeDesk
from vms.services.cascade.platforms import PlatformService
from vms.services.cascade.queries import OwnFacts, QueryDesk
from vms.services.cascade.scorecard import ScoreBook
from vms.services.cascade.service import CascadeService
from vms.services.device_desk import DeviceDesk
from vms.services.device_recordings import DeviceRecordingService
from vms.services.live import LiveService
from vms.services.playback import PlaybackService
from vms.services.ptz import PtzService
from vms.services.store import Store
from vms.services.users import UserService
from vms.version import VERSION

MANUFACTURER, MODEL = "Fengsui", "VMS"


def build_platforms(
    config: Config, store: Store, secrets: Secrets, bus: Bus, clock: Clock
) -> PlatformService:
    """Who is above us, and what they see."""
    sip = config.sip
    return PlatformService(store, secrets, bus, clock, server_id=sip.server_id, own_name=sip.name)


def build_cascade(
    config: Config,
    planes: Planes,
    platforms: PlatformService,
    *,
    live: LiveService,
    playback: PlaybackService,
    recordings: DeviceRecordingService,
    devices: DeviceDesk,
    heads: PtzService,
    users: UserService,
    bus: Bus,
    clock: Clock,
) -> CascadeService:
    """Who serves upper platforms."""
    uplinks, lanes = planes.sip.uplinks, Lanes("cascade-job")
    score = ScoreBook(uplinks, platforms, clock)
    advertised = config.media.advertised_host or config.sip.advertised_host

    async def audit(actor: str, action: str, target: str, result: str) -> None:
        await users.audit(actor, action, target=target, result=result)

    def our_host(host: str) -> str:
        try:
            return advertised or address_towards(host)
        except (OSError, ValueError):
            return address_towards("127.0.0.1")

    controls = ControlDesk(uplinks, devices, heads, score, audit)
    facts = OwnFacts(f"{MANUFACTURER} {MODEL}", MANUFACTURER, MODEL, VERSION)
    calls = CallDesk(
        uplinks,
        platforms,
        live,
        playback,
        planes.media,
        score,
        new_ssrc=lambda is_history: planes.sip.new_ssrc(is_history=is_history),
        our_host=our_host,
        clock=clock,
    )
    service = CascadeService(
        uplinks,
        platforms,
        lanes=lanes,
        queries=QueryDesk(
            uplinks, platforms, lanes, devices, recordings, controls, score, facts, clock
        ),
        controls=controls,
        calls=calls,
        notices=NoticeDesk(uplinks, platforms, lanes, score, bus, calls.review),
        score=score,
        bus=bus,
    )
    platforms.scorecards = service
    return service


class RegistryNews:
    """Tells the bus that people changed the registry."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    def __call__(self) -> None:
        """Something was named, placed or removed."""
        self._bus.publish(RegistryChanged(at=self._clock.wall()))
