"""What a recorder does; recorded files are the storage's own records."""

from enum import StrEnum


class RecorderState(StrEnum):
    """What the recorder of a channel does.

    to OFF: the switch is off; to WAITING: on, no picture yet; to RECORDING: fragments are
    written; to DISK_FULL: the disk refused, the picture goes on, the recorder tries again.
    """

    OFF = "off"
    WAITING = "waiting"
    RECORDING = "recording"
    DISK_FULL = "disk_full"
