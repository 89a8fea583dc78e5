"""What a lower platform does by itself, told to the journal of the pretend upper one."""

from dataclasses import dataclass

from sip.events import (
    AlarmReceived,
    CatalogReceived,
    DeviceClockChecked,
    DeviceDisconnected,
    DeviceExpired,
    DeviceRegistered,
    DeviceUnregistered,
    Event,
    InvitationEnded,
    KeepaliveReceived,
    KeepalivesMissed,
    MediaStatusReceived,
    PositionsReceived,
    RegistrationAttempted,
    SubscriptionChanged,
)
from vms.simulation.upper.journal import Journal


@dataclass(frozen=True, slots=True)
class CallOver:
    """A call of ours has nothing more to send, or is over."""

    invitation_id: str
    reason: str


def tell_news(event: Event, journal: Journal) -> CallOver | None:
    """Tell one event; returns the call that is to be ended because of it."""
    match event:
        case InvitationEnded():
            return CallOver(event.invitation_id, event.reason)
        case MediaStatusReceived(invitation_id=str(invitation_id)):
            journal.tell("file_ended", "⏹ 文件结束 MediaStatus 121", invitation=invitation_id)
            return CallOver(invitation_id, "file_ended")
        case DeviceRegistered() | DeviceUnregistered() | DeviceExpired() | DeviceDisconnected():
            _tell_presence(event, journal)
        case KeepaliveReceived():
            journal.tell("keepalive", "", device=event.device_id, status=event.status)
        case KeepalivesMissed():
            journal.tell("silent", f"! {event.device_id} 心跳丢失 silent", device=event.device_id)
        case RegistrationAttempted():
            words = f"? {event.device_id} {event.outcome}"
            journal.tell("attempt", words, device=event.device_id, outcome=str(event.outcome))
        case CatalogReceived():
            changes = [{"id": item.device_id, "change": item.event} for item in event.items]
            words = ", ".join(f"{item.event} {item.device_id}" for item in event.items[:10])
            journal.tell("notified", f"~ 目录变化 catalog: {words}", changes=changes)
        case AlarmReceived():
            journal.tell(
                "alarm", f"! 报警 alarm {event.source_id} {event.method}/{event.alarm_type} "
                f"{event.description}",
                source=event.source_id, method=event.method, type=event.alarm_type,
            )  # fmt: skip
        case PositionsReceived():
            for each in event.positions:
                words = f"~ 位置 position {each.device_id} {each.longitude} {each.latitude}"
                journal.tell("position", words, device=each.device_id)
        case SubscriptionChanged():
            words = f"~ 订阅 subscription {event.topic}: {event.state} {event.reason}"
            journal.tell("subscription", words, topic=event.topic, state=event.state)
        case DeviceClockChecked():
            journal.tell("clock", "", device=event.device_id)
        case _:
            journal.tell(type(event).__name__, "")
    return None


def _tell_presence(
    event: DeviceRegistered | DeviceUnregistered | DeviceExpired | DeviceDisconnected,
    journal: Journal,
) -> None:
    if isinstance(event, DeviceRegistered):
        journal.tell(
            "registered", f"✓ 注册 registered {event.device_id} @ {event.peer} {event.user_agent}",
            device=event.device_id, version=event.gb_version,
        )  # fmt: skip
    else:
        journal.tell("left", f"✗ 离线 gone {event.device_id}", device=event.device_id)
