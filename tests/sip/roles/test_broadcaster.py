"""Voice broadcast in both directions: honest and dishonest devices against the platform."""

import pytest

from sip.gb28181.broadcast import build_broadcast_response, parse_broadcast
from sip.gb28181.manscdp import Root, parse_envelope
from sip.gb28181.voice import build_voice_offer
from sip.message.sdp import parse_sdp
from sip.roles.inquiry import PeerUnreachable
from sip.roles.voice_call import (
    BroadcastFailed,
    BroadcastFault,
    VoiceEnded,
    VoiceRequested,
    VoiceStarted,
)
from sip.simulator.profile import (
    Faults,
    SimulatedChannel,
    VoiceGranted,
    VoiceOver,
    VoiceWanted,
)

WAYS = ["udp", "tcp-passive", "tcp-active"]
SPEAKERS = tuple(
    SimulatedChannel(f"3402000000137{n:07d}", f"{n}号喇叭", ptz_type=None) for n in (1, 2, 3)
)


def ears_open(rig):
    """The shell of the device: a port for every call; the platform's: 200 at once."""

    def react(party, event):
        if isinstance(event, VoiceWanted):
            rig.device.call_for_voice(event.call_id, "192.0.2.101", 16000, rig.now)
        elif isinstance(event, VoiceRequested):
            rig.endpoint.accept_voice(event.call_id, "192.0.2.20", 30010, rig.now)

    rig.network.react = react


def speak(rig, parts, target=None, **kinds):
    rig.register()
    ears_open(rig)
    opened = rig.endpoint.open_broadcast(
        parts.DEVICE_ID, target or parts.camera(1).code, rig.now, **kinds
    )
    rig.run(5, lambda: bool(rig.heard(VoiceStarted)))
    return opened


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("way", WAYS)
def test_the_device_calls_and_hears(make_rig, parts, transport, way):
    rig = make_rig(transport=transport, voice_transport=way)
    opened = speak(rig, parts)
    [requested] = rig.heard(VoiceRequested)
    assert (requested.broadcast_id, requested.device_id) == (opened, parts.DEVICE_ID)
    assert requested.target_id == parts.camera(1).code
    assert requested.offer.transport == way
    [granted] = rig.told(VoiceGranted)
    assert (granted.host, granted.port) == ("192.0.2.20", 30010)
    assert granted.ssrc == requested.offer.ssrc
    [started] = rig.heard(VoiceStarted)
    assert started.call_id == requested.call_id


def test_the_notification_is_written_as_annex_a_prints_it(make_rig, parts):
    rig = make_rig()
    speak(rig, parts)
    [data] = rig.packets(b"MESSAGE sip:" + parts.DEVICE_ID.encode())
    envelope = parse_envelope(data.partition(b"\r\n\r\n")[2])
    read = parse_broadcast(envelope)
    assert envelope.root is Root.NOTIFY
    assert (read.source_id, read.target_id) == (parts.SERVER_ID, parts.camera(1).code)
    assert envelope.device_id == ""


def test_the_answer_is_sendonly_g711_with_the_devices_ssrc(make_rig, parts):
    rig = make_rig(voice_transport="tcp-passive")
    speak(rig, parts)
    answers = [
        data
        for data in rig.packets(b"SIP/2.0 200")
        if b"application/sdp" in data and b"INVITE" in data
    ]
    described = parse_sdp(answers[0].partition(b"\r\n\r\n")[2])
    [media] = described.media
    assert (media.kind, media.port, media.payload_types) == ("audio", 30010, (8,))
    assert ("sendonly", "") in media.attributes
    assert media.setup == "active"
    assert described.ssrc == rig.heard(VoiceRequested)[0].offer.ssrc


def test_our_bye_ends_the_call_on_both_sides(make_rig, parts):
    rig = make_rig()
    opened = speak(rig, parts)
    rig.endpoint.end_broadcast(opened, rig.now)
    rig.endpoint.end_broadcast(opened, rig.now)
    rig.run(5)
    assert [over.reason for over in rig.told(VoiceOver)] == ["bye"]
    assert [ended.reason for ended in rig.heard(VoiceEnded)] == ["local"]
    assert rig.endpoint.stats()["broadcasts"] == 0


def test_the_devices_bye_ends_the_call_on_both_sides(make_rig, parts):
    rig = make_rig()
    speak(rig, parts)
    rig.device.end_voice(rig.told(VoiceGranted)[0].call_id, rig.now)
    rig.run(5)
    assert [ended.reason for ended in rig.heard(VoiceEnded)] == ["bye"]
    assert rig.endpoint.stats()["broadcasts"] == 0


