"""Facts in, one verdict out: which rule fits first. Pure; the table below is all there is to it.

The order is that of the way to a picture: what is wrong at an earlier step explains what follows.
Each rule names its verdict, the step that it blames, and when it holds. The last one always does,
so every chart has exactly one verdict.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stream_relay.evidence import Container
from vms.records import LiveReason
from vms.records.doctor import Cause, Diagnosis, Grade, Mark, Rung, Step, Try
from vms.services.doctor.facts import Chart, is_nowhere, is_private, is_public
from vms.services.doctor.ladder import HEIGHT, build_ladder

PLAYABLE = frozenset({"h264", "h265"})
POOR_LOSS = 0.01
"""A picture that lacks every hundredth packet breaks with every picture group."""
POOR_DISORDER = 0.05
MUCH_GARBAGE_BYTES = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """One verdict and when it holds."""

    cause: Cause
    rung: Rung
    grade: Grade
    holds: Callable[[Chart], bool]


def ended(*reasons: LiveReason) -> Callable[[Chart], bool]:
    """The attempt ended for one of these reasons."""
    return lambda chart: chart.failure in reasons


def answered(*statuses: int) -> Callable[[Chart], bool]:
    """The device refused with one of these."""
    return lambda chart: chart.word == "refused" and chart.status in statuses


def said(*words: str) -> Callable[[Chart], bool]:
    """Signalling calls the failure so."""
    return lambda chart: chart.word in words


def _is_off(chart: Chart) -> bool:
    return chart.says_on is False and not chart.was_playing and not chart.evidence.packets


def _is_device_fault(chart: Chart) -> bool:
    return chart.word == "refused" and chart.status is not None and 500 <= chart.status < 600


def _is_trying(chart: Chart) -> bool:
    return chart.failure is LiveReason.DEVICE_UNREACHABLE and chart.has_provisional


def _lacks_connection(chart: Chart) -> bool:
    """It was agreed that a connection is made, and none was."""
    seen = chart.evidence
    is_known = not (seen.connections or seen.is_partial)
    return chart.is_answered and chart.is_tcp and is_known


def _cannot_connect(chart: Chart) -> bool:
    return _lacks_connection(chart) and chart.transport == "tcp-active"


def _lacks_packets(chart: Chart) -> bool:
    return chart.is_answered and not chart.evidence.packets


def _is_nowhere(chart: Chart) -> bool:
    return is_nowhere(chart.their_host)


def _is_behind_nat(chart: Chart) -> bool:
    return is_private(chart.their_host) and chart.their_host != chart.host


def _is_ours_hidden(chart: Chart) -> bool:
    """The address that we offer means nothing where the device is."""
    is_ours_local = chart.our_host.startswith("127.") and not chart.host.startswith("127.")
    return is_ours_local or (is_private(chart.our_host) and is_public(chart.host))


def _agreed_ssrc(chart: Chart) -> int | None:
    return chart.our_ssrc if chart.their_ssrc is None else chart.their_ssrc


def _is_wrong_ssrc(chart: Chart) -> bool:
    seen = chart.evidence
    agreed = _agreed_ssrc(chart)
    refused = [each.ssrc for each in seen.refused if each.ssrc is not None]
    return _lacks_packets(chart) and (bool(seen.strays) or any(s != agreed for s in refused))


def _is_foreign(chart: Chart) -> bool:
    return _lacks_packets(chart) and any(s.ssrc is not None for s in chart.evidence.refused)


def _is_unreadable(chart: Chart) -> bool:
    """Packets come, and nothing that anybody knows is found in them."""
    seen = chart.evidence
    is_known = bool(chart.codec or seen.packs or seen.pictures or seen.skipped_pictures)
    is_known = is_known or seen.has_map and seen.container is not Container.VIDEO
    return seen.packets > 0 and not (is_known or seen.is_partial)


def _is_encrypted(chart: Chart) -> bool:
    return _is_unreadable(chart) and chart.evidence.is_even


def _lacks_video(chart: Chart) -> bool:
    seen = chart.evidence
    is_known = bool(chart.codec or seen.pictures or seen.skipped_pictures or seen.is_partial)
    return seen.packets > 0 and not is_known


def _is_unplayable(chart: Chart) -> bool:
    return bool(chart.codec) and chart.codec not in PLAYABLE


def _is_other_ssrc(chart: Chart) -> bool:
    return chart.evidence.ssrc not in (None, _agreed_ssrc(chart))


def _is_other_source(chart: Chart) -> bool:
    source = chart.evidence.source
    return source is not None and source[0] not in (chart.host, chart.their_host)


def _lacks_map(chart: Chart) -> bool:
    seen = chart.evidence
    return seen.container is Container.PROGRAM and seen.pictures > 0 and not seen.has_map


def _has_garbage(chart: Chart) -> bool:
    return chart.evidence.garbage_bytes > MUCH_GARBAGE_BYTES and chart.pulse.loss == 0.0


_STATUSES: tuple[tuple[Cause, tuple[int, ...]], ...] = (
    (Cause.SIP_NOT_FOUND, (404,)),
    (Cause.SIP_BUSY, (486, 600)),
    (Cause.SIP_FORBIDDEN, (401, 403, 407)),
    (Cause.SIP_TRANSPORT, (415, 488, 606)),
)


def _failed(cause: Cause, rung: Rung, holds: Callable[[Chart], bool]) -> Rule:
    """A rule on attempts that ended without a picture, or whose picture is lost."""
    return Rule(cause, rung, Grade.FAILED, lambda c: c.failure is not None and holds(c))


FAILURES: tuple[Rule, ...] = (
    _failed(Cause.CHANNEL_UNKNOWN, Rung.CHANNEL, ended(LiveReason.CHANNEL_UNKNOWN)),
    _failed(
        Cause.DEVICE_LOST,
        Rung.FLOW,
        lambda c: c.was_playing and c.failure is LiveReason.DEVICE_OFFLINE,
    ),
    _failed(Cause.DEVICE_OFFLINE, Rung.DEVICE, ended(LiveReason.DEVICE_OFFLINE)),
    _failed(Cause.PORTS_EXHAUSTED, Rung.PLATFORM, ended(LiveReason.PORTS_EXHAUSTED)),
    _failed(Cause.RELAY_UNREACHABLE, Rung.PLATFORM, ended(LiveReason.RELAY_UNREACHABLE)),
    _failed(Cause.PLATFORM_BUSY, Rung.PLATFORM, said("overload")),
    _failed(Cause.PLATFORM_STOPPED, Rung.PLATFORM, ended(LiveReason.STOPPED)),
    *(_failed(cause, Rung.SIP, answered(*statuses)) for cause, statuses in _STATUSES),
    _failed(Cause.CHANNEL_OFF, Rung.CHANNEL, _is_off),
    _failed(Cause.SIP_UNAVAILABLE, Rung.SIP, answered(480)),
    _failed(Cause.SIP_DEVICE_FAULT, Rung.SIP, _is_device_fault),
    _failed(Cause.SIP_REFUSED, Rung.SIP, said("refused")),
    _failed(Cause.SIP_LATE, Rung.SIP, lambda c: c.is_late),
    _failed(Cause.SIP_TRYING_ONLY, Rung.SIP, _is_trying),
    _failed(Cause.SIP_SILENT, Rung.SIP, ended(LiveReason.DEVICE_UNREACHABLE)),
    _failed(Cause.SDP_MISSING, Rung.SDP, said("no_sdp")),
    _failed(Cause.SDP_BROKEN, Rung.SDP, said("bad_sdp")),
    _failed(Cause.SDP_PORT_ZERO, Rung.SDP, said("port_zero")),
    _failed(Cause.SDP_TRANSPORT, Rung.SDP, said("transport_mismatch")),
    _failed(Cause.SSRC_TAKEN, Rung.SSRC, lambda c: c.failure is LiveReason.BAD_ANSWER),
    _failed(Cause.STALLED, Rung.FLOW, ended(LiveReason.STALLED)),
    _failed(Cause.SDP_NO_ADDRESS, Rung.SDP, lambda c: _cannot_connect(c) and _is_nowhere(c)),
    _failed(
        Cause.SDP_PRIVATE_ADDRESS, Rung.SDP, lambda c: _cannot_connect(c) and _is_behind_nat(c)
    ),
    _failed(
        Cause.TCP_REFUSED,
        Rung.CONNECTION,
        lambda c: _cannot_connect(c) and c.evidence.connect_fault == "refused",
    ),
    _failed(Cause.TCP_UNREACHABLE, Rung.CONNECTION, _cannot_connect),
    _failed(Cause.OUR_ADDRESS, Rung.PACKETS, lambda c: _lacks_packets(c) and _is_ours_hidden(c)),
    _failed(Cause.TCP_NOT_MADE, Rung.CONNECTION, _lacks_connection),
    _failed(Cause.WRONG_SSRC, Rung.SSRC, _is_wrong_ssrc),
    _failed(Cause.FOREIGN_SOURCE, Rung.PACKETS, _is_foreign),
    _failed(Cause.NOT_RTP, Rung.PACKETS, lambda c: _lacks_packets(c) and c.evidence.malformed > 0),
    _failed(
        Cause.TCP_SILENT,
        Rung.CONNECTION,
        lambda c: _lacks_packets(c) and c.is_tcp and c.evidence.connections > 0,
    ),
    _failed(Cause.DEVICE_ENDED, Rung.FLOW, ended(LiveReason.DEVICE_ENDED)),
    _failed(Cause.NO_PACKETS, Rung.PACKETS, _lacks_packets),
    _failed(Cause.ENCRYPTED, Rung.CONTAINER, _is_encrypted),
    _failed(Cause.GARBAGE, Rung.CONTAINER, _is_unreadable),
    _failed(Cause.NO_VIDEO, Rung.CONTAINER, _lacks_video),
    _failed(Cause.CODEC_SVAC, Rung.CODEC, lambda c: c.codec == "svac"),
    _failed(Cause.CODEC_UNKNOWN, Rung.CODEC, lambda c: c.codec == "unknown"),
    _failed(Cause.CODEC_UNPLAYABLE, Rung.CODEC, _is_unplayable),
    _failed(Cause.NO_KEY_FRAME, Rung.KEY_FRAME, ended(LiveReason.NO_KEY_FRAME)),
    _failed(Cause.UNEXPLAINED, Rung.FLOW, lambda c: True),
)
"""What keeps a picture away, or took it away."""

SHOWN: tuple[Rule, ...] = (
    Rule(Cause.EXAMINING, Rung.DEVICE, Grade.OPEN, lambda c: not c.was_playing),
    Rule(Cause.CODEC_SVAC, Rung.CODEC, Grade.FAILED, lambda c: c.codec == "svac"),
    Rule(Cause.CODEC_UNKNOWN, Rung.CODEC, Grade.FAILED, lambda c: c.codec == "unknown"),
    Rule(Cause.CODEC_UNPLAYABLE, Rung.CODEC, Grade.FAILED, _is_unplayable),
    Rule(Cause.LOSS, Rung.FLOW, Grade.POOR, lambda c: c.pulse.loss >= POOR_LOSS),
    Rule(Cause.STALLS, Rung.FLOW, Grade.POOR, lambda c: c.pulse.stalls > 0 or c.pulse.is_silent),
    Rule(Cause.VIEWER_SLOW, Rung.VIEWER, Grade.POOR, lambda c: c.pulse.dropped > 0),
    Rule(Cause.DISORDER, Rung.FLOW, Grade.REMARK, lambda c: c.pulse.disorder >= POOR_DISORDER),
    Rule(Cause.SENDS_TS, Rung.CONTAINER, Grade.REMARK,
         lambda c: c.evidence.container is Container.TRANSPORT),
    Rule(Cause.SENDS_ES, Rung.CONTAINER, Grade.REMARK,
         lambda c: c.evidence.container is Container.VIDEO),
    Rule(Cause.OTHER_SOURCE, Rung.PACKETS, Grade.REMARK, _is_other_source),
    Rule(Cause.OTHER_SSRC, Rung.SSRC, Grade.REMARK, _is_other_ssrc),
    Rule(Cause.SDP_NO_ADDRESS, Rung.SDP, Grade.REMARK, _is_nowhere),
    Rule(Cause.SDP_PRIVATE_ADDRESS, Rung.SDP, Grade.REMARK, _is_behind_nat),
    Rule(Cause.STRANGERS, Rung.PACKETS, Grade.REMARK, lambda c: bool(c.evidence.refused)),
    Rule(Cause.NO_STREAM_MAP, Rung.CONTAINER, Grade.REMARK, _lacks_map),
    Rule(Cause.WRONG_STREAM_MAP, Rung.CONTAINER, Grade.REMARK,
         lambda c: c.evidence.is_contradicted),
    Rule(Cause.GARBAGE_BETWEEN, Rung.CONTAINER, Grade.REMARK, _has_garbage),
    Rule(Cause.H265, Rung.CODEC, Grade.REMARK, lambda c: c.codec == "h265"),
    Rule(Cause.FINE, Rung.VIEWER, Grade.FINE, lambda c: True),
)  # fmt: skip
"""What is to be said of an attempt that goes on: it is on its way, or the picture is there."""

RULES = FAILURES + SHOWN


def judge(chart: Chart) -> Rule:
    """The one rule that fits."""
    table = FAILURES if chart.failure is not None else SHOWN
    return next(rule for rule in table if rule.holds(chart))


def diagnose(channel: str, charts: Sequence[Chart]) -> Diagnosis:
    """The verdict on the latest round of attempts, whose charts these are, the oldest first.

    Where all failed, the one that came farthest tells most: a device that refuses TCP and sends
    nothing over UDP has a UDP problem.
    """
    if not charts:
        return Diagnosis(
            channel, Cause.NOT_EXAMINED, Grade.OPEN, None, "", "", build_ladder(None), (), False
        )
    rules = [judge(chart) for chart in charts]
    chosen = len(charts) - 1
    if rules[chosen].grade is Grade.FAILED:
        failed = [n for n, found in enumerate(rules) if found.grade is Grade.FAILED]
        chosen = max(failed, key=lambda n: (HEIGHT[rules[n].rung], -n))
    chart, rule = charts[chosen], rules[chosen]
    cause, grade = rule.cause, rule.grade
    if cause is Cause.FINE and len(charts) > 1:
        cause, grade = Cause.OTHER_TRANSPORT, Grade.REMARK
    is_blamed = grade in (Grade.FAILED, Grade.POOR)
    return Diagnosis(
        channel=channel,
        cause=cause,
        grade=grade,
        at=chart.at,
        transport=chart.transport,
        device_id=chart.device_id,
        ladder=build_ladder(chart, rule.rung if is_blamed else None),
        tried=tuple(
            Try(each.transport, each.at, found.cause)
            for each, found in zip(charts, rules, strict=True)
        ),
        is_running=not charts[-1].is_over,
    )


__all__ = ["RULES", "Mark", "Rule", "Step", "diagnose", "judge"]
