"""The steps from a channel's code to media, and what each failure of theirs is called.

Live pictures and playbacks take the same steps: find the device, open a port, send the INVITE. Each
raises LiveFailed with the step and the reason that people are shown.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sip.message.sdp import MediaOffer
from sip.server import Invitation, InvitationFailed, NoSsrcLeft, PeerUnreachable
from stream_relay.control import MediaControl, ReceiverControl
from stream_relay.errors import Overload, RelayUnreachable
from stream_relay.events import EndReason
from vms.config_values import Transport
from vms.errors import LiveFailed, NotFound
from vms.records import LiveReason, LiveStep
from vms.services.live.ports import WAYS, Inviter, Routes, Target

logger = logging.getLogger(__name__)

CLOSING_S = 3.0
"""How long BYE, and closing a port, may take once a stream is not wanted."""

MARGIN_S = 5.0
"""How much later than signalling's own deadline an INVITE is given up here."""

REFUSALS = {
    404: LiveReason.CHANNEL_NOT_FOUND,
    408: LiveReason.DEVICE_UNREACHABLE,
    415: LiveReason.TRANSPORT_REFUSED,
    486: LiveReason.DEVICE_BUSY,
    488: LiveReason.TRANSPORT_REFUSED,
}
FAILED_ANSWERS = {
    "timeout": LiveReason.DEVICE_UNREACHABLE,
    "no_answer": LiveReason.DEVICE_UNREACHABLE,
    "offline": LiveReason.DEVICE_OFFLINE,
    "no_sdp": LiveReason.BAD_ANSWER,
    "bad_sdp": LiveReason.BAD_ANSWER,
    "port_zero": LiveReason.BAD_ANSWER,
    "transport_mismatch": LiveReason.BAD_ANSWER,
}
"""The signalling plane's words for an INVITE that brought no session."""
OTHER_TRANSPORT = frozenset(
    {
        LiveReason.NO_MEDIA,
        LiveReason.TRANSPORT_REFUSED,
        LiveReason.MEDIA_REFUSED,
        LiveReason.BAD_ANSWER,
    }
)
"""Failures after which another way of media may help."""

ENDINGS = {
    EndReason.NO_MEDIA: LiveReason.NO_MEDIA,
    EndReason.SOURCE_LOST: LiveReason.MEDIA_REFUSED,
    EndReason.SSRC_TAKEN: LiveReason.BAD_ANSWER,
    EndReason.CLOSED: LiveReason.STOPPED,
    EndReason.STOPPED: LiveReason.STOPPED,
    EndReason.RELAY_LOST: LiveReason.RELAY_UNREACHABLE,
}


async def find_target(routes: Routes, code: str) -> Target:
    """Find the device that brings a channel."""
    try:
        return await routes.find(code)
    except NotFound as error:
        raise LiveFailed(LiveStep.LOOKUP, LiveReason.CHANNEL_UNKNOWN) from error


def expect_online(signalling: Inviter, target: Target) -> None:
    """Nobody sends an INVITE to a device that is not registered."""
    if not signalling.is_registered(target.device_id):
        raise LiveFailed(LiveStep.LOOKUP, LiveReason.DEVICE_OFFLINE)


async def open_port(
    media: MediaControl,
    stream_id: str,
    target: Target,
    transport: Transport,
    new_ssrc: Callable[[], int],
    *,
    ssrc_check: bool,
) -> tuple[ReceiverControl, int]:
    """Open where the media will come; answers the port and the SSRC to offer."""
    try:
        ssrc = new_ssrc()
        receiver = await media.open_receiver(
            stream_id,
            WAYS[transport],
            ssrc,
            ssrc_check=ssrc_check,
            signalling_host=target.host,
        )
    except (Overload, NoSsrcLeft) as error:
        raise LiveFailed(LiveStep.PORT, LiveReason.PORTS_EXHAUSTED, str(error)) from error
    except RelayUnreachable as error:
        raise LiveFailed(LiveStep.PORT, LiveReason.RELAY_UNREACHABLE, str(error)) from error
    return receiver, ssrc


async def invite(
    signalling: Inviter, target: Target, code: str, offer: MediaOffer, timeout_s: float
) -> Invitation:
    """Send the INVITE; `timeout_s` is signalling's own deadline."""
    try:
        async with asyncio.timeout(timeout_s + MARGIN_S):
            return await signalling.invite(target.device_id, code, offer)
    except (TimeoutError, PeerUnreachable) as error:
        detail = str(error) or "timeout"
        raise LiveFailed(LiveStep.INVITE, LiveReason.DEVICE_UNREACHABLE, detail) from error
    except InvitationFailed as error:
        detail = f"{error.status} {error.detail or error.reason}"
        raise LiveFailed(LiveStep.INVITE, _reason_of(error), detail) from error


async def closed(close: Callable[[], Awaitable[None]]) -> None:
    """Close something of a stream that is over; what takes too long is left to its owner."""
    try:
        async with asyncio.timeout(CLOSING_S):
            await close()
    except (TimeoutError, PeerUnreachable):
        logger.warning("closing took too long", extra={"reason": "timeout"})


def _reason_of(error: InvitationFailed) -> LiveReason:
    """What a refused or unanswered INVITE means to people."""
    if error.reason in FAILED_ANSWERS:
        return FAILED_ANSWERS[error.reason]
    return REFUSALS.get(error.status, LiveReason.INVITE_REFUSED)
