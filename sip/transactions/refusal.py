"""The answer to a request that could not be read (RFC 4475 §3.1.2)."""

from sip.errors import LocalProtocolError, MalformedMessage
from sip.message import REASONS, Headers, Peer, Response

_COPIED = {"from": "From", "call-id": "Call-ID", "cseq": "CSeq"}


def refuse(error: MalformedMessage, peer: Peer, to_tag: str) -> bytes | None:
    """Return the octets of a stateless refusal, None where silence is the right answer.

    Silence for responses, for ACK, and for what has no Via and CSeq to echo: junk must not make us
    send. The answer is hardly longer than the request and goes to its source, so it is of no use
    for amplification.
    """
    method, _, rest = error.start_line.partition(" ")
    if not rest or method.upper().startswith("SIP/") or method == "ACK":
        return None
    head = Headers()
    try:
        for name, value in error.head:
            head.add(name, value)
    except LocalProtocolError:
        return None
    if "via" not in head or "cseq" not in head:
        return None
    answer = Headers()
    for value in head.get_all("via"):
        answer.add("Via", value)
    for key, name in _COPIED.items():
        echoed = head.get(key)
        if echoed is not None:
            answer.add(name, echoed)
    target = head.get("to")
    if target is not None:
        answer.add("To", target if "tag" in target else f"{target};tag={to_tag}")
    reason = REASONS.get(error.status, "Bad Request")
    return Response(error.status, reason, answer).to_bytes()
