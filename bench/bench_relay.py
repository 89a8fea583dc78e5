"""What a stream costs the relay: CPU per stream-second, against plain receiving in the same run.

Each row is a process of its own that receives the same load: N streams of about 4 Mbit/s, PS over
RTP, 25 pictures a second, a key every 2 s. The floor takes the packets from its sockets and throws
them away. Machines differ; read the ratios.

    python bench/bench_relay.py [--streams 20] [--seconds 6] [--repeats 3] [--rig DIR]

`--rig DIR`: use the C generator and floor of the media rig in DIR (its sources; gcc and ffmpeg
build them) instead of the Python ones.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from stream_relay.access_unit import AccessUnit, Codec, Kind
from stream_relay.errors import StreamClosed
from stream_relay.formats import build_packet
from stream_relay.formats.ps_mux import PsMuxer
from stream_relay.formats.rfc4571 import build_frame
from stream_relay.receiver import Receiver, Transport
from stream_relay.recorder import Recorder
from stream_relay.relay import Relay, RelayConfig

HOST = "127.0.0.1"
FIRST_PORT = 27_000
"""Below what the kernel gives to outgoing connections."""
FIRST_SSRC = 200000001
FPS = 25
GOP = 50
KEY_BYTES, OTHER_BYTES = 78_000, 18_800
PAYLOAD_BYTES = 1400
SETS = b"\0\0\0\1" + bytes.fromhex("674d401eda0280f6c044000003000400000300ca3c58ba80")
SETS += b"\0\0\0\1" + bytes.fromhex("68ef0fc8")
ROWS = ("ingest_udp", "ingest_udp_flv", "ingest_udp_fmp4", "record_udp", "ingest_tcp")
WARM_UP_S = 1.0


def main() -> None:
    options = parse_options()
    if options.role == "send":
        send(options.streams, options.seconds, options.row)
    elif options.role == "floor":
        floor(options.streams)
    elif options.role == "relay":
        asyncio.run(relay(options.streams, options.row))
    elif options.rig:
        with tempfile.TemporaryDirectory() as folder:
            options.rig = built_rig(options.rig, Path(folder))
            compare(options)
    else:
        compare(options)


def built_rig(sources: Path, folder: Path) -> Path:
    """The generator, the floor and the input, made in a folder of our own."""
    for name in ("psblast.c", "netfloor.c", "Makefile", "mkinput.sh"):
        shutil.copy(sources / name, folder)
    subprocess.run(["make", "-s", "psblast", "netfloor"], cwd=folder, check=True)
    subprocess.run(["sh", "mkinput.sh", ".", "4"], cwd=folder, check=True)
    return folder


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--repeats", type=int, default=3)
    rig = os.environ.get("RIG")
    parser.add_argument(
        "--rig",
        type=Path,
        default=Path(rig) if rig else None,
        help="folder of the media rig's sources (default: the variable RIG)",
    )
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    parser.add_argument("--role", choices=["compare", "send", "floor", "relay"], default="compare")
    parser.add_argument("--row", choices=ROWS, default=ROWS[0], help=argparse.SUPPRESS)
    return parser.parse_args()


# --- the comparison -------------------------------------------------------------------------------


def compare(options: argparse.Namespace) -> None:
    """Rows round-robin, so that what else the machine does meets all of them alike."""
    figures: dict[str, list[float]] = {name: [] for name in ("floor", *ROWS)}
    for _ in range(options.repeats):
        for name in figures:
            cost, problem = measure(options, name)
            if problem:
                print(f"{name}: discarded, {problem}", file=sys.stderr)
            else:
                figures[name].append(cost)
    median = {name: statistics.median(costs) for name, costs in figures.items() if costs}
    if "floor" not in median:
        sys.exit("the floor could not be measured")
    rows = [
        {
            "name": name,
            "value": round(cost, 2),
            "unit": "ms/stream-s",
            "reference": round(median["floor"], 2),
            "ratio": round(cost / median["floor"], 2),
        }
        for name, cost in median.items()
    ]
    print(f"{options.streams} streams of 4 Mbit/s, {options.seconds:g} s, {options.repeats} runs")
    print(f"{'what':<18}{'ms/stream-s':>12}{'/ floor':>9}   lowest - highest")
    for row in rows:
        costs = figures[str(row["name"])]
        print(
            f"{row['name']:<18}{row['value']:>12}{row['ratio']:>9}"
            f"   {min(costs):.2f} - {max(costs):.2f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def measure(options: argparse.Namespace, name: str) -> tuple[float, str]:
    """CPU of one receiver in ms per stream-second, and why the run does not count."""
    row = name if name in ROWS else ROWS[0]
    receiver = start_receiver(options, name, row)
    assert receiver.stdout is not None
    try:
        if name != "floor" or not options.rig:
            receiver.stdout.readline()
        else:
            time.sleep(0.3)
        sent = json.loads(subprocess.run(sender(options, row), stdout=-1, check=True).stdout)
        time.sleep(0.3)
        receiver.send_signal(signal.SIGTERM)
        answer = json.loads(receiver.communicate(timeout=20)[0].splitlines()[-1])
    finally:
        receiver.kill()
    missing = sent["packets"] - answer["packets"]
    problem = f"{missing} of {sent['packets']} packets did not arrive" if missing else ""
    return 1000 * answer["cpu_s"] / (options.streams * options.seconds), problem


def start_receiver(options: argparse.Namespace, name: str, row: str) -> "subprocess.Popen[bytes]":
    if name == "floor" and options.rig:
        command = [options.rig / "netfloor", "-n", options.streams, "-p", FIRST_PORT, "-s", 2]
        command += ["-t", options.seconds + 5]
    else:
        role = "floor" if name == "floor" else "relay"
        command = [sys.executable, __file__, "--role", role, "--row", row]
        command += ["--streams", options.streams]
    return subprocess.Popen([str(item) for item in command], stdout=subprocess.PIPE)


def sender(options: argparse.Namespace, row: str) -> list[str]:
    if options.rig:
        command = [options.rig / "psblast", "-i", options.rig / "in.h264", "-n", options.streams]
        command += ["-p", FIRST_PORT, "-s", 2, "-S", FIRST_SSRC, "-t", options.seconds, "-d", 2]
        command += ["-T"] if row == "ingest_tcp" else []
    else:
        command = [sys.executable, __file__, "--role", "send", "--row", row]
        command += ["--streams", options.streams, "--seconds", options.seconds]
    return [str(item) for item in command]


# --- the sender -----------------------------------------------------------------------------------


def send(streams: int, seconds: float, row: str) -> None:
    """Every stream in its own phase of the group, so that key frames do not coincide."""
    is_tcp = row == "ingest_tcp"
    packs = list(group_of_packs())
    sockets = [connect(FIRST_PORT + 2 * n, is_tcp) for n in range(streams)]
    sequences = [0] * streams
    packets = 0
    started = time.monotonic()
    for frame in range(int(seconds * FPS)):
        for n, sock in enumerate(sockets):
            due = started + (frame + n / streams) / FPS
            time.sleep(max(due - time.monotonic(), 0))
            # A stream begins with a key; the phases differ by when they begin.
            if frame < (n * GOP // streams) % GOP:
                continue
            pack = packs[(frame - (n * GOP // streams) % GOP) % GOP]
            pieces = [pack[i : i + PAYLOAD_BYTES] for i in range(0, len(pack), PAYLOAD_BYTES)]
            for i, piece in enumerate(pieces):
                is_last = i == len(pieces) - 1
                data = build_packet(96, is_last, sequences[n], frame * 3600, FIRST_SSRC + n, piece)
                sock.sendall(build_frame(data)) if is_tcp else sock.send(data)
                sequences[n] = (sequences[n] + 1) & 0xFFFF
            packets += len(pieces)
    print(json.dumps({"packets": packets}))


def group_of_packs() -> Iterator[bytes]:
    """One group of pictures as PS packs; the pictures are noise behind real parameter sets."""
    muxer = PsMuxer()
    for index in range(GOP):
        is_key = index == 0
        filler = b"\x5a" * (KEY_BYTES if is_key else OTHER_BYTES)
        data = (SETS + b"\0\0\0\1\x65\x88" if is_key else b"\0\0\0\1\x41\x9a") + filler
        ticks = index * 90_000 // FPS
        yield muxer.mux(AccessUnit(Kind.VIDEO, Codec.H264, ticks, ticks, is_key, data))


def connect(port: int, is_tcp: bool) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM)
    sock.connect((HOST, port))
    return sock


# --- the receivers --------------------------------------------------------------------------------


def floor(streams: int) -> None:
    """Take and discard: what no Python receiver can go below."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    poller, sockets = select.epoll(), {}
    for n in range(streams):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setblocking(False)
        sock.bind((HOST, FIRST_PORT + 2 * n))
        sockets[sock.fileno()] = sock
        poller.register(sock, select.EPOLLIN)
    buffer = bytearray(65_536)
    packets, before = 0, cpu_s()
    print("ready", flush=True)
    while not stopped:
        for fd, _ in poller.poll(0.2):
            with contextlib.suppress(BlockingIOError):
                while True:
                    sockets[fd].recvfrom_into(buffer)
                    packets += 1
    print(json.dumps({"packets": packets, "cpu_s": cpu_s() - before}))


