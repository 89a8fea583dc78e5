"""The platform's endpoint against the simulated device, over good and bad networks."""

import pytest

from sip.events import (
    DeviceDisconnected,
    DeviceExpired,
    DeviceRefreshed,
    DeviceRegistered,
    DeviceUnregistered,
    InvitationEnded,
    KeepaliveReceived,
    KeepalivesMissed,
    RegistrationAttempted,
)
from sip.gb28181 import catalog, query
from sip.gb28181.catalog import CatalogResult
from sip.gb28181.question import QueryFailed
from sip.message import Peer
from sip.roles.call import InvitationAnswered, InvitationRefused
from sip.roles.inquiry import InquiryEnded
from sip.simulator.profile import (
    Faults,
    MediaRequested,
    MediaStarted,
    MediaStopped,
    RegistrationState,
)

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def ask_catalog(rig, parts, **kinds):
    rig.endpoint.ask(parts.DEVICE_ID, catalog.ask_catalog(), rig.now, **kinds)
    rig.run(700, lambda: bool(rig.heard(InquiryEnded)))
    return rig.heard(InquiryEnded)[0].outcome


@TRANSPORTS
def test_register_keepalive_refresh_unregister(make_rig, transport):
    rig = make_rig(transport=transport, expires_s=600)
    rig.register()
    assert rig.heard(DeviceRegistered)[0].gb_version == "3.0"
    rig.run(700)
    assert len(rig.heard(KeepaliveReceived)) >= 10
    assert rig.heard(DeviceRefreshed)
    rig.device.stop(rig.now)
    rig.run(10)
    assert rig.device.state is RegistrationState.IDLE
    assert len(rig.heard(DeviceUnregistered)) == 1
    assert not rig.heard(KeepalivesMissed)


def test_the_second_register_has_the_same_call_id_and_the_next_cseq(make_rig):
    rig = make_rig()
    rig.register()
    first, second = [
        dict(line.split(b": ", 1) for line in data.split(b"\r\n")[1:] if b": " in line)
        for data in rig.packets(b"REGISTER")[:2]
    ]
    assert first[b"Call-ID"] == second[b"Call-ID"]
    assert int(second[b"CSeq"].split()[0]) == int(first[b"CSeq"].split()[0]) + 1


def test_a_wrong_password_waits_a_minute_before_it_tries_again(make_rig):
    rig = make_rig(faults=Faults(wrong_password=True))
    rig.device.start(rig.now)
    rig.run(59)
    assert rig.device.state is RegistrationState.WAITING
    assert len(rig.packets(b"REGISTER")) == 2
    rig.run(20)
    assert len(rig.packets(b"REGISTER")) == 4
    assert not rig.heard(DeviceRegistered)
    outcomes = {event.outcome.value for event in rig.heard(RegistrationAttempted)}
    assert outcomes == {"challenged", "refused_password"}


def test_no_refresh_lets_the_registration_expire(make_rig):
    rig = make_rig(faults=Faults(registers_once=True), expires_s=120, config={"min_expires_s": 60})
    rig.register()
    rig.run(130)
    assert len(rig.heard(DeviceExpired)) == 1


def test_stopped_keepalives_mark_offline_once_and_their_return_brings_it_back(make_rig):
    rig = make_rig()
    rig.register()
    rig.device.faults.keepalive_stopped = True
    rig.run(600)
    assert len(rig.heard(KeepalivesMissed)) == 1
    rig.device.faults.keepalive_stopped = False
    rig.run(70)
    assert rig.heard(DeviceRefreshed)[-1].is_returned
    assert rig.endpoint.is_registered(rig.device.profile.device_id)


def test_a_platform_that_forgot_the_device_gets_a_new_registration(make_rig, parts):
    rig = make_rig()
    rig.register()
    rig.endpoint.forget(parts.DEVICE_ID, rig.now)
    rig.run(70)
    assert len(rig.heard(DeviceRegistered)) == 2


def test_unanswered_keepalives_make_the_device_register_again(make_rig, parts):
    rig = make_rig(keepalive_interval_s=10.0)
    rig.register()
    rig.network.parties.pop(("udp", parts.SERVER_HOST, 5060))
    before = len(rig.packets(b"REGISTER"))
    rig.run(60)
    assert len(rig.packets(b"REGISTER")) > before


def test_a_lost_tcp_connection_is_offline_and_the_device_comes_back(make_rig, parts):
    rig = make_rig(transport="tcp")
    rig.register()
    peer = rig.heard(DeviceRegistered)[0].peer
    rig.endpoint.connection_lost(Peer("tcp", peer.host, peer.port, 1), rig.now)
    rig.device.connection_lost(rig.device.profile.server, rig.now)
    rig.run(0)
    assert len(rig.heard(DeviceDisconnected)) == 1
    assert not rig.endpoint.is_registered(parts.DEVICE_ID)
    rig.run(100)
    assert rig.endpoint.is_registered(parts.DEVICE_ID)


