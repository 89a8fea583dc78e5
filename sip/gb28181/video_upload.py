"""VideoUploadNotify: a device begins to send video on its own (GB/T 28181-2022 A.2.5.8).

Body cameras and vehicles tell it with where and when; the picture itself is asked for as usual.
"""

from dataclasses import dataclass

from sip.gb28181.manscdp import (
    LONGEST_ID,
    Envelope,
    Field,
    Root,
    build_envelope,
    parse_float,
)

COMMAND = "VideoUploadNotify"
LONGEST_TIME = 64


@dataclass(frozen=True, slots=True)
class VideoUpload:
    """What a device says of the video that it begins to send."""

    channel_id: str
    """Which camera; the device itself where it names none."""
    time_text: str
    """As it is written: local time of the device."""
    longitude: float | None = None
    """Degrees; None where it does not say, or says what is no place."""
    latitude: float | None = None


def parse_video_upload(envelope: Envelope, sender_id: str) -> VideoUpload:
    """Read the notification; a place that is not on earth counts as none."""
    body = envelope.body
    longitude = parse_float(body.value("Longitude"))
    latitude = parse_float(body.value("Latitude"))
    is_place = (
        longitude is not None
        and latitude is not None
        and abs(longitude) <= 180
        and abs(latitude) <= 90
    )
    return VideoUpload(
        (envelope.device_id or sender_id)[:LONGEST_ID],
        body.value("Time")[:LONGEST_TIME],
        longitude if is_place else None,
        latitude if is_place else None,
    )


def build_video_upload(upload: VideoUpload, sn: int, *, charset: str = "GB2312") -> bytes:
    """Write the notification."""
    fields: list[Field] = [("Time", upload.time_text)]
    if upload.longitude is not None and upload.latitude is not None:
        fields += [
            ("Longitude", f"{upload.longitude:.6f}"),
            ("Latitude", f"{upload.latitude:.6f}"),
        ]
    return build_envelope(Root.NOTIFY, COMMAND, sn, upload.channel_id, fields, charset=charset)
