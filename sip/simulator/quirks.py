"""What devices of the field do differently in signalling, as switches of the simulated device.

Bytes go in, the odd ones come out; all the device's other behaviour stays by the book. The numbers
in brackets are those of `tests/conformance/quirks_list.csv`.
"""

import re
from collections import deque
from dataclasses import dataclass

from sip.message import Peer

Packets = list[tuple[bytes, Peer]]


@dataclass(slots=True)
class QuirkSwitches:
    """One switch for each; all off is a device by the book. May be changed while running."""

    digest_nameless: bool = False
    """Answers a challenge with an empty user name (q01)."""
    digest_other_uri: bool = False
    """The digest's uri is not the Request-URI (q01)."""
    doubled_register: bool = False
    """Sends each REGISTER twice at once (q02)."""
    route_header: bool = False
    """`Route` with the server itself (q04)."""
    refusals_ignored: bool = False
    """A 4xx to a MESSAGE is as good as no answer (q05)."""
    media_status_as_channel: bool = False
    """MediaStatus comes from the channel's id (q07)."""
    contact_without_port: bool = False
    """Contact names no port (q09)."""
    notify_presence: bool = False
    """`Event: presence` in each NOTIFY (q11)."""
    byte_order_mark: bool = False
    """A BOM before bodies (q15)."""
    no_prolog: bool = False
    """Bodies without an XML declaration (q15)."""
    parental_65535: bool = False
    """Parental of every item is 65535 (q17)."""
    status_words: bool = False
    """Status ONLINE and OFFLINE (q18)."""
    parent_null: bool = False
    """ParentID `null` (q19)."""
    group_inside: bool = False
    """BusinessGroupID inside Info (q20)."""
    ptz_type_beside: bool = False
    """PTZType beside Info (q21)."""
    num_quoted: bool = False
    """Num in more quotes and spaces (q22)."""
    query_delay_s: float = 0.0
    """Responses come this much later (q23)."""
    record_wants_type: bool = False
    """RecordInfo without Type `all` is not answered (q24)."""
    config_wants_device: bool = False
    """BasicParam of a channel's code is not answered (q25)."""
    config_restarts: bool = False
    """BasicParam is not answered: the device restarts (q25)."""
    config_other_name: bool = False
    """The element of a configuration has another name than its type (q26)."""
    lower_case_info: bool = False
    """`<info>` (q27)."""
    heartbeat_absurd: bool = False
    """BasicParam tells a heartbeat of 0 s, 255 times (q28)."""
    lower_case_names: bool = False
    """Element names in lower case (q29)."""
    trailing_spaces: bool = False
    """Spaces behind values (q30)."""
    ssrc_short: bool = False
    """y= without its leading zeros (q31)."""
    ssrc_zero: bool = False
    """y=0000000000 (q31)."""
    ssrc_first: bool = False
    """y= before m= (q31)."""
    answer_rtp_avp: bool = False
    """RTP/AVP where TCP was agreed (q32)."""
    answer_no_setup: bool = False
    """No a=setup over TCP (q32)."""
    answer_port_zero: bool = False
    """m= with port 0 (q32)."""
    answer_two_media: bool = False
    """A second m= line (q33)."""
    answer_glued: bool = False
    """Attributes glued together in one line (q33)."""
    answer_bad_f: bool = False
    """f= that follows no grammar (q34)."""
    expires_missing: bool = False
    """REGISTER without Expires (p05)."""
    content_length_wrong: bool = False
    """Content-Length 0 before a body (p06)."""
    tcp_refused: bool = False
    """488 to an offer of media over TCP (p19)."""
    busy_then_ok: bool = False
    """486 and then 200 to one INVITE (p09)."""
    attributes_for_elements: bool = False
    """Items have attributes where the others have elements (p27)."""
    broken_times: bool = False
    """Times without leading zeros and with an offset (p08)."""


class Mouth:
    """What leaves the device, damaged as the switches say."""

    def __init__(self, switches: QuirkSwitches) -> None:
        self._switches = switches
        self._held: deque[tuple[float, bytes, Peer]] = deque()

    def sent(self, packets: Packets, now: float) -> Packets:
        """What is really sent for these packets, and what was held back until now."""
        found: Packets = []
        for data, peer in packets:
            if self._switches.query_delay_s > 0 and _is_response(data):
                self._hold(data, peer, now)
            else:
                found += [(each, peer) for each in odd_packets(data, self._switches)]
        while self._held and self._held[0][0] <= now:
            _, data, peer = self._held.popleft()
            found += [(each, peer) for each in odd_packets(data, self._switches)]
        return found

    def next_timer(self) -> float | None:
        """Return when something held back is due."""
        return self._held[0][0] if self._held else None

    def _hold(self, data: bytes, peer: Peer, now: float) -> None:
        """Keep for later; a repetition of what is kept already says nothing new."""
        if all(kept != data for _, kept, _ in self._held):
            self._held.append((now + self._switches.query_delay_s, data, peer))


def odd_packets(data: bytes, switches: QuirkSwitches) -> list[bytes]:
    """One message of the device, as such devices send it."""
    head, blank, body = data.partition(b"\r\n\r\n")
    head = _odd_head(head, body, switches)
    if (
        switches.busy_then_ok
        and head.startswith(b"SIP/2.0 200")
        and b" INVITE\r\n" in head + b"\r\n"
    ):
        lines = head.split(b"\r\n")
        kept = [b"SIP/2.0 486 Busy Here"] + [x for x in lines[1:] if x[:8].lower() != b"content-"]
        return [b"\r\n".join([*kept, b"Content-Length: 0", b"", b""]), head + blank + body]
    twice = switches.doubled_register and head.startswith(b"REGISTER ")
    return [head + blank + body] * (2 if twice else 1)


