"""Calls of upper platforms, from INVITE to the last thing that is given back."""

import asyncio
from dataclasses import replace

import pytest

from channel_registry.upper_records import UpperRight
from sip.gb28181 import mansrtsp
from sip.message.sdp import History
from sip.server import InvitationFailed, PlaybackRefused
from stream_relay.errors import Overload
from stream_relay.events import EndReason
from tests.vms.bench import CHANNEL, OTHER_CHANNEL, T0, eventually
from tests.vms.services.cascade.stage import (
    OTHER_UPPER,
    THEIRS,
    UPPER,
    Stage,
    platform,
    tree_of,
)
from vms.events import SharesChanged
from vms.records import LiveState

HISTORY = History("Playback", int(T0.timestamp()) - 7200, int(T0.timestamp()) - 3600)


async def connect(stage: Stage, call_id: str = "call-1", **kinds: object) -> None:
    """A live call up to its first packet."""
    stage.invite(call_id, **kinds)  # type: ignore[arg-type]
    await stage.until_accepted(call_id)
    stage.acknowledge(call_id)


async def test_the_200_waits_for_the_picture_and_media_for_the_ack(stage: Stage) -> None:
    stage.invite(ssrc=123)
    await eventually(lambda: any(each.answers for each in stage.relay.open.values()))
    assert stage.uplinks.accepted == {}
    stage.relay.bring_picture()
    host, port, ssrc, _ = await stage.until_accepted()
    [forwarder] = stage.relay.forwards
    assert (host, port, ssrc) == ("192.0.2.10", 30500, 123)
    assert not forwarder.is_started
    stage.acknowledge()
    await eventually(lambda: forwarder.is_started)
    wanted = {"transport": "udp", "ssrc": 123, "host": "127.0.0.1", "port": 40000}
    assert wanted.items() <= forwarder.facts.items()
    assert forwarder.facts["content"] == "source"
    stage.hang_up()
    await stage.until_idle()
    assert stage.uplinks.ended == []


async def test_an_upper_without_ssrc_gets_one_of_ours(stage: Stage) -> None:
    stage.invite(ssrc=None)
    await stage.bring_picture()
    _, _, ssrc, _ = await stage.until_accepted()
    assert ssrc >= 200_000_000


@pytest.mark.parametrize(
    ("theirs", "ours", "port"),
    [("tcp-passive", "tcp-active", 9), ("tcp-active", "tcp-passive", 30500)],
)
async def test_each_way_of_tcp_is_seen_from_the_other_side(
    stage: Stage, theirs: str, ours: str, port: int
) -> None:
    stage.invite(transport=theirs)  # type: ignore[arg-type]
    await stage.bring_picture()
    assert (await stage.until_accepted())[1] == port
    stage.acknowledge(transport=theirs)
    await eventually(lambda: [f for f in stage.relay.forwards if f.is_started])
    assert stage.relay.forwards[0].facts["transport"] == ours


async def test_an_invite_without_offer_learns_its_target_from_the_ack(stage: Stage) -> None:
    stage.invite(has_offer=False, ssrc=None)
    await stage.bring_picture()
    _, _, ssrc, _ = await stage.until_accepted()
    assert stage.relay.forwards == []
    stage.acknowledge(host="127.0.0.9", port=41000)
    await eventually(lambda: stage.relay.forwards)
    facts = stage.relay.forwards[0].facts
    assert (facts["host"], facts["port"], facts["ssrc"]) == ("127.0.0.9", 41000, ssrc)


async def test_two_uppers_and_a_viewer_share_one_stream(stage: Stage) -> None:
    stage.platforms.known[OTHER_UPPER] = platform(OTHER_UPPER)
    stage.platforms.trees[OTHER_UPPER] = tree_of(await stage.channel())
    stage.invite("call-1")
    await stage.bring_picture()
    await stage.until_accepted("call-1")
    stage.invite("call-2", CHANNEL, upper=OTHER_UPPER)
    await stage.until_accepted("call-2")
    stage.acknowledge("call-1")
    stage.acknowledge("call-2", OTHER_UPPER)
    await eventually(lambda: sum(f.is_started for f in stage.relay.sending) == 2)
    assert len(stage.device.offers) == 1
    stage.hang_up("call-1")
    await eventually(lambda: len(stage.calls) == 1)
    assert [f.is_started for f in stage.relay.sending] == [True]
    assert stage.device.ended == []
    assert stage.live.status(CHANNEL).state is LiveState.LIVE
    stage.hang_up("call-2", OTHER_UPPER)
    await stage.until_idle()
    assert stage.device.ended == ["invitation-1"]


