"""REGISTERs that would be refused wait until the passwords were read again."""

from sip.events import AttemptOutcome, DeviceRegistered, RegistrationAttempted
from sip.roles import doubts
from sip.roles.authentication import Credential
from tests.sip.conftest import DEVICE_ID, PASSWORD, Wire

STRANGER = "34020000001180000077"


def knock(wire: Wire, device: str = STRANGER, password: str = "secret", **kinds):
    """The second REGISTER, with an answer to the challenge."""
    line = wire.authorization(wire.challenge(device), device, password)
    return wire.send(wire.request("REGISTER", *wire.register_lines(), line, device=device, **kinds))


def statuses(wire: Wire) -> list[int]:
    return [answer.status for answer, _ in wire.flush()]


def outcomes(wire: Wire) -> list[AttemptOutcome]:
    return [event.outcome for event in wire.heard(RegistrationAttempted)]


def asked(wire: Wire) -> list[int]:
    times: list[int] = []
    wire.endpoint.doubts.on_doubt = lambda: times.append(1)
    return times


def test_device_that_was_added_meanwhile_is_let_in_by_its_first_register(wire: Wire) -> None:
    times = asked(wire)
    assert knock(wire) == []
    assert times == [1]
    wire.credentials[STRANGER] = Credential("secret")
    wire.endpoint.doubts.settle(wire.endpoint.doubts.newest, wire.now)
    assert statuses(wire) == [200]
    assert [event.device_id for event in wire.heard(DeviceRegistered)] == [STRANGER]


def test_unknown_id_and_wrong_password_wait_alike(wire: Wire) -> None:
    times = asked(wire)
    assert knock(wire) == []
    assert knock(wire, DEVICE_ID, "wrong") == []
    assert len(times) == 2
    wire.endpoint.doubts.settle(wire.endpoint.doubts.newest, wire.now)
    assert statuses(wire) == [403, 403]
    assert outcomes(wire)[-2:] == [
        AttemptOutcome.REFUSED_UNKNOWN,
        AttemptOutcome.REFUSED_PASSWORD,
    ]


def test_password_that_was_changed_meanwhile_counts(wire: Wire) -> None:
    asked(wire)
    assert knock(wire, DEVICE_ID, "new") == []
    wire.credentials[DEVICE_ID] = Credential("new")
    wire.endpoint.doubts.settle(wire.endpoint.doubts.newest, wire.now)
    assert statuses(wire) == [200]


def test_right_password_does_not_wait(wire: Wire) -> None:
    times = asked(wire)
    assert [answer.status for answer in knock(wire, DEVICE_ID, PASSWORD)] == [200]
    assert times == []


def test_who_came_after_the_reading_began_waits_for_the_next(wire: Wire) -> None:
    asked(wire)
    knock(wire)
    before = wire.endpoint.doubts.newest
    knock(wire)
    wire.endpoint.doubts.settle(before, wire.now)
    assert statuses(wire) == [403]
    assert len(wire.endpoint.doubts) == 1


def test_repetition_of_one_that_waits_gets_one_answer(wire: Wire) -> None:
    asked(wire)
    line = wire.authorization(wire.challenge(STRANGER), STRANGER, "secret")
    data = wire.request("REGISTER", *wire.register_lines(), line, device=STRANGER)
    assert wire.send(data) == []
    assert wire.send(data) == []
    wire.endpoint.doubts.settle(wire.endpoint.doubts.newest, wire.now)
    assert statuses(wire) == [403]


def test_without_news_the_answer_comes_by_what_is_known(wire: Wire) -> None:
    asked(wire)
    knock(wire)
    answers = wire.tick(doubts.LONGEST_WAIT_S + 0.1)
    assert [answer.status for answer, _ in answers] == [403]


def test_so_many_wait_and_no_more(wire: Wire, monkeypatch) -> None:
    monkeypatch.setattr(doubts, "MOST_WAITING", 2)
    asked(wire)
    assert [knock(wire), knock(wire)] == [[], []]
    assert [answer.status for answer in knock(wire)] == [403]
