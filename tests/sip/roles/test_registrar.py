import pytest

from sip.events import (
    AttemptOutcome,
    DeviceClockChecked,
    DeviceDisconnected,
    DeviceExpired,
    DeviceMoved,
    DeviceRefreshed,
    DeviceRegistered,
    DeviceUnregistered,
    GuessingLocked,
    KeepaliveReceived,
    KeepalivesMissed,
    RegistrationAttempted,
)
from sip.gb28181.clock import find_zone, format_date
from sip.gb28181.keepalive import build_keepalive
from sip.gb28181.query import (
    DeviceStatus,
    ask_device_info,
    ask_device_status,
    build_device_status,
)
from sip.message import Peer
from sip.roles.authentication import Credential
from sip.simulator.profile import Faults

DEVICE = "34020000001180000001"
OTHER = "34020000001180000002"
KEEPALIVE = build_keepalive(DEVICE, 1)


def outcomes(wire):
    return [event.outcome for event in wire.heard(RegistrationAttempted)]


def test_first_register_gets_a_digest_challenge(wire):
    answer = wire.send(wire.request("REGISTER", *wire.register_lines()))[0]
    assert answer.status == 401
    challenge = answer.headers.get("www-authenticate")
    assert challenge.startswith('Digest realm="3402000000", nonce="')
    assert "algorithm=MD5" in challenge
    assert answer.headers.get("x-gb-ver") == "3.0"
    assert outcomes(wire) == [AttemptOutcome.CHALLENGED]


def test_right_password_registers_and_the_200_says_what_the_standard_wants(wire):
    answer = wire.register(lines=["X-GB-Ver: 3.0", "User-Agent: SimIPC/1.0"])
    assert answer.status == 200
    assert answer.headers.get("date") == "2026-05-01T10:00:00.123"
    assert answer.headers.get("x-gb-ver") == "3.0"
    assert answer.expires == 3600
    assert answer.headers.get("contact") == f"<sip:{DEVICE}@10.9.9.9:5060>;expires=3600"
    event = wire.heard(DeviceRegistered)[0]
    assert (event.device_id, event.gb_version, event.user_agent) == (DEVICE, "3.0", "SimIPC/1.0")
    assert str(event.peer) == "udp:192.0.2.101:5060"


def test_a_peer_without_version_speaks_2016(wire):
    wire.register()
    assert wire.heard(DeviceRegistered)[0].gb_version == "2.0"


def test_date_can_be_switched_off(make_wire):
    assert make_wire(send_date=False).register().headers.get("date") is None


def test_qop_auth_is_accepted_though_not_offered(wire):
    line = wire.authorization(wire.challenge(), qop="auth")
    answer = wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0]
    assert answer.status == 200


def test_answers_go_to_the_packet_source(wire):
    data = wire.request("REGISTER", *wire.register_lines())
    answer = wire.send(data, host="198.51.100.7", port=40001)[0]
    assert answer.via.params["received"] == "198.51.100.7"
    assert answer.via.params["rport"] == "40001"


def test_wrong_password_and_unknown_device_look_alike(wire):
    wrong = wire.register(password="nope")
    unknown = wire.register(device=OTHER, password="nope")
    assert wrong.status == unknown.status == 403

    def shape(answer):
        return [name for name, _ in answer.headers.items()], answer.reason, answer.body

    assert shape(wrong) == shape(unknown)
    assert AttemptOutcome.REFUSED_PASSWORD in outcomes(wire)
    assert AttemptOutcome.REFUSED_UNKNOWN in outcomes(wire)
    assert not wire.heard(DeviceRegistered)


