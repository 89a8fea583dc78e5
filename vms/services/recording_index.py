"""Compares the index of recordings with the files. Blocking; only before any recorder runs."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from stream_relay.recorder import SegmentClosed, rebuild
from vms.storage.records import NewSegment


@dataclass(frozen=True, slots=True)
class Difference:
    """What the index has to learn and to forget."""

    added: tuple[NewSegment, ...]
    gone: tuple[str, ...]


def reconcile(folder: Path, known: frozenset[str]) -> Difference:
    """Finish what a crash left; tell what the index does not know and what is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    found = rebuild(folder, lambda path: path.relative_to(folder).as_posix() in known)
    added = tuple(new_segment(segment, folder) for segment in found)
    gone = tuple(path for path in sorted(known) if not (folder / path).is_file())
    return Difference(added, gone)


def new_segment(event: SegmentClosed, folder: Path) -> NewSegment:
    """A closed file as the index stores it."""
    return NewSegment(
        channel=event.code,
        path=event.path.relative_to(folder).as_posix(),
        started_at=event.start,
        ended_at=event.start + timedelta(seconds=event.duration_s),
        size_bytes=event.bytes,
        codec=event.codec,
        width=event.width,
        height=event.height,
        has_audio="," in event.codec,
    )
