"""No secret is in anything that is shown, however a message spells it."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message import Peer, parse_message
from sip.trace.capture import capture
from sip.trace.mask import fingerprint, mask
from sip.trace.ring import Trace
from sip.trace.view import build_views, wall_of

PEER = Peer("udp", "192.0.2.9", 5060)
SECRETS = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", min_size=12, max_size=40).map(
    lambda text: b"Qx" + text.encode()
)
ANY_CASE = st.sampled_from([bytes.lower, bytes.upper, bytes.title, bytes])
SPACES = st.sampled_from([b"", b" ", b"\t", b"\r\n  "])


@st.composite
def digests(draw: st.DrawFn, secret: bytes) -> bytes:
    """A header with credentials, in the forms that peers write."""
    name = draw(st.sampled_from([b"Authorization", b"Proxy-Authorization", b"Authentication-Info"]))
    quoted = b'"' + secret + b'"' if draw(st.booleans()) else secret
    parameter = draw(st.sampled_from([b"response", b"cnonce", b"nonce", b"sign1", b"opaque", b"x"]))
    gap = draw(SPACES)
    parts = [b'username="340"', b'realm="3402000000"', parameter + b"=" + quoted, b"qop=auth"]
    scheme = draw(st.sampled_from([b"Digest", b"Capability", b"Bidirection", b"GB35114"]))
    joined = (b"," + gap).join(draw(st.permutations(parts)))
    colon = draw(st.sampled_from([b":", b" :", b"\t:"]))
    return draw(ANY_CASE)(name) + colon + gap + scheme + b" " + joined


@st.composite
def headers(draw: st.DrawFn, secret: bytes) -> bytes:
    """A header with a secret."""
    plain = [
        b"Authorization: Basic " + secret + b"==",
        b"Authorization: Bearer " + secret,
        b"Authorization: " + secret,
        b'Note: Digest nonce="' + secret + b'", algorithm=MD5',
        b"Monitor-User-Identity: 340-" + secret,
        b"X-Access-Token: " + secret,
        b"Contact: <sip:340:" + secret + b"@192.0.2.9:5060>",
        b"Call-Info: <http://192.0.2.9/a?token=" + secret + b">",
        b'WWW-Authenticate: Digest realm="r", nonce="' + secret + b'"',
    ]
    return draw(st.one_of(digests(secret), st.sampled_from(plain)))


@st.composite
def bodies(draw: st.DrawFn, secret: bytes) -> bytes:
    """A body with a secret, whole or broken off."""
    name = draw(
        st.sampled_from([b"Password", b"passwd", b"UserPwd", b"AccessToken", b"ns:Password"])
    )
    name = draw(ANY_CASE)(name)
    close = draw(st.sampled_from([b"</" + name + b">", b""]))
    wrap = draw(st.sampled_from([secret, b" " + secret + b"\r\n", b"<![CDATA[" + secret + b"]]>"]))
    forms = [
        b"<" + name + b">" + wrap + close,
        b'<User a="1" Password="' + secret + b'"/>',
        b'<Password Value="' + secret + b'"/><Name>x</Name>',
        b"<UploadURL>http://192.0.2.9:8080/api/v1/uploads/" + secret + b"</UploadURL>",
        b"<FileURL>ftp://user:" + secret + b"@192.0.2.9/fw.bin</FileURL>",
        b"<UploadURL><![CDATA[https://h/x?k=" + secret + b"]]></UploadURL>",
        b'{"password": "' + secret + b'"}',
        b"v=0\r\nk=clear:" + secret + b"\r\ns=Play\r\n",
        b"v=0\r\na=crypto:1 AES inline:" + secret + b"\r\n",
        b"name=1&password=" + secret,
    ]
    return draw(st.sampled_from(forms))


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A secret, and a message that tells it somewhere."""
    secret = draw(SECRETS)
    has_body = draw(st.booleans())
    body = draw(bodies(secret)) if has_body else draw(st.sampled_from([b"", b"<Notify/>"]))
    lines = [b"MESSAGE sip:340@192.0.2.9 SIP/2.0", b"CSeq: 7 MESSAGE", b"Call-ID: 1@h"]
    if not has_body or draw(st.booleans()):
        lines.append(draw(headers(secret)))
    lines.append(b"Content-Length: %d" % len(body))
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    return secret, end.join([*lines, b"", body])


