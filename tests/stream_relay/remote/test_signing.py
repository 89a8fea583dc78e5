"""Who may ask, on bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.remote import signing
from stream_relay.remote.signing import Gate, NotAuthentic, Signer, parse_header, secret_fault

SECRET = "0123456789abcdef-relay-node-secret"
NONCE = "00112233445566778899aabbccddeeff"
NOW = 1_780_000_000
ASKED = ("POST", "/relay/v1/sessions?x=1", b'{"version":1}')


def header(signer: Signer, time_s: int = NOW, nonce: str = NONCE) -> str:
    return signer.header(*ASKED, time_s, nonce)


def fault(gate: Gate, text: str, asked=ASKED, now_s: int = NOW) -> str:
    with pytest.raises(NotAuthentic) as caught:
        gate.check(text, *asked, now_s)
    return caught.value.fault


def test_signed_request_passes_once():
    signer = Signer(SECRET)
    gate = Gate(signer)
    assert gate.check(header(signer), *ASKED, NOW).nonce == NONCE
    assert fault(gate, header(signer)) == "replayed"
    assert gate.check(header(signer, nonce="f" * 32), *ASKED, NOW).nonce == "f" * 32


@pytest.mark.parametrize(
    "asked",
    [
        ("DELETE", ASKED[1], ASKED[2]),
        ("POST", "/relay/v1/sessions?x=2", ASKED[2]),
        ("POST", ASKED[1], b'{"version":2}'),
        ("POST", ASKED[1], b""),
    ],
)
def test_signature_fits_one_request_only(asked):
    signer = Signer(SECRET)
    gate = Gate(signer)
    assert fault(gate, header(signer), asked) == "signature"
    assert gate.check(header(signer), *ASKED, NOW)  # a forgery uses up no nonce


def test_other_time_or_nonce_breaks_the_signature():
    signer = Signer(SECRET)
    text = header(signer)
    assert fault(Gate(signer), text.replace(str(NOW), str(NOW + 1))) == "signature"
    assert fault(Gate(signer), text.replace(NONCE, "f" * 32)) == "signature"


def test_other_secret_is_refused():
    assert fault(Gate(Signer(SECRET)), header(Signer(SECRET + "!"))) == "signature"


@pytest.mark.parametrize("shift_s", [-61, 61, -86_400])
def test_clock_that_differs_too_much_is_refused_and_the_difference_is_told(shift_s):
    signer = Signer(SECRET)
    with pytest.raises(NotAuthentic, match=f"{abs(shift_s)} s") as caught:
        Gate(signer).check(header(signer, NOW + shift_s), *ASKED, NOW)
    assert caught.value.fault == "clock"


@pytest.mark.parametrize("shift_s", [-60, 60])
def test_nonce_is_remembered_for_as_long_as_its_request_could_pass(shift_s):
    signer = Signer(SECRET)
    gate = Gate(signer)
    text = header(signer, NOW + shift_s)
    gate.check(text, *ASKED, NOW)
    for later_s in range(0, 400, 10):
        fresh = signer.header(*ASKED, NOW + later_s, f"{later_s:032x}")
        gate.check(fresh, *ASKED, NOW + later_s)
        assert fault(gate, text, now_s=NOW + later_s) in ("replayed", "clock")


def test_memory_of_nonces_is_bounded_and_empties(monkeypatch):
    monkeypatch.setattr(signing, "MAX_NONCES", 3)
    signer = Signer(SECRET)
    gate = Gate(signer)
    for number in range(3):
        gate.check(header(signer, nonce=f"{number:032x}"), *ASKED, NOW)
    assert fault(gate, header(signer)) == "busy"
    later = NOW + 2 * signing.WINDOW_S + 1
    assert gate.check(header(signer, later), *ASKED, later)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "missing"),
        ("Bearer abc", "malformed"),
        ("FSR1 time=1,nonce=00,signature=00", "malformed"),
        ("FSR1 " + "x" * 100_000, "malformed"),
        (f"FSR1 time=١٢٣,nonce={NONCE},signature={'0' * 64}", "malformed"),
    ],
)
def test_what_is_not_our_header_is_refused(text, expected):
    assert fault(Gate(Signer(SECRET)), text) == expected


@given(st.text(max_size=300))
def test_any_text_is_a_header_or_refused(text):
    try:
        proof = parse_header(text)
    except NotAuthentic:
        return
    assert signing.build_header(proof)


def test_answer_fits_its_request_its_status_and_its_body():
    signer = Signer(SECRET)
    signature = signer.answer(NONCE, 200, b"{}")
    assert signer.is_answer(signature, NONCE, 200, b"{}")
    assert not signer.is_answer(signature, "f" * 32, 200, b"{}")
    assert not signer.is_answer(signature, NONCE, 201, b"{}")
    assert not signer.is_answer(signature, NONCE, 200, b"{ }")
    assert not signer.is_answer("签名", NONCE, 200, b"{}")
    assert not Signer(SECRET + "!").is_answer(signature, NONCE, 200, b"{}")


def test_request_signature_is_no_answer_signature():
    signer = Signer(SECRET)
    assert signer.request("A", "B", b"", 1, NONCE) != signer.answer("A", 1, b"")


@pytest.mark.parametrize(
    ("secret", "is_good"),
    [(SECRET, True), ("a" * 64, False), ("short", False), ("", False), ("abcdefgh" * 4, True)],
)
def test_secret_that_is_easily_guessed_is_not_taken(secret, is_good):
    assert (secret_fault(secret) == "") is is_good
