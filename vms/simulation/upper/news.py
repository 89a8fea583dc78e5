"""What a lower platform does by itself, told to the journal of the pretend upper one."""

from dataclasses import dataclass

from sip.events import (
    AlarmReceived,
    AttemptOutcome,
    CatalogReceived,
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

SHOWN = 10
"""Changes of a notification that are shown."""


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
        case CatalogReceived() | AlarmReceived() | PositionsReceived() | SubscriptionChanged():
            _tell_report(event, journal)
        case _:
            _tell_presence(event, journal)
    return None


def _tell_presence(event: Event, journal: Journal) -> None:
    match event:
        case DeviceRegistered():
            journal.tell(
                "registered",
                f"✓ 注册 registered {event.device_id} @ {event.peer} {event.user_agent}",
                device=event.device_id,
                version=event.gb_version,
            )
        case DeviceUnregistered() | DeviceExpired() | DeviceDisconnected():
            journal.tell("left", f"✗ 离线 gone {event.device_id}", device=event.device_id)
        case KeepalivesMissed():
            journal.tell("silent", f"! {event.device_id} 心跳丢失 silent", device=event.device_id)
        case RegistrationAttempted():
            is_usual = event.outcome in (AttemptOutcome.CHALLENGED, AttemptOutcome.ACCEPTED)
            words = "" if is_usual else f"? {event.device_id} {event.outcome}"
            journal.tell("attempt", words, device=event.device_id, outcome=str(event.outcome))
        case KeepaliveReceived():
            journal.tell("keepalive", "", device=event.device_id, status=event.status)
        case _:
            # Nobody who tries a cascade asks for the rest; programs may.
            journal.tell(type(event).__name__, "")


def _tell_report(
    event: CatalogReceived | AlarmReceived | PositionsReceived | SubscriptionChanged,
    journal: Journal,
) -> None:
    match event:
        case CatalogReceived():
            changes = [{"id": item.device_id, "change": item.event} for item in event.items]
            words = ", ".join(f"{item.event} {item.device_id}" for item in event.items[:SHOWN])
            # The first one of a subscription is empty where nothing is amiss.
            journal.tell(
                "notified", f"~ 目录变化 catalog: {words}" if words else "", changes=changes
            )
        case AlarmReceived():
            words = f"{event.source_id} {event.method}/{event.alarm_type} {event.description}"
            journal.tell(
                "alarm",
                f"! 报警 alarm {words}",
                source=event.source_id,
                method=event.method,
                type=event.alarm_type,
            )
        case PositionsReceived():
            for each in event.positions:
                words = f"~ 位置 position {each.device_id} {each.longitude} {each.latitude}"
                journal.tell("position", words, device=each.device_id)
        case SubscriptionChanged():
            words = f"~ 订阅 subscription {event.topic}: {event.state} {event.reason}"
            journal.tell("subscription", words, topic=event.topic, state=event.state)
