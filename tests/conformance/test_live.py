"""Live pictures: numbers 68 to 81."""

import asyncio
import itertools
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sip.events import InvitationEnded
from sip.message import parse_message
from sip.message.sdp import parse_sdp
from sip.roles.call import InvitationAnswered, InvitationFailed, InvitationRefused
from sip.simulator.profile import Faults, MediaRequested, MediaStarted, MediaStopped
from stream_relay.errors import SourceLost
from stream_relay.events import FirstKeyFrame, SourceRejected
from stream_relay.relay import Relay, RelayConfig
from stream_relay.simulator import (
    CONNECT_ATTEMPTS,
    CONNECT_REST_S,
    MediaFaults,
    MediaSender,
    MediaTarget,
)
from tests.ports import free_ports
from tests.stream_relay.media import SSRC, Camera, Clock, pictures, udp_socket
from tests.stream_relay.test_simulator import ShortSource
from tests.vms.bench import CHANNEL, HandClock, eventually
from tests.vms.services.live.stage import FAST, open_stage
from vms.bus import Bus
from vms.records import LiveReason, LiveState

HOST = "127.0.0.1"
SDP = "v=0\r\ns=Play\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\nm=video 6000 RTP/AVP 96\r\n{}"
TRANSPORTS = ("udp", "tcp-passive", "tcp-active")


def called(make_rig, *, faults=None, transport="udp", run_s=12.0, **kinds):
    rig = make_rig(faults=faults, **kinds)
    rig.accept_media()
    rig.register()
    call_id = rig.invite(1, transport)
    rig.run(run_s, lambda: bool(rig.heard(InvitationAnswered)))
    rig.run(0.1)
    return rig, call_id


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    ports = free_ports(8)
    config = RelayConfig(host=HOST, ports=range(ports[0], ports[-1] + 1))
    async with Relay(config, Clock().wall) as opened:
        yield opened


async def first_of(relay: Relay, *kinds: type) -> object:
    async with asyncio.timeout(60):
        async for event in relay.events():
            if isinstance(event, kinds):
                return event
    raise AssertionError("events end never")


@asynccontextmanager
async def sending(port: int, *, ssrc: int = SSRC, host: str = HOST) -> AsyncIterator[None]:
    """A camera that sends over UDP for the length of the block."""

    async def send() -> None:
        camera = Camera(ssrc=ssrc)
        for start in itertools.count(0, 10):
            for packet in camera.packets(pictures(10, start=start)):
                sock.sendto(packet, (HOST, port))
            await asyncio.sleep(0.02)

    with udp_socket(host) as sock:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(send())
            try:
                yield
            finally:
                task.cancel()


def test_c068_the_invite_is_complete(make_rig, parts):
    rig, _ = called(make_rig)
    invite = parse_message(rig.packets(b"INVITE")[0])
    camera = parts.camera(1).code
    offer = parse_sdp(invite.body)
    y = f"0{parts.SERVER_ID[3:8]}"
    assert f"\r\ny={y}".encode() in invite.body
    assert (offer.name, offer.start, offer.stop) == ("Play", 0, 0)
    assert invite.headers.get("content-type") == "application/sdp"
    assert parts.SERVER_ID in (invite.headers.get("contact") or "")
    sender, receiver = (invite.headers.get("subject") or "").split(",")
    assert sender.startswith(f"{camera}:{y}")
    assert receiver.startswith(f"{parts.SERVER_ID}:")


def test_c069_every_200_is_acknowledged(make_rig):
    rig, _ = called(make_rig)
    assert len(rig.packets(b"ACK")) == 1
    to_invite = [
        data
        for _, data in rig.network.sent
        if data.startswith(b"SIP/2.0 200") and b" INVITE\r\n" in data
    ]
    rig.endpoint.receive(to_invite[-1], peer_of(rig), rig.now)
    rig.run(0.1)
    first, second = rig.packets(b"ACK")
    assert first == second
    assert len(rig.heard(InvitationAnswered)) == 1


