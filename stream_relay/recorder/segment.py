"""One recording file while it grows, and its name. Blocking; runs in the writer's threads.

Power may go at any moment: the file is called `.part` until its bytes, and then its name, are on
disk (fsync file, rename, fsync folder). What was appended before is readable up to the last
complete fragment.
"""

import errno
import os
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

PART = ".part"
_NAME = "%Y%m%dT%H%M%S"
_MAX_TWINS = 100
_MAX_BUFFERS = 512


def segment_path(directory: Path, code: str, start: datetime) -> Path:
    """`<directory>/<code>/<YYYYMMDD>/<YYYYMMDDTHHMMSS.mmm>Z.mp4`, UTC."""
    if not code or code.startswith(".") or "/" in code or "\0" in code:
        raise ValueError(f"not a name for a folder: {code!r}")
    start = start.astimezone(UTC)
    name = f"{start.strftime(_NAME)}.{start.microsecond // 1000:03}Z.mp4"
    return directory / code / start.strftime("%Y%m%d") / name


def segment_start(path: Path) -> datetime:
    """The start that the file's name tells. Raises `ValueError`."""
    stamp = path.name.partition("Z")[0]
    return datetime.strptime(stamp + "+0000", f"{_NAME}.%f%z")


class SegmentFile:
    """Appends to a `.part` file; never overwrites a recording, whatever the clock did."""

    def __init__(self, path: Path) -> None:
        """Create it. Raises `OSError`."""
        _make_folder(path.parent)
        self.path, self._fd = _create(path)
        self.bytes = 0

    def append(self, pieces: Sequence[bytes | bytearray | memoryview]) -> None:
        """Write whole fragments; on `OSError` the file ends with the last complete one."""
        views = [memoryview(piece) for piece in pieces if len(piece)]
        try:
            while views:
                written = os.writev(self._fd, views[:_MAX_BUFFERS])
                views = _rest(views, written)
        except OSError:
            os.ftruncate(self._fd, self.bytes)
            os.lseek(self._fd, self.bytes, os.SEEK_SET)
            raise
        self.bytes += sum(len(piece) for piece in pieces)

    def sync(self) -> None:
        """Bring what was appended to disk."""
        os.fdatasync(self._fd)

    def finish(self) -> Path:
        """Bring the file and its final name to disk. Raises `OSError`; then it stays `.part`."""
        try:
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
            self._fd = -1
        os.rename(part_of(self.path), self.path)
        sync_folder(self.path.parent)
        return self.path

    def abandon(self, *, keep: bool) -> None:
        """Close after a failure; `keep` leaves the `.part` for recovery at the next start."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if not keep:
            part_of(self.path).unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """The name while the file is open."""
    return path.with_name(path.name + PART)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def rebased(fragment: bytes, base_ticks: int) -> tuple[bytearray, memoryview]:
    """A fragment on a time line that starts `base_ticks` later: its head anew, its data shared.

    Fragments are shared with live viewers and counted from the start of the stream; a file's own
    time line starts at 0, else players show an hour of nothing (`tfdt`, ISO/IEC 14496-12 8.8.12).
    """
    moof_bytes = int.from_bytes(fragment[:4], "big")
    head = bytearray(fragment[:moof_bytes])
    for offset, version in _decode_times(fragment):
        layout = ">Q" if version else ">I"
        value = struct.unpack_from(layout, head, offset)[0]
        struct.pack_into(layout, head, offset, max(value - base_ticks, 0))
    return head, memoryview(fragment)[moof_bytes:]


def first_decode_time(fragment: bytes) -> int:
    """The earliest decode time of a fragment's tracks, ticks."""
    times = [
        int.from_bytes(fragment[offset : offset + (8 if version else 4)], "big")
        for offset, version in _decode_times(fragment)
    ]
    return min(times, default=0)


def _decode_times(fragment: bytes) -> list[tuple[int, int]]:
    """Where the decode times are, and the version of their box."""
    found = []
    end = int.from_bytes(fragment[:4], "big")
    offset = 8
    while offset + 8 <= end:
        size = int.from_bytes(fragment[offset : offset + 4], "big")
        kind = fragment[offset + 4 : offset + 8]
        if kind == b"tfdt":
            found.append((offset + 12, fragment[offset + 8]))
        offset += 8 if kind == b"traf" else max(size, 8)
    return found


def _make_folder(folder: Path) -> None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def _create(path: Path) -> tuple[Path, int]:
    for number in range(_MAX_TWINS):
        chosen = path.with_stem(f"{path.stem}-{number}") if number else path
        if chosen.exists():
            continue
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            return chosen, os.open(part_of(chosen), flags, 0o640)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "too many recordings of the same moment", str(path))


def _rest(views: list[memoryview], written: int) -> list[memoryview]:
    for index, view in enumerate(views):
        if written < len(view):
            return [view[written:], *views[index + 1 :]]
        written -= len(view)
    return []
