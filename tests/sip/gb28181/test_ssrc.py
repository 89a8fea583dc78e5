import pytest

from sip.gb28181.ssrc import QUARANTINE_S, STREAMS, NoSsrcLeft, SsrcPool, ssrc_base

SERVER = "34020000002000000001"


def pool(number=1):
    return SsrcPool(SERVER, lambda count: number.to_bytes(count, "big"))


def test_numbers_follow_the_rule_of_the_standard():
    assert f"{pool().take(0.0):010d}" == "0200000001"
    assert f"{pool().take(0.0, is_history=True):010d}" == "1200000001"
    assert f"{ssrc_base('13010000002000000001') // 10000:06d}" == "010000"


def test_a_number_taken_is_not_given_twice():
    numbers = pool()
    assert numbers.take(0.0) != numbers.take(0.0)


def test_a_number_taken_in_vain_comes_back():
    numbers = pool()
    assert numbers.take(0.0) == numbers.take(QUARANTINE_S)


def test_a_released_number_rests_before_it_comes_back():
    numbers = pool()
    ssrc = numbers.take(0.0)
    numbers.hold(ssrc)
    assert numbers.take(1e9) != ssrc
    numbers.release(ssrc, 1e9)
    assert numbers.take(1e9 + 1) != ssrc
    assert numbers.take(1e9 + QUARANTINE_S) == ssrc


def test_all_numbers_can_be_used_and_no_more():
    numbers = pool()
    taken = {numbers.take(0.0) for _ in range(STREAMS)}
    assert len(taken) == STREAMS
    with pytest.raises(NoSsrcLeft):
        numbers.take(0.0)


def test_zero_is_never_given():
    numbers = SsrcPool("34000000002000000001", lambda count: bytes(count))
    assert numbers.take(0.0) == 1


def test_numbers_of_others_do_not_pile_up():
    numbers = pool()
    for ssrc in range(3 * STREAMS):
        numbers.release(4_000_000_000 + ssrc, float(ssrc))
    assert len(numbers) <= 2 * STREAMS


@pytest.mark.parametrize("server_id", ["", "short", "3402000x002000000001"])
def test_an_id_that_is_no_code_gives_zeros(server_id):
    assert ssrc_base(server_id, is_history=True) == 1_000_000_000
