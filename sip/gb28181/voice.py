"""SDP of voice: what a device that wants to hear offers, and what we answer (2022 9.12, annex G).

The way of media is named from the hearer's side, as everywhere: in `tcp-passive` the device listens
and we connect, in `tcp-active` it connects to us.
"""

from dataclasses import dataclass, field

from sip.message.sdp import (
    MediaLine,
    MediaTransport,
    format_ssrc,
    parse_sdp,
)

PCMA = 8
PCMU = 0
PCMA_MAP, PCMU_MAP, PS_MAP = "PCMA/8000", "PCMU/8000", "PS/90000"
VOICE_FORMAT = "v/////a/1/8/1"
"""f= of G.711A at 64 kbit/s and 8 kHz without video (annex G)."""
_NOWHERE = frozenset({"0.0.0.0", "::", ""})  # compared with, not listened on


@dataclass(frozen=True, slots=True)
class VoiceOffer:
    """Where a device wants its voice, and in which form."""

    host: str
    """From c=; the signalling host where that is missing or 0.0.0.0."""
    port: int
    transport: MediaTransport
    ssrc: int | None
    """None when the device left y= out (checklist: choose one)."""
    payload_type: int = PCMA
    is_program_stream: bool = False
    """The offer knows no G.711, only PS (a quirk): pack the voice."""
    name: str = "Play"
    is_mu_law: bool = False
    """The offer knows no A-law, only mu-law."""


@dataclass(frozen=True, slots=True)
class VoiceAnswer:
    """What we say about the voice that we are going to send."""

    host: str
    port: int
    ssrc: int
    offer: VoiceOffer = field(repr=False)


def read_voice_offer(
    body: bytes, signalling_host: str, *, prefers_tcp: bool = False, prefers_ps: bool = False
) -> VoiceOffer:
    """Read the body of a device's INVITE; raises MalformedSdp.

    What is preferred counts where the device leaves the choice: two m= lines, several payload
    types. Tolerated: `m=video` for voice, no rtpmap, y= missing or senseless, c= of nowhere.
    """
    described = parse_sdp(body)
    lines = [line for line in described.media if line.kind == "audio"] or [described.media[0]]
    media = next((line for line in lines if line.is_tcp is prefers_tcp), lines[0])
    payload_type, form = _choose(media, prefers_ps)
    host = media.host or ""
    return VoiceOffer(
        signalling_host if host in _NOWHERE else host,
        media.port,
        media.transport,
        described.ssrc,
        payload_type,
        form == PS_MAP,
        described.name or "Play",
        is_mu_law=form == PCMU_MAP,
    )


def build_voice_offer(
    host: str,
    port: int,
    transport: MediaTransport,
    ssrc: int | None,
    *,
    owner_id: str,
    name: str = "Play",
    direction: str = "recvonly",
) -> bytes:
    """Write the offer of somebody who wants to hear; without `ssrc` y= is left out."""
    setup = "" if transport == "udp" else transport.removeprefix("tcp-")
    return _build(
        host, port, setup, ssrc, PCMA, PCMA_MAP, owner_id=owner_id, name=name, direction=direction
    )


def build_voice_answer(answer: VoiceAnswer, *, owner_id: str, direction: str = "sendonly") -> bytes:
    """Write the answer of the speaker; setup mirrors the offer (RFC 4145)."""
    offer = answer.offer
    setup = {"udp": "", "tcp-passive": "active", "tcp-active": "passive"}[offer.transport]
    codec = PS_MAP if offer.is_program_stream else PCMU_MAP if offer.is_mu_law else PCMA_MAP
    return _build(
        answer.host,
        answer.port,
        setup,
        answer.ssrc,
        offer.payload_type,
        codec,
        owner_id=owner_id,
        name=offer.name,
        direction=direction,
    )


def _build(
    host: str,
    port: int,
    setup: str,
    ssrc: int | None,
    payload_type: int,
    codec: str,
    *,
    owner_id: str,
    name: str,
    direction: str,
) -> bytes:
    address = f"IP6 {host}" if ":" in host else f"IP4 {host}"
    lines = [
        "v=0",
        f"o={owner_id} 0 0 IN {address}",
        f"s={name}",
        f"c=IN {address}",
        "t=0 0",
        f"m=audio {port} {'TCP/' if setup else ''}RTP/AVP {payload_type}",
        f"a={direction}",
        f"a=rtpmap:{payload_type} {codec}",
    ]
    if setup:
        lines += [f"a=setup:{setup}", "a=connection:new"]
    if ssrc is not None:
        lines.append(f"y={format_ssrc(ssrc)}")
    lines.append(f"f={VOICE_FORMAT}")
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")


def _choose(media: MediaLine, prefers_ps: bool) -> tuple[int, str]:
    """The payload type and form to send: A-law, mu-law, PS in this order, or PS first."""
    mapped = {PCMA: "PCMA", PCMU: "PCMU", 96: "PS"} | media.payloads
    offered = media.payload_types or tuple(media.payloads)
    forms = [("PCMA", PCMA_MAP), ("PCMU", PCMU_MAP)]
    forms.insert(0 if prefers_ps else len(forms), ("PS", PS_MAP))
    for name, form in forms:
        for number in offered:
            if mapped.get(number) == name:
                return number, form
    return PCMA, PCMA_MAP
