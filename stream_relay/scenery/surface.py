"""Places in buildings and above ground: machine room, shaft head, yard, control room."""

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
    miner,
    paste,
    sprite,
    tint,
)


def machines(rng: random.Random) -> Scenery:
    """A machine room: pumps with turning shafts, gauges, lamps, a guard on his round."""
    image, draw = canvas(tint(rng, (148, 154, 156)), tint(rng, (118, 122, 124)))
    draw.rectangle([0, 500, WIDTH * SCALE, HEIGHT * SCALE], fill=tint(rng, (92, 98, 94)))
    draw.rectangle([0, 492, WIDTH * SCALE, 502], fill=(190, 168, 62))
    for x in range(90, WIDTH * SCALE, 380):
        draw.rectangle([x, 20, x + 200, 34], fill=(250, 250, 240))
    for x in range(60, 60 + 5 * 120, 120):
        draw.rectangle(
            [x, 120, x + 104, 330],
            fill=tint(rng, (88, 104, 112), 5),
            outline=(60, 66, 70),
            width=3,
        )
    body = tint(rng, (58, 108, 132))
    pumps = [90 + index * 188 for index in range(3)]
    for x in pumps:
        base = x * SCALE
        draw.rounded_rectangle([base, 390, base + 170, 500], 16, fill=body)
        for rib in range(base + 16, base + 160, 14):
            draw.line([(rib, 398), (rib, 492)], fill=(46, 88, 108), width=3)
        draw.rectangle([base - 14, 500, base + 300, 522], fill=(70, 74, 78))
        draw.pieslice([base + 196, 380, base + 300, 510], 0, 360, fill=(108, 116, 120))
        draw.rectangle([base + 236, 200, base + 260, 396], fill=(96, 132, 92))
    people = miner(vest=(62, 96, 150), helmet=(240, 240, 240))
    people = [figure.resize((44, 106)) for figure in people]
    mirrored = [figure.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for figure in people]
    period, phase, rate = rng.uniform(30, 46), rng.random(), rng.uniform(2.0, 3.2)

    def paint(frame: Image.Image, seconds: float) -> None:
        pen = ImageDraw.Draw(frame)
        for number, x in enumerate(pumps):
            running = number != int(seconds / 20 + phase * 3) % 3
            centre = (x + 124, 222)
            angle = seconds * rate * running
            for blade in range(3):
                turn = angle + blade * 2 * math.pi / 3
                end = (centre[0] + 20 * math.cos(turn), centre[1] + 24 * math.sin(turn))
                pen.line([centre, end], fill=(54, 60, 62), width=5)
            lamp = (70, 214, 108) if running else (214, 84, 62)
            pen.ellipse([x + 30, 70 + 4, x + 40, 84], fill=lamp)
            needle = 0.9 + (0.5 + 0.12 * math.sin(seconds * 0.8 + number)) * running
            pen.ellipse([x + 52, 72, x + 76, 96], fill=(240, 240, 236), outline=(50, 50, 50))
            tip = (x + 64 - 10 * math.cos(needle * 2), 84 - 10 * math.sin(needle * 2))
            pen.line([(x + 64, 84), tip], fill=(180, 30, 30), width=2)
        turn = (seconds / period + phase) % 1.0
        figures = people if turn < 0.5 else mirrored
        paste(
            frame, figures[int(seconds * 3) % 4], -50 + (WIDTH + 60) * (1 - abs(2 * turn - 1)), 236
        )

    return Scenery(finish(image), paint)


def shaft(rng: random.Random) -> Scenery:
    """A shaft head: winding tower, turning sheaves, a cage that rises and sinks."""
    image, draw = canvas(tint(rng, (150, 176, 198)), tint(rng, (206, 212, 208)))
    draw.polygon(
        [(0, 420), (330, 330), (640, 400), (980, 320), (1280, 410), (1280, 560), (0, 560)],
        fill=(122, 136, 126),
    )
    draw.rectangle([0, 540, WIDTH * SCALE, HEIGHT * SCALE], fill=tint(rng, (134, 130, 122)))
    x = rng.randint(620, 800)
    draw.rectangle([x + 210, 380, x + 470, 560], fill=tint(rng, (176, 166, 152)))
    for window in range(x + 230, x + 450, 44):
        draw.rectangle([window, 410, window + 26, 446], fill=(96, 120, 138))
    steel = tint(rng, (150, 62, 50), 20)
    for side in (-1, 1):
        draw.line([(x + side * 74, 590), (x + side * 40, 130)], fill=steel, width=12)
    draw.line([(x + 36, 136), (x + 230, 580)], fill=steel, width=14)
    for index, y in enumerate(range(180, 580, 66)):
        reach = 44 + index * 5
        draw.line([(x - reach, y), (x + reach, y + 50)], fill=steel, width=6)
        draw.line([(x + reach, y), (x - reach, y + 50)], fill=steel, width=6)
    draw.rectangle([x - 66, 112, x + 66, 130], fill=steel)
    period, phase = rng.uniform(24, 36), rng.random()
    middle = x / SCALE

    def paint(frame: Image.Image, seconds: float) -> None:
        pen = ImageDraw.Draw(frame)
        turn = (seconds / period + phase) % 1.0
        height = (1 - math.cos(2 * math.pi * turn)) / 2
        y = 96 + height * 160
        for offset in (-18, 18):
            centre = (middle + offset, 44)
            pen.ellipse([centre[0] - 16, 28, centre[0] + 16, 60], outline=(60, 60, 64), width=3)
            for spoke in range(4):
                angle = height * 40 + spoke * math.pi / 4
                dx, dy = 15 * math.cos(angle), 15 * math.sin(angle)
                pen.line([(centre[0] - dx, 44 - dy), (centre[0] + dx, 44 + dy)], fill=(70, 70, 74))
        pen.line([(middle, 52), (middle, y)], fill=(40, 40, 44), width=2)
        pen.rectangle(
            [middle - 17, y, middle + 17, y + 40], fill=(196, 170, 66), outline=(70, 62, 40)
        )
        pen.rectangle([middle - 11, y + 9, middle + 11, y + 36], fill=(66, 72, 76))

    return Scenery(finish(image), paint)


