from collections import namedtuple
from datetime import timedelta
from pathlib import Path

import pytest

from tests.stream_relay.media import EPOCH
from tests.vms.bench import CHANNEL
from vms.services import retention as retention_module
from vms.services.retention import Retention
from vms.services.store import Store
from vms.storage.queries.segments import add_segment, lock_segment, segment_paths
from vms.storage.records import NewSegment

Disk = namedtuple("Disk", "total used free")
SIZE = 100
RESERVE = 1000


class Shelf:
    """Recordings of 100 bytes on a disk that is as full as the test says."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.files = 0
        self.room = 0
        """What would be free without recordings."""

    async def fill(self, count: int) -> list[int]:
        return [await self.add(number) for number in range(count)]

    async def add(self, number: int) -> int:
        name = f"{CHANNEL}/2026030{1 + number // 3}/{number}.mp4"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * SIZE)
        start = EPOCH + timedelta(minutes=number)
        end = start + timedelta(minutes=1)
        segment = NewSegment(CHANNEL, name, start, end, SIZE)
        return (await self.store.run(add_segment, segment)).id

    def names(self) -> list[int]:
        return sorted(int(path.stem) for path in self.folder.rglob("*.mp4"))

    def usage(self, _: Path) -> Disk:
        return Disk(10_000, 0, self.room - SIZE * len(self.names()))


@pytest.fixture
def shelf(store: Store, data: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    made = Shelf(store, data / "recordings")
    monkeypatch.setattr(retention_module.shutil, "disk_usage", made.usage)
    return made


async def test_oldest_recordings_go_until_the_reserve_is_free(shelf: Shelf) -> None:
    await shelf.fill(6)
    shelf.room = RESERVE + 2 * SIZE
    assert await Retention(shelf.store, shelf.folder, RESERVE).make_room(0) == 4
    assert shelf.names() == [4, 5]
    known = await shelf.store.run(segment_paths)
    assert known == {f"{CHANNEL}/20260302/{number}.mp4" for number in (4, 5)}
    assert [day.name for day in (shelf.folder / CHANNEL).iterdir()] == ["20260302"]


async def test_what_is_wanted_is_freed_on_top_of_the_reserve(shelf: Shelf) -> None:
    await shelf.fill(6)
    shelf.room = RESERVE + 6 * SIZE
    keeper = Retention(shelf.store, shelf.folder, RESERVE)
    assert await keeper.make_room(0) == 0
    assert await keeper.make_room(SIZE + 1) == 2


async def test_locked_recording_stays_and_nothing_left_to_delete_is_the_end(shelf: Shelf) -> None:
    ids = await shelf.fill(3)
    await shelf.store.run(lock_segment, ids[0], locked=True)
    assert await Retention(shelf.store, shelf.folder, RESERVE).make_room(0) == 2
    assert shelf.names() == [0]


async def test_without_a_reserve_nothing_is_deleted(shelf: Shelf) -> None:
    await shelf.fill(2)
    assert await Retention(shelf.store, shelf.folder, 0).make_room(SIZE) == 0
    assert shelf.names() == [0, 1]


async def test_file_that_cannot_be_deleted_stays_in_the_index(shelf: Shelf) -> None:
    await shelf.fill(2)
    stuck = shelf.folder / CHANNEL / "20260301" / "0.mp4"
    stuck.unlink()
    stuck.mkdir()
    await Retention(shelf.store, shelf.folder, RESERVE).make_room(0)
    assert f"{CHANNEL}/20260301/0.mp4" in await shelf.store.run(segment_paths)


@pytest.mark.parametrize("path", ["../secret.key", "/etc/nothing"])
async def test_file_outside_the_recordings_is_never_deleted(path: str, shelf: Shelf) -> None:
    secret = shelf.folder.parent / "secret.key"
    secret.write_text("secret")
    shelf.folder.mkdir()
    await shelf.store.run(add_segment, NewSegment(CHANNEL, path, EPOCH, EPOCH, SIZE))
    await Retention(shelf.store, shelf.folder, RESERVE).make_room(0)
    assert secret.read_text() == "secret"
    assert await shelf.store.run(segment_paths) == frozenset()
