"""Encoded access units of one channel to frames; one decode, whoever watches."""

from datetime import datetime
from typing import cast

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from analytics.errors import DecodeError
from analytics.plugin import Frame, Image

CODECS = {"h264": "h264", "h265": "hevc", "mpeg4": "mpeg4"}
"""Codec names of the relay's access units to FFmpeg's decoders."""

START_CODE = b"\x00\x00\x00\x01"


class ChannelDecoder:
    """Decodes a channel. Starts at a key frame, and again after an error."""

    def __init__(self, channel: str, codec: str, parameter_sets: tuple[bytes, ...] = ()) -> None:
        """`parameter_sets` are NAL units without start code, for streams that send them once."""
        if codec not in CODECS:
            raise DecodeError(f"pictures in {codec} cannot be decoded")
        self._channel = channel
        self._codec = codec
        self._extradata = b"".join(START_CODE + unit for unit in parameter_sets)
        self._context = self._open()
        self._reformatter = VideoReformatter()
        self._waits_for_key = True
        self._pending: dict[int, tuple[datetime, bool]] = {}
        self._sequence = 0
        self.errors = 0

    def decode(self, data: bytes, pts_ticks: int, wall: datetime, is_key: bool) -> list[Frame]:
        """Return the frames that an access unit completes, in display order."""
        if self._waits_for_key and not is_key:
            return []
        self._waits_for_key = False
        packet = av.Packet(data)
        packet.pts = packet.dts = pts_ticks
        self._pending[pts_ticks] = (wall, is_key)
        try:
            decoded = self._context.decode(packet)
        except av.error.FFmpegError:
            self.errors += 1
            self._context = self._open()
            self._pending.clear()
            self._waits_for_key = True
            return []
        return [self._frame(picture) for picture in decoded]

    def _open(self) -> av.VideoCodecContext:
        context = cast(av.VideoCodecContext, av.CodecContext.create(CODECS[self._codec], "r"))
        context.thread_count = 1
        context.options = {"flags": "low_delay"}
        if self._extradata:
            context.extradata = self._extradata
        return context

    def _frame(self, picture: av.VideoFrame) -> Frame:
        pts_ticks = picture.pts if picture.pts is not None else 0
        wall, is_key = self._arrival(pts_ticks)
        self._sequence += 1

        def scale(width: int, height: int) -> Image:
            scaled = self._reformatter.reformat(picture, width, height, "bgr24", threads=1)
            image = np.asarray(scaled.to_ndarray(), np.uint8)
            image.flags.writeable = False
            return image

        return Frame(
            channel=self._channel,
            sequence=self._sequence,
            pts_ticks=pts_ticks,
            wall=wall,
            is_key=is_key,
            width=picture.width,
            height=picture.height,
            scale=scale,
        )

    def _arrival(self, pts_ticks: int) -> tuple[datetime, bool]:
        """Return what is known of the unit a picture came from, and forget those before it."""
        known = self._pending.get(pts_ticks)
        if known is None:
            return next(reversed(self._pending.values()))
        for older in [pts for pts in self._pending if pts < pts_ticks]:
            del self._pending[older]
        return known