def test_challenges_and_locks_do_not_tell_which_ids_exist(wire):
    """Threat 8: names of headers, their order and all texts but nonce and times are the same."""

    def shape(answer):
        fields = [name for name, _ in answer.headers.items()]
        challenge = (answer.headers.get("www-authenticate") or "").split('nonce="')[0]
        return answer.status, answer.reason, fields, challenge, answer.body

    def answers(device):
        data = wire.request("REGISTER", *wire.register_lines(), device=device)
        yield shape(wire.send(data, host="203.0.113.9")[0])
        for _ in range(12):
            yield shape(wire.register(device=device, password="guess", host="203.0.113.9"))

    assert list(answers(DEVICE)) == list(answers(OTHER))


def test_an_empty_password_lets_nobody_in(wire):
    wire.credentials[DEVICE] = Credential("")
    assert wire.register(password="").status == 403


def test_wrong_password_leaves_a_living_binding_alone(wire):
    wire.register()
    before = wire.endpoint.registrations(wire.now)
    assert wire.register(password="nope", host="203.0.113.9").status == 403
    assert wire.register(password="nope").status == 403
    assert wire.endpoint.registrations(wire.now) == before


def test_another_username_counts_only_where_the_registry_says_so(wire):
    wire.credentials[DEVICE] = Credential("12345678", "admin")
    nonce = wire.challenge()
    lines = wire.register_lines()
    own = wire.authorization(nonce, username="admin")
    assert wire.send(wire.request("REGISTER", *lines, own))[0].status == 200
    wire.credentials[DEVICE] = Credential("12345678")
    foreign = wire.authorization(wire.challenge(), username="admin")
    assert wire.send(wire.request("REGISTER", *lines, foreign))[0].status == 403


def test_an_empty_username_is_a_known_fault_of_devices(wire):
    line = wire.authorization(wire.challenge(), username="")
    assert wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0].status == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"realm": ""}, 401),
        ({"realm": "elsewhere"}, 401),
        ({"uri": "http://x"}, 403),
        ({"uri": "sip:34020000002000000009@elsewhere"}, 403),
        ({"uri": "sip:34020000002000000001@192.0.2.10:5060"}, 200),
        ({"extra": ", qop=auth"}, 400),
        ({"extra": ", qop=auth-int, nc=00000001, cnonce=x"}, 401),
        ({"response": "0" * 32}, 403),
        ({"response": "ä"}, 403),
    ],
)
def test_digest_edge_cases_have_a_defined_answer(wire, change, status):
    line = wire.authorization(wire.challenge(), **change)
    answer = wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0]
    assert answer.status == status


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5-sess", "SM3", "x"])
def test_an_algorithm_we_did_not_offer_is_challenged_again(wire, algorithm):
    line = wire.authorization(wire.challenge()).replace("algorithm=MD5", f"algorithm={algorithm}")
    assert wire.send(wire.request("REGISTER", *wire.register_lines(), line))[0].status == 401


def test_two_sets_of_credentials_are_refused(wire):
    line = wire.authorization(wire.challenge())
    data = wire.request("REGISTER", *wire.register_lines(), line, line)
    assert wire.send(data)[0].status == 400


@pytest.mark.parametrize("value", ["Capability algorithm=x", "Bearer x", "Digest", "Digest ,,,"])
def test_other_schemes_never_crash_and_never_pass(wire, value):
    data = wire.request("REGISTER", *wire.register_lines(), f"Authorization: {value}")
    assert wire.send(data)[0].status in (400, 401)


def test_a_replayed_register_is_challenged_and_moves_nothing(wire):
    line = wire.authorization(wire.challenge())
    data = wire.request("REGISTER", *wire.register_lines(), line, branch="z9hG4bKr1")
    assert wire.send(data)[0].status == 200
    wire.tick(5)
    answer = wire.send(data, host="203.0.113.9")[0]
    assert answer.status == 401
    assert "stale=true" in answer.headers.get("www-authenticate")
    assert wire.endpoint.registrations(wire.now)[0].peer.host == "192.0.2.101"
    assert outcomes(wire)[-1] is AttemptOutcome.REFUSED_OTHER_ADDRESS


