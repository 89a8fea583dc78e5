"""Text and objects of SIP messages, without any I/O (RFC 3261 §7, §19, §20, §25)."""

from sip.message.build import REASONS, build_request, build_response
from sip.message.digest import (
    Algorithm,
    Challenge,
    Credentials,
    answer_challenge,
    compute_ha1,
    compute_response,
    find_credentials,
    is_right,
    parse_challenge,
    parse_credentials,
)
from sip.message.fields import (
    MAGIC_COOKIE,
    CSeq,
    Via,
    parse_cseq,
    parse_number,
    parse_via,
    parse_vias,
    readable,
)
from sip.message.framer import StreamFramer
from sip.message.headers import Headers, split_values
from sip.message.model import Leniency, Message, Request, Response
from sip.message.nonce import NonceSource, NonceState
from sip.message.parse import is_keepalive, parse_message
from sip.message.peer import Peer, TransportName
from sip.message.uri import (
    NameAddr,
    SipUri,
    parse_name_addr,
    parse_name_addrs,
    parse_uri,
)

__all__ = [
    "MAGIC_COOKIE",
    "REASONS",
    "Algorithm",
    "CSeq",
    "Challenge",
    "Credentials",
    "Headers",
    "Leniency",
    "Message",
    "NameAddr",
    "NonceSource",
    "NonceState",
    "Peer",
    "Request",
    "Response",
    "SipUri",
    "StreamFramer",
    "TransportName",
    "Via",
    "answer_challenge",
    "build_request",
    "build_response",
    "compute_ha1",
    "compute_response",
    "find_credentials",
    "is_keepalive",
    "is_right",
    "parse_challenge",
    "parse_credentials",
    "parse_cseq",
    "parse_message",
    "parse_name_addr",
    "parse_name_addrs",
    "parse_number",
    "parse_uri",
    "readable",
    "parse_via",
    "parse_vias",
    "split_values",
]