async def relay(streams: int, row: str) -> None:
    """The product, with what the row's name says behind it."""
    ports = range(FIRST_PORT, FIRST_PORT + 2 * streams)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    transport: Transport = "tcp-passive" if row == "ingest_tcp" else "udp"
    config = RelayConfig(host=HOST, ports=ports)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as executor:
        async with (
            Relay(config, lambda: datetime.now(UTC)) as engine,
            asyncio.TaskGroup() as group,
        ):
            receivers = [
                await engine.open_receiver(
                    str(n), transport, FIRST_SSRC + n, ssrc_check=True, signalling_host=HOST
                )
                for n in range(streams)
            ]
            for receiver in receivers:
                group.create_task(consume(receiver, row, Path(folder), executor))
            before = cpu_s()
            print("ready", flush=True)
            await stopped.wait()
            used = cpu_s() - before
            for receiver in receivers:
                await receiver.close()
            packets = sum(r.stream.statistics.packets for r in receivers)
    print(json.dumps({"packets": packets, "cpu_s": used}))


async def consume(receiver: Receiver, row: str, folder: Path, executor: ThreadPoolExecutor) -> None:
    if row in ("ingest_udp", "ingest_tcp"):
        return
    if row == "record_udp":
        async with receiver.stream.open_reader("fmp4-any-audio") as reader:
            await Recorder(
                reader, folder, receiver.stream.id, executor=executor, on_event=lambda event: None
            ).run()
        return
    async with receiver.stream.open_reader("flv" if row.endswith("flv") else "fmp4") as reader:
        with contextlib.suppress(StreamClosed):
            async for _ in reader:
                pass


def cpu_s() -> float:
    """User and system time of all threads of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
