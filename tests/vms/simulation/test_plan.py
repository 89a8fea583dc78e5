"""What each camera of a simulation shows, and where it sends from."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sip.message import Peer
from stream_relay.access_unit import Codec
from stream_relay.simulator import ClipSource, SceneSource
from vms.errors import ConfigError
from vms.simulation.mine import build_mines
from vms.simulation.plan import SimulationPlan, local_address, prepare, sources_of

MINES = build_mines(1, 5)


def plan(codec: Codec | None = None) -> SimulationPlan:
    return SimulationPlan(
        mines=MINES,
        passwords={},
        server=Peer("udp", "127.0.0.1", 5060),
        server_id="14040000002000000001",
        domain="1404000000",
        wall=lambda: datetime(2026, 11, 20, tzinfo=UTC),
        codec=codec,
    )


def test_without_clips_every_camera_has_a_scene_of_its_own() -> None:
    sources = sources_of(MINES[0], (), plan(Codec.H265))
    assert set(sources) == {channel.code for channel in MINES[0].channels}
    assert all(isinstance(source, SceneSource) for source in sources.values())
    assert {source.codec for source in sources.values()} == {Codec.H265}
    assert len({id(source) for source in sources.values()}) == 5


def test_clips_are_shared_by_the_cameras_in_turn() -> None:
    clips = (ClipSource(Path("a.mp4")), ClipSource(Path("b.mp4")))
    sources = list(sources_of(MINES[0], clips, plan()).values())
    assert sources == [clips[0], clips[1], clips[0], clips[1], clips[0]]


def test_the_local_address_is_that_of_the_card_to_the_platform() -> None:
    assert local_address(Peer("udp", "127.0.0.1", 5060)) == "127.0.0.1"


def test_a_file_that_is_no_video_is_named_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no video")
    with pytest.raises(ConfigError) as raised:
        prepare((ClipSource(path),))
    assert "notes.txt" in raised.value.reason


def test_scenes_need_a_font_and_this_machine_has_one() -> None:
    prepare(())
