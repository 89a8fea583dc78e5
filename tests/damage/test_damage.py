"""A damaged network between camera and relay: the picture returns, the counters agree, no leak.

Camera and relay are programs in network namespaces of their own. Threats cases 22 and 23, and the
proof of the data plane: loss by iptables, the rest by a proxy of ours, the cut by pulling the
cable. That the relay gives everything back is checked by the fixture `stage` after each test.
"""

from contextlib import ExitStack

import pytest

from tests.damage.network import CAMERA_HOST
from tests.damage.stage import SSRC, Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

LOSSES = (0.01, 0.05, 0.10)
TRANSPORTS = ("udp", "tcp-passive", "tcp-active")
CUT_S = 5.0
DAMAGED_PACKETS = 700
"""About two seconds of a stream of 4 Mbit/s."""


def test_lost_packets_are_counted_one_by_one_and_the_picture_returns(stage: Stage) -> None:
    with ExitStack() as streams:
        scenes = [streams.enter_context(stage.stream("udp")) for _ in LOSSES]
        for scene in scenes:
            scene.wait_picture_returns(0)
        with ExitStack() as damage:
            losses = [
                damage.enter_context(stage.network.loss(scene.port, share))
                for scene, share in zip(scenes, LOSSES, strict=True)
            ]
            for scene in scenes:
                scene.wait_more_packets(2 * DAMAGED_PACKETS)
        seen = [len(scene.viewer.look()) for scene in scenes]
        for scene, loss, mark in zip(scenes, losses, seen, strict=True):
            scene.wait_picture_returns(mark)
            sent = scene.stop_camera()["packets"]
            figures = scene.settle(sent - loss.dropped)
            assert loss.dropped > 0
            assert figures["packets"] == sent - loss.dropped
            assert scene.close()["lost"] == loss.dropped
            scene.assert_only_whole_pictures()
    assert stage.network.receive_errors(stage.network.in_relay) == 0


@pytest.mark.parametrize(
    "damage",
    [
        ["--delay", "0.1:0.02", "--duplicate", "0.1"],
        ["--jitter", "0.05"],
        ["--jitter", "0.02", "--delay", "0.02:0.03", "--duplicate", "0.05"],
    ],
    ids=["reordered and doubled", "jittering", "all of it"],
)
def test_disorder_and_doubles_are_counted_one_by_one_and_cost_no_picture(
    stage: Stage, damage: list[str]
) -> None:
    with stage.stream("udp", ["udp", *damage]) as scene:
        scene.wait_more_packets(DAMAGED_PACKETS)
        scene.clean()
        scene.wait_picture_returns()
        scene.stop_camera()
        done = scene.clean()
        scene.settle(done["left"])
        figures = scene.close()
    assert (figures["packets"], figures["lost"]) == (done["left"], 0)
    assert figures["reordered"] == done["disordered"] > 0
    assert figures["duplicate"] == done["duplicated"]
    scene.assert_only_whole_pictures()


def test_corrupted_packets_end_nothing_and_the_picture_returns(stage: Stage) -> None:
    with stage.stream("udp", ["udp", "--corrupt", "0.05"]) as scene:
        scene.wait_more_packets(DAMAGED_PACKETS)
        scene.clean()
        scene.wait_picture_returns()
        scene.stop_camera()
        done = scene.clean()
        scene.settle(done["left"])
        figures = scene.close()
    assert done["corrupted"] > 0
    assert (figures["packets"], figures["lost"]) == (done["left"], 0)


def test_resets_of_tcp_are_survived_and_the_device_is_taken_again(stage: Stage) -> None:
    with stage.stream("tcp-passive", ["tcp", "--reset-bytes", "100000"]) as scene:
        scene.wait_proxy("resets", 4)
        scene.clean()
        scene.wait_picture_returns()
        assert scene.stop_camera()["connections"] > 4
    scene.assert_only_whole_pictures()


def test_stalled_tcp_is_told_and_its_resumption_too(stage: Stage) -> None:
    with stage.stream("tcp-passive", ["tcp", "--stall-bytes", "300000"]) as scene:
        scene.wait_event("StreamStalled")
        scene.clean()
        scene.wait_event("StreamResumed")
        scene.wait_picture_returns()
    scene.assert_only_whole_pictures()


def test_picture_returns_after_the_link_was_cut_for_five_seconds(stage: Stage) -> None:
    with ExitStack() as streams:
        scenes = {kind: streams.enter_context(stage.stream(kind)) for kind in TRANSPORTS}
        for scene in scenes.values():
            scene.wait_picture_returns(0)
        stage.network.cut(CUT_S)
        for scene in scenes.values():
            scene.wait_event("StreamStalled")
            scene.wait_event("StreamResumed")
            scene.wait_picture_returns()
            assert (scene.figures()["source"][0], scene.figures()["ssrc"]) == (CAMERA_HOST, SSRC)
        sent = scenes["udp"].stop_camera()["packets"]
        for scene in scenes.values():
            scene.close()
            scene.assert_only_whole_pictures()
    figures = scenes["udp"].figures()
    assert figures["packets"] + figures["lost"] == sent
    assert [scenes[kind].figures()["lost"] for kind in TRANSPORTS[1:]] == [0, 0]
