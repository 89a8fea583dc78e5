"""The players of a damage test: camera, proxy and relay as programs, and what the viewer sees."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import av

from stream_relay.access_unit import Codec
from stream_relay.clip import ClipSource
from tests.damage.network import CAMERA_HOST, RELAY_HOST, Network
from tests.damage.relay_program import RECORD

ROOT = Path(__file__).resolve().parents[2]
PROXY_PORT = 6000
SSRC = 200000001
T = TypeVar("T")
PATIENCE_S = 60.0
"""Longer than anything takes on a loaded machine; nothing is measured by it."""


def eventually(ask: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """Ask again and again until the answer is as wanted; return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds(answer := ask()):
        assert time.monotonic() < deadline, f"it never became as wanted; last: {answer}"
        time.sleep(0.05)
    return answer


class Program:
    """A child that speaks JSON lines; its complaints go where pytest shows them."""

    def __init__(self, before: list[str], module: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", f"tests.damage.{module}", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def hear(self) -> dict[str, Any]:
        """The next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.process.args!r} ended with {self.process.wait()}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def say(self, **command: Any) -> dict[str, Any]:
        """Write a line and wait for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        return self.hear()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(PATIENCE_S)
            finally:
                self.process.kill()


@dataclass(frozen=True)
class Picture:
    """A picture as the viewer got it."""

    is_key: bool
    data: bytes


@dataclass
class Viewer:
    """Reads what the relay's viewer wrote down."""

    path: Path
    pictures: list[Picture] = field(default_factory=list)
    _read_bytes: int = 0

    def look(self) -> list[Picture]:
        """All pictures so far."""
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            data = file.read()
        start = 0
        while start + RECORD.size <= len(data):
            is_video, is_key, size = RECORD.unpack_from(data, start)
            end = start + RECORD.size + size
            if end > len(data):
                break
            if is_video:
                self.pictures.append(Picture(is_key, data[start + RECORD.size : end]))
            start = end
        self._read_bytes += start
        return self.pictures

    def wait_more(self, count: int, seen: int) -> int:
        """Wait for a key behind those seen and so many pictures from it on; return its place."""

        def fresh() -> int:
            pictures = self.look()
            keys = (i for i in range(seen, len(pictures)) if pictures[i].is_key)
            key = next(keys, len(pictures))
            return key if len(pictures) - key >= count else -1

        return eventually(fresh, lambda key: key >= 0)


def decoded(pictures: list[Picture]) -> int:
    """How many of these pictures a decoder shows; it raises for what it cannot read."""
    context = av.CodecContext.create("h264", "r")
    context.thread_count = 1
    context.options = {"err_detect": "explode"}
    shown = 0
    for picture in pictures:
        shown += len(context.decode(av.Packet(picture.data)))
    return shown + len(context.decode(None))


@dataclass
class Stage:
    """A network with a relay in it that waits for cameras."""

    network: Network
    relay: Program
    folder: Path
    clip: Path
    sent: frozenset[bytes]
    """The data of every picture the camera has."""
    _count: int = 0

    @contextmanager
    def stream(
        self,
        transport: str,
        damage: list[str] | None = None,
        *,
        through: Callable[[int], AbstractContextManager[Program | None]] | None = None,
    ) -> Iterator["Scene"]:
        """A camera that sends to the relay, through our proxy with this damage or another one.

        `through` starts a proxy of the caller's at PROXY_PORT, to the port it is given.
        """
        self._count += 1
        name = f"{transport}-{self._count}"
        agreed = {"transport": transport, "ssrc": SSRC, "host": CAMERA_HOST}
        port = self.relay.say(do="open", stream=name, **agreed)["port"]
        if damage is not None:
            through = partial(self._own_proxy, damage)
        target = (RELAY_HOST, port) if through is None else ("127.0.0.1", PROXY_PORT)
        with ExitStack() as stack:
            proxy = stack.enter_context(through(port)) if through is not None else None
            words = [str(self.clip), target[0], str(target[1]), transport, str(SSRC)]
            camera = stack.enter_context(Program(self.network.in_camera, "camera_program", *words))
            answer = {"host": CAMERA_HOST, "port": camera.hear()["port"], "ssrc": SSRC}
            if transport == "tcp-active":
                self.relay.say(do="answered", stream=name, **answer)
            scene = Scene(self, name, port, camera, proxy, Viewer(self.folder / name))
            try:
                yield scene
            finally:
                scene.close()

    @contextmanager
    def _own_proxy(self, damage: list[str], port: int) -> Iterator[Program]:
        kind, *options = damage
        words = [kind, str(PROXY_PORT), f"{RELAY_HOST}:{port}", *options]
        with Program(self.network.in_camera, "proxy_program", *words) as proxy:
            proxy.hear()
            yield proxy


@dataclass
class Scene:
    """One stream of a stage."""

    stage: Stage
    name: str
    port: int
    camera: Program
    proxy: Program | None
    viewer: Viewer
    closed: dict[str, Any] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """The relay's figures now."""
        return self.closed or self.stage.relay.say(do="figures", stream=self.name)

    def wait_figure(self, name: str, holds: Callable[[Any], bool]) -> dict[str, Any]:
        return eventually(self.figures, lambda figures: holds(figures[name]))

    def wait_more_packets(self, count: int) -> None:
        """Wait until the relay has taken so many more."""
        begin = self.figures()["packets"]
        self.wait_figure("packets", lambda packets: packets >= begin + count)

    def wait_event(self, name: str) -> None:
        """Wait until the relay has said so of this stream."""
        self.wait_figure("events", lambda events: name in events)

    def wait_proxy(self, name: str, count: int) -> None:
        """Wait until the proxy has done so many."""
        assert self.proxy is not None
        proxy = self.proxy
        eventually(lambda: proxy.say(do="tell"), lambda done: done[name] >= count)

    def stop_camera(self) -> dict[str, Any]:
        """Let the camera stop; what it sent, once the relay has everything that arrived."""
        answer = self.camera.say(do="stop")
        while "packets" not in answer:
            answer = self.camera.hear()
        return answer

    def clean(self) -> dict[str, Any]:
        """End the damage; what the proxy has done so far."""
        assert self.proxy is not None
        return self.proxy.say(do="clean")

    def settle(self, packets: int) -> dict[str, Any]:
        """Wait until so many packets are accounted for and no gap is open any more."""
        return eventually(self.figures, lambda figures: accounted(figures) >= packets)

    def wait_picture_returns(self, seen: int | None = None, count: int = 10) -> None:
        """A key behind those seen (by now), and pictures behind it that decode without fault."""
        start = self.viewer.wait_more(count, len(self.viewer.look()) if seen is None else seen)
        returned = self.viewer.pictures[start : start + count]
        assert decoded(returned) == count
        assert {picture.data for picture in returned} <= self.stage.sent

    def wait_picture_comes(self, count: int = 25) -> None:
        """More pictures from a new key on, whether or not they are whole."""
        self.viewer.wait_more(count, len(self.viewer.look()))

    def assert_only_whole_pictures(self) -> None:
        """Nothing was ever shown that the camera did not send so, and each gap ends with a key."""
        assert {picture.data for picture in self.viewer.look()} <= self.stage.sent

    def close(self) -> dict[str, Any]:
        """Close the stream; its last figures."""
        if not self.closed:
            self.closed = self.stage.relay.say(do="close", stream=self.name)
        return self.closed


def accounted(figures: dict[str, Any]) -> int:
    """Packets the relay knows of: taken, refused, broken, or missed."""
    return sum(figures[name] for name in ("packets", "rejected", "malformed"))


def make_clip(path: Path) -> frozenset[bytes]:
    """Four seconds at about 4 Mbit/s, a key each second; the data of its pictures."""
    source = "testsrc2=size=640x360:rate=25,noise=alls=24:allf=t"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-t", "4"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-pix_fmt"]
    command += ["yuv420p", "-x264-params", "scenecut=0:nal-hrd=cbr", "-b:v", "4M"]
    command += ["-maxrate", "4M", "-bufsize", "4M", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    units = ClipSource(path, Codec.H264, with_audio=False).one_pass()
    return frozenset(unit.data for unit in units)
