"""Checklist 1-35, 113, 114, 117 and 118: codes, transport, registration, keepalive, robustness."""

import gc
import io
import logging
import random
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from channel_registry.codes import ChannelCode, CodeKind
from channel_registry.database import close_database, migrate, open_database
from channel_registry.errors import InvalidCode
from channel_registry.queries.devices import add_device, get_device
from sip.events import (
    AttemptOutcome,
    DeviceDisconnected,
    DeviceExpired,
    DeviceRedirected,
    DeviceRefreshed,
    DeviceRegistered,
    DeviceUnregistered,
    KeepaliveReceived,
    KeepalivesMissed,
    RegistrationAttempted,
)
from sip.gb28181 import catalog, query
from sip.gb28181.edition import EditionTooOld, check_edition
from sip.gb28181.keepalive import build_keepalive, parse_keepalive
from sip.gb28181.manscdp import parse_envelope
from sip.message import Peer, parse_message
from sip.message.digest import (
    Algorithm,
    Challenge,
    answer_challenge,
    compute_ha1,
    compute_response,
)
from sip.message.framer import StreamFramer
from sip.message.sdp import MediaOffer
from sip.roles.authentication import Credential
from sip.roles.rules import ALL_DEVICES, RedirectTarget, RegistrationRule
from sip.simulator.device import SimulatedDevice
from sip.simulator.fleet import Fleet, FleetPlan
from sip.simulator.profile import Faults, RegistrationState
from tests.sip.conftest import (
    DEVICE_HOST,
    DEVICE_ID,
    DOMAIN,
    PASSWORD,
    SERVER_HOST,
    SERVER_ID,
    Wire,
    camera,
    make_endpoint,
)
from tests.sip.interop.peers import WITNESS, connected, log_in, make_server, status
from vms.config_sections import LogSection, SipSection
from vms.config_values import LogLevel
from vms.logs import set_up_logs
from vms.simulation.fleet import fleet_ids
from vms.simulation.mine import build_mines

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
OTHER_ID = "34020000001180000002"
OTHER_SERVER = "34020000002000000002"
OTHER_HOST = "192.0.2.11"
KEEPALIVE = build_keepalive(DEVICE_ID, 1)
MINUTE = 60.0


def headers_of(data: bytes) -> dict[bytes, bytes]:
    lines = data.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return dict(line.split(b": ", 1) for line in lines)


def requests_sent(rig) -> list[bytes]:
    return [data for _, data in rig.network.sent if not data.startswith(b"SIP/2.0")]


# Codes


@pytest.mark.parametrize("side", ["platform", "simulator"])
def test_c001_codes_have_twenty_digits_and_split(side: str) -> None:
    if side == "platform":
        codes = [DEVICE_ID]
        for wrong in (DEVICE_ID[:-1], DEVICE_ID + "0", "3402000000118000000x", ""):
            with pytest.raises(InvalidCode, match="20 digits"):
                ChannelCode.parse(wrong)
    else:
        mine = build_mines(1, 3)[0]
        codes = [mine.device_id, *(each.code for each in mine.channels), *fleet_ids(2)]
    for text in codes:
        code = ChannelCode.parse(text)
        parts = (code.centre, code.industry, f"{code.type:03d}", code.network, code.serial)
        assert [len(part) for part in parts] == [8, 2, 3, 1, 6]
        assert "".join(parts) == text


def test_c002_short_ids_are_regions_with_parents() -> None:
    assert ChannelCode("14042300001320000001").civil_parents == ("1404", "14")
    assert ChannelCode("14042301001320000001").civil_parents == ("140423", "1404", "14")


def test_c003_types_tell_devices_channels_and_organisations() -> None:
    kinds = {
        number: ChannelCode.build(centre="140400", type_number=number, serial=1).kind
        for number in (111, 118, 130, 131, 132, 199, 200, 215, 216, 777)
    }
    assert {kinds[111], kinds[118], kinds[130]} == {CodeKind.DEVICE}
    assert {kinds[131], kinds[132], kinds[199]} == {CodeKind.CHANNEL}
    assert len({kinds[200], kinds[215], kinds[216], CodeKind.DEVICE, CodeKind.CHANNEL}) == 5
    assert str(ChannelCode.build(centre="140400", type_number=777, serial=1))[10:13] == "777"


