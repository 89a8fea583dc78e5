"""Services in memory with the real signatures (see test_fakes.py), so web tests need no plane."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from tests.web.fake_capabilities import FakeCapabilities
from tests.web.fake_control import (
    FakeDeviceConfig,
    FakeDeviceControl,
    FakePtz,
    FakePtzMemory,
    FakeSnapshots,
)
from tests.web.fake_doctor import FakeDoctor
from tests.web.fake_live import FakeLive
from tests.web.fake_platforms import FakePlatforms
from tests.web.fake_playback import FakeDeviceRecordings, FakeDownloads, FakePlayback
from tests.web.fake_quirks import FakeQuirks
from tests.web.fake_reports import FakeAlarmCommands, FakePositions, FakeSubscriptions
from tests.web.fake_signalling import build_signalling
from tests.web.fake_voice import FakeVoice
from tests.web.records import CHANNEL, DEVICE, NOON, OTHER, alarm, attempt, channel, device
from vms.bus import Bus
from vms.errors import Conflict, Denied, Invalid, LockedOut, NotFound, NotReady
from vms.records import (
    AccessValues,
    Alarm,
    AlarmFilter,
    AlarmState,
    AttemptView,
    ChannelView,
    DeviceView,
    Identity,
    MediaToken,
    NewSession,
    NodeKind,
    Page,
    PluginView,
    RecorderState,
    RegistrationRuleView,
    Role,
    Scene,
    SceneDraft,
    Segment,
    Span,
    SpanCause,
    SpanState,
    SubjectKind,
    SystemStatus,
    TreeBy,
    TreeNodeView,
    UserView,
)

PASSWORD = "correct horse"
FAILURES = 3


class FakeDirectory:
    def __init__(self) -> None:
        self.known = {DEVICE: device()}
        self.cameras = {CHANNEL: channel(), OTHER: channel(OTHER, name="副井口")}
        self.asked: dict[str, object] = {}

    async def devices(
        self, *, q: str = "", online: bool | None = None, page: int = 1, size: int = 50
    ) -> Page[DeviceView]:
        self.asked = {"q": q, "online": online, "page": page, "size": size}
        return Page(tuple(self.known.values()), len(self.known), page, size)

    async def device(self, device_id: str) -> DeviceView:
        if device_id not in self.known:
            raise NotFound("device", device_id)
        return self.known[device_id]

    async def add_device(
        self, device_id: str, *, name: str = "", password: str = ""
    ) -> tuple[DeviceView, str]:
        if device_id in self.known:
            raise Conflict("device_exists")
        self.known[device_id] = device(device_id, name=name, registered=False, online=False)
        return self.known[device_id], password or "generated-1"

    async def rename_device(self, device_id: str, name: str) -> DeviceView:
        self.known[device_id] = replace(await self.device(device_id), name=name)
        return self.known[device_id]

    async def reset_password(self, device_id: str, password: str = "") -> str:
        await self.device(device_id)
        return password or "generated-2"

    async def delete_device(self, device_id: str) -> None:
        await self.device(device_id)
        del self.known[device_id]

    async def refresh_catalog(self, device_id: str) -> None:
        if not (await self.device(device_id)).online:
            raise NotReady(code="device_offline", retry_after_s=5)

    async def channels(
        self,
        *,
        q: str = "",
        category: str = "",
        organisation: str = "",
        device: str = "",
        online: bool | None = None,
        page: int = 1,
        size: int = 50,
    ) -> Page[ChannelView]:
        self.asked = {"q": q, "category": category, "organisation": organisation}
        self.asked |= {"device": device, "online": online, "page": page, "size": size}
        return Page(tuple(self.cameras.values()), len(self.cameras), page, size)

    async def channel(self, code: str) -> ChannelView:
        if code not in self.cameras:
            raise NotFound("channel", code)
        return self.cameras[code]

    async def update_channel(
        self,
        code: str,
        *,
        name: str | None = None,
        category_code: str | None = None,
        organisation_id: str | None = None,
    ) -> ChannelView:
        changes = {"name": name, "category_code": category_code, "organisation_id": organisation_id}
        given = {key: value for key, value in changes.items() if value is not None}
        self.cameras[code] = replace(await self.channel(code), **given)
        return self.cameras[code]

    async def tree(self, by: TreeBy, parent: str = "") -> tuple[TreeNodeView, ...]:
        if not parent:
            return (TreeNodeView("06", NodeKind.CATEGORY, "主井口", None, 2, 1, True),)
        found = self.cameras[CHANNEL]
        return (TreeNodeView(CHANNEL, NodeKind.CHANNEL, found.name, parent, 1, 1, False, found),)

    def access_values(self) -> AccessValues:
        return AccessValues(
            server_id="14040000002000000001",
            domain="1404000000",
            realm="1404000000",
            addresses=("10.1.2.3",),
            port=5060,
            transports=("udp", "tcp"),
            keepalive_interval_s=60,
            keepalive_count=3,
            expires_s=3600,
            http_port=8080,
        )

    async def registration_attempts(self, limit: int = 200) -> tuple[AttemptView, ...]:
        return (attempt(),)


class FakeRegistrationRules:
    def __init__(self, directory: FakeDirectory) -> None:
        self.known: dict[str, RegistrationRuleView] = {}
        self._directory = directory

    async def begin(self) -> None:
        self.known.clear()

    async def rule(self, device_id: str) -> RegistrationRuleView:
        if device_id != "*":
            await self._directory.device(device_id)
        return self.known.get(device_id, RegistrationRuleView(device_id))

    async def set_rule(self, rule: RegistrationRuleView) -> RegistrationRuleView:
        await self.rule(rule.device_id)
        self.known[rule.device_id] = rule
        return rule


class FakeRecording:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.on: dict[str, str] = {}
        self.missing = False

    async def switch(self, code: str, on: bool, by: str = "") -> None:
        if code not in {CHANNEL, OTHER}:
            raise NotFound("channel", code)
        if on:
            self.on[code] = by
        else:
            self.on.pop(code, None)

    def is_on(self, code: str) -> bool:
        return code in self.on

    def state(self, code: str) -> RecorderState:
        return RecorderState.WAITING if code in self.on else RecorderState.OFF

    async def segments(
        self, code: str, start: datetime | None = None, end: datetime | None = None
    ) -> tuple[Segment, ...]:
        if start and end and end <= start:
            raise Invalid("end", "before_start")
        return (self.segment(),)

    async def open_segment(self, segment_id: int) -> tuple[Segment, Path]:
        if segment_id != 1:
            raise NotFound("segment", str(segment_id))
        return self.segment(), self.data / "1.mp4"

    def segment(self) -> Segment:
        end = NOON + timedelta(seconds=60)
        path = f"{CHANNEL}/20261120/a.mp4"
        return Segment(1, CHANNEL, path, NOON, end, 1000, "h264", 1280, 720, False, False)


class FakeAlarms:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.known = {1: alarm(), 2: alarm(2, snapshot="")}
        self.asked: AlarmFilter | None = None

    async def alarms(self, wanted: AlarmFilter, page: int = 1, size: int = 50) -> Page[Alarm]:
        self.asked = wanted
        return Page(tuple(self.known.values()), len(self.known), page, size)

    async def alarm(self, alarm_id: int) -> Alarm:
        if alarm_id not in self.known:
            raise NotFound("alarm", str(alarm_id))
        return self.known[alarm_id]

    async def acknowledge(self, alarm_id: int, by: str) -> Alarm:
        changes = {"state": AlarmState.ACKNOWLEDGED, "acknowledged_at": NOON, "acknowledged_by": by}
        self.known[alarm_id] = replace(await self.alarm(alarm_id), **changes)
        return self.known[alarm_id]

    async def clear(self, alarm_id: int, by: str, note: str = "") -> Alarm:
        if (await self.alarm(alarm_id)).state is AlarmState.CLEARED:
            raise Conflict()
        changes = {"state": AlarmState.CLEARED, "cleared_by": by, "note": note}
        self.known[alarm_id] = replace(await self.alarm(alarm_id), **changes)
        return self.known[alarm_id]

    async def snapshot_path(self, alarm_id: int) -> Path:
        if not (await self.alarm(alarm_id)).snapshot:
            raise NotFound("snapshot", str(alarm_id))
        return self.data / "1.jpg"


class FakeAnalysis:
    def __init__(self) -> None:
        self.known: dict[int, Scene] = {}

    def plugins(self) -> tuple[PluginView, ...]:
        return (PluginView("intrusion", "1.0", "区域入侵", "Intrusion", {"type": "object"}),)

    async def scenes(self, channel: str = "") -> tuple[Scene, ...]:
        return tuple(s for s in self.known.values() if channel in ("", s.channel))

    async def scene(self, scene_id: int) -> Scene:
        if scene_id not in self.known:
            raise NotFound("scene", str(scene_id))
        return self.known[scene_id]

    async def add_scene(self, draft: SceneDraft) -> Scene:
        if draft.plugin != "intrusion":
            raise NotFound("plugin", draft.plugin)
        number = len(self.known) + 1
        self.known[number] = self._scene(number, draft)
        return self.known[number]

    async def update_scene(self, scene_id: int, draft: SceneDraft) -> Scene:
        await self.scene(scene_id)
        self.known[scene_id] = self._scene(scene_id, draft)
        return self.known[scene_id]

    async def delete_scene(self, scene_id: int) -> None:
        await self.scene(scene_id)
        del self.known[scene_id]

    def _scene(self, number: int, draft: SceneDraft) -> Scene:
        fields = {name: getattr(draft, name) for name in SceneDraft.__slots__}
        return Scene(id=number, **fields, created_at=NOON, updated_at=NOON)


@dataclass
class FakeUsers:
    accounts: dict[str, Role] = field(
        default_factory=lambda: {
            "viewer": Role.VIEWER,
            "operator": Role.OPERATOR,
            "admin": Role.ADMIN,
        }
    )
    sessions: dict[str, Identity] = field(default_factory=dict)
    logged_out: asyncio.Event = field(default_factory=asyncio.Event)
    media: dict[str, tuple[str, Identity]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    log: list[tuple[str, str, str, str]] = field(default_factory=list)

    def open_session(self, username: str) -> str:
        token = f"session-of-{username}-{len(self.sessions)}"
        self.sessions[token] = Identity(
            list(self.accounts).index(username) + 1,
            username,
            self.accounts[username],
            f"hash-of-{token}",
            False,
            NOON + timedelta(hours=8),
        )
        return token

    async def log_in(
        self, username: str, password: str, source: str, user_agent: str = ""
    ) -> NewSession:
        if self.failures.get(username, 0) >= FAILURES:
            raise LockedOut(300.0)
        if username not in self.accounts or password != PASSWORD:
            self.failures[username] = self.failures.get(username, 0) + 1
            raise Denied("wrong_credentials")
        token = self.open_session(username)
        return NewSession(token, self.sessions[token])

    async def identify(self, token: str) -> Identity:
        if token not in self.sessions:
            raise Denied("unauthenticated")
        return self.sessions[token]

    async def log_out(self, identity: Identity) -> None:
        self.sessions = {t: i for t, i in self.sessions.items() if i.session != identity.session}
        self.logged_out.set()
        self.logged_out = asyncio.Event()

    async def until_ended(self, identity: Identity, recheck_s: float, *, is_use: bool) -> None:
        while identity.session in {known.session for known in self.sessions.values()}:
            with suppress(TimeoutError):
                async with asyncio.timeout(recheck_s):
                    await self.logged_out.wait()

    async def change_password(self, identity: Identity, old: str, new: str, source: str) -> None:
        if old != PASSWORD:
            raise Denied("wrong_credentials")

    def media_token(self, identity: Identity, channel: str = "") -> MediaToken:
        token = f"media-{len(self.media)}"
        self.media[token] = (channel, identity)
        return MediaToken(token, NOON + timedelta(hours=1))

    async def identify_media(self, token: str, channel: str) -> Identity:
        scope, identity = self.media.get(token, ("none", None))
        if identity is None or scope not in ("", channel):
            raise Denied("unauthenticated")
        return identity

    async def users(self) -> tuple[UserView, ...]:
        return tuple(
            UserView(number, name, role, False, NOON)
            for number, (name, role) in enumerate(self.accounts.items(), 1)
        )

    async def add_user(
        self, username: str, password: str, role: Role, *, must_change: bool = True
    ) -> UserView:
        if username in self.accounts:
            raise Conflict("username_taken")
        self.accounts[username] = role
        return UserView(len(self.accounts), username, role, must_change, NOON)

    async def audit(
        self,
        actor: str,
        action: str,
        *,
        target: str = "",
        source: str = "",
        result: str = "ok",
        detail: dict[str, object] | None = None,
    ) -> None:
        self.log.append((actor, action, target, result))


class FakeSpans:
    async def spans(
        self,
        *,
        subject: str = "",
        kind: SubjectKind | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 500,
    ) -> tuple[Span, ...]:
        return (
            Span(1, SubjectKind.DEVICE, DEVICE, SpanState.ON, SpanCause("registered"), NOON, None),
        )


class FakeSystem:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.ready = True

    async def status(self) -> SystemStatus:
        numbers = dict.fromkeys(
            ("streams", "viewers", "recording", "devices", "devices_online", "channels"), 1
        )
        return SystemStatus(
            version="0.1.0",
            started_at=NOON,
            uptime_s=5.0,
            **numbers,
            channels_online=1,
            channels_proven=1,
            alarms_open=0,
            disk_free_bytes=10,
            disk_total_bytes=20,
            data=self.data,
            time_zone="Asia/Shanghai",
        )

    async def metrics(self) -> str:
        return "vms_streams 1\n"

    def is_ready(self) -> bool:
        return self.ready


class FakeServices:
    """Stands for `vms.services.Services`."""

    def __init__(self, data: Path) -> None:
        self.directory = FakeDirectory()
        self.registration_rules = FakeRegistrationRules(self.directory)
        self.live = FakeLive()
        self.doctor = FakeDoctor()
        self.recording = FakeRecording(data)
        self.device_recordings = FakeDeviceRecordings()
        self.playback = FakePlayback()
        self.downloads = FakeDownloads(data)
        self.alarms = FakeAlarms(data)
        self.analysis = FakeAnalysis()
        self.users = FakeUsers()
        self.spans = FakeSpans()
        self.subscriptions = FakeSubscriptions(self.directory)
        self.positions = FakePositions()
        self.alarm_commands = FakeAlarmCommands(self.alarms)
        self.quirks = FakeQuirks()
        self.capabilities = FakeCapabilities()
        self.ptz = FakePtz()
        self.ptz_memory = FakePtzMemory()
        self.device_control = FakeDeviceControl()
        self.device_config = FakeDeviceConfig()
        self.snapshots = FakeSnapshots(data)
        self.system = FakeSystem(data)
        self.voice = FakeVoice()
        self.trace, self.signalling = build_signalling()
        self.platforms = FakePlatforms()
        self.bus = Bus()
