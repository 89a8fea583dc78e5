"""Voice broadcast: the notification that makes a device call us (GB/T 28181-2022 9.12, A.2.5).

The body names source and target instead of a DeviceID. A target that is a main device means all
its sound outputs.
"""

from dataclasses import dataclass

from sip.gb28181.manscdp import LONGEST_ID, Envelope, Root, build_envelope

COMMAND = "Broadcast"


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A notification as a device reads it."""

    sn: int
    source_id: str
    """Who speaks; the device invites this code."""
    target_id: str
    """A sound output, or the main device for all of its outputs."""


def parse_broadcast(envelope: Envelope) -> Broadcast:
    """Read a notification; missing codes are empty."""
    body = envelope.body
    return Broadcast(
        envelope.sn, body.value("SourceID")[:LONGEST_ID], body.value("TargetID")[:LONGEST_ID]
    )


def build_broadcast(source_id: str, target_id: str, sn: int, *, charset: str = "GB2312") -> bytes:
    """Write the notification; it has no DeviceID (annex A)."""
    return build_envelope(
        Root.NOTIFY,
        COMMAND,
        sn,
        None,
        [("SourceID", source_id), ("TargetID", target_id)],
        charset=charset,
    )


def build_broadcast_response(
    target_id: str, sn: int, *, is_ok: bool = True, charset: str = "GB2312"
) -> bytes:
    """Write the device's answer."""
    result = "OK" if is_ok else "ERROR"
    return build_envelope(
        Root.RESPONSE, COMMAND, sn, target_id, [("Result", result)], charset=charset
    )
