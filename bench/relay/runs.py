"""One measurement of each kind: starts the processes, takes the figures, says what was wrong.

CPU is user and system time of all threads of the measured process between two snapshots of its
own, divided by stream-seconds (or viewer-seconds) of the same window.
"""

import http.client
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.relay.native import HOST, BenchError, Program, free_ports, sleep_until
from bench.relay.subject import FIRST_SSRC, code_of

DRAIN_S = 0.3
"""What was sent has been read by then."""
LATE_SHARE, LATE_MAX_MS = 0.10, 250.0
"""Of pictures more than 10 ms late, and of the latest one: beyond either the generator starved."""
LEAST_SHARE = 0.93
"""Of the expected bytes that viewers must have got; less means that they were not served."""
Access = Literal["http", "ws", "tls"]
"""How viewers come: HTTP-FLV, WebSocket (fMP4), HTTP-FLV under TLS."""
API_PATH = "/api/v1/channels"
API_PAUSE_S = 0.005


class NotAvailable(BenchError):
    """The relay of this version cannot do what the row measures."""


@dataclass(frozen=True, slots=True)
class Run:
    """One figure, why it does not count if it does not, and what else was seen."""

    value: float
    problem: str = ""
    notes: dict[str, Any] = field(default_factory=dict)
    doubt: str = ""
    """The generator was late: the figure counts only where there is no better one."""


@dataclass(frozen=True, slots=True)
class Load:
    """Sizes and times of all runs, seconds."""

    programs: Path
    streams: int = 50
    window_s: float = 4.0
    """A whole number of groups of pictures (2 s), else the bytes of two windows differ."""
    spread_s: float = 2.0
    settle_s: float = 0.5
    join_s: float = 1.5
    """From the viewers' coming to the window: what they get first is a burst of cached pictures."""
    viewer_cap: int = 1000
    stream_cap: int = 1000
    memory_s: float = 6.0
    """Three groups of pictures."""

    def program(self, name: str, *arguments: object) -> Program:
        """One of the C programs."""
        return Program([self.programs / name, *arguments])

    def generator(
        self, streams: int, port: int, seconds: float, spread_s: float, transport: str = "udp"
    ) -> Program:
        """Streams from FIRST_SSRC on, to every second port."""
        arguments = ["-n", streams, "-p", port, "-S", FIRST_SSRC, "-m", transport]
        return self.program("generate", *arguments, "-t", seconds, "-d", spread_s)


@contextmanager
def relay(work: str, port: int, *arguments: object) -> Iterator[Program]:
    """The process under test; raises NotAvailable when it cannot do the work."""
    command = ["--work", work, "--port", port, *arguments]
    with Program.python("bench.relay.subject", *command) as subject:
        if not subject.ready["ready"]:
            raise NotAvailable(subject.ready["reason"])
        yield subject


def window(program: Program, seconds: float) -> tuple[float, float]:
    """CPU seconds that a process used over about so long, and how long it was."""
    before = program.ask("usage")
    time.sleep(seconds)
    after = program.ask("usage")
    return after["cpu_s"] - before["cpu_s"], (after["now_ns"] - before["now_ns"]) / 1e9


def lateness(sent: dict[str, Any]) -> str:
    """Whether the generator kept time."""
    share = sent["late"] / max(sent["pictures"], 1)
    if share > LATE_SHARE or sent["late_max_ms"] > LATE_MAX_MS:
        return f"generator late: {share:.0%} over 10 ms, {sent['late_max_ms']:.0f} ms at most"
    return ""


def missing(sent: dict[str, Any], packets: int, where: str) -> str:
    """Whether packets did not arrive."""
    lost = sent["packets"] - packets
    return f"{lost} of {sent['packets']} packets did not arrive at the {where}" if lost else ""


# --- streams --------------------------------------------------------------------------------------


