"""Our registration at an upper platform, which is another one of ours or a script of answers."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.events import (
    DeviceRefreshed,
    DeviceRegistered,
    DeviceUnregistered,
    KeepaliveReceived,
)
from sip.gb28181.query import ask_device_info
from sip.message import parse_message
from sip.message.digest import Algorithm
from sip.roles.authentication import Credential
from sip.roles.rules import ALL_DEVICES, RedirectTarget, RegistrationRule
from sip.roles.upward.terms import UplinkRefused, UplinkState, UpperAsked
from tests.sip.conftest import START, Network
from tests.sip.roles.upward.conftest import (
    LOWER_HOST,
    LOWER_ID,
    PASSWORD,
    UPPER_HOST,
    UPPER_ID,
    make_platform,
    make_uplink,
)

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
REGISTERING, REGISTERED = (UplinkState.REGISTERING, ""), (UplinkState.REGISTERED, "")


class Script:
    """An upper platform that answers each REGISTER by the next of a list, keepalives by a status.

    An entry is a status, or a status with header lines; None is silence. The last one stays.
    """

    def __init__(self, network, *answers, keepalive=200, host=UPPER_HOST, transport="udp"):
        self.answers = list(answers)
        self.keepalive = keepalive
        self.requests = []
        self._out = []
        network.attach(self, transport, host, 5060)

    def receive(self, data, peer, now):
        request = parse_message(data)
        self.requests.append(request)
        if request.method == "REGISTER":
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        else:
            answer = self.keepalive
        if answer is None:
            return
        status, *lines = answer if isinstance(answer, tuple) else (answer,)
        echoed = [
            f"{name}: {request.headers.get(name.lower())}"
            for name in ("Via", "From", "Call-ID", "CSeq")
        ]
        head = [
            f"SIP/2.0 {status} So", *echoed, f"To: {request.headers.get('to')};tag=s1", *lines,
            "Content-Length: 0", "", "",
        ]  # fmt: skip
        self._out.append(("\r\n".join(head).encode(), peer))

    def data_to_send(self, now):
        sent, self._out = self._out, []
        return sent

    def next_event(self):
        return None

    def next_timer(self):
        return None

    def handle_timer(self, now):
        pass

    def registers(self):
        return [request for request in self.requests if request.method == "REGISTER"]


def challenge(*, realm="3400000000", nonce="n1", algorithm="MD5", more=""):
    value = f'Digest realm="{realm}", nonce="{nonce}", algorithm={algorithm}{more}'
    return 401, f"WWW-Authenticate: {value}"


GRANTED = (200, "Expires: 3600", "X-GB-Ver: 3.0")


@pytest.fixture
def make_scripted(make_cascade):
    """A lower platform whose upper one is a script."""

    def make(*answers, keepalive=200, **changes):
        cascade = make_cascade(**changes)
        script = Script(
            cascade.network, *answers, keepalive=keepalive, transport=cascade.uplink.transport
        )
        cascade.set()
        return cascade, script

    return make


def gaps(script):
    return [request.headers.get("authorization") is None for request in script.registers()]


# Registering


@TRANSPORTS
def test_it_registers_and_keeps_alive(make_cascade, transport):
    cascade = make_cascade(transport=transport)
    cascade.register()
    cascade.run(200)
    (registered,) = cascade.heard(DeviceRegistered, cascade.upper)
    assert (registered.device_id, registered.gb_version) == (LOWER_ID, "3.0")
    assert registered.peer.transport == transport
    assert len(cascade.heard(KeepaliveReceived, cascade.upper)) == 3
    assert cascade.states() == [REGISTERING, REGISTERED]
    assert cascade.status.gb_version == "3.0"


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("offers_qop", [False, True])
def test_it_answers_every_digest(make_cascade, algorithm, offers_qop):
    upper = {"digest_algorithms": (algorithm,), "offers_qop": offers_qop}
    cascade = make_cascade(upper=upper)
    cascade.register()


def test_the_first_challenge_it_can_answer_is_answered(make_scripted):
    status, first = challenge(algorithm="AKAv1-MD5")
    _, second = challenge(algorithm="SHA-256", nonce="n2")
    cascade, script = make_scripted((status, first, second), GRANTED)
    cascade.run(1)
    assert cascade.state is UplinkState.REGISTERED
    proof = script.registers()[1].headers.get("authorization")
    assert "algorithm=SHA-256" in proof and 'nonce="n2"' in proof


def test_the_realm_is_the_one_of_the_challenge(make_scripted):
    cascade, script = make_scripted(challenge(realm="somewhere else"), GRANTED)
    cascade.run(1)
    assert 'realm="somewhere else"' in script.registers()[1].headers.get("authorization")
    assert cascade.state is UplinkState.REGISTERED


def test_a_proxy_that_challenges_is_answered_too(make_scripted):
    _, line = challenge()
    proxy = (407, line.replace("WWW-Authenticate", "Proxy-Authenticate"))
    cascade, script = make_scripted(proxy, GRANTED)
    cascade.run(1)
    assert script.registers()[1].headers.get("proxy-authorization")
    assert cascade.state is UplinkState.REGISTERED


def test_a_stale_nonce_is_answered_by_the_new_one(make_scripted):
    again = challenge(nonce="n2", more=", stale=true")
    cascade, script = make_scripted(challenge(), again, GRANTED)
    cascade.run(1)
    assert cascade.state is UplinkState.REGISTERED
    assert 'nonce="n2"' in script.registers()[2].headers.get("authorization")


def test_an_upper_without_password_registers_at_once(make_scripted):
    cascade, script = make_scripted(GRANTED)
    cascade.run(1)
    assert len(script.registers()) == 1
    assert cascade.state is UplinkState.REGISTERED


def test_the_register_says_who_we_are_and_which_edition(make_scripted):
    cascade, script = make_scripted(challenge(), GRANTED, username="mine-7")
    cascade.run(1)
    first, second = script.registers()
    assert str(first.uri) == f"sip:{UPPER_ID}@{UPPER_ID[:10]}"
    assert str(first.to) == f"<sip:{LOWER_ID}@{LOWER_ID[:10]}>"
    assert str(first.contact) == f"<sip:{LOWER_ID}@{LOWER_HOST}:5060>"
    assert first.headers.get("x-gb-ver") == "3.0"
    assert first.expires == 3600
    assert 'username="mine-7"' in second.headers.get("authorization")
    assert (first.call_id, first.from_.tag) == (second.call_id, second.from_.tag)
    assert second.cseq.number == first.cseq.number + 1


def test_a_2016_uplink_says_no_edition(make_scripted):
    cascade, script = make_scripted(GRANTED, edition="2016")
    cascade.run(1)
    assert "x-gb-ver" not in script.registers()[0].headers


def test_the_clock_of_the_upper_is_told_and_nothing_is_set(make_scripted):
    cascade, _ = make_scripted((*GRANTED, "Date: 2026-05-01T10:00:10.123"))
    cascade.run(1)
    assert cascade.status.clock_offset_s == pytest.approx(10, abs=0.1)


# Refresh


def test_it_refreshes_before_the_expiry_in_the_same_call_id(make_cascade):
    cascade = make_cascade()
    cascade.register()
    cascade.run(3600)
    assert cascade.heard(DeviceRefreshed, cascade.upper)
    call_ids = {parse_message(data).call_id for data in cascade.packets(b"REGISTER")}
    assert len(call_ids) == 1
    assert cascade.states() == [REGISTERING, REGISTERED]


def test_the_time_the_upper_grants_decides_when(make_scripted):
    cascade, script = make_scripted((200, "Expires: 100"))
    cascade.run(79)
    assert len(script.registers()) == 1
    cascade.run(2)
    assert len(script.registers()) == 2


def test_one_lost_refresh_ends_nothing_while_the_registration_runs(make_scripted):
    cascade, script = make_scripted(GRANTED, *[None] * 11, GRANTED)
    cascade.run(2880 + 33)
    assert len(script.registers()) > 5  # the repetitions of the lost one
    assert cascade.state is UplinkState.REGISTERED
    cascade.run(120)
    assert cascade.states() == [REGISTERING, REGISTERED]
    assert cascade.lower.stats()["uplinks.refreshes.failed"] == 1


def test_a_registration_that_cannot_be_refreshed_ends(make_scripted):
    cascade, _ = make_scripted(GRANTED, None)
    cascade.run(3700)
    assert cascade.states()[-1] == (UplinkState.WAITING, "no_answer")


def test_an_overloaded_upper_keeps_us_until_the_registration_ends(make_scripted):
    cascade, script = make_scripted(GRANTED, (503, "Retry-After: 5"), GRANTED)
    cascade.run(2900)
    assert len(script.registers()) == 3
    assert cascade.states() == [REGISTERING, REGISTERED]


# Failures


@pytest.mark.parametrize(
    ("answers", "failure", "status"),
    [
        ([403], "forbidden", 403),
        ([404], "unknown_to_upper", 404),
        ([500], "refused", 500),
        ([401], "refused", 401),
        ([challenge(algorithm="AKAv1-MD5")], "refused", 401),
        ([challenge(), challenge(nonce="n2")], "wrong_password", 401),
        ([challenge(), 403], "wrong_password", 403),
        ([423], "interval_too_brief", 423),
        ([(200, "Expires: 0")], "refused", 200),
        ([302], "refused", 302),
        ([None], "no_answer", 0),
    ],
)
def test_every_refusal_has_its_name_and_the_time_of_the_next_try(
    make_scripted, answers, failure, status
):
    cascade, _ = make_scripted(*answers)
    cascade.run(40, lambda: cascade.state is UplinkState.WAITING)
    told = cascade.status
    assert (told.state, told.failure, told.status) == (UplinkState.WAITING, failure, status)
    assert told.next_attempt_at is not None


def test_pauses_double_up_to_the_longest(make_scripted):
    cascade, script = make_scripted(404, retry_s=60, longest_retry_s=240)
    times = []
    for _ in range(5):
        before = len(script.registers())
        cascade.run(400, lambda before=before: len(script.registers()) > before)
        times.append(cascade.now)
    pauses = [round(after - before) for before, after in zip(times, times[1:], strict=False)]
    for pause, shortest in zip(pauses, (60, 120, 240, 240), strict=True):
        assert shortest <= pause <= shortest * 1.26


def test_a_wrong_password_waits_the_longest_pause_at_once(make_cascade):
    cascade = make_cascade(password="wrong")
    cascade.set()
    cascade.run(599)
    assert cascade.status.failure == "wrong_password"
    assert len(cascade.packets(b"REGISTER")) == 2
    cascade.run(200)
    assert len(cascade.packets(b"REGISTER")) == 4


def test_another_password_is_tried_at_once(make_cascade):
    cascade = make_cascade(password="wrong")
    cascade.set()
    cascade.run(10)
    cascade.set(replace(cascade.uplink, password=PASSWORD))
    cascade.run(10)
    assert cascade.state is UplinkState.REGISTERED


def test_who_does_not_want_to_wait_tries_at_once(make_cascade):
    cascade = make_cascade(password="wrong")
    cascade.set()
    cascade.run(10)
    assert cascade.state is UplinkState.WAITING
    tries = len(cascade.packets(b"REGISTER"))
    cascade.lower.uppers.try_now(UPPER_ID, cascade.now)
    cascade.run(5)
    assert len(cascade.packets(b"REGISTER")) == tries + 2
    cascade.set(replace(cascade.uplink, password=PASSWORD))
    cascade.run(10)
    tries = len(cascade.packets(b"REGISTER"))
    cascade.lower.uppers.try_now(UPPER_ID, cascade.now)
    cascade.lower.uppers.try_now("1", cascade.now)
    cascade.run(5)
    assert len(cascade.packets(b"REGISTER")) == tries, "it is registered"


def test_an_interval_too_brief_is_raised_once(make_scripted):
    cascade, script = make_scripted((423, "Min-Expires: 7200"), (200, "Expires: 7200"))
    cascade.run(1)
    assert [request.expires for request in script.registers()] == [3600, 7200]
    assert cascade.state is UplinkState.REGISTERED


@pytest.mark.parametrize("least", ["10", "99999999", "soon", "-5"])
def test_a_senseless_min_expires_is_a_refusal(make_scripted, least):
    cascade, script = make_scripted((423, f"Min-Expires: {least}"))
    cascade.run(1)
    assert len(script.registers()) == 1
    assert cascade.status.failure == "interval_too_brief"


def test_retry_after_is_obeyed(make_scripted):
    cascade, script = make_scripted((503, "Retry-After: 20"), GRANTED)
    cascade.run(19)
    assert len(script.registers()) == 1
    cascade.run(3)
    assert cascade.state is UplinkState.REGISTERED


ANY_ANSWER = st.one_of(
    st.none(),
    st.sampled_from(
        [
            GRANTED,
            (200,),
            (200, "Expires: 1"),
            (200, "Expires: junk"),
            challenge(),
            challenge(nonce="n2", more=", stale=true"),
            challenge(more=', qop="auth-int"'),
            (401, "WWW-Authenticate: nonsense"),
            (302, f"Contact: <sip:{UPPER_ID}@{UPPER_HOST}:5060>"),
            (302, "Contact: <sip:34000000002000000003@198.51.100.99>"),
            (423, "Min-Expires: 7200"),
            (503, "Retry-After: 0"),
            (503, "Retry-After: 9999"),
        ]
    ),
    st.tuples(st.integers(200, 699)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ANY_ANSWER, min_size=1, max_size=12), st.sampled_from([None, 200, 403, 500]))
def test_whatever_it_answers_we_go_on_and_never_hammer(answers, keepalive):
    network = Network()
    lower = make_platform(network, LOWER_ID, LOWER_HOST, {}, 5)
    network.attach(lower, "udp", LOWER_HOST, 5060)
    script = Script(network, *answers, keepalive=keepalive)
    lower.uppers.set(make_uplink(), network.now)
    for _ in range(30):
        before = len({request.cseq.number for request in script.registers()})
        network.run(60)
        assert lower.uppers.status(UPPER_ID) is not None
        assert lower.next_timer() is not None
        after = len({request.cseq.number for request in script.registers()})
        # Twelve of five seconds each and what the list holds; a loop would be thousands.
        assert after - before <= 40


# Keepalives


def test_lost_keepalives_make_it_register_anew(make_scripted):
    cascade, script = make_scripted(GRANTED, keepalive=None)
    cascade.run(60 * 3 + 31)
    assert cascade.states() == [REGISTERING, REGISTERED]
    cascade.run(5)
    assert cascade.states()[2:] == [
        (UplinkState.REGISTERING, "keepalives_missed"),
        (UplinkState.REGISTERED, ""),
    ]
    first, second = script.registers()
    assert first.call_id != second.call_id


def test_an_answered_keepalive_forgives_those_before(make_scripted):
    cascade, script = make_scripted(GRANTED, keepalive=None)
    cascade.run(60 * 2 + 40)
    script.keepalive = 200
    cascade.run(30)
    script.keepalive = None
    cascade.run(60 * 2 + 40)
    assert cascade.states() == [REGISTERING, REGISTERED]
    assert cascade.lower.stats()["uplinks.keepalives.lost"] >= 4


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_upper_that_forgot_us_is_registered_at_anew(make_scripted, status):
    cascade, script = make_scripted(GRANTED, keepalive=status)
    cascade.run(61)
    assert len(script.registers()) == 2
    assert cascade.state is UplinkState.REGISTERED


def test_an_upper_that_restarts_has_us_back_after_one_keepalive(make_cascade):
    cascade = make_cascade()
    cascade.register()
    cascade.restart_upper()
    cascade.run(62)
    assert cascade.upper.is_registered(LOWER_ID)
    assert cascade.state is UplinkState.REGISTERED


def test_a_network_that_loses_and_doubles_changes_nothing(make_cascade, parts):
    quality = parts.Quality(loss=0.2, doubling=0.1, jitter_s=0.3)
    cascade = make_cascade(quality=quality)
    cascade.register()
    cascade.run(3 * 3600)
    assert cascade.state is UplinkState.REGISTERED
    assert cascade.upper.is_registered(LOWER_ID)


# Redirect


def test_a_redirect_leads_to_the_other_platform_and_back_when_it_is_gone(make_cascade):
    cascade = make_cascade()
    other_id, other_host = "34000000002000000002", "198.51.100.6"
    other = make_platform(cascade.network, other_id, other_host, cascade.credentials, 11)
    cascade.network.attach(other, "udp", other_host, 5060)
    target = RedirectTarget(other_id, other_host, 5060)
    cascade.upper.set_rule(ALL_DEVICES, RegistrationRule(redirect_to=target))
    cascade.register()
    assert other.is_registered(LOWER_ID)
    assert not cascade.upper.is_registered(LOWER_ID)
    cascade.upper.set_rule(ALL_DEVICES, None)
    del cascade.network.parties[("udp", other_host, 5060)]
    cascade.run(60 * 4)
    cascade.run(120, lambda: cascade.upper.is_registered(LOWER_ID))
    assert cascade.upper.is_registered(LOWER_ID)


def test_where_a_redirect_led_questions_are_believed(make_cascade):
    cascade = make_cascade()
    other_id, other_host = "34000000002000000002", "198.51.100.6"
    other = make_platform(cascade.network, other_id, other_host, cascade.credentials, 11)
    cascade.network.attach(other, "udp", other_host, 5060)
    target = RedirectTarget(other_id, other_host, 5060)
    cascade.upper.set_rule(ALL_DEVICES, RegistrationRule(redirect_to=target))
    cascade.register()
    other.ask(LOWER_ID, ask_device_info(), cascade.now)
    cascade.run(1)
    (asked,) = cascade.heard(UpperAsked)
    assert (asked.platform_id, asked.envelope.command) == (UPPER_ID, "DeviceInfo")


def test_platforms_that_send_us_in_a_circle_are_left_after_five(make_scripted):
    circle = (302, f"Contact: <sip:{UPPER_ID}@{UPPER_HOST}:5060>")
    cascade, script = make_scripted(circle)
    cascade.run(5)
    assert len(script.registers()) == 6
    assert cascade.status.failure == "refused"


def test_a_redirect_to_ourselves_is_not_followed(make_scripted):
    cascade, script = make_scripted((302, f"Contact: <sip:{LOWER_ID}@{LOWER_HOST}:5060>"))
    cascade.run(5)
    assert len(script.registers()) == 1
    assert cascade.status.failure == "refused"


# TCP


def test_a_lost_connection_is_offline_and_registers_after_the_pause(make_cascade):
    cascade = make_cascade(transport="tcp")
    cascade.register()
    server = cascade.lower.uppers._links.get(UPPER_ID).place.server
    cascade.lower.connection_lost(server._replace(connection=2), cascade.now)
    cascade.lower.connection_lost(server, cascade.now)
    assert cascade.status.failure == "unreachable"
    cascade.run(59)
    assert cascade.state is UplinkState.WAITING
    cascade.run(20)
    assert cascade.state is UplinkState.REGISTERED


def test_a_dead_connection_is_named_and_the_register_waits_for_a_new_one(make_scripted):
    cascade, script = make_scripted(GRANTED, keepalive=None, transport="tcp")
    cascade.run(60 * 3 + 33, lambda: cascade.status.failure == "keepalives_missed")
    (dead,) = cascade.lower.uppers.dead_connections()
    assert (dead.transport, dead.host) == ("tcp", UPPER_HOST)
    assert cascade.lower.uppers.dead_connections() == []
    assert len(script.registers()) == 1
    cascade.lower.connection_lost(dead._replace(connection=2), cascade.now)
    cascade.lower.connection_lost(dead, cascade.now)
    cascade.run(0.5)
    assert len(script.registers()) == 2
    assert cascade.state is UplinkState.REGISTERED


def test_without_a_connection_to_close_it_goes_on_by_itself(make_scripted):
    cascade, script = make_scripted(GRANTED, keepalive=None, transport="tcp")
    cascade.run(60 * 3 + 40)
    assert len(script.registers()) == 2


# Leaving, changing


def test_removing_unregisters_and_forgets(cascade):
    cascade.lower.uppers.remove(UPPER_ID, cascade.now)
    cascade.run(1)
    assert cascade.heard(DeviceUnregistered, cascade.upper)
    assert cascade.status is None
    assert cascade.states()[-1][0] is UplinkState.STOPPED
    cascade.run(7200)
    assert not cascade.upper.is_registered(LOWER_ID)
    assert cascade.lower.next_timer() is None


def test_a_silent_upper_does_not_hold_up_the_goodbye(cascade):
    del cascade.network.parties[("udp", UPPER_HOST, 5060)]
    cascade.lower.uppers.remove(UPPER_ID, cascade.now)
    cascade.run(5)
    assert cascade.status is None


def test_the_same_settings_again_change_nothing(cascade):
    sent = len(cascade.packets(b"REGISTER"))
    cascade.set()
    cascade.run(1)
    assert len(cascade.packets(b"REGISTER")) == sent


def test_other_settings_leave_first_and_begin_anew(cascade):
    cascade.set(replace(cascade.uplink, expires_s=1800))
    cascade.set()  # once more while it leaves
    cascade.run(5)
    expiries = [parse_message(data).expires for data in cascade.packets(b"REGISTER")]
    assert expiries == [3600, 3600, 0, 0, 1800, 1800]
    assert cascade.state is UplinkState.REGISTERED


def test_one_that_is_set_again_while_it_leaves_comes_back(cascade):
    cascade.lower.uppers.remove(UPPER_ID, cascade.now)
    cascade.set()
    cascade.run(5)
    assert cascade.state is UplinkState.REGISTERED
    assert cascade.upper.is_registered(LOWER_ID)


def test_several_uppers_do_not_disturb_each_other(make_cascade):
    cascade = make_cascade()
    cascade.register()
    wrong = make_uplink(
        platform_id="34000000002000000009", host="198.51.100.9", own_id="34020000002000000077"
    )
    Script(cascade.network, challenge(), 403, host="198.51.100.9")
    cascade.lower.uppers.set(wrong, cascade.now)
    cascade.run(300)
    by_id = {status.platform_id: status.state for status in cascade.lower.uppers.statuses()}
    assert by_id == {UPPER_ID: UplinkState.REGISTERED, wrong.platform_id: UplinkState.WAITING}


# Ourselves


@pytest.mark.parametrize(
    "changes",
    [
        {"platform_id": LOWER_ID},
        {"platform_id": UPPER_ID, "own_id": UPPER_ID},
        {"host": LOWER_HOST},
        {"host": "127.0.0.1"},
        {"host": "::1"},
        {"host": "0.0.0.0"},
        {"retry_s": 0},
        {"expires_s": 0},
        {"keepalive_interval_s": -1},
        {"keepalive_count": 0},
    ],
)
def test_an_uplink_to_ourselves_or_without_time_is_refused(make_cascade, changes):
    cascade = make_cascade()
    with pytest.raises(UplinkRefused):
        cascade.lower.uppers.set(make_uplink(**changes), cascade.now)
    assert cascade.lower.uppers.statuses() == ()


def test_more_uppers_than_anybody_has_are_refused(make_cascade):
    cascade = make_cascade()
    for number in range(100, 164):
        uplink = make_uplink(platform_id=f"34000000002{number:09d}")
        cascade.lower.uppers.set(uplink, cascade.now)
    with pytest.raises(UplinkRefused):
        cascade.lower.uppers.set(make_uplink(), cascade.now)


def test_the_password_is_in_no_text(cascade):
    link = cascade.lower.uppers._links.get(UPPER_ID)
    shown = repr((cascade.uplink, link, cascade.status, cascade.network.events))
    assert PASSWORD not in shown
    assert all(PASSWORD.encode() not in data for _, data in cascade.network.sent)


def test_an_answer_nobody_waits_for_changes_nothing(make_scripted):
    """A 200 to a REGISTER that was given up."""
    cascade, script = make_scripted(GRANTED)
    cascade.run(1)
    late = script.registers()[0]
    head = [f"{n}: {late.headers.get(n.lower())}" for n in ("Via", "From", "To", "Call-ID", "CSeq")]
    data = "\r\n".join(["SIP/2.0 403 No", *head, "Content-Length: 0", "", ""]).encode()
    cascade.lower.receive(data, cascade.lower.uppers._links.get(UPPER_ID).place.server, START + 50)
    assert cascade.state is UplinkState.REGISTERED


def test_credentials_of_the_upper_may_change_under_us(make_cascade):
    cascade = make_cascade()
    cascade.register()
    cascade.credentials[LOWER_ID] = Credential("another")
    cascade.run(3000)
    assert cascade.status.failure == "wrong_password"
    cascade.credentials[LOWER_ID] = Credential(PASSWORD)
    cascade.run(800)
    assert cascade.state is UplinkState.REGISTERED
