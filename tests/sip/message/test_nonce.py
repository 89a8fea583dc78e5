import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message import NonceSource, NonceState

SECRET = b"0123456789abcdef"
VALID, STALE, FOREIGN = NonceState.VALID, NonceState.STALE, NonceState.FOREIGN


def test_a_fresh_nonce_is_valid_until_its_lifetime_ends() -> None:
    source = NonceSource(SECRET, 60)
    nonce = source.new(1000.0)
    assert source.check(nonce, 1000.0) is VALID
    assert source.check(nonce, 1060.0) is VALID
    assert source.check(nonce, 1060.1) is STALE
    assert source.check(nonce, 999.0) is STALE


def test_a_nonce_of_another_secret_or_context_is_foreign() -> None:
    nonce = NonceSource(SECRET).new(5.0, "device-1")
    assert NonceSource(SECRET).check(nonce, 5.0, "device-1") is VALID
    assert NonceSource(SECRET).check(nonce, 5.0, "device-2") is FOREIGN
    assert NonceSource(b"another secret..").check(nonce, 5.0, "device-1") is FOREIGN


def test_challenges_cost_no_memory_and_never_repeat() -> None:
    source = NonceSource(SECRET)
    assert len({source.new(1.0) for _ in range(1000)}) == 1000
    assert len(source) == 0


def test_without_qop_a_nonce_serves_once() -> None:
    source = NonceSource(SECRET)
    nonce = source.new(1.0)
    assert source.claim(nonce, None, 2.0) is VALID
    assert source.claim(nonce, None, 2.0) is STALE
    assert source.claim(nonce, 7, 2.0) is STALE


def test_with_qop_the_count_must_rise() -> None:
    source = NonceSource(SECRET)
    nonce = source.new(1.0)
    assert source.claim(nonce, 1, 2.0) is VALID
    assert source.claim(nonce, 1, 2.0) is STALE
    assert source.claim(nonce, 3, 2.0) is VALID
    assert source.claim(nonce, 2, 2.0) is STALE
    assert source.claim(nonce, None, 2.0) is STALE
    assert source.claim(nonce, 0xFFFFFFFF, 2.0) is VALID


def test_memory_is_freed_after_the_lifetime() -> None:
    source = NonceSource(SECRET, 10)
    for second in range(100):
        assert source.claim(source.new(second), None, second) is VALID
    assert len(source) <= 12


def test_a_full_memory_forgets_without_admitting_replays() -> None:
    source = NonceSource(SECRET, 60, max_claimed=4)
    nonces = [source.new(number) for number in range(8)]
    for nonce in nonces:
        assert source.claim(nonce, None, 8.0) is VALID
    assert len(source) == 4
    assert [source.claim(nonce, None, 8.0) for nonce in nonces] == [STALE] * 8
    assert source.claim(source.new(9.0), None, 9.0) is VALID


@pytest.mark.parametrize("nonce", ["", "x" * 50, "é" * 50, "0" * 50, "-" * 18 + "0" * 32])
def test_foreign_text_is_foreign(nonce: str) -> None:
    assert NonceSource(SECRET).check(nonce, 1.0) is FOREIGN


@given(st.text(max_size=60), st.text(max_size=5))
def test_any_text_is_judged_without_an_error(nonce: str, context: str) -> None:
    assert NonceSource(SECRET).claim(nonce, 1, 1.0, context) is FOREIGN