def odd_body(body: bytes, switches: QuirkSwitches) -> bytes:
    """A MANSCDP body of the device, as such devices write it."""
    if switches.parental_65535:
        body = re.sub(rb"<Parental>[01]<", b"<Parental>65535<", body)
    if switches.status_words:
        body = body.replace(b"<Status>ON<", b"<Status>ONLINE<")
        body = body.replace(b"<Status>OFF<", b"<Status>OFFLINE<")
    if switches.parent_null:
        body = re.sub(rb"<ParentID>[^<]*<", b"<ParentID>null<", body)
    if switches.group_inside:
        group = rb"<BusinessGroupID>[^<]*</BusinessGroupID>"
        body = re.sub(rb"(" + group + rb")", rb"<Info>\1</Info>", body)
    if switches.ptz_type_beside:
        body = re.sub(rb"<Info>\s*(<PTZType>\d</PTZType>)\s*</Info>", rb"\1", body)
    if switches.num_quoted:
        body = re.sub(rb'Num="(\d+)"', rb"""Num = "'\1 '" """, body)
    if switches.lower_case_info:
        body = body.replace(b"<Info>", b"<info>").replace(b"</Info>", b"</info>")
    if switches.broken_times:
        body = re.sub(rb"(\d{4})-0?(\d+)-0?(\d+)T0?(\d+):", rb"\1-\2-\3T\4:", body)
        body = re.sub(rb"(T\d+:\d\d:\d\d)<", rb"\1.000+08:00<", body)
    if switches.attributes_for_elements:
        body = re.sub(rb"<Item>(.*?)</Item>", _with_attributes, body, flags=re.DOTALL)
    return _odd_writing(body, switches)


def odd_sdp(body: bytes, switches: QuirkSwitches) -> bytes:
    """The SDP of an answer, as such devices write it."""
    lines = body.decode("utf-8").splitlines()
    ssrc = next((line for line in lines if line.startswith("y=")), "")
    if switches.ssrc_zero:
        lines = ["y=0000000000" if line == ssrc else line for line in lines]
    if switches.ssrc_short and ssrc:
        lines = [f"y={int(ssrc[2:])}" if line == ssrc else line for line in lines]
    if switches.ssrc_first and ssrc:
        place = next(n for n, line in enumerate(lines) if line.startswith("m="))
        lines.insert(place, lines.pop(lines.index(ssrc)))
    if switches.answer_no_setup:
        lines = [line for line in lines if not line.startswith(("a=setup", "a=connection"))]
    lines = [_odd_media(line, switches) for line in lines]
    if switches.answer_bad_f:
        lines = [line for line in lines if line[:2] != "f="] + ["f=v/a/1/8/1"]
    if switches.answer_glued:
        glued = "".join(line for line in lines if line.startswith("a="))
        place = next(n for n, line in enumerate(lines) if line.startswith("a="))
        lines = [line for line in lines if not line.startswith("a=")]
        lines.insert(place, glued)
    if switches.answer_two_media:
        lines += ["m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000"]
    return ("\r\n".join(lines) + "\r\n").encode()


def _odd_media(line: str, switches: QuirkSwitches) -> str:
    if not line.startswith("m="):
        return line
    if switches.answer_rtp_avp:
        line = line.replace("TCP/RTP/AVP", "RTP/AVP")
    return re.sub(r"^m=video \d+", "m=video 0", line) if switches.answer_port_zero else line


def _odd_head(head: bytes, body: bytes, switches: QuirkSwitches) -> bytes:
    method = head.partition(b" ")[0]
    is_request = method != b"SIP/2.0"
    if switches.route_header and is_request:
        target = head.split(b" ", 2)[1]
        head = head.replace(b"\r\n", b"\r\nRoute: <" + target + b">\r\n", 1)
    if switches.media_status_as_channel and b">MediaStatus<" in body:
        head = re.sub(rb"(From: [^\r]*sip:\d{10})\d{3}", rb"\g<1>132", head)
    if switches.contact_without_port:
        head = re.sub(rb"(Contact: <sip:[^>:]+):\d+>", rb"\1>", head)
    if switches.notify_presence and method == b"NOTIFY":
        head = re.sub(rb"Event: [^\r]*", b"Event: presence", head)
    if switches.expires_missing and method == b"REGISTER":
        head = re.sub(rb"\r\nExpires: [1-9]\d*", b"", head)
    if switches.content_length_wrong and is_request and body:
        head = re.sub(rb"Content-Length: \d+", b"Content-Length: 0", head)
    return head


def _odd_writing(body: bytes, switches: QuirkSwitches) -> bytes:
    """How an XML text is written, whatever it says."""
    if switches.trailing_spaces:
        body = re.sub(rb"([^>\s])(</[A-Za-z]+>)", rb"\1 \2", body)
    if switches.lower_case_names:
        body = re.sub(rb"</?[A-Z][A-Za-z]*", lambda found: found[0].lower(), body)
    if switches.no_prolog:
        body = re.sub(rb"^<\?xml[^>]*>\s*", b"", body)
    if switches.byte_order_mark:
        body = b"\xef\xbb\xbf" + body
    return body


def _with_attributes(found: re.Match[bytes]) -> bytes:
    """One item, its plain values as attributes."""
    leaf = rb"<(\w+)>([^<\"]*)</\1>\s*"
    plain, info, rest = found[1].partition(b"<Info>")
    attributes = b" ".join(b'%s="%s"' % each for each in re.findall(leaf, plain))
    return b"<Item " + attributes + b">" + re.sub(leaf, b"", plain) + info + rest + b"</Item>"


def _is_response(data: bytes) -> bool:
    return data.startswith(b"MESSAGE ") and b"<Response>" in data
