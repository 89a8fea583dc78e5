"""One network and one relay for all damage; each test leaves the relay as it found it."""

from collections.abc import Iterator

import pytest

from tests.damage.network import two_namespaces
from tests.damage.stage import Program, Stage, eventually, make_clip

MEMORY_ROOM_BYTES = 24 * 1024 * 1024
"""What one more stream may leave behind: less than what a single one holds while it runs."""


@pytest.fixture(scope="session")
def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("damage")
    clip = folder / "clip.mp4"
    sent = make_clip(clip)
    with (
        two_namespaces() as network,
        Program(network.in_relay, "relay_program", str(folder)) as relay,
    ):
        stage = Stage(network, relay, folder, clip, sent)
        # What is made once, by the first stream, is no leak.
        for transport in ("udp", "tcp-passive", "tcp-active"):
            with stage.stream(transport) as scene:
                scene.viewer.wait_more(1, seen=0)
        yield stage


@pytest.fixture
def stage(shared_stage: Stage) -> Iterator[Stage]:
    """The stage; afterwards the relay must hold no more than before."""
    relay = shared_stage.relay
    before = relay.say(do="resources")
    memory = before.pop("memory_bytes")
    yield shared_stage

    def held() -> dict[str, int]:
        after: dict[str, int] = relay.say(do="resources")
        after["memory_bytes"] = max(after["memory_bytes"] - memory - MEMORY_ROOM_BYTES, 0)
        return after

    eventually(held, lambda after: after == {**before, "memory_bytes": 0})
