"""Which figures there are: how each is taken, what it is compared with, what it may be at most."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bench.relay import runs
from bench.relay.runs import Load, Run

STREAM, VIEWER = "ms/stream-s", "ms/viewer-s"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `reference` is another row, or the number it is held against."""

    name: str
    title: str
    unit: str
    take: Callable[[Load], Run]
    reference: str | float | None = None
    limit: float | None = None
    """Of the ratio where there is one, else of the value."""
    repeats: int = 99
    """At most; figures that hardly vary are not taken as often as CPU."""
    combine: Literal["median", "max"] = "median"
    is_usual: bool = True
    """Part of a run that names no rows."""


ALL = (
    Row("floor_receive", "floor: receive, discard", STREAM, runs.receive_floor),
    Row(
        "ingest_udp",
        "UDP ingest, reorder, PS demux",
        STREAM,
        runs.ingest,
        reference="floor_receive",
        limit=1.3,
    ),
    Row(
        "ingest_udp_mux",
        "the same and one live FLV mux",
        STREAM,
        partial(runs.ingest, work="mux"),
        reference="floor_receive",
        limit=1.5,
    ),
    Row(
        "ingest_tcp",
        "TCP (RFC 4571) ingest, PS demux",
        STREAM,
        partial(runs.ingest, transport="tcp"),
        reference="ingest_udp",
        limit=0.5,
    ),
    Row(
        "floor_receive_tcp",
        "floor: receive TCP, discard",
        STREAM,
        lambda load: runs.receive_floor(load, "-t", transport="tcp"),
    ),
    Row(
        "ingest_udp_no_rest",
        "UDP ingest, the engine never rests",
        STREAM,
        partial(runs.ingest, rest_us=0),
        reference="floor_receive",
        limit=1.3,
    ),
    Row(
        "ingest_tcp_no_rest",
        "TCP ingest, the engine never rests",
        STREAM,
        partial(runs.ingest, transport="tcp", rest_us=0),
        reference="ingest_udp_no_rest",
        limit=0.5,
    ),
    Row("floor_forward", "floor: receive, send on by GSO", STREAM, runs.forward_floor),
    Row(
        "forward",
        "forward with another SSRC, ingest included",
        STREAM,
        runs.forward,
        reference="floor_forward",
        limit=1.4,
    ),
    Row(
        "forward_mux",
        "forward muxed anew, ingest included",
        STREAM,
        partial(runs.forward, work="forward-mux"),
        reference="forward",
        limit=1.5,
    ),
    Row(
        "forward_200_lost",
        "packets lost, 200 streams forwarded",
        "packets",
        partial(runs.forward_lost, streams=200),
        reference=None,
        limit=0,
        repeats=2,
        combine="max",
    ),
    Row(
        "floor_write_100",
        "floor: write a picture to 100",
        VIEWER,
        partial(runs.write_floor, count=100),
    ),
    Row(
        "fanout_http_100",
        "one stream, 100 HTTP-FLV viewers",
        VIEWER,
        partial(runs.fan_out, count=100),
        reference="floor_write_100",
        limit=1.15,
    ),
    Row(
        "fanout_ws_100",
        "one stream, 100 WebSocket viewers",
        VIEWER,
        partial(runs.fan_out, count=100, how="ws"),
        reference="floor_write_100",
        limit=1.3,
    ),
    Row(
        "floor_write_200",
        "floor: write a picture to 200",
        VIEWER,
        partial(runs.write_floor, count=200),
    ),
    Row(
        "fanout_http_200",
        "one stream, 200 HTTP-FLV viewers",
        VIEWER,
        partial(runs.fan_out, count=200),
        reference="floor_write_200",
        limit=1.15,
    ),
    Row(
        "fanout_http_50",
        "one stream, 50 HTTP-FLV viewers",
        VIEWER,
        partial(runs.fan_out, count=50),
    ),
    Row(
        "fanout_tls_50",
        "the same under TLS, written by Python",
        VIEWER,
        partial(runs.fan_out, count=50, how="tls"),
        reference="fanout_http_50",
    ),
    Row("api_p99", "GET, 99th percentile, 100 streams", "ms", runs.api_p99, 50.0, 1.0),
    Row("first_byte_after_key", "first byte after first key", "ms", runs.first_byte, 10.0, 1.0),
    Row("idle", "CPU of a relay without streams", "ms/s", runs.idle, 2.0, 1.0),
    Row(
        "memory_per_stream",
        "memory per stream, group cached",
        "MiB",
        runs.memory_per_stream,
        reference=2.0,
        limit=1.0,
        repeats=1,
    ),
    Row(
        "ingest_udp_viewer",
        "UDP ingest, one HTTP-FLV viewer each",
        STREAM,
        runs.viewer_each,
        reference="floor_receive",
        is_usual=False,
    ),
    Row(
        "fanout_http_20",
        "one stream, 20 HTTP-FLV viewers",
        VIEWER,
        partial(runs.fan_out, count=20),
        is_usual=False,
    ),
    Row(
        "fanout_tls_20",
        "the same under TLS, written by Python",
        VIEWER,
        partial(runs.fan_out, count=20, how="tls"),
        reference="fanout_http_20",
        is_usual=False,
    ),
    Row(
        "fanout_tls_100",
        "100 HTTP-FLV viewers under TLS",
        VIEWER,
        partial(runs.fan_out, count=100, how="tls"),
        reference="fanout_http_100",
        is_usual=False,
    ),
    Row(
        "floor_receive_gro",
        "floor: receive aggregates (GSO sender)",
        STREAM,
        lambda load: runs.receive_floor(load, "-g", transport="gso"),
        is_usual=False,
    ),
    Row(
        "ingest_udp_gso",
        "UDP ingest from a GSO sender",
        STREAM,
        partial(runs.ingest, transport="gso"),
        reference="floor_receive_gro",
        is_usual=False,
    ),
)
BY_NAME = {row.name: row for row in ALL}


def chosen(names: list[str]) -> list[Row]:
    """These rows and what they are compared with, in the order of the table; all without names.

    Raises KeyError for a name there is not.
    """
    wanted = {row.name for row in ALL if row.is_usual} if not names else set()
    queue = list(names)
    while queue:
        row = BY_NAME[queue.pop()]
        wanted.add(row.name)
        if isinstance(row.reference, str):
            queue.append(row.reference)
    return [row for row in ALL if row.name in wanted]
