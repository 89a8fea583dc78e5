"""The built-in picture of the simulator: a mine scene with burnt-in clock and title, encoded live.

The clock stands at the upper left in the form that the mines' rules ask for
(2026年11月20日 12:34:56), the title at the lower right.
"""

import io
import itertools
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import numpy as np
from av.video.frame import PictureType
from PIL import Image, ImageDraw, ImageFont

from stream_relay.access_unit import TICKS_PER_SECOND, AccessUnit, Codec, Kind
from stream_relay.clip import AUDIO_SAMPLES, G711A_TRACK, open_encoder, tone
from stream_relay.errors import Unsupported
from stream_relay.formats import g711
from stream_relay.scenery import HEIGHT, WIDTH, Place, build_scenery
from stream_relay.scenery.view import View, seen

FRAME_RATE = 12
STEP_TICKS = TICKS_PER_SECOND // FRAME_RATE
ZONE = ZoneInfo("Asia/Shanghai")
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
FONT_NAMES = (
    "wqy-microhei",
    "wqy-zenhei",
    "NotoSansCJK-Regular",
    "SourceHanSans",
    "msyh",
    "simhei",
)
"""Chinese fonts by preference; the first is the package fonts-wqy-microhei."""
TEXT_PIXELS = 21
MARGIN_PIXELS = 14
AHEAD = View()
JPEG_QUALITY = 85


@cache
def find_font() -> Path:
    """The system's Chinese font; raises Unsupported and says what to install."""
    found: dict[str, Path] = {}
    for folder in FONT_FOLDERS:
        for root, _, names in os.walk(Path(folder).expanduser()):
            for name in names:
                found.setdefault(name.split(".")[0], Path(root) / name)
    for wanted in FONT_NAMES:
        for name in sorted(found):
            if name.startswith(wanted):
                return found[name]
    raise Unsupported("a scene without a Chinese font (install fonts-wqy-microhei)")


def clock_text(now: datetime) -> str:
    """The time of the picture as the rules for mines write it, Beijing time."""
    local = now.astimezone(ZONE)
    return f"{local.year}年{local.month:02}月{local.day:02}日 {local:%H:%M:%S}"


def _text(text: str) -> Image.Image:
    """White letters with a dark rim, readable on any picture."""
    font = ImageFont.truetype(str(find_font()), TEXT_PIXELS)
    left, top, right, bottom = font.getbbox(text, stroke_width=2)
    image = Image.new("RGBA", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(image).text(
        (2 - left, 2 - top), text, font=font, fill="white", stroke_width=2, stroke_fill=(16, 16, 16)
    )
    return image


class Painter:
    """Draws one camera's picture of any moment."""

    def __init__(self, title: str, place: Place, seed: int) -> None:
        """Takes a while: the background is drawn. Raises Unsupported without a font."""
        self._scenery = build_scenery(place, seed)
        self._background = self._scenery.background
        self._title = _text(title)
        self._shown, self._clock = "", Image.new("RGBA", (1, 1))

    def paint(self, scene_s: float, at: datetime, view: View = AHEAD) -> Image.Image:
        """The scene at this second of its own time, with the clock of `at` burnt in."""
        picture = self._background.copy()
        self._scenery.paint(picture, scene_s)
        picture = seen(picture, view)
        text = clock_text(at)
        if text != self._shown:
            self._shown, self._clock = text, _text(text)
        picture.paste(self._clock, (MARGIN_PIXELS, MARGIN_PIXELS - 4), self._clock)
        corner = WIDTH - MARGIN_PIXELS - self._title.width, HEIGHT - MARGIN_PIXELS
        picture.paste(self._title, (corner[0], corner[1] - self._title.height), self._title)
        return picture


class SceneSource:
    """A camera that looks at a pretend place; draws and encodes each picture when asked for it."""

    def __init__(
        self,
        title: str,
        place: Place,
        seed: int,
        wall: Callable[[], datetime],
        codec: Codec = Codec.H264,
    ) -> None:
        self.codec = codec
        self.audio: Codec | None = Codec.G711A
        self._title = title
        self._place = place
        self._seed = seed
        self._wall = wall
        self._key_frames = 0
        self.look: Callable[[], View] = View
        """Where the camera looks now; may be called in any thread."""

    def request_key_frame(self) -> None:
        """Let the next picture of every stream be an IDR."""
        self._key_frames += 1

    def snapshot(self) -> bytes:
        """The picture of this moment as JPEG; takes a while."""
        painter = Painter(self._title, self._place, self._seed)
        out = io.BytesIO()
        painter.paint(0.0, self._wall(), self.look()).save(out, "JPEG", quality=JPEG_QUALITY)
        return out.getvalue()

    def prepare(self) -> None:
        """Look for the font; raises Unsupported."""
        find_font()

    def draw(self) -> Iterator[Image.Image]:
        """The pictures without end, at FRAME_RATE."""
        painter = Painter(self._title, self._place, self._seed)
        for index in itertools.count():
            yield painter.paint(index / FRAME_RATE, self._wall(), self.look())

    def units(self) -> Iterator[AccessUnit]:
        """Access units without end; each `next` of a picture takes a few milliseconds of CPU."""
        encoder = open_encoder(self.codec, WIDTH, HEIGHT, Fraction(FRAME_RATE), is_live=True)
        sample, key_frames = 0, self._key_frames
        for index, picture in enumerate(self.draw()):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE)
            if key_frames != self._key_frames:
                key_frames = self._key_frames
                frame.pict_type = PictureType.I
            ticks = index * STEP_TICKS
            for packet in encoder.encode(frame):
                at = packet.pts * STEP_TICKS
                yield AccessUnit(Kind.VIDEO, self.codec, at, at, packet.is_keyframe, bytes(packet))
            while g711.duration_ticks(sample) <= ticks:
                at = g711.duration_ticks(sample)
                yield AccessUnit(Kind.AUDIO, Codec.G711A, at, at, True, tone(sample), G711A_TRACK)
                sample += AUDIO_SAMPLES
