"""Places below ground: roadway, belt conveyor, coal face."""

import math
import random

from PIL import Image, ImageDraw

from stream_relay.scenery.kit import (
    HEIGHT,
    SCALE,
    WIDTH,
    Scenery,
    canvas,
    finish,
    glow,
    miner,
    paste,
    tint,
    tunnel,
)


def roadway(rng: random.Random) -> Scenery:
    """A main roadway: a miner walks, a car passes on the rails."""
    image, draw, vx, vy = tunnel(rng)
    for side in (-1, 1):
        draw.line(
            [(vx + side * 14, vy + 46), (vx + side * 210, HEIGHT * SCALE)],
            fill=(148, 150, 154),
            width=6,
        )
    for index in range(12):
        y = vy + 50 + (HEIGHT * SCALE - vy - 50) * (index / 11) ** 1.8
        reach = 24 + (y - vy - 46) * 0.85
        draw.line([(vx - reach, y), (vx + reach, y)], fill=(78, 70, 62), width=4 + index // 2)
    people = miner(helmet=rng.choice([(236, 198, 60), (214, 62, 52), (240, 240, 240)]))
    sizes = [
        [s.resize((max(6, 30 * n // 40), max(14, 72 * n // 40))) for s in people]
        for n in range(12, 80, 2)
    ]
    period, phase, side = rng.uniform(26, 40), rng.random(), rng.choice([-1, 1])

    def paint(frame: Image.Image, seconds: float) -> None:
        turn = (seconds / period + phase) % 1.0
        depth = 1 - abs(2 * turn - 1)
        figures = sizes[int(depth * (len(sizes) - 1))]
        figure = figures[int(seconds * 3) % 4]
        ground = (vy + 60) / SCALE + depth**1.4 * (HEIGHT - (vy + 60) / SCALE - 12)
        x = vx / SCALE + side * (26 + depth * 120)
        paste(frame, figure, x - figure.width / 2, ground - figure.height)

    return Scenery(finish(image), paint)


def belt(rng: random.Random) -> Scenery:
    """A belt conveyor with coal on it and turning drums."""
    image, draw, _, _ = tunnel(rng)
    top = rng.randint(206, 236)
    speed = rng.uniform(36, 70) * rng.choice([-1, 1])
    steel = (104, 112, 118)
    draw.rectangle([0, (top + 12) * SCALE, WIDTH * SCALE, (top + 22) * SCALE], fill=(28, 28, 30))
    draw.rectangle([0, (top + 54) * SCALE, WIDTH * SCALE, (top + 60) * SCALE], fill=(34, 34, 36))
    for x in range(20, WIDTH, 78):
        draw.rectangle(
            [x * SCALE, (top + 22) * SCALE, (x + 7) * SCALE, (top + 96) * SCALE], fill=steel
        )
        draw.ellipse(
            [(x - 8) * SCALE, (top + 21) * SCALE, (x + 14) * SCALE, (top + 34) * SCALE],
            fill=(142, 148, 152),
        )
    draw.rectangle([0, (top - 44) * SCALE, WIDTH * SCALE, (top - 41) * SCALE], fill=(188, 160, 52))
    length = WIDTH + 160
    lumps = [
        (rng.uniform(0, length), rng.uniform(7, 19), rng.uniform(0.55, 0.9), rng.randint(18, 46))
        for _ in range(78)
    ]

    def paint(frame: Image.Image, seconds: float) -> None:
        pen = ImageDraw.Draw(frame)
        for place, size, flat, shade in lumps:
            x = (place + seconds * speed) % length - 80
            pen.ellipse(
                [x - size, top + 12 - size * flat, x + size, top + 14],
                fill=(shade, shade, shade + 3),
            )
        pen.rectangle([0, top + 12, WIDTH, top + 15], fill=(58, 58, 60))
        for x in range(23, WIDTH, 78):
            angle = seconds * speed / 6
            pen.line(
                [(x, top + 28), (x + 8 * math.cos(angle), top + 28 + 5 * math.sin(angle))],
                fill=(66, 70, 74), width=2,
            )  # fmt: skip

    return Scenery(finish(image), paint)


def face(rng: random.Random) -> Scenery:
    """A longwall face: hydraulic supports, the coal wall, a shearer that cuts to and fro."""
    image, draw = canvas(tint(rng, (44, 45, 48)), tint(rng, (26, 26, 28)))
    draw.polygon(
        [(0, 250), (WIDTH * SCALE, 196), (WIDTH * SCALE, 470), (0, 540)], fill=(24, 24, 27)
    )
    for _ in range(420):
        x, y = rng.randint(0, WIDTH * SCALE), rng.randint(220, 510)
        shade = rng.randint(20, 52)
        draw.polygon(
            [(x, y), (x + rng.randint(8, 40), y - rng.randint(2, 16)), (x + 22, y + 14)],
            fill=(shade, shade, shade + 3),
        )
    draw.rectangle([0, 560, WIDTH * SCALE, 610], fill=(72, 76, 80))
    blue = tint(rng, (66, 96, 128))
    for x in range(-20, WIDTH * SCALE, 150):
        draw.polygon([(x, 0), (x + 132, 0), (x + 126, 92), (x + 12, 104)], fill=blue)
        draw.rectangle([x + 24, 96, x + 46, 560], fill=(150, 156, 160))
        draw.rectangle([x + 86, 94, x + 106, 560], fill=(130, 136, 142))
        draw.rectangle([x + 6, 540, x + 128, 580], fill=blue)
        glow(image, x + 66, 120, 44, (248, 240, 206))
    period, phase = rng.uniform(40, 64), rng.random()
    reach = WIDTH - 190

    def paint(frame: Image.Image, seconds: float) -> None:
        pen = ImageDraw.Draw(frame)
        turn = (seconds / period + phase) % 1.0
        x = 60 + reach * (1 - abs(2 * turn - 1))
        pen.rounded_rectangle([x, 226, x + 96, 272], 5, fill=(186, 150, 46))
        pen.rectangle([x + 8, 234, x + 40, 246], fill=(70, 64, 50))
        for centre, way in ((x - 16, 1), (x + 112, -1)):
            pen.ellipse([centre - 27, 206, centre + 27, 260], fill=(96, 90, 82))
            for tooth in range(8):
                angle = seconds * 2.4 * way + tooth * math.pi / 4
                pen.line(
                    [(centre, 233), (centre + 31 * math.cos(angle), 233 + 31 * math.sin(angle))],
                    fill=(58, 56, 54), width=4,
                )  # fmt: skip
        blink = int(seconds * 2) % 2
        pen.ellipse([x + 80, 218, x + 88, 226], fill=(236, 90, 40) if blink else (96, 52, 36))

    return Scenery(finish(image), paint)
