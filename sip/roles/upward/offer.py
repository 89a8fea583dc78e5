"""What an upper platform offers by INVITE, and the SDP by which we answer (2022 annex G).

Owns the reading of offers into what the services need, the reading of answers that come in an ACK
(number 82 of the checklist), and the writing of ours. Never decides whether media may flow.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from sip.errors import RemoteProtocolError
from sip.gb28181.voice import VoiceAnswer, VoiceOffer, build_voice_answer, read_voice_offer
from sip.message.sdp import (
    History,
    MalformedSdp,
    MediaAnswer,
    MediaLine,
    MediaTransport,
    SessionDescription,
    StreamChoice,
    build_answer,
    parse_sdp,
)

CallKind = Literal["live", "playback", "download", "talk"]

KINDS: dict[str, CallKind] = {
    "play": "live",
    "playback": "playback",
    "download": "download",
    "talk": "talk",
}
"""By s=, compared without case. Any other name is live where t= names no stretch of time: what an
upper platform writes there for live pictures is not always what the standard prints."""
NAMES: dict[CallKind, str] = {
    "live": "Play",
    "playback": "Playback",
    "download": "Download",
    "talk": "Talk",
}
LONGEST_HISTORY_S = 31 * 86_400
"""Nobody watches a month at once; a request for years would keep a recorder busy for as long."""
MEDIA_FORMAT = "v/////a///"
"""f= that names nothing: what the camera sends is known to its program stream alone."""
PROGRAM_STREAM = {96: "PS"}
_NOT_PROGRAM = frozenset({"H264", "H265", "MPEG4", "MP2T", "PCMA", "PCMU", "AAC", "SVACA", "SVAC"})


class UnfitOffer(RemoteProtocolError):
    """A readable offer of which no media can come.

    `reason` is a constant word: `no_video`, `no_audio`, `no_program_stream`, `no_times`,
    `too_long`, `address`; `status` the answer it deserves.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperOffer:
    """Where an upper platform wants to receive, and what."""

    kind: CallKind
    host: str
    port: int
    """0 while unknown: no SDP yet, or a port to come by re-INVITE."""
    transport: MediaTransport
    ssrc: int | None
    """None where y= is missing or senseless."""
    stream: StreamChoice = "main"
    history: History | None = None
    voice: VoiceOffer | None = field(default=None, compare=False)
    """Of a talk: in which form it wants to hear."""

    @property
    def is_placeable(self) -> bool:
        """Whether it is known where to send; who connects to us needs no port of its own."""
        return self.transport == "tcp-active" or self.port > 0

    def is_same_media(self, other: "UpperOffer", agreed_ssrc: int) -> bool:
        """Whether a re-INVITE asks for what is agreed; y= may be left out when repeated."""
        if other.ssrc not in (None, self.ssrc, agreed_ssrc):
            return False
        return self == other.with_place(other.host, other.port, self.ssrc)

    def with_place(self, host: str, port: int, ssrc: int | None) -> "UpperOffer":
        """The same media to another place."""
        return UpperOffer(
            kind=self.kind,
            host=host,
            port=port,
            transport=self.transport,
            ssrc=ssrc,
            stream=self.stream,
            history=self.history,
            voice=self.voice,
        )


def read_upper_offer(body: bytes, signalling_host: str) -> UpperOffer:
    """Read the body of an INVITE.

    Raises MalformedSdp where it is no description (400, number 107) and UnfitOffer where nothing
    can come of it. Tolerated: y= missing or senseless, c= missing or 0.0.0.0 or a name (the
    signalling host), port 0 (the place follows by re-INVITE), a missing setup, any o=.
    """
    described = parse_sdp(body)
    kind = _kind(described)
    history = None if kind in ("live", "talk") else _history(described, kind)
    if kind == "talk":
        return _read_talk(described, body, signalling_host)
    media = next((line for line in described.media if line.kind == "video"), None)
    if media is None:
        raise UnfitOffer("no_video", 488)
    _require_program_stream(media)
    return UpperOffer(
        kind=kind,
        host=_host(media, signalling_host),
        port=media.port,
        transport=media.transport,
        ssrc=described.ssrc,
        stream=media.stream,
        history=history,
    )


