"""Which depacketizer a source needs: by its bytes, its session description, its payload type.

Devices announce one thing and send another (gb28181 §6.9), so what the bytes say beats the rest.
Called once per source, with its first payload.
"""

import base64
import binascii
import re

from stream_relay.access_unit import Codec
from stream_relay.formats.twins import twin
from stream_relay.formats.units import Depacketizer, UnitSink

START = b"\x00\x00\x00\x01"
PACK_START = b"\x00\x00\x01\xba"
SYNC, TS_PACKET_BYTES = 0x47, 188
SVAC_TYPE, MPEG4_TYPE = 0x80, 0x10
"""stream_type of GB/T 28181."""

STATIC = {
    0: "PCMU", 8: "PCMA", 9: "G722.1", 33: "MP2T",
    96: "PS", 97: "MP4V-ES", 98: "H264", 99: "SVAC", 100: "H265", 102: "MPEG4-GENERIC",
}  # fmt: skip
"""Payload types of RFC 3551 and GB/T 28181-2022 C.2.4, when no description names them."""

AUDIO = {
    "PCMA": (Codec.G711A, 8000), "PCMU": (Codec.G711U, 8000),
    "G722.1": (Codec.G722_1, 16_000), "G7221": (Codec.G722_1, 16_000),
    "MPEG4-GENERIC": (Codec.AAC, 8000), "AAC": (Codec.AAC, 8000), "OPUS": (Codec.OPUS, 48_000),
}  # fmt: skip
"""Encoding names of audio with their clock where the description does not tell one."""

KNOWN = frozenset(("PS", "MP2P", "MP2T", "H264", "H265", "HEVC", "MP4V-ES", "SVAC", *AUDIO))
ES_H264, ES_H265 = frozenset((*range(1, 10), 24, 28)), frozenset((0, 1, *range(16, 22), *range(32, 36), 39, 48, 49))  # fmt: skip


def choose_depacketizer(
    payload_type: int, payload: bytes, announced: dict[int, str], sink: UnitSink | None = None
) -> Depacketizer:
    """A depacketizer for the source whose first payload this is; it is not fed yet.

    `announced` is what the session description says of each payload type: the value of its rtpmap
    ("H264/90000", or the name alone) and, behind a blank, that of its fmtp where there is one.
    """
    mapped, _, parameters = announced.get(payload_type, "").strip().partition(" ")
    name, _, details = mapped.partition("/")
    name = name.upper()
    seen = _by_bytes(payload)
    if seen:
        return _make(seen, "", "", sink)
    if name in KNOWN:
        return _make(name, details, parameters, sink)
    # A maker's name in place of the codec announces a format of its own, which is PS after all.
    return _make(STATIC.get(payload_type) or _by_header(payload), details, parameters, sink)


def _by_bytes(payload: bytes) -> str:
    """What these bytes can only be, "" where they leave it open."""
    if payload.startswith(PACK_START):
        return "PS"
    marks = payload[::TS_PACKET_BYTES]
    if len(payload) >= TS_PACKET_BYTES and marks.count(SYNC) == len(marks):
        # One packet alone might begin with 0x47 by chance: then its header must make sense too.
        if len(marks) > 1 or (len(payload) == TS_PACKET_BYTES and payload[3] & 0xD0 == 0x10):
            return "MP2T"
    return ""


def _by_header(payload: bytes) -> str:
    """A guess by the header of the NAL unit that the payload would begin with; PS when none."""
    if len(payload) < 3 or payload.startswith(b"\x00\x00\x01"):
        return "PS"
    first, second = payload[0], payload[1]
    # H.265: forbidden bit and layer 0, temporal id 1 to 7 and never more than a few.
    if first & 0x81 == 0 and 1 <= second <= 3 and first >> 1 in ES_H265:
        return "H265"
    if first & 0x80 == 0 and first & 0x1F in ES_H264:
        return "H264"
    return "PS"


def _make(name: str, details: str, parameters: str, sink: UnitSink | None) -> Depacketizer:
    if name in AUDIO:
        return _make_audio(name, details, parameters, sink)
    es = twin("es")
    made: Depacketizer
    if name == "H264":
        made = es.H264Depacketizer(sink, _sprop(parameters, "sprop-parameter-sets"))
    elif name in ("H265", "HEVC"):
        sets = b"".join(_sprop(parameters, f"sprop-{kind}") for kind in ("vps", "sps", "pps"))
        has_don = _number(parameters, "sprop-max-don-diff") > 0
        made = es.H265Depacketizer(sink, sets, has_don)
    elif name == "MP4V-ES":
        headers = _hex(parameters)
        made = es.FrameDepacketizer(sink, MPEG4_TYPE, headers)
    elif name == "SVAC":
        made = es.FrameDepacketizer(sink, SVAC_TYPE)
    elif name == "MP2T":
        made = twin("ts").TsDemuxer(sink)
    else:
        made = twin("ps").PsDemuxer(sink=sink)
    return made


def _make_audio(name: str, details: str, parameters: str, sink: UnitSink | None) -> Depacketizer:
    codec, clock = AUDIO[name]
    rate, _, channels = details.partition("/")
    made: Depacketizer = twin("es_audio").AudioDepacketizer(
        sink,
        codec,
        int(rate) if rate.isdecimal() and 0 < int(rate) <= 192_000 else clock,
        int(channels) if channels.isdecimal() and 0 < int(channels) <= 8 else 1,
        _hex(parameters),
    )
    return made


def _value(parameters: str, key: str) -> str:
    """One parameter of an fmtp attribute, "" when it is not there."""
    found = re.search(rf"(?:^|;)\s*{re.escape(key)}\s*=\s*([^;]*)", parameters, re.IGNORECASE)
    return found[1].strip() if found else ""


def _number(parameters: str, key: str) -> int:
    value = _value(parameters, key)
    return int(value) if value.isascii() and value.isdecimal() else 0


def _hex(parameters: str) -> bytes:
    """The configuration of MPEG-4 (RFC 3640 §4.1, RFC 6416 §7.1); b"" when none can be read."""
    try:
        return bytes.fromhex(_value(parameters, "config"))
    except ValueError:
        return b""


def _sprop(parameters: str, key: str) -> bytes:
    """Parameter sets in base64 with commas between them as Annex B; those unreadable left out."""
    out = b""
    for text in _value(parameters, key).split(","):
        try:
            nal = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            continue
        if nal:
            out += START + nal
    return out