def peer_of(rig):
    """Where the device's packets come from."""
    binding = rig.endpoint._registrar.bindings.get(rig.device.profile.device_id)
    return binding.peer


async def test_c070_no_answer_is_cancelled_and_the_port_is_free(make_rig):
    rig, _ = called(make_rig, faults=Faults(trying_only=True))
    assert rig.packets(b"CANCEL")
    assert [event.error.reason for event in rig.heard(InvitationRefused)] == ["timeout"]
    rig.run(60)
    assert rig.endpoint.stats()["invitations"] == 0
    async with open_stage(FAST, HandClock(), Bus()) as stage:
        stage.signalling.failure = InvitationFailed(408, "timeout")
        await stage.service.start(CHANNEL)
        await stage.until_state(LiveState.FAILED)
        await eventually(lambda: not stage.media.open)


async def test_c071_no_media_ends_by_bye_and_the_port_is_free():
    settings = FAST.model_copy(update={"first_packet_timeout_s": 0.05})
    async with open_stage(settings, HandClock(), Bus()) as stage:
        await stage.service.start(CHANNEL)
        status = await stage.until_state(LiveState.FAILED)
        assert status.reason is LiveReason.NO_MEDIA
        await eventually(lambda: "invitation-1" in stage.signalling.ended)
        await eventually(lambda: not stage.media.open)


async def test_c072_one_invite_for_many_viewers_and_bye_after_the_last():
    async with open_stage(FAST, HandClock(), Bus()) as stage:
        async with stage.service.watch(CHANNEL, "fmp4", "one"):
            async with stage.service.watch(CHANNEL, "flv", "two"):
                await stage.until_picture()
                assert len(stage.signalling.offers) == 1
            assert stage.signalling.ended == []
        await stage.until_gone()
        assert stage.signalling.ended == ["invitation-1"]
        assert len(stage.signalling.offers) == 1


def test_c073_a_short_y_or_none_is_fine(make_rig):
    rig, _ = called(make_rig, faults=Faults(omit_ssrc=True))
    (answered,) = rig.heard(InvitationAnswered)
    offered = parse_sdp(parse_message(rig.packets(b"INVITE")[0]).body).ssrc
    assert answered.invitation.ssrc == offered
    body = SDP.format("y=100000001\r\n").encode()
    rig, _ = called(make_rig, faults=Faults(answer_body=body))
    assert rig.heard(InvitationAnswered)[0].invitation.ssrc == 100_000_001


async def test_c074_another_y_is_expected_from_then_on(make_rig, relay):
    rig, _ = called(make_rig, faults=Faults(answer_ssrc=SSRC + 7))
    assert rig.heard(InvitationAnswered)[0].invitation.ssrc == SSRC + 7
    receiver = await relay.open_receiver("s", "udp", SSRC, ssrc_check=True, signalling_host=HOST)
    receiver.answered(HOST, 7000, SSRC + 7)
    async with sending(receiver.port, ssrc=SSRC + 7):
        assert isinstance(await first_of(relay, FirstKeyFrame, SourceRejected), FirstKeyFrame)


@pytest.mark.parametrize("is_checked", [False, True])
async def test_c075_a_wrong_ssrc_plays_unless_the_check_is_on(relay, is_checked):
    receiver = await relay.open_receiver(
        "s", "udp", SSRC, ssrc_check=is_checked, signalling_host=HOST
    )
    receiver.answered(HOST, 7000, SSRC)
    async with sending(receiver.port, ssrc=SSRC + 1):
        if is_checked:
            await eventually(lambda: receiver.stream.statistics.rejected > 0)
            assert receiver.stream.tracks == ()
        else:
            await first_of(relay, FirstKeyFrame)