def test_c004_leading_zeros_survive_registration_and_database(wire: Wire, tmp_path) -> None:
    code = "00000000001180000001"
    wire.credentials[code] = Credential(PASSWORD)
    assert wire.register(device=code).status == 200
    assert wire.heard(DeviceRegistered)[0].device_id == code
    database = open_database(f"sqlite:///{tmp_path / 'codes.db'}")
    migrate(database)
    add_device(database, code, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert get_device(database, code).id == code
    close_database(database)


@pytest.mark.parametrize("side", ["platform", "simulator"])
def test_c005_the_domain_is_the_first_ten_digits_of_the_server(side: str, make_rig) -> None:
    if side == "platform":
        assert SipSection(server_id=OTHER_SERVER).domain == OTHER_SERVER[:10]
        assert SipSection(server_id=OTHER_SERVER, domain="mine.example").domain == "mine.example"
        return
    rig = make_rig()
    rig.register()
    assert rig.packets(b"REGISTER")[0].startswith(
        f"REGISTER sip:{SERVER_ID}@{SERVER_ID[:10]} SIP/2.0".encode()
    )


# Transport


@TRANSPORTS
async def test_c006_udp_and_tcp_on_one_port(transport: str) -> None:
    async with make_server() as server, connected(server, transport) as peer:
        assert status(await log_in(peer)) == 200
        assert server.is_registered(WITNESS)
        assert server.port > 0


@pytest.mark.parametrize("side", ["platform", "simulator"])
def test_c007_a_stream_is_cut_wherever_reads_end(side: str, make_rig, wire: Wire) -> None:
    if side == "platform":
        messages = [wire.request("OPTIONS") for _ in range(3)]
    else:
        rig = make_rig(transport="tcp")
        rig.register()
        messages = [data for (kind, *_), data in rig.network.sent if kind == "tcp"][:3]
    stream = b"\r\n\r\n".join([b"", *messages, b""])
    for size in (1, 7, 100, len(stream)):
        framer, found = StreamFramer(), []
        for start in range(0, len(stream), size):
            framer.receive(stream[start : start + size])
            while (message := framer.next_message()) is not None:
                found.append(message)
        assert found == messages


@pytest.mark.parametrize("side", ["platform", "simulator"])
def test_c008_repeated_datagrams_are_answered_alike_and_obeyed_once(
    side: str, make_rig, wire: Wire
) -> None:
    if side == "platform":
        line = wire.authorization(wire.challenge())
        data = wire.request("REGISTER", *wire.register_lines(), line)
        answers = [wire.send(data)[0].to_bytes() for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        assert len(wire.heard(DeviceRegistered)) == 1
        return
    rig = make_rig()
    rig.register()
    rig.endpoint.ask(DEVICE_ID, query.ask_device_info(), rig.now)
    rig.run(5)
    question = rig.packets(f"MESSAGE sip:{DEVICE_ID}".encode())[0]
    platform = Peer("udp", SERVER_HOST, 5060)
    before = len(rig.packets(f"MESSAGE sip:{SERVER_ID}".encode()))
    for _ in range(2):
        rig.device.receive(question, platform, rig.now)
        [(answer, _)] = rig.device.data_to_send(rig.now)
        assert answer.startswith(b"SIP/2.0 200")
    rig.run(5)
    assert len(rig.packets(f"MESSAGE sip:{SERVER_ID}".encode())) == before


@pytest.mark.parametrize("side", ["platform", "simulator"])
def test_c009_requests_carry_what_the_profile_wants(side: str, make_rig) -> None:
    rig = make_rig()
    rig.register()
    rig.endpoint.ask(DEVICE_ID, catalog.ask_catalog(), rig.now)
    rig.accept_media()
    call = rig.invite()
    rig.run(5)
    rig.endpoint.bye(call, rig.now)
    rig.run(5)
    own = SERVER_HOST if side == "platform" else DEVICE_HOST
    sent = [
        data
        for (_, host, _), data in rig.network.sent
        if host == own and not data.startswith(b"SIP/2.0")
    ]
    assert len(sent) > 2
    for data in sent:
        fields = headers_of(data)
        assert b";rport" in fields[b"Via"], data
        assert b"branch=z9hG4bK" in fields[b"Via"], data
        assert fields[b"Max-Forwards"] == b"70"
        assert b";tag=" in fields[b"From"]


def test_c010_responses_go_to_the_packets_source(wire: Wire) -> None:
    data = wire.request("REGISTER", *wire.register_lines())
    [answer] = wire.send(data, host="198.51.100.7", port=40001)
    assert answer.via.params["received"] == "198.51.100.7"
    assert answer.via.params["rport"] == "40001"


@pytest.mark.parametrize("side", ["platform", "simulator"])
@pytest.mark.parametrize("charset", ["GB18030", "UTF-8"])
def test_c011_content_length_counts_encoded_bytes(side: str, charset: str, make_rig) -> None:
    rig = make_rig(charset=charset, config={"charset": charset}, channels=(camera(1),))
    rig.register()
    rig.endpoint.ask(DEVICE_ID, catalog.ask_catalog(), rig.now)
    rig.run(5)
    target = DEVICE_ID if side == "platform" else SERVER_ID
    messages = rig.packets(f"MESSAGE sip:{target}".encode())
    assert messages
    for data in messages:
        head, _, body = data.partition(b"\r\n\r\n")
        assert int(headers_of(head)[b"Content-Length"]) == len(body)
    if side == "simulator":
        assert "号摄像机".encode(charset) in messages[-1]


@pytest.mark.parametrize("side", ["platform", "simulator"])
def test_c012_headers_are_compared_without_case(side: str, make_rig, wire: Wire) -> None:
    if side == "platform":
        wire.register()
        data = wire.request("MESSAGE", "cOnTeNt-TyPe: APPLICATION/ manscdp+XML", body=KEEPALIVE)
        data = data.replace(b"From:", b"FROM:").replace(b"Call-ID:", b"i:")
        assert wire.send(data)[0].status == 200
        assert wire.heard(KeepaliveReceived)
        return
    rig = make_rig()
    rig.device.start(rig.now)
    [(data, peer)] = rig.device.data_to_send(rig.now)
    rig.endpoint.receive(data, Peer("udp", DEVICE_HOST, 5060), rig.now)
    [(answer, _)] = rig.endpoint.data_to_send(rig.now)
    rig.device.receive(answer.replace(b"WWW-Authenticate", b"www-AUTHENTICATE"), peer, rig.now)
    [(second, _)] = rig.device.data_to_send(rig.now)
    assert b"\r\nAuthorization: Digest" in second


JUNK = (
    b"\x00\xff" * 40,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\r\n\r\n",
    b"REGISTER",
    b"SIP/2.0 200\r\n\r\n",
    b"REGISTER sip:x SIP/2.0\r\nVia: \xff\r\nContent-Length: -1\r\n\r\n",
)


@pytest.mark.parametrize("side", ["platform", "simulator"])
def test_c013_garbage_and_unknown_methods_do_not_stop_the_service(
    side: str, make_rig, wire: Wire
) -> None:
    if side == "platform":
        for junk in JUNK:
            wire.send(junk)
        assert wire.send(wire.request("FROBNICATE"))[0].status == 405
        assert wire.register().status == 200
        return
    rig = make_rig()
    platform = Peer("udp", SERVER_HOST, 5060)
    for junk in JUNK:
        rig.device.receive(junk, platform, rig.now)
    rig.device.receive(wire.request("FROBNICATE"), platform, rig.now)
    assert any(d.startswith(b"SIP/2.0 405") for d, _ in rig.device.data_to_send(rig.now))
    rig.register()


def test_c014_a_datagram_of_32_kib_is_taken(wire: Wire) -> None:
    wire.register()
    names = "".join(f"<Info><DeviceID>{camera(n).code}</DeviceID></Info>" for n in range(700))
    body = KEEPALIVE.replace(b"</Notify>", names.encode() + b"</Notify>")
    assert len(body) > 32 * 1024
    assert wire.message(body).status == 200
    wire.tick(1)
    assert len(wire.heard(KeepaliveReceived)[0].faulty) == 700


# Registration


def test_c015_the_first_register_is_challenged(wire: Wire) -> None:
    [answer] = wire.send(wire.request("REGISTER", *wire.register_lines()))
    assert answer.status == 401
    [value] = answer.headers.get_all("www-authenticate")
    assert value.startswith(f'Digest realm="{DOMAIN}", nonce="')
    assert value.endswith("algorithm=MD5")


VECTOR = {
    "method": "REGISTER",
    "uri": f"sip:{SERVER_ID}@{DOMAIN}",
    "nonce": "b5e7a0c1d2f34a5b9c8d7e6f5a4b3c2d",
}


@pytest.mark.parametrize(
    ("qop", "digest"),
    [
        (None, "369e211a1c712ffeeca07e30ffadff9b"),
        ("auth", "0918392507fa2c52f8dfe13591077751"),
    ],
)
def test_c016_right_answers_are_accepted_with_and_without_qop(
    wire: Wire, qop: str | None, digest: str
) -> None:
    ha1 = compute_ha1(DEVICE_ID, DOMAIN, PASSWORD)
    more = {"qop": "auth", "nc": "00000001", "cnonce": "0a4f113b"} if qop else {}
    assert compute_response(ha1=ha1, **VECTOR, **more) == digest
    line = wire.authorization(wire.challenge(), qop=qop)
    assert wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0].status == 200


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_c016_qop_is_offered_by_option_and_answered(make_rig, algorithm: Algorithm) -> None:
    config = {"digest_algorithms": (algorithm,), "offers_qop": True}
    rig = make_rig(config=config, expires_s=100)
    rig.register()
    rig.run(300)
    assert 'qop="auth"' in headers_of(rig.packets(b"SIP/2.0 401")[0])[b"WWW-Authenticate"].decode()
    proofs = [p for p in rig.packets(b"REGISTER") if b"Authorization" in p]
    assert len(proofs) > 1
    assert all(b"qop=auth" in proof and b"nc=00000001" in proof for proof in proofs)
    assert rig.heard(DeviceRefreshed)


def test_c016_an_old_camera_may_leave_the_offered_qop_out(make_wire) -> None:
    wire = make_wire(offers_qop=True)
    assert wire.register().status == 200


def test_c017_a_wrong_password_gets_403_and_stays_offline(wire: Wire) -> None:
    assert wire.register(password="wrong").status == 403
    assert not wire.endpoint.is_registered(DEVICE_ID)


def test_c018_stale_and_foreign_nonces_get_a_new_challenge(wire: Wire) -> None:
    nonce = wire.challenge()
    wire.now += 3600
    for old, is_stale in ((nonce, True), ("0123456789abcdef" * 2, False)):
        line = wire.authorization(old)
        [answer] = wire.send(wire.request("REGISTER", *wire.register_lines(), line))
        assert answer.status == 401
        assert ("stale=true" in answer.headers.get("www-authenticate")) is is_stale


def test_c019_the_200_says_expires_contact_and_date(make_wire) -> None:
    answer = make_wire().register()
    assert answer.expires == 3600
    assert answer.headers.get("contact").startswith(f"<sip:{DEVICE_ID}@10.9.9.9:5060>")
    assert answer.headers.get("date") == "2026-05-01T10:00:00.123"
    assert make_wire(send_date=False).register().headers.get("date") is None
    single = make_wire()
    single.endpoint.set_rule(DEVICE_ID, RegistrationRule(send_date=False))
    assert single.register().headers.get("date") is None


def test_c020_expires_zero_unregisters(wire: Wire) -> None:
    wire.register()
    assert wire.register(expires="0").status == 200
    assert not wire.endpoint.is_registered(DEVICE_ID)
    assert len(wire.heard(DeviceUnregistered)) == 1


@pytest.mark.parametrize("call_id", ["same", "new"])
def test_c021_a_refresh_may_keep_or_change_its_call_id(wire: Wire, call_id: str) -> None:
    for number in (1, 2):
        name = "call-same" if call_id == "same" else f"call-{number}-new"
        line = wire.authorization(wire.challenge())
        data = wire.request(
            "REGISTER", *wire.register_lines(), line, call_id=name, cseq=10 * number
        )
        assert wire.send(data)[0].status == 200
    assert (len(wire.heard(DeviceRegistered)), len(wire.heard(DeviceRefreshed))) == (1, 1)


def test_c022_a_registration_that_runs_out_is_offline(wire: Wire) -> None:
    wire.register(expires="120")
    for number in range(4):
        wire.tick(30)
        wire.message(build_keepalive(DEVICE_ID, number + 2))
    wire.tick(30)
    assert not wire.endpoint.is_registered(DEVICE_ID)
    assert [event.device_id for event in wire.heard(DeviceExpired)] == [DEVICE_ID]


def test_c023_the_contacts_expires_holds_without_the_header(wire: Wire) -> None:
    line = wire.authorization(wire.challenge())
    lines = wire.register_lines(None, ";expires=1800")
    [answer] = wire.send(wire.request("REGISTER", *lines, line))
    assert answer.expires == 1800


def test_c024_the_second_register_has_the_same_call_id_and_the_next_cseq(make_rig) -> None:
    rig = make_rig()
    rig.register()
    first, second = map(headers_of, rig.packets(b"REGISTER")[:2])
    assert first[b"Call-ID"] == second[b"Call-ID"]
    assert int(second[b"CSeq"].split()[0]) == int(first[b"CSeq"].split()[0]) + 1
    assert (b"Authorization" in first, b"Authorization" in second) == (False, True)


def test_c025_a_failed_registration_waits_before_the_next(make_rig) -> None:
    rig = make_rig(faults=Faults(wrong_password=True))
    rig.device.start(rig.now)
    rig.run(MINUTE - 1)
    tries = len(rig.packets(b"REGISTER"))
    rig.run(16)
    assert tries == 2, "one try is a challenge and its answer"
    assert len(rig.packets(b"REGISTER")) == 4, "after 60 s and at most a quarter of it"


def test_c026_it_refreshes_in_time_and_unregisters_when_stopped(make_rig) -> None:
    rig = make_rig(expires_s=600)
    rig.register()
    rig.run(3000)
    assert not rig.heard(DeviceExpired)
    assert len(rig.heard(DeviceRefreshed)) >= 4
    rig.device.stop(rig.now)
    rig.run(10)
    assert b"\r\nExpires: 0\r\n" in rig.packets(b"REGISTER")[-1]
    assert rig.device.state is RegistrationState.IDLE
    assert not rig.endpoint.is_registered(DEVICE_ID)


@pytest.mark.parametrize(
    ("platform", "device", "gb_version"),
    [("2022", "3.0", "3.0"), ("2022", "", "2.0"), ("2016", "3.0", "3.0"), ("2016", "2.0", "2.0")],
)
def test_c027_x_gb_ver_tells_the_edition(
    make_rig, platform: str, device: str, gb_version: str
) -> None:
    rig = make_rig(gb_version=device, config={"edition": platform})
    rig.register()
    answers = [parse_message(data) for data in rig.packets(b"SIP/2.0 ")]
    assert {answer.status for answer in answers} == {200, 401}
    wanted = "3.0" if platform == "2022" else None
    assert {answer.headers.get("x-gb-ver") for answer in answers} == {wanted}
    assert {headers_of(d).get(b"X-GB-Ver", b"").decode() for d in rig.packets(b"REGISTER")} == {
        device
    }
    found = rig.endpoint.registration(DEVICE_ID, rig.now)
    assert found.gb_version == gb_version
    if gb_version == "3.0":
        check_edition("PTZPreciseCtrl", found.gb_version)
    else:
        with pytest.raises(EditionTooOld):
            check_edition("PTZPreciseCtrl", found.gb_version)
        check_edition("PTZPreciseCtrl", found.gb_version, is_forced=True)


@pytest.mark.parametrize("status_code", [400, 403, 503])
def test_c027_refusals_tell_the_edition_too(make_wire, status_code: int) -> None:
    wire = make_wire(registrations_per_s=0.5)
    match status_code:
        case 400:
            data = wire.request("REGISTER", *wire.register_lines(), to="<sip:a-b@x>")
            [answer] = wire.send(data)
        case 403:
            answer = wire.register(password="wrong")
        case _:
            wire.challenge()
            [answer] = wire.send(wire.request("REGISTER", *wire.register_lines()))
    assert (answer.status, answer.headers.get("x-gb-ver")) == (status_code, "3.0")


TARGET = RedirectTarget(OTHER_SERVER, OTHER_HOST)


def redirected(make_rig, **target_credentials):
    """A rig whose platform sends the device to a second one, which may know it."""
    rig = make_rig()
    known = {DEVICE_ID: Credential(target_credentials.get("password", PASSWORD))}
    target = make_endpoint(
        rig.network,
        known,
        server_id=OTHER_SERVER,
        domain=OTHER_SERVER[:10],
        advertised_host=OTHER_HOST,
    )
    rig.network.attach(target, "udp", OTHER_HOST, 5060)
    rig.endpoint.set_rule(ALL_DEVICES, RegistrationRule(redirect_to=TARGET))
    return rig, target


@pytest.mark.parametrize("side", ["platform", "simulator"])
def test_c028_a_redirect_is_given_and_followed(side: str, make_rig) -> None:
    rig, target = redirected(make_rig)
    rig.device.start(rig.now)
    rig.run(30, lambda: target.is_registered(DEVICE_ID))
    if side == "platform":
        [data] = rig.packets(b"SIP/2.0 302")
        fields = headers_of(data)
        assert fields[b"Contact"] == f"<sip:{OTHER_SERVER}@{OTHER_HOST}:5060>".encode()
        assert fields[b"Expires"] == b"3600"
        assert fields[b"X-GB-Ver"] == b"3.0"
        assert [event.device_id for event in rig.heard(DeviceRedirected)] == [DEVICE_ID]
        assert not rig.endpoint.is_registered(DEVICE_ID)
        return
    assert target.is_registered(DEVICE_ID)
    registers = len(rig.packets(f"REGISTER sip:{SERVER_ID}".encode()))
    rig.run(200)
    keepalives = [e for e in rig.network.events[target] if isinstance(e, KeepaliveReceived)]
    assert len(keepalives) >= 3, "later traffic goes there"
    assert len(rig.packets(f"REGISTER sip:{SERVER_ID}".encode())) == registers


@pytest.mark.parametrize("failure", ["refuses", "dies"])
def test_c028_it_returns_when_the_target_fails(make_rig, failure: str) -> None:
    rig, target = redirected(make_rig, password="other" if failure == "refuses" else PASSWORD)
    rig.device.start(rig.now)
    if failure == "dies":
        rig.run(30, lambda: target.is_registered(DEVICE_ID))
        assert target.is_registered(DEVICE_ID)
        del rig.network.parties["udp", OTHER_HOST, 5060]
    else:
        rig.run(10)
        assert rig.device.state is RegistrationState.WAITING
    rig.endpoint.set_rule(ALL_DEVICES, None)
    rig.run(600, lambda: rig.endpoint.is_registered(DEVICE_ID))
    assert rig.endpoint.is_registered(DEVICE_ID)


def test_c028_only_who_proves_himself_is_redirected_and_old_devices_by_force(make_wire) -> None:
    wire = make_wire()
    wire.endpoint.set_rule(ALL_DEVICES, RegistrationRule(redirect_to=TARGET))
    assert wire.register(password="wrong", lines=["X-GB-Ver: 3.0"]).status == 403
    assert wire.register().status == 200, "a device of 2016 does not know 302"
    wire.endpoint.set_rule(DEVICE_ID, RegistrationRule(redirect_to=TARGET))
    assert wire.register().status == 302, "unless its own rule forces it"
    assert wire.heard(DeviceUnregistered)
    assert wire.register(expires="0").status == 200


@pytest.mark.parametrize("side", ["platform", "simulator"])
@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_c029_digests_by_choice_and_md5_by_default(
    make_rig, side: str, algorithm: Algorithm
) -> None:
    chosen = (algorithm,) if side == "platform" else tuple(Algorithm)
    knows = tuple(Algorithm) if side == "platform" else (algorithm,)
    rig = make_rig(config={"digest_algorithms": chosen}, digest_algorithms=knows)
    rig.register()
    used = [p for p in rig.packets(b"REGISTER") if b"Authorization" in p]
    assert f"algorithm={algorithm}".encode() in used[0]
    plain = make_rig()
    plain.register()
    assert b"algorithm=MD5" in plain.packets(b"SIP/2.0 401")[0]
    assert plain.packets(b"SIP/2.0 401")[0].count(b"WWW-Authenticate") == 1


def test_c029_the_vector_of_sm3() -> None:
    ha1 = compute_ha1(DEVICE_ID, DOMAIN, PASSWORD, Algorithm.SM3)
    assert compute_response(ha1=ha1, algorithm=Algorithm.SM3, **VECTOR) == (
        "e55fd4973d13079c7c28cc902860e42725d7eab7c659a017d85b9db2556b0088"
    )


def test_c029_several_are_offered_in_order_and_one_device_may_have_its_own(make_rig) -> None:
    rig = make_rig(config={"digest_algorithms": (Algorithm.SM3, Algorithm.MD5)})
    rig.device.start(rig.now)
    rig.run(5)
    challenge = parse_message(rig.packets(b"SIP/2.0 401")[0])
    offered = [v.rsplit("=", 1)[1] for v in challenge.headers.get_all("www-authenticate")]
    assert offered == ["SM3", "MD5"]
    assert rig.endpoint.is_registered(DEVICE_ID)
    old = make_rig(
        config={"digest_algorithms": (Algorithm.SM3, Algorithm.MD5)},
        faults=Faults(reads_first_challenge=True),
        digest_algorithms=(Algorithm.MD5,),
    )
    old.device.start(old.now)
    old.run(5)
    assert not old.endpoint.is_registered(DEVICE_ID), "it looks at the first challenge only"
    old.endpoint.set_rule(DEVICE_ID, RegistrationRule((Algorithm.MD5,)))
    old.run(80)
    assert old.endpoint.is_registered(DEVICE_ID)


def test_c029_a_digest_that_was_not_offered_proves_nothing(wire: Wire) -> None:
    challenge = Challenge(DOMAIN, wire.challenge(), Algorithm.SM3)
    line = answer_challenge(
        challenge, method="REGISTER", uri=VECTOR["uri"], username=DEVICE_ID,
        password=PASSWORD, cnonce="",
    )  # fmt: skip
    data = wire.request("REGISTER", *wire.register_lines(), f"Authorization: {line}")
    assert wire.send(data)[0].status == 401


def test_c030_a_tcp_device_lives_and_dies_with_its_connection(wire: Wire) -> None:
    wire.register(transport="tcp", connection=4)
    wire.endpoint.ask(DEVICE_ID, query.ask_device_info(), wire.now)
    assert [peer.connection for _, peer in wire.flush()] == [4]
    wire.endpoint.connection_lost(Peer("tcp", DEVICE_HOST, 5060, 4), wire.now)
    wire.flush()
    assert not wire.endpoint.is_registered(DEVICE_ID)
    assert [event.device_id for event in wire.heard(DeviceDisconnected)] == [DEVICE_ID]


# Keepalive


def test_c031_keepalives_at_the_interval_and_a_new_registration_without_answers(make_rig) -> None:
    rig = make_rig(keepalive_interval_s=20)
    rig.register()
    rig.run(200)
    assert 9 <= len(rig.heard(KeepaliveReceived)) <= 10
    platform = rig.network.parties.pop(("udp", SERVER_HOST, 5060))
    registers = len(rig.packets(b"REGISTER"))
    rig.run(20 * 3 + 20 * 2)
    assert len(rig.packets(b"REGISTER")) > registers
    rig.network.attach(platform, "udp", SERVER_HOST, 5060)
    rig.run(200, lambda: rig.device.state is RegistrationState.REGISTERED)
    assert rig.device.state is RegistrationState.REGISTERED


def test_c032_interval_times_count_of_silence_is_offline(wire: Wire) -> None:
    wire.register()
    wire.tick(60 * 3 - 1)
    assert wire.endpoint.is_registered(DEVICE_ID)
    wire.tick(60)
    assert not wire.endpoint.is_registered(DEVICE_ID)
    assert len(wire.heard(KeepalivesMissed)) == 1


def test_c032_a_slower_rhythm_is_learned_and_does_not_flap(wire: Wire) -> None:
    wire.register(expires="86400")
    for number in range(30):
        wire.tick(300)
        wire.message(build_keepalive(DEVICE_ID, number + 1))
    assert len(wire.heard(KeepalivesMissed)) <= 3, "only until the rhythm is known"
    wire.tick(300 * 2)
    assert wire.endpoint.is_registered(DEVICE_ID)
    wire.tick(300 * 2)
    assert not wire.endpoint.is_registered(DEVICE_ID)


@pytest.mark.parametrize(
    ("interval_s", "count", "still_online_s", "offline_s"),
    [(120, 3, 350, 400), (0, 0, 170, 200), (99_999, 3, 1700, 1900), (60, 99, 590, 620)],
)
def test_c032_heartbeats_of_basic_param_count_within_bounds(
    wire: Wire, interval_s: int, count: int, still_online_s: float, offline_s: float
) -> None:
    wire.register(expires="86400")
    wire.endpoint.learn_heartbeat(DEVICE_ID, interval_s, count)
    wire.tick(still_online_s)
    assert wire.endpoint.is_registered(DEVICE_ID)
    wire.tick(offline_s - still_online_s)
    assert not wire.endpoint.is_registered(DEVICE_ID)


def test_c033_a_keepalive_of_an_unregistered_device_is_refused(make_rig, wire: Wire) -> None:
    assert wire.message(KEEPALIVE).status == 403
    wire.register(expires="60")
    wire.tick(100)
    assert wire.message(KEEPALIVE).status == 403
    rig = make_rig()
    rig.register()
    rig.endpoint.forget(DEVICE_ID, rig.now)
    rig.run(100, lambda: rig.endpoint.is_registered(DEVICE_ID))
    assert rig.endpoint.is_registered(DEVICE_ID), "the device registers when it is refused"


def test_c033_by_option_a_keepalive_revives_who_was_proven_before(make_wire) -> None:
    wire = make_wire(revives_by_keepalive=True)
    assert wire.message(KEEPALIVE).status == 403, "never registered"
    wire.register(expires="60")
    wire.tick(100)
    assert not wire.endpoint.is_registered(DEVICE_ID)
    assert wire.message(KEEPALIVE, host="198.51.100.7").status == 403, "another host"
    query_body = query.ask_device_info().build(DEVICE_ID, 1, "GB2312")
    assert wire.message(query_body).status == 403, "no keepalive"
    assert wire.message(KEEPALIVE, port=7777).status == 200
    assert wire.endpoint.is_registered(DEVICE_ID)
    assert wire.heard(DeviceRefreshed)[-1].is_returned
    wire.register(expires="0")
    assert wire.message(build_keepalive(DEVICE_ID, 9)).status == 403, "it said goodbye"


def test_c034_a_keepalive_from_a_new_port_moves_the_address(wire: Wire) -> None:
    wire.register()
    assert wire.message(KEEPALIVE, port=7777).status == 200
    moved = wire.heard(DeviceRefreshed)
    assert [(str(e.peer), str(e.previous_peer), e.is_returned) for e in moved] == [
        (f"udp:{DEVICE_HOST}:7777", f"udp:{DEVICE_HOST}:5060", False)
    ], "what is stored follows"
    offer = MediaOffer("192.0.2.20", 30000, "udp", wire.endpoint.new_ssrc(wire.now))
    wire.endpoint.invite(DEVICE_ID, camera(1).code, offer, wire.now)
    [(invite, peer)] = wire.flush()
    assert (invite.method, peer.port) == ("INVITE", 7777)


def test_c035_children_of_a_keepalive_are_faulty(wire: Wire) -> None:
    wire.register()
    faulty = [camera(1).code, camera(7).code]
    wire.message(build_keepalive(DEVICE_ID, 1, faulty))
    wire.message(build_keepalive(DEVICE_ID, 2))
    assert [event.faulty for event in wire.heard(KeepaliveReceived)] == [tuple(faulty), ()]


# Robustness


def make_fleet(size: int, rig, seed: int) -> Fleet:
    ids = [f"34020000001181{number:06d}" for number in range(size)]
    for each in ids:
        rig.credentials[each] = Credential(PASSWORD)
    template = replace(rig.device.profile, local_host="192.0.2.200")
    plan = FleetPlan(template, dict.fromkeys(ids, PASSWORD), lambda _: (), window=size)
    fleet = Fleet(plan, random.Random(seed).randbytes)
    rig.network.attach(fleet, "udp", "192.0.2.200", 5060)
    return fleet


def test_c113_a_thousand_devices_register_anew_within_ten_seconds(make_rig) -> None:
    rig = make_rig()
    for seed in (5, 6):
        fleet = make_fleet(1000, rig, seed)
        fleet.start(rig.now)
        rig.run(10)
        assert fleet.states[RegistrationState.REGISTERED] == 1000
    del rig.network.parties["udp", "192.0.2.200", 5060]
    assert len(rig.heard(DeviceRegistered)) == 1000
    assert len(rig.heard(DeviceRefreshed)) >= 1000
    rig.run(40)
    stats = rig.endpoint.stats()
    assert stats["events.dropped"] == 0
    assert stats["bindings"] == 1000
    assert stats["transactions.servers"] == 0, "a storm leaves nothing behind"


def test_c113_overload_is_put_off_with_a_time_for_each(make_wire) -> None:
    wire = make_wire(registrations_per_s=10)
    answers = [
        wire.send(wire.request("REGISTER", *wire.register_lines()), port=5000 + number)[0]
        for number in range(400)
    ]
    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) == 400 - 20, "two seconds' worth is let in at once"
    waits = [int(answer.headers.get("retry-after")) for answer in refused]
    assert waits == sorted(waits)
    assert waits[0] <= 6 < 30 < waits[-1] <= 120
    assert wire.endpoint.stats()["transactions.servers"] == 0
    wire.tick(10)
    assert wire.register().status == 200