@given(messages())
def test_no_secret_is_in_any_output(case: tuple[bytes, bytes]) -> None:
    secret, data = case
    trace = Trace(10, 1_000_000)
    trace.received(data, PEER, 1.0)
    (view,) = build_views(trace.at(PEER.host), wall_of(1.0, datetime(2026, 5, 1, tzinfo=UTC)))
    shown = repr(view).encode() + view.text.encode() + capture([view], ("192.0.2.10", 5060))
    assert secret not in shown


@given(messages(), st.integers(0, 400))
def test_nor_is_it_when_the_message_is_broken_off(case: tuple[bytes, bytes], at: int) -> None:
    """A giant is cut anywhere."""
    secret, data = case
    assert secret not in mask(data[:at])


@pytest.mark.parametrize(
    "body", [b'<Password Value="Qx1', b"<Password " + b"a" * 2000 + b'="Qx1"/>', b"<Password>Qx1"]
)
def test_an_element_without_its_end_tells_nothing(body: bytes) -> None:
    assert b"Qx1" not in mask(b"MESSAGE sip:a@b SIP/2.0\r\n\r\n" + body)


@given(messages())
def test_the_length_stays_as_right_as_it_was(case: tuple[bytes, bytes]) -> None:
    _, data = case
    shown = mask(data)
    body = re.split(rb"\r?\n\r?\n", shown, maxsplit=1)[1]
    assert re.search(rb"Content-Length: (\d+)", shown)[1] == b"%d" % len(body)


@given(st.binary(max_size=2000))
def test_anything_can_be_masked_and_again(data: bytes) -> None:
    assert isinstance(mask(mask(data)), bytes)


def test_what_is_harmless_stays_and_an_answer_shows_its_challenge() -> None:
    challenge = b'WWW-Authenticate: Digest realm="3402000000", nonce="abc123", algorithm=MD5'
    answer = (
        b'Authorization: Digest username="340", realm="3402000000", nonce="abc123", '
        b'uri="sip:340@3402000000", response="0123456789abcdef"'
    )
    mark = fingerprint(b"abc123")
    assert mask(challenge) == challenge.replace(b"abc123", mark)
    shown = answer.replace(b"abc123", mark).replace(b"0123456789abcdef", b"***")
    assert mask(answer) == shown


def test_an_ordinary_message_is_shown_as_it_is() -> None:
    body = "<?xml version='1.0' encoding='GB2312'?><Query><CmdType>Catalog</CmdType></Query>"
    data = (
        b"MESSAGE sip:340@192.0.2.9:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;rport\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body.encode("gb18030"))
    )
    assert mask(data) == data


def test_a_masked_message_is_still_a_message(make_rig) -> None:
    rig = make_rig()
    rig.register()
    for _, data in rig.network.sent:
        shown = parse_message(mask(data), stream=True)
        assert shown.call_id == parse_message(data).call_id
    register = next(d for _, d in rig.network.sent if b"response=" in d)
    assert b'response="***"' in mask(register)


@pytest.mark.parametrize(
    "data",
    [
        b"<" + b"pwd" * 20_000,
        b"<pwd " * 12_000,
        b"<pwd/>" * 10_000,
        b"<pwd>" * 12_000,
        b"<pwd></pwd>" * 5_000,
        b"sip:" * 16_000,
        b"a" * 65_000,
        b"auth" * 16_000,
        b"Authorization: " + b"a " * 30_000,
        b'Authorization: Digest a="' + b"\\" * 60_000,
        b"-" * 65_000,
        b"token=" * 10_000,
        b"://" * 20_000,
    ],
    ids=lambda data: data[:12].decode(),
)
def test_what_strangers_make_long_is_masked_all_the_same(data: bytes) -> None:
    assert len(mask(data)) <= 2 * len(data)
