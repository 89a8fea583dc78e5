"""Keeps the disk's reserve free: the oldest recordings that nobody has locked go first."""

import asyncio
import logging
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from vms.records import Segment
from vms.services.store import Store
from vms.storage.queries.segments import delete_segments, oldest_segments

logger = logging.getLogger(__name__)


class Retention:
    """Deletes recordings for new ones; without a reserve it deletes nothing."""

    def __init__(self, store: Store, folder: Path, reserve_bytes: int) -> None:
        self._store = store
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._turn = asyncio.Lock()

    async def make_room(self, wanted_bytes: int) -> int:
        """Delete until `wanted_bytes` are free on top of the reserve; answers how many files went.

        The file goes before its entry: what a crash leaves between, the next start repairs.
        """
        removed = 0
        async with self._turn:
            while (lacking := await self._lacking(wanted_bytes)) > 0:
                oldest = await self._store.run(oldest_segments)
                chosen = _of_size(oldest, lacking)
                gone = await asyncio.to_thread(_delete, self._folder, chosen)
                await self._store.run(delete_segments, gone)
                removed += len(gone)
                if len(gone) < len(chosen) or not chosen:
                    break
        if removed:
            logger.info("oldest recordings deleted for new ones", extra={"count": removed})
        return removed

    async def _lacking(self, wanted_bytes: int) -> int:
        if not self._reserve_bytes:
            return 0
        disk = await asyncio.to_thread(shutil.disk_usage, self._folder)
        return self._reserve_bytes + wanted_bytes - disk.free


def _of_size(segments: Iterable[Segment], wanted_bytes: int) -> list[Segment]:
    """The first segments that are together as large as wanted, or all."""
    chosen: list[Segment] = []
    for segment in segments:
        if wanted_bytes <= 0:
            break
        chosen.append(segment)
        wanted_bytes -= segment.size_bytes
    return chosen


def _delete(folder: Path, segments: Iterable[Segment]) -> list[str]:
    """Delete files; answers the paths of those that are gone, also of those that were before."""
    return [segment.path for segment in segments if _is_deleted(folder, folder / segment.path)]


def _is_deleted(folder: Path, path: Path) -> bool:
    if not path.resolve().is_relative_to(folder.resolve()):
        return True  # no file of ours: only the entry goes
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.error("a recording cannot be deleted", extra={"reason": str(error)})
        return False
    with suppress(OSError):  # a day with other recordings stays
        path.parent.rmdir()
    return True