def test_an_old_nonce_is_stale_and_a_foreign_one_is_not(wire):
    old = wire.authorization(wire.challenge())
    wire.tick(120)
    lines = wire.register_lines()
    stale = wire.send(wire.request("REGISTER", *lines, old))[0]
    assert "stale=true" in stale.headers.get("www-authenticate")
    foreign = wire.send(wire.request("REGISTER", *lines, wire.authorization("b5e7a0c1d2f34a5b")))[0]
    assert "stale" not in foreign.headers.get("www-authenticate")


def test_a_nonce_given_to_one_device_is_worth_nothing_for_another(wire):
    wire.credentials[OTHER] = Credential("12345678")
    line = wire.authorization(wire.challenge(), device=OTHER)
    data = wire.request("REGISTER", *wire.register_lines(), line, device=OTHER)
    assert wire.send(data)[0].status == 401


def test_guessing_locks_the_guesser_and_not_the_device(wire):
    for _ in range(10):
        assert wire.register(password="guess", host="203.0.113.9").status == 403
    assert wire.register(host="203.0.113.9").status == 403
    assert wire.register().status == 200
    assert AttemptOutcome.REFUSED_LOCKED in outcomes(wire)
    wire.tick(61)
    assert wire.register(host="203.0.113.9").status == 200


def test_a_lock_of_a_device_that_exists_is_told_once(wire):
    for _ in range(25):
        wire.register(password="guess", host="203.0.113.9")
        wire.register(device=OTHER, password="guess", host="203.0.113.9")
    (locked,) = wire.heard(GuessingLocked)
    assert (locked.device_id, locked.peer.host) == (DEVICE, "203.0.113.9")


def test_one_word_tried_on_many_ids_locks_the_address_but_not_who_is_at_home_there(wire):
    devices = [f"340200000011840{number:05d}" for number in range(200)]
    wire.credentials.update(dict.fromkeys((*devices, OTHER), Credential("12345678")))
    shared = {"host": "203.0.113.9"}
    assert wire.register(port=7000, **shared).status == 200
    for device in devices:
        assert wire.register(device=device, password="admin", **shared).status == 403
    assert len(wire.heard(GuessingLocked)) == 1
    assert wire.register(device=OTHER, **shared).status == 403
    assert wire.register(device=OTHER, host="203.0.113.10").status == 200
    # Whoever has registered from there before is let in, and opens the address again.
    assert wire.register(port=7000, **shared).status == 200
    assert wire.register(device=devices[0], **shared).status == 200


def test_guesses_at_ids_that_do_not_exist_lock_no_address(wire):
    for number in range(300):
        wire.register(device=f"340200000011850{number:05d}", password="x", host="203.0.113.9")
    assert wire.heard(GuessingLocked) == []
    assert wire.register(host="203.0.113.9").status == 200


@pytest.mark.parametrize("device", ["x" * 40, "%00", "täglich", "3402..01"])
def test_an_id_that_is_none_is_refused(wire, device):
    answers = wire.send(wire.request("REGISTER", *wire.register_lines(), device=device))
    assert [answer.status for answer in answers] == [400]
    assert not wire.heard(RegistrationAttempted)


@pytest.mark.parametrize(
    ("header", "contact", "granted"),
    [
        ("3600", "", 3600),
        (None, ";expires=1800", 1800),
        ("3600", ";expires=1800", 1800),
        (None, "", 3600),
        ("nonsense", "", 3600),
        ("10", "", 60),
        ("4294967295", "", 86400),
        ("99999999999", "", 3600),
    ],
)
def test_expiry_is_read_where_it_stands_and_bounded(wire, header, contact, granted):
    line = wire.authorization(wire.challenge())
    data = wire.request("REGISTER", *wire.register_lines(header, contact), line)
    assert wire.send(data)[0].expires == granted


