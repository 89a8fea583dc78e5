"""The ladder: each step of the way to a picture, how it went, and the facts of it. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stream_relay.evidence import Stranger
from vms.records.doctor import Facts, Mark, Rung, Step
from vms.services.doctor.facts import Chart

HEIGHT = {rung: number for number, rung in enumerate(Rung)}
MOST_STRANGERS = 3


@dataclass(frozen=True, slots=True)
class _View:
    """How one step is read from a chart: whether it went well, as far as known, and its facts."""

    went: Callable[[Chart], bool]
    facts: Callable[[Chart], Iterable[tuple[str, object]]]


def _ssrc(number: int | None) -> str:
    return "" if number is None else f"{number:010d}"


def _place(host: str, port: int) -> str:
    return f"{host}:{port}" if host else ""


def _stranger(found: Stranger) -> str:
    return f"{found.host}:{found.port} SSRC {_ssrc(found.ssrc) or '–'} ({found.packets})"


def _strangers(found: Iterable[Stranger]) -> str:
    return "; ".join(map(_stranger, list(found)[:MOST_STRANGERS]))


def _seen_ssrc(chart: Chart) -> str:
    """What arrives, or what would if it were not refused."""
    seen = chart.evidence
    if seen.ssrc is not None:
        return _ssrc(seen.ssrc)
    refused = {_ssrc(each.ssrc) for each in (*seen.refused, *seen.strays)[:MOST_STRANGERS]}
    return ", ".join(sorted(refused - {""}))


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _share(value: float) -> str:
    return f"{value:.1%}" if value else ""


def _answer(chart: Chart) -> str:
    return f"{chart.status or ''} {chart.phrase}".strip()


_VIEWS: dict[Rung, _View] = {
    Rung.DEVICE: _View(
        lambda c: c.is_registered is True,
        lambda c: [("device", c.device_id), ("signalling_from", c.host)],
    ),
    Rung.CHANNEL: _View(
        lambda c: c.says_on is True,
        lambda c: [("status", {True: "ON", False: "OFF", None: ""}[c.says_on])],
    ),
    Rung.PLATFORM: _View(
        lambda c: c.our_port > 0,
        lambda c: [("our_address", _place(c.our_host, c.our_port)), ("port_range", c.ports)],
    ),
    Rung.SIP: _View(
        lambda c: c.status == 200,
        lambda c: [("answer", _answer(c)), ("trying", "100" if c.has_provisional else "")],
    ),
    Rung.SDP: _View(
        lambda c: c.is_answered,
        lambda c: [("their_address", _place(c.their_host, c.their_port))],
    ),
    Rung.CONNECTION: _View(
        lambda c: c.is_tcp and c.evidence.connections > 0,
        lambda c: [
            ("transport", c.transport),
            ("connections", c.evidence.connections if c.is_tcp else ""),
            ("attempts", c.evidence.attempts or ""),
            ("fault", c.evidence.connect_fault),
        ],
    ),
    Rung.PACKETS: _View(
        lambda c: c.evidence.packets > 0,
        lambda c: [
            ("packets", c.evidence.packets if c.is_answered else ""),
            ("media_from", _place(*c.evidence.source) if c.evidence.source else ""),
            ("first_packet", _seconds(c.evidence.first_packet_s)),
            ("refused", _strangers((*c.evidence.refused, *c.evidence.strays))),
            ("not_rtp", c.evidence.malformed or ""),
        ],
    ),
    Rung.SSRC: _View(
        lambda c: c.evidence.ssrc is not None,
        lambda c: [
            ("ssrc_asked", _ssrc(c.our_ssrc)),
            ("ssrc_answered", _ssrc(c.their_ssrc)),
            ("ssrc_seen", _seen_ssrc(c)),
        ],
    ),
    Rung.CONTAINER: _View(
        lambda c: bool(c.codec or c.evidence.packs or c.evidence.pictures),
        lambda c: [
            ("container", c.evidence.container.value.upper()),
            ("payload_type", "" if c.evidence.payload_type is None else c.evidence.payload_type),
            ("packs", "" if c.evidence.packs is None else c.evidence.packs),
            ("begins", c.evidence.begins),
            ("garbage", c.evidence.garbage_bytes or ""),
        ],
    ),
    Rung.CODEC: _View(lambda c: bool(c.codec), lambda c: [("codec", c.codec.upper())]),
    Rung.KEY_FRAME: _View(
        lambda c: c.key_frame_s is not None,
        lambda c: [
            ("key_frame", _seconds(c.key_frame_s)),
            ("thrown_away", c.evidence.skipped_pictures or ""),
            ("asked_for_key", "IFrameCmd" if c.is_key_frame_asked else ""),
        ],
    ),
    Rung.FLOW: _View(
        lambda c: c.is_playing,
        lambda c: [
            ("loss", _share(c.pulse.loss)),
            ("disorder", _share(c.pulse.disorder)),
            ("stalls", c.pulse.stalls or ""),
            ("bitrate", f"{c.pulse.bitrate_bps // 1000} kbit/s" if c.pulse.bitrate_bps else ""),
        ],
    ),
    Rung.VIEWER: _View(
        lambda c: c.is_playing and not c.pulse.dropped,
        lambda c: [("dropped", c.pulse.dropped or "")],
    ),
}


def build_ladder(chart: Chart | None, blamed: Rung | None = None) -> tuple[Step, ...]:
    """Every step, the lowest first; behind the blamed one nothing is known."""
    return tuple(_step(rung, chart, blamed) for rung in Rung)


def _step(rung: Rung, chart: Chart | None, blamed: Rung | None) -> Step:
    if chart is None:
        return Step(rung, Mark.UNKNOWN)
    view = _VIEWS[rung]
    facts: Facts = tuple((name, str(value)) for name, value in view.facts(chart) if value != "")
    if rung is blamed:
        return Step(rung, Mark.FAILED, facts)
    return Step(rung, Mark.OK if view.went(chart) else Mark.UNKNOWN, facts)
