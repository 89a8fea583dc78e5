"""The value types that the services answer with and that bus events carry.

Frozen; times are aware UTC datetimes; geometry is a share (0..1) of the picture; codes are the
20 digits as text. Where a plane or the storage has the record already, it is the same type under
the name that people use; rows never get here.
"""

from channel_registry.records import DeviceRecord as DeviceView
from channel_registry.records import NodeKind, Page, TreeBy
from channel_registry.records import RegistrationRuleRecord as RegistrationRuleView
from channel_registry.upper_records import (
    CatalogForm,
    CodeMap,
    CodeRule,
    Share,
    UpperPlatform,
    UpperRight,
)
from sip.gb28181.control import Frame, HomePosition
from sip.gb28181.ptz_queries import CruiseRoute, CruiseTrack, PtzPosition
from sip.gb28181.sd_card import StorageCard
from vms.records.alarms import Box, PluginView
from vms.records.control import (
    ConfigField,
    ConfigReading,
    ConfigView,
    OrderState,
    PresetView,
    PtzStatus,
    SnapshotOrder,
    SnapshotView,
    Steering,
    UpgradeView,
)
from vms.records.devices import AccessValues, AttemptView, ChannelView, TreeNodeView
from vms.records.doctor import (
    Cause,
    Diagnosis,
    Grade,
    Mark,
    Rung,
    Step,
    Try,
)
from vms.records.live import LiveReason, LiveState, LiveStatus, LiveStep
from vms.records.platforms import (
    BadCodeLine,
    CallFailure,
    CatalogDifferenceCounts,
    CodeImport,
    CodeLine,
    CodeSource,
    Finding,
    Findings,
    PlatformView,
    Preview,
    PreviewNode,
    Scorecard,
    Severity,
)
from vms.records.playback import (
    DeviceRecording,
    Download,
    DownloadState,
    Playback,
    PlaybackState,
    RecordingSearch,
    RecordingSource,
    SearchState,
)
from vms.records.quirks import QuirkView
from vms.records.recording import RecorderState
from vms.records.reports import SubscriptionTopic, SubscriptionView
from vms.records.system import SystemStatus
from vms.records.users import Identity, MediaToken, NewSession, UserView
from vms.storage.device_records import CapabilityRecord as CapabilityView
from vms.storage.device_records import PositionRecord as PositionView
from vms.storage.device_records import TransportMemory, Verdict
from vms.storage.records import (
    AlarmFilter,
    AlarmLevel,
    AlarmState,
    AuditEntry,
    Role,
    SceneDraft,
    SpanCause,
    SpanState,
    SubjectKind,
)
from vms.storage.records import AlarmRecord as Alarm
from vms.storage.records import SceneRecord as Scene
from vms.storage.records import SegmentRecord as Segment
from vms.storage.records import SpanRecord as Span

__all__ = [
    "AccessValues",
    "Alarm",
    "AlarmFilter",
    "AlarmLevel",
    "AlarmState",
    "AttemptView",
    "AuditEntry",
    "BadCodeLine",
    "Box",
    "CallFailure",
    "CapabilityView",
    "CatalogDifferenceCounts",
    "CatalogForm",
    "Cause",
    "ChannelView",
    "CodeImport",
    "CodeLine",
    "CodeMap",
    "CodeRule",
    "CodeSource",
    "ConfigField",
    "ConfigReading",
    "ConfigView",
    "CruiseRoute",
    "CruiseTrack",
    "DeviceRecording",
    "Diagnosis",
    "DeviceView",
    "Download",
    "DownloadState",
    "Finding",
    "Findings",
    "Frame",
    "Grade",
    "HomePosition",
    "Identity",
    "LiveReason",
    "LiveState",
    "LiveStatus",
    "LiveStep",
    "Mark",
    "MediaToken",
    "NewSession",
    "NodeKind",
    "OrderState",
    "Page",
    "PlatformView",
    "Playback",
    "PlaybackState",
    "PluginView",
    "PositionView",
    "PresetView",
    "Preview",
    "PreviewNode",
    "PtzPosition",
    "PtzStatus",
    "QuirkView",
    "RecorderState",
    "RecordingSearch",
    "RecordingSource",
    "RegistrationRuleView",
    "Role",
    "Rung",
    "Scene",
    "SceneDraft",
    "Scorecard",
    "SearchState",
    "Segment",
    "Severity",
    "Share",
    "SnapshotOrder",
    "SnapshotView",
    "Span",
    "SpanCause",
    "SpanState",
    "Steering",
    "Step",
    "StorageCard",
    "SubjectKind",
    "SubscriptionTopic",
    "SubscriptionView",
    "SystemStatus",
    "TransportMemory",
    "TreeBy",
    "TreeNodeView",
    "Try",
    "UpgradeView",
    "UpperPlatform",
    "UpperRight",
    "UserView",
    "Verdict",
]
