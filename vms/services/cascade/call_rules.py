"""Whether a call of an upper platform may be, and what its refusal is called."""

from channel_registry.records import ChannelRecord
from channel_registry.upper_records import UpperRight
from sip.roles.upward.terms import UpperInvited
from stream_relay.receiver import Transport
from vms.errors import LiveFailed
from vms.records import LiveReason
from vms.services.cascade.upper import Upper

OUR_SIDE: dict[str, Transport] = {
    "udp": "udp",
    "tcp-passive": "tcp-active",
    "tcp-active": "tcp-passive",
}
"""What the upper says of itself, which receives → what we are, who send."""

STATUSES = {
    LiveReason.CHANNEL_UNKNOWN: 404,
    LiveReason.CHANNEL_NOT_FOUND: 404,
    LiveReason.DEVICE_BUSY: 486,
    LiveReason.PORTS_EXHAUSTED: 503,
    LiveReason.RELAY_UNREACHABLE: 503,
}
"""What a picture that does not come means to the upper platform; everything else is 480."""


RIGHTS = {
    "live": UpperRight.LIVE,
    "playback": UpperRight.PLAYBACK,
    "download": UpperRight.DOWNLOAD,
}


class Refused(Exception):
    """This call cannot be; `reason` is a constant word for the scorecard."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def check_call(upper: Upper | None, event: UpperInvited) -> ChannelRecord:
    """The channel that is called, if it may be; raises Refused."""
    channel = upper.channel(event.channel_id) if upper is not None else None
    if upper is None or channel is None:
        raise Refused(404, "not_shared")
    right = RIGHTS.get(event.kind)
    if right is None:
        raise Refused(488, "talk_not_supported")
    if not upper.may(right):
        raise Refused(403, "not_permitted")
    if not channel.online:
        raise Refused(480, "offline")
    return channel


def refused_picture(failure: LiveFailed) -> Refused:
    """What a picture that does not come means to the upper platform."""
    return Refused(STATUSES.get(failure.reason, 480), failure.reason.value)