def test_c113_who_was_challenged_is_let_in_however_full_it_is(make_wire) -> None:
    wire = make_wire(registrations_per_s=1)
    line = wire.authorization(wire.challenge())
    while wire.send(wire.request("REGISTER", *wire.register_lines()))[0].status != 503:
        pass
    assert wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0].status == 200


@TRANSPORTS
def test_c114_nothing_is_left_of_a_simulator_that_vanishes(make_rig, transport: str) -> None:
    rig = make_rig(transport=transport, expires_s=600)
    rig.register()
    rig.accept_media()
    rig.invite()
    rig.endpoint.ask(DEVICE_ID, catalog.ask_catalog(), rig.now)
    rig.run(3)
    rig.invite(2)
    del rig.network.parties[transport, DEVICE_HOST, 5060]
    if transport == "tcp":
        rig.endpoint.connection_lost(Peer("tcp", DEVICE_HOST, 5060, 1), rig.now)
    rig.run(1500)
    stats = rig.endpoint.stats()
    kept = ("bindings", "invitations", "inquiries", "transactions.servers", "transactions.clients")
    assert {name: stats[name] for name in kept} == dict.fromkeys(kept, 0)
    assert rig.endpoint.next_timer() is None


NAMES = {
    "GB2312": "一号井口",
    "GB18030": "㐀𠮷井口",
    "UTF-8": "𠮷矿 ①井",
}