def test_a_main_device_lets_all_its_speakers_call(make_rig, parts):
    rig = make_rig(channels=(parts.camera(1), *SPEAKERS))
    opened = speak(rig, parts, parts.DEVICE_ID)
    rig.run(5, lambda: len(rig.heard(VoiceStarted)) == 3)
    requested = rig.heard(VoiceRequested)
    assert {each.target_id for each in requested} == {speaker.code for speaker in SPEAKERS}
    assert {each.broadcast_id for each in requested} == {opened}
    rig.endpoint.end_broadcast(opened, rig.now)
    rig.run(5)
    assert len(rig.told(VoiceOver)) == 3


def test_a_missing_y_gets_a_number_of_ours(make_rig, parts):
    rig = make_rig(faults=Faults(voice_omit_ssrc=True))
    speak(rig, parts)
    assert rig.heard(VoiceRequested)[0].offer.ssrc is None
    assert rig.told(VoiceGranted)[0].ssrc


@pytest.mark.parametrize(
    ("faults", "fault"),
    [
        (Faults(voice_no_call=True), BroadcastFault.NO_INVITE),
        (Faults(voice_refused=True), BroadcastFault.REFUSED),
    ],
)
def test_what_comes_to_nothing_fails_once(make_rig, parts, faults, fault):
    rig = make_rig(faults=faults)
    opened = speak(rig, parts)
    rig.run(30)
    assert [(e.broadcast_id, e.fault) for e in rig.heard(BroadcastFailed)] == [(opened, fault)]
    assert rig.endpoint.stats()["broadcasts"] == 0


def test_no_invite_within_ten_seconds_of_the_response(make_rig, parts):
    rig = make_rig(faults=Faults(voice_no_call=True))
    rig.register()
    rig.endpoint.open_broadcast(parts.DEVICE_ID, parts.camera(1).code, rig.now)
    rig.run(9)
    assert not rig.heard(BroadcastFailed)
    rig.run(2)
    assert rig.heard(BroadcastFailed)


def test_a_device_that_takes_the_notification_and_says_nothing(wire, parts):
    wire.register()
    wire.endpoint.open_broadcast(parts.DEVICE_ID, parts.DEVICE_ID, wire.now)
    [(message, _)] = wire.flush()
    wire.send(_ok(message))
    wire.tick(16)
    assert [e.fault for e in wire.heard(BroadcastFailed)] == [BroadcastFault.NO_ANSWER]


def test_a_channel_nobody_has_is_refused(make_rig, parts):
    rig = make_rig()
    speak(rig, parts, "34020000001370009999")
    rig.run(5)
    assert [e.fault for e in rig.heard(BroadcastFailed)] == [BroadcastFault.REFUSED]


def test_a_device_that_is_not_there(wire, parts):
    with pytest.raises(PeerUnreachable):
        wire.endpoint.open_broadcast(parts.DEVICE_ID, parts.DEVICE_ID, wire.now)


def test_a_device_that_goes_offline_ends_its_broadcasts(make_rig, parts):
    rig = make_rig()
    speak(rig, parts)
    rig.endpoint.forget(parts.DEVICE_ID, rig.now)
    assert rig.endpoint.stats()["broadcasts"] == 0
    rig.run(1)
    assert [ended.reason for ended in rig.heard(VoiceEnded)] == ["offline"]


def _ok(request):
    head = [f"SIP/2.0 200 OK\r\nVia: {request.headers.get('via')}"]
    head += [f"{n}: {request.headers.get(n.lower())}" for n in ("From", "To", "Call-ID", "CSeq")]
    return ("\r\n".join([*head, "Content-Length: 0", "", ""])).encode()


def offer(ssrc=10, **kinds):
    return build_voice_offer("192.0.2.101", 16000, "udp", ssrc, owner_id="1", **kinds)


def invite(wire, body, *lines, device):
    return wire.send(
        wire.request(
            "INVITE",
            f"Contact: <sip:{device}@192.0.2.101:5060>",
            "Content-Type: application/sdp",
            *lines,
            body=body,
            device=device,
        )
    )


def test_an_invite_that_no_broadcast_explains_is_forbidden(wire, parts):
    wire.register()
    assert invite(wire, offer(), device=parts.DEVICE_ID)[-1].status == 403
    assert wire.endpoint.stats()["voice.invites.unexpected"] == 1


def test_an_invite_of_a_stranger_is_forbidden_while_a_broadcast_is_open(wire, parts):
    wire.register()
    wire.endpoint.open_broadcast(parts.DEVICE_ID, parts.DEVICE_ID, wire.now)
    data = wire.request("INVITE", body=offer(), device=parts.camera(1).code)
    assert wire.send(data, host="198.51.100.66")[-1].status == 403
    assert not wire.heard(VoiceRequested)