@pytest.mark.parametrize("lines", [["Contact: *", "Expires: 0"], ["Expires: 0"]])
def test_expires_zero_unregisters_after_proof(wire, lines):
    wire.register()
    assert wire.send(wire.request("REGISTER", *lines))[0].status == 401
    assert wire.endpoint.is_registered(DEVICE)
    nonce = wire.challenge()
    answer = wire.send(wire.request("REGISTER", *lines, wire.authorization(nonce)))[0]
    assert answer.status == 200
    assert not wire.endpoint.is_registered(DEVICE)
    assert len(wire.heard(DeviceUnregistered)) == 1


def test_a_forged_unregister_changes_nothing(wire):
    wire.register()
    assert wire.register(expires="0", password="guess", host="203.0.113.9").status == 403
    assert wire.endpoint.is_registered(DEVICE)


@pytest.mark.parametrize("call_id", ["same", None])
def test_refresh_with_the_same_or_a_new_call_id(wire, call_id):
    for _ in range(2):
        kinds = {"call_id": call_id} if call_id else {}
        line = wire.authorization(wire.challenge())
        data = wire.request("REGISTER", *wire.register_lines(), line, **kinds)
        assert wire.send(data)[0].status == 200
    assert len(wire.heard(DeviceRegistered)) == 1
    refreshed = wire.heard(DeviceRefreshed)[0]
    assert refreshed.previous_peer is None
    assert not refreshed.is_returned


def test_an_authenticated_registration_from_elsewhere_wins_and_names_both(wire):
    wire.register()
    assert wire.register(host="198.51.100.7", port=6000).status == 200
    moved = wire.heard(DeviceMoved)[0]
    assert (str(moved.previous_peer), str(moved.peer)) == (
        "udp:192.0.2.101:5060",
        "udp:198.51.100.7:6000",
    )
    assert wire.heard(DeviceRefreshed)[0].previous_peer == moved.previous_peer
    assert wire.message(KEEPALIVE).status == 403
    assert wire.message(KEEPALIVE, host="198.51.100.7", port=6000).status == 200


def test_expiry_without_refresh_is_offline(wire):
    wire.register(expires="100")
    wire.tick(104)
    assert wire.endpoint.is_registered(DEVICE)
    wire.tick(2)
    assert not wire.endpoint.is_registered(DEVICE)
    assert len(wire.heard(DeviceExpired)) == 1


def test_three_missed_keepalives_are_offline_within_one_check_period(wire):
    wire.register()
    wire.tick(180)
    assert wire.endpoint.is_registered(DEVICE)
    wire.tick(11)
    assert not wire.endpoint.is_registered(DEVICE)
    missed = wire.heard(KeepalivesMissed)
    assert [(event.device_id, event.missed) for event in missed] == [(DEVICE, 3)]


def test_a_keepalive_a_blink_late_does_not_flap(wire):
    wire.register()
    for _ in range(5):
        wire.tick(180.5)
        wire.message(KEEPALIVE)
    assert not wire.heard(KeepalivesMissed)


def test_a_stall_of_our_own_process_calls_nobody_offline(wire):
    wire.register()
    wire.now += 500
    wire.endpoint.handle_timer(wire.now)
    wire.flush()
    assert wire.endpoint.is_registered(DEVICE)
    wire.tick(20)
    wire.message(KEEPALIVE)
    wire.tick(100)
    assert not wire.heard(KeepalivesMissed)


def test_keepalive_of_a_stranger_is_403(wire):
    assert wire.message(KEEPALIVE).status == 403
    assert not wire.heard(KeepaliveReceived)


def test_keepalive_from_a_new_port_moves_the_route(wire):
    wire.register()
    assert wire.message(KEEPALIVE, port=7777).status == 200
    assert str(wire.endpoint.registrations(wire.now)[0].peer) == "udp:192.0.2.101:7777"
    wire.endpoint.ask(DEVICE, ask_device_info(), wire.now)
    assert wire.flush()[0][1].port == 7777