@pytest.mark.parametrize("version", ["", "3.0"])
@TRANSPORTS
def test_catalog_of_many_packets_is_complete(make_rig, parts, transport, version):
    channels = tuple(parts.camera(number) for number in range(1, 101))
    rig = make_rig(transport=transport, channels=channels, gb_version=version)
    rig.register()
    result = ask_catalog(rig, parts)
    assert result.complete
    assert [item.device_id for item in result.items] == [channel.code for channel in channels]
    assert result.items[0].name == "1号摄像机"
    assert len(rig.packets(b"MESSAGE")) >= 14


def test_the_device_waits_for_each_200_before_the_next_packet(make_rig, parts):
    rig = make_rig(faults=Faults(catalog_one_per_message=True))
    rig.register()
    rig.network.sent.clear()
    ask_catalog(rig, parts)
    rig.run(1)
    order = [
        "packet" if b"<DeviceList" in data else "ok"
        for _, data in rig.network.sent
        if b"<DeviceList" in data or (data.startswith(b"SIP/2.0 200") and b"10.9" not in data)
    ]
    assert order == ["ok", "packet", "ok", "packet", "ok", "packet", "ok"]


@pytest.mark.parametrize(
    ("faults", "complete", "count"),
    [
        (Faults(catalog_one_per_message=True), True, 3),
        (Faults(catalog_duplicates=True), True, 3),
        (Faults(catalog_short_by=1), False, 2),
        (Faults(catalog_sum_num=10**9), False, 3),
        (Faults(catalog_sum_num=1), True, 3),
        (Faults(wrong_charset=True), True, 3),
        (Faults(bad_byte=True), True, 3),
        (Faults(raw_ampersand=True), True, 3),
        (Faults(catalog_one_per_message=True, catalog_ignore_flow=True), True, 3),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, Faults) else str(value),
)
def test_damaged_catalogs(make_rig, parts, faults, complete, count):
    rig = make_rig(faults=faults)
    rig.register()
    result = ask_catalog(rig, parts)
    assert isinstance(result, CatalogResult)
    assert (result.complete, len(result.items)) == (complete, count)
    assert all(item.name.startswith(f"{n}号摄像机") for n, item in enumerate(result.items, 1))


def test_a_catalog_that_never_comes_fails_after_its_time(make_rig, parts):
    rig = make_rig(faults=Faults(query_silent=True))
    rig.register()
    began = rig.now
    outcome = ask_catalog(rig, parts, timeout_s=20.0)
    assert isinstance(outcome, QueryFailed)
    assert rig.now - began == pytest.approx(20.0)


def test_device_info_and_status(make_rig, parts):
    rig = make_rig(name="3号井口箱")
    rig.register()
    rig.endpoint.ask(parts.DEVICE_ID, query.ask_device_info(), rig.now)
    rig.endpoint.ask(parts.DEVICE_ID, query.ask_device_status(), rig.now)
    rig.run(5)
    info, status = [event.outcome for event in rig.heard(InquiryEnded)]
    assert (info.name, info.channel_count) == ("3号井口箱", 3)
    assert status.is_online


@pytest.mark.parametrize("media", ["udp", "tcp-passive", "tcp-active"])
@TRANSPORTS
def test_live_from_invite_to_bye(make_rig, transport, media):
    rig = make_rig(transport=transport)
    rig.accept_media()
    rig.register()
    call_id = rig.invite(1, media)
    rig.run(2)
    invitation = rig.heard(InvitationAnswered)[0].invitation
    requested = rig.told(MediaRequested)[0]
    assert (requested.host, requested.port, requested.transport) == ("192.0.2.20", 30000, media)
    assert invitation.ssrc == requested.ssrc
    assert invitation.remote.transport == media
    assert (invitation.remote.host, invitation.remote.port) == ("192.0.2.101", 15060)
    assert invitation.remote.payloads == {96: "PS"}
    assert [event.ssrc for event in rig.told(MediaStarted)] == [invitation.ssrc]
    rig.endpoint.bye(call_id, rig.now)
    rig.endpoint.bye(call_id, rig.now)
    rig.run(2)
    assert [event.reason for event in rig.told(MediaStopped)] == ["bye"]
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["local"]
    assert len(rig.packets(b"BYE")) == 1


