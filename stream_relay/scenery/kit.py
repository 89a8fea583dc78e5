"""What all pretend places are drawn with: canvas, colours, lights, people, the tunnel."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 640, 360
SCALE = 2
"""Still parts and sprites are drawn larger and scaled down, which smooths their edges."""

Paint = Callable[[Image.Image, float], None]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Scenery:
    """A background of WIDTH × HEIGHT and the function that paints what moves at a time in s."""

    background: Image.Image
    paint: Paint


def canvas(top: Colour, bottom: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A sky or wall that fades from `top` to `bottom`, and its pen; in canvas units."""
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE))
    draw = ImageDraw.Draw(image)
    for y in range(HEIGHT * SCALE):
        part = y / (HEIGHT * SCALE)
        colour = tuple(round(a + (b - a) * part) for a, b in zip(top, bottom, strict=True))
        draw.line([(0, y), (WIDTH * SCALE, y)], fill=colour)
    return image, draw


def finish(image: Image.Image) -> Image.Image:
    """The canvas at picture size."""
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def tint(rng: random.Random, base: Colour, spread: int = 10) -> Colour:
    """A colour near `base`."""
    shift = rng.randint(-spread, spread)
    red, green, blue = (max(0, min(255, value + shift + rng.randint(-4, 4))) for value in base)
    return red, green, blue


def glow(image: Image.Image, x: float, y: float, radius: float, colour: Colour) -> None:
    """A soft light, in canvas units."""
    size = int(radius * 2)
    mask = Image.new("L", (size, size), 0)
    ImageDraw.Draw(mask).ellipse([size * 0.3, size * 0.3, size * 0.7, size * 0.7], fill=170)
    mask = mask.filter(ImageFilter.GaussianBlur(size * 0.12))
    image.paste(colour, (int(x - radius), int(y - radius)), mask)


def sprite(width: int, height: int, draw: Callable[[ImageDraw.ImageDraw], None]) -> Image.Image:
    """Something that moves, drawn in canvas units."""
    image = Image.new("RGBA", (width * SCALE, height * SCALE))
    draw(ImageDraw.Draw(image))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def paste(image: Image.Image, sprite: Image.Image, x: float, y: float) -> None:
    """Put a sprite on a picture, in picture units."""
    image.paste(sprite, (round(x), round(y)), sprite)


def miner(vest: Colour = (226, 122, 40), helmet: Colour = (236, 198, 60)) -> list[Image.Image]:
    """A person with helmet and lamp, four steps of a walk, 30 × 72 pixels."""

    def figure(step: int) -> Callable[[ImageDraw.ImageDraw], None]:
        swing = (0, 7, 0, -7)[step]

        def draw(pen: ImageDraw.ImageDraw) -> None:
            for side in (-1, 1):
                pen.line([(30, 88), (30 + side * swing, 138)], fill=(38, 48, 66), width=11)
                pen.line([(30, 50), (30 - side * swing * 1.5, 84)], fill=(44, 56, 78), width=8)
            pen.rounded_rectangle([19, 40, 41, 92], 7, fill=vest)
            pen.rectangle([19, 58, 41, 63], fill=(232, 232, 206))
            pen.rectangle([19, 74, 41, 79], fill=(232, 232, 206))
            pen.ellipse([22, 18, 38, 38], fill=(206, 168, 138))
            pen.pieslice([19, 10, 41, 36], 180, 360, fill=helmet)
            pen.rectangle([17, 22, 43, 25], fill=helmet)
            pen.ellipse([28, 13, 33, 18], fill=(255, 252, 226))

        return draw

    return [sprite(30, 72, figure(step)) for step in range(4)]


def tunnel(
    rng: random.Random, floor: Colour = (64, 62, 60)
) -> tuple[Image.Image, ImageDraw.ImageDraw, float, float]:
    """An arched roadway; answers canvas, pen and the vanishing point."""
    rock = tint(rng, (52, 54, 58))
    image, draw = canvas(rock, tint(rng, (36, 37, 40)))
    vx, vy = WIDTH * rng.uniform(0.94, 1.06), HEIGHT * rng.uniform(0.86, 0.94)
    draw.polygon(
        [
            (0, HEIGHT * SCALE),
            (vx - 60, vy + 46),
            (vx + 60, vy + 46),
            (WIDTH * SCALE, HEIGHT * SCALE),
        ],
        fill=floor,
    )
    steel = tint(rng, (98, 102, 106))
    for index in range(9):
        size = 80 * 1.38**index
        shade = tuple(int(value * (0.45 + 0.06 * index)) for value in steel)
        box = [vx - size, vy - size * 0.86, vx + size, vy + size * 0.9]
        draw.arc(box, 180, 360, fill=shade, width=3 + index)
        for side in (-1, 1):
            draw.line(
                [(vx + side * size, vy), (vx + side * size, vy + size * 0.62)],
                fill=shade,
                width=3 + index,
            )
    for offset, colour in ((0.30, (122, 74, 52)), (0.42, (70, 88, 104)), (0.52, (40, 42, 44))):
        draw.line(
            [(vx - 70, vy + 40 * offset), (0, vy + HEIGHT * 1.3 * offset)], fill=colour, width=9
        )
    for index in range(1, 6):
        size = 80 * 1.38 ** (index + 1)
        glow(image, vx, vy - size * 0.72, 18 + 9 * index, (255, 236, 186))
    return image, draw, vx, vy