@pytest.mark.parametrize("side", ["platform", "simulator"])
@pytest.mark.parametrize("charset", list(NAMES))
def test_c117_charsets(make_rig, side: str, charset: str) -> None:
    name = NAMES[charset]
    code = camera(1).code
    if side == "simulator":
        device = SimulatedDevice(make_rig().device.profile, random.Random(1).randbytes)
        body = f"<?xml version='1.0' encoding='{charset}'?><Query><CmdType>DeviceInfo</CmdType>"
        body += f"<SN>1</SN><DeviceID>{DEVICE_ID}</DeviceID><Info>{name}</Info></Query>"
        octets = body.encode("gb18030" if charset != "UTF-8" else "utf-8")
        device.receive(Wire().request("MESSAGE", body=octets), Peer("udp", SERVER_HOST, 5060), 0.0)
        sent = [data for data, _ in device.data_to_send(0.0)]
        assert any(data.startswith(b"SIP/2.0 200") for data in sent)
        assert any(b"DeviceInfo" in data for data in sent)
        return
    rig = make_rig(charset=charset, channels=(replace(camera(1), name=name),))
    rig.register()
    rig.endpoint.ask(DEVICE_ID, catalog.ask_catalog(), rig.now)
    rig.run(60)
    [item] = next(
        e.outcome.items for e in rig.network.events[rig.endpoint] if hasattr(e, "outcome")
        and hasattr(e.outcome, "items")
    )  # fmt: skip
    assert (item.device_id, item.name) == (code, name)


