"""The index out of the files: after a crash, after a lost database. Blocking.

File names tell channel and start, the boxes tell codec, size and duration.
"""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from stream_relay.errors import MalformedMp4
from stream_relay.formats.fmp4_reader import Fmp4Reader, FragmentRecord
from stream_relay.recorder.events import SegmentClosed
from stream_relay.recorder.segment import PART, segment_start, sync_folder

logger = logging.getLogger(__name__)

_READ_BYTES = 1024 * 1024
_TICKS_PER_S = 90_000


def recover(directory: Path) -> Iterator[SegmentClosed]:
    """Finish the `.part` files that a crash left: cut after the last complete fragment, rename.

    Only while no recorder writes below `directory`. A file without one fragment is removed.
    """
    for part in sorted(directory.glob(f"*/*/*.mp4{PART}")):
        try:
            segment = _finish_part(part)
        except (OSError, ValueError, MalformedMp4) as error:
            logger.warning(
                "an unfinished recording could not be recovered",
                extra={"reason": str(error), "channel": part.parent.parent.name},
            )
            continue
        if segment is not None:
            yield segment


def rebuild(
    directory: Path, is_known: Callable[[Path], bool] = lambda path: False
) -> Iterator[SegmentClosed]:
    """Every recording below `directory` that `is_known` does not claim; `.part` files first."""
    yield from recover(directory)
    for path in sorted(directory.glob("*/*/*.mp4")):
        if is_known(path):
            continue
        try:
            segment, _ = _read(path, path)
        except (OSError, ValueError, MalformedMp4) as error:
            logger.warning("a recording cannot be read", extra={"reason": str(error)})
            continue
        if segment is not None:
            yield segment


def _finish_part(part: Path) -> SegmentClosed | None:
    path = part.with_name(part.name.removesuffix(PART))
    segment, valid_bytes = _read(part, path)
    if segment is None or path.exists():
        part.unlink()
        return None
    fd = os.open(part, os.O_RDWR)
    try:
        os.ftruncate(fd, valid_bytes)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(part, path)
    sync_folder(path.parent)
    return segment


def _read(source: Path, path: Path) -> tuple[SegmentClosed | None, int]:
    """What the file holds, under its final name, and the end of its last complete fragment."""
    start = segment_start(path)
    reader, fragments = _scan(source, None)
    if not fragments:
        return None, 0
    last = fragments[-1]
    ticks = last.decode_time_ticks + last.duration_ticks - fragments[0].decode_time_ticks
    segment = SegmentClosed(
        code=path.parent.parent.name,
        path=path,
        start=start,
        duration_s=ticks / _TICKS_PER_S,
        bytes=reader.valid_bytes,
        codec=",".join(reader.codecs),
        width=reader.width,
        height=reader.height,
    )
    return segment, reader.valid_bytes


def _scan(source: Path, end: int | None) -> tuple[Fmp4Reader, list[FragmentRecord]]:
    """Read the boxes up to `end`; where they are damaged, again up to the damage."""
    reader = Fmp4Reader()
    fragments: list[FragmentRecord] = []
    left = source.stat().st_size if end is None else end
    with source.open("rb") as file:
        try:
            while left and (data := file.read(min(_READ_BYTES, left))):
                left -= len(data)
                fragments.extend(reader.receive(data))
        except MalformedMp4 as error:
            if end is not None:
                raise
            logger.info("a recording ends in damaged bytes", extra={"reason": str(error)})
            return _scan(source, reader.valid_bytes)
    return reader, fragments