def cost_of_streams(
    load: Load,
    receiver: Program,
    port: int,
    transport: str = "udp",
    sink: Program | None = None,
    is_muxed: bool = False,
) -> Run:
    """CPU of a receiver in ms per stream-second; with a sink, all must reach that as well.

    What is muxed anew makes other packets: then those that left must reach the sink.
    """
    ahead = load.spread_s + load.settle_s
    seconds = ahead + load.window_s + load.settle_s
    with load.generator(load.streams, port, seconds, load.spread_s, transport) as generator:
        sleep_until(generator.ready["begin_ns"] + ahead * 1e9)
        used, lasted = window(receiver, load.window_s)
        sent = generator.finish()
    time.sleep(DRAIN_S)
    came = receiver.finish()
    problems = [missing(sent, came["packets"], "receiver")]
    if came.get("dropped"):
        problems.append(f"readers lost {came['dropped']} chunks")
    if sink is not None:
        left = {"packets": came["forwarded"]} if is_muxed else sent
        problems.append(missing(left, sink.finish()["packets"], "sink"))
        if left["packets"] < sent["packets"] // 2:
            problems.append("hardly anything was sent on")
    problem = "; ".join(filter(None, problems))
    return Run(1000 * used / (load.streams * lasted), problem, doubt=lateness(sent))


def viewer_each(load: Load) -> Run:
    """The relay with streams and one viewer over HTTP-FLV behind each, in another process."""
    port = free_ports(2 * load.streams)
    with relay("serve", port, "--streams", load.streams) as subject:
        http_port, token = subject.ready["http_port"], subject.ready["token"]
        paths = [live_path(number, token, "flv") for number in range(load.streams)]
        with load.program("viewers", "-k", load.streams, "-p", http_port, *paths) as viewers:
            run = cost_of_streams(load, subject, port)
            end = viewers.finish()
    unanswered = load.streams - end["answered"]
    problem = run.problem or (f"{unanswered} viewers not answered" if unanswered else "")
    return Run(run.value, problem, run.notes, run.doubt)


def receive_floor(load: Load, *arguments: object, transport: str = "udp") -> Run:
    """Receive and discard."""
    port = free_ports(2 * load.streams)
    with load.program("floor", "-n", load.streams, "-p", port, *arguments) as floor:
        return cost_of_streams(load, floor, port, transport)


def ingest(
    load: Load, work: str = "ingest", transport: str = "udp", rest_us: int | None = None
) -> Run:
    """The relay with streams and, by the work, one mux behind each."""
    port = free_ports(2 * load.streams)
    arguments: list[object] = ["--streams", load.streams]
    arguments += ["--transport", "tcp-passive" if transport == "tcp" else "udp"]
    arguments += [] if rest_us is None else ["--rest-us", rest_us]
    with relay(work, port, *arguments) as subject:
        return cost_of_streams(load, subject, port, transport)


def forward_floor(load: Load) -> Run:
    """Receive and send on unread, by GSO."""
    port = free_ports(4 * load.streams)
    target = port + 2 * load.streams
    with (
        load.program("sink", "-n", load.streams, "-p", target) as sink,
        load.program("floor", "-n", load.streams, "-p", port, "-f", target) as floor,
    ):
        return cost_of_streams(load, floor, port, sink=sink)


def forward(load: Load, work: str = "forward") -> Run:
    """The relay receives and sends on with another SSRC; nothing may be lost on the way."""
    port = free_ports(6 * load.streams)
    target = port + 4 * load.streams
    with (
        load.program("sink", "-n", load.streams, "-p", target) as sink,
        relay(work, port, "--streams", load.streams, "--target", target) as subject,
    ):
        is_muxed = work == "forward-mux"
        return cost_of_streams(load, subject, port, sink=sink, is_muxed=is_muxed)