@pytest.mark.parametrize(
    ("prolog", "octets", "name"),
    [
        (b'<?xml version="1.0" encoding="GB2312"?>', "井口".encode(), "井口"),
        (b'<?xml version="1.0" encoding="UTF-8"?>', "井口".encode("gbk"), "井口"),
        (b"", "井口".encode("gbk"), "井口"),
        (b"\xef\xbb\xbf", "井口".encode(), "井口"),
        (b'<?xml version="1.0" encoding="KLINGON"?>', "井口".encode("gbk"), "井口"),
    ],
)
def test_c117_a_wrong_prolog_costs_nothing(prolog: bytes, octets: bytes, name: str) -> None:
    body = prolog + b"<Notify><CmdType>Keepalive</CmdType><SN>1</SN><DeviceID>"
    body += DEVICE_ID.encode() + b"</DeviceID><Name>" + octets + b"</Name></Notify>"
    assert parse_envelope(body).body.value("Name") == name


@pytest.mark.parametrize("bad", [b"\xff", b"\x81", b"\x80", b"\x00"])
def test_c117_one_bad_byte_drops_no_message(wire: Wire, bad: bytes) -> None:
    wire.register()
    body = KEEPALIVE.replace(b"<Status>", b"<Name>" + bad + b"\xd2\xbb</Name><Status>")
    assert wire.message(body).status == 200
    assert parse_keepalive(parse_envelope(body)).status == "OK"
    assert len(wire.heard(KeepaliveReceived)) == 1


