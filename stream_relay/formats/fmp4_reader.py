"""Reads back what `fmp4.py` wrote: enough to rebuild an index of recordings after a power cut.

Fed with a file from its start in any pieces; the pictures are passed over, not kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from stream_relay.access_unit import TICKS_PER_SECOND, Codec
from stream_relay.errors import MalformedMp4
from stream_relay.formats.boxes import BOX_HEADER_BYTES, find_box, iterate_boxes

MAX_HEADER_BOX_BYTES = 4 * 1024 * 1024
SAMPLE_ENTRIES = {
    b"avc1": Codec.H264,
    b"hvc1": Codec.H265,
    b"hev1": Codec.H265,
    b"mp4a": Codec.AAC,
    b"alaw": Codec.G711A,
    b"ulaw": Codec.G711U,
}
VIDEO_CODECS = (Codec.H264, Codec.H265)
NOT_SYNC = 0x00010000
MAX_SAMPLES = 100_000


@dataclass(frozen=True, slots=True)
class FragmentRecord:
    """One complete moof and mdat."""

    offset: int
    """Of the moof in the file, bytes."""
    size: int
    decode_time_ticks: int
    """Of the video track; of the audio track where no video is in the fragment."""
    duration_ticks: int
    is_key: bool
    """Begins with a key frame of the video (of the audio where there is no video track)."""
    has_video: bool


@dataclass(frozen=True, slots=True)
class _Run:
    track_id: int
    decode_time: int
    duration: int
    is_key: bool


class Fmp4Reader:
    """One file; `valid_bytes` is where it is whole up to: cut it there after a power failure."""

    def __init__(self) -> None:
        self.codecs: tuple[Codec, ...] = ()
        self.width = 0
        self.height = 0
        self.init_bytes = 0
        self.valid_bytes = 0
        self._buffer = bytearray()
        self._offset = 0
        self._skip_bytes = 0
        self._video_id = 0
        self._moof: tuple[int, list[_Run]] | None = None

    def receive(self, data: bytes) -> list[FragmentRecord]:
        """Fragments completed by `data`; raises MalformedMp4."""
        self._buffer += data
        records: list[FragmentRecord] = []
        while self._step(records):
            pass
        return records

    def _step(self, records: list[FragmentRecord]) -> bool:
        """Consume one box or part of one; false when more bytes are needed."""
        if self._skip_bytes and not self._pass_over(records):
            return False
        buffer = self._buffer
        if len(buffer) < BOX_HEADER_BYTES:
            return False
        size, kind = int.from_bytes(buffer[:4], "big"), bytes(buffer[4:8])
        if size < BOX_HEADER_BYTES or not kind.isalnum():
            raise MalformedMp4("a box", self._offset, bytes(buffer))
        if kind in (b"moov", b"moof"):
            return self._read_header(kind, size)
        if kind != b"mdat":
            self._moof = None
        self._consume(BOX_HEADER_BYTES)
        self._skip_bytes = size - BOX_HEADER_BYTES
        if self._skip_bytes == 0:
            self._end_media(records)
        return True

    def _pass_over(self, records: list[FragmentRecord]) -> bool:
        count = min(self._skip_bytes, len(self._buffer))
        self._consume(count)
        self._skip_bytes -= count
        if self._skip_bytes == 0:
            self._end_media(records)
        return self._skip_bytes == 0

    def _read_header(self, kind: bytes, size: int) -> bool:
        if size > MAX_HEADER_BOX_BYTES:
            raise MalformedMp4("a header box of 4 MiB at most", self._offset, bytes(self._buffer))
        if len(self._buffer) < size:
            return False
        body = bytes(self._buffer[BOX_HEADER_BYTES:size])
        if kind == b"moov":
            self._read_movie(body)
            self.init_bytes = self.valid_bytes = self._offset + size
        else:
            self._moof = (self._offset, list(_read_moof(body)))
        self._consume(size)
        return True

    def _consume(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count

    def _end_media(self, records: list[FragmentRecord]) -> None:
        """A box was passed over; behind a moof it was the mdat that completes the fragment."""
        if self._moof is None:
            return
        (offset, runs), self._moof = self._moof, None
        video = [run for run in runs if run.track_id == self._video_id]
        leading = video[0] if video else runs[0] if runs else None
        self.valid_bytes = self._offset
        if leading is None:
            return
        records.append(
            FragmentRecord(
                offset=offset,
                size=self._offset - offset,
                decode_time_ticks=leading.decode_time,
                duration_ticks=leading.duration,
                is_key=leading.is_key and (bool(video) or self._video_id == 0),
                has_video=bool(video),
            )
        )

    def _read_movie(self, body: bytes) -> None:
        codecs = []
        for kind, start, end in iterate_boxes(body):
            if kind != b"trak":
                continue
            track = body[start:end]
            header = find_box(track, b"tkhd")
            scale = find_box(track, b"mdia", b"mdhd")
            table = find_box(track, b"mdia", b"minf", b"stbl", b"stsd")
            if header is None or scale is None or table is None or len(table) < 16:
                raise MalformedMp4("tkhd, mdhd and stsd in a track", start, track)
            if int.from_bytes(scale[12:16], "big") != TICKS_PER_SECOND:
                raise MalformedMp4("a time scale of 90000", start, scale)
            codec = SAMPLE_ENTRIES.get(table[12:16], Codec.UNKNOWN)
            codecs.append(codec)
            if codec in VIDEO_CODECS:
                self._video_id = int.from_bytes(header[12:16], "big")
                self.width = int.from_bytes(header[76:78], "big")
                self.height = int.from_bytes(header[80:82], "big")
        self.codecs = tuple(codecs)


def _read_moof(body: bytes) -> Iterator[_Run]:
    for kind, start, end in iterate_boxes(body):
        if kind == b"traf":
            yield _read_traf(body[start:end])


def _read_traf(body: bytes) -> _Run:
    header = find_box(body, b"tfhd")
    time = find_box(body, b"tfdt")
    run = find_box(body, b"trun")
    if header is None or time is None or run is None or len(header) < 8 or len(time) < 8:
        raise MalformedMp4("tfhd, tfdt and trun in a fragment", 0, body)
    decode_time = int.from_bytes(time[4:12] if time[0] else time[4:8], "big")
    duration, is_key = _read_run(run)
    return _Run(int.from_bytes(header[4:8], "big"), decode_time, duration, is_key)


def _read_run(run: bytes) -> tuple[int, bool]:
    """(duration of all samples, whether the first is a key frame)."""
    flags = int.from_bytes(run[1:4], "big")
    count = int.from_bytes(run[4:8], "big")
    position = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    fields = [flag for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag]
    size = 4 * len(fields)
    if 0x100 not in fields or count > MAX_SAMPLES or position + size * count > len(run):
        raise MalformedMp4("a duration for each sample of a trun", 0, run)
    duration = sum(
        int.from_bytes(run[at : at + 4], "big")
        for at in range(position, position + size * count, size)
    )
    if count == 0 or 0x400 not in fields:
        return duration, False
    at = position + 4 * fields.index(0x400)
    return duration, not int.from_bytes(run[at : at + 4], "big") & NOT_SYNC
