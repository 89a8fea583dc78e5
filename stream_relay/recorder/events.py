"""What a recorder says upward."""

import errno
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class RecordingFault(StrEnum):
    """Why nothing is being recorded although it should be."""

    DISK_FULL = "disk_full"
    READ_ONLY = "read_only"
    IO_ERROR = "io_error"

    @classmethod
    def of(cls, error: OSError) -> "RecordingFault":
        """The fault behind an error of the file system."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return cls.DISK_FULL
        return cls.READ_ONLY if error.errno == errno.EROFS else cls.IO_ERROR


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """A file is complete, on disk under its final name, and may be indexed."""

    code: str
    path: Path
    start: datetime
    """Arrival of the first picture (UTC)."""
    duration_s: float
    bytes: int
    codec: str
    """RFC 6381 codecs of all tracks when recorded; codec names when rebuilt from the file."""
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """Told once per outage; the live stream goes on, the recorder tries again by itself."""

    code: str
    fault: RecordingFault
    detail: str


@dataclass(frozen=True, slots=True)
class RecordingResumed:
    """The outage told by `RecordingFailed` is over."""

    code: str
    lost_s: float
    """Media time that was not recorded, seconds."""


RecorderEvent = SegmentClosed | RecordingFailed | RecordingResumed