def no_offer(signalling_host: str) -> UpperOffer:
    """What an INVITE without SDP asks for: live pictures, offered by us over UDP (8.6)."""
    return UpperOffer(kind="live", host=signalling_host, port=0, transport="udp", ssrc=None)


def read_ack(body: bytes, offer: UpperOffer, signalling_host: str) -> UpperOffer:
    """Read the answer to our offer, which stands in the ACK.

    Raises MalformedSdp, and UnfitOffer for one that does not fit (another transport, port 0).
    """
    media = parse_sdp(body).main_media
    if media.is_tcp != (offer.transport != "udp"):
        raise UnfitOffer("transport", 488)
    placed = offer.with_place(_host(media, signalling_host), media.port, offer.ssrc)
    if not placed.is_placeable:
        raise UnfitOffer("address", 488)
    return placed


def build_upper_answer(
    offer: UpperOffer,
    host: str,
    port: int,
    ssrc: int,
    *,
    owner_id: str,
    channel_id: str,
    size_bytes: int = 0,
) -> bytes:
    """Write our answer, or our own offer where the INVITE had none: we send, the upper receives."""
    if offer.voice is not None:
        answer = VoiceAnswer(host, port, ssrc, offer.voice)
        return build_voice_answer(answer, owner_id=owner_id, direction="sendrecv")
    history = offer.history
    return build_answer(
        MediaAnswer(host, port, offer.transport, ssrc, PROGRAM_STREAM, size_bytes or None),
        owner_id=owner_id,
        name=NAMES[offer.kind],
        media_format=MEDIA_FORMAT,
        times=(0, 0) if history is None else (history.start, history.stop),
        uri="" if history is None else f"{channel_id}:{history.record_type}",
    )


def _kind(described: SessionDescription) -> CallKind:
    kind = KINDS.get(described.name.strip().lower())
    if kind is not None:
        return kind
    return "playback" if 0 < described.start < described.stop else "live"


def _history(described: SessionDescription, kind: CallKind) -> History:
    history = described.history or History("Playback", described.start, described.stop)
    if not 0 < history.start < history.stop:
        # A recording of no time at all: a field of the request is missing (8.14 of the profile).
        raise UnfitOffer("no_times", 400)
    if history.stop - history.start > LONGEST_HISTORY_S:
        raise UnfitOffer("too_long", 488)
    return history


def _read_talk(described: SessionDescription, body: bytes, signalling_host: str) -> UpperOffer:
    media = next((line for line in described.media if line.kind == "audio"), None)
    if media is None:
        raise UnfitOffer("no_audio", 488)
    voice = read_voice_offer(body, signalling_host)
    return UpperOffer(
        kind="talk",
        host=_host(media, signalling_host),
        port=voice.port,
        transport=voice.transport,
        ssrc=described.ssrc,
        voice=voice,
    )


def _require_program_stream(media: MediaLine) -> None:
    """Raises UnfitOffer where only codecs are named that we do not send.

    A maker's name in place of the codec means a program stream all the same (5.2).
    """
    codecs = set(media.payloads.values())
    if codecs and codecs <= _NOT_PROGRAM:
        raise UnfitOffer("no_program_stream", 488)


def _host(media: MediaLine, signalling_host: str) -> str:
    """Where to send; raises UnfitOffer for a group of receivers, of which no platform is one."""
    try:
        address = ip_address(media.host or "")
    except ValueError:
        return signalling_host
    if address.is_multicast or str(address) == "255.255.255.255":
        raise UnfitOffer("address", 488)
    return signalling_host if address.is_unspecified else str(address)


__all__ = [
    "CallKind",
    "MalformedSdp",
    "UnfitOffer",
    "UpperOffer",
    "build_upper_answer",
    "no_offer",
    "read_ack",
    "read_upper_offer",
]
