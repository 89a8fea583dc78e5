"""Which service gets what: the wiring of the planes and the services, without starting anything."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from analytics.runner import AnalysisRunner
from stream_relay.voice.sender import VoiceSender
from vms.app.cascade import RegistryNews, build_cascade, build_platforms
from vms.app.planes import Planes, first_address
from vms.bus import Bus
from vms.clock import Clock
from vms.config import Config
from vms.metrics import Kind, Sample
from vms.secrets import Secrets
from vms.services import Services
from vms.services.alarm_commands import AlarmCommands
from vms.services.alarms import AlarmService
from vms.services.analysis import AnalysisService
from vms.services.capabilities import CapabilityService
from vms.services.cascade.service import CascadeService
from vms.services.catalogs import CatalogService
from vms.services.credentials import CredentialCache
from vms.services.device_config import DeviceConfigService
from vms.services.device_control import DeviceControlService
from vms.services.device_desk import DeviceDesk
from vms.services.device_recordings import DeviceRecordingService
from vms.services.directory import DirectoryService, Surroundings
from vms.services.doctor import DoctorService
from vms.services.downloads import DownloadService
from vms.services.housekeeping import Housekeeping, Job
from vms.services.live import LiveService
from vms.services.live.routes import RegistryRoutes
from vms.services.offline import SpanService
from vms.services.passwords import PasswordHashes
from vms.services.playback import PlaybackService
from vms.services.positions import PositionService
from vms.services.presence_news import PresenceNews
from vms.services.ptz import PtzService
from vms.services.ptz_memory import PtzMemoryService
from vms.services.quirks import QuirkService
from vms.services.recording import RecordingService
from vms.services.registration import Listeners, RegistrationService
from vms.services.registration_rules import RegistrationRuleService
from vms.services.signalling_trace import SignallingTraceService
from vms.services.snapshots import SnapshotService
from vms.services.store import Store
from vms.services.subscriptions import SubscriptionService
from vms.services.system import Gauges, SystemService
from vms.services.users import UserService
from vms.services.voice import VoiceService
from vms.storage.queries.audit import prune_audit
from vms.storage.worker import DatabaseWorker
from vms.version import VERSION


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the application starts and stops, beside what the web layer sees."""

    services: Services
    registration: RegistrationService
    cascade: CascadeService
    credentials: CredentialCache
    housekeeping: Housekeeping


