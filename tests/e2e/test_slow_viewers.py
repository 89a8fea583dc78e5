"""Two hundred viewers that read a kilobyte a second (threats case 25), over the real web layer."""

import os
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.damage.stage import make_clip
from tests.e2e.media import probe
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SLOW_VIEWERS = 200
SLOW_BYTES = 1000
"""A second."""
RECEIVE_BUFFER_BYTES = 4096
MEMORY_ROOM_BYTES = 128 * 1024 * 1024
"""For 200 viewers: 640 KiB each. Eight seconds of this stream for each alone would be 800 MiB."""
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@dataclass
class SlowCrowd:
    """Connections that are read so slowly that nobody could see anything."""

    urls: list[str]
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    closed: int = 0
    """How many the platform has closed."""
    is_leaving: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Iterator["SlowCrowd"]:
        for number in range(SLOW_VIEWERS):
            self._join(self.urls[number % len(self.urls)])
        reader = threading.Thread(target=self._read)
        reader.start()
        try:
            yield self
        finally:
            self.is_leaving.set()
            reader.join()
            for key in list(self.selector.get_map().values()):
                self._leave(key.fileobj)
            self.selector.close()

    def _join(self, url: str) -> None:
        parts = urlsplit(url)
        headers = {"Host": parts.netloc, **(WEBSOCKET if parts.path.endswith(".ws") else {})}
        lines = [f"GET {parts.path}?{parts.query} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.connect((parts.hostname, parts.port))
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        self.selector.register(sock, selectors.EVENT_READ)

    def _read(self) -> None:
        while not self.is_leaving.wait(1.0):
            for key, _ in self.selector.select(0):
                self._read_one(key.fileobj)

    def _read_one(self, sock: Any) -> None:
        try:
            is_open = sock.recv(SLOW_BYTES) != b""
        except ConnectionError:
            is_open = False
        if not is_open:
            self.closed += 1
            self._leave(sock)

    def _leave(self, sock: Any) -> None:
        self.selector.unregister(sock)
        sock.close()


@dataclass
class FastViewer:
    """Reads everything into a file."""

    url: str
    path: Path
    is_leaving: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Iterator["FastViewer"]:
        thread = threading.Thread(target=self._read)
        thread.start()
        try:
            yield self
        finally:
            self.is_leaving.set()
            thread.join()

    def _read(self) -> None:
        with urlopen(self.url) as answer, self.path.open("wb") as file:
            while not self.is_leaving.is_set() and (data := answer.read1(65_536)):
                file.write(data)

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


def memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def eventually(holds: Any) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def test_two_hundred_slow_viewers_cost_others_nothing_and_memory_is_bounded(
    tmp_path: Path,
) -> None:
    clip = tmp_path / "clip.mp4"
    make_clip(clip)
    platform = Platform(tmp_path / "data")
    words = ("--boxes", "1", "--channels", "1", "--clip", str(clip))
    with platform.run() as running, platform.simulate(*words):
        assert running.running is not None
        pid = running.running.process.pid
        (channel, *_) = platform.channels_online(1)
        path = f"/api/v1/channels/{channel['code']}/live"
        urls = platform.post(path, {}).json()["urls"]
        outputs = [urls["http_flv"], urls["http_fmp4"], urls["http_flv"].replace(".flv", ".ws")]
        fast = FastViewer(urls["http_flv"], tmp_path / "fast.flv")
        with fast.watching():
            eventually(lambda: fast.size > 1_000_000)
            held, before = descriptors(pid), memory(pid)
            most = before
            with SlowCrowd(outputs).watching() as crowd:
                eventually(lambda: descriptors(pid) >= held + SLOW_VIEWERS)
                begin = fast.size
                while fast.size < begin + 5_000_000 and crowd.closed < SLOW_VIEWERS:
                    most = max(most, memory(pid))
                    time.sleep(0.1)
            eventually(lambda: descriptors(pid) <= held)
            status = platform.get(path).json()
        assert most - before < MEMORY_ROOM_BYTES
        assert status["state"] == "live"
        assert "Traceback" not in running.running.log
    assert_nothing_is_missing(fast.path)


def assert_nothing_is_missing(path: Path) -> None:
    """Every picture of the time it was watched is there: the stamps have no hole."""
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=dts_time"]
        + ["-of", "csv=p=0", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    times = [float(line.strip(",")) for line in shown.stdout.split()]
    steps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert len(times) > 200
    assert max(steps) < 0.2
    assert probe(str(path), seconds=2).frames > 25
