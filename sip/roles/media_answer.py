"""Which SDP answers fit which offer: tolerance where media can flow, an error where it cannot."""

from sip.errors import SipError
from sip.message.sdp import MediaAnswer, MediaLine, MediaOffer, parse_sdp

_NOWHERE = frozenset({"0.0.0.0", "::", ""})  # compared with, not listened on


class UnfitAnswer(SipError):
    """The answer is readable, but no media can come of it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        """`port_zero` or `transport_mismatch`."""


def read_answer(body: bytes, offer: MediaOffer, signalling_host: str) -> MediaAnswer:
    """Read the body of a 200 to our INVITE; raises MalformedSdp, UnfitAnswer.

    Tolerated: y= missing or senseless (None), c= missing or 0.0.0.0 (the signalling host), any
    port of a sender that connects to us, RTP/AVP where TCP was agreed (quirk 32: what arrives
    decides), a missing setup.
    """
    described = parse_sdp(body)
    media = described.main_media
    if media.is_tcp and offer.transport == "udp":
        raise UnfitAnswer("transport_mismatch", "TCP answered to an offer of UDP")
    if media.port == 0 and offer.transport != "tcp-passive":
        raise UnfitAnswer("port_zero", "the device offers no port")
    host = media.host or ""
    return MediaAnswer(
        host=signalling_host if host in _NOWHERE else host,
        port=media.port,
        transport=offer.transport if media.is_tcp else "udp",
        ssrc=described.ssrc,
        payloads=_payloads(media),
        size_bytes=_size(media),
        stated_host=host,
    )


def _size(media: MediaLine) -> int | None:
    """a=filesize, which decides nothing: senseless ones count as absent."""
    text = (media.attribute("filesize") or "").strip()
    return int(text) or None if text.isdecimal() and text.isascii() and len(text) < 16 else None


def _payloads(media: MediaLine) -> dict[int, str]:
    """Codec per payload type; without rtpmap a dynamic type is PS (5.2 of the profile)."""
    mapped = media.payloads
    return {
        number: mapped.get(number) or ("PS" if number >= 96 else "")
        for number in (media.payload_types or tuple(mapped))
    }