def forward_lost(load: Load, streams: int) -> Run:
    """Packets of many streams that did not come out of the relay again."""
    port = free_ports(6 * streams)
    target, seconds = port + 4 * streams, load.spread_s + load.window_s
    with (
        load.program("sink", "-n", streams, "-p", target, "-v") as sink,
        relay("forward", port, "--streams", streams, "--target", target) as subject,
    ):
        with load.generator(streams, port, seconds, load.spread_s) as generator:
            sent = generator.finish()
        time.sleep(DRAIN_S)
        subject.finish()
        came = sink.finish()
    notes = {"sent": sent["packets"], "lossy_streams": came["lossy_sources"]}
    notes["late_max_ms"] = sent["late_max_ms"]
    return Run(sent["packets"] - came["packets"], "", notes)


# --- viewers --------------------------------------------------------------------------------------


def live_path(number: int, token: str, form: str) -> str:
    """Where a viewer finds stream `number`."""
    return f"/live/{code_of(number)}.{form}?token={token}"


def cost_of_viewers(
    load: Load, server: Program, count: int, http_port: int, path: str, how: Access
) -> Run:
    """CPU of a server in ms per viewer-second."""
    if how == "tls":
        arguments = ["--viewers", count, "--port", http_port, path]
        program = Program.python("bench.relay.tls_viewers", *arguments)
    else:
        arguments = ["-k", count, "-p", http_port, *(["-w"] if how == "ws" else []), path]
        program = load.program("viewers", *arguments)
    with program as viewers:
        time.sleep(load.join_s)
        before = viewers.ask()
        used, lasted = window(server, load.window_s)
        after = viewers.ask()
        blocked = server.ask().get("blocked", 0)  # of the floor, which drops what does not fit
        end = viewers.finish()
    rate = (after["bytes"] - before["bytes"]) / lasted / count * 8 / 1e6
    problem = ""
    if end["refused"] or end["closed"] or end["answered"] < count:
        problem = f"{count - end['answered']} viewers not answered, {end['closed']} closed"
    elif end["least"] < LEAST_SHARE * end["most"]:
        problem = f"viewers were not served alike: {end['least']} to {end['most']} bytes"
    elif blocked:
        problem = f"{blocked} pictures did not fit into a viewer's connection"
    return Run(1000 * used / (count * lasted), problem, {"mbit_s": round(rate, 3)})


def write_floor(load: Load, count: int) -> Run:
    """Write each picture to every viewer."""
    count, port = min(count, load.viewer_cap), free_ports(2)
    with load.program("write_floor", "-p", port) as floor:
        return cost_of_viewers(load, floor, count, port, "/", "http")


def fan_out(load: Load, count: int, how: Access = "http") -> Run:
    """One stream of the relay to many viewers, its ingest included."""
    count, port = min(count, load.viewer_cap), free_ports(2)
    seconds = 3 * load.settle_s + load.join_s + load.window_s + 0.5
    with relay("serve", port, "--streams", 1, *(["--tls"] if how == "tls" else [])) as subject:
        http_port, token = subject.ready["http_port"], subject.ready["token"]
        path = live_path(0, token, "ws" if how == "ws" else "flv")
        with load.generator(1, port, seconds, 0.0) as generator:
            sleep_until(generator.ready["begin_ns"] + load.settle_s * 1e9)
            run = cost_of_viewers(load, subject, count, http_port, path, how)
            sent = generator.finish()
    expected = 25 * 8 * sent["bytes"] / max(sent["pictures"], 1) / 1e6
    problem = run.problem
    if not problem and run.notes["mbit_s"] < LEAST_SHARE * expected:
        problem = f"viewers got {run.notes['mbit_s']} of {expected:.2f} Mbit/s"
    return Run(run.value, problem, run.notes, lateness(sent))