def build_parts(
    config: Config,
    *,
    planes: Planes,
    worker: DatabaseWorker,
    store: Store,
    secrets: Secrets,
    credentials: CredentialCache,
    quirks: QuirkService,
    hashes: PasswordHashes,
    socket: Path,
    http_port: Callable[[], int],
    clock: Clock,
) -> Parts:
    """All services, joined."""
    bus = Bus()
    news = PresenceNews(bus, clock)
    alarms = AlarmService(store, config.data, bus, clock)
    users = UserService(store, secrets, hashes, config.users, clock)
    advertised = config.media.advertised_host or config.sip.advertised_host
    routes = RegistryRoutes(store, bus, clock, advertised, quirks.find)
    live = LiveService(planes.sip, planes.media, routes, config.media, clock, bus)
    recording = RecordingService(
        live,
        alarms,
        store,
        config.data,
        config.recording,
        reserve_bytes=config.storage.reserve_bytes,
        clock=clock,
        bus=bus,
    )
    playback = PlaybackService(
        planes.sip, planes.media, routes, config.playback, config.media, clock, quirks.find
    )
    live.pass_on(playback.hear_media)
    downloads = DownloadService(
        playback,
        config.data,
        config.playback,
        clock,
        reserve_bytes=config.storage.reserve_bytes,
    )
    runner = AnalysisRunner(socket, config.analytics.person_model)
    analysis = AnalysisService(
        runner, live, alarms, store, socket, config.analytics, clock=clock, bus=bus
    )
    capabilities = CapabilityService(planes.sip, quirks, store, clock)
    planes.sip.on_answered = capabilities.heard
    catalogs = CatalogService(planes.sip, store, news, config.sip, clock, quirks.note)
    desk = DeviceDesk(planes.sip, store)
    ptz = PtzService(desk, clock, bus)
    device_control = DeviceControlService(desk, clock)
    live.want_key_frame = device_control.request_key_frame
    snapshots = SnapshotService(
        desk, config.data, lambda: device_base_url(config, http_port()), clock
    )
    subscriptions = SubscriptionService(
        planes.sip.subscriptions,
        store,
        catalogs,
        config.subscriptions,
        bus,
        clock,
        quirks=quirks.find,
        order=planes.sip.ask,
    )
    positions = PositionService(store, bus, clock)
    registration = RegistrationService(
        planes.sip,
        store,
        credentials,
        catalogs,
        news,
        bus=bus,
        clock=clock,
        listeners=Listeners(
            _both(live.invitation_ended, playback.invitation_ended),
            playback.file_ended,
            alarms.raise_device_alarm,
            alarms.raise_moved_device,
            alarms.raise_wrong_clock,
            snapshots.finished,
            device_control.upgrade_ended,
            subscriptions.tell,
            positions.take,
            alarms.raise_guessing,
        ),
        quirks=quirks.find,
    )
    voice = VoiceService(
        planes.sip,
        lambda target: VoiceSender(target, planes.relay.ports, config.media.host),
        store,
        users,
        config.data,
        advertised=advertised,
        zone=config.zone,
        clock=clock,
        quirks=quirks.find,
    )
    for service in (live, playback, voice, subscriptions, snapshots, device_control):
        service.on_capability = capabilities.note
    around = Surroundings(
        is_recording=recording.is_on,
        live_status=live.status,
        forget_device=planes.sip.forget,
        refresh_catalog=catalogs.refresh,
        reload_credentials=credentials.reload,
        registry_changed=RegistryNews(bus, clock),
        sip_port=lambda: planes.sip.port,
        http_port=http_port,
    )
    directory = DirectoryService(store, secrets, clock, around, sip=config.sip, media=config.media)
    system = SystemService(
        store,
        alarms,
        Gauges(
            live=live.statuses,
            recording=lambda: recording.running,
            signalling=planes.sip.stats,
            database_pending=lambda: worker.pending,
            relay=lambda: [*relay_samples(planes), *cascade.samples()],
        ),
        data=config.data,
        reserve_bytes=config.storage.reserve_bytes,
        time_zone=config.time_zone,
        version=VERSION,
        clock=clock,
        bus=bus,
    )
    recordings = DeviceRecordingService(planes.sip, routes, config.playback, clock, quirks.find)
    platforms = build_platforms(config, store, secrets, bus, clock)
    cascade = build_cascade(
        config,
        planes,
        platforms,
        live=live,
        playback=playback,
        recordings=recordings,
        devices=desk,
        heads=ptz,
        users=users,
        bus=bus,
        clock=clock,
    )
    services = Services(
        directory=directory,
        registration_rules=RegistrationRuleService(planes.sip, store),
        live=live,
        doctor=DoctorService(live, store),
        recording=recording,
        device_recordings=recordings,
        playback=playback,
        downloads=downloads,
        alarms=alarms,
        analysis=analysis,
        users=users,
        spans=SpanService(store, clock),
        subscriptions=subscriptions,
        positions=positions,
        alarm_commands=AlarmCommands(planes.sip, alarms),
        quirks=quirks,
        capabilities=capabilities,
        ptz=ptz,
        ptz_memory=PtzMemoryService(ptz, desk, store, quirks.find),
        device_control=device_control,
        device_config=DeviceConfigService(desk, quirks.find),
        snapshots=snapshots,
        system=system,
        voice=voice,
        signalling=SignallingTraceService(planes.sip.trace),
        platforms=platforms,
        bus=bus,
    )
    return Parts(
        services=services,
        registration=registration,
        cascade=cascade,
        credentials=credentials,
        housekeeping=build_housekeeping(config, services, catalogs, store, clock),
    )


