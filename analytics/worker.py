"""The worker process: `python -m analytics.worker`, spoken to by `analytics.runner`.

It decodes and runs plugins, one thread per watched channel. It holds no platform state: killed at
any moment, it is started again and told what to watch.
"""

import logging
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from analytics.channel_watch import ChannelWatch
from analytics.errors import SceneError
from analytics.installed import new_plugin
from analytics.messages import Configure, SceneFailed, SceneTask, WorkerMessage
from analytics.resources import WorkerResources
from analytics.scene_runner import SceneRunner

logger = logging.getLogger(__name__)


class Worker:
    """The channels watched at present."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._output_lock = threading.Lock()
        self._watches: dict[str, ChannelWatch] = {}
        self._tasks: dict[str, list[SceneTask]] = {}
        self._common: tuple[str, str | None] | None = None
        self._resources = WorkerResources(None)

    def configure(self, wanted: Configure) -> None:
        """Watch what is wanted; channels whose scenes stay the same are not disturbed."""
        common = (wanted.frames_socket, wanted.person_model)
        tasks: dict[str, list[SceneTask]] = defaultdict(list)
        for task in wanted.scenes:
            tasks[task.channel].append(task)
        if common != self._common:
            self.close()
            model = wanted.person_model
            self._resources = WorkerResources(Path(model) if model else None)
            self._common = common
        changed = [name for name, old in self._tasks.items() if tasks.get(name) != old]
        self._end(changed)
        for channel, scenes in tasks.items():
            if channel not in self._watches:
                self._begin(channel, scenes, Path(wanted.frames_socket))

    def close(self) -> None:
        """Stop watching everything."""
        self._end(list(self._watches))

    def emit(self, message: WorkerMessage) -> None:
        """Write one message; called from the watching threads."""
        line = message.model_dump_json().encode() + b"\n"
        with self._output_lock:
            self._output.write(line)
            self._output.flush()

    def _begin(self, channel: str, tasks: list[SceneTask], frames_socket: Path) -> None:
        runners = []
        for task in tasks:
            try:
                plugin = new_plugin(task.plugin)
            except SceneError as error:
                self.emit(SceneFailed(scene=task.id, channel=channel, reason=str(error)))
            else:
                runners.append(SceneRunner(task.scene(), plugin, self._resources, self.emit))
        self._tasks[channel] = tasks
        if runners:
            watch = ChannelWatch(channel, runners, frames_socket, self.emit)
            self._watches[channel] = watch
            watch.start()

    def _end(self, channels: list[str]) -> None:
        ending = [self._watches.pop(channel) for channel in channels if channel in self._watches]
        for watch in ending:
            watch.stop()
        for watch in ending:
            watch.join()
        for channel in channels:
            self._tasks.pop(channel, None)


def main() -> int:
    """Obey the configurations on standard input until it ends."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s analysis %(message)s"
    )
    # Whatever a library prints must not break the line protocol.
    output, sys.stdout = sys.stdout.buffer, sys.stderr
    worker = Worker(output)
    try:
        for line in sys.stdin.buffer:
            try:
                worker.configure(Configure.model_validate_json(line))
            except ValidationError as error:
                logger.error("configuration is not understood", extra={"reason": str(error)})
    finally:
        worker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
