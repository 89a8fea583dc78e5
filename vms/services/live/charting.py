"""Writes down on a chart of the stream doctor what a live session sees."""

from dataclasses import replace

from sip.message.sdp import MediaOffer
from sip.server import Invitation, InvitationFailed
from stream_relay.access_unit import Kind
from stream_relay.control import ReceiverControl
from stream_relay.statistics import StreamStatistics
from stream_relay.stream import Stream
from vms.config_sections import MediaSection
from vms.config_values import Transport
from vms.errors import LiveFailed
from vms.services.doctor import Chart
from vms.services.doctor.facts import Pulse
from vms.services.live.ports import Target

OK = 200
LEAST_PACKETS = 50
"""A share of fewer packets says nothing."""


def note_target(chart: Chart, target: Target) -> None:
    """Who is asked."""
    chart.device_id, chart.host, chart.says_on = target.device_id, target.host, target.says_on


def note_offer(
    chart: Chart, transport: Transport, offer: MediaOffer, settings: MediaSection
) -> None:
    """Where we want the media."""
    chart.ports = str(settings.shared_port or settings.ports)
    chart.transport = transport.value
    chart.our_host, chart.our_port, chart.our_ssrc = offer.host, offer.port, offer.ssrc


def note_answer(chart: Chart, invitation: Invitation) -> None:
    """The device agreed."""
    answer = invitation.remote
    chart.invitation_id, chart.status, chart.is_answered = invitation.id, OK, True
    chart.their_host = answer.stated_host or answer.host
    chart.their_port, chart.their_ssrc = answer.port, answer.ssrc


def note_failure(chart: Chart, failure: LiveFailed, receiver: ReceiverControl | None) -> None:
    """It came to nothing, or the picture is lost."""
    refusal = failure.__cause__
    if isinstance(refusal, InvitationFailed):
        chart.word, chart.phrase = refusal.reason, refusal.detail
        chart.invitation_id = refusal.invitation_id
        chart.has_provisional = refusal.has_provisional
        chart.status = refusal.status if refusal.reason == "refused" else None
    note_media(chart, receiver)
    chart.step, chart.failure = failure.step, failure.reason


def note_media(chart: Chart, receiver: ReceiverControl | None) -> None:
    """What has come so far."""
    if receiver is None:
        return
    chart.evidence = receiver.evidence()
    tracks = receiver.stream.tracks
    video = next((track for track in tracks if track.kind is Kind.VIDEO), None)
    chart.codec = video.codec.value if video is not None else chart.codec


class PulseMeter:
    """How a running picture does, from one look to the next."""

    def __init__(self) -> None:
        self._before: StreamStatistics | None = None

    def feel(self, stream: Stream, stalls: int) -> Pulse:
        """The figures since the look before; the first one has none."""
        now, before = stream.statistics, self._before
        self._before = now
        if before is None:
            return Pulse(stalls=stalls)
        packets, lost = now.packets - before.packets, max(now.lost - before.lost, 0)
        pulse = Pulse(
            stalls=stalls,
            is_silent=packets == 0,
            dropped=now.dropped_chunks - before.dropped_chunks,
            bitrate_bps=now.bitrate_bps,
        )
        if packets + lost < LEAST_PACKETS:
            return pulse
        disorder = (now.reordered - before.reordered) / packets if packets else 0.0
        return replace(pulse, loss=lost / (packets + lost), disorder=disorder)
