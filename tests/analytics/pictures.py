"""Pictures that tests make up, plain and encoded."""

from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

from analytics.plugin import Image


def grey(level: int = 90) -> Image:
    return np.full((180, 320, 3), level, np.uint8)


def encode(images: Sequence[Image], gop: int, encoder: str = "libx264") -> list[tuple[bytes, bool]]:
    """Annex-B access units, each with whether it is a key frame."""
    context = av.CodecContext.create(encoder, "w")
    context.height, context.width = images[0].shape[:2]
    context.pix_fmt = "yuv420p"
    context.framerate = 25
    context.time_base = Fraction(1, 25)
    context.gop_size = gop
    context.options = {"tune": "zerolatency", "preset": "ultrafast"}
    if encoder == "libx265":
        context.options["x265-params"] = "log-level=none:repeat-headers=1"
    units = []
    for n, image in enumerate(images):
        picture = av.VideoFrame.from_ndarray(image, "bgr24")
        picture.pts = n
        units += [(bytes(packet), packet.is_keyframe) for packet in context.encode(picture)]
    return units