def build_housekeeping(
    config: Config,
    services: Services,
    catalogs: CatalogService,
    store: Store,
    clock: Clock,
) -> Housekeeping:
    """The timetable: what grows is pruned at night, the disk is looked at every minute."""

    async def prune_log() -> None:
        days = config.storage.audit_days
        await store.run(prune_audit, at=clock.wall(), keep_days=days)
        await services.voice.prune(days)

    async def look_at_disk() -> None:
        await services.recording.make_room()
        await services.system.check_disk()

    async def prune_tracks() -> None:
        await services.positions.prune(config.subscriptions.track_days)

    async def prune_pictures() -> None:
        await services.alarms.prune(config.storage.alarm_picture_days)
        await services.snapshots.prune(config.storage.alarm_picture_days)

    return Housekeeping(
        [
            Job("disk", IntervalTrigger(minutes=1), look_at_disk),
            Job("catalogs", IntervalTrigger(minutes=10), catalogs.ask_incomplete),
            Job(
                "catalog-polls",
                IntervalTrigger(minutes=config.subscriptions.poll_minutes),
                services.subscriptions.poll,
            ),
            Job("tracks", CronTrigger(hour=3, minute=40), prune_tracks),
            Job("sessions", IntervalTrigger(hours=1), services.users.prune),
            Job("audit-log", CronTrigger(hour=3, minute=10), prune_log),
            Job("downloads", CronTrigger(hour=3, minute=30), services.downloads.prune),
            Job("alarm-pictures", CronTrigger(hour=3, minute=20), prune_pictures),
        ],
        config.zone,
    )


def relay_samples(planes: Planes) -> Iterable[Sample]:
    """Figures of the relay nodes, of the shared port and of each running stream."""
    for node in planes.fleet.relays if planes.fleet is not None else ():
        labels = {"node": node.url}
        yield Sample("relay_node_up", Kind.GAUGE, "1: it answers.", node.is_connected, labels)
        count = len(node.streams())
        yield Sample("relay_node_streams", Kind.GAUGE, "Streams it receives.", count, labels)
    shared = planes.relay.shared_port
    if shared is not None:
        for name, help_text, count in (
            ("unrouted", "Packets with an SSRC that no stream expects.", shared.unrouted),
            ("strangers", "Connections that no stream wanted.", shared.strangers_closed),
        ):
            yield Sample(f"shared_port_{name}_total", Kind.COUNTER, help_text, count)
        connections = shared.connections
        yield Sample("shared_port_connections", Kind.GAUGE, "TCP connections.", connections)
    for stream in planes.media.streams():
        labels = {"channel": stream.id.partition("#")[0]}
        figures = stream.statistics
        yield Sample("stream_bits", Kind.GAUGE, "Bits a second.", figures.bitrate_bps, labels)
        yield Sample("stream_readers", Kind.GAUGE, "Readers.", figures.readers, labels)
        for name, value in {
            "packets": figures.packets,
            "lost": figures.lost,
            "rejected": figures.rejected,
            "malformed": figures.malformed,
            "dropped": figures.dropped_chunks,
        }.items():
            yield Sample(
                f"stream_{name}_total", Kind.COUNTER, "Of the running stream.", value, labels
            )


def _both(
    one: Callable[[str, str], None], other: Callable[[str, str], None]
) -> Callable[[str, str], None]:
    """Tell two listeners."""

    def tell(what: str, why: str) -> None:
        one(what, why)
        other(what, why)

    return tell


def device_base_url(config: Config, http_port: int) -> str:
    """Where devices reach our HTTP server, to upload pictures."""
    if config.http.device_base_url:
        return config.http.device_base_url.rstrip("/")
    host = config.sip.advertised_host or first_address(config.sip.host)
    return f"http://{host}:{http_port}"