def test_a_second_invite_for_one_output_is_forbidden(wire, parts):
    wire.register()
    code = parts.camera(1).code
    wire.endpoint.open_broadcast(parts.DEVICE_ID, code, wire.now)
    assert all(a.status == 100 for a in invite(wire, offer(), device=code)[1:])
    wire.flush()
    assert wire.heard(VoiceRequested)
    assert invite(wire, offer(11), device=code)[-1].status == 403


@pytest.mark.parametrize(
    ("sender", "subject"),
    [
        ("channel", "Subject: {server}:0200000010,{channel}:1"),
        ("device", "Subject: {server}:0200000010,{channel}:1"),
        ("device", "Subject: {channel}:0200000010,{server}:1"),
        ("channel", ""),
        ("device", ""),
    ],
)
def test_devices_name_the_broadcast_in_several_ways(wire, parts, sender, subject):
    wire.register()
    channel = parts.camera(1).code
    wire.endpoint.open_broadcast(parts.DEVICE_ID, channel, wire.now)
    lines = [subject.format(server=parts.SERVER_ID, channel=channel)] if subject else []
    device = channel if sender == "channel" else parts.DEVICE_ID
    invite(wire, offer(), *lines, device=device)
    assert [each.target_id for each in wire.heard(VoiceRequested)] == [channel]


def test_two_open_broadcasts_are_told_apart(wire, parts):
    wire.register()
    first, second = parts.camera(1).code, parts.camera(2).code
    wire.endpoint.open_broadcast(parts.DEVICE_ID, first, wire.now)
    opened = wire.endpoint.open_broadcast(parts.DEVICE_ID, second, wire.now)
    invite(wire, offer(), f"Subject: {parts.SERVER_ID}:1,{second}:1", device=parts.DEVICE_ID)
    assert [each.broadcast_id for each in wire.heard(VoiceRequested)] == [opened]
    # Nothing tells which of the two: neither is answered by guess.
    wire.endpoint.open_broadcast(parts.DEVICE_ID, parts.camera(3).code, wire.now)
    assert invite(wire, offer(), device=parts.DEVICE_ID)[-1].status == 403


def test_a_call_before_the_response_is_taken(wire, parts):
    wire.register()
    channel = parts.camera(1).code
    wire.endpoint.open_broadcast(parts.DEVICE_ID, channel, wire.now)
    invite(wire, offer(), device=channel)
    [requested] = wire.heard(VoiceRequested)
    wire.message(build_broadcast_response(channel, 1))
    wire.tick(60)
    assert not wire.heard(BroadcastFailed)
    assert wire.endpoint.accept_voice(requested.call_id, "192.0.2.20", 30010, wire.now) == 10


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 488), (b"v=0\r\n", 488), (b"m=audio 70000 RTP/AVP 8\r\n", 488)]
)
def test_an_invite_without_a_usable_offer(wire, parts, body, status):
    wire.register()
    wire.endpoint.open_broadcast(parts.DEVICE_ID, parts.DEVICE_ID, wire.now)
    assert invite(wire, body, device=parts.DEVICE_ID)[-1].status == status


def test_a_program_stream_only_offer_is_answered_as_such(wire, parts):
    wire.register()
    wire.endpoint.open_broadcast(parts.DEVICE_ID, parts.DEVICE_ID, wire.now)
    body = b"v=0\r\nc=IN IP4 192.0.2.101\r\nm=audio 16000 RTP/AVP 96\r\na=rtpmap:96 PS/90000\r\n"
    invite(wire, body, device=parts.DEVICE_ID)
    [requested] = wire.heard(VoiceRequested)
    assert requested.offer.is_program_stream
    wire.endpoint.accept_voice(requested.call_id, "192.0.2.20", 30010, wire.now)
    [(answer, _)] = wire.flush()
    assert b"a=rtpmap:96 PS/90000" in answer.body


def test_a_missing_ack_ends_the_call(wire, parts):
    wire.register()
    wire.endpoint.open_broadcast(parts.DEVICE_ID, parts.DEVICE_ID, wire.now)
    invite(wire, offer(), device=parts.DEVICE_ID)
    [requested] = wire.heard(VoiceRequested)
    wire.endpoint.accept_voice(requested.call_id, "192.0.2.20", 30010, wire.now)
    sent = wire.tick(40)
    assert [each.reason for each in wire.heard(VoiceEnded)] == ["no_ack"]
    assert any(getattr(message, "method", "") == "BYE" for message, _ in sent)
