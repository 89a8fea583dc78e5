"""Who asks, and that nobody asks twice: HMAC-SHA-256 over each request and each answer. Sans-IO.

    Authorization: FSR1 time=<unix seconds>,nonce=<32 hex>,signature=<64 hex>

A request's signature covers method, target, the hash of the body, time and nonce; the answer's
covers that nonce, the status and the hash of the body, so that an answer fits one request only.
Both sides know one secret per node; requests and answers have keys of their own derived from it.
"""

import hashlib
import hmac
import re
from collections import deque
from dataclasses import dataclass
from typing import Literal

from stream_relay.errors import RelayError

SCHEME = "FSR1"
ANSWER_HEADER = "X-Relay-Signature"
LEAST_SECRET = 32
"""Characters; `openssl rand -hex 32` gives 64."""
LEAST_KINDS = 8
"""Different characters: fewer is a row of the same key, not a secret."""
WINDOW_S = 60
"""How far the clocks of two machines may differ, and how old a request may be."""
MAX_NONCES = 65_536
"""What is remembered of one window in both directions: 500 requests a second."""
_FORM = re.compile(
    SCHEME + r" time=([0-9]{1,12}),nonce=([0-9a-f]{32}),signature=([0-9a-f]{64})", re.ASCII
)
LONGEST_HEADER = 200

Fault = Literal["missing", "malformed", "signature", "clock", "replayed", "busy"]


class NotAuthentic(RelayError):
    """A request that is not obeyed; `fault` says why, `detail` is for the one who set it up."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault: Fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Proof:
    """What the header says."""

    time_s: int
    nonce: str
    signature: str


def secret_fault(secret: str) -> str:
    """What is wrong with a secret; empty: nothing."""
    if len(secret) < LEAST_SECRET:
        return f"must have {LEAST_SECRET} characters at least"
    if len(set(secret)) < LEAST_KINDS:
        return f"must have {LEAST_KINDS} different characters at least"
    return ""


def build_header(proof: Proof) -> str:
    """The value of `Authorization`."""
    return f"{SCHEME} time={proof.time_s},nonce={proof.nonce},signature={proof.signature}"


def parse_header(text: str) -> Proof:
    """Read `Authorization`; raises `NotAuthentic`."""
    if not text:
        raise NotAuthentic("missing", "the request is not signed")
    found = _FORM.fullmatch(text) if len(text) <= LONGEST_HEADER else None
    if found is None:
        raise NotAuthentic("malformed", "the request is not signed as it should be")
    return Proof(int(found[1]), found[2], found[3])


class Signer:
    """Signs and compares with the keys of one secret."""

    def __init__(self, secret: str) -> None:
        self._request_key = _derive(secret, "request")
        self._answer_key = _derive(secret, "answer")

    def header(self, method: str, target: str, body: bytes, time_s: int, nonce: str) -> str:
        """The header of a request; `target` is path and query as they are sent."""
        signature = self.request(method, target, body, time_s, nonce)
        return build_header(Proof(time_s, nonce, signature))

    def request(self, method: str, target: str, body: bytes, time_s: int, nonce: str) -> str:
        """A request's signature."""
        return _sign(self._request_key, method, target, _hash(body), str(time_s), nonce)

    def answer(self, nonce: str, status: int, body: bytes) -> str:
        """An answer's signature; of an endless answer only the head is covered."""
        return _sign(self._answer_key, nonce, str(status), _hash(body))

    def is_answer(self, signature: str, nonce: str, status: int, body: bytes) -> bool:
        """Whether an answer comes from who knows the secret, and to this request."""
        given = signature.encode("utf-8", "replace")
        return hmac.compare_digest(self.answer(nonce, status, body).encode(), given)


class Gate:
    """Lets each signed request of the present pass once.

    What passed before a restart is forgotten; it names a session that is gone with it, but for the
    opening of a session, which holds nothing and ends by itself.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._known: set[str] = set()
        self._order: deque[tuple[int, str]] = deque()

    def check(self, header: str, method: str, target: str, body: bytes, now_s: int) -> Proof:
        """Raises `NotAuthentic`; only what carries a good signature is remembered."""
        proof = parse_header(header)
        expected = self._signer.request(method, target, body, proof.time_s, proof.nonce)
        if not hmac.compare_digest(expected, proof.signature):
            raise NotAuthentic("signature", "the signature is wrong: not the same secret")
        late_s = now_s - proof.time_s
        if abs(late_s) > WINDOW_S:
            text = f"the clocks of the two machines differ by {abs(late_s)} s, set both by NTP"
            raise NotAuthentic("clock", text)
        self._forget(now_s)
        if proof.nonce in self._known:
            raise NotAuthentic("replayed", "this request has been seen before")
        if len(self._known) >= MAX_NONCES:
            raise NotAuthentic("busy", "too many requests within a minute")
        self._known.add(proof.nonce)
        self._order.append((max(now_s, proof.time_s), proof.nonce))
        return proof

    def _forget(self, now_s: int) -> None:
        while self._order and now_s - self._order[0][0] > 2 * WINDOW_S:
            self._known.discard(self._order.popleft()[1])


def _derive(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), b"fengsui-relay/" + purpose.encode(), hashlib.sha256)


def _sign(key: bytes, *parts: str) -> str:
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
