"""What a live session hears of its stream and its device, and which of it ends the stream."""

from enum import Enum

from stream_relay.events import StreamEnded, StreamEvent, StreamStalled
from vms.errors import LiveFailed
from vms.records import LiveReason, LiveStep
from vms.services.live.steps import ENDINGS


class DeviceLoss(Enum):
    """What signalling says about a running invitation."""

    ENDED = "bye"
    OFFLINE = "offline"


Message = StreamEvent | DeviceLoss


def raise_when_lost(message: Message, step: LiveStep) -> None:
    """Raise LiveFailed for what ends a stream; everything else passes."""
    if isinstance(message, StreamStalled):
        raise LiveFailed(step, LiveReason.STALLED, f"{message.silent_s:.0f} s")
    if isinstance(message, StreamEnded):
        raise LiveFailed(step, ENDINGS[message.reason], message.reason.value)
    if message is DeviceLoss.ENDED:
        raise LiveFailed(step, LiveReason.DEVICE_ENDED)
    if message is DeviceLoss.OFFLINE:
        raise LiveFailed(step, LiveReason.DEVICE_OFFLINE)