@pytest.mark.parametrize(
    ("code", "kind", "status", "reason"),
    [
        (OTHER_CHANNEL, "live", 404, "not_shared"),
        ("1", "live", 404, "not_shared"),
        (THEIRS, "talk", 488, "talk_not_supported"),
        (THEIRS, "playback", 403, "not_permitted"),
    ],
)
async def test_what_may_not_be_is_refused(
    stage: Stage, code: str, kind: str, status: int, reason: str
) -> None:
    rights = frozenset(UpperRight) - {UpperRight.PLAYBACK}
    stage.platforms.known[UPPER] = platform(rights=rights)
    stage.invite(channel=code, kind=kind)
    assert await stage.until_refused() == (status, reason)
    card = stage.service.scorecard(UPPER)
    assert card.last_failure is not None and card.last_failure.reason == reason
    assert (card.invites, card.invites_ok) == (1, 0)


async def test_a_channel_that_is_off_is_unavailable(stage: Stage) -> None:
    channel = replace(await stage.channel(), online=False)
    stage.platforms.trees[UPPER] = tree_of(channel, codes={CHANNEL: THEIRS})
    stage.invite()
    assert await stage.until_refused() == (480, "offline")


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (InvitationFailed(486, "refused"), 486),
        (InvitationFailed(404, "refused"), 404),
        (InvitationFailed(408, "timeout"), 480),
    ],
)
async def test_a_device_that_refuses_is_told_upward(
    stage: Stage, failure: InvitationFailed, status: int
) -> None:
    stage.device.failure = failure
    stage.invite()
    assert (await stage.until_refused())[0] == status
    await stage.until_idle()


async def test_calls_above_the_limit_are_busy(stage: Stage) -> None:
    for number in range(3):
        stage.invite(f"call-{number}")
    await stage.bring_picture()
    for number in range(3):
        await stage.until_accepted(f"call-{number}")
    stage.invite("one-too-many")
    assert await stage.until_refused("one-too-many") == (486, "too_many_calls")


async def test_a_call_that_is_cancelled_leaves_nothing(stage: Stage) -> None:
    stage.device.gate = asyncio.Event()
    stage.invite()
    await eventually(lambda: stage.device.offers)
    stage.hang_up(reason="cancel")
    await stage.until_idle()
    assert stage.uplinks.accepted == {} and stage.device.cancelled == 1


async def test_a_stream_that_is_lost_ends_the_call_above(stage: Stage) -> None:
    stage.invite()
    await stage.bring_picture()
    await stage.until_accepted()
    stage.acknowledge()
    await eventually(lambda: stage.relay.sending and stage.relay.sending[0].is_started)
    stage.live.invitation_ended("invitation-1", "bye")
    await eventually(lambda: stage.uplinks.ended == ["call-1"])
    failure = stage.service.scorecard(UPPER).last_failure
    assert failure is not None and failure.reason == "stream_lost"


async def test_ports_that_are_used_up_are_said(stage: Stage) -> None:
    stage.relay.fault = Overload("no port is left")
    stage.invite()
    await stage.bring_picture()
    assert await stage.until_refused() == (503, "ports_exhausted")
    await stage.until_idle()


async def test_a_share_that_is_taken_back_ends_its_calls(stage: Stage) -> None:
    stage.invite()
    await stage.bring_picture()
    await stage.until_accepted()
    stage.acknowledge()
    await eventually(lambda: stage.relay.sending)
    stage.platforms.trees[UPPER] = tree_of()
    stage.bus.publish(SharesChanged(at=T0, platform_ids=(UPPER,)))
    await eventually(lambda: stage.uplinks.ended == ["call-1"])
    await stage.until_idle()


async def test_the_stop_of_the_platform_ends_every_call(stage: Stage) -> None:
    stage.invite()
    await stage.bring_picture()
    await stage.until_accepted()
    stage.end()
    await eventually(lambda: stage.uplinks.ended == ["call-1"])
    await stage.until_idle()