def test_keepalive_with_a_registered_id_from_another_host_changes_nothing(wire):
    wire.register()
    before = wire.endpoint.registrations(wire.now)
    assert wire.message(KEEPALIVE, host="203.0.113.9").status == 403
    assert wire.endpoint.registrations(wire.now) == before
    assert not wire.heard(KeepaliveReceived)


def test_keepalive_tells_faulty_children(wire):
    wire.register()
    wire.message(build_keepalive(DEVICE, 1, ["34020000001320000007"]))
    assert wire.heard(KeepaliveReceived)[0].faulty == ("34020000001320000007",)


def test_a_repeated_keepalive_datagram_counts_as_a_sign_of_life(wire):
    wire.register()
    data = wire.request("MESSAGE", body=KEEPALIVE)
    wire.send(data)
    for _ in range(10):
        wire.tick(20)
        assert wire.send(data)[0].status == 200
    assert wire.endpoint.is_registered(DEVICE)


def test_tcp_requests_use_the_devices_own_connection(wire):
    wire.register(transport="tcp", connection=4)
    wire.endpoint.ask(DEVICE, ask_device_info(), wire.now)
    assert wire.flush()[0][1].connection == 4


def test_loss_of_the_connection_is_offline(wire):
    wire.register(transport="tcp", connection=4)
    wire.endpoint.connection_lost(Peer("tcp", "192.0.2.101", 5060, 3), wire.now)
    assert wire.endpoint.is_registered(DEVICE)
    wire.endpoint.connection_lost(Peer("tcp", "192.0.2.101", 5060, 4), wire.now)
    wire.flush()
    assert not wire.endpoint.is_registered(DEVICE)
    assert len(wire.heard(DeviceDisconnected)) == 1


def test_the_end_of_an_old_connection_does_not_hurt_the_new_one(wire):
    wire.register(transport="tcp", connection=4, port=5061)
    wire.register(transport="tcp", connection=5, port=5062)
    wire.endpoint.connection_lost(Peer("tcp", "192.0.2.101", 5061, 4), wire.now)
    assert wire.endpoint.is_registered(DEVICE)


def test_no_datagram_takes_a_device_from_its_living_connection(wire):
    wire.register(transport="tcp", connection=4)
    assert wire.message(KEEPALIVE, transport="udp").status == 200
    wire.endpoint.ask(DEVICE, ask_device_info(), wire.now)
    assert wire.flush()[0][1].connection == 4


def test_an_undeliverable_datagram_is_not_the_end_of_a_device(wire):
    wire.register()
    wire.endpoint.connection_lost(Peer("udp", "192.0.2.101", 5060), wire.now)
    assert wire.endpoint.is_registered(DEVICE)


def test_bindings_survive_a_restart(wire, make_wire):
    wire.register()
    wire.tick(100)
    saved = wire.endpoint.registrations(wire.now)
    later = make_wire()
    later.now = wire.now + 10
    later.endpoint.restore(saved, later.now)
    assert later.endpoint.is_registered(DEVICE)
    assert later.message(KEEPALIVE).status == 200
    again = later.endpoint.registrations(later.now)[0]
    assert (again.peer, again.expires_at) == (saved[0].peer, saved[0].expires_at)


def test_bindings_that_ran_out_meanwhile_are_not_restored(wire, make_wire):
    wire.register(expires="100")
    saved = wire.endpoint.registrations(wire.now)
    later = make_wire()
    later.now = wire.now + 200
    assert later.endpoint.restore(saved, later.now) == 0


def test_a_restored_tcp_device_comes_back_with_its_new_connection(wire, make_wire):
    wire.register(transport="tcp", connection=4)
    later = make_wire()
    later.endpoint.restore(wire.endpoint.registrations(wire.now), later.now)
    assert not later.endpoint.is_registered(DEVICE)
    assert later.message(KEEPALIVE, transport="tcp", port=6001, connection=1).status == 200
    assert later.endpoint.is_registered(DEVICE)
    assert later.heard(DeviceRefreshed)[0].is_returned


