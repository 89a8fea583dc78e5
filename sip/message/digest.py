"""Digest authentication, both sides (RFC 3261 §22, RFC 2617, RFC 8760; GB/T 28181-2022 8.3).

`qop=auth` and the form without qop that most cameras send; MD5 and SHA-256, SM3 where OpenSSL has
it. Values here are secrets or as good as secrets: they are never logged.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sip.errors import LocalProtocolError, MalformedDigest

MAX_VALUE_CHARS = 4096
"""Longest header value that is looked at; a real one has some 300."""

_PARAM = re.compile(
    r"[ \t]*([A-Za-z0-9\-_]+)[ \t]*=[ \t]*(\"(?:[^\"\\]|\\.)*\"|[^\s,\"]*)[ \t]*(?:,|$)", re.S
)
_SCHEME = re.compile(r"[ \t]*([A-Za-z0-9\-_]+)(?:[ \t]+|$)")
_NONCE_COUNT = re.compile(r"[0-9A-Fa-f]{8}")


class Algorithm(StrEnum):
    """Hashes that can be asked for."""

    MD5 = "MD5"
    SHA_256 = "SHA-256"
    SM3 = "SM3"
    """GB/T 28181-2022 prefers it; no edition fixes its use in REGISTER, so it is an option."""

    @property
    def is_available(self) -> bool:
        """Whether this Python can compute it."""
        return self is not Algorithm.SM3 or "sm3" in hashlib.algorithms_available


_HASHLIB_NAMES = {Algorithm.MD5: "md5", Algorithm.SHA_256: "sha256", Algorithm.SM3: "sm3"}
_BY_NAME = {algorithm.value: algorithm for algorithm in Algorithm} | {
    "SHA256": Algorithm.SHA_256,
    "SM-3": Algorithm.SM3,
}
"""As devices write them; the odd spellings were never standard."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The value of WWW-Authenticate."""

    realm: str
    nonce: str
    algorithm: Algorithm = Algorithm.MD5
    qop: tuple[str, ...] = ()
    """Offered kinds; empty for the form of RFC 2069, which every camera knows."""
    opaque: str | None = None
    is_stale: bool = False
    """Only the nonce was refused: the same password may be tried again without asking people."""

    def __str__(self) -> str:
        text = [f'realm="{_quote(self.realm)}"', f'nonce="{_quote(self.nonce)}"']
        if self.is_stale:
            text.append("stale=true")
        text.append(f"algorithm={self.algorithm.value}")
        if self.qop:
            text.append(f'qop="{",".join(self.qop)}"')
        if self.opaque is not None:
            text.append(f'opaque="{_quote(self.opaque)}"')
        return "Digest " + ", ".join(text)


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The value of Authorization."""

    username: str
    realm: str
    nonce: str
    uri: str
    """As received: the hash is over this text, even where it differs from the Request-URI."""
    response: str
    algorithm: Algorithm = Algorithm.MD5
    qop: str | None = None
    nc: str | None = None
    """Eight hex digits as received; always there together with qop."""
    cnonce: str | None = None
    opaque: str | None = None

    @property
    def nonce_count(self) -> int | None:
        """How often the client used the nonce, None without qop."""
        return None if self.nc is None else int(self.nc, 16)

    def __str__(self) -> str:
        text = [
            f'username="{_quote(self.username)}"',
            f'realm="{_quote(self.realm)}"',
            f'nonce="{_quote(self.nonce)}"',
            f'uri="{_quote(self.uri)}"',
            f'response="{self.response}"',
            f"algorithm={self.algorithm.value}",
        ]
        if self.qop is not None:
            text += f"qop={self.qop}", f"nc={self.nc}", f'cnonce="{_quote(self.cnonce or "")}"'
        if self.opaque is not None:
            text.append(f'opaque="{_quote(self.opaque)}"')
        return "Digest " + ", ".join(text)

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, realm={self.realm!r}, …)"


def parse_challenge(text: str) -> Challenge:
    """Read WWW-Authenticate; raises MalformedDigest.

    `status_hint` is 401 for schemes and algorithms we do not compute.
    """
    params = _read_params(text)
    for name in ("realm", "nonce"):
        if name not in params:
            raise MalformedDigest("digest without a mandatory parameter", name)
    offered = [kind.strip(" \t").lower() for kind in params.get("qop", "").split(",")]
    return Challenge(
        realm=params["realm"],
        nonce=params["nonce"],
        algorithm=_read_algorithm(params),
        qop=tuple(kind for kind in offered if kind),
        opaque=params.get("opaque"),
        is_stale=params.get("stale", "").lower() == "true",
    )


def parse_credentials(text: str) -> Credentials:
    """Read Authorization; raises MalformedDigest.

    `status_hint` is 401 for schemes and algorithms we do not compute (`Capability` of
    GB/T 28181-2016 annex H, `MD5-sess`, `auth-int`), 400 for broken syntax.
    """
    params = _read_params(text)
    algorithm = _read_algorithm(params)
    for name in ("username", "realm", "nonce", "uri", "response"):
        if name not in params:
            raise MalformedDigest("digest without a mandatory parameter", name)
    qop = params.get("qop")
    nc = cnonce = None
    if qop is not None:
        nc, cnonce = params.get("nc"), params.get("cnonce")
        if qop.lower() != "auth":
            raise MalformedDigest("unknown qop", qop, status_hint=401)
        if nc is None or cnonce is None or not _NONCE_COUNT.fullmatch(nc):
            raise MalformedDigest("qop without nc and cnonce", text[-32:])
    return Credentials(
        username=params["username"],
        realm=params["realm"],
        nonce=params["nonce"],
        uri=params["uri"],
        response=params["response"],
        algorithm=algorithm,
        qop=qop,
        nc=nc,
        cnonce=cnonce,
        opaque=params.get("opaque"),
    )


def find_credentials(values: Iterable[str], realm: str) -> Credentials | None:
    """Return the one set of digest credentials among a request's Authorization lines.

    None where there is none of ours: other schemes and realms mean that a challenge is due. Raises
    MalformedDigest on broken syntax and on two sets for `realm`.
    """
    found: Credentials | None = None
    for value in values:
        try:
            credentials = parse_credentials(value)
        except MalformedDigest as error:
            if error.status_hint == 401:
                continue
            raise
        if credentials.realm != realm:
            continue
        if found is not None:
            raise MalformedDigest("two sets of credentials", value)
        found = credentials
    return found


def compute_ha1(
    username: str, realm: str, password: str, algorithm: Algorithm = Algorithm.MD5
) -> str:
    """Return H(username:realm:password), which may be kept instead of the password."""
    return _hash(algorithm, f"{username}:{realm}:{password}")


def compute_response(
    *,
    ha1: str,
    method: str,
    uri: str,
    nonce: str,
    algorithm: Algorithm = Algorithm.MD5,
    qop: str | None = None,
    nc: str | None = None,
    cnonce: str | None = None,
) -> str:
    """Return the request digest (RFC 2617 §3.2.2.1), lower-case hex."""
    ha2 = _hash(algorithm, f"{method}:{uri}")
    if qop is None:
        return _hash(algorithm, f"{ha1}:{nonce}:{ha2}")
    return _hash(algorithm, f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


def is_right(credentials: Credentials, method: str, ha1: str) -> bool:
    """Whether the credentials prove knowledge of `ha1`; takes the same time for any answer."""
    expected = compute_response(
        ha1=ha1,
        method=method,
        uri=credentials.uri,
        nonce=credentials.nonce,
        algorithm=credentials.algorithm,
        qop=credentials.qop,
        nc=credentials.nc,
        cnonce=credentials.cnonce,
    )
    given = credentials.response.encode("utf-8", "surrogateescape")
    return hmac.compare_digest(expected.encode(), given)


def answer_challenge(
    challenge: Challenge,
    *,
    method: str,
    uri: str,
    username: str,
    password: str,
    cnonce: str,
    nonce_count: int = 1,
) -> Credentials:
    """Return the credentials that answer a challenge; `cnonce` is fresh randomness of the caller.

    Raises LocalProtocolError where only `auth-int` is offered or the hash is not available.
    """
    qop = None
    if challenge.qop:
        if "auth" not in challenge.qop:
            raise LocalProtocolError("the challenge offers no qop we can answer")
        qop = "auth"
    nc = f"{nonce_count:08x}" if qop else None
    used_cnonce = cnonce if qop else None
    response = compute_response(
        ha1=compute_ha1(username, challenge.realm, password, challenge.algorithm),
        method=method,
        uri=uri,
        nonce=challenge.nonce,
        algorithm=challenge.algorithm,
        qop=qop,
        nc=nc,
        cnonce=used_cnonce,
    )
    return Credentials(
        username=username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response=response,
        algorithm=challenge.algorithm,
        qop=qop,
        nc=nc,
        cnonce=used_cnonce,
        opaque=challenge.opaque,
    )


def _hash(algorithm: Algorithm, text: str) -> str:
    if not algorithm.is_available:
        raise LocalProtocolError("this Python cannot compute the digest algorithm")
    data = text.encode("utf-8", "surrogateescape")
    return hashlib.new(_HASHLIB_NAMES[algorithm], data, usedforsecurity=False).hexdigest()


def _read_params(text: str) -> dict[str, str]:
    """Return the parameters of a Digest value, names in lower case, quotes removed."""
    if len(text) > MAX_VALUE_CHARS:
        raise MalformedDigest("digest value too long", text)
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise MalformedDigest("no authentication scheme", text)
    if scheme[1].lower() != "digest":
        raise MalformedDigest("unknown authentication scheme", text, status_hint=401)
    params: dict[str, str] = {}
    place = scheme.end()
    while place < len(text):
        match = _PARAM.match(text, place)
        if match is None:
            raise MalformedDigest("bad digest parameter", text[place:], place)
        name, value = match[1].lower(), match[2]
        if name in params:
            raise MalformedDigest("digest parameter given twice", name, place)
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.S)
        params[name] = value
        place = match.end()
    return params


def _read_algorithm(params: dict[str, str]) -> Algorithm:
    name = params.get("algorithm", "MD5").upper()
    algorithm = _BY_NAME.get(name)
    if algorithm is None or not algorithm.is_available:
        raise MalformedDigest("unknown digest algorithm", name, status_hint=401)
    return algorithm


def _quote(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise LocalProtocolError("line break in a digest parameter")
    return text.replace("\\", "\\\\").replace('"', '\\"')
