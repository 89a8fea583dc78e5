"""The sound of a live picture for browsers, which cannot play G.711 in MP4: 8 kHz, 16-bit mono."""

from typing import Any

import av
import numpy as np

from stream_relay.access_unit import AccessUnit, Codec, Kind

DECODERS = {Codec.G711A: "pcm_alaw", Codec.G711U: "pcm_mulaw"}
SAMPLE_RATE = 8_000


class LiveSound:
    """Decodes the sound of one stream; what it cannot decode is left out."""

    def __init__(self) -> None:
        self._codec: Codec | None = None
        self._decoder: Any = None

    def decode(self, unit: AccessUnit | None) -> bytes:
        """Little-endian 16-bit samples; empty for pictures and for other codecs."""
        if unit is None or unit.track is not Kind.AUDIO or unit.codec not in DECODERS:
            return b""
        if unit.codec is not self._codec:
            self._codec = unit.codec
            self._decoder = av.CodecContext.create(DECODERS[unit.codec], "r")
            self._decoder.sample_rate = SAMPLE_RATE
            self._decoder.layout = "mono"
        frames = self._decoder.decode(av.Packet(unit.data))
        return b"".join(np.ascontiguousarray(f.to_ndarray(), "<i2").tobytes() for f in frames)