def test_the_invite_says_what_the_standard_wants(make_rig, parts):
    rig = make_rig()
    rig.register()
    rig.invite(1, ssrc=200000001)
    rig.run(0)
    text = rig.packets(b"INVITE")[0].decode()
    channel = parts.camera(1).code
    assert text.startswith(f"INVITE sip:{channel}@192.0.2.101:5060 SIP/2.0\r\n")
    for line in (
        f"Subject: {channel}:0200000001,{parts.SERVER_ID}:0",
        f"Contact: <sip:{parts.SERVER_ID}@192.0.2.10:5060>",
        "Content-Type: application/sdp",
        "Max-Forwards: 70",
        "y=0200000001",
    ):
        assert line in text.split("\r\n")
    assert "Via: SIP/2.0/UDP 192.0.2.10:5060;" in text
    assert ";rport" in text


def test_the_device_ends_a_session(make_rig):
    rig = make_rig()
    rig.accept_media()
    rig.register()
    call_id = rig.invite()
    rig.run(2)
    rig.device.end_media(call_id, rig.now)
    rig.run(2)
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["bye"]
    assert rig.endpoint.stats()["invitations"] == 0


def test_the_sub_stream_is_asked_for(make_rig):
    rig = make_rig()
    rig.accept_media()
    rig.register()
    rig.invite(stream="sub")
    rig.run(1)
    assert rig.told(MediaRequested)[0].stream == "sub"


def test_an_invite_of_the_same_source_replaces_the_stream(make_rig):
    rig = make_rig()
    rig.accept_media()
    rig.register()
    rig.invite(ssrc=200000007)
    rig.run(1)
    rig.invite(ssrc=200000007)
    rig.run(1)
    assert [event.reason for event in rig.told(MediaStopped)] == ["replaced"]
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["bye"]
    assert rig.endpoint.stats()["invitations"] == 1


@pytest.mark.parametrize(
    ("number", "profile", "status"),
    [(99, {}, 404), (1, {"stream_limit": 0}, 486)],
)
def test_what_the_device_cannot_serve_it_refuses(make_rig, number, profile, status):
    rig = make_rig(**profile)
    rig.register()
    rig.invite(number)
    rig.run(2)
    error = rig.heard(InvitationRefused)[0].error
    assert (error.status, error.reason) == (status, "refused")


def test_a_device_gone_offline_releases_its_sessions(make_rig):
    rig = make_rig(keepalive_interval_s=10.0, config={"keepalive_interval_s": 10})
    rig.accept_media()
    rig.register()
    rig.invite()
    rig.run(2)
    rig.device.faults.keepalive_stopped = True
    rig.run(60)
    assert [event.reason for event in rig.heard(InvitationEnded)] == ["offline"]
    assert rig.endpoint.stats()["invitations"] == 0


@pytest.mark.parametrize("seed", range(6))
def test_everything_survives_loss_doubling_and_reordering(make_rig, parts, seed):
    quality = parts.Quality(loss=0.2, doubling=0.2, delay_s=0.02, jitter_s=0.3)
    channels = tuple(parts.camera(number) for number in range(1, 41))
    rig = make_rig(quality=quality, seed=seed, channels=channels)
    rig.accept_media()
    rig.register()
    rig.run(600, lambda: rig.device.state is RegistrationState.REGISTERED)
    result = ask_catalog(rig, parts)
    assert {item.device_id for item in result.items} <= {channel.code for channel in channels}
    assert len(result.items) == 40 or not result.complete
    for _ in range(5):
        rig.invite()
        rig.run(60)
    answered = rig.heard(InvitationAnswered)
    refused = rig.heard(InvitationRefused)
    assert len(answered) + len(refused) == 5
    assert len(rig.told(MediaRequested)) <= 5
    for event in answered:
        rig.endpoint.bye(event.invitation.id, rig.now)
    rig.run(60)
    assert rig.endpoint.stats()["invitations"] == 0
    assert rig.device.session_count == 0


def test_nothing_is_left_after_an_abrupt_end(make_rig, parts):
    rig = make_rig(transport="tcp")
    rig.accept_media()
    rig.register()
    rig.invite()
    rig.endpoint.ask(parts.DEVICE_ID, catalog.ask_catalog(), rig.now)
    rig.run(0.015)
    rig.network.parties.pop(("tcp", parts.DEVICE_HOST, 5060))
    rig.endpoint.connection_lost(Peer("tcp", parts.DEVICE_HOST, 5060, 1), rig.now)
    rig.run(200)
    stats = rig.endpoint.stats()
    assert {key: stats[key] for key in ("bindings", "invitations", "inquiries")} == {
        "bindings": 0, "invitations": 0, "inquiries": 0,
    }  # fmt: skip
    assert stats["transactions.clients"] == stats["transactions.servers"] == 0