def yard(rng: random.Random) -> Scenery:
    """A surface yard: coal piles, silos, lorries that come and go."""
    image, draw = canvas(tint(rng, (162, 180, 194)), tint(rng, (214, 214, 204)))
    draw.rectangle([0, 380, WIDTH * SCALE, HEIGHT * SCALE], fill=tint(rng, (142, 134, 122)))
    for _ in range(rng.randint(2, 4)):
        x, width, height = rng.randint(-80, 1000), rng.randint(260, 460), rng.randint(90, 190)
        shade = rng.randint(34, 52)
        draw.polygon(
            [
                (x, 440),
                (x + width * 0.42, 440 - height),
                (x + width * 0.6, 446 - height),
                (x + width, 440),
            ],
            fill=(shade, shade, shade + 3),
        )
    for index in range(rng.randint(1, 3)):
        x = 760 + index * 150
        draw.rectangle([x, 170, x + 120, 440], fill=tint(rng, (180, 182, 180)))
        draw.ellipse([x, 150, x + 120, 190], fill=(196, 198, 196))
    draw.polygon([(0, 500), (1280, 470), (1280, 640), (0, 690)], fill=(108, 106, 104))
    for x in range(0, WIDTH * SCALE, 120):
        draw.line([(x, 588 - x * 0.03), (x + 60, 586 - x * 0.03)], fill=(206, 202, 186), width=5)
    cab = rng.choice([(188, 70, 54), (58, 104, 150), (206, 156, 54), (84, 132, 92)])

    def lorry(pen: ImageDraw.ImageDraw) -> None:
        pen.polygon([(8, 34), (170, 34), (158, 92), (20, 92)], fill=(116, 124, 128))
        pen.polygon([(24, 36), (70, 12), (130, 20), (160, 36)], fill=(40, 40, 43))
        pen.rounded_rectangle([176, 30, 232, 96], 8, fill=cab)
        pen.rectangle([200, 40, 226, 62], fill=(186, 208, 220))
        for x in (36, 84, 196):
            pen.ellipse([x, 82, x + 32, 114], fill=(36, 36, 38))
            pen.ellipse([x + 10, 92, x + 22, 104], fill=(150, 150, 150))

    right = sprite(122, 60, lorry)
    left = right.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    period, phase = rng.uniform(16, 26), rng.random()

    def paint(frame: Image.Image, seconds: float) -> None:
        turn = (seconds / period + phase) % 2.0
        if turn < 1:
            paste(frame, right, -130 + (WIDTH + 140) * turn, 262 - 12 * turn)
        else:
            paste(frame, left, WIDTH - (WIDTH + 140) * (turn - 1), 232 + 8 * (turn - 1))

    return Scenery(finish(image), paint)


def office(rng: random.Random) -> Scenery:
    """A control room: screens with running curves, people at their desks."""
    image, draw = canvas(tint(rng, (66, 78, 92)), tint(rng, (96, 102, 108)))
    draw.rectangle([0, 440, WIDTH * SCALE, HEIGHT * SCALE], fill=tint(rng, (104, 94, 84)))
    screens = [(60 + column * 176, 34 + row * 74) for row in range(2) for column in range(3)]
    for x, y in screens:
        draw.rectangle(
            [x * SCALE - 6, y * SCALE - 6, (x + 160) * SCALE + 6, (y + 64) * SCALE + 6],
            fill=(26, 30, 36),
        )
    shirts = [tint(rng, (74, 104, 142), 30) for _ in range(3)]
    for index, shirt in enumerate(shirts):
        x = 190 + index * 390 + rng.randint(-30, 30)
        draw.rounded_rectangle([x - 58, 430, x + 58, 590], 30, fill=shirt)
        draw.ellipse([x - 32, 366, x + 32, 440], fill=(48, 40, 36))
    draw.rectangle([0, 560, WIDTH * SCALE, 600], fill=(150, 128, 102))
    draw.rectangle([0, 600, WIDTH * SCALE, 616], fill=(116, 98, 78))
    phases = [
        (rng.uniform(0, 6), rng.uniform(0.5, 1.6), tint(rng, (82, 190, 150), 50)) for _ in screens
    ]

    def paint(frame: Image.Image, seconds: float) -> None:
        pen = ImageDraw.Draw(frame)
        for (x, y), (phase, speed, colour) in zip(screens, phases, strict=True):
            points = [
                (
                    x + step,
                    y
                    + 32
                    + 17
                    * math.sin(step / 15 + phase + seconds * speed)
                    * math.cos(step / 31 + phase),
                )
                for step in range(4, 158, 4)
            ]
            pen.line(points, fill=colour, width=2)
            done = (seconds * speed * 4 + phase * 20) % 150
            pen.rectangle([x + 5, y + 56, x + 5 + done, y + 59], fill=colour)

    return Scenery(finish(image), paint)
