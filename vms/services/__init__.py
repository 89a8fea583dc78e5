"""The services, one family of use cases each; `Services` is what the web layer gets."""

from dataclasses import dataclass

from vms.bus import Bus
from vms.services.alarm_commands import AlarmCommands
from vms.services.alarms import AlarmService
from vms.services.analysis import AnalysisService
from vms.services.capabilities import CapabilityService
from vms.services.cascade.platforms import PlatformService
from vms.services.device_config import DeviceConfigService
from vms.services.device_control import DeviceControlService
from vms.services.device_recordings import DeviceRecordingService
from vms.services.directory import DirectoryService
from vms.services.doctor import DoctorService
from vms.services.downloads import DownloadService
from vms.services.live import LiveService
from vms.services.offline import SpanService
from vms.services.playback import PlaybackService
from vms.services.positions import PositionService
from vms.services.ptz import PtzService
from vms.services.ptz_memory import PtzMemoryService
from vms.services.quirks import QuirkService
from vms.services.recording import RecordingService
from vms.services.registration_rules import RegistrationRuleService
from vms.services.signalling_trace import SignallingTraceService
from vms.services.snapshots import SnapshotService
from vms.services.subscriptions import SubscriptionService
from vms.services.system import SystemService
from vms.services.users import UserService
from vms.services.voice import VoiceService


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the web layer may call; `bus` only to subscribe."""

    directory: DirectoryService
    registration_rules: RegistrationRuleService
    live: LiveService
    doctor: DoctorService
    recording: RecordingService
    device_recordings: DeviceRecordingService
    playback: PlaybackService
    downloads: DownloadService
    alarms: AlarmService
    analysis: AnalysisService
    users: UserService
    spans: SpanService
    subscriptions: SubscriptionService
    positions: PositionService
    alarm_commands: AlarmCommands
    quirks: QuirkService
    capabilities: CapabilityService
    ptz: PtzService
    ptz_memory: PtzMemoryService
    device_control: DeviceControlService
    device_config: DeviceConfigService
    snapshots: SnapshotService
    system: SystemService
    voice: VoiceService
    signalling: SignallingTraceService
    platforms: PlatformService
    bus: Bus