def test_attempts_are_told_once_with_their_count(wire):
    for _ in range(5):
        wire.register(password="x", host="203.0.113.9")
    refused = [
        event
        for event in wire.heard(RegistrationAttempted)
        if event.outcome is AttemptOutcome.REFUSED_PASSWORD
    ]
    assert [event.count for event in refused] == [1]
    wire.tick(11)
    refused = [
        event
        for event in wire.heard(RegistrationAttempted)
        if event.outcome is AttemptOutcome.REFUSED_PASSWORD
    ]
    assert [event.count for event in refused] == [1, 4]


def test_a_flood_of_ids_does_not_flood_the_events(wire):
    for number in range(2000):
        device = f"3402000000118{number:07d}"
        wire.send(wire.request("REGISTER", *wire.register_lines(), device=device))
    assert len(wire.heard(RegistrationAttempted)) <= 50


def test_forgetting_a_device_ends_it(wire):
    wire.register()
    wire.endpoint.forget(DEVICE, wire.now)
    assert not wire.endpoint.is_registered(DEVICE)
    assert wire.message(KEEPALIVE).status == 403


def test_beijing_time_without_a_table_of_zones(parts):
    assert format_date(parts.WALL, find_zone("No/Where")) == "2026-05-01T10:00:00.123"
    assert format_date(parts.WALL, find_zone("Asia/Shanghai")) == "2026-05-01T10:00:00.123"


@pytest.mark.parametrize("form", ["sip:{id}@10.2.2.2:5060", "sip:{domain}", "sip:{address}"])
def test_a_digest_whose_uri_names_us_in_another_form_is_right(wire, parts, form):
    uri = form.format(id=parts.SERVER_ID, domain=parts.DOMAIN, address=parts.SERVER_HOST)
    line = wire.authorization(wire.challenge(), uri=uri)
    data = wire.request("REGISTER", *wire.register_lines(), line, uri="sip:10.1.1.1:5060")
    assert wire.send(data)[0].status == 200


def test_passwords_and_digests_are_never_shown():
    assert "12345678" not in repr(Credential("12345678"))


def test_a_thousand_devices_at_once(wire):
    for number in range(1000):
        device = f"3402000000118{number:07d}"
        wire.credentials[device] = Credential("12345678")
        assert wire.register(device=device, port=10000 + number).status == 200
    assert wire.endpoint.stats()["bindings"] == 1000
    wire.tick(3700)
    assert wire.endpoint.stats()["bindings"] == 0


def test_a_clock_that_is_wrong_is_heard_of_by_its_date(make_rig):
    rig = make_rig(faults=Faults(clock_offset_s=-3600.0))
    rig.register()
    [event] = rig.heard(DeviceClockChecked)
    assert (event.device_id, event.is_wrong) == (DEVICE, True)
    assert -3610 < event.offset_s < -3590


def test_a_clock_of_a_status_answer_is_compared_too(wire):
    wire.register()
    wire.endpoint.ask(DEVICE, ask_device_status(), wire.now)
    [(question, _)] = wire.flush()
    body = question.body
    number = int(body.split(b"<SN>")[1].split(b"<")[0])
    status = DeviceStatus(DEVICE, True, True, device_time="2026-05-01T12:00:00")
    assert wire.message(build_device_status(status, number)).status == 200
    [event] = wire.heard(DeviceClockChecked)
    assert 7190 < event.offset_s < 7210


def test_a_stranger_cannot_make_a_clock_known(wire):
    wire.send(wire.request("REGISTER", "Date: 1999-01-01T00:00:00", *wire.register_lines()))
    wire.register(password="nope", lines=["Date: 1999-01-01T00:00:00"])
    assert wire.heard(DeviceClockChecked) == []
