"""Keepalive and MediaStatus notifications (GB/T 28181-2022 9.6, A.2.5)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sip.gb28181.manscdp import LONGEST_ID, Envelope, Field, Root, build_envelope

COMMAND = "Keepalive"
MEDIA_STATUS = "MediaStatus"
FILE_ENDED = "121"
"""The only NotifyType of MediaStatus: sending the file has ended."""

MOST_FAULTY = 1024


@dataclass(frozen=True, slots=True)
class Keepalive:
    """A sign of life."""

    device_id: str
    sn: int
    status: str
    """`OK` or `ERROR`, upper case."""
    faulty: tuple[str, ...]


def parse_keepalive(envelope: Envelope) -> Keepalive:
    """Read a keepalive; the list of faulty children may stand in one or several Info."""
    faulty = [
        child.text
        for info in envelope.body.children
        if info.name.lower() == "info"
        for child in info.children
        if child.name.lower() == "deviceid" and 0 < len(child.text) <= LONGEST_ID
    ]
    return Keepalive(
        device_id=envelope.device_id,
        sn=envelope.sn,
        status=envelope.body.value("Status").upper()[:LONGEST_ID],
        faulty=tuple(faulty[:MOST_FAULTY]),
    )


def build_keepalive(
    device_id: str, sn: int, faulty: Iterable[str] = (), *, charset: str = "GB2312"
) -> bytes:
    """Write a keepalive; faulty children are listed in Info."""
    fields: list[Field] = [("Status", "OK")]
    children: list[Field] = [("DeviceID", code) for code in faulty]
    if children:
        fields.append(("Info", children))
    return build_envelope(Root.NOTIFY, COMMAND, sn, device_id, fields, charset=charset)


def build_media_status(
    channel_id: str, sn: int, notify_type: str = FILE_ENDED, *, charset: str = "GB2312"
) -> bytes:
    """Write the notification that the file has ended."""
    fields: list[Field] = [("NotifyType", notify_type)]
    return build_envelope(Root.NOTIFY, MEDIA_STATUS, sn, channel_id, fields, charset=charset)
