"""Recordings: fragments appended to files of about a minute; the files are the truth."""

from stream_relay.recorder.events import (
    RecorderEvent,
    RecordingFailed,
    RecordingFault,
    RecordingResumed,
    SegmentClosed,
)
from stream_relay.recorder.index import rebuild, recover
from stream_relay.recorder.recorder import Recorder

__all__ = [
    "Recorder",
    "RecorderEvent",
    "RecordingFailed",
    "RecordingFault",
    "RecordingResumed",
    "SegmentClosed",
    "rebuild",
    "recover",
]
