"""Requests and responses from parts (RFC 3261 §8.1.1, §8.2.6)."""

from collections.abc import Iterable

from sip.errors import LocalProtocolError
from sip.message.fields import CSeq, Via
from sip.message.headers import Headers
from sip.message.model import Request, Response
from sip.message.uri import NameAddr, SipUri, parse_uri

REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    423: "Interval Too Brief",
    429: "Too Many Requests",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
"""Reason phrases of RFC 3261 §21 and of the extensions we speak."""

_CREATES_DIALOG = frozenset({"INVITE", "SUBSCRIBE", "REFER", "NOTIFY"})


def build_request(
    method: str,
    uri: SipUri | str,
    *,
    from_: NameAddr | str,
    to: NameAddr | str,
    call_id: str,
    cseq: int,
    via: Via | None = None,
    contact: NameAddr | str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    max_forwards: int = 70,
) -> Request:
    """Return a request with the mandatory headers of RFC 3261 §8.1.1.

    Without `via` the transaction layer adds one when it sends. Content-Length is written with the
    message. Raises LocalProtocolError where a value would break out of its line.
    """
    if not 0 <= cseq < 2**32:
        raise LocalProtocolError("CSeq out of range")
    fields = Headers()
    if via is not None:
        fields.add("Via", str(via))
    fields.add("From", str(from_))
    fields.add("To", str(to))
    fields.add("Call-ID", call_id)
    fields.add("CSeq", str(CSeq(cseq, method)))
    if contact is not None:
        fields.add("Contact", str(contact))
    fields.add("Max-Forwards", str(max_forwards))
    for name, value in headers:
        fields.add(name, value)
    return Request(method, parse_uri(uri) if isinstance(uri, str) else uri, fields, body)


def build_response(
    request: Request,
    status: int,
    reason: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    to_tag: str | None = None,
) -> Response:
    """Return a response to `request` (RFC 3261 §8.2.6).

    Via, From, To, Call-ID and CSeq are copied as they came, Record-Route where a dialog may start.
    `to_tag` is added where To has none; without it the transaction layer adds one when it sends.
    """
    if not 100 <= status <= 699:
        raise LocalProtocolError("status out of range")
    source = request.headers
    fields = Headers()
    for value in source.get_all("via"):
        fields.add("Via", value)
    fields.add("From", source.get("from") or "")
    target = source.get("to") or ""
    if to_tag is not None and request.to.tag is None:
        target = f"{target};tag={to_tag}"
    fields.add("To", target)
    fields.add("Call-ID", request.call_id)
    fields.add("CSeq", source.get("cseq") or "")
    if status < 300 and request.method in _CREATES_DIALOG:
        for value in source.get_all("record-route"):
            fields.add("Record-Route", value)
    if status == 100 and "timestamp" in source:
        fields.add("Timestamp", source.get("timestamp") or "")
    for name, value in headers:
        fields.add(name, value)
    return Response(status, REASONS.get(status, "") if reason is None else reason, fields, body)
