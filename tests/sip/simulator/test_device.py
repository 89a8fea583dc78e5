import pytest

from sip.events import AlarmReceived, DeviceRefreshed
from sip.gb28181.control import build_control, build_key_frame_request
from sip.gb28181.manscdp import CONTENT_TYPE
from sip.message import Peer, build_request
from sip.simulator.profile import CommandReceived, Faults, MediaRequested, MediaStopped

SERVER = Peer("udp", "192.0.2.10", 5060)


def send(rig, method, body=b"", content_type=CONTENT_TYPE, user="34020000001180000001"):
    """Give the device a request of the platform's and return the status of its answer."""
    request = build_request(
        method,
        f"sip:{user}@192.0.2.101:5060",
        from_="<sip:34020000002000000001@3402000000>;tag=p",
        to=f"<sip:{user}@192.0.2.101:5060>",
        call_id=f"{method}-{len(body)}",
        cseq=1,
        headers=[
            ("Via", "SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKt" + method),
            ("Content-Type", content_type),
        ],
        body=body,
    )
    rig.device.receive(request.to_bytes(), SERVER, rig.now)
    return [data for data, _ in rig.device.data_to_send(rig.now)]


def test_an_alarm_reaches_the_platform_and_is_answered_twice(make_rig, parts):
    rig = make_rig()
    rig.register()
    rig.device.raise_alarm(parts.camera(1).code, rig.now, method="5", alarm_type="6")
    rig.run(3)
    alarm = rig.heard(AlarmReceived)[0]
    assert (alarm.source_id, alarm.alarm_type) == (parts.camera(1).code, "6")
    assert any(b"<Result>OK</Result>" in data for data in rig.packets(b"MESSAGE"))


@pytest.mark.parametrize(
    ("name", "value", "answered"),
    [("GuardCmd", "SetGuard", True), ("TeleBoot", "Boot", False), ("Dance", "x", None)],
)
def test_commands_are_passed_on_and_answered_where_the_standard_says(
    make_rig, parts, name, value, answered
):
    rig = make_rig()
    rig.register()
    sent = send(rig, "MESSAGE", build_control(parts.DEVICE_ID, 5, [(name, value)]))
    assert sent[0].startswith(b"SIP/2.0 200")
    assert len(sent) == (2 if answered else 1)
    rig.run(0)
    told = rig.told(CommandReceived)
    assert [event.command for event in told] == ([] if answered is None else [name])


def test_both_spellings_of_the_key_frame_command_are_one(make_rig, parts):
    rig = make_rig()
    rig.register()
    send(rig, "MESSAGE", build_key_frame_request(parts.camera(1).code, 3))
    rig.run(0)
    assert len(rig.told(CommandReceived)) == 1


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("OPTIONS", b"", b"200"),
        ("DANCE", b"", b"405"),
        ("BYE", b"", b"481"),
        ("MESSAGE", b"no xml", b"400"),
        ("MESSAGE", b"<Other><CmdType>x</CmdType></Other>", b"415"),
    ],
)
def test_every_request_has_an_answer(make_rig, method, body, status):
    rig = make_rig()
    rig.register()
    assert send(rig, method, body)[0].startswith(b"SIP/2.0 " + status)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0\r\n",
        b"m=audio 6000 RTP/AVP 8\r\n",
        b"m=video 6000 RTP/AVP 98\r\na=rtpmap:98 H264",
    ],
)
def test_sdp_it_cannot_serve_gets_488(make_rig, parts, body):
    rig = make_rig()
    rig.register()
    sent = send(rig, "INVITE", body, "application/sdp", parts.camera(1).code)
    assert sent[-1].startswith(b"SIP/2.0 488")


def test_a_new_call_id_on_refresh_is_accepted(make_rig):
    rig = make_rig(faults=Faults(new_call_id_on_refresh=True), expires_s=100)
    rig.register()
    rig.run(100)
    assert rig.heard(DeviceRefreshed)
    ids = {data.split(b"Call-ID: ")[1].split(b"\r\n")[0] for data in rig.packets(b"REGISTER")}
    assert len(ids) >= 2


def test_the_shell_may_refuse(make_rig):
    rig = make_rig()
    rig.network.react = lambda party, event: (
        rig.device.reject_media(event.call_id, 480, rig.now)
        if isinstance(event, MediaRequested)
        else None
    )
    rig.register()
    rig.invite()
    rig.run(2)
    assert len(rig.told(MediaStopped)) == 1
    assert rig.packets(b"SIP/2.0 480")


def test_answers_to_sessions_that_are_over_are_ignored(make_rig):
    rig = make_rig()
    rig.device.accept_media("nobody", "192.0.2.101", 1, rig.now)
    rig.device.reject_media("nobody", 480, rig.now)
    rig.device.end_media("nobody", rig.now)
    assert rig.device.data_to_send(rig.now) == []


def test_stopping_says_goodbye_in_every_session(make_rig):
    rig = make_rig()
    rig.accept_media()
    rig.register()
    rig.invite(1)
    rig.invite(2)
    rig.run(1)
    rig.device.stop(rig.now)
    rig.run(5)
    assert len(rig.packets(b"BYE")) == 2
    assert rig.endpoint.stats()["bindings"] == 0