SECRET = "Gr8-53cret-w0rd"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_c118_no_password_is_ever_logged(make_rig, algorithm: Algorithm) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        set_up_logs(LogSection(level=LogLevel.DEBUG), ZoneInfo("Asia/Shanghai"), stream)
        rig = make_rig(password=SECRET, config={"digest_algorithms": (algorithm,)})
        rig.credentials[DEVICE_ID] = Credential(SECRET)
        rig.register()
        rig.device.faults.wrong_password = True
        rig.device.stop(rig.now)
        rig.run(10)
        told = [repr(event) for events in rig.network.events.values() for event in events]
        root.info("all", extra={"events": told, "credential": repr(rig.credentials)})
    finally:
        root.handlers[:], root.level = handlers, level
    logged = stream.getvalue()
    assert DEVICE_ID in logged
    assert SECRET not in logged
    assert compute_ha1(DEVICE_ID, DOMAIN, SECRET, algorithm) not in logged
    sent = b"".join(data for _, data in rig.network.sent)
    assert SECRET.encode() not in sent


@TRANSPORTS
async def test_c118_no_password_is_logged_by_the_server(transport: str, caplog) -> None:
    with caplog.at_level(logging.DEBUG):
        async with make_server() as server, connected(server, transport) as peer:
            assert status(await log_in(peer)) == 200
    assert PASSWORD not in caplog.text


