"""What the failure tests make trouble with, and how they look at what a person sees of it."""

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
  let frames = "", moved = performance.now();
  setInterval(() => {
    const now = performance.now(), { state, frames: shown } = tile.dataset;
    if (state !== "live" || shown !== frames) { frames = shown; moved = now; }
    seen.frozen = Math.max(seen.frozen, now - moved);
  }, 50);
  new MutationObserver(() => {
    if (seen.states.at(-1) !== tile.dataset.state) seen.states.push(tile.dataset.state);
  }).observe(tile, { attributeFilter: ["data-state"] });
}"""


@dataclass
class TileWatch:
    """Remembers every state of tile 1, and the longest time it said live and did not move."""

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
        return float(self.viewer.page.evaluate("window.seen.frozen")) / 1000


@dataclass
class SmallDisk:
    """The disk of the recordings, which `fill` leaves without space until `free`."""

    folder: Path
    settings: dict[str, str]
    ballast_bytes: int | None
    """None: whatever is free."""

    def fill(self) -> None:
        state = os.statvfs(self.folder)
        wanted = self.ballast_bytes or state.f_bavail * state.f_frsize
        with (self.folder / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, wanted)

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
    assert platform.running is not None
    first, _, last = platform.env["VMS_MEDIA__PORTS"].partition("-")
    folder = Path(f"/proc/{platform.running.process.pid}/fd")
    links = [os.readlink(fd) for fd in folder.iterdir() if fd.is_symlink()]
    own = {link.removeprefix("socket:[").rstrip("]") for link in links}
    lines = [line.split() for table in ("udp", "tcp") for line in _table(table)]
    ports = {int(fields[1].partition(":")[2], 16) for fields in lines if fields[9] in own}
    return sorted(port for port in ports if int(first) <= port <= int(last))


def _table(name: str) -> list[str]:
    return Path(f"/proc/net/{name}").read_text().splitlines()[1:]
