"""Boxes of ISO/IEC 14496-12 and the sample descriptions we write."""

import struct
from collections.abc import Iterator

from stream_relay.access_unit import TICKS_PER_SECOND, Codec, Kind, Track
from stream_relay.errors import MalformedMp4, Unsupported
from stream_relay.formats.decoder_config import build_avcc, build_hvcc

IDENTITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
LANGUAGE_UNDETERMINED = 0x55C4
BOX_HEADER_BYTES = 8


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of type `kind` around its parts."""
    body = b"".join(parts)
    return (len(body) + BOX_HEADER_BYTES).to_bytes(4, "big") + kind + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, bytes((version,)) + flags.to_bytes(3, "big"), *parts)


def iterate_boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """(type, body start, end) of the boxes in `data`; raises MalformedMp4."""
    position = start
    while position < len(data):
        if position + BOX_HEADER_BYTES > len(data):
            raise MalformedMp4("a box header", position, data[position:])
        size = int.from_bytes(data[position : position + 4], "big")
        if size < BOX_HEADER_BYTES or position + size > len(data):
            raise MalformedMp4("a box inside its parent", position, data[position:])
        yield data[position + 4 : position + 8], position + BOX_HEADER_BYTES, position + size
        position += size


def find_box(data: bytes, *path: bytes) -> bytes | None:
    """The body of the first box along this path of types; raises MalformedMp4."""
    for wanted in path:
        for kind, start, end in iterate_boxes(data):
            if kind == wanted:
                data = data[start:end]
                break
        else:
            return None
    return data


def _descriptor(tag: int, body: bytes) -> bytes:
    """An MPEG-4 descriptor with the 4-byte length form that every reader takes."""
    return bytes((tag, 0x80, 0x80, 0x80, len(body))) + body


def _esds(track: Track) -> bytes:
    config = _descriptor(5, track.audio_config)
    decoder = _descriptor(4, bytes((0x40, 0x15, 0, 0, 0)) + bytes(8) + config)
    stream = _descriptor(3, b"\x00\x00\x00" + decoder + _descriptor(6, b"\x02"))
    return full_box(b"esds", 0, 0, stream)


def _visual(kind: bytes, track: Track, config: bytes) -> bytes:
    return box(
        kind,
        bytes(6) + b"\x00\x01" + bytes(16),
        struct.pack(">HHIIIH", track.width, track.height, 0x480000, 0x480000, 0, 1),
        bytes(32),
        b"\x00\x18\xff\xff",
        config,
    )


def _sound(kind: bytes, track: Track, config: bytes = b"") -> bytes:
    head = bytes(6) + b"\x00\x01" + bytes(8)
    rate = struct.pack(">HHIHH", track.channels or 1, 16, 0, track.sample_rate & 0xFFFF, 0)
    return box(kind, head, rate, config)


def sample_entry(track: Track) -> bytes:
    """The sample description of a track; raises Unsupported."""
    match track.codec:
        case Codec.H264:
            return _visual(b"avc1", track, box(b"avcC", build_avcc(track)))
        case Codec.H265:
            return _visual(b"hvc1", track, box(b"hvcC", build_hvcc(track)))
        case Codec.AAC:
            return _sound(b"mp4a", track, _esds(track))
        case Codec.G711A:
            return _sound(b"alaw", track)
        case Codec.G711U:
            return _sound(b"ulaw", track)
        case _:
            raise Unsupported(f"{track.codec} in MP4")


def track_box(track_id: int, track: Track) -> bytes:
    """A trak without samples: the fragments bring them."""
    is_video = track.kind is Kind.VIDEO
    size = struct.pack(">II", track.width << 16, track.height << 16) if is_video else bytes(8)
    header = full_box(
        b"tkhd",
        0,
        3,
        struct.pack(">IIIII", 0, 0, track_id, 0, 0) + bytes(8),
        struct.pack(">HHHH", 0, 0, 0 if is_video else 0x0100, 0),
        IDENTITY_MATRIX,
        size,
    )
    media_header = full_box(
        b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TICKS_PER_SECOND, 0, LANGUAGE_UNDETERMINED, 0)
    )
    name = (b"vide", b"VideoHandler\x00") if is_video else (b"soun", b"SoundHandler\x00")
    handler = full_box(b"hdlr", 0, 0, bytes(4), name[0], bytes(12), name[1])
    if is_video:
        kind_header = full_box(b"vmhd", 0, 1, bytes(8))
    else:
        kind_header = full_box(b"smhd", 0, 0, bytes(4))
    location = box(b"dinf", full_box(b"dref", 0, 0, b"\x00\x00\x00\x01", full_box(b"url ", 0, 1)))
    table = box(
        b"stbl",
        full_box(b"stsd", 0, 0, b"\x00\x00\x00\x01", sample_entry(track)),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    information = box(b"minf", kind_header, location, table)
    return box(b"trak", header, box(b"mdia", media_header, handler, information))


def movie_box(tracks: dict[int, Track]) -> bytes:
    """The moov of a fragmented file whose tracks all count 90 kHz ticks."""
    header = full_box(
        b"mvhd",
        0,
        0,
        struct.pack(">IIIIIHH", 0, 0, TICKS_PER_SECOND, 0, 0x10000, 0x0100, 0) + bytes(8),
        IDENTITY_MATRIX,
        bytes(24),
        (max(tracks) + 1).to_bytes(4, "big"),
    )
    defaults = [
        full_box(b"trex", 0, 0, struct.pack(">IIIII", track_id, 1, 0, 0, 0)) for track_id in tracks
    ]
    described = [track_box(track_id, track) for track_id, track in tracks.items()]
    return box(b"moov", header, *described, box(b"mvex", *defaults))