async def test_c076_media_from_another_address_than_the_sdp_plays(relay):
    receiver = await relay.open_receiver(
        "s", "udp", SSRC, ssrc_check=False, signalling_host="127.0.0.9"
    )
    receiver.answered("127.0.0.9", 7000, SSRC)
    async with sending(receiver.port, host="127.0.0.2"):
        await first_of(relay, FirstKeyFrame)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_c077_every_transport_brings_the_picture(make_rig, relay, transport):
    rig, _ = called(make_rig, transport=transport)
    assert rig.heard(InvitationAnswered)[0].invitation.remote.transport == transport
    assert rig.told(MediaStarted)
    receiver = await relay.open_receiver(
        "s", transport, SSRC, ssrc_check=True, signalling_host=HOST
    )
    target = MediaTarget(HOST, receiver.port, transport, SSRC)
    chance = random.Random(1)
    async with MediaSender(
        ShortSource(60), target, chance=chance, faults=MediaFaults(), local_host=HOST
    ) as sender:
        receiver.answered(HOST, sender.port, SSRC)
        await sender.run()
        await first_of(relay, FirstKeyFrame)


async def test_c077_a_device_tries_three_times_to_connect(monkeypatch):
    assert CONNECT_ATTEMPTS >= 3 and CONNECT_REST_S >= 1.0
    rests: list[float] = []
    sleep = asyncio.sleep

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await sleep(0)

    with socket.socket() as nobody:
        nobody.bind((HOST, 0))  # bound, not listening: connections are refused
        target = MediaTarget(HOST, nobody.getsockname()[1], "tcp-passive", SSRC)
        async with MediaSender(ShortSource(), target, chance=random.Random(1)) as sender:
            monkeypatch.setattr("stream_relay.simulator.asyncio.sleep", rest)
            with pytest.raises(SourceLost):
                await sender.run()
    assert rests == [CONNECT_REST_S] * (CONNECT_ATTEMPTS - 1)


def test_c078_a_second_invite_of_the_same_sender_replaces_the_first(make_rig):
    rig = make_rig()
    rig.accept_media()
    rig.register()
    ssrc = rig.endpoint.new_ssrc(rig.now)
    for _ in range(2):
        rig.invite(ssrc=ssrc)
        rig.run(2)
    assert [event.reason for event in rig.told(MediaStopped)] == ["replaced"]
    assert rig.device.session_count == 1


@pytest.mark.parametrize("status", [486, 488, 404])
def test_c079_the_device_refuses_with_the_right_status(make_rig, monkeypatch, status):
    rig = make_rig(stream_limit=0 if status == 486 else 64)
    rig.accept_media()
    rig.register()
    if status == 488:
        monkeypatch.setattr("sip.message.sdp.OFFERED_CODECS", {98: "H264/90000"})
    rig.invite(9 if status == 404 else 1)
    rig.run(5)
    assert [event.error.status for event in rig.heard(InvitationRefused)] == [status]


def test_c080_a_bye_of_the_device_ends_it_and_strangers_get_481(make_rig, wire):
    rig, call_id = called(make_rig)
    rig.device.end_media(call_id, rig.now)
    rig.run(1)
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["bye"]
    answers = [d for _, d in rig.network.sent if d.startswith(b"SIP/2.0 200") and b" BYE\r\n" in d]
    assert len(answers) == 1
    wire.register()
    assert wire.send(wire.request("BYE"))[0].status == 481


@pytest.mark.parametrize(
    ("user_agent", "line"),
    [
        ("FengsuiSim/1.0", b"a=streamnumber:1"),
        ("Hikvision", b"a=stream:1"),
        ("Dahua", b"a=streamprofile:1"),
        ("TP-LINK", b"a=streamMode:SUB"),
    ],
)
def test_c081_the_sub_stream_is_chosen_in_each_vendor_s_form(make_rig, user_agent, line):
    rig = make_rig(user_agent=user_agent)
    rig.accept_media()
    rig.register()
    rig.invite(1, stream="sub")
    rig.run(2)
    assert line in rig.packets(b"INVITE")[0]
    assert [event.stream for event in rig.told(MediaRequested)] == ["sub"]
