"""A still picture for pretend alarms."""

from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw

SIZE = (640, 360)


@cache
def snapshot() -> bytes:
    """A JPEG with a light figure where the pretend alarm's box is."""
    image = Image.new("RGB", SIZE, (48, 54, 63))
    draw = ImageDraw.Draw(image)
    draw.polygon([(0, 360), (240, 170), (400, 170), (640, 360)], fill=(66, 74, 86))
    draw.rectangle([(232, 160), (280, 205)], fill=(205, 170, 90))
    target = BytesIO()
    image.save(target, "JPEG", quality=80)
    return target.getvalue()
