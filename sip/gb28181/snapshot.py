"""Snapshots that a device takes and uploads: order and end (GB/T 28181-2022 9.14, A.2.5.7)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sip.gb28181.device_config import SnapShotConfig, set_config
from sip.gb28181.manscdp import Envelope, Field, Root, build_envelope
from sip.gb28181.question import Question
from sip.gb28181.xml import items_of

FINISHED = "UploadSnapShotFinished"
MOST_PICTURES = 10
_FILE_ID = re.compile(r"[0-9]{41}")


@dataclass(frozen=True, slots=True)
class SnapshotsFinished:
    """A device says that it has uploaded its pictures."""

    device_id: str
    """The channel, or the device."""
    session_id: str
    file_ids: tuple[str, ...]
    """41 digits each; fewer than ordered means that some failed."""


def order_snapshots(
    channel_id: str, *, count: int, interval_s: int, upload_url: str, session_id: str
) -> Question[None]:
    """Have a channel take pictures and upload each to `upload_url`."""
    config = SnapShotConfig(
        count=count, interval_s=interval_s, upload_url=upload_url, session_id=session_id
    )
    return set_config({"SnapShotConfig": config}, channel_id)


def parse_finished(envelope: Envelope) -> SnapshotsFinished:
    """Read the notification; ids of another form are left out."""
    body = envelope.body
    listed = items_of(body.child("SnapShotList"), "SnapShotFileID")
    ids = [element.text for element in listed if _FILE_ID.fullmatch(element.text)]
    return SnapshotsFinished(
        envelope.device_id, body.value("SessionID")[:128], tuple(ids[:MOST_PICTURES])
    )


def build_finished(
    device_id: str, sn: int, session_id: str, file_ids: Iterable[str], *, charset: str = "GB2312"
) -> bytes:
    """Write the notification."""
    ids: list[Field] = [("SnapShotFileID", each) for each in file_ids]
    fields: list[Field] = [("SessionID", session_id), ("SnapShotList", ids)]
    return build_envelope(Root.NOTIFY, FINISHED, sn, device_id, fields, charset=charset)


def snapshot_file_id(device_id: str, taken_at: datetime, number: int) -> str:
    """Name a picture: code, 02, local time to the millisecond, number from 1 (41 digits)."""
    return f"{device_id}02{taken_at:%Y%m%d%H%M%S}{taken_at.microsecond // 1000:03}{number:02}"
