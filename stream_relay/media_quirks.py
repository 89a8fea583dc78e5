"""What cameras of the field do to their media, as switches of the pretend camera.

Sans-IO: a program stream pack, a packet or a stretch of TCP goes in, the odd one comes out. The
numbers in brackets are those of `tests/conformance/quirks_list.csv`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stream_relay.access_unit import AccessUnit, Kind
from stream_relay.formats import build_packet
from stream_relay.formats.rfc4571 import build_frame

PACK_BYTES = 14
FIRST_PART_BYTES = 6
MAP, FIRST_AUDIO, LAST_AUDIO, FIRST_VIDEO, LAST_VIDEO = 0xBC, 0xC0, 0xDF, 0xE0, 0xEF
CRC_BYTES = 4
PRIVATE = bytes.fromhex("000001bd000848494b564953494f")
GARBAGE = b"\xff" * 7
START = b"\0\0\0\1"
H264_TYPE, H265_TYPE, AAC_TYPE, G711A_TYPE = 0x1B, 0x24, 0x0F, 0x90
SWAPPED = {H264_TYPE: H265_TYPE, H265_TYPE: H264_TYPE, AAC_TYPE: G711A_TYPE, G711A_TYPE: AAC_TYPE}
PREAMBLE = b"\x01\x00\x01\x00" + bytes(252)
RTCP = bytes.fromhex("81c80006") + bytes(24)
RESTART_AFTER = 50
"""Access units before a sequence or a clock begins again."""
OVERWRITE_EVERY = 40
"""Frames from one overwritten length to the next."""


@dataclass(frozen=True, slots=True)
class MediaQuirks:
    """One switch for each; all off is a camera by the book."""

    payload_number: int | None = None
    """PS under this RTP payload type, e.g. 100 or 40 (q37)."""
    map_bad_crc: bool = False
    """The stream map ends in a wrong checksum (q38)."""
    no_map: bool = False
    """Never a stream map (q39)."""
    map_bad_length: bool = False
    """The stream map says that it has more entries than there are (p18)."""
    map_swapped: bool = False
    """The stream map names other codecs than are sent (q40, p11)."""
    audio_without_stamps: bool = False
    """PES of sound have no PTS (q39)."""
    audio_absent: bool = False
    """Sound is declared and never sent (q40)."""
    private_packets: bool = False
    """A private PES 0xBD in each pack (q41)."""
    marker_missing: bool = False
    """No packet has the marker (q42)."""
    marker_always: bool = False
    """Every packet has the marker (q42)."""
    stamps_restart: bool = False
    """RTP and PES time stamps begin again at 0 in mid-stream (q42)."""
    interleaved: bool = False
    """`$`, channel and length before each packet over TCP (q43)."""
    preamble: bool = False
    """256 bytes of another protocol before the first packet over TCP (q43, p13)."""
    rtcp_inside: bool = False
    """RTCP between the packets over TCP (q44)."""
    pes_unbounded: bool = False
    """PES of pictures say a length of 0 (q45)."""
    garbage_between: bool = False
    """Bytes that are nothing between two packs (q45)."""
    sets_everywhere: bool = False
    """Parameter sets before every picture (p12)."""
    sequence_restarts: bool = False
    """RTP sequence numbers begin again in mid-stream (p14)."""
    length_overwritten: bool = False
    """A send buffer that ran over spoils the length before a packet, over TCP (p15)."""


def odd_unit(unit: AccessUnit, quirks: MediaQuirks) -> AccessUnit | None:
    """What is muxed instead of a unit; None: nothing."""
    if unit.track is not Kind.VIDEO:
        return None if quirks.audio_absent else unit
    if quirks.sets_everywhere and not unit.is_key and unit.description is not None:
        sets = b"".join(START + each for each in unit.description.parameter_sets)
        return replace(unit, data=sets + unit.data)
    return unit


def odd_pack(pack: bytes, quirks: MediaQuirks) -> bytes:
    """A pack as such a camera writes it."""
    if len(pack) < PACK_BYTES:
        return pack
    start = PACK_BYTES + (pack[PACK_BYTES - 1] & 7)
    odd = bytearray(pack[:start])
    if quirks.private_packets:
        odd += PRIVATE
    for part in _parts(pack, start):
        odd += _odd_part(part, quirks)
    if quirks.garbage_between:
        odd += GARBAGE
    return bytes(odd)


def odd_marker(is_last: bool, quirks: MediaQuirks) -> bool:
    """Whether a packet has the marker."""
    return (is_last or quirks.marker_always) and not quirks.marker_missing


class OddFraming:
    """RTP over TCP of one connection, RFC 4571 where nothing is switched on."""

    def __init__(self, quirks: MediaQuirks) -> None:
        self._quirks = quirks
        self._count = 0

    def frames(self, packets: Sequence[bytes]) -> bytes:
        """The bytes for these packets."""
        return b"".join(self._frame(packet) for packet in packets)

    def _frame(self, packet: bytes) -> bytes:
        quirks = self._quirks
        self._count += 1
        before = PREAMBLE if quirks.preamble and self._count == 1 else b""
        if quirks.rtcp_inside and self._count % 8 == 0:
            before += self._wrapped(RTCP)
        framed = self._wrapped(packet)
        if quirks.length_overwritten and self._count % OVERWRITE_EVERY == 0:
            framed = framed[len(framed) - len(packet) :]
        return before + framed

    def _wrapped(self, packet: bytes) -> bytes:
        if self._quirks.interleaved:
            return b"$\0" + len(packet).to_bytes(2, "big") + packet
        return build_frame(packet)


def rtp_packet(
    payload_type: int, *, is_last: bool, place: tuple[int, int, int], payload: bytes,
    quirks: MediaQuirks,
) -> bytes:  # fmt: skip
    """One packet; `place` is its sequence number, time stamp and SSRC."""
    number = payload_type if quirks.payload_number is None else quirks.payload_number
    return build_packet(number, odd_marker(is_last, quirks), *place, payload)


def _parts(pack: bytes, position: int) -> Iterator[bytes]:
    """System header, map and PES packets of a pack of ours."""
    while position + FIRST_PART_BYTES <= len(pack):
        size = FIRST_PART_BYTES + int.from_bytes(pack[position + 4 : position + 6], "big")
        yield pack[position : position + size]
        position += size


def _odd_part(part: bytes, quirks: MediaQuirks) -> bytes:
    stream = part[3]
    if stream == MAP:
        return _odd_map(part, quirks)
    odd = bytearray(part)
    if FIRST_VIDEO <= stream <= LAST_VIDEO and quirks.pes_unbounded:
        odd[4:6] = b"\0\0"
    if FIRST_AUDIO <= stream <= LAST_AUDIO and quirks.audio_without_stamps:
        odd[7] = 0
        odd[9 : 9 + odd[8]] = b"\xff" * odd[8]
    return bytes(odd)


def _odd_map(part: bytes, quirks: MediaQuirks) -> bytes:
    if quirks.no_map:
        return b""
    odd = bytearray(part)
    if quirks.map_swapped:
        for position in range(12, len(odd) - CRC_BYTES, 4):
            odd[position] = SWAPPED.get(odd[position], odd[position])
    if quirks.map_bad_length:
        odd[10:12] = b"\0\xff"
    if quirks.map_bad_crc:
        odd[-1] ^= 0x55
    return bytes(odd)