async def test_figures_tell_what_is_sent(stage: Stage) -> None:
    stage.invite()
    await stage.bring_picture()
    await stage.until_accepted()
    stage.clock.turn(0.25)
    stage.acknowledge()
    await eventually(lambda: stage.service.scorecard(UPPER).first_frame_ms)
    card = stage.service.scorecard(UPPER)
    assert (card.invites, card.invites_ok, card.streams) == (1, 1, 1)
    assert (card.first_frame_ms, card.bytes) == (pytest.approx(250), 1000)
    stage.hang_up()
    await stage.until_idle()
    card = stage.service.scorecard(UPPER)
    assert (card.streams, card.bytes) == (0, 1000)


# Recordings


async def play(stage: Stage, kind: str = "playback") -> str:
    history = replace(HISTORY, kind="Download", download_speed=4) if kind == "download" else HISTORY
    stage.invite(kind=kind, history=history)
    stream_id = await stage.bring_recording()
    await stage.until_accepted()
    stage.acknowledge()
    await eventually(lambda: stage.relay.sending and stage.relay.sending[0].is_started)
    return stream_id


async def test_a_recording_is_a_session_of_its_own(stage: Stage) -> None:
    stage.device.size_bytes = 4711
    await play(stage, "download")
    [offer] = stage.device.offers
    assert offer.history == replace(HISTORY, kind="Download", download_speed=4)
    assert stage.uplinks.accepted["call-1"][3] == 4711
    assert stage.relay.sending[0].facts["content"] == "all"
    stage.hang_up()
    await stage.until_idle()
    assert stage.device.ended == ["invitation-1"]


async def test_commands_go_down_and_replies_up_in_order(stage: Stage) -> None:
    await play(stage)
    stage.device.granted = 2.0
    commands = [mansrtsp.pause(), mansrtsp.set_speed(4), mansrtsp.seek(600), mansrtsp.resume()]
    for command in commands:
        stage.info(command)
    await eventually(lambda: len(stage.uplinks.replies) == len(commands))
    assert stage.device.commands == commands
    assert {reply.scale for _, _, reply in stage.uplinks.replies} == {2.0}
    stage.device.refusal = PlaybackRefused(451, "Invalid Parameter")
    stage.info(mansrtsp.seek(1e6))
    await eventually(lambda: len(stage.uplinks.replies) == len(commands) + 1)
    assert stage.uplinks.replies[-1][2].status == 451


async def test_a_command_to_a_live_call_is_refused(stage: Stage) -> None:
    stage.invite()
    await stage.bring_picture()
    await stage.until_accepted()
    stage.info(mansrtsp.pause())
    await eventually(lambda: stage.uplinks.replies)
    assert stage.uplinks.replies[0][2].status == 454


async def test_the_end_of_the_file_is_told_and_the_bye_awaited(stage: Stage) -> None:
    await play(stage)
    stage.playback.file_ended("14040000001180000001", "invitation-1")
    await eventually(lambda: stage.uplinks.files == ["call-1"])
    assert stage.uplinks.ended == []
    stage.hang_up()
    await stage.until_idle()
    assert stage.uplinks.ended == []


async def test_a_recording_whose_device_goes_ends_above(stage: Stage) -> None:
    await play(stage)
    stage.playback.invitation_ended("invitation-1", "offline")
    await eventually(lambda: stage.uplinks.ended == ["call-1"])
    await stage.until_idle()
    assert stage.uplinks.files == []


async def test_a_receiver_that_goes_ends_the_session_below(stage: Stage) -> None:
    await play(stage)
    stage.relay.sending[0].close()
    await eventually(lambda: stage.device.ended == ["invitation-1"])
    await eventually(lambda: stage.uplinks.ended == ["call-1"])


async def test_a_device_that_may_send_no_more_is_busy(stage: Stage) -> None:
    for _ in range(4):
        await stage.playback.open_session(CHANNEL, "Playback", T0, T0)
    stage.invite(kind="playback", history=HISTORY)
    assert await stage.until_refused() == (486, "playback_limit")


async def test_a_relay_that_loses_the_stream_is_no_fault_of_the_service(stage: Stage) -> None:
    await play(stage)
    stage.relay.running.stream.close(EndReason.RELAY_LOST)
    await eventually(lambda: stage.uplinks.ended == ["call-1"])
    await stage.until_idle()
