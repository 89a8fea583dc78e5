"""Numbers 101 to 104 of the checklist: broadcast and talk."""

import numpy as np
import pytest

from sip.gb28181.voice import build_voice_offer
from sip.message.sdp import parse_sdp
from sip.roles.broadcaster import INVITE_WAIT_S
from sip.roles.call import InvitationAnswered
from sip.roles.voice_call import BroadcastFailed, BroadcastFault, VoiceRequested, VoiceStarted
from sip.simulator.profile import (
    Faults,
    MediaRequested,
    SimulatedChannel,
    VoiceGranted,
    VoiceWanted,
)
from stream_relay.formats.rtp import parse_packet
from stream_relay.voice.ear import decode
from stream_relay.voice.packets import LONGEST_MS, SHORTEST_MS, VoicePacketizer
from stream_relay.voice.studio import encode
from tests.stream_relay.voice.tones import melody, sine

SPEAKERS = tuple(
    SimulatedChannel(f"3402000000137{n:07d}", f"{n}号喇叭", ptz_type=None) for n in (1, 2, 3)
)


def answer_all(rig):
    """Both shells: every call gets a port, every camera sends."""

    def react(party, event):
        if isinstance(event, VoiceWanted):
            rig.device.call_for_voice(event.call_id, "192.0.2.101", 16000, rig.now)
        elif isinstance(event, VoiceRequested):
            rig.endpoint.accept_voice(event.call_id, "192.0.2.20", 30010, rig.now)
        elif isinstance(event, MediaRequested):
            rig.device.accept_media(event.call_id, "192.0.2.101", 15060, rig.now)

    rig.network.react = react


def body_of(packet: bytes) -> bytes:
    return packet.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("way", ["udp", "tcp-passive", "tcp-active"])
def test_c101_broadcast_response_invite_and_sendonly_answer(make_rig, parts, way):
    rig = make_rig(voice_transport=way)
    rig.register()
    answer_all(rig)
    rig.endpoint.open_broadcast(parts.DEVICE_ID, parts.camera(1).code, rig.now)
    rig.run(5, lambda: bool(rig.heard(VoiceStarted)))
    assert rig.heard(VoiceStarted)
    sent = [data for _, data in rig.network.sent]
    order = [
        next(n for n, data in enumerate(sent) if is_it(data))
        for is_it in (
            lambda data: b"<Notify>" in data and b"Broadcast" in data,
            lambda data: b"<Response>" in data and b"Broadcast" in data and b"OK" in data,
            lambda data: data.startswith(b"INVITE "),
            lambda data: data.startswith(b"SIP/2.0 200") and b"a=sendonly" in data,
            lambda data: data.startswith(b"ACK "),
        )
    ]
    assert order == sorted(order)
    offered, answered = parse_sdp(body_of(sent[order[2]])), parse_sdp(body_of(sent[order[3]]))
    assert answered.media[0].payloads[8] == "PCMA"
    assert answered.ssrc == offered.ssrc
    mirror = {None: None, "active": "passive", "passive": "active"}
    assert answered.media[0].setup == mirror[offered.media[0].setup]


@pytest.mark.parametrize("packet_ms", [SHORTEST_MS, 40, 100, LONGEST_MS])
def test_c101_rtp_is_g711a_of_20_to_180_ms(packet_ms):
    said = np.concatenate([sine(hz, 0.4) for hz in (440, 880)])
    maker = VoicePacketizer(10, packet_ms=packet_ms)
    sound = encode(said)
    pieces = [sound[n : n + 160] for n in range(0, len(sound), 160)]
    packets = [parse_packet(p) for piece in pieces for p in maker.push(piece)]
    packets += [parse_packet(p) for p in maker.finish()]
    assert {packet.payload_type for packet in packets} == {8}
    assert {len(packet.payload) for packet in packets[:-1]} == {packet_ms * 8}
    assert melody(decode(b"".join(packet.payload for packet in packets))) == [440, 880]


def test_c102_an_invite_without_a_broadcast_gets_403(wire, parts):
    wire.register()
    offer = build_voice_offer("192.0.2.101", 16000, "udp", 10, owner_id=parts.DEVICE_ID)
    lines = ["Contact: <sip:1@192.0.2.101:5060>", "Content-Type: application/sdp"]
    request = wire.request("INVITE", *lines, body=offer)
    assert wire.send(request)[-1].status == 403


def test_c102_no_invite_in_ten_seconds_fails_cleanly(make_rig, parts):
    rig = make_rig(faults=Faults(voice_no_call=True))
    rig.register()
    opened = rig.endpoint.open_broadcast(parts.DEVICE_ID, parts.camera(1).code, rig.now)
    rig.run(INVITE_WAIT_S - 1)
    assert not rig.heard(BroadcastFailed)
    rig.run(2)
    assert rig.heard(BroadcastFailed) == [BroadcastFailed(opened, BroadcastFault.NO_INVITE)]
    assert rig.endpoint.stats()["broadcasts"] == 0


def test_c103_a_main_device_means_all_its_sound_outputs(make_rig, parts):
    rig = make_rig(channels=(parts.camera(1), *SPEAKERS))
    rig.register()
    answer_all(rig)
    rig.endpoint.open_broadcast(parts.DEVICE_ID, parts.DEVICE_ID, rig.now)
    rig.run(10, lambda: len(rig.told(VoiceGranted)) == len(SPEAKERS))
    heard = {granted.target_id for granted in rig.told(VoiceGranted)}
    assert heard == {speaker.code for speaker in SPEAKERS}


def test_c104_talk_is_live_and_broadcast_at_once(make_rig, parts):
    rig = make_rig()
    rig.register()
    answer_all(rig)
    rig.invite(1)
    rig.endpoint.open_broadcast(parts.DEVICE_ID, parts.camera(1).code, rig.now)
    rig.run(10, lambda: bool(rig.heard(VoiceStarted) and rig.heard(InvitationAnswered)))
    assert rig.heard(InvitationAnswered)
    assert rig.heard(VoiceStarted)
    counted = rig.endpoint.stats()
    assert (counted["invitations"], counted["broadcasts"]) == (1, 1)
