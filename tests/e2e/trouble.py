"""What the failure tests make trouble with, and how they look at what a person sees of it."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.platform import Platform
from tests.e2e.viewer import Viewer

MIB = 1024 * 1024
DISK_MIB = 64

WATCH_TILE = """() => {
  const tile = document.querySelector(".tile[data-tile='1']");
  const seen = window.seen = { states: [tile.dataset.state], frozen: 0 };
  let frames = "", still = 0;
  setInterval(() => {
    const { state, frames: shown } = tile.dataset;
    still = state !== "live" || shown !== frames ? 0 : still + 1;
    frames = shown;
    seen.frozen = Math.max(seen.frozen, still);
  }, 50);
  new MutationObserver(() => {
    if (seen.states.at(-1) !== tile.dataset.state) seen.states.push(tile.dataset.state);
  }).observe(tile, { attributeFilter: ["data-state"] });
}"""


@dataclass
class TileWatch:
    """Remembers every state of tile 1, and how long it said live and did not move.

    That is counted in looks of the page itself, twenty a second: where the page is late because the
    machine is busy, the tile's own clockwork beside it is late as well.
    """

    viewer: Viewer

    @classmethod
    def begin(cls, viewer: Viewer) -> "TileWatch":
        viewer.page.evaluate(WATCH_TILE)
        return cls(viewer)

    @property
    def states(self) -> list[str]:
        states: list[str] = self.viewer.page.evaluate("window.seen.states")
        return states

    @property
    def frozen_s(self) -> float:
        return float(self.viewer.page.evaluate("window.seen.frozen")) / 20


@dataclass
class SmallDisk:
    """The disk of the recordings, which `fill` leaves without space until `free`."""

    folder: Path
    settings: dict[str, str]
    ballast_bytes: int | None
    """None: whatever is free."""

    def fill(self) -> None:
        with (self.folder / "ballast").open("wb") as file:
            while True:
                state = os.statvfs(self.folder)
                wanted = self.ballast_bytes or state.f_bavail * state.f_frsize
                try:
                    os.posix_fallocate(file.fileno(), 0, wanted)
                except OSError as error:
                    # The recorder has written meanwhile.
                    if error.errno != errno.ENOSPC:
                        raise
                else:
                    return

    def free(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)


@contextmanager
def small_disk(data: Path) -> Iterator[SmallDisk]:
    """A file system of its own where one may be mounted, else the reserve plays the full disk.

    On a real one writing fails in the middle of a file (ENOSPC); with the reserve, at the next.
    """
    folder = data / "recordings"
    folder.mkdir(mode=0o700, parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    if not is_mounted:
        state = os.statvfs(folder)
        reserve = max(state.f_bavail * state.f_frsize - DISK_MIB * MIB, 0)
        settings = {"VMS_STORAGE__RESERVE_BYTES": str(reserve)}
        yield SmallDisk(folder, settings, 4 * DISK_MIB * MIB)
        return
    try:
        yield SmallDisk(folder, {"VMS_STORAGE__RESERVE_BYTES": "0"}, None)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def media_ports_in_use(platform: Platform) -> list[int]:
    """Ports of the media range that the platform's process holds (Linux: proc(5))."""
    return sorted({port for port, _ in _media_sockets(platform)})


def drops(platform: Platform) -> int:
    """Packets of the open media ports that the kernel threw away because nobody took them."""
    return sum(int(fields[-1]) for _, fields in _media_sockets(platform, ("udp",)))


def _media_sockets(
    platform: Platform, tables: tuple[str, ...] = ("udp", "tcp")
) -> list[tuple[int, list[str]]]:
    """Port and line of the kernel's table, of each socket of the platform's media range."""
    assert platform.running is not None
    first, _, last = platform.env["VMS_MEDIA__PORTS"].partition("-")
    own = set()
    for entry in Path(f"/proc/{platform.running.process.pid}/fd").iterdir():
        # What is closed between the two calls is not in use.
        with contextlib.suppress(FileNotFoundError):
            own.add(os.readlink(entry).removeprefix("socket:[").rstrip("]"))
    lines = [line.split() for table in tables for line in _table(table)]
    held = [(int(fields[1].partition(":")[2], 16), fields) for fields in lines if fields[9] in own]
    return [(port, fields) for port, fields in held if int(first) <= port <= int(last)]


def _table(name: str) -> list[str]:
    return Path(f"/proc/net/{name}").read_text().splitlines()[1:]
