"""Who answers: our signalling plane, SIPp, and a socket that sends everything back (the floor)."""

import asyncio
import contextlib
import multiprocessing
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from bench.signalling.load import DOMAIN, HOST, PASSWORD, SERVER_ID, device_ids
from sip.server import Credential, SipConfig, SipServer
from tests.ports import free_port
from vms.ids import random_bytes

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SCENARIOS = Path(__file__).parent


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS_PER_S


@contextlib.contextmanager
def ours(devices: int) -> Iterator[tuple[int, int]]:
    """The SIP server of the platform, without its services; gives its port and its process."""
    with _process(_serve, devices) as running:
        yield running


@contextlib.contextmanager
def floor(devices: int) -> Iterator[tuple[int, int]]:
    """A loop that reads a datagram, writes a line of status before it and sends it back."""
    with _process(_echo, devices) as running:
        yield running


@contextlib.contextmanager
def sipp(scenario: str) -> Iterator[tuple[int, int]]:
    """SIPp as the one who answers."""
    port = free_port()
    command = [
        "sipp", "-sf", str(SCENARIOS / scenario), "-i", HOST, "-p", str(port), "-t", "u1",
        "-nostdin", "-cp", str(free_port()), "-deadcall_wait", "0", "-max_socket", "100",
    ]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ | {"TERM": "dumb"}, **quiet) as process:  # type: ignore[call-overload]  # the values are of one type
        try:
            _wait_bound(port)
            yield port, process.pid
        finally:
            process.kill()


@contextlib.contextmanager
def _process(target: object, devices: int) -> Iterator[tuple[int, int]]:
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=(there, devices), daemon=True)  # type: ignore[arg-type]  # a function
    process.start()
    try:
        yield here.recv(), process.pid or 0
    finally:
        here.send("end")
        process.join(10)
        process.kill()


def _wait_bound(port: int) -> None:
    """SIPp says nothing when it listens: its port is taken then."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return
        time.sleep(0.05)


def _serve(pipe: Connection, devices: int) -> None:
    asyncio.run(_serving(pipe, devices))


async def _serving(pipe: Connection, devices: int) -> None:
    config = SipConfig(
        server_id=SERVER_ID, domain=DOMAIN, host=HOST, port=0, advertised_host=HOST,
        registrations_per_s=1e6, stranger_messages_per_s=1e6, device_messages_per_s=1e6,
    )  # fmt: skip
    known = dict.fromkeys(device_ids(devices), Credential(PASSWORD))
    over = asyncio.Event()
    async with SipServer(config, known.get, lambda: datetime.now(UTC), random_bytes) as server:

        async def listen() -> None:
            async for _ in server.events():
                pass

        listening = asyncio.create_task(listen())
        asyncio.get_running_loop().add_reader(pipe.fileno(), over.set)
        pipe.send(server.port)
        await over.wait()
        listening.cancel()


def _echo(pipe: Connection, devices: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        pipe.send(sock.getsockname()[1])
        sock.settimeout(0.2)
        while not pipe.poll():
            with contextlib.suppress(TimeoutError):
                data, peer = sock.recvfrom(65_535)
                sock.sendto(b"SIP/2.0 200 OK\r\n" + data.partition(b"\r\n")[2], peer)