def test_c118_a_nonce_serves_once_and_not_for_long(wire: Wire) -> None:
    nonce = wire.challenge()
    line = wire.authorization(nonce)
    assert wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0].status == 200
    assert wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0].status == 401
    late = wire.challenge()
    wire.now += 61
    line = wire.authorization(late)
    assert wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0].status == 401


def test_c118_guesses_at_an_unknown_device_do_not_lock_it_out_once_it_is_let_in(
    wire: Wire,
) -> None:
    """A camera that was installed first knocks for hours before people add it."""
    for _ in range(10):
        assert wire.register(device=OTHER_ID).status == 403
    wire.credentials[OTHER_ID] = Credential(PASSWORD)
    assert wire.register(device=OTHER_ID).status == 200
    for _ in range(10):
        wire.register(password="wrong")
    assert wire.register().status == 403, "guesses at a known password do lock"
    wire.credentials[DEVICE_ID] = Credential("another one")
    assert wire.register(password="another one").status == 200
    outcomes = {event.outcome for event in wire.heard(RegistrationAttempted)}
    assert AttemptOutcome.REFUSED_LOCKED in outcomes


def test_c113_memory_of_a_storm_of_strangers_is_bounded(make_wire) -> None:
    wire = make_wire()
    for number in range(3000):
        wire.send(wire.request("REGISTER", *wire.register_lines(), device=f"{number:020d}"))
    gc.collect()
    stats = wire.endpoint.stats()
    assert stats["transactions.servers"] == 0
    assert stats["bindings"] == 0