def first_byte(load: Load, streams: int = 10) -> Run:
    """ms from the last packet of the first key picture to the first byte at a waiting viewer."""
    streams = min(streams, load.stream_cap)
    port = free_ports(2 * streams)
    with relay("serve", port, "--streams", streams) as subject:
        http_port, token = subject.ready["http_port"], subject.ready["token"]
        paths = [live_path(number, token, "flv") for number in range(streams)]
        with load.program("viewers", "-k", streams, "-p", http_port, *paths) as viewers:
            time.sleep(load.settle_s)
            seconds = load.spread_s + load.settle_s
            with load.generator(streams, port, seconds, load.spread_s) as generator:
                sent = generator.finish()
            time.sleep(DRAIN_S)
            got = viewers.finish()
    if not all(got["first_ns"]):
        return Run(0.0, f"{got['first_ns'].count(0)} viewers got nothing")
    keys = sent["key_sent_ns"]
    first = [(came - key) / 1e6 for came, key in zip(got["first_ns"], keys, strict=True)]
    pictures = zip(got["picture_ns"], keys, strict=True)
    picture = [(came - key) / 1e6 for came, key in pictures if came]
    notes = {"max_ms": round(max(first), 2)}
    if picture:
        notes["whole_key_ms"] = round(statistics.median(picture), 2)
    return Run(statistics.median(first), "", notes)


# --- the rest -------------------------------------------------------------------------------------


def api_p99(load: Load, streams: int = 100) -> Run:
    """99th percentile in ms of a GET while streams flow through the same process."""
    streams = min(streams, load.stream_cap)
    port = free_ports(2 * streams)
    seconds = load.spread_s + 2 * load.settle_s + 2 * load.window_s
    with relay("serve", port, "--streams", streams) as subject:
        http_port, token = subject.ready["http_port"], subject.ready["token"]
        quiet = ask_often(http_port, token, load.window_s / 4)
        with load.generator(streams, port, seconds, load.spread_s) as generator:
            sleep_until(generator.ready["begin_ns"] + (load.spread_s + load.settle_s) * 1e9)
            busy = ask_often(http_port, token, 2 * load.window_s)
            sent = generator.finish()
        time.sleep(DRAIN_S)
        came = subject.finish()
    notes = {
        "median_ms": round(statistics.median(busy), 2),
        "quiet_p99_ms": round(percentile(quiet, 0.99), 2),
        "requests": len(busy),
        "packets_lost": sent["packets"] - came["packets"],
    }
    return Run(percentile(busy, 0.99), "", notes, lateness(sent))


def ask_often(http_port: int, token: str, seconds: float) -> list[float]:
    """Times in ms of one GET after another over one connection."""
    connection = http.client.HTTPConnection(HOST, http_port, timeout=10)
    headers = {"Authorization": f"Bearer {token}"}
    taken = []
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            begin = time.perf_counter()
            connection.request("GET", API_PATH, headers=headers)
            with connection.getresponse() as answer:
                answer.read()
            taken.append(1000 * (time.perf_counter() - begin))
            if answer.status != 200:
                raise BenchError(f"GET {API_PATH} was answered {answer.status}")
            time.sleep(API_PAUSE_S)
    finally:
        connection.close()
    return taken


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def idle(load: Load) -> Run:
    """ms of CPU per second of a relay without streams."""
    with relay("idle", free_ports(4)) as subject:
        time.sleep(load.settle_s)
        used, lasted = window(subject, load.window_s)
    return Run(1000 * used / lasted)


def memory_per_stream(load: Load) -> Run:
    """MiB that a stream adds after three groups of pictures, nobody watching."""
    port = free_ports(2 * load.streams)
    ahead = load.spread_s + load.memory_s
    with relay("ingest", port, "--streams", load.streams) as subject:
        with load.generator(load.streams, port, ahead + 0.5, load.spread_s) as generator:
            sleep_until(generator.ready["begin_ns"] + ahead * 1e9)
            held = subject.ask()
            sent = generator.finish()
        time.sleep(DRAIN_S)
        came = subject.finish()
    grown = (held["rss_bytes"] - subject.ready["rss_before"]) / load.streams / (1 << 20)
    notes = {"gop_cache_mib": round(held["gop_cache_bytes"] / load.streams / (1 << 20), 2)}
    return Run(grown, missing(sent, came["packets"], "relay"), notes)
