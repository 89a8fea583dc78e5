import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import LocalProtocolError, MalformedDigest
from sip.message import (
    Algorithm,
    Challenge,
    answer_challenge,
    compute_ha1,
    compute_response,
    find_credentials,
    is_right,
    parse_challenge,
    parse_credentials,
)

ID = "34020000001180000001"
REALM = "3402000000"
URI = "sip:34020000002000000001@3402000000"
NONCE = "b5e7a0c1d2f34a5b9c8d7e6f5a4b3c2d"
HA1 = "267d3310dd883612bd0c4e9fb9be4f0d"
PLAIN = "369e211a1c712ffeeca07e30ffadff9b"
WITH_QOP = "0918392507fa2c52f8dfe13591077751"
WITH_SM3 = "e55fd4973d13079c7c28cc902860e42725d7eab7c659a017d85b9db2556b0088"

AUTHORIZATION = (
    f'Digest username="{ID}", realm="{REALM}", nonce="{NONCE}", uri="{URI}", '
    f'response="{PLAIN}", algorithm=MD5'
)


def test_vectors_without_and_with_qop() -> None:
    assert compute_ha1(ID, REALM, "12345678") == HA1
    plain = compute_response(ha1=HA1, method="REGISTER", uri=URI, nonce=NONCE)
    assert plain == PLAIN
    counted = compute_response(
        ha1=HA1,
        method="REGISTER",
        uri=URI,
        nonce=NONCE,
        qop="auth",
        nc="00000001",
        cnonce="0a4f113b",
    )
    assert counted == WITH_QOP


def test_vector_of_sm3_where_it_is_available() -> None:
    challenge = Challenge(REALM, NONCE, Algorithm.SM3)
    if not Algorithm.SM3.is_available:
        with pytest.raises(LocalProtocolError):
            compute_ha1(ID, REALM, "12345678", Algorithm.SM3)
        return
    answer = answer_challenge(
        challenge, method="REGISTER", uri=URI, username=ID, password="12345678", cnonce=""
    )
    assert answer.response == WITH_SM3


def test_sha_256_is_answered_and_checked() -> None:
    challenge = parse_challenge(
        'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth,auth-int"'
    )
    answer = answer_challenge(
        challenge, method="REGISTER", uri=URI, username="u", password="p", cnonce="c", nonce_count=2
    )
    assert (answer.qop, answer.nc, answer.nonce_count) == ("auth", "00000002", 2)
    ha1 = compute_ha1("u", "r", "p", Algorithm.SHA_256)
    assert len(answer.response) == 64
    assert is_right(parse_credentials(str(answer)), "REGISTER", ha1)


def test_right_and_wrong_credentials() -> None:
    credentials = parse_credentials(AUTHORIZATION)
    assert is_right(credentials, "REGISTER", HA1)
    assert not is_right(credentials, "INVITE", HA1)
    assert not is_right(credentials, "REGISTER", compute_ha1(ID, REALM, "other"))
    assert not is_right(dataclasses.replace(credentials, nonce="x"), "REGISTER", HA1)


def test_an_upper_case_response_is_wrong() -> None:
    shouted = dataclasses.replace(parse_credentials(AUTHORIZATION), response=PLAIN.upper())
    assert not is_right(shouted, "REGISTER", HA1)


def test_challenge_survives_writing_and_reading() -> None:
    challenge = Challenge('r"1', "n\\", Algorithm.SHA_256, ("auth",), "o", True)
    assert parse_challenge(str(challenge)) == challenge
    plain = Challenge(REALM, NONCE)
    assert str(plain) == f'Digest realm="{REALM}", nonce="{NONCE}", algorithm=MD5'


@given(st.text(max_size=20), st.text(max_size=20))
def test_credentials_survive_writing_and_reading(username: str, realm: str) -> None:
    if set(username + realm) & set("\r\n"):
        return
    answer = answer_challenge(
        Challenge(realm, "n", qop=("auth",)),
        method="REGISTER",
        uri=URI,
        username=username,
        password="p",
        cnonce="c",
    )
    assert parse_credentials(str(answer)) == answer


def test_loose_spellings_of_devices_are_read() -> None:
    loose = AUTHORIZATION.replace(", ", ",").replace("Digest ", "digest  ").replace("MD5", '"md5"')
    assert parse_credentials(loose) == parse_credentials(AUTHORIZATION)
    assert parse_credentials(AUTHORIZATION.replace(f'"{ID}"', '""')).username == ""


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("Digest", 400),
        ("Digest username", 400),
        (AUTHORIZATION.replace(f'realm="{REALM}", ', ""), 400),
        (AUTHORIZATION.replace("username", "user"), 400),
        (AUTHORIZATION + ", qop=auth", 400),
        (AUTHORIZATION + ", qop=auth, nc=00000001", 400),
        (AUTHORIZATION + ', qop=auth, nc=1, cnonce="c"', 400),
        (AUTHORIZATION + ', qop=auth, nc=0000000g, cnonce="c"', 400),
        (AUTHORIZATION + ', qop=auth-int, nc=00000001, cnonce="c"', 401),
        (AUTHORIZATION + f', nonce="{NONCE}"', 400),
        (AUTHORIZATION + ', x="open', 400),
        (AUTHORIZATION.replace("MD5", "MD5-sess"), 401),
        ('Capability algorithm="A:SM2;H:SM3"', 401),
        ("Basic dTpw", 401),
        ("Digest " + "x" * 5000, 400),
    ],
)
def test_unusable_credentials_raise_the_own_error(text: str, status: int) -> None:
    with pytest.raises(MalformedDigest) as caught:
        parse_credentials(text)
    assert caught.value.status_hint == status


@given(st.text(max_size=60))
def test_junk_raises_nothing_but_the_own_error(text: str) -> None:
    for candidate in (text, "Digest " + text, AUTHORIZATION + text):
        for parse in (parse_credentials, parse_challenge):
            try:
                parse(candidate)
            except MalformedDigest as error:
                assert len(error.data) <= 32


def test_credentials_of_other_realms_and_schemes_are_passed_over() -> None:
    values = ['Capability algorithm="x"', AUTHORIZATION.replace(REALM, "other"), AUTHORIZATION]
    found = find_credentials(values, REALM)
    assert found is not None
    assert found.realm == REALM
    assert find_credentials(values[:2], REALM) is None
    assert find_credentials([], REALM) is None


def test_two_sets_of_credentials_are_refused() -> None:
    with pytest.raises(MalformedDigest):
        find_credentials([AUTHORIZATION, AUTHORIZATION], REALM)


def test_a_challenge_without_qop_auth_cannot_be_answered() -> None:
    with pytest.raises(LocalProtocolError):
        answer_challenge(
            Challenge("r", "n", qop=("auth-int",)),
            method="REGISTER",
            uri=URI,
            username="u",
            password="p",
            cnonce="c",
        )


def test_a_printed_object_does_not_show_the_response() -> None:
    assert PLAIN not in repr(parse_credentials(AUTHORIZATION))
